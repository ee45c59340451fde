#!/usr/bin/env python3
"""The step optimize beside ONNX Runtime: what is folded, removed or merged computes the same bits
when nothing is optimized at load, a fused normalization the same within 1e-6, and the graph is as small as
it should be.

    onnx_optimize.py [MODEL.onnx ...]        TAP on stdout; with models: these instead, and what was gained

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py does.
"""
import collections
import copy
import os
import sys
import tempfile

from tap import finish, ok
from onnx_int8 import Result, initializer, ort, weights

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPTIMIZE = {"step": "optimize"}
INT8 = {"step": "quantize", "scheme": "int8"}
HALF = {"step": "prune", "method": "l1", "amount": 0.5}
rng = np.random.default_rng(20260)
node = helper.make_node


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def scalar(name, value, kind=np.int64):
    return numpy_helper.from_array(np.array(value, kind), name)


def array(name, values):
    return numpy_helper.from_array(values, name)


# ---- running ----

def feed_for(session, size):
    """Open dimensions: 1 for the first and those of a state, `size` for others."""
    local, feed = np.random.default_rng(5), {}
    for i in session.get_inputs():
        shape = [d if isinstance(d, int) and d > 0 else 1 if k == 0 or "state" in i.name else size
                 for k, d in enumerate(i.shape)]
        if i.name == "sr":
            feed[i.name] = np.array(16000, np.int64)
        elif i.type == "tensor(float)":
            feed[i.name] = local.standard_normal(shape).astype(np.float32)
        elif i.type == "tensor(bool)":
            feed[i.name] = np.ones(shape, bool)
        else:
            feed[i.name] = local.integers(0, 100, shape).astype(np.int32 if "int32" in i.type else np.int64)
    return feed


def outputs(path, feed=None, size=2, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL):
    """Results of the graph as it stands, unless told otherwise: nothing is folded or fused at load."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = level
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = feed_for(session, size) if feed is None else feed
    return session.run(None, feed), feed


def difference(want, got):
    """The largest, by the largest magnitude; 0 only for equal bits, types and shapes."""
    worst = 0.0
    for a, b in zip(want, got):
        if a.dtype != b.dtype or a.shape != b.shape:
            return np.inf
        if a.tobytes() == b.tobytes():
            continue
        if a.dtype.kind != "f" or not (np.isfinite(a) == np.isfinite(b)).all():
            return np.inf
        gap = np.abs(a.astype(np.float64) - b).max()
        worst = max(worst, gap / max(np.abs(a).max(), 1e-30), 1e-30)
    return worst


def ops(m):
    return dict(collections.Counter(n.op_type for n in m.graph.node))


def check(name, m, want_ops, want_tensors=None, bound=0.0, external=False, steps=(OPTIMIZE,), found=None,
          feed=None):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, name, m, list(steps), external)
        if not r.ok:
            ok(False, name, r.run.stderr)
            return
        problems = []
        try:
            onnx.checker.check_model(r.target, full_check=True)
            want, given = outputs(r.source, feed)
            gap = difference(want, outputs(r.target, given)[0])
            if gap > bound:
                problems.append("outputs differ by %.3g" % gap)
        except Exception as problem:
            problems.append(str(problem))
        if want_ops is not None and ops(r.after) != want_ops:
            problems.append("nodes are %s" % ops(r.after))
        names = {t.name for t in r.after.graph.initializer}
        if want_tensors is not None and names != set(want_tensors.split()):
            problems.append("initializers are %s" % sorted(names))
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        for key, value in (found or {}).items():
            if r.report["optimized"][key] != value:
                problems.append("%s is %s" % (key, r.report["optimized"][key]))
        if not external and len(steps) == 1:
            bare = copy.deepcopy(r.after)
            del bare.metadata_props[:]
            saved = r.before.ByteSize() - bare.ByteSize()
            if r.report["optimized"]["saved_bytes"] != saved:
                problems.append("saved %d bytes, not %s" % (saved, r.report["optimized"]["saved_bytes"]))
        if not all(row["action"] or row["reason"] for row in r.report["tensors"]):
            problems.append("a row without a word: %s" % r.report["tensors"])
        large = {t.name for t in r.before.graph.initializer if len(t.dims) >= 2}
        if not large <= {row["name"] for row in r.report["tensors"]}:
            problems.append("tensors without a row: %s" % (large - {row["name"] for row in r.report["tensors"]}))
        again = Result(folder, name, r.after, [OPTIMIZE]) if not external and len(steps) == 1 else None
        if again and (again.ok or "changes nothing" not in again.run.stderr):
            problems.append("a second time changes more: %s" % again.run.stderr)
        ok(not problems, name, "; ".join(problems))


def refused(name, m, words, steps=(OPTIMIZE,)):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, name, m, list(steps))
        ok(not r.ok and words in r.run.stderr and not os.path.exists(r.target), name, r.run.stderr)


# ---- one operator on constants ----

def floats(*shape):
    return (rng.standard_normal(shape) * 3).astype(np.float32)


def folds(op, tensors, opset=17, folded=True, bound=0, **attributes):
    """y = Identity(op(constants)): with the node folded only the Identity is left."""
    named = [array("c%d" % i, t) if t is not None else None for i, t in enumerate(tensors)]
    nodes = [node(op, [t.name if t is not None else "" for t in named], ["v"], **attributes),
             node("Identity", ["v"], ["y"])]
    m = made(nodes, [info("x", [1])], [helper.make_empty_tensor_value_info("y")],
             [t for t in named if t is not None], opset)
    text = "%s of %s%s" % (op, ", ".join("%s%s" % (t.dtype, list(t.shape)) for t in tensors if t is not None),
                           " " + str(attributes) if attributes else "")
    if folded:
        check("fold %s, opset %d" % (text, opset), m, {"Identity": 1}, "v", bound)
    else:
        check("leave %s, opset %d" % (text, opset), m, {op: 1}, None, bound)


def typed(m):
    """With the outputs' types and ranks, as ONNX Runtime sees them."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:
        return m
    types = {"tensor(float)": 1, "tensor(int64)": 7, "tensor(int32)": 6, "tensor(bool)": 9, "tensor(double)": 11,
             "tensor(uint8)": 2, "tensor(float16)": 10}
    del m.graph.output[:]
    for o in session.get_outputs():
        m.graph.output.append(info(o.name, [None] * len(o.shape), types[o.type]))
    return m


