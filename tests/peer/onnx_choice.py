#!/usr/bin/env python3
"""Choice by tensor beside ONNX and ONNX Runtime: a row for every tensor that the model has, counted here
on its own; measures as numpy computes them from the file that was written; the peer's nodes_to_exclude.

    onnx_choice.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py does.
"""
import os
import sys
import tempfile

from tap import TRANSFORM, finish, ok
from onnx_int8 import Result, initializer, model, ort, weights
from onnx_int4 import MatMulNBitsQuantizer, cosine, differences

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

INT8 = {"step": "quantize", "scheme": "int8"}
INT4 = {"step": "quantize", "scheme": "int4"}
FP16 = {"step": "quantize", "scheme": "fp16"}
HALF = {"step": "prune", "method": "l1", "amount": 0.5}
KEEP = {"step": "keep"}


# ---- every tensor ----

def sparse(name, rows, columns):
    values = numpy_helper.from_array(np.arange(1, 6, dtype=np.float32), name)
    indices = numpy_helper.from_array(np.stack([np.arange(5), np.arange(5)], 1).astype(np.int64), "")
    return helper.make_sparse_tensor(values, indices, [rows, columns])


def branch(result, weight):
    info = helper.make_tensor_value_info(result, TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node("MatMul", ["c", weight], [result])], "branch_" + result, [],
                             [info], [initializer(weight, weights(32, 32))])


def every_kind():
    """Weights of each type, place and use; ten rows or so that no scheme takes."""
    nodes = [helper.make_node("MatMul", ["x", "A"], ["a"], name="first"),
             helper.make_node("Gemm", ["a", "B", "bias"], ["b"], name="second"),
             helper.make_node("Constant", [], ["K"], value=initializer("", weights(32, 32))),
             helper.make_node("MatMul", ["b", "K"], ["c0"], name="third"),
             helper.make_node("MatMul", ["c0", "D"], ["c"], name="fourth"),
             helper.make_node("Constant", [], ["S"], sparse_value=sparse("", 32, 32)),
             helper.make_node("Constant", [], ["P"],
                              value=numpy_helper.from_array(np.arange(6).reshape(2, 3).astype(np.int64))),
             helper.make_node("ReduceSum", ["c"], ["total"], keepdims=0),
             helper.make_node("Cast", ["total"], ["yes"], to=TensorProto.BOOL),
             helper.make_node("If", ["yes"], ["d"], then_branch=branch("t", "inner"),
                              else_branch=branch("e", "inner2")),
             helper.make_node("Gather", ["table", "ids"], ["g"]),
             helper.make_node("ReduceSum", ["g"], ["h"], keepdims=0),
             helper.make_node("Add", ["d", "h"], ["y"])]
    tensors = [initializer(n, weights(32, 32)) for n in ("A", "B", "D", "table", "idle")]
    tensors += [initializer("bias", weights(32)),
                numpy_helper.from_array(np.arange(6).reshape(2, 3).astype(np.int64), "ids"),
                numpy_helper.from_array(weights(8, 8).astype(np.float16), "half"),
                helper.make_tensor("brain", TensorProto.BFLOAT16, [4, 4], np.zeros(16)),
                numpy_helper.from_array(np.ones((3, 3), bool), "mask"),
                numpy_helper.from_array(weights(4, 4).astype(np.float64), "double"),
                helper.make_tensor("nibbles", TensorProto.INT4, [4, 4], np.zeros(16, int)),
                helper.make_tensor("words", TensorProto.STRING, [2, 2], [b"a", b"b", b"c", b"d"])]
    m = model(nodes, tensors, [4, 32], 2)
    m.graph.sparse_initializer.append(sparse("thin", 16, 16))
    return m


def large_names(graph):
    """Of all tensors of two or more dimensions that a graph and those inside it hold."""
    found = [t.name for t in graph.initializer if len(t.dims) >= 2]
    found += [t.values.name for t in graph.sparse_initializer if len(t.dims) >= 2]
    for node in graph.node:
        constant = node.output[0] if node.op_type == "Constant" else ""
        for a in node.attribute:
            if a.type == AttributeProto.GRAPH:
                found += large_names(a.g)
            elif a.type == AttributeProto.TENSOR and len(a.t.dims) >= 2:
                found.append(constant)
            elif a.type == AttributeProto.SPARSE_TENSOR and len(a.sparse_tensor.dims) >= 2:
                found.append(constant)
    return found


RECIPES = {
    "int8": [INT8], "int4": [INT4], "fp16": [FP16], "a pruning": [HALF], "a pruning and int8": [HALF, INT8],
    "fp16 but for some": [FP16, dict(INT8, include=["B"]), dict(INT4, include=["A"]), dict(KEEP, include=["D"])],
    "operators": [dict(INT8, ops=["Gemm"]), dict(INT4, include=["third"])],
}


