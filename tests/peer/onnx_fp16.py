#!/usr/bin/env python3
"""libpare's fp16 beside numpy and ONNX Runtime: tensors hold what numpy's astype(float16) gives,
what is written passes the checker, loads, and computes nearly what float32 did.

    onnx_fp16.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself where onnx,
onnxruntime or numpy cannot be imported, unless PARE_PEERS is set.
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

FP16 = {"step": "quantize", "scheme": "fp16"}
INT8 = {"step": "quantize", "scheme": "int8"}
INT4 = {"step": "quantize", "scheme": "int4"}
HALF = {"step": "prune", "method": "l1", "amount": 0.5}
F, H, I = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64
rng = np.random.default_rng(20240301)


# ---- small models ----

def weights(*shape):
    return (rng.standard_normal(shape) * 0.3).astype(np.float32)


def node(op, inputs, outputs, **more):
    return helper.make_node(op, inputs.split(), outputs.split(), **more)


def model(nodes, tensors, x_shape, opset=17, ir=8, as_inputs=False, outputs=("y",), x_type=F,
          infer=False):
    inputs = [helper.make_tensor_value_info("x", x_type, x_shape)]
    tensors = [numpy_helper.from_array(a, n) if isinstance(a, np.ndarray) else a
               for n, a in tensors.items()]
    if as_inputs:
        inputs += [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims))
                   for t in tensors]
    results = [helper.make_tensor_value_info(o, F, None) for o in outputs]
    graph = helper.make_graph(nodes, "g", inputs, results, tensors)
    domains = [helper.make_opsetid("", opset)]
    if any(n.domain for n in nodes):
        domains.append(helper.make_opsetid("com.microsoft", 1))
    m = helper.make_model(graph, opset_imports=domains)
    m.ir_version = ir
    inferred = onnx.shape_inference.infer_shapes(m)
    for mine, its in zip(m.graph.output, inferred.graph.output):
        if its.type.tensor_type.HasField("shape"):  # which the checker wants
            mine.CopyFrom(its)
    return inferred if infer else m


def matmul(**more):
    return model([node("MatMul", "x W", "a", name="product"), node("Add", "a B", "y")],
                 {"W": weights(24, 16), "B": weights(16)}, [3, 24], **more)


def typed_matmul():
    w = weights(24, 16)
    t = helper.make_tensor("W", F, w.shape, w.flatten().tolist())
    return model([node("MatMul", "x W", "y")], {"W": t}, [3, 24])


def conv(**more):
    return model([node("Conv", "x W B", "a", pads=[1, 1, 1, 1]), node("Relu", "a", "y")],
                 {"W": weights(12, 6, 3, 3), "B": weights(12)}, [2, 6, 8, 8], **more)


def embedding(**more):
    return model([node("Gather", "E x", "a"), node("LayerNormalization", "a G N", "b"),
                  node("MatMul", "b W", "c"), node("Softmax", "c", "y")],
                 {"E": weights(40, 24), "G": weights(24) + 1, "N": weights(24), "W": weights(24, 16)},
                 [5], x_type=I, **more)


def tied_embedding():
    return model([node("Gather", "E x", "a"), node("Transpose", "E", "t", perm=[1, 0]),
                  node("MatMul", "a t", "y")], {"E": weights(30, 16)}, [4], x_type=I)


def resize(infer=False):
    nodes = [node("Conv", "x W", "a", pads=[1, 1, 1, 1]),
             node("Mul", "half four", "two"), node("Concat", "ones two two", "scales", axis=0),
             node("Resize", "a  scales".replace("  ", " roi "), "b", mode="linear"),
             node("Conv", "b V", "y")]
    return model(nodes, {"W": weights(6, 4, 3, 3), "V": weights(5, 6, 1, 1),
                         "half": np.array([0.5], np.float32), "four": np.array([4], np.float32),
                         "ones": np.array([1, 1], np.float32), "roi": np.zeros(0, np.float32)},
                 [1, 4, 6, 6], infer=infer)


def branch():
    inner = numpy_helper.from_array(weights(16, 16), "inner")
    then = helper.make_graph([node("MatMul", "a inner", "t")], "then", [],
                             [helper.make_tensor_value_info("t", F, None)], [inner])
    other = helper.make_graph([node("MatMul", "a W2", "e")], "else", [],
                              [helper.make_tensor_value_info("e", F, None)])
    nodes = [node("MatMul", "x W", "a"), node("ReduceSum", "a", "sum", keepdims=0),
             node("Constant", "", "zero", value_float=0.0), node("Greater", "sum zero", "positive"),
             node("If", "positive", "b", then_branch=then, else_branch=other, name="branch"),
             node("MatMul", "b W2", "y")]
    return model(nodes, {"W": weights(24, 16), "W2": weights(16, 16)}, [3, 24])


def loop():
    body = helper.make_graph(
        [node("MatMul", "s W", "t"), node("Identity", "c", "c2"), node("Add", "t bias", "s2")],
        "body", [helper.make_tensor_value_info("i", I, []),
                 helper.make_tensor_value_info("c", TensorProto.BOOL, []),
                 helper.make_tensor_value_info("s", F, None)],
        [helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
         helper.make_tensor_value_info("s2", F, None)])
    nodes = [node("MatMul", "x W", "a"), node("Relu", "a", "bias"),
             node("Loop", "n yes a", "l", body=body), node("MatMul", "l V", "y")]
    return model(nodes, {"W": weights(16, 16) * 0.5, "V": weights(16, 8),
                         "n": np.array(3, np.int64), "yes": np.array(True)}, [2, 16])


def constants():
    def constant(name, array):
        return node("Constant", "", name, value=numpy_helper.from_array(array))
    nodes = [constant("W", weights(24, 16)), constant("K", weights(16, 4, 1, 1)),
             constant("B", weights(16)), constant("half", np.array(0.5, np.float32)),
             node("Constant", "", "third", value_float=1 / 3), node("MatMul", "x W", "a"),
             node("Constant", "", "four", value_floats=[4.0, 3.0, 2.0, 1.0]),
             constant("s", np.array([3, 4, 2, 2], np.int64)), node("Reshape", "a s", "b"),
             node("Mul", "b half", "c"), node("Mul", "c third", "d"),
             node("Conv", "d K B", "e"), node("Constant", "", "f", value_floats=[1.0, 2.0]),
             node("Add", "e f", "g"), node("Conv", "g K2", "y")]
    return model(nodes, {"K2": weights(3, 16, 1, 1)}, [3, 24])


def mask(value=-np.inf):
    nodes = [node("MatMul", "x W", "a"), node("Greater", "x zero", "m"),
             node("Where", "m a low", "b"), node("Softmax", "b", "c"), node("MatMul", "c W", "y")]
    return model(nodes, {"W": weights(16, 16), "zero": np.array(1.0, np.float32),
                         "low": np.array(value, np.float32)}, [4, 16])


def epsilon():
    nodes = [node("MatMul", "x W", "a"), node("Mul", "a zero", "n"), node("Add", "n eps", "v"),
             node("Sqrt", "v", "s"), node("Div", "a s", "b"), node("MatMul", "b V", "y")]
    return model(nodes, {"W": weights(16, 16) * 1e-3, "V": weights(16, 16), "zero": np.zeros(16, np.float32),
                         "eps": np.array(1e-12, np.float32)}, [4, 16])


def written_mask():
    """As exporters write it: what is masked everywhere is uniform in float32, NaN past -inf."""
    nodes = [node("MatMul", "x W", "a"), node("Greater", "x big", "m"), node("Cast", "m", "f", to=F),
             node("Sub", "one f", "n"), node("Mul", "n low", "o"), node("Add", "a o", "b"),
             node("Softmax", "b", "c"), node("MatMul", "c W", "y")]
    return model(nodes, {"W": weights(16, 16), "big": np.array(99, np.float32),
                         "one": np.array(1, np.float32),
                         "low": np.array(np.finfo(np.float32).min, np.float32)}, [4, 16])


def topk():
    nodes = [node("MatMul", "x W", "a"), node("TopK", "a k", "v i"), node("MatMul", "v V", "b"),
             node("Cast", "i", "f", to=F), node("Max", "b f", "c"), node("MatMul", "c U", "y")]
    return model(nodes, {"W": weights(16, 20), "V": weights(5, 5), "U": weights(5, 7),
                         "k": np.array([5], np.int64)}, [4, 16])


def cumsum_range():
    nodes = [node("Range", "zero n one", "r"), node("MatMul", "x W", "a"), node("Add", "a r", "b"),
             node("CumSum", "b axis", "c"), node("MatMul", "c V", "y")]
    return model(nodes, {"W": weights(16, 12), "V": weights(12, 5), "zero": np.array(0, np.float32),
                         "n": np.array(12, np.float32), "one": np.array(1, np.float32),
                         "axis": np.array(1, np.int64)}, [4, 16])


def shapes():
    """Arithmetic on a shape stays exact in float32: 2049 is no float16."""
    nodes = [node("MatMul", "x W", "a"), node("Shape", "a", "s"), node("Cast", "s", "f", to=F),
             node("Mul", "f one", "g"), node("Cast", "g", "i", to=I), node("Reshape", "a i", "b"),
             node("MatMul", "b V", "y")]
    return model(nodes, {"W": weights(4, 2049), "V": weights(2049, 3), "one": np.array(1, np.float32)},
                 [2, 4])


def lstm():
    nodes = [node("LSTM", "x W R B", "a h", hidden_size=8), node("Squeeze", "a one", "b"),
             node("MatMul", "b V", "c"), node("Add", "c h", "y")]
    return model(nodes, {"W": weights(1, 32, 6), "R": weights(1, 32, 8), "B": weights(1, 64),
                         "V": weights(8, 8), "one": np.array([1], np.int64)}, [5, 2, 6])


def unknown_op():
    nodes = [node("MatMul", "x W", "a"), node("Celu", "a", "b"), node("Det", "b", "d"),
             node("MatMul", "b W", "c"), node("Add", "c d", "y")]
    return model(nodes, {"W": weights(16, 16)}, [16, 16])


def microsoft():
    nodes = [node("MatMul", "x W", "a"),
             helper.make_node("SkipLayerNormalization", ["a", "x", "G", "N"], ["b"],
                              domain="com.microsoft"),
             helper.make_node("FastGelu", ["b", "N"], ["c"], domain="com.microsoft"),
             node("MatMul", "c W", "y")]
    return model(nodes, {"W": weights(16, 16), "G": weights(16) + 1, "N": weights(16)}, [1, 4, 16])


def everything_is_an_output():
    nodes = [node("MatMul", "x W", "a"), node("Relu", "a", "b"), node("MatMul", "b V", "y")]
    return model(nodes, {"W": weights(16, 16), "V": weights(16, 4)}, [4, 16],
                 outputs=("y", "a", "b", "V"))


def names_taken():
    nodes = [node("MatMul", "x W", "x_fp16"), node("TopK", "x_fp16 k", "v x_fp32"),
             node("Relu", "x_fp16", "W_fp32"), node("MatMul", "W_fp32 W", "y")]
    return model(nodes, {"W": weights(16, 16), "k": np.array([5], np.int64)}, [4, 16])


def many_types():
    nodes = [node("MatMul", "x W", "a"), node("Split", "a", "p q", axis=1, num_outputs=2),
             node("Sigmoid", "p", "s"), node("Mul", "q s", "g"), node("Pow", "g two", "h"),
             node("Clip", "h lo hi", "i"), node("BatchNormalization", "i S B M V", "j"),
             node("Gemm", "j G B", "k", transB=1, alpha=0.5), node("Erf", "k", "l"),
             node("ReduceMean", "l axes", "m"), node("Sub", "l m", "n"), node("Pad", "n pads", "o"),
             node("Slice", "o st en", "r"), node("Einsum", "r U", "y", equation="ab,bc->ac")]
    return model(nodes, {"W": weights(16, 24), "two": np.array(2, np.int64), "S": weights(12) + 1,
                         "B": weights(12), "M": weights(12), "V": np.abs(weights(12)) + 1,
                         "lo": np.array(-3, np.float32), "hi": np.array(9, np.float32),
                         "G": weights(12, 12), "axes": np.array([1], np.int64), "U": weights(12, 5),
                         "pads": np.array([0, 1, 0, 1], np.int64), "st": np.array([0, 1], np.int64),
                         "en": np.array([9, 13], np.int64)}, [4, 16], opset=18)


MODELS = {
    "MatMul and Add": matmul(),
    "MatMul with typed data": typed_matmul(),
    "MatMul with value_info": matmul(infer=True),
    "initializers among the inputs": matmul(as_inputs=True),
    "IR version 3": matmul(opset=8, ir=3, as_inputs=True),
    "Conv with bias": conv(),
    "Conv with bias and value_info": conv(infer=True),
    "an embedding, LayerNormalization, Softmax": embedding(),
    "the same with value_info": embedding(infer=True),
    "an embedding tied to a MatMul": tied_embedding(),
    "Resize with computed scales": resize(),
    "Resize with value_info": resize(infer=True),
    "an If": branch(),
    "a Loop": loop(),
    "Constants of all kinds": constants(),
    "a mask of -inf": mask(),
    "a mask of -3.4e38": mask(np.finfo(np.float32).min),
    "a mask that leaves nothing": written_mask(),
    "a tiny epsilon": epsilon(),
    "TopK and Max": topk(),
    "Range and CumSum": cumsum_range(),
    "arithmetic on shapes": shapes(),
    "LSTM": lstm(),
    "an operator that is not known": unknown_op(),
    "operators of com.microsoft": microsoft(),
    "inner values and a weight as outputs": everything_is_an_output(),
    "names that are taken": names_taken(),
    "operators of many kinds": many_types(),
}
for version in range(7, 22):
    MODELS["Conv of opset %d" % version] = conv(opset=version)
    MODELS["MatMul of opset %d" % version] = matmul(opset=version)


# ---- running them ----

class Result:
    def __init__(self, folder, m, steps, external=False):
        self.source = os.path.join(folder, "in.onnx")
        self.target = os.path.join(folder, "out.onnx")
        if external:
            onnx.save(m, self.source, save_as_external_data=True, location="weights.bin",
                      size_threshold=0)
        else:
            onnx.save(m, self.source)
        self.run = subprocess.run([TRANSFORM, json.dumps({"steps": steps}), self.source, self.target],
                                  capture_output=True, text=True)
        self.ok = self.run.returncode == 0
        if self.ok:
            self.report = json.loads(self.run.stdout[:self.run.stdout.rindex("predicted")])
            self.predicted = int(self.run.stdout.rsplit("predicted ", 1)[1].split()[0])
            self.rows = {e["name"]: e for e in self.report["tensors"]}
            self.before = onnx.load(self.source)
            self.after = onnx.load(self.target)

    def real_size(self):
        extra = self.target + ".data"
        return os.path.getsize(self.target) + (os.path.getsize(extra) if os.path.exists(extra) else 0)


def session(path):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def outputs(path):
    local = np.random.default_rng(3)
    feed = {}
    s = session(path)
    for i in s.get_inputs():
        shape = [d if isinstance(d, int) else 2 for d in i.shape]
        if "int" in i.type:
            feed[i.name] = local.integers(0, 20, shape).astype(
                np.int64 if "64" in i.type else np.int32)
        else:
            feed[i.name] = local.standard_normal(shape).astype(
                np.float16 if "16" in i.type else np.float32)
    return s.run(None, feed)


def cosine(want, got):
    worst = 1.0
    for a, b in zip(want, got):
        a, b = a.astype(np.float64).flatten(), b.astype(np.float64).flatten()
        if a.shape != b.shape or not np.isfinite(b).all():
            return -1.0
        size = np.sqrt((a * a).sum() * (b * b).sum())
        worst = min(worst, 1.0 if not a.any() and not b.any() else (a * b).sum() / size)
    return worst


def tensors(m):
    found = {t.name: t for t in m.graph.initializer}
    for n in m.graph.node:
        for a in n.attribute:
            if n.op_type == "Constant" and a.name == "value":
                found[n.output[0]] = a.t
    return found


def tensors_are_numpys(r):
    """Every F32 tensor is untouched to the byte, or is numpy's float16 of it."""
    before, after = tensors(r.before), tensors(r.after)
    changed = 0
    for name, t in before.items():
        array = numpy_helper.to_array(t)
        now = after.get(name)
        if now is None or now.data_type == F != H and name + "_fp16" in after:
            now = after.get(name + "_fp16") or after.get(name + "_fp16_1")
        if now is None:
            return "%s is gone" % name, 0
        if now.data_type == H:
            changed += 1
            with np.errstate(all="ignore"):
                want = array.astype(np.float16)
            if numpy_helper.to_array(now).tobytes() != want.tobytes():
                return "%s is not numpy's float16" % name, 0
        elif numpy_helper.to_array(now).tobytes() != array.tobytes():
            return "%s changed" % name, 0
    return "", changed