def i64(*values):
    return np.array(values, np.int64)


def folded_operators():
    x = floats(2, 3, 4)
    special = np.array([0, -0.0, np.inf, -np.inf, 1e-45, 3e38, -7.5, 2.5, 1 / 3], np.float32)
    for kind in (np.float32, np.float64, np.int64, np.int32):
        a, b = (floats(3, 1, 4) * 5).astype(kind), (floats(2, 1) * 5).astype(kind)
        b = np.where(b == 0, 1, b).astype(kind)
        for op in ("Add", "Sub", "Mul", "Div"):
            folds(op, [a, b])
    folds("Add", [i64(2**63 - 1, 1), i64(1)])
    folds("Div", [special, np.float32([3])])
    folds("Mul", [special, np.float32([0.1])])
    folds("Div", [i64(-7, 7, -8), i64(2)])
    positive = np.abs(floats(1000)) + np.float32(1e-6)
    for op in ("Neg", "Sqrt", "Reciprocal", "Floor", "Ceil"):
        folds(op, [positive])
    folds("Neg", [i64(1, -2, -2**63)])
    folds("Floor", [special])
    folds("Not", [np.array([True, False])])
    for kind in (np.float32, np.float64, np.int64, np.int32, bool):
        for to in (1, 11, 7, 6, 9):
            folds("Cast", [np.array([0, 1, 2.75, -2.75, 16777217, 100], np.float64).astype(kind)], to=to)
    folds("Cast", [i64(2**40 + 5, -2**31, 2**62 + 1)], to=6)
    folds("Cast", [i64(2**40 + 5, -2**31, 2**62 + 1)], to=1)
    folds("Cast", [np.float32([1e30, 1])], to=7, folded=False)
    folds("Cast", [np.float32([np.nan])], to=6, folded=False)
    for a in (i64(1, 2, 3), np.int32([1, 2, 3]), np.float32([1, 2, 3]), np.array([True, False, True])):
        folds("Equal", [a, a[:1]])
    folds("Where", [np.array([[True], [False], [True]]), x, np.float32([9])])
    folds("Where", [np.array([True, False]), i64(1, 2), i64(3)])
    folds("Range", [np.int64(2), np.int64(11), np.int64(3)])
    folds("Range", [np.int64(5), np.int64(-6), np.int64(-2)])
    folds("Range", [np.int64(5), np.int64(5), np.int64(1)])


