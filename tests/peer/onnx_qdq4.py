#!/usr/bin/env python3
"""int4 in standard form beside ONNX Runtime's MatMulNBitsQuantizer(quant_format=QDQ): the same
values, scales and zero points, to the bit; and outputs near those of the float model.

    onnx_qdq4.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py
does. An ONNX Runtime that has no such quantizer loads and runs what is written.
"""
import os
import sys
import tempfile

from onnx_int8 import PROGRAM, Result, gemm, initializer, model, ok, ort, weights
from onnx_int4 import MatMulNBitsQuantizer, SHAPES, big_tied, check_outputs, constant, corners, mixed
from onnx_int4 import noise, old_ir, product, ties
import onnx_int8

import numpy as np
import onnx
from onnx import helper

QDQ = {"step": "quantize", "scheme": "int4", "form": "qdq"}


# ---- beside the peer ----

def peer_of(m, block, symmetric, folder):
    """The peer's model, or None where this release has no such quantizer."""
    if not MatMulNBitsQuantizer:
        return None
    from onnxruntime.quantization import QuantFormat
    path = os.path.join(folder, "peer_in.onnx")
    onnx.save(m, path)
    q = MatMulNBitsQuantizer(onnx.load(path), block_size=block, is_symmetric=symmetric,
                             quant_format=QuantFormat.QDQ)
    q.process()
    return q.model.model


def differences(ours, theirs):
    found = []
    a = {t.name: t for t in ours.graph.initializer}
    b = {t.name: t for t in theirs.graph.initializer}
    if sorted(a) != sorted(b):
        found.append("initializers %s, not %s" % (sorted(a), sorted(b)))
    for name in sorted(set(a) & set(b)):
        x, y = a[name], b[name]
        if list(x.dims) != list(y.dims) or x.data_type != y.data_type or x.raw_data != y.raw_data:
            found.append("%s differs: %s %d %s, not %s %d %s"
                         % (name, x.dims, x.data_type, x.raw_data[:8].hex(), y.dims, y.data_type,
                            y.raw_data[:8].hex()))
    x, y = ([(n.op_type, [a.SerializeToString() for a in n.attribute]) for n in m.graph.node]
            for m in (ours, theirs))
    if x != y:
        found.append("nodes %s, not %s" % (x, y))
    if [(o.domain, o.version) for o in ours.opset_import if not o.domain] != [("", 21)]:
        found.append("opsets %s" % ours.opset_import)
    if ours.ir_version != theirs.ir_version:
        found.append("IR version %d, not %d" % (ours.ir_version, theirs.ir_version))
    return found


def check_against_peer(m, block, symmetric, of=None):
    """`of`: the model that the peer gets, when it is another."""
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", m, [dict(QDQ, block=block, symmetric=symmetric)])
        if not r.ok:
            return r.run.stderr
        theirs = peer_of(of or m, block, symmetric, folder)
        problems = differences(r.after, theirs) if theirs else []
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        return "; ".join(problems)


def bytes_of_the_peer():
    for block in (16, 32, 64, 128, 256):
        for symmetric in (True, False):
            for kind in (noise, ties, corners):
                problems = []
                for k, n in SHAPES:
                    problem = check_against_peer(product(kind(k, n)), block, symmetric)
                    if problem:
                        problems.append("%d x %d: %s" % (k, n, problem))
                ok(not problems, "%s in blocks of %d, %s: the peer's bytes"
                   % (kind.__name__, block, "symmetric" if symmetric else "with zero points"),
                   "\n# ".join(problems[:3]))
    problem = check_against_peer(product(noise(2049, 1111)), 32, False)
    ok(not problem, "a large matrix: every tile", problem)
    w = noise(70, 45)
    turned = model([helper.make_node("Gemm", ["x", "W"], ["y"], name="product", transB=1)],
                   [initializer("W", np.ascontiguousarray(w.T))], [3, 70], 2)
    problem = check_against_peer(turned, 32, False, product(w))
    ok(not problem, "a transposed weight: the bytes of the weight", problem)


# ---- beside the float model ----

def outputs_of_the_model():
    row = weights(32)
    for name, m in [
            ("MatMul", product(weights(64, 32))),
            ("MatMul of one dimension", product(weights(64, 32), [64])),
            ("MatMul of four dimensions", product(weights(64, 32), [2, 1, 3, 64])),
            ("odd sizes", product(weights(67, 31))),
            ("one output", product(weights(1000, 1))),
            ("Gemm", gemm([3, 64], (64, 32))),
            ("Gemm with transB and bias", gemm([3, 64], (32, 64), row, transB=1)),
            ("Gemm with alpha, beta, transA, transB, bias",
             gemm([64, 3], (32, 64), weights(3, 1), alpha=0.5, beta=1.5, transA=1, transB=1)),
            ("Gemm of IR version 3", old_ir()),
            ("a weight in a Constant node", constant()),
            ("tied MatMuls", big_tied()),
            ("opset 22", with_opset(product(weights(64, 32)), 22))]:
        for symmetric in (True, False):
            check_outputs("qdq%s: %s" % ("" if symmetric else " with zero points", name), m, op="DequantizeLinear",
                          expected=1, steps=[dict(QDQ, symmetric=symmetric)], contrib=False)
    check_outputs("qdq: external data", mixed(), external=True, op="DequantizeLinear", expected=2,
                  steps=[dict(QDQ, symmetric=False)], contrib=False)
    check_outputs("qdq and int8 in one model", mixed(), op="DequantizeLinear", expected=1,
                  steps=[{"step": "quantize", "scheme": "int8"}, dict(QDQ, include=["V"])],
                  contrib=False)
    check_outputs("qdq and fp16 in one model", mixed(), op="DequantizeLinear", expected=1,
                  steps=[{"step": "quantize", "scheme": "fp16"}, dict(QDQ, include=["V"])],
                  contrib=False)


def with_opset(m, opset):
    m.opset_import[0].version = opset
    m.ir_version = 10
    return m


def opsets():
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", with_opset(product(weights(64, 32)), 22), [QDQ])
        ok(r.ok and [o.version for o in r.after.opset_import] == [22] and r.after.ir_version == 10,
           "a newer opset is kept", r.run.stderr)
        nodes = [helper.make_node("MatMul", ["x", "W"], ["a"]),
                 helper.make_node("ReduceMean", ["a"], ["y"], axes=[1], keepdims=1)]
        r = Result(folder, "", model(nodes, [initializer("W", weights(64, 32))], [3, 64], 2), [QDQ])
        ok(not r.ok and "opset 18 changed ReduceMean" in r.run.stderr,
           "a node whose meaning would change is named", r.run.stderr)


def main():
    if not os.path.exists(PROGRAM):
        print("1..0 # SKIP %s is not built" % PROGRAM)
        return 0
    print("# onnxruntime %s, onnx %s, quantizer %s"
          % (ort.__version__, onnx.__version__, "there" if MatMulNBitsQuantizer else "missing"))
    bytes_of_the_peer()
    outputs_of_the_model()
    opsets()
    print("1..%d" % onnx_int8.count)
    return onnx_int8.failed != 0


if __name__ == "__main__":
    sys.exit(main())
