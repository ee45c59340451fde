#!/usr/bin/env python3
"""Embedding tables under int8 beside ONNX and ONNX Runtime: the bytes of the formulas, outputs near
those of the float model, and the reasons of those that stay as they are.

    onnx_table8.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py does.
"""
import os
import sys
import tempfile

from tap import TRANSFORM, finish, ok
from onnx_int8 import INT8, Result, check_model, initializer, model, ort, sqnr, weights
from onnx_table4 import borders, indices, lookup, reason

import onnx
from onnx import helper

ROWS, COLUMNS = 600, 64


def table(**more):
    return lookup(weights(ROWS, COLUMNS), **more)


def uses(*nodes, constant=False):
    """Nodes that take rows E by i and give y."""
    e = initializer("E", weights(ROWS, COLUMNS))
    first = [helper.make_node("Constant", [], ["E"], value=e)] if constant else []
    return model(indices() + first + list(nodes), ([] if constant else [e]) + borders(), [3, 4], 3)


def take(result, **more):
    return helper.make_node("Gather", ["E", "i"], [result], **more)


def twice():
    return uses(take("a", name="look"), take("b", axis=-2), helper.make_node("Add", ["a", "b"], ["y"]))


def tied():
    """A language model's ends: rows in front, the same table turned around behind."""
    return uses(take("a"), helper.make_node("Transpose", ["E"], ["Et"], perm=[1, 0]),
                helper.make_node("MatMul", ["a", "Et"], ["y"]))


def tied_directly():
    nodes = [take("a"), helper.make_node("Gemm", ["x", "E"], ["g"], transB=1)]
    m = model(indices() + nodes + [helper.make_node("ReduceMax", ["a"], ["m"], keepdims=0),
                                   helper.make_node("Add", ["g", "m"], ["y"])],
              [initializer("E", weights(1200, 32))] + borders(), [3, 32], 2)
    return m


def then_product():
    m = uses(take("a", name="look"), helper.make_node("MatMul", ["a", "W"], ["b"]),
             helper.make_node("Relu", ["b"], ["y"]))
    m.graph.initializer.append(initializer("W", weights(COLUMNS, 48)))
    return m


def written():
    for name, m in [
            ("a table", table()),
            ("opset 11 of IR version 3", table(opset=11, ir=3, as_inputs=True)),
            ("opset 21", table(opset=21)),
            ("a table of two uses", twice()),
            ("a table in a Constant node", uses(take("y"), constant=True)),
            ("a table and a product", then_product()),
            ("a table tied to a product", tied()),
            ("a table tied to a Gemm", tied_directly())]:
        r = check_model("int8: " + name, m, [INT8], 30)
        if r and "tied" not in name:
            rows = [n for n in r.after.graph.node if n.op_type == "Gather"]
            action = next(e["action"] for e in r.report["tensors"] if e["name"] in ("W", "E"))
            looks = sum(n.op_type == "Gather" for n in r.before.graph.node)
            ok(action == "int8 per row, looked up" and len(rows) == 2 * looks,
               "int8: %s: rows are taken as int8, with their scales" % name, action)
        elif r:
            forms = [e["action"] for e in r.report["tensors"] if e["name"] == "E"]
            ok(forms == ["int8 per channel, weight-only"], "int8: %s: quantized once, for all" % name, forms)
    check_model("int8: external data", then_product(), [INT8], 30, external=True)
    check_model("int8 per tensor: a table", table(), [dict(INT8, per_channel=False)], 30,
                per_channel=False)
    check_model("int8 weight-only: a table and a product", then_product(),
                [dict(INT8, form="weight-only")], 35)


def among_other_schemes():
    for scheme in ("fp16", "bf16", "int4"):
        with tempfile.TemporaryDirectory() as folder:
            steps = [{"step": "quantize", "scheme": scheme}, dict(INT8, include=["E"])]
            r = Result(folder, "", then_product(), steps)
            quality = sqnr(r.outputs(r.source), r.outputs(r.target)) if r.ok else r.run.stderr
            ok(r.ok and quality > (10 if scheme == "int4" else 30) and r.predicted == r.real_size(),
               "a table in int8, the rest in %s" % scheme, quality)


def left():
    ok("less than 64 KiB" in reason(lookup(weights(100, 64)), "W", INT8), "a small table is left",
       reason(lookup(weights(100, 64)), "W", INT8))
    ok("no dynamic form" in reason(table(), "W", dict(INT8, form="dynamic")), "one for the dynamic form too",
       reason(table(), "W", dict(INT8, form="dynamic")))
    m = table()
    m.graph.node[2].attribute.append(helper.make_attribute("axis", 1))
    ok("another axis" in reason(m, "W", INT8), "and one that is taken by columns", reason(m, "W", INT8))
    m = uses(take("a"), helper.make_node("ReduceMax", ["E"], ["m"], keepdims=0),
             helper.make_node("Add", ["a", "m"], ["y"]))
    ok("something else" in reason(m, "E", INT8), "and one that is wanted as float", reason(m, "E", INT8))
    ok("feeds no MatMul" in reason(table(), "W", {"step": "quantize", "scheme": "int4"}),
       "other schemes leave it", reason(table(), "W", {"step": "quantize", "scheme": "int4"}))


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s" % (ort.__version__, onnx.__version__))
    written()
    among_other_schemes()
    left()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