def folded_shapes():
    x, half = floats(2, 3, 4), floats(2, 3).astype(np.float16)
    for shape in ([6, 4], [0, -1], [-1], [2, 1, 12], [24, 1, 1, 1]):
        folds("Reshape", [x, i64(*shape)])
    folds("Reshape", [np.zeros((2, 0), np.float32), i64(0, 5)], allowzero=1)
    for axis in (0, 1, 2, 3, -1):
        folds("Flatten", [x], axis=axis)
    folds("Transpose", [x])
    folds("Transpose", [x], perm=[1, 2, 0])
    folds("Transpose", [half], perm=[1, 0])
    folds("Transpose", [np.array([[True, False, True]])])
    y = floats(1, 3, 1)
    for opset in (12, 17, 21):
        late = opset >= 13
        for axes in ([0], [-1], [0, 2]):
            more = {} if late else {"axes": axes}
            folds("Squeeze", [y] + ([i64(*axes)] if late else []), opset, **more)
            folds("Unsqueeze", [x] + ([i64(*axes)] if late else []), opset, **more)
        folds("Squeeze", [y], opset)
    folds("Concat", [x, x], axis=1)
    folds("Concat", [i64(1), i64(2, 3), i64(4)], axis=-1)
    for axis in (0, 1, -1):
        folds("Gather", [x, i64(1, 0, -1)], axis=axis)
    folds("Gather", [i64(5, 6, 7), np.int64(1)])
    folds("Gather", [x, np.array([[0], [1]], np.int32)])
    slices = [([0], [2], None, None), ([1], [2**63 - 1], [1], None), ([-1], [-2**63], [2], [-1]), ([3], [-100], [-1], [-2]),
              ([0, 1], [9, 3], [0, 2], [1, 2]), ([2], [1], [1], None), ([0], [100], [2], [50])]
    for starts, ends, axes, steps in slices:
        folds("Slice", [x, i64(*starts), i64(*ends)] + ([i64(*axes)] if axes else []) +
              ([i64(*steps)] if steps else []))
    folds("Slice", [x], 9, starts=[1], ends=[-1], axes=[2])
    folds("Expand", [floats(3, 1), i64(2, 1, 4)])
    folds("Expand", [floats(2, 3), i64(1)])
    folds("ConstantOfShape", [i64(2, 3)])
    folds("ConstantOfShape", [i64(2, 0)], value=ints("", 7))
    folds("ConstantOfShape", [np.zeros(0, np.int64)], value=array("", np.array([True])))
    folds("Shape", [x])
    folds("Shape", [x], start=-2)
    folds("Shape", [x], start=1, end=-1)
    folds("Size", [x])
    folds("Shape", [np.zeros(3_000_000, np.float32)])
    folds("Expand", [floats(1), i64(40000)], folded=False)
    folds("ConstantOfShape", [i64(1 << 20)], folded=False)
    folds("Transpose", [floats(300, 400)])
    folds("Transpose", [floats(1100, 1000)], folded=False)


# ---- graphs ----

def info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def made(nodes, inputs, outs, tensors, opset=17, ir=8, values=()):
    graph = helper.make_graph(nodes, "g", inputs, outs, tensors, value_info=list(values))
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    m.ir_version = ir
    return typed(m)


def stored(value, kind):
    """The same constant by each way of storing it."""
    if kind == "typed":
        return [helper.make_tensor("s", TensorProto.INT64, [len(value)], value)], []
    if kind == "raw":
        return [ints("s", *value)], []
    if kind == "value_ints":
        return [], [node("Constant", [], ["s"], value_ints=value)]
    return [], [node("Constant", [], ["s"], value=helper.make_tensor("", TensorProto.INT64, [len(value)], value))]