def casts_are_shared(m):
    made = [(n.input[0], n.attribute[0].i) for n in m.graph.node if n.op_type == "Cast"
            and n.output[0].split("_")[-1] in ("fp16", "fp32", "1")]
    return len(made) == len(set(made))


def check(name, m, steps=(FP16,), external=False, bound=0.999, io=F):
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, m, list(steps), external)
        if not r.ok:
            ok(False, "fp16: " + name, r.run.stderr)
            return None
        problems = []
        try:
            if all(v.type.tensor_type.HasField("shape") for v in m.graph.output) and not any(
                    n.domain for n in m.graph.node):
                onnx.checker.check_model(r.target, full_check=True)
            want, got = outputs(r.source), outputs(r.target)
            if cosine(want, got) < bound:
                problems.append("cosine of the outputs is %g" % cosine(want, got))
        except Exception as problem:
            problems.append(str(problem))
        if r.predicted != r.real_size():
            problems.append("predicted %d bytes, wrote %d" % (r.predicted, r.real_size()))
        if tuple(steps) == (FP16,):
            wrong, changed = tensors_are_numpys(r)
            problems += [wrong] if wrong else [] if changed else ["nothing became float16"]
        types = {v.type.tensor_type.elem_type for v in list(r.after.graph.input) +
                 list(r.after.graph.output)} & {F, H}
        if not types <= {io} and "initializers" not in name and "IR version" not in name:
            problems.append("inputs and outputs are of types %s" % types)
        if not casts_are_shared(r.after):
            problems.append("a value is cast twice")
        ok(not problems, "fp16: " + name, "; ".join(problems))
        return r


