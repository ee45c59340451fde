#!/usr/bin/env python3
"""nf4 and fp4 beside ONNX Runtime's MatMulBnb4Quantizer: the same values, scales and node, to the
bit; and outputs near those of the float model.

    onnx_bnb4.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py
does. An ONNX Runtime that has no such quantizer loads and runs what is written.
"""
import os
import sys
import tempfile

from tap import TRANSFORM, finish, ok
from onnx_int8 import Result, gemm, initializer, model, ort, weights
from onnx_int4 import big_tied, check_outputs, constant, corners, differences, imports_already, mixed
from onnx_int4 import noise, old_ir, product

import numpy as np
import onnx
from onnx import helper

try:
    from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
except ImportError:
    if os.environ.get("PARE_PEERS") == "required":
        raise
    MatMulBnb4Quantizer = None

TYPES = {"fp4": 0, "nf4": 1}
rng = np.random.default_rng(44)


# ---- weights ----

def zeros(k, n):
    """Blocks of nothing beside others."""
    w = noise(k, n)
    w.T.reshape(-1)[:] = np.where(np.arange(k * n) // 64 % 2 == 0, 0, w.T.reshape(-1)).astype(np.float32)
    w[:, ::3] = 0
    return w


def borders(k, n):
    """Quotients on the borders between two codes and one step beside them."""
    at = np.array([-0.8480964004993439, -0.6106329262256622, -0.4599952697753906, -0.33967943489551544,
                   -0.23460740596055984, -0.13791173323988914, -0.045525018125772476,
                   0.03979014977812767, 0.1202552504837513, 0.2035212516784668, 0.2920137718319893,
                   0.3893125355243683, 0.5016634166240692, 0.6427869200706482, 0.8614784181118011,
                   0.00260417, 0.0859375, 0.20833333, 0.29166667, 0.4166667, 0.583333, 0.8333333],
                  np.float32)
    all_of_them = np.concatenate([at, -at, np.nextafter(at, np.float32(2)),
                                  np.nextafter(at, np.float32(-2))])
    w = rng.choice(all_of_them, size=(k, n)).astype(np.float32)
    w[::7] = 1
    return w


# ---- beside the peer ----

def peer_of(m, block, scheme, folder):
    """The peer's model, or None where this release has no such quantizer."""
    if not MatMulBnb4Quantizer:
        return None
    path = os.path.join(folder, "peer_in.onnx")
    onnx.save(m, path)
    q = MatMulBnb4Quantizer(onnx.load(path), TYPES[scheme], block)
    q.process()
    return q.model.model


def step(scheme, **more):
    return dict({"step": "quantize", "scheme": scheme}, **more)


def check_against_peer(m, block, scheme, of=None):
    """`of`: the model that the peer gets, when it is another."""
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", m, [step(scheme, block=block)])
        if not r.ok:
            return r.run.stderr
        if not any(scheme in e["action"] for e in r.report["tensors"]):
            return "nothing became " + scheme
        theirs = peer_of(of or m, block, scheme, folder)
        problems = differences(r.after, theirs) if theirs else []
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        return "; ".join(problems)


SHAPES = [(64, 32), (256, 8), (255, 9), (17, 120), (33, 77), (97, 1000), (1031, 3), (40, 33),
          (1200, 1), (511, 130), (3, 701)]


def bytes_of_the_peer():
    for scheme in TYPES:
        for block in (16, 32, 64, 128, 256):
            for kind in (noise, zeros, corners, borders):
                problems = []
                for k, n in SHAPES:
                    problem = check_against_peer(product(kind(k, n)), block, scheme)
                    if problem:
                        problems.append("%d x %d: %s" % (k, n, problem))
                ok(not problems, "%s of %s in blocks of %d: node and bytes of the peer"
                   % (scheme, kind.__name__, block), "\n# ".join(problems[:3]))


def large_matrices():
    for k, n in ((2049, 1111), (65001, 37), (3, 900001)):
        problem = check_against_peer(product(noise(k, n)), 64, "nf4")
        ok(not problem, "nf4 of %d x %d: every stretch" % (k, n), problem)


def transposed_weight():
    """A Gemm's (N, K) weight gives the bytes that the peer gives to its transpose."""
    w = noise(1031, 1205)
    turned = model([helper.make_node("Gemm", ["x", "W"], ["y"], name="product", transB=1)],
                   [initializer("W", np.ascontiguousarray(w.T))], [3, 1031], 2)
    for scheme in TYPES:
        problem = check_against_peer(turned, 64, scheme, product(w))
        ok(not problem, "%s of a transposed weight: the bytes of the weight" % scheme, problem)


# ---- beside the float model ----

def outputs_of_the_model():
    row = weights(32)
    models = [
        ("MatMul", product(weights(64, 32))),
        ("MatMul of one dimension", product(weights(64, 32), [64])),
        ("MatMul of four dimensions", product(weights(64, 32), [2, 1, 3, 64])),
        ("odd sizes", product(weights(67, 31))),
        ("one output", product(weights(1000, 1))),
        ("Gemm", gemm([3, 64], (64, 32))),
        ("Gemm with bias", gemm([3, 64], (64, 32), row)),
        ("Gemm with transB and bias", gemm([3, 64], (32, 64), row, transB=1)),
        ("square Gemm with transB", gemm([3, 64], (64, 64), None, transB=1)),
        ("Gemm with transA", gemm([64, 3], (64, 32), None, transA=1)),
        ("Gemm with alpha, beta, transA, transB, bias",
         gemm([64, 3], (32, 64), weights(3, 1), alpha=0.5, beta=1.5, transA=1, transB=1)),
        ("Gemm of IR version 3", old_ir()),
        ("a weight in a Constant node", constant()),
        ("a model that imports the domain", imports_already()),
        ("tied MatMuls", big_tied())]
    for scheme, bound in (("nf4", 0.98), ("fp4", 0.965)):
        for name, m in models:
            check_outputs("%s: %s" % (scheme, name), m, bound, expected=2 if "tied" in name else 1,
                          steps=[step(scheme)], op="MatMulBnb4")
        check_outputs(scheme + ": external data", mixed(), bound, external=True, expected=2,
                      steps=[step(scheme)], op="MatMulBnb4")
    check_outputs("nf4 and int4 in one model", mixed(), expected=1,
                  steps=[step("int4"), step("nf4", include=["V"])], op="MatMulBnb4")
    check_outputs("nf4 and fp16 in one model", mixed(), expected=1, op="MatMulBnb4",
                  steps=[{"step": "quantize", "scheme": "fp16"}, step("nf4", include=["V"])])
    check_outputs("pruned, then nf4", mixed(), 0.9, expected=2, op="MatMulBnb4",
                  steps=[{"step": "prune", "method": "l1", "amount": 0.3}, step("nf4")])


def what_is_said():
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", product(noise(64, 64)), [step("nf4")])
        ok(r.ok and "slow on CPUs" in r.report.get("warning", ""), "the report warns", r.run.stderr)
        r = Result(folder, "", product(noise(64, 64)), [step("int4")])
        ok(r.ok and "warning" not in r.report, "of nf4 and fp4 alone", r.run.stderr)


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s, quantizer %s"
          % (ort.__version__, onnx.__version__, "there" if MatMulBnb4Quantizer else "missing"))
    bytes_of_the_peer()
    large_matrices()
    transposed_weight()
    outputs_of_the_model()
    what_is_said()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