def folding_graphs():
    for kind in ("typed", "raw", "value_ints", "value"):
        tensors, nodes = stored([1, -1], kind)
        nodes += [node("Constant", [], ["one"], value_int=1), node("Unsqueeze", ["one", "zero"], ["u"]),
                  node("Concat", ["u", "s"], ["t"], axis=0), node("Slice", ["t", "zero", "two"], ["k"]),
                  node("Reshape", ["x", "t"], ["y"])]
        check("a chain on shapes, from " + kind,
              made(nodes, [info("x", [2, 3])], [info("y", None)], tensors + [ints("zero", 0), ints("two", 2)]),
              {"Reshape": 1}, "t")
    nodes = [node("Transpose", ["W"], ["Wt"], perm=[1, 0]), node("MatMul", ["x", "Wt"], ["y"])]
    check("a transposed weight", made(nodes, [info("x", [3, 40])], [info("y", None)], [array("W", weights(200, 40))],
                                      values=[info("Wt", [40, 200])]), {"MatMul": 1}, "Wt",
          found={"folded_nodes": 1})
    check("and then int8", made(nodes, [info("x", [3, 40])], [info("y", None)], [array("W", weights(200, 40))]),
          None, bound=0.05, steps=(OPTIMIZE, INT8))
    m = made([node("Add", ["W", "b"], ["c"]), node("MatMul", ["x", "c"], ["y"])],
             [info("x", [3, 8]), info("W", [8, 8])], [info("y", None)], [array("W", weights(8, 8)), array("b", weights(8))])
    refused("an initializer that is an input stays", m, "changes nothing")
    m = made([node("Neg", ["W"], ["y"]), node("Add", ["x", "y"], ["z"])], [info("x", [8])],
             [info("y", None), info("z", None)], [array("W", weights(8))])
    refused("a node that makes an output stays", m, "changes nothing")
    m = made([node("Constant", [], ["a"], value_float=2.0), node("Neg", ["a"], ["b"]), node("Mul", ["x", "b"], ["y"])],
             [info("x", [8])], [info("y", None)], [], opset=11, ir=3)
    check("IR version 3", made([node("Constant", [], ["a"], value=array("", np.float32(2))), node("Neg", ["a"], ["b"]),
                                node("Mul", ["x", "b"], ["y"])], [info("x", [8])], [info("y", None)], [], opset=8, ir=3),
          {"Mul": 1}, "b")


def branches(then_nodes, then_out, captured):
    t = helper.make_graph(then_nodes, "t", [], [info(then_out, None)])
    e = helper.make_graph([node("Abs", [captured], ["e"])], "e", [], [info("e", None)])
    return node("If", ["yes"], ["y"], then_branch=t, else_branch=e)


