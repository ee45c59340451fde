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

from tap import TRANSFORM, finish, ok
from onnx_int8 import Result, gemm, initializer, model, ort, weights
from onnx_int4 import MatMulNBitsQuantizer, SHAPES, big_tied, check_outputs, constant, corners, mixed
from onnx_int4 import noise, old_ir, product, ties

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


# ---- operators that changed on the way to opset 21 ----

def beside_product(nodes, opset, tensors=(), results=("y",)):
    """What makes the results of "x" of 3 x 4 x 64, beside a product whose weight is quantized."""
    product = helper.make_node("MatMul", ["x", "W"], ["z"], name="product")
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [3, 4, 64])]
    outputs = [helper.make_tensor_value_info(o, onnx.TensorProto.FLOAT, None) for o in (*results, "z")]
    graph = helper.make_graph([product] + nodes, "g", inputs, outputs,
                              [initializer("W", weights(64, 32))] + list(tensors))
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    m.ir_version = 6 if opset < 13 else 8
    return onnx.shape_inference.infer_shapes(m)


def one(op, opset, results=("y",), inputs=("x",), tensors=(), **attributes):
    return beside_product([helper.make_node(op, list(inputs), list(results), **attributes)], opset,
                          tensors, results)


def in_a_branch(opset):
    """ReduceMean and Unsqueeze in an If, and another ReduceMean around it."""
    def graph(name, op, result, **attributes):
        nodes = [helper.make_node(op, ["x"], [result + "_all"], axes=[1], **attributes),
                 helper.make_node("ReduceMean", [result + "_all"], [result], keepdims=0)]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(
            result, onnx.TensorProto.FLOAT, [])])
    nodes = [helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
             helper.make_node("Constant", [], ["zero"], value=initializer("v", np.float32(0))),
             helper.make_node("Greater", ["largest", "zero"], ["c"]),
             helper.make_node("If", ["c"], ["b"], then_branch=graph("then", "ReduceMean", "t"),
                              else_branch=graph("else", "Unsqueeze", "e")),
             helper.make_node("ReduceMean", ["x"], ["mean"], axes=[-1], keepdims=1),
             helper.make_node("Add", ["mean", "b"], ["y"])]
    return beside_product(nodes, opset)


def check_raised(name, m, steps=None, bound=0):
    """All but the product's result is what it was: to the bit, or, with `bound`, near it."""
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, name, m, steps or [QDQ])
        if not r.ok:
            ok(False, name, r.run.stderr)
            return
        problems = []
        try:
            onnx.checker.check_model(r.target, full_check=True)
            for a, b in list(zip(r.outputs(r.source), r.outputs(r.target)))[:-1]:
                if a.shape != b.shape or not np.allclose(a, b, rtol=bound, atol=bound):
                    problems.append("%s, not %s" % (b, a))
        except Exception as problem:
            problems.append(str(problem))
        if [o.version for o in r.after.opset_import if not o.domain] != [21]:
            problems.append("opsets %s" % r.after.opset_import)
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        ok(not problems, name, "; ".join(problems))


def raised():
    sums = ["ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
            "ReduceProd", "ReduceSum", "ReduceSumSquare"]
    for op in sums:
        for opset in (11, 12) if op == "ReduceSum" else (11, 13, 17):
            check_raised("qdq: %s of opset %d" % (op, opset), one(op, opset, axes=[-1, 1], keepdims=0))
    squares = [helper.make_node("Mul", ["x", "x"], ["s"])]
    check_raised("qdq: ReduceLogSum of opset 13", beside_product(
        squares + [helper.make_node("ReduceLogSum", ["s"], ["y"], axes=[0])], 13))
    check_raised("qdq: ReduceMean of all axes", one("ReduceMean", 13))
    check_raised("qdq: ReduceSum of opset 13 stays", one(
        "ReduceSum", 13, inputs=("x", "by"), tensors=[initializer("by", np.array([1], np.int64))]))
    around = [helper.make_node("Unsqueeze", ["x"], ["u"], axes=[0, 3]),
              helper.make_node("Squeeze", ["u"], ["s"], axes=[3]),
              helper.make_node("Squeeze", ["s"], ["y"])]
    check_raised("qdq: Squeeze and Unsqueeze of opset 11", beside_product(around, 11))
    for opset in (11, 12):
        check_raised("qdq: Split of opset %d with sizes" % opset,
                     one("Split", opset, ("a", "b"), axis=2, split=[24, 40]))
        check_raised("qdq: Split of opset %d" % opset, one("Split", opset, ("a", "b"), axis=1))
    check_raised("qdq: Split of opset 13", one("Split", 13, ("a", "b", "c"), axis=0))
    check_raised("qdq: Split of opset 17 with sizes", one(
        "Split", 17, ("a", "b"), ("x", "by"), [initializer("by", np.array([1, 3], np.int64))], axis=1))
    check_raised("qdq: Dropout of opset 11", one("Dropout", 11, ratio=0.25))
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        check_raised("qdq: %s of opset 11 along the last axis" % op, one(op, 11, axis=-1))
    check_raised("qdq: operators in an If", in_a_branch(12))
    check_raised("qdq and fp16: ReduceMean of opset 17", one("ReduceMean", 17, axes=[1]),
                 [{"step": "quantize", "scheme": "fp16"}, dict(QDQ, include=["W"])], 1e-2)
    for what, m, words in [
            ("Softmax along another axis", one("Softmax", 11, axis=1), "opset 13 changed Softmax"),
            ("Softmax of the old default", one("Softmax", 11), "opset 13 changed Softmax"),
            ("Clip", one("Clip", 10, min=0.0), "opset 11 changed Clip"),
            ("Pad", one("Pad", 10, pads=[0, 0, 1, 0, 0, 1]), "opset 11 changed Pad"),
            ("Dropout with its mask", beside_product(
                [helper.make_node("Dropout", ["x"], ["y", "m"])], 11), "opset 12 changed Dropout")]:
        with tempfile.TemporaryDirectory() as folder:
            r = Result(folder, "", m, [QDQ])
            ok(not r.ok and words in r.run.stderr, "refused, and named: " + what, r.run.stderr)


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s, quantizer %s"
          % (ort.__version__, onnx.__version__, "there" if MatMulNBitsQuantizer else "missing"))
    bytes_of_the_peer()
    outputs_of_the_model()
    opsets()
    raised()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
