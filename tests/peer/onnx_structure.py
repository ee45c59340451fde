#!/usr/bin/env python3
"""Channels taken out of ONNX graphs by pare, beside ONNX Runtime: with those that are zero no bit
changes, with others the outputs are those of the whole model with the same channels silenced, and
what cannot go says why.

    onnx_structure.py        TAP on stdout; latencies as comments

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py does.
"""
import os
import sys
import tempfile
import time

from tap import TRANSFORM, finish, ok
from onnx_int8 import Result, initializer, model, ort, sqnr, tensors

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, INNER = 48, 80
rng = np.random.default_rng(7)
node = helper.make_node


def ffn(amount):
    return {"step": "prune", "method": "ffn", "amount": amount}


# ---- blocks ----

class Block:
    """Nodes and tensors of a model from x to y; `scored` lists, a factor each, what tells a
    channel's worth: tensors as (name, the axis of the channels)."""

    def __init__(self, scored, silenced=(("W2", 0),), **more):
        self.nodes, self.tensors, self.scored, self.silenced = [], [], scored, silenced
        self.more = more

    def put(self, op, *operands, to=None, **attributes):
        to = to or "v%d" % len(self.nodes)
        self.nodes.append(node(op, list(operands), [to], name="n%d" % len(self.nodes), **attributes))
        return to

    def tensor(self, name, *shape, array=None):
        array = rng.standard_normal(shape).astype(np.float32) * 0.3 if array is None else array
        self.tensors.append(initializer(name, np.asarray(array, np.float32)))
        return name

    def number(self, value, constant):
        name = "number%d" % (len(self.tensors) + len(self.nodes))
        if not constant:
            return self.tensor(name, array=value)
        return self.put("Constant", value=numpy_helper.from_array(np.float32(value), name), to=name)

    def model(self):
        return model(self.nodes, self.tensors, [5, WIDTH], 2, **self.more)


def hidden(b, name="W1", bias=None, op="MatMul", **attributes):
    turned = attributes.get("transB")
    w = b.tensor(name, *((INNER, WIDTH) if turned else (WIDTH, INNER)))
    if op == "Gemm":
        return b.put("Gemm", "x", w, *([b.tensor(bias, INNER)] if bias else []), **attributes)
    v = b.put("MatMul", "x", w)
    return b.put("Add", v, b.tensor(bias, INNER)) if bias else v


def last(b, v, to="y"):
    return b.put("MatMul", v, b.tensor("W2", INNER, WIDTH), to=to)


PLAIN = ((("W1", 1),), (("W2", 0),))
BIASED = ((("W1", 1), ("b1", 0)), (("W2", 0),))
GATED = ((("W1", 1),), (("W3", 1),), (("W2", 0),))


def activation(op, **attributes):
    def make():
        b = Block(BIASED)
        last(b, b.put(op, hidden(b, bias="b1"), **attributes))
        return b
    return make


def moved(op):
    """Zero weights give no zero behind it: the norm of what follows tells alone."""
    def make():
        b = Block(((("W2", 0),),))
        last(b, b.put(op, hidden(b, bias="b1")))
        return b
    return make


def gelu_erf(constant):
    def make():
        b = Block(BIASED)
        v = hidden(b, bias="b1")
        e = b.put("Erf", b.put("Div", v, b.number(np.sqrt(2), constant)))
        m = b.put("Mul", v, b.put("Add", e, b.number(1, constant)))
        last(b, b.put("Mul", b.number(0.5, constant), m))
        return b
    return make


def gelu_tanh():
    b = Block(PLAIN)
    v = hidden(b)
    cube = b.put("Mul", b.put("Pow", v, b.number(3, False)), b.number(0.044715, False))
    t = b.put("Tanh", b.put("Mul", b.put("Add", v, cube), b.number(0.7978846, True)))
    last(b, b.put("Mul", b.put("Mul", v, b.number(0.5, False)), b.put("Add", t, b.number(1, True))))
    return b


def swiglu():
    b = Block(GATED)
    v, up = hidden(b), hidden(b, "W3")
    last(b, b.put("Mul", b.put("Mul", v, b.put("Sigmoid", v)), up))
    return b