# ---- what is said ----

def reasons_are_given():
    r = check("the weights in and for an If have reasons", branch())
    ok("subgraph" in r.rows["inner"]["reason"], "a weight inside an If is left and said so",
       str(r.rows["inner"]))
    m = matmul()
    w = numpy_helper.to_array(m.graph.initializer[0]).copy()
    w[3, 3] = 65520
    m.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    m.graph.node.append(node("MatMul", "x V", "z"))
    m.graph.initializer.append(numpy_helper.from_array(weights(24, 16), "V"))
    m.graph.output.append(helper.make_tensor_value_info("z", F, None))
    r = check("65520 in a weight", m)
    ok("too large" in r.rows["W"]["reason"] and r.rows["V"]["action"] == "fp16",
       "a weight that would become infinite stays, with a reason, and no other does", str(r.rows))
    w[3, 3] = 65519
    m.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    r = check("65519 in a weight", m)
    ok(r.rows["W"]["action"] == "fp16" and r.rows["W"]["max_error"] == 15,
       "what rounds to 65504 does not", str(r.rows["W"]))
    w[3, 3] = np.nan
    m.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, m, [FP16])
        ok("NaN" in r.rows["W"]["reason"], "a NaN keeps its weight in float32", str(r.rows["W"]))


def measures_are_right():
    m = matmul()
    w = weights(24, 16) * np.float32(3e-7)
    w[0, :5] = 0
    m.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    r = check("denormals", m, bound=0.9)
    h = w.astype(np.float16).astype(np.float64)
    row, error = r.rows["W"], w.astype(np.float64) - h
    sqnr = 10 * np.log10((w.astype(np.float64) ** 2).sum() / (error ** 2).sum())
    ok(abs(row["sqnr_db"] - sqnr) < 1e-6 and row["max_error"] == np.abs(error).max()
       and row["zero_share"] == (h == 0).mean() and row["zero_share"] > 5 / 384,
       "the row's SQNR, largest error and zero share are numpy's", str(row))