def removal_graphs():
    x, y = info("x", [4]), info("y", None)
    check("Identity in the middle and at the end",
          made([node("Identity", ["x"], ["a"]), node("Relu", ["a"], ["b"]), node("Identity", ["b"], ["c"]),
                node("Abs", ["c"], ["d"]), node("Identity", ["d"], ["y"])], [x], [y], [], values=[info("a", [4]), info("d", [4])]),
          {"Relu": 1, "Abs": 1}, found={"passed_nodes": 3})
    check("one value as two outputs",
          made([node("Relu", ["x"], ["a"]), node("Identity", ["a"], ["y"]), node("Identity", ["a"], ["z"])], [x],
               [y, info("z", None)], []), {"Relu": 1, "Identity": 1})
    refused("an input as output", made([node("Identity", ["x"], ["y"])], [x], [y], []), "changes nothing")
    refused("a weight as output", made([node("Identity", ["W"], ["y"])], [x], [y], [array("W", weights(4))]),
            "changes nothing")
    for opset in (7, 10, 12, 17):
        check("Dropout of opset %d" % opset,
              made([node("Dropout", ["x"], ["a", "mask"]), node("Relu", ["a"], ["b"]), node("Dropout", ["b"], ["y"])], [x], [y],
                   [], opset), {"Relu": 1})
    check("Dropout with its inputs", made([node("Dropout", ["x", "ratio", "train"], ["a"]), node("Relu", ["a"], ["y"])], [x],
                                          [y], [scalar("ratio", 0.5, np.float32), scalar("train", False, bool)]), {"Relu": 1}, "")
    refused("Dropout that trains", made([node("Dropout", ["x", "ratio", "train"], ["a"]), node("Relu", ["a"], ["y"])], [x],
                                        [y], [scalar("ratio", 0.5, np.float32), scalar("train", True, bool)]), "changes nothing")
    refused("Dropout whose mask is used", made([node("Dropout", ["x"], ["y", "mask"])], [x],
                                               [y, info("mask", None, TensorProto.BOOL)], []), "changes nothing")
    check("nodes and initializers without use",
          made([node("Relu", ["x"], ["y"]), node("Add", ["x", "W"], ["p"]), node("Mul", ["p", "V"], ["q"])], [x], [y],
               [array("W", weights(3, 4)), array("V", weights(4)), array("idle", weights(2, 2))],
               values=[info("p", [3, 4])]), {"Relu": 1}, "", found={"unused_nodes": 2, "unused_tensors": 3})
    yes = info("yes", [], TensorProto.BOOL)
    nodes = [node("Identity", ["x"], ["a"]), node("Relu", ["x"], ["r"]), node("Identity", ["r"], ["c"]), node("Neg", ["K"], ["k"]),
             branches([node("Add", ["a", "k"], ["s"]), node("Identity", ["s"], ["t"])], "t", "c")]
    for truth in (True, False):
        check("what a subgraph uses keeps its name, %s" % truth,
              made(nodes, [x, yes], [y], [array("K", weights(4)), array("same", weights(4)), array("inner", weights(4))]),
              {"Identity": 1, "Relu": 1, "If": 1}, "k", found={"passed_nodes": 1, "folded_nodes": 1},
              feed={"x": floats(4), "yes": np.array(truth)})
    shadow = helper.make_graph([node("Identity", ["x"], ["a"]), node("Abs", ["a"], ["t"])], "t", [], [info("t", None)])
    other = helper.make_graph([node("Identity", ["x"], ["a"]), node("Neg", ["a"], ["e"])], "e", [], [info("e", None)])
    check("names of branches", made([node("Identity", ["yes"], ["really"]),
                                     node("If", ["really"], ["z"], then_branch=shadow, else_branch=other), node("Relu", ["z"], ["y"])],
                                    [x, yes], [y], []), {"If": 1, "Relu": 1}, feed={"x": floats(4), "yes": np.array(False)})
    custom = made([node("Identity", ["x"], ["a"]), node("Gelu", ["a"], ["b"], domain="com.microsoft"), node("Relu", ["a"], ["y"])],
                  [x], [y], [])
    custom.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    check("a node of another domain stays", custom, {"Gelu": 1, "Relu": 1})


def merging_graphs():
    W = weights(16, 16)
    other = W.copy()
    other[-1, -1] += 1
    nodes = [node("MatMul", ["x", "A"], ["a"]), node("MatMul", ["a", "B"], ["b"]), node("MatMul", ["b", "C"], ["c"]),
             node("Constant", [], ["K"], value=array("", W)), node("MatMul", ["c", "K"], ["d"]), node("MatMul", ["d", "D"], ["y"])]
    tensors = [array("A", W), initializer("B", W, typed=True), array("C", other), array("D", W.reshape(16, 16))]
    for external in (False, True):
        check("equal weights become one" + (", external data" if external else ""),
              made(nodes, [info("x", [2, 16])], [info("y", None)], tensors), {"MatMul": 5}, "A C", external=external,
              found={"merged_tensors": 3})
    check("of two Constants the first stays",
          made([node("Constant", [], ["K"], value=array("", W)), node("MatMul", ["x", "K"], ["a"]),
                node("Constant", [], ["L"], value=array("", W)), node("MatMul", ["a", "L"], ["y"])], [info("x", [2, 16])],
               [info("y", None)], []), {"Constant": 1, "MatMul": 2}, "")
    check("tied by merging, then quantized once",
          made([node("MatMul", ["x", "A"], ["a"]), node("MatMul", ["a", "D"], ["y"])], [info("x", [2, 16])],
               [info("y", None)], [tensors[0], tensors[3]]), None, bound=0.1, steps=(OPTIMIZE, INT8))
    refused("shape and type count", made([node("MatMul", ["x", "A"], ["a"]), node("Reshape", ["a", "s"], ["b"]),
                                          node("Mul", ["b", "B"], ["y"])], [info("x", [2, 16])], [info("y", None)],
                                         [array("A", np.zeros((16, 16), np.float32)), ints("s", 1, 32),
                                          array("B", np.zeros((1, 1), np.float32))]), "changes nothing")