def a_row_for_each():
    for name, steps in RECIPES.items():
        for external in (False, True):
            m = every_kind()
            expected = sorted(large_names(m.graph))
            what = name + (", external data" if external else "")
            with tempfile.TemporaryDirectory() as folder:
                r = Result(folder, name, m, steps, external)
                if not r.ok:
                    ok(False, what, r.run.stderr)
                    continue
                rows = r.report["tensors"]
                ok(sorted(row["name"] for row in rows) == expected, "%s: %d tensors, as many rows" % (what, len(expected)),
                   "%s, not %s" % (sorted(row["name"] for row in rows), expected))
                done = [row for row in rows if row["action"]]
                ok(done and all(row["reason"] for row in rows if not row["action"]), what + ": each has an action or a reason",
                   str(rows))
                ok(all("sqnr_db" in row and "clipped_share" in row for row in done), what + ": what changed was measured", str(done))
                ok(r.predicted == r.real_size(), what + ": the plan knew the size", "%s, %s" % (r.predicted, r.real_size()))


# ---- measures ----

def blocks(q, scale, shape):
    """MatMulNBits' B and scales as the float weight (K, N)."""
    nibbles = np.stack([q & 15, q >> 4], -1).reshape(q.shape[0], -1).astype(np.float32) - 8
    w = nibbles.reshape(q.shape[0], q.shape[1], -1) * scale.reshape(q.shape[0], -1, 1)
    return w.reshape(q.shape[0], -1)[:, :shape[0]].T


def written(after, name, shape):
    """A weight as the model that was written has it, and whether it is a float."""
    if name + "_quantized" in after:
        return after[name + "_quantized"].astype(np.float32) * after[name + "_scale"]
    if name + "_Q4" in after:
        return blocks(after[name + "_Q4"], after[name + "_scales"], shape)
    return after[name].astype(np.float32)


def measures_are_those_of_the_file():
    shapes = {"A": (64, 48), "B": (48, 64), "C": (64, 40), "D": (40, 40)}
    before = {name: weights(*shape) for name, shape in shapes.items()}
    before["B"][3] = 0
    chain = "xabcy"
    nodes = [helper.make_node("MatMul", [chain[i], name], [chain[i + 1]], name="n" + name)
             for i, name in enumerate(shapes)]
    m = model(nodes, [initializer(name, w) for name, w in before.items()], [5, 64], 2)
    steps = [dict(INT8, ops=["MatMul"]), dict(FP16, include=["C"]), dict(INT4, include=["n[BD]"]), dict(KEEP, include=["nD"])]
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", m, steps)
        if not r.ok:
            ok(False, "three schemes and a tensor that is kept", r.run.stderr)
            return
        rows = {row["name"]: row for row in r.report["tensors"]}
        after = {t.name: numpy_helper.to_array(t) for t in r.after.graph.initializer}
        ok(["int8" in rows["A"]["action"], "int4" in rows["B"]["action"], rows["C"]["action"], rows["D"]["reason"]]
           == [True, True, "fp16", 'kept by "nD"'], "three schemes, and a tensor that is kept", str(rows))
        for name in "ABC":
            x, y = before[name].astype(np.float64), written(after, name, shapes[name]).astype(np.float64)
            sqnr = 10 * np.log10((x * x).sum() / ((x - y) ** 2).sum())
            ok(abs(sqnr - rows[name]["sqnr_db"]) < 1e-3 and (y == 0).mean() == rows[name]["zero_share"]
               and abs(np.abs(x - y).max() - rows[name]["max_error"]) < 1e-6,
               "%s: the measures are those of the file" % rows[name]["action"], "%s, %s" % (sqnr, rows[name]))
        ok((after["D"] == before["D"]).all(), "what is kept has its bytes")
        ok(cosine(r.outputs(r.source)[0], r.outputs(r.target)[0]) > 0.98, "the mixture computes nearly the same")


# ---- beside the peer ----

def excludes_are_those_of_the_peer():
    if not MatMulNBitsQuantizer:
        return
    nodes = [helper.make_node("MatMul", ["x", "A"], ["a"], name="enc_1"),
             helper.make_node("MatMul", ["a", "B"], ["b"], name="enc_2"),
             helper.make_node("MatMul", ["b", "C"], ["y"], name="head")]
    m = model(nodes, [initializer(n, weights(64, 64)) for n in "ABC"], [3, 64], 2)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "peer_in.onnx")
        for steps in ([dict(INT4, exclude=["head", "*_1"])], [INT4, dict(KEEP, include=["head", "*_1"])],
                      [dict(INT4, include=["enc_2"])]):
            r = Result(folder, "", m, steps)
            onnx.save(m, path)
            q = MatMulNBitsQuantizer(onnx.load(path), block_size=32, is_symmetric=True, accuracy_level=4,
                                     nodes_to_exclude=["head", "enc_1"])
            q.process()
            problems = differences(r.after, q.model.model) if r.ok else [r.run.stderr]
            ok(not problems, "%s: the model that the peer makes with nodes_to_exclude" % steps, "; ".join(problems))


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s" % (ort.__version__, onnx.__version__))
    a_row_for_each()
    measures_are_those_of_the_file()
    excludes_are_those_of_the_peer()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