def glu():
    """Of a gate that is no zero where its weights are, only the other branch tells."""
    b = Block(((("W3", 1),), (("W2", 0),)))
    last(b, b.put("Mul", b.put("Sigmoid", hidden(b)), hidden(b, "W3")))
    return b


def scaled():
    b = Block(((("W1", 1),), (("scale", 0),), (("W2", 0),)))
    last(b, b.put("Mul", b.put("Relu", hidden(b)), b.tensor("scale", INNER)))
    return b


def squared():
    b = Block(PLAIN)
    last(b, b.put("Pow", b.put("Relu", hidden(b)), b.number(2, True)))
    return b


def gemm():
    b = Block(((("W1", 0), ("b1", 0)), (("W2", 1),)), (("W2", 1),))
    v = b.put("Relu", hidden(b, bias="b1", op="Gemm", transB=1, alpha=0.5, beta=2.0))
    b.put("Gemm", v, b.tensor("W2", WIDTH, INNER), b.tensor("b2", WIDTH), to="y", transB=1)
    return b


def residual():
    b = Block(BIASED)
    b.put("Add", "x", last(b, b.put("Gelu", hidden(b, bias="b1"), domain="com.microsoft"), to="f"), to="y")
    return b


def fast_gelu():
    b = Block(BIASED)
    v = hidden(b)
    last(b, b.put("FastGelu", v, b.tensor("b1", INNER), domain="com.microsoft"))
    return b


def two_takers():
    b = Block(((("W1", 1),), (("W2", 0), ("W4", 0))), (("W2", 0), ("W4", 0)))
    v = b.put("Relu", hidden(b))
    b.put("Add", last(b, v, to="f"), b.put("MatMul", v, b.tensor("W4", INNER, WIDTH)), to="y")
    return b


def constants():
    b = Block(PLAIN)
    for name, shape in (("W1", (WIDTH, INNER)), ("W2", (INNER, WIDTH))):
        array = rng.standard_normal(shape).astype(np.float32)
        b.put("Constant", value=numpy_helper.from_array(array, name), to=name)
    b.put("MatMul", b.put("Dropout", b.put("Relu", b.put("MatMul", "x", "W1"))), "W2", to="y")
    return b


def old():
    b = Block(BIASED, ir=3, opset=9, as_inputs=True)
    last(b, b.put("Relu", hidden(b, bias="b1")))
    return b


def halves():
    """float16 from the first product to the last."""
    b = Block(BIASED)
    b.nodes.append(node("Cast", ["x"], ["x16"], name="down", to=TensorProto.FLOAT16))
    for name, shape in (("W1", (WIDTH, INNER)), ("b1", (INNER,)), ("W2", (INNER, WIDTH))):
        array = rng.standard_normal(shape).astype(np.float16) * np.float16(0.3)
        b.tensors.append(numpy_helper.from_array(array, name))
    b.put("MatMul", b.put("Relu", b.put("Add", b.put("MatMul", "x16", "W1"), "b1")), "W2", to="y16")
    b.nodes.append(node("Cast", ["y16"], ["y"], name="up", to=TensorProto.FLOAT))
    return b


BLOCKS = {
    "Relu with a bias": activation("Relu"), "Tanh": activation("Tanh"),
    "LeakyRelu": activation("LeakyRelu", alpha=0.1), "Sigmoid": moved("Sigmoid"),
    "Softplus": moved("Softplus"), "Gelu of Erf": gelu_erf(False),
    "Gelu of Erf with Constants": gelu_erf(True), "Gelu of Tanh": gelu_tanh, "SwiGLU": swiglu,
    "GLU": glu, "a scale for each channel": scaled, "Relu squared": squared,
    "Gemm with transB, alpha and beta": gemm, "a residual Gelu": residual, "FastGelu with a bias": fast_gelu,
    "two that take the channels": two_takers, "weights of Constants": constants,
    "IR version 3": old, "float16": halves,
}


# ---- what is expected ----

def array_of(m, name):
    return numpy_helper.to_array(tensors(m)[name])


