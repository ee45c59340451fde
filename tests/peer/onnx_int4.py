#!/usr/bin/env python3
"""int4 beside ONNX Runtime's MatMulNBitsQuantizer: the same values, scales, zero points and node, to
the bit; and outputs near those of the float model.

    onnx_int4.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py
does. An ONNX Runtime that has no such quantizer under this name loads and runs what is written.
"""
import logging
import os
import sys
import tempfile

from tap import TRANSFORM, finish, ok
from onnx_int8 import Result, gemm, initializer, model, ort, subgraph, weights

import numpy as np
import onnx
from onnx import helper, numpy_helper

try:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
except ImportError:
    if os.environ.get("PARE_PEERS") == "required":
        raise
    MatMulNBitsQuantizer = None

logging.disable(logging.INFO)
INT4 = {"step": "quantize", "scheme": "int4"}
rng = np.random.default_rng(4)


# ---- weights ----

def noise(k, n):
    return rng.standard_normal((k, n)).astype(np.float32) * 0.1


def ties(k, n):
    """Quotients that end in a half: steps of 1/2 between the extremes."""
    w = rng.integers(-16, 16, (k, n)).astype(np.float32) / 2
    w[::7] = -8
    w[3::11] = 7
    return w


def corners(k, n):
    """Blocks of zeros of either sign, of denormals, of one sign, of equal magnitudes, of extremes."""
    w = noise(k, n)
    kinds = [np.float32(0), np.float32(-0.0), np.float32(1e-40), np.float32(3e-45), np.float32(-1e-38),
             np.float32(1), np.float32(-1), np.float32(1.7e38), np.float32(-1.6e38), np.float32(1e-30)]
    for column in range(n):
        pick = rng.choice(kinds, size=1 + column % 4)
        w[:, column] = np.where(rng.random(k) < 0.3, 0, rng.choice(pick, size=k))
    return w


def product(w, x_shape=None):
    k = w.shape[0]
    return model([helper.make_node("MatMul", ["x", "W"], ["y"], name="product")],
                 [initializer("W", w)], x_shape or [3, k], len(x_shape or [3, k]))


# ---- beside the peer ----

def peer_of(m, block, symmetric, folder):
    """The peer's model, or None where this release has no such quantizer."""
    if not MatMulNBitsQuantizer:
        return None
    path = os.path.join(folder, "peer_in.onnx")
    onnx.save(m, path)
    q = MatMulNBitsQuantizer(onnx.load(path), block_size=block, is_symmetric=symmetric,
                             accuracy_level=4)
    q.process()
    return q.model.model


def differences(ours, theirs):
    """In nodes of MatMulNBits and their constants; the order of initializers is theirs."""
    found = []
    a = {t.name: t for t in ours.graph.initializer}
    b = {t.name: t for t in theirs.graph.initializer}
    if sorted(a) != sorted(b):
        found.append("initializers %s, not %s" % (sorted(a), sorted(b)))
    for name in sorted(set(a) & set(b)):
        x, y = numpy_helper.to_array(a[name]), numpy_helper.to_array(b[name])
        if x.shape != y.shape or x.dtype != y.dtype or x.tobytes() != y.tobytes():
            found.append("%s differs: %s %s, not %s %s" % (name, x.shape, x.ravel()[:8], y.shape,
                                                           y.ravel()[:8]))
    x, y = list(ours.graph.node), list(theirs.graph.node)
    if [n.SerializeToString() for n in x] != [n.SerializeToString() for n in y]:
        found.append("nodes %s, not %s" % (x, y))
    domains = [{(o.domain, o.version) for o in m.opset_import} for m in (ours, theirs)]
    if domains[0] != domains[1]:
        found.append("opsets %s, not %s" % tuple(domains))
    return found


def check_against_peer(name, w, block, symmetric):
    with tempfile.TemporaryDirectory() as folder:
        m = product(w)
        r = Result(folder, name, m, [dict(INT4, block=block, symmetric=symmetric)])
        if not r.ok:
            return r.run.stderr
        if not any("int4" in e["action"] for e in r.report["tensors"]):
            return "nothing became int4"
        theirs = peer_of(m, block, symmetric, folder)
        problems = differences(r.after, theirs) if theirs else []
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        return "; ".join(problems)


