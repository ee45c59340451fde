#!/usr/bin/env python3
"""libpare beside ONNX and ONNX Runtime: what it writes loads, computes the same within a bound,
and holds the bytes that the formulas give.

    onnx_int8.py [--keep FOLDER]        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself where onnx,
onnxruntime or numpy cannot be imported, unless PARE_PEERS is set; requirements.txt pins what it was written against.
"""
import json
import os
import subprocess
import sys
import tempfile

from tap import TRANSFORM, finish, need, ok

need("numpy", "onnx", "onnxruntime")

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

INT8 = {"step": "quantize", "scheme": "int8"}
rng = np.random.default_rng(20240229)


# ---- small models ----

def weights(*shape):
    return (rng.standard_normal(shape) * 0.3).astype(np.float32)


def initializer(name, array, typed=False):
    if typed:
        return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.flatten().tolist())
    return numpy_helper.from_array(array, name)


def model(nodes, initializers, x_shape, y_rank, opset=17, ir=8, as_inputs=False, outputs=("y",)):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)]
    if as_inputs:
        inputs += [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims))
                   for t in initializers]
    results = [helper.make_tensor_value_info(o, TensorProto.FLOAT, [None] * y_rank)
               for o in outputs]
    graph = helper.make_graph(nodes, "g", inputs, results, initializers)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    m.ir_version = ir
    return m


def matmul(opset=17, typed=False, **more):
    return model([helper.make_node("MatMul", ["x", "W"], ["y"], name="product")],
                 [initializer("W", weights(24, 16), typed)], [3, 24], 2, opset, **more)


def gemm(x_shape, w_shape, bias=None, **attributes):
    inputs = ["x", "W"] + (["C"] if bias is not None else [])
    tensors = [initializer("W", weights(*w_shape))]
    if bias is not None:
        tensors.append(initializer("C", bias))
    return model([helper.make_node("Gemm", inputs, ["y"], **attributes)], tensors, x_shape, 2)


def conv(bias, opset=17, group=1):
    inputs = ["x", "W"] + (["B"] if bias else [])
    tensors = [initializer("W", weights(12, 6 // group, 3, 3))]
    if bias:
        tensors.append(initializer("B", weights(12)))
    return model([helper.make_node("Conv", inputs, ["y"], pads=[1, 1, 1, 1], group=group)],
                 tensors, [2, 6, 8, 8], 4, opset)


def tied():
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("MatMul", ["b", "W"], ["y"])]
    return model(nodes, [initializer("W", weights(20, 20))], [3, 20], 2)


def tied_with_gather():
    nodes = [helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
             helper.make_node("Gather", ["E", "i"], ["a"]),
             helper.make_node("Transpose", ["E"], ["Et"], perm=[1, 0]),
             helper.make_node("MatMul", ["a", "Et"], ["y"])]
    return model(nodes, [initializer("E", weights(30, 16))], [4], 2)


def shared_input():
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"]), helper.make_node("MatMul", ["x", "V"], ["b"]),
             helper.make_node("Add", ["a", "b"], ["y"])]
    return model(nodes, [initializer("W", weights(24, 16)), initializer("V", weights(24, 16))],
                 [3, 24], 2)


def constant_node():
    nodes = [helper.make_node("Constant", [], ["W"], value=initializer("", weights(24, 16))),
             helper.make_node("Constant", [], ["K"], value=initializer("", weights(16, 4, 1, 1))),
             helper.make_node("MatMul", ["x", "W"], ["a"]),
             helper.make_node("Constant", [], ["s"],
                              value=numpy_helper.from_array(np.array([3, 4, 2, 2], np.int64))),
             helper.make_node("Reshape", ["a", "s"], ["b"]),
             helper.make_node("Conv", ["b", "K"], ["y"])]
    return model(nodes, [], [3, 24], 4)


def subgraph():
    inner = initializer("inner", weights(16, 16))
    then = helper.make_graph([helper.make_node("MatMul", ["a", "inner"], ["t"])], "then", [],
                             [helper.make_tensor_value_info("t", TensorProto.FLOAT, None)], [inner])
    other = helper.make_graph([helper.make_node("MatMul", ["a", "W2"], ["e"])], "else", [],
                              [helper.make_tensor_value_info("e", TensorProto.FLOAT, None)])
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"]),
             helper.make_node("ReduceSum", ["a"], ["sum"], keepdims=0),
             helper.make_node("Constant", [], ["zero"], value_float=0.0),
             helper.make_node("Greater", ["sum", "zero"], ["positive"]),
             helper.make_node("If", ["positive"], ["y"], then_branch=then, else_branch=other,
                              name="branch")]
    return model(nodes, [initializer("W", weights(24, 16)), initializer("W2", weights(16, 16))],
                 [3, 24], 2)


