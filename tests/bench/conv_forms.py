#!/usr/bin/env python3
"""How int8 weights are best put into an ONNX graph: the same model in several forms, timed.

    conv_forms.py MODEL.onnx [--runs 150] [--threads 2] [--batch 1] [--also NAME=FILE]...

Every form is run in turn with the float model, so that other load on the machine meets all of
them alike. Prints p50 and p90 in ms, the ratio of the p50 to float's, and the file's size.
Needs onnx, onnxruntime and numpy; the versions are in tests/peer/requirements.txt.
"""
import argparse
import os
import tempfile
import time

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


def quantize(w, axis):
    """Symmetric int8, one scale for each index of axis."""
    others = tuple(i for i in range(w.ndim) if i != axis)
    scale = (2 * np.abs(w).max(axis=others) / 254).astype(np.float32)
    scale[scale == 0] = 1
    shape = [1] * w.ndim
    shape[axis] = -1
    return np.clip(np.rint(w / scale.reshape(shape)), -128, 127).astype(np.int8), scale


class Rewriter:
    """One output model: nodes are replaced by what the form's function gives."""

    def __init__(self, model):
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.graph = self.model.graph
        self.weights = {t.name: t for t in self.graph.initializer}
        self.first = []

    def constant(self, name, array):
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, name):
        return numpy_helper.to_array(self.weights[name])

    def drop(self, name):
        self.graph.initializer.remove(self.weights[name])

    def run(self, forms):
        nodes = []
        for node in self.graph.node:
            form = forms.get(node.op_type)
            usable = form and len(node.input) > 1 and node.input[1] in self.weights
            nodes.extend(form(self, node) if usable else [node])
        del self.graph.node[:]
        self.graph.node.extend(self.first + nodes)
        return self.model


def axis_of(node, w):
    return 0 if node.op_type == "Conv" else w.ndim - 1


def cast_mul(r, node):
    """W = Mul(Cast(int8), scale): a runtime folds both when it loads."""
    name = node.input[1]
    w = r.weight(name)
    q, scale = quantize(w, axis_of(node, w))
    shape = [1] * w.ndim
    shape[axis_of(node, w)] = -1
    r.constant(name + "_q", q)
    r.constant(name + "_s", scale.reshape(shape))
    r.first.append(helper.make_node("Cast", [name + "_q"], [name + "_f"], to=TensorProto.FLOAT))
    r.first.append(helper.make_node("Mul", [name + "_f", name + "_s"], [name]))
    r.drop(name)
    return [node]


def dequantize(r, node):
    """W = DequantizeLinear(int8, scale)."""
    name = node.input[1]
    w = r.weight(name)
    q, scale = quantize(w, axis_of(node, w))
    r.constant(name + "_q", q)
    r.constant(name + "_s", scale)
    r.constant(name + "_z", np.zeros_like(scale, dtype=np.int8))
    r.first.append(helper.make_node("DequantizeLinear", [name + "_q", name + "_s", name + "_z"],
                                    [name], axis=axis_of(node, w)))
    r.drop(name)
    return [node]