def borders():
    m = embedding()
    check("inputs and outputs too", m, [dict(FP16, keep_io=False)], io=H)
    check("inputs and outputs too, with value_info", conv(infer=True), [dict(FP16, keep_io=False)],
          io=H)
    check("inputs and outputs too, around blocked operators", topk(), [dict(FP16, keep_io=False)],
          io=H)


def composes():
    check("external data", embedding(), external=True)
    check("external data in Constants", constants(), external=True)
    r = check("after l1 by half", matmul(), [HALF, FP16], bound=0.8)
    ok(r.rows["W"]["action"] == "prune l1 0.5, fp16" and r.rows["W"]["zero_share"] == 0.5,
       "pruned and fp16 in one pass", str(r.rows["W"]))
    nodes = [node("MatMul", "x A", "a"), node("MatMul", "a B", "b"), node("MatMul", "b C", "y")]
    m = model(nodes, {n: weights(32, 32) for n in "ABC"}, [4, 32])
    r = check("int8 between fp16", m, [FP16, dict(INT8, include=["B"])], bound=0.995)
    ok("int8" in r.rows["B"]["action"] and r.rows["A"]["action"] == r.rows["C"]["action"] == "fp16",
       "each tensor has its own scheme", str(r.rows))
    nodes = [node("Gemm", "x A bias", "a"), node("Gemm", "a B bias", "b"), node("MatMul", "b C", "c"),
             node("Add", "c bias", "y")]
    three = model(nodes, {"A": weights(32, 32), "B": weights(32, 32), "C": weights(32, 32),
                          "bias": weights(32)}, [4, 32])
    steps = [FP16, dict(INT8, include=["A"]), dict(INT4, include=["B"])]
    for external in False, True:
        r = check("int8, int4 and fp16%s" % (", external data" if external else ""), three, steps,
                  bound=0.99, external=external)
        found = {name: t.data_type for name, t in tensors(r.after).items()}
        ok(found.get("A_quantized") == TensorProto.INT8 and found.get("B_Q4") == TensorProto.UINT8
           and found.get("C") == H and H in (found.get("bias"), found.get("bias_fp16")),
           "three schemes of three weights, and a bias that all of them add", str(found))
    r = check("an excluded weight", m, [dict(FP16, exclude=["B"])])
    ok(r.rows["B"]["reason"] == 'excluded by "B"', "and it stays", str(r.rows))