def branches():
    """Weights in Constants, one first and one last in its branch; an If in an If; a Conv's too."""
    def constant(name, array):
        return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))

    def value(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    deep = helper.make_graph([constant("deep", weights(16, 16)),
                              helper.make_node("MatMul", ["a", "deep"], ["d"])], "deep", [], [value("d")])
    plain = helper.make_graph([helper.make_node("Identity", ["a"], ["p"])], "plain", [], [value("p")])
    then = helper.make_graph([helper.make_node("If", ["positive"], ["i"], then_branch=deep, else_branch=plain),
                              constant("B", weights(16, 20)),
                              helper.make_node("Gemm", ["i", "B"], ["t"])], "then", [], [value("t")])
    other = helper.make_graph([constant("shape", np.array([3, 16, 1], np.int64)),
                               helper.make_node("Reshape", ["a", "shape"], ["r"]),
                               constant("K", weights(20, 16, 1)),
                               helper.make_node("Conv", ["r", "K"], ["c"]),
                               constant("flat", np.array([3, 20], np.int64)),
                               helper.make_node("Reshape", ["c", "flat"], ["e"])], "else", [], [value("e")])
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"]),
             helper.make_node("ReduceSum", ["a"], ["sum"], keepdims=0),
             helper.make_node("Constant", [], ["zero"], value_float=0.0),
             helper.make_node("Greater", ["sum", "zero"], ["positive"]),
             helper.make_node("If", ["positive"], ["y"], then_branch=then, else_branch=other)]
    return model(nodes, [initializer("W", weights(24, 16))], [3, 24], 2)


def loop():
    """A body that multiplies by its own weight three times."""
    body = helper.make_graph(
        [helper.make_node("MatMul", ["state", "inner"], ["product"]),
         helper.make_node("Tanh", ["product"], ["next"]),
         helper.make_node("Identity", ["go"], ["on"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("state", TensorProto.FLOAT, [3, 24])],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.FLOAT, [3, 24])],
        [initializer("inner", weights(24, 24))])
    nodes = [helper.make_node("Constant", [], ["three"], value_int=3),
             helper.make_node("Loop", ["three", "", "x"], ["y"], body=body)]
    return model(nodes, [], [3, 24], 2)


def recurrent(op, gates):
    """As exporters write it: the gates cut apart, put together in ONNX's order, one axis in front."""
    hidden, tensors, nodes = 16, [], []
    for name, width in (("W", 24), ("R", hidden)):
        tensors.append(initializer(name, weights(gates * hidden, width)))
        for gate in reversed(range(gates)):
            for end, at in (("from", gate), ("to", gate + 1)):
                tensors.append(numpy_helper.from_array(np.array([at * hidden], np.int64), name + end + str(gate)))
            nodes.append(helper.make_node("Slice", [name, name + "from%d" % gate, name + "to%d" % gate, "axis"],
                                          [name + "part%d" % gate]))
        nodes += [helper.make_node("Concat", [name + "part%d" % g for g in reversed(range(gates))], [name + "all"], axis=0),
                  helper.make_node("Unsqueeze", [name + "all", "axis"], [name + "3d"])]
    tensors.append(numpy_helper.from_array(np.array([0], np.int64), "axis"))
    nodes.append(helper.make_node(op, ["x", "W3d", "R3d"], ["y"], hidden_size=hidden))
    return model(nodes, tensors, [5, 3, 24], 4)


def conv_transpose():
    return model([helper.make_node("ConvTranspose", ["x", "W"], ["y"])], [initializer("W", weights(8, 6, 3, 3))],
                 [1, 8, 7, 7], 4)


def through_reshape():
    tensors = [initializer("W", weights(4, 6, 16)),
               numpy_helper.from_array(np.array([24, 16], np.int64), "s")]
    nodes = [helper.make_node("Reshape", ["W", "s"], ["R"]),
             helper.make_node("MatMul", ["x", "R"], ["y"])]
    return model(nodes, tensors, [3, 24], 2)


def batched():
    return model([helper.make_node("MatMul", ["x", "W"], ["y"])],
                 [initializer("W", weights(2, 12, 16))], [2, 3, 12], 3)