def integer(kind):
    """Integer products of activations that are quantized as they come."""

    def form(r, node):
        x, name = node.input[0], node.input[1]
        o = node.output[0]
        w = r.weight(name)
        axis = axis_of(node, w)
        q, scale = quantize(w, axis)
        zero = []
        if kind == "uint8":
            q = (q.astype(np.int16) + 128).astype(np.uint8)
            zero = [r.constant(o + "_wz", np.uint8(128) * np.ones((), np.uint8))]
        r.constant(name + "_q", q)
        shape = [-1] + [1] * (w.ndim - 2) if node.op_type == "Conv" else [-1]
        r.constant(name + "_s", scale.reshape(shape))
        r.drop(name)
        op = node.op_type + "Integer"
        product = helper.make_node(op, [o + "_xq", name + "_q", o + "_xz"] + zero, [o + "_i"])
        product.attribute.extend(node.attribute)
        bias = node.input[2] if len(node.input) > 2 else None
        last = o + "_y" if bias else o
        out = [
            helper.make_node("DynamicQuantizeLinear", [x], [o + "_xq", o + "_xs", o + "_xz"]),
            product,
            helper.make_node("Cast", [o + "_i"], [o + "_f"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [o + "_xs", name + "_s"], [o + "_r"]),
            helper.make_node("Mul", [o + "_f", o + "_r"], [last]),
        ]
        if bias:
            b = r.weight(bias).reshape([-1] + [1] * (w.ndim - 2))
            out.append(helper.make_node("Add", [last, r.constant(o + "_b", b)], [o]))
        return out

    return form


FORMS = {
    "all Cast -> Mul": {"Conv": cast_mul, "MatMul": cast_mul},
    "Conv Cast -> Mul, MatMul dynamic": {"Conv": cast_mul, "MatMul": integer("int8")},
    "all DequantizeLinear": {"Conv": dequantize, "MatMul": dequantize},
    "MatMul dynamic, Conv float": {"MatMul": integer("int8")},
    "Conv ConvInteger uint8, MatMul float": {"Conv": integer("uint8")},
    "Conv ConvInteger int8, MatMul float": {"Conv": integer("int8")},
}


def feed_of(session, batch):
    rng = np.random.default_rng(7)
    feed = {}
    for i in session.get_inputs():
        shape = [d if isinstance(d, int) and d > 0 else batch for d in i.shape]
        if "int" in i.type:
            kind = np.int32 if "int32" in i.type else np.int64
            feed[i.name] = rng.integers(0, 256, shape).astype(kind)
        else:
            feed[i.name] = rng.standard_normal(shape).astype(np.float32)
    return feed


def session_of(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def cpu_name():
    with open("/proc/cpuinfo") as f:
        return next((x.split(":")[1].strip() for x in f if x.startswith("model name")), "?")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--runs", type=int, default=150)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--also", action="append", default=[], metavar="NAME=FILE")
    args = parser.parse_args()
    source = onnx.load(args.model)
    with tempfile.TemporaryDirectory() as folder:
        files = {"float": args.model}
        for number, (name, forms) in enumerate(FORMS.items()):
            files[name] = os.path.join(folder, "%d.onnx" % number)
            onnx.save(Rewriter(source).run(forms), files[name])
        for also in args.also:
            name, _, path = also.partition("=")
            files[name] = path
        measure(files, args)


def measure(files, args):
    sessions = {}
    for name, path in files.items():
        try:
            sessions[name] = session_of(path, args.threads)
        except Exception as problem:  # a form that this runtime does not have
            print("%-38s does not load: %s" % (name, str(problem).splitlines()[0][:90]))
    feed = feed_of(sessions["float"], args.batch)
    times = {name: [] for name in sessions}
    for session in sessions.values():
        for _ in range(5):
            want = session.run(None, feed)
    want = sessions["float"].run(None, feed)
    for _ in range(args.runs):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(None, feed)
            times[name].append((time.perf_counter() - start) * 1000)
    print("onnxruntime %s, %s, %d threads, batch %d, %d interleaved runs" %
          (ort.__version__, cpu_name(), args.threads, args.batch, args.runs))
    print("%-38s %8s %8s %8s %10s %9s" % ("form", "p50 ms", "p90 ms", "x float", "bytes", "SQNR dB"))
    base = np.percentile(times["float"], 50)
    for name, t in times.items():
        noise = sum(float(((a - b).astype(np.float64) ** 2).sum())
                    for a, b in zip(want, sessions[name].run(None, feed)))
        signal = sum(float((a.astype(np.float64) ** 2).sum()) for a in want)
        sqnr = "%.1f" % (10 * np.log10(signal / noise)) if noise else "exact"
        p50, p90 = np.percentile(t, 50), np.percentile(t, 90)
        print("%-38s %8.2f %8.2f %8.2f %10d %9s" %
              (name, p50, p90, p50 / base, os.path.getsize(files[name]), sqnr))


main()