def put_array(m, name, array):
    tensors(m)[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))


def chosen(m, scored, amount):
    """Those that go, by the product of the norms of their slices."""
    score = 1.0
    for factor in scored:
        squares = 0.0
        for name, axis in factor:
            a = np.moveaxis(array_of(m, name).astype(np.float64), axis, 0)
            squares = squares + (a.reshape(len(a), -1) ** 2).sum(axis=1)
        score = score * np.sqrt(squares)
    return np.argsort(score, kind="stable")[:round(amount * len(score))]


def silence(m, names, gone):
    for name, axis in names:
        a = np.moveaxis(array_of(m, name).copy(), axis, 0)
        a[gone] = 0
        put_array(m, name, np.moveaxis(a, 0, axis))
    return m


def saved(folder, m):
    path = os.path.join(folder, "expected.onnx")
    onnx.save(m, path)
    return path


def same_bits(want, got):
    return all(a.tobytes() == b.tobytes() for a, b in zip(want, got))


def worst(want, got):
    return max(float(np.abs(a.astype(np.float64) - b).max() / np.abs(a).max()) for a, b in zip(want, got))


def checked(r, says):
    """It was done, the size is as predicted, and the graph and its shapes agree."""
    if not r.ok:
        ok(False, says, r.run.stderr)
        return False
    try:
        if not any(n.domain for n in r.after.graph.node):
            onnx.checker.check_model(r.target, full_check=True)
        flaw = "" if r.real_size() == r.predicted else "%d, not %d" % (r.real_size(), r.predicted)
    except Exception as e:  # the checker's own kinds
        flaw = str(e)
    ok(not flaw, says + ": a sound graph of the size predicted", flaw)
    return True


# ---- the tests ----

