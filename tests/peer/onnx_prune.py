#!/usr/bin/env python3
"""Pruning on ONNX models: every method's output runs in ONNX Runtime and computes what the model
computes with those weights zeroed; and zeros stay zeros through every scheme, as a product with
the identity shows.

    onnx_prune.py        TAP on stdout

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself as onnx_int8.py
does.
"""
import os
import sys
import tempfile

from tap import TRANSFORM, finish, ok
from onnx_int8 import Result, conv, constant_node, gemm, initializer, matmul, model, ort
from onnx_int8 import loop, recurrent, subgraph, tensors, tied, weights

import numpy as np
import onnx
from onnx import helper, numpy_helper

METHODS = [{"method": "l1", "amount": 0.5}, {"method": "l1", "count": 9}, {"method": "global-l1", "amount": 0.4},
           {"method": "random", "amount": 0.3, "seed": 11}, {"method": "ln", "amount": 0.25, "dim": 1, "n": 1},
           {"method": "ln", "amount": 0.5, "dim": 0}, {"method": "2:4"}]
SCHEMES = [{"scheme": "int8"}, {"scheme": "int8", "per_channel": False}, {"scheme": "int8", "form": "dynamic"},
           {"scheme": "int8", "form": "weight-only"}, {"scheme": "int8", "reduce_range": True},
           {"scheme": "fp16"}, {"scheme": "bf16"},
           {"scheme": "int4", "accuracy_level": 1}, {"scheme": "int4", "accuracy_level": 1, "symmetric": False},
           {"scheme": "int4", "accuracy_level": 1, "symmetric": False, "block": 128},
           {"scheme": "int4", "form": "qdq"}, {"scheme": "int4", "form": "qdq", "symmetric": False},
           {"scheme": "nf4"}, {"scheme": "fp4"}]


def prune(method):
    return dict(method, step="prune")


def turned_convolution():
    nodes = [helper.make_node("ConvTranspose", ["x", "W"], ["y"])]
    return model(nodes, [initializer("W", weights(8, 12, 3, 3))], [1, 8, 6, 6], 4)


def stack():
    return model([helper.make_node("MatMul", ["x", "W"], ["y"])], [initializer("W", weights(3, 24, 16))], [3, 5, 24], 3)


def wide(array):
    return model([helper.make_node("MatMul", ["x", "W"], ["y"])], [initializer("W", array)], list(array.shape[:1]) * 2, 2)


# ---- what is pruned runs ----

def masked(m, after):
    """The source with the pruned tensors in place of its own, by another writer."""
    pruned = tensors(after)
    copy = onnx.ModelProto.FromString(m.SerializeToString())
    for name, t in tensors(copy).items():
        t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(pruned[name]), t.name))
    return copy


def arrays(m):
    return {name: numpy_helper.to_array(t) for name, t in tensors(m).items()}


def check_values(before, after):
    """Every element as it was, or a zero of its sign."""
    for name, x in before.items():
        y = after[name]
        if x.dtype != np.float32:
            continue
        zero = np.copysign(np.float32(0), x)
        if not np.all((y.view(np.int32) == x.view(np.int32)) | (y.view(np.int32) == zero.view(np.int32))):
            return "%s has values of neither kind" % name
    return ""


def check_groups(before, after, axes):
    for name, axis in axes.items():
        y = np.moveaxis(after[name], axis, -1).reshape(-1, 4)
        x = np.moveaxis(before[name], axis, -1).reshape(-1, 4)
        order = np.argsort(np.abs(x), axis=1, kind="stable")
        want = x.copy()
        np.put_along_axis(want, order[:, :2], 0, axis=1)
        if not np.array_equal(want, y):
            return "%s: other than the two least of four along %d" % (name, axis)
    return ""


def every_method():
    models = {"MatMul": (matmul(), {"W": 0}), "Gemm": (gemm([3, 24], [24, 16]), {"W": 0}),
              "Gemm, transB": (gemm([3, 24], [16, 24], transB=1), {"W": 1}), "Conv": (conv(True), None),
              "tied": (tied(), {"W": 0}), "Constants": (constant_node(), {"W": 0, "K": 1}),
              "subgraph": (subgraph(), {"W": 0, "W2": 0, "inner": 0}), "Loop": (loop(), {"inner": 0}),
              "ConvTranspose": (turned_convolution(), {"W": 0}), "a stack of MatMul": (stack(), {"W": 1}),
              "LSTM": (recurrent("LSTM", 4), {"W": 1, "R": 1})}
    for what, (m, axes) in models.items():
        for method in METHODS:
            with tempfile.TemporaryDirectory() as folder:
                says = "%s, %s" % (what, ", ".join("%s %s" % item for item in method.items()))
                r = Result(folder, "", m, [prune(method)])
                if method["method"] == "2:4" and not axes:
                    ok(not r.ok and "2:4 wants" in r.run.stderr, says + ": does not fit", r.run.stderr)
                    continue
                if not r.ok:
                    ok(False, says, r.run.stderr)
                    continue
                before, after = arrays(r.before), arrays(r.after)
                wrong = check_values(before, after)
                if not wrong and method["method"] == "2:4":
                    wrong = check_groups(before, after, axes)
                if not wrong and sum(int((y == 0).sum()) for y in after.values()) == sum(
                        int((x == 0).sum()) for x in before.values()):
                    wrong = "nothing became zero"
                if not wrong and r.real_size() != r.predicted:
                    wrong = "predicted %d bytes, wrote %d" % (r.predicted, r.real_size())
                onnx.save(masked(m, r.after), r.source)
                got, want = r.outputs(r.target), r.outputs(r.source)
                if not wrong and not all(np.isfinite(g).all() and np.array_equal(g, w) for g, w in zip(got, want)):
                    wrong = "other outputs than the masked model's"
                ok(not wrong, says + ": runs, with zeros", wrong)


# ---- zeros stay zeros ----

def zero_pattern():
    shifted = weights(256, 96) + np.float32(0.4)  # far from symmetric, so that zero points move
    for kind, array in (("around 0", weights(256, 96)), ("beside 0", shifted)):
        for scheme in SCHEMES:
            with tempfile.TemporaryDirectory() as folder:
                says = "%s, %s" % (", ".join("%s %s" % item for item in scheme.items()), kind)
                m = wide(array)
                r = Result(folder, "", m, [prune({"method": "l1", "amount": 0.5}), dict(scheme, step="quantize")])
                if not r.ok:
                    ok(False, says, r.run.stderr)
                    continue
                options = ort.SessionOptions()
                options.log_severity_level = 3
                if scheme.get("form") == "qdq":  # fused, it takes zero points off sums, which rounds
                    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
                session = ort.InferenceSession(r.target, options, providers=["CPUExecutionProvider"])
                got = session.run(None, {"x": np.eye(256, dtype=np.float32)})[0]
                order = np.argsort(np.abs(array.flatten()), kind="stable")[:array.size // 2]
                alive = np.count_nonzero(got.flatten()[order])
                ok(alive == 0 and np.isfinite(got).all() and np.count_nonzero(got) > 0, says + ": what is pruned stays 0",
                   "%d of %d are not" % (alive, len(order)))


def main():
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    print("# onnxruntime %s, onnx %s" % (ort.__version__, onnx.__version__))
    every_method()
    zero_pattern()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