def info(name, shape, kind=F):
    return helper.make_tensor_value_info(name, kind, shape)


def inner_loop():
    """A Loop with a state and a list of its own; its body has a weight and takes one."""
    body = helper.make_graph(
        [node("Identity", "go", "on"), node("MatMul", "state inner", "n0"),
         node("MatMul", "n0 outer", "next"), node("Identity", "next", "each")], "body",
        [info("i", [], I), info("go", [], TensorProto.BOOL), info("state", [3, 16])],
        [info("on", [], TensorProto.BOOL), info("next", [3, 16]), info("each", [3, 16])],
        [numpy_helper.from_array(weights(16, 16), "inner")])
    nodes = [node("MatMul", "x W", "a"), helper.make_node("Loop", ["n", "", "a"], ["b", "z"], body=body),
             node("ReduceSum", "z axes", "c", keepdims=0), node("Add", "b c", "d"),
             node("MatMul", "d V", "y")]
    return model(nodes, {"W": weights(24, 16), "V": weights(16, 8), "outer": weights(16, 16),
                         "n": np.array(2, np.int64), "axes": np.array([0], np.int64)}, [3, 24])


def inner_scan():
    body = helper.make_graph(
        [node("MatMul", "row inner", "r"), node("Add", "r sum", "more"), node("Identity", "more", "out")],
        "rows", [info("sum", [16]), info("row", [16])], [info("more", [16]), info("out", [16])],
        [numpy_helper.from_array(weights(16, 16), "inner")])
    nodes = [node("MatMul", "x W", "a"), node("Scan", "start a", "last t", num_scan_inputs=1, body=body),
             node("MatMul", "t V", "b"), node("MatMul", "last V", "c"), node("Add", "b c", "y")]
    return model(nodes, {"W": weights(24, 16), "V": weights(16, 8), "start": weights(16)}, [3, 24])