def weight_left():
    return model([helper.make_node("MatMul", ["W", "x"], ["y"])],
                 [initializer("W", weights(16, 24))], [24, 3], 2)


def names_taken():
    nodes = [helper.make_node("Identity", ["x"], ["x_quantized"]),
             helper.make_node("MatMul", ["x_quantized", "W"], ["a"]),
             helper.make_node("Add", ["a", "W_scale"], ["y"])]
    return model(nodes, [initializer("W", weights(24, 16)), initializer("W_scale", weights(16))],
                 [3, 24], 2)


def weight_is_output():
    return model([helper.make_node("MatMul", ["x", "W"], ["y"])],
                 [initializer("W", weights(24, 16))], [3, 24], 2, outputs=("y", "W"))


row = weights(16)
MODELS = {
    "MatMul": matmul(),
    "MatMul with typed data": matmul(typed=True),
    "MatMul, initializers among the inputs": matmul(as_inputs=True),
    "MatMul of IR version 3": matmul(opset=8, ir=3, as_inputs=True),
    "MatMul of IR version 3 and opset 11": matmul(opset=11, ir=3, as_inputs=True),
    "MatMul of three dimensions": batched(),
    "MatMul with the weight on the left": weight_left(),
    "Gemm": gemm([3, 24], (24, 16)),
    "Gemm with bias": gemm([3, 24], (24, 16), row),
    "Gemm with transB and bias": gemm([3, 24], (16, 24), row, transB=1),
    "square Gemm with transB": gemm([3, 20], (20, 20), None, transB=1),
    "Gemm with transA": gemm([24, 3], (24, 16), None, transA=1),
    "Gemm with alpha, beta, transA, transB, bias": gemm([24, 3], (16, 24), weights(3, 1), alpha=0.5,
                                                        beta=1.5, transA=1, transB=1),
    "Gemm with beta 0": gemm([3, 24], (24, 16), row, beta=0.0),
    "Conv": conv(False),
    "Conv with bias": conv(True),
    "Conv in groups": conv(True, group=2),
    "tied MatMuls": tied(),
    "an embedding tied to a MatMul": tied_with_gather(),
    "two MatMuls of one input": shared_input(),
    "weights in Constant nodes": constant_node(),
    "weights in and for an If": subgraph(),
    "Constants in an If and in an If in it": branches(),
    "a weight in a Loop's body": loop(),
    "LSTM": recurrent("LSTM", 4),
    "GRU": recurrent("GRU", 3),
    "ConvTranspose": conv_transpose(),
    "a weight behind a Reshape": through_reshape(),
    "names that are taken": names_taken(),
    "a weight that is an output": weight_is_output(),
}
for version in range(8, 22):
    MODELS["MatMul of opset %d" % version] = matmul(opset=version)
    MODELS["Conv of opset %d" % version] = conv(True, opset=version)


# ---- running them ----

class Result:
    def __init__(self, folder, name, m, steps, external=False):
        self.source = os.path.join(folder, "in.onnx")
        self.target = os.path.join(folder, "out.onnx")
        if external:
            onnx.save(m, self.source, save_as_external_data=True, location="weights.bin",
                      size_threshold=0)
        else:
            onnx.save(m, self.source)
        recipe = json.dumps({"steps": steps})
        self.run = subprocess.run([TRANSFORM, recipe, self.source, self.target],
                                  capture_output=True, text=True)
        self.ok = self.run.returncode == 0
        if self.ok:
            self.report = json.loads(self.run.stdout[:self.run.stdout.rindex("predicted")])
            self.predicted = int(self.run.stdout.rsplit("predicted ", 1)[1].split()[0])
            self.before = onnx.load(self.source)
            self.after = onnx.load(self.target)

    def real_size(self):
        extra = self.target + ".data"
        return os.path.getsize(self.target) + (os.path.getsize(extra) if os.path.exists(extra) else 0)

    def outputs(self, path):
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feed = {}
        local = np.random.default_rng(3)
        for i in session.get_inputs():
            feed[i.name] = local.standard_normal(i.shape).astype(np.float32)
        return session.run(None, feed)


def sqnr(want, got):
    signal = sum(float((a.astype(np.float64) ** 2).sum()) for a in want)
    noise = sum(float(((a.astype(np.float64) - b) ** 2).sum()) for a, b in zip(want, got))
    return np.inf if noise == 0 else 10 * np.log10(signal / noise)


