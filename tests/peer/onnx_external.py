#!/usr/bin/env python3
"""External data on request beside ONNX and ONNX Runtime: the checker takes it, it loads, and it computes
to the bit what the same recipe gives in one file.

    onnx_external.py        TAP on stdout

Runs the program pare of the build folder (top_builddir). Skips itself as onnx_int8.py does.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from tap import finish, ok
from onnx_int8 import initializer, model, ort, weights
import onnx_int8

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.external_data_helper import uses_external_data

PARE = os.path.join(os.environ.get("top_builddir", "."), "pare")
THRESHOLD = 1024
SCHEMES = {
    "int8": ["--scheme", "int8"],
    "int8, one weight alone": ["--scheme", "int8", "--include", "A"],
    "int8 as onnxruntime": ["--scheme", "int8", "--match", "onnxruntime"],
    "fp16": ["--scheme", "fp16"],
    "int4": ["--scheme", "int4", "--asymmetric"],
    "int4 in blocks of 128 with int8": ["--scheme", "int4", "--block", "128", "--tensor", "A=int8"],
    "int4 for DequantizeLinear": ["--scheme", "int4", "--form", "qdq"],
    "nf4": ["--scheme", "nf4"],
}


def branch(result, weight):
    info = helper.make_tensor_value_info(result, TensorProto.FLOAT, [4, 96])
    return helper.make_graph([helper.make_node("MatMul", ["c", weight], [result])], "branch_" + result, [],
                             [info], [initializer(weight, weights(96, 96))])


def every_place(opset):
    """Initializers raw, typed and of a subgraph, a Constant, a small one."""
    nodes = [helper.make_node("MatMul", ["x", "A"], ["a"], name="first"),
             helper.make_node("Gemm", ["a", "B", "bias"], ["b"], name="second"),
             helper.make_node("Constant", [], ["K"], value=initializer("", weights(96, 96))),
             helper.make_node("MatMul", ["b", "K"], ["c"], name="third"),
             helper.make_node("ReduceSum", ["c"], ["total"], keepdims=0),
             helper.make_node("Cast", ["total"], ["yes"], to=TensorProto.BOOL),
             helper.make_node("If", ["yes"], ["y"], then_branch=branch("t", "inner"),
                              else_branch=branch("e", "inner2"))]
    tensors = [initializer("A", weights(96, 96)), initializer("B", weights(96, 96), True), initializer("bias", weights(96))]
    m = model(nodes, tensors, [4, 96], 2, opset)
    m.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 96]))
    return onnx.shape_inference.infer_shapes(m)


def pare(source, to, options):
    return subprocess.run([PARE, "quantize", source, "-o", to] + options, capture_output=True, text=True)


def outputs(path, x):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})


def initializers(graph):
    found = list(graph.initializer)
    for node in graph.node:
        for a in node.attribute:
            if a.HasField("g"):
                found += initializers(a.g)
    return found


def raw_bytes(tensor):
    return onnx.numpy_helper.to_array(tensor).nbytes


def check(folder, name, options, opset):
    source, one, two = (os.path.join(folder, f) for f in ("in.onnx", "one.onnx", "two.onnx"))
    onnx.save(every_place(opset), source)
    for path, more in ((one, []), (two, ["--external-data"])):
        r = pare(source, path, options + more)
        if r.returncode:
            return ok(False, name, r.stderr)
    try:
        onnx.checker.check_model(two)
        problem = ""
    except onnx.checker.ValidationError as e:
        problem = str(e)
    if not any(n.domain == "com.microsoft" for n in onnx.load(two, load_external_data=False).graph.node):
        ok(not problem, name + ": the checker takes it", problem)
    named = initializers(onnx.load(two, load_external_data=False).graph)
    # Scales go with their values, and stay when those stay; a match leaves what is in branches there.
    inside = ("inner", "inner2") if "onnxruntime" in name else ()
    wrong = [t.name for t, whole in zip(named, initializers(onnx.load(two).graph))
             if t.name.replace("_quantized", "") not in inside and "scale" not in t.name and "absmax" not in t.name and "zero_point" not in t.name
             and uses_external_data(t) != (raw_bytes(whole) >= THRESHOLD)]
    ok(not wrong and any(uses_external_data(t) for t in named), name + ": what is large enough is outside", str(wrong))
    entries = {e.value for t in named for e in t.external_data if e.key == "location"}
    ok(entries == {"two.onnx.data"}, name + ": in the one file", str(entries))
    x = weights(4, 96)
    ok(all(np.array_equal(a, b) for a, b in zip(outputs(one, x), outputs(two, x))),
       name + ": it computes to the bit what one file does")
    back = pare(two, os.path.join(folder, "again.onnx"), ["--scheme", "fp16", "--include", "inner*"])
    ok(back.returncode in (0, 4), name + ": and is a source again", back.stderr)


def links_as_the_peer_has_them(folder):
    """What ONNX Runtime opens through links is opened, what it refuses is refused."""
    m = onnx_int8.matmul()
    for inner in ("model", "cache/blobs", "cache/snapshot", "out"):
        os.makedirs(os.path.join(folder, inner))
    onnx.save(m, os.path.join(folder, "out", "m.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    for name in ("m.onnx", "w.bin"):
        shutil.copy(os.path.join(folder, "out", name), os.path.join(folder, "cache/blobs", name))
        os.symlink("../blobs/" + name, os.path.join(folder, "cache/snapshot", name))
    shutil.copy(os.path.join(folder, "out/m.onnx"), os.path.join(folder, "model/m.onnx"))
    os.symlink("../out/w.bin", os.path.join(folder, "model/w.bin"))
    x = weights(3, 24)
    for name in ("out", "cache/snapshot", "model"):
        path = os.path.join(folder, name, "m.onnx")
        try:
            outputs(path, x)
            loads = True
        except Exception as e:  # a class of its own for each failure
            loads = False
            print("# %s" % str(e)[:300].replace("\n", " "))
        done = pare(path, os.path.join(folder, "o.onnx"), ["--scheme", "int8"]).returncode == 0
        older = tuple(map(int, ort.__version__.split(".")[:2])) < (1, 24)  # looked at no links
        ok(done == (loads and not (older and name == "model")), "data behind links, " + name,
           "opened: %s, by the peer: %s" % (done, loads))


def main():
    for name, options in SCHEMES.items():
        with tempfile.TemporaryDirectory() as folder:
            check(folder, name, options, 21 if "Dequantize" in name else 17)
    with tempfile.TemporaryDirectory() as folder:
        links_as_the_peer_has_them(folder)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
