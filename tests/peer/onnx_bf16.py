#!/usr/bin/env python3
"""bf16 beside numpy's bfloat16 (ml_dtypes, which onnx brings) and ONNX Runtime: the same bytes, and
the outputs of the float model with its weights so rounded.

    onnx_bf16.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py
does.
"""
import os
import sys
import tempfile

from tap import TRANSFORM, finish, ok
from onnx_int8 import MODELS, Result, conv, initializer, matmul, model, ort, tensors, weights

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BF16 = {"step": "quantize", "scheme": "bf16"}
rng = np.random.default_rng(16)


# ---- bytes ----

def noise(n):
    return rng.standard_normal(n).astype(np.float32)


def ties(n):
    """Halfway between two, with either one even, and a bit beside that."""
    bits = rng.integers(0, 0x7f00, n).astype(np.uint32) << 16 | rng.choice([0x7fff, 0x8000, 0x8001], n)
    return (bits | rng.integers(0, 2, n).astype(np.uint32) << 31).astype(np.uint32).view(np.float32)


def extremes(n):
    return rng.choice([0.0, -0.0, 1e-45, -1e-45, 1e-40, 1.17549e-38, 3.3895e38, -3.3895e38,
                       6e-41], n).astype(np.float32)


def bytes_of_numpy():
    for kind in (noise, ties, extremes):
        w = kind(61 * 67).reshape(61, 67)
        m = model([helper.make_node("MatMul", ["x", "W"], ["y"])], [initializer("W", w)], [3, 61], 2)
        with tempfile.TemporaryDirectory() as folder:
            r = Result(folder, "", m, [BF16])
            if not r.ok:
                ok(False, kind.__name__, r.run.stderr)
                continue
            t = r.after.graph.initializer[0]
            ok((t.name, t.data_type, list(t.dims)) == ("W_bf16", TensorProto.BFLOAT16, [61, 67])
               and t.raw_data == w.astype(ml_dtypes.bfloat16).tobytes(),
               "%s: numpy's bytes" % kind.__name__)
            ok(r.predicted == r.real_size(), "%s: the plan is exact" % kind.__name__)


# ---- beside the float model ----

def rounded(m, changed):
    """The model with its weights rounded, in float32."""
    m = onnx.ModelProto.FromString(m.SerializeToString())
    for name, t in tensors(m).items():
        if name in changed:
            w = numpy_helper.to_array(t).astype(ml_dtypes.bfloat16).astype(np.float32)
            t.CopyFrom(numpy_helper.from_array(w, t.name))
    return m


def check_outputs(name, m, external=False, steps=(BF16,)):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, name, m, list(steps), external)
        if not r.ok:
            ok(False, name, r.run.stderr)
            return
        problems = []
        changed = {e["name"] for e in r.report["tensors"] if e["action"] == "bf16"}
        path = os.path.join(folder, "rounded.onnx")
        onnx.save(rounded(onnx.load(r.source), changed), path)
        try:
            for a, b in zip(r.outputs(path), r.outputs(r.target)):
                if a.tobytes() != b.tobytes():
                    problems.append("an output differs by %g" % np.abs(a - b).max())
            onnx.checker.check_model(r.after, full_check=not external)
        except Exception as problem:
            problems.append(str(problem))
        stored = [t.data_type for t in r.after.graph.initializer].count(TensorProto.BFLOAT16)
        if not changed or stored != len(changed):
            problems.append("%d of %d are stored as bfloat16" % (stored, len(changed)))
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        for e in r.report["tensors"]:
            if e["action"] == "bf16" and not 48 < e["sqnr_db"] < 60:
                problems.append("%s has an SQNR of %g dB" % (e["name"], e["sqnr_db"]))
        ok(not problems, "bf16: " + name, "; ".join(problems))


def embedding():
    nodes = [helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
             helper.make_node("Gather", ["E", "i"], ["a"]),
             helper.make_node("Transpose", ["E"], ["Et"], perm=[1, 0]),
             helper.make_node("MatMul", ["a", "Et"], ["y"])]
    return model(nodes, [initializer("E", weights(30, 64))], [4], 2)


def branches():
    then = helper.make_graph([helper.make_node("MatMul", ["x", "W"], ["t"])], "then", [],
                             [helper.make_tensor_value_info("t", TensorProto.FLOAT, None)])
    other = helper.make_graph([helper.make_node("MatMul", ["x", "V"], ["e"])], "else", [],
                              [helper.make_tensor_value_info("e", TensorProto.FLOAT, None)])
    nodes = [helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
             helper.make_node("Constant", [], ["zero"], value_float=0.0),
             helper.make_node("Greater", ["sum", "zero"], ["yes"]),
             helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=other)]
    return model(nodes, [initializer("W", weights(24, 16)), initializer("V", weights(24, 16))],
                 [3, 24], 2)


def constant():
    nodes = [helper.make_node("Constant", [], ["W"], value=initializer("", weights(24, 16))),
             helper.make_node("MatMul", ["x", "W"], ["y"])]
    return model(nodes, [], [3, 24], 2)


def pair(opset=17):
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"], name="one"),
             helper.make_node("MatMul", ["a", "V"], ["y"], name="two")]
    return model(nodes, [initializer("W", weights(64, 64)), initializer("V", weights(64, 64))],
                 [3, 64], 2, opset)


def outputs_of_the_model():
    for name, m in [
            ("MatMul", matmul()),
            ("MatMul, initializers among the inputs", matmul(as_inputs=True)),
            ("opset 13, IR version 3", matmul(opset=13, ir=3, as_inputs=True)),
            ("opset 22", matmul(opset=22, ir=10)),
            ("Conv with bias", conv(True)),
            ("an embedding tied to a MatMul", embedding()),
            ("weights that branches use", branches()),
            ("a weight in a Constant node", constant()),
            ("a weight that is an output", MODELS["a weight that is an output"]),
            ("names that are taken", MODELS["names that are taken"])]:
        check_outputs(name, m)
    check_outputs("external data", pair(), external=True)


def beside_other_schemes():
    for other in ({"scheme": "int8"}, {"scheme": "fp16"}, {"scheme": "int4"}):
        with tempfile.TemporaryDirectory() as folder:
            r = Result(folder, "", pair(),
                       [dict(BF16), dict({"step": "quantize", "include": ["V"]}, **other)])
            if not r.ok:
                ok(False, "beside %s" % other["scheme"], r.run.stderr)
                continue
            onnx.checker.check_model(r.after)
            a, b = r.outputs(r.source)[0], r.outputs(r.target)[0]
            cosine = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
            ok(cosine > 0.98, "beside %s in one model" % other["scheme"], "cosine %g" % cosine)


def reasons():
    def said(m):
        with tempfile.TemporaryDirectory() as folder:
            return Result(folder, "", m, [BF16]).run.stderr
    ok("opset 13" in said(pair(opset=12)), "an opset before 13 is told", said(pair(opset=12)))
    m = pair()
    w = weights(64, 64)
    w[3, 5] = -3.4e38
    m.graph.initializer[0].CopyFrom(initializer("W", w))
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "", m, [BF16])
        why = {e["name"]: e["reason"] for e in r.report["tensors"]}
        ok("too large" in why["W"] and not why["V"], "what would be infinite stays float", str(why))


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s" % (ort.__version__, onnx.__version__))
    bytes_of_numpy()
    outputs_of_the_model()
    beside_other_schemes()
    reasons()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
