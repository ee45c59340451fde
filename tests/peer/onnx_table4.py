#!/usr/bin/env python3
"""Embedding tables under int4 beside ONNX Runtime's MatMulNBitsQuantizer for MatMul and Gather: the
same values, scales and zero points, to the bit; and outputs near those of the float model.

    onnx_table4.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py
does. An ONNX Runtime that has no such quantizer loads and runs what is written.
"""
import logging
import os
import sys
import tempfile

from tap import TRANSFORM, finish, ok
from onnx_int8 import Result, initializer, model, ort, tied_with_gather, weights
from onnx_int4 import MatMulNBitsQuantizer, check_outputs, noise

import numpy as np
import onnx
from onnx import TensorProto, helper

logging.disable(logging.WARNING)  # that the peer raises the opset
TABLES = {"step": "quantize", "scheme": "int4", "gather": True}
rng = np.random.default_rng(9)


# ---- tables ----

def plain(rows, columns):
    """Noise, and rows of zeros of one sign."""
    w = noise(rows, columns)
    w[5::9] = 0.0
    w[6::9] = -0.0
    return w


def ties(rows, columns):
    """Quotients that end in a half: steps of 1/2 between the extremes, so that a scale is 1."""
    w = rng.integers(-16, 16, (rows, columns)).astype(np.float32) / 2
    w[:, ::7] = -8
    w[:, 3::11] = 7
    return w


def corners(rows, columns):
    """Rows of zeros of either sign, of denormals, of one sign, of equal magnitudes, of extremes."""
    w = noise(rows, columns)
    kinds = [np.float32(0), np.float32(-0.0), np.float32(1e-40), np.float32(3e-45), np.float32(-1e-38),
             np.float32(1), np.float32(-1), np.float32(1.7e38), np.float32(-1.6e38), np.float32(1e-30)]
    for row in range(rows):
        pick = rng.choice(kinds, size=1 + row % 4)
        w[row] = np.where(rng.random(columns) < 0.3, 0, rng.choice(pick, size=columns))
    return w


def indices():
    """x, about normal, as rows from both ends of a table of seven or more."""
    return [helper.make_node("Clip", ["x", "low", "high"], ["c"]),
            helper.make_node("Cast", ["c"], ["i"], to=TensorProto.INT64)]


def borders():
    return [onnx.numpy_helper.from_array(np.array(v, np.float32), n)
            for v, n in ((-5, "low"), (5, "high"))]


def lookup(w, **more):
    return model(indices() + [helper.make_node("Gather", ["W", "i"], ["y"], name="look")],
                 [initializer("W", w)] + borders(), [3, 4], 3, **more)


def embedding(opset=17):
    """A table, a MatMul behind it, and a ReduceMean that opset 18 changed."""
    nodes = indices() + [helper.make_node("Gather", ["E", "i"], ["a"], name="look", axis=0),
                         helper.make_node("MatMul", ["a", "W"], ["b"], name="product"),
                         helper.make_node("ReduceMean", ["b"], ["m"], axes=[2], keepdims=1),
                         helper.make_node("Sub", ["b", "m"], ["y"])]
    return model(nodes, [initializer("E", weights(100, 64)), initializer("W", weights(64, 48))]
                 + borders(), [3, 4], 3, opset)


# ---- beside the peer ----

def peer_of(m, block, symmetric, folder):
    """The peer's model, or None where this release has no such quantizer."""
    if not MatMulNBitsQuantizer:
        return None
    path = os.path.join(folder, "peer_in.onnx")
    onnx.save(m, path)
    q = MatMulNBitsQuantizer(onnx.load(path), block_size=block, is_symmetric=symmetric,
                             accuracy_level=4, op_types_to_quantize=("MatMul", "Gather"),
                             quant_axes=(("MatMul", 0), ("Gather", 1)))
    q.process()
    return q.model.model


def contents(t):
    """A scale of 0 without its sign: numpy's reductions take that from any of the block's zeros."""
    raw = t.raw_data
    if t.name.endswith("_scales"):
        raw = (np.frombuffer(raw, np.float32) + np.float32(0)).tobytes()
    return (list(t.dims), t.data_type, raw)


def exactly(t):
    return (list(t.dims), t.data_type, t.raw_data)


def differences(ours, theirs, of=exactly):
    found = []
    a = {t.name: t for t in ours.graph.initializer}
    b = {t.name: t for t in theirs.graph.initializer}
    if sorted(a) != sorted(b):
        found.append("initializers %s, not %s" % (sorted(a), sorted(b)))
    for name in sorted(set(a) & set(b)):
        x, y = a[name], b[name]
        if of(x) == of(y):
            continue
        at = [i for i, (p, q) in enumerate(zip(x.raw_data, y.raw_data)) if p != q][:3]
        found.append("%s differs: %s %d, not %s %d, at %s" % (name, x.dims, x.data_type, y.dims,
                                                              y.data_type, at))
    x, y = ([(n.op_type, n.domain, n.name, list(n.input), list(n.output),
              sorted(a.SerializeToString() for a in n.attribute)) for n in m.graph.node]
            for m in (ours, theirs))
    if x != y:
        found.append("nodes %s, not %s" % (x, y))
    if ours.ir_version != 10:
        found.append("IR version %d" % ours.ir_version)
    return found


def check_against_peer(m, block, symmetric, of=exactly):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", m, [dict(TABLES, block=block, symmetric=symmetric)])
        if not r.ok:
            return r.run.stderr
        theirs = peer_of(m, block, symmetric, folder)
        problems = differences(r.after, theirs, of) if theirs else []
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        return "; ".join(problems)


SHAPES = [(64, 32), (7, 256), (9, 255), (120, 17), (77, 33), (1000, 97), (33, 40), (130, 511)]