def weights_inside_change_too():
    """A node whose operands are renamed for float16 and whose graph changes in the same run."""
    inner = dict(INT8, include=["inner"])
    for name, m in ("an If", branch()), ("a Loop", inner_loop()), ("a Scan", inner_scan()):
        for steps in ([FP16, inner], [inner, FP16], [dict(FP16, keep_io=False), inner],
                      [dict(HALF, amount=0.1), FP16, inner], [{"step": "optimize"}, FP16, inner]):
            r = check("around %s that changes inside: %s" % (name, ", ".join(
                s.get("scheme", s["step"]) for s in steps)), m, steps, bound=0.98,
                io=F if steps[0].get("keep_io", True) else H)
            last = steps[-1] is inner
            ok(r and ("int8" in r.rows["inner"]["action"]) == last, "its weight is int8 where that comes last",
               r and str(r.rows["inner"]))


def numbers_stay_what_they_are():
    r = check("a tiny epsilon again", epsilon())
    casts = {n.input[0]: n.attribute[0].i for n in r.after.graph.node if n.op_type == "Cast"}
    ok(casts.get("s") == H and "v" not in casts and tensors(r.after)["eps"].data_type == F,
       "an epsilon that float16 does not have reaches its square root in float32", str(casts))
    r = check("a mask that leaves nothing again", written_mask())
    casts = {n.input[0]: n.attribute[0].i for n in r.after.graph.node if n.op_type == "Cast"}
    ok(casts.get("c") == H and "b" not in casts, "a mask reaches its Softmax in float32", str(casts))
    r = check("arithmetic on shapes again", shapes())
    ok(not any(n.op_type == "Cast" and n.input[0] in "fg" and n.attribute[0].i == H
               for n in r.after.graph.node), "arithmetic on shapes is in float32")


def same_bytes_again():
    with tempfile.TemporaryDirectory() as folder:
        r = Result(folder, many_types(), [FP16])
        first = open(r.target, "rb").read()
        subprocess.run([TRANSFORM, json.dumps({"steps": [FP16]}), r.source, r.target],
                       capture_output=True, check=True)
        ok(open(r.target, "rb").read() == first, "the same input gives the same bytes")


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s, numpy %s" % (ort.__version__, onnx.__version__, np.__version__))
    for name, m in MODELS.items():
        check(name, m)
    reasons_are_given()
    measures_are_right()
    borders()
    numbers_stay_what_they_are()
    composes()
    weights_inside_change_too()
    same_bytes_again()
    return finish()


sys.exit(main())