def conv_norm(bias=False, group=1, constant=False, dims=2, opset=17, shared=False, relu=False, training=None,
              between=False, ir=8):
    cin, cout = 6, 12
    W = array("W", weights(cout, cin // group, *[3] * dims))
    vectors = [array(n, v) for n, v in zip(("scale", "shift", "mean", "var"), (weights(cout) + 1, weights(cout), weights(cout),
                                                                              np.abs(weights(cout)) + np.float32(0.1)))]
    nodes, tensors = [], list(vectors)
    if constant:
        nodes += [node("Constant", [], [t.name], value=t) for t in [W] + vectors]
        tensors = []
    else:
        tensors.append(W)
    inputs = ["x", "W"]
    if bias:
        tensors.append(array("B", weights(cout)))
        inputs.append("B")
    more = {} if training is None else {"training_mode": training}
    last = "n" if relu else "y"
    nodes += [node("Conv", inputs, ["c"], pads=[1] * 2 * dims, group=group),
              node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], [last], epsilon=1e-3, **more)]
    outs = [info("y", None)]
    if relu:
        nodes.append(node("Relu", ["n"], ["y"]))
    if shared:
        nodes.append(node("Conv", ["x", "W"], ["z"], pads=[1] * 2 * dims, group=group))
        outs.append(info("z", None))
    if between:
        outs.append(info("c", None))
    return made(nodes, [info("x", [2, cin] + [8] * dims)], outs, tensors, opset, ir,
                values=[info("c", None)] if not between else [])


def fusing_graphs():
    for bias in (False, True):
        for external in (False, True):
            check("Conv%s and BatchNormalization%s" % (" with bias" if bias else "", ", external data" if external else ""),
                  conv_norm(bias), {"Conv": 1}, "W y_bias", 1e-6, external=external, found={"fused_nodes": 1})
        check("in groups, %s bias" % ("with" if bias else "no"), conv_norm(bias, group=3, relu=True), {"Conv": 1, "Relu": 1},
              "W n_bias", 1e-6)
    check("of one dimension", conv_norm(dims=1), {"Conv": 1}, "W y_bias", 1e-6)
    check("of three dimensions", conv_norm(True, dims=3), {"Conv": 1}, "W y_bias", 1e-6)
    check("of Constants", conv_norm(constant=True), {"Conv": 1, "Constant": 1}, "y_bias", 1e-6)
    for opset in (7, 9, 13, 14, 15, 21):
        check("fused in opset %d" % opset, conv_norm(True, opset=opset), {"Conv": 1}, "W y_bias", 1e-6)
    check("fused in IR version 3", conv_norm(constant=True, opset=8, ir=3), {"Conv": 1, "Constant": 1}, "y_bias", 1e-6)
    refused("weights of two convolutions stay", conv_norm(shared=True), "changes nothing")
    refused("a result that is an output stays", conv_norm(between=True), "changes nothing")
    m = conv_norm(True, relu=True)
    m.graph.initializer[0].CopyFrom(array("scale", np.float32([3e38] * 12)))
    refused("a factor that overflows stays", m, "changes nothing")
    m = conv_norm(True)
    m.graph.node.append(node("Identity", ["y"], ["z"]))
    m.graph.output[0].name = "z"
    check("and an Identity behind", m, {"Conv": 1}, "W z_bias", 1e-6)
    m = conv_norm(True)
    m.graph.node.insert(0, node("Transpose", ["V"], ["W"], perm=[1, 0, 2, 3]))
    for t in m.graph.initializer:
        if t.name == "W":
            t.CopyFrom(array("V", np.ascontiguousarray(numpy_helper.to_array(t).transpose(1, 0, 2, 3))))
    check("weights that were folded first", m, {"Conv": 1}, "W y_bias", 1e-6, found={"folded_nodes": 1, "fused_nodes": 1})
    taken = conv_norm(True)
    taken.graph.node.append(node("Neg", ["x"], ["y_bias"]))
    taken.graph.output.append(info("y_bias", [2, 6, 8, 8]))
    check("a name that is taken", taken, {"Conv": 1, "Neg": 1}, "W y_bias_1", 1e-6)
    for steps in ((OPTIMIZE, INT8), (OPTIMIZE, HALF)):
        check("fused, then %s" % steps[1]["step"], conv_norm(True), None, bound=2.0, steps=steps)
    check_composition()