def try_block(folder, name, make):
    b = make()
    m = b.model()
    for domain in {n.domain for n in b.nodes} - {""}:
        m.opset_import.append(helper.make_opsetid(domain, 1))
    for told in (False, True):  # with the shapes between, and without
        m = onnx.shape_inference.infer_shapes(m) if told else m
        gone = chosen(m, b.scored, 0.3)
        r = Result(folder, name, m, [ffn(0.3)])
        if not checked(r, "%s%s" % (name, ", shapes told" if told else "")):
            continue
        want = r.outputs(saved(folder, silence(onnx.load(r.source), b.silenced, gone)))
        got = r.outputs(r.target)
        bound = 3e-3 if name == "float16" else 1e-5
        ok(worst(want, got) < bound, "%s: the channels of the least norms are gone" % name, worst(want, got))
    gone = rng.permutation(INNER)[:INNER // 2]
    r = Result(folder, name, silence(m, b.silenced, gone), [ffn(0.5)])
    if checked(r, name + ", half of it zero"):
        ok(same_bits(r.outputs(r.source), r.outputs(r.target)), "%s: no bit changes without what is zero" % name)


def layers(widths):
    b, v = Block(()), "x"
    for i, (rows, columns) in enumerate(zip(widths, widths[1:])):
        v = b.put("MatMul", v, b.tensor("W%d" % i, array=rng.standard_normal((rows, columns)) / np.sqrt(rows)))
        v = b.put("Add", v, b.tensor("b%d" % i, array=rng.standard_normal(columns) * 0.1),
                  to="y" if i == len(widths) - 2 else None)
        v = b.put("Relu", v) if i < len(widths) - 2 else v
    return onnx.shape_inference.infer_shapes(b.model())


def try_chain(folder):
    """A matrix between two blocks loses rows and columns."""
    for external in (False, True):
        m = layers([WIDTH, 120, 100, 60, 8])
        keep = {}
        for i, n in enumerate((120, 100, 60)):
            gone = rng.permutation(n)[:n // 2]
            keep[i] = np.setdiff1d(np.arange(n), gone)
            silence(m, (("W%d" % (i + 1), 0),), gone)
        expected = {"W%d" % i: array_of(m, "W%d" % i) for i in range(4)}
        for i in range(3):
            expected["W%d" % i] = expected["W%d" % i][:, keep[i]]
            expected["W%d" % (i + 1)] = expected["W%d" % (i + 1)][keep[i]]
        r = Result(folder, "chain", m, [ffn(0.5)], external)
        says = "a chain%s" % (", values in another file" if external else "")
        if checked(r, says):
            ok(all(np.array_equal(array_of(r.after, n), a) for n, a in expected.items()),
               says + ": rows and columns go")
            ok(same_bits(r.outputs(r.source), r.outputs(r.target)), says + ": no bit changes")


def try_schemes(folder):
    for then in ({"scheme": "int8"}, {"scheme": "int4", "block": 16}, {"scheme": "fp16"}, {"scheme": "bf16"}):
        m = layers([WIDTH, 128, 96, 64, 16])
        alone = Result(folder, "", m, [ffn(0.5)])
        whole = alone.outputs(alone.target) if alone.ok else None
        both = Result(folder, "", m, [ffn(0.5), dict(then, step="quantize")])
        if checked(both, "channels, then %s, in one pass" % then["scheme"]):
            found = sqnr(whole, both.outputs(both.target))
            ok(found > (15 if then["scheme"] == "int4" else 30) and both.predicted < alone.predicted,
               "channels, then %s: near to channels alone, and smaller" % then["scheme"], "%.1f dB" % found)


def refused(folder, name, b, expected, **more):
    r = Result(folder, name, b.model(), [ffn(0.5)], **more)
    reasons = [e["reason"] for e in r.report["tensors"]] if r.ok else [r.run.stderr.strip()]
    ok(any(expected in reason for reason in reasons), "%s: %s" % (name, expected), reasons)


def plain(between=None, **more):
    b = Block(PLAIN, **more)
    v = hidden(b)
    last(b, between(b, v) if between else v)
    return b


def try_refusals(folder):
    def mixed(b, v):
        return b.put("Softmax", v)

    def reshaped(b, v):
        b.tensors.append(numpy_helper.from_array(np.array([5, INNER], np.int64), "shape"))
        return b.put("Reshape", v, "shape")

    refused(folder, "an operator over channels", plain(mixed),
            'Softmax "n1" is not known to work on each channel alone')
    refused(folder, "a static shape", plain(reshaped),
            'Reshape "n1" is not known to work on each channel alone')
    refused(folder, "an output between", plain(outputs=("y", "v0")), '"v0" is an output of the model')
    b = plain()
    b.put("Add", "y", b.put("MatMul", "x", b.put("MatMul", "W1", "W2")), to="z")
    refused(folder, "a weight of two uses", b, '"W1": it has more than one use')
    refused(folder, "a stranger", plain(lambda b, v: b.put("Mul", v, b.put("ReduceMean", "x"))),
            'ReduceMean "n1" is not known to work on each channel alone')
    refused(folder, "an input between", plain(lambda b, v: b.put("Mul", v, b.put("Mul", "x", "x"))),
            '"x" is an input of the model')
    refused(folder, "one block's sum with another's",
            plain(lambda b, v: b.put("Add", v, hidden(b, "W3"))),
            'Add "n2" adds up products of different weights')
    refused(folder, "a constant of another shape",
            plain(lambda b, v: b.put("Mul", v, b.tensor("mask", 5, INNER))),
            'takes "mask", which is neither one number nor one for each channel')
    b = Block(PLAIN)
    b.put("Identity", hidden(b), to="y")
    refused(folder, "no second product", b, '"y" is an output of the model')
    b = Block(PLAIN)
    v = b.put("MatMul", "x", b.put("Transpose", b.tensor("W3", WIDTH, WIDTH), perm=[1, 0]))
    b.put("Add", v, last(b, b.put("Relu", hidden(b)), to="f"), to="y")
    refused(folder, "a weight behind a Transpose", b, "it reaches its MatMul through Transpose")
    b = Block(PLAIN)
    b.tensors += [numpy_helper.from_array(np.ones((WIDTH, WIDTH), np.int8), "Q"),
                  numpy_helper.from_array(np.float32(0.1), "scale")]
    v = b.put("MatMul", "x", b.put("DequantizeLinear", "Q", "scale"))
    b.put("Add", v, last(b, b.put("Relu", hidden(b)), to="f"), to="y")
    refused(folder, "a quantized weight", b, "it reaches its MatMul through DequantizeLinear")
    b = plain(lambda b, v: b.put("Mul", v, b.put("MatMul", "x", b.tensor("W3", WIDTH, 1))))
    refused(folder, "a gate for all channels", b, '"v1" has 1 channels, not %d' % INNER)
    b = plain()
    b.nodes[0].output[0] = "h"
    b.nodes[1].input[0] = "masked"
    b.nodes.insert(1, node("Dropout", ["h"], ["masked", "mask"], name="drop"))
    b.put("Not", "mask", to="unmasked")
    refused(folder, "a mask", b, 'Dropout "drop" gives a mask too')
    b = plain()
    branch = [helper.make_graph([node("Identity", ["v0"], [o])], o, [],
                                [helper.make_tensor_value_info(o, TensorProto.FLOAT, None)]) for o in "tu"]
    b.tensors.append(numpy_helper.from_array(np.array(True), "which"))
    b.nodes.append(node("If", ["which"], ["z"], then_branch=branch[0], else_branch=branch[1]))
    refused(folder, "a use in a branch", b, '"v0" is used in a subgraph')
    b = Block(PLAIN)
    v = hidden(b)
    for _ in range(70):
        v = b.put("Relu", v)
    last(b, v)
    refused(folder, "a very long way", b, "the block has more operators than pare looks at")


def blocks_of(width, inner, many):
    b, v = Block(()), "x"
    for i in range(many):
        h = b.put("Gemm", v, b.tensor("U%d" % i, array=rng.standard_normal((inner, width)) / np.sqrt(width)),
                  b.tensor("u%d" % i, inner), transB=1)
        h = b.put("MatMul", b.put("Gelu", h, domain="com.microsoft"),
                  b.tensor("D%d" % i, array=rng.standard_normal((inner, width)) / np.sqrt(inner)))
        v = b.put("Add", v, h, to="y" if i == many - 1 else None)
    m = model(b.nodes, b.tensors, [64, width], 2)
    m.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return m


def latencies(paths, rounds=25):
    """Medians in ms, interleaved."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [ort.InferenceSession(p, options, providers=["CPUExecutionProvider"]) for p in paths]
    feed = {i.name: np.ones(i.shape, np.float32) for i in sessions[0].get_inputs()}
    times = [[] for _ in paths]
    for k in range(rounds + 5):
        for s, t in zip(sessions, times):
            start = time.perf_counter()
            s.run(None, feed)
            t += [1000 * (time.perf_counter() - start)] if k >= 5 else []
    return [float(np.median(t)) for t in times]


def try_size(folder):
    """Wide enough for sums in pieces, whose rounding moves with what is between them."""
    width, inner, many = 256, 1024, 4
    m = blocks_of(width, inner, many)
    for i in range(many):
        silence(m, (("D%d" % i, 0),), rng.permutation(inner)[:inner // 2])
    r = Result(folder, "wide", m, [ffn(0.5)])
    if not checked(r, "wide blocks"):
        return
    values = 4 * many * (2 * width * (inner // 2) + inner // 2)
    ok(abs(r.predicted - values) < 0.01 * values, "half of the channels is half of the bytes",
       "%d of %d" % (r.predicted, values))
    found = worst(r.outputs(r.source), r.outputs(r.target))
    ok(found < 1e-6, "wide blocks: what is zero goes within a millionth", found)
    before, after = latencies((r.source, r.target))
    print("# wide blocks: %.1f %% of the bytes, %.2f ms -> %.2f ms (x %.2f), largest difference %.1e" %
          (100.0 * r.predicted / os.path.getsize(r.source), before, after, after / before, found))


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s" % (ort.__version__, onnx.__version__))
    with tempfile.TemporaryDirectory() as folder:
        for name, make in BLOCKS.items():
            try_block(folder, name, make)
        try_refusals(folder)
        try_schemes(folder)
        try_size(folder)
        try_chain(folder)  # the last: it leaves a file beside
    return finish()


if __name__ == "__main__":
    sys.exit(main())