SHAPES = [(64, 32), (256, 8), (255, 9), (17, 120), (33, 77), (97, 1000), (1031, 3), (40, 33),
          (1200, 1), (511, 130)]


def bytes_of_the_peer():
    for block in (16, 32, 64, 128, 256):
        for symmetric in (True, False):
            for kind in (noise, ties, corners):
                problems = []
                for k, n in SHAPES:
                    if k * n < 900 or (k < block and k * 3 < block):
                        continue
                    problem = check_against_peer("", kind(k, n), block, symmetric)
                    if problem:
                        problems.append("%d x %d: %s" % (k, n, problem))
                ok(not problems, "int4 of %s in blocks of %d, %s: nodes and bytes of the peer"
                   % (kind.__name__, block, "symmetric" if symmetric else "with zero points"),
                   "\n# ".join(problems[:3]))


def large_matrix():
    problem = check_against_peer("", noise(2049, 1111), 32, False)
    ok(not problem, "int4 of a large matrix: every tile", problem)


# ---- beside the float model ----

def cosine(a, b):
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def check_outputs(name, m, bound=0.98, external=False, expected=None, steps=None, op="MatMulNBits",
                  contrib=True):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, name, m, steps or [INT4], external)
        if not r.ok:
            ok(False, name, r.run.stderr)
            return
        problems = []
        try:
            pairs = zip(r.outputs(r.source), r.outputs(r.target))
            worst = min(cosine(a, b) for a, b in pairs)
            if not worst >= bound:
                problems.append("cosine %.5f, below %g" % (worst, bound))
        except Exception as problem:
            problems.append(str(problem))
        ops = [n.op_type for n in r.after.graph.node]
        if expected is not None and ops.count(op) != expected:
            problems.append("%d %s, not %d" % (ops.count(op), op, expected))
        imports = [o.version for o in r.after.opset_import if o.domain == "com.microsoft"]
        if imports != ([1] if contrib else []):
            problems.append("the domain is imported %d times" % len(imports))
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        for e in r.report["tensors"]:
            if "blocks" in e["action"] and not 8 < e["sqnr_db"] < 40:
                problems.append("%s has an SQNR of %g dB" % (e["name"], e["sqnr_db"]))
        ok(not problems, name, "; ".join(problems))


def imports_already():
    m = product(weights(64, 32))
    m.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return m


def mixed():
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"], name="one"),
             helper.make_node("MatMul", ["a", "V"], ["y"], name="two")]
    return model(nodes, [initializer("W", weights(64, 64)), initializer("V", weights(64, 64))],
                 [3, 64], 2)


def big_tied():
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("MatMul", ["b", "W"], ["y"])]
    return model(nodes, [initializer("W", weights(64, 64))], [3, 64], 2)


def constant():
    nodes = [helper.make_node("Constant", [], ["W"], value=initializer("", weights(64, 48))),
             helper.make_node("MatMul", ["x", "W"], ["y"])]
    return model(nodes, [], [3, 64], 2)


def old_ir():
    return model([helper.make_node("Gemm", ["x", "W", "C"], ["y"], alpha=0.5, beta=2.0)],
                 [initializer("W", weights(64, 32)), initializer("C", weights(32))], [3, 64], 2,
                 opset=8, ir=3, as_inputs=True)