def content(m):
    """Nodes and tensors, wherever their bytes are."""
    return ([n.SerializeToString() for n in m.graph.node],
            sorted((t.name, t.data_type, numpy_helper.to_array(t).tobytes()) for t in m.graph.initializer))


def check_composition():
    """optimize and int8 in one recipe give what two runs give, but for the labels."""
    for external in (False, True):
        m = conv_norm(True)
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two, tempfile.TemporaryDirectory() as three:
            both = Result(one, "", copy.deepcopy(m), [OPTIMIZE, INT8], external)
            first = Result(two, "", m, [OPTIMIZE], external)
            second = Result(three, "", first.after, [INT8], external) if first.ok else first
            what = "one recipe is two runs" + (", external data" if external else "")
            if not (both.ok and second.ok):
                ok(False, what, both.run.stderr + second.run.stderr)
                continue
            ok(content(both.after) == content(second.after), what)


def left_alone():
    x, y = info("x", [4]), info("y", None)
    m = made([node("Twice", ["x"], ["y"], domain="mine")], [x], [y], [])
    m.opset_import.append(helper.make_opsetid("mine", 1))
    m.functions.append(helper.make_function("mine", "Twice", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])],
                                            [helper.make_opsetid("", 17)]))
    refused("functions", m, "leave the step out")
    m = made([node("Identity", ["x"], ["a"]), node("Relu", ["a"], ["y"])], [x], [y], [])
    m.graph.quantization_annotation.add().tensor_name = "a"
    refused("annotations", m, "leave the step out")
    m = made([node("Relu", ["x"], ["y"])], [x], [y], [], opset=6, ir=3)
    refused("an old opset", m, "wants 7 or newer")
    m = made([node("Identity", ["b"], ["a"]), node("Identity", ["a"], ["b"]), node("Relu", ["x"], ["y"])], [x], [y], [])
    refused("a cycle, even one that nobody uses", m, "no runtime loads")


# ---- real models ----

def real(path):
    m = onnx.load(path)
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, path, m, [OPTIMIZE])
        if not r.ok:
            ok("changes nothing" in r.run.stderr, path, r.run.stderr)
            print("# %s" % r.run.stderr.strip()[:200])
            return
        onnx.checker.check_model(r.target)
        want, given = outputs(r.source, size=576)
        gap = difference(want, outputs(r.target, given)[0])
        own = difference(want, outputs(r.source, given, level=ort.GraphOptimizationLevel.ORT_ENABLE_BASIC)[0])
        print("# what ONNX Runtime fuses and folds at load makes a difference of %.3g" % own)
        ok(gap <= max(1e-6, own) and r.predicted == r.real_size(), path, "differs by %.3g" % gap)
        print("# differs by %.3g; %d nodes -> %d; %d -> %d bytes; %s" % (
            gap, len(m.graph.node), len(r.after.graph.node), os.path.getsize(r.source), r.real_size(), r.report["optimized"]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for each in sys.argv[1:]:
            real(each)
    else:
        for part in (folded_operators, folded_shapes, folding_graphs, removal_graphs, merging_graphs, fusing_graphs, left_alone):
            part()
    sys.exit(finish())