def tensors(m):
    """Initializers and Constants by name, those inside subgraphs too."""
    found, graphs = {}, [m.graph]
    while graphs:
        graph = graphs.pop()
        found.update({t.name: t for t in graph.initializer})
        for node in graph.node:
            for a in node.attribute:
                if node.op_type == "Constant" and a.name == "value":
                    found[node.output[0]] = a.t
                if a.type == onnx.AttributeProto.GRAPH:
                    graphs.append(a.g)
    return found


def untouched(result):
    """Initializers that kept their name kept every byte, when the values are not elsewhere."""
    before, after = tensors(result.before), tensors(result.after)
    changed = {e["name"] for e in result.report["tensors"] if e["action"]}
    kept = [n for n in before if n not in changed]
    return all(n in after and before[n].SerializeToString() == after[n].SerializeToString()
               for n in kept)


def check_bytes(result, per_channel=True, reduce_range=False):
    """W_quantized and W_scale as engine's formulas have them, in numpy."""
    before, after = tensors(result.before), tensors(result.after)
    for e in result.report["tensors"]:
        if "int8" not in e["action"]:
            continue
        w = numpy_helper.to_array(before[e["name"]])
        q = next(numpy_helper.to_array(t) for n, t in after.items()
                 if n.startswith(e["name"] + "_quantized"))
        s = next(numpy_helper.to_array(t) for n, t in after.items()
                 if n.startswith(e["name"] + "_scale") and n not in before)
        axes = [i for i in range(w.ndim) if s.size == w.shape[i]] if s.size > 1 else [None]
        if not any(matches(w, q, s, axis, reduce_range) for axis in axes):
            return False
        if per_channel != (s.size > 1):
            return False
    return True


def matches(w, q, s, axis, reduce_range):
    others = tuple(i for i in range(w.ndim) if i != axis)
    absmax = np.abs(w).max(axis=others) if axis is not None else np.abs(w).max()
    scale = (absmax + absmax).astype(np.float32).astype(np.float64) / (128 if reduce_range else 254)
    scale = np.where(scale < np.finfo(np.float32).tiny, 1.0, scale).astype(np.float32)
    shape = [-1 if i == axis else 1 for i in range(w.ndim)]
    want = np.clip(np.rint(w / scale.reshape(shape)), -128, 127).astype(np.int8)
    return (want == q).all() and (scale.flatten() == s.flatten()).all()


def check_model(name, m, steps, bound, external=False, **formula):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, name, m, steps, external)
        if not r.ok:
            ok(False, name, r.run.stderr)
            return None
        problems = []
        try:
            onnx.checker.check_model(r.target)
            quality = sqnr(r.outputs(r.source), r.outputs(r.target))
            if quality < bound:
                problems.append("SQNR of the outputs is %.1f dB, below %g" % (quality, bound))
        except Exception as problem:
            problems.append(str(problem))
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        if not external and not untouched(r):
            problems.append("an untouched tensor changed")
        if any(s["step"] == "quantize" for s in steps) and len(steps) == 1:
            if not any("int8" in e["action"] for e in r.report["tensors"]):
                problems.append("nothing became int8")
            if not check_bytes(r, **formula):
                problems.append("weights or scales differ from the formulas")
        keys = {p.key for p in r.after.metadata_props}
        if not {"pare.engine", "pare.recipe", "pare.source_sha256"} <= keys:
            problems.append("provenance is missing: %s" % keys)
        ok(not problems, name, "; ".join(problems))
        return r


def int8_everywhere():
    for name, m in MODELS.items():
        check_model("int8: " + name, m, [INT8], 30)
    check_model("int8 per tensor: Conv", conv(True), [dict(INT8, per_channel=False)], 30,
                per_channel=False)
    check_model("int8 in reduced range: MatMul", matmul(), [dict(INT8, reduce_range=True)], 25,
                reduce_range=True)
    check_model("int8 weight-only keeps the full range: Conv", conv(True),
                [dict(INT8, reduce_range=True)], 30)
    check_model("int8 weight-only keeps the full range: MatMul", matmul(),
                [dict(INT8, reduce_range=True, form="weight-only")], 35)
    check_model("int8 weight-only: MatMul", matmul(), [dict(INT8, form="weight-only")], 35)
    check_model("int8: external data", shared_input(), [INT8], 30, external=True)
    check_model("int8: external data in Constant nodes", constant_node(), [INT8], 30, external=True)