def outputs_of_the_model():
    row = weights(32)
    for name, m, expected in [
            ("MatMul", product(weights(64, 32)), 1),
            ("MatMul of one dimension", product(weights(64, 32), [64]), 1),
            ("MatMul of four dimensions", product(weights(64, 32), [2, 1, 3, 64]), 1),
            ("odd sizes", product(weights(67, 31)), 1),
            ("one output", product(weights(1000, 1)), 1),
            ("Gemm", gemm([3, 64], (64, 32)), 1),
            ("Gemm with bias", gemm([3, 64], (64, 32), row), 1),
            ("Gemm with transB and bias", gemm([3, 64], (32, 64), row, transB=1), 1),
            ("square Gemm with transB", gemm([3, 64], (64, 64), None, transB=1), 1),
            ("Gemm with transA", gemm([64, 3], (64, 32), None, transA=1), 1),
            ("Gemm with alpha, beta, transA, transB, bias",
             gemm([64, 3], (32, 64), weights(3, 1), alpha=0.5, beta=1.5, transA=1, transB=1), 1),
            ("Gemm of IR version 3", old_ir(), 1),
            ("tied MatMuls", big_tied(), 2),
            ("a weight in a Constant node", constant(), 1),
            ("a model that imports the domain", imports_already(), 1)]:
        check_outputs("int4: " + name, m, expected=expected)
        check_outputs("int4 with zero points: " + name, m, expected=expected,
                      steps=[dict(INT4, symmetric=False)])
    check_outputs("int4: external data", mixed(), external=True, expected=2)
    check_outputs("int4 with zero points: external data", mixed(), external=True, expected=2,
                  steps=[dict(INT4, symmetric=False)])
    check_outputs("int4 and int8 in one model", mixed(), expected=1,
                  steps=[{"step": "quantize", "scheme": "int8"}, dict(INT4, include=["V"])],
                  bound=0.98)
    check_outputs("pruned, then int4", mixed(), expected=2, bound=0.9,
                  steps=[{"step": "prune", "method": "l1", "amount": 0.3}, INT4])


def transposed_weight():
    """A Gemm's (N, K) weight gives the bytes that the peer gives to its transpose."""
    w = noise(70, 45)
    with tempfile.TemporaryDirectory() as folder:
        turned = model([helper.make_node("Gemm", ["x", "W"], ["y"], name="product", transB=1)],
                       [initializer("W", np.ascontiguousarray(w.T))], [3, 70], 2)
        r = Result(folder, "", turned, [dict(INT4, symmetric=False)])
        theirs = peer_of(product(w), 32, False, folder)
        problems = differences(r.after, theirs) if theirs else []
        ok(not problems, "int4 of a transposed weight: the bytes of the weight", "; ".join(problems))


def reasons():
    with tempfile.TemporaryDirectory() as folder:
        m = model([helper.make_node("MatMul", ["x", "W"], ["a"]),
                   helper.make_node("MatMul", ["V", "a"], ["b"]),
                   helper.make_node("MatMul", ["b", "U"], ["y"])],
                  [initializer("W", weights(48, 64)), initializer("V", weights(48, 48)),
                   initializer("U", weights(1, 64, 64))], [48, 48], 3)
        r = Result(folder, "", m, [INT4])
        said = {e["name"]: (e["action"], e["reason"]) for e in r.report["tensors"]} if r.ok else {}
        ok(said.get("W") == ("int4 in blocks of 32, symmetric", "")
           and "on the right" in said.get("V", ("", ""))[1]
           and "two dimensions" in said.get("U", ("", ""))[1],
           "what stays float is said with its reason", str(said) + r.run.stderr)
        r = Result(folder, "", subgraph(), [INT4])
        ok("inner" in r.run.stdout or "changes nothing" in r.run.stderr, "subgraphs are left", r.run.stderr)


def same_outputs_as_the_peer():
    with tempfile.TemporaryDirectory() as folder:
        m = mixed()
        r = Result(folder, "", m, [dict(INT4, block=64, symmetric=False)])
        theirs = peer_of(m, 64, False, folder)
        if not theirs:
            return
        path = os.path.join(folder, "peer.onnx")
        onnx.save(theirs, path)
        a, b = r.outputs(r.target), r.outputs(path)
        ok(all((x == y).all() for x, y in zip(a, b)), "the outputs are those of the peer's model")


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s, quantizer %s"
          % (ort.__version__, onnx.__version__, "there" if MatMulNBitsQuantizer else "missing"))
    bytes_of_the_peer()
    large_matrix()
    transposed_weight()
    outputs_of_the_model()
    same_outputs_as_the_peer()
    reasons()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