def bytes_of_the_peer():
    for block in (16, 32, 64, 128, 256):
        for symmetric in (True, False):
            for kind in (plain, ties, corners):
                problems = []
                for rows, columns in SHAPES:
                    problem = check_against_peer(lookup(kind(rows, columns)), block, symmetric,
                                                 contents if kind == corners else exactly)
                    if problem:
                        problems.append("%d x %d: %s" % (rows, columns, problem))
                ok(not problems, "tables of %s in blocks of %d, %s: the peer's nodes and bytes"
                   % (kind.__name__, block, "symmetric" if symmetric else "with zero points"),
                   "\n# ".join(problems[:3]))
    problem = check_against_peer(lookup(noise(30011, 97)), 32, False)
    ok(not problem, "a large table of odd rows", problem)


# ---- beside the float model ----

def twice():
    nodes = indices() + [helper.make_node("Gather", ["E", "i"], ["a"]),
                         helper.make_node("Gather", ["E", "i"], ["b"], axis=-2),
                         helper.make_node("Add", ["a", "b"], ["y"])]
    return model(nodes, [initializer("E", weights(100, 64))] + borders(), [3, 4], 3)


def of_a_constant():
    nodes = indices() + [helper.make_node("Constant", [], ["E"],
                                          value=initializer("", weights(100, 63))),
                         helper.make_node("Gather", ["E", "i"], ["y"])]
    return model(nodes, borders(), [3, 4], 3)


def outputs_of_the_model():
    for symmetric in (True, False):
        for name, m, expected in [
                ("a table", lookup(weights(100, 64)), 1),
                ("odd rows", lookup(weights(101, 33)), 1),
                ("rows of one element", lookup(weights(3000, 1)), None),
                ("opset 11", lookup(weights(100, 64), opset=11), 1),
                ("IR version 3", lookup(weights(100, 64), opset=11, ir=3, as_inputs=True), 1),
                ("a table of two uses", twice(), 2),
                ("a table in a Constant node", of_a_constant(), 1),
                ("a table and a product", embedding(), 1)]:
            steps = [dict(TABLES, symmetric=symmetric)]
            if expected is None:
                steps = [dict(TABLES, symmetric=symmetric, block=16)]
                with tempfile.TemporaryDirectory() as folder:
                    r = Result(folder, "", m, steps)
                    ok(not r.ok and "would save less" in r.run.stderr, name + " are left",
                       r.run.stderr)
                continue
            check_outputs("gather%s: %s" % ("" if symmetric else " with zero points", name), m,
                          op="GatherBlockQuantized", expected=expected, steps=steps)
        check_outputs("gather%s: external data" % ("" if symmetric else " with zero points"),
                      embedding(), external=True, op="GatherBlockQuantized", expected=1,
                      steps=[dict(TABLES, symmetric=symmetric)])


def same_outputs_as_the_peer():
    """The peer's number of an opset would be no valid model with the ReduceMean; it is kept here."""
    with tempfile.TemporaryDirectory() as folder:
        m = embedding()
        r = Result(folder, "", m, [TABLES])
        theirs = peer_of(m, 32, True, folder)
        if not theirs:
            return
        for o in theirs.opset_import:
            if not o.domain:
                o.version = 17
        path = os.path.join(folder, "peer.onnx")
        onnx.save(theirs, path)
        a, b = r.outputs(r.target), r.outputs(path)
        ok(all((x == y).all() for x, y in zip(a, b)), "the outputs are those of the peer's model")
        ok([o.version for o in r.after.opset_import if not o.domain] == [17], "the opset is kept")


# ---- what is left ----

def reason(m, name, step):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", m, [step])
        if not r.ok:
            return r.run.stderr
        return {e["name"]: e["reason"] for e in r.report["tensors"]}[name]


def reasons():
    ok("feeds no MatMul" in reason(embedding(), "E", dict(TABLES, gather=False)),
       "a table stays float unless it is asked for")
    ok("something else" in reason(tied_with_gather(), "E", TABLES), "a tied one too",
       reason(tied_with_gather(), "E", TABLES))
    m = lookup(weights(100, 64), outputs=("y", "W"))
    ok("an output" in reason(m, "W", TABLES), "and one that is an output", reason(m, "W", TABLES))
    m = lookup(weights(100, 64))
    m.graph.node[2].attribute.append(helper.make_attribute("axis", 1))
    ok("another axis" in reason(m, "W", TABLES), "and one that is taken by columns",
       reason(m, "W", TABLES))
    m = lookup(weights(10, 8, 8))
    ok("two dimensions" in reason(m, "W", TABLES), "and one of three dimensions",
       reason(m, "W", TABLES))
    then = helper.make_graph([helper.make_node("Gather", ["W", "i"], ["t"])], "then", [],
                             [helper.make_tensor_value_info("t", TensorProto.FLOAT, None)])
    other = helper.make_graph([helper.make_node("Identity", ["a"], ["e"])], "else", [],
                              [helper.make_tensor_value_info("e", TensorProto.FLOAT, None)])
    nodes = indices() + [helper.make_node("Gather", ["W", "i"], ["a"]),
                         helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
                         helper.make_node("Greater", ["most", "low"], ["yes"]),
                         helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=other)]
    m = model(nodes, [initializer("W", weights(100, 64))] + borders(), [3, 4], 3)
    ok("a subgraph uses it" in reason(m, "W", TABLES), "and one that a subgraph uses",
       reason(m, "W", TABLES))


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s, quantizer %s"
          % (ort.__version__, onnx.__version__, "there" if MatMulNBitsQuantizer else "missing"))
    bytes_of_the_peer()
    outputs_of_the_model()
    same_outputs_as_the_peer()
    reasons()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