def prune_and_compose():
    half = {"step": "prune", "method": "l1", "amount": 0.5}
    for name in ["MatMul", "MatMul with typed data", "Conv with bias", "weights in Constant nodes"]:
        r = check_model("l1 by half: " + name, MODELS[name], [half], 3)
        r2 = check_model("l1 by half, then int8: " + name, MODELS[name], [half, INT8], 3)
        if not r or not r2:
            continue
        before, after = tensors(r.before), tensors(r.after)
        exact = all(pruned_exactly(numpy_helper.to_array(before[e["name"]]),
                                   numpy_helper.to_array(after[e["name"]]))
                    for e in r.report["tensors"] if e["action"])
        ok(exact, "l1 by half: %s: the smallest half of each tensor is zero, the rest kept" % name)
        kept = all(zeros_kept(after, tensors(r2.after), e["name"])
                   for e in r2.report["tensors"] if "int8" in e["action"])
        ok(kept, "l1 by half, then int8: %s: what was pruned is 0" % name)
    check_model("l1 by half: external data", shared_input(), [half], 3, external=True)


def zeros_kept(pruned, quantized, name):
    w = numpy_helper.to_array(pruned[name])
    q = next(numpy_helper.to_array(t) for n, t in quantized.items() if n.startswith(name + "_quan"))
    return (q[w == 0] == 0).all()


def pruned_exactly(w, pruned):
    k = round(0.5 * w.size)
    order = np.argsort(np.abs(w).flatten(), kind="stable")
    want = w.flatten().copy()
    want[order[:k]] *= 0  # keeps the sign, as mask * w does
    return want.tobytes() == pruned.tobytes()


def subgraphs():
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "If", branches(), [INT8])
        actions = {e["name"]: e["action"] for e in r.report["tensors"]}
        ok(all("weight-only" in actions.get(name, "") for name in ("deep", "B", "K")),
           "weights inside an If become int8", str(actions))
        onnx.checker.check_model(r.after, full_check=True)
    for scheme in "fp16", "int4":
        with tempfile.TemporaryDirectory() as folder:
            r = Result(folder, "If", branches(), [{"step": "quantize", "scheme": scheme}])
            reasons = {e["name"]: e["reason"] for e in r.report["tensors"]}
            ok("subgraph" in reasons.get("deep", ""), "for %s they are left, and said so" % scheme, str(reasons))
    with tempfile.TemporaryDirectory() as folder:
        steps = [{"step": "quantize", "scheme": "fp16"}, dict(INT8, include=["deep", "B", "K"])]
        r = Result(folder, "If", branches(), steps)
        ok(r.ok and sqnr(r.outputs(r.source), r.outputs(r.target)) > 30, "int8 inside, fp16 around",
           r.run.stderr if not r.ok else "")
    with tempfile.TemporaryDirectory() as folder:
        old = branches()
        old.ir_version = 3
        r = Result(folder, "If", old, [INT8])
        reasons = {e["name"]: e["reason"] for e in r.report["tensors"]} if r.ok else r.run.stderr
        ok(r.ok and "IR version" in reasons["deep"], "IR version 3 has no place for them", str(reasons))


def same_bytes_again():
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, "a", constant_node(), [INT8])
        first = open(r.target, "rb").read()
        subprocess.run([TRANSFORM, json.dumps({"steps": [INT8]}), r.source, r.target],
                       capture_output=True, check=True)
        ok(open(r.target, "rb").read() == first, "the same input gives the same bytes")


def unknown_fields_survive():
    m = matmul()
    m.graph.doc_string = "kept"
    m.metadata_props.add(key="author", value="someone")
    raw = m.SerializeToString() + b"\xf2\x3e\x05hello"  # field 1006, which nobody defined
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.onnx"), os.path.join(folder, "out.onnx")
        with open(source, "wb") as f:
            f.write(raw)
        subprocess.run([TRANSFORM, json.dumps({"steps": [INT8]}), source, target],
                       capture_output=True, check=True)
        after = onnx.load(target)
        ok(b"\xf2\x3e\x05hello" in open(target, "rb").read() and after.graph.doc_string == "kept"
           and any(p.key == "author" for p in after.metadata_props), "unknown fields survive")


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    if "--keep" in sys.argv:
        folder = sys.argv[sys.argv.index("--keep") + 1]
        for name, m in MODELS.items():
            onnx.save(m, os.path.join(folder, name.replace(" ", "_").replace(",", "") + ".onnx"))
    print("# onnxruntime %s, onnx %s" % (ort.__version__, onnx.__version__))
    int8_everywhere()
    prune_and_compose()
    subgraphs()
    same_bytes_again()
    unknown_fields_survive()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
