#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the small models and datasets in measure/ that the tests of runtime and measure use.

Needs the packages onnx and numpy. What it writes is committed; run it again only to change it:
    python3 make_models.py
It prints the figures that numpy gets, which the tests hold the C code against.
"""

import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "measure")
rng = np.random.RandomState(7)


def path(name):
    return os.path.join(here, name)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def save(name, nodes, inputs, outputs, weights=(), **options):
    graph = helper.make_graph(nodes, "g", inputs, outputs,
                              [numpy_helper.from_array(w, n) for n, w in weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model)
    onnx.save_model(model, path(name), **options)


F, I, S = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
node = helper.make_node

# Three classes of points in four dimensions, and a linear model that tells most of them apart.
centres = rng.randn(3, 4) * 1.2
labels = np.repeat(np.arange(3), 20)
points = (centres[labels] + 1.5 * rng.randn(60, 4)).astype(np.float32)
order = rng.permutation(60)
labels, points = labels[order].astype(np.int64), points[order]
weights = (2 * centres.T).astype(np.float32)
bias = -np.sum(centres ** 2, axis=1).astype(np.float32)
cut = weights + (rng.randn(4, 3) * 1.5).astype(np.float32)


def linear(name, w, batch="n", **options):
    save(name, [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["scores"])],
         [value("x", F, [batch, 4])], [value("scores", F, [batch, 3])],
         [("w", w), ("b", bias)], **options)


linear("linear.onnx", weights)
linear("linear_cut.onnx", cut)
linear("batch2.onnx", weights, batch=2)

# The same with two classes, with an integer input, and with 64 MiB of weights made at load.
save("binary.onnx", [node("MatMul", ["x", "w"], ["scores"])],
     [value("x", F, ["n", 4])], [value("scores", F, ["n", 2])], [("w", weights[:, :2].copy())])
save("ids.onnx", [node("Identity", ["x"], ["y"])],
     [value("x", I, ["n", 4])], [value("y", I, ["n", 4])])
save("wide.onnx", [node("ConstantOfShape", ["shape"], ["w"],
                        value=helper.make_tensor("v", F, [1], [0.5])),
                   node("MatMul", ["x", "w"], ["y"])],
     [value("x", F, ["n", 4])], [value("y", F, ["n", 1 << 22])],
     [("shape", np.array([4, 1 << 22], np.int64))])
if os.path.exists(path("outside.bin")):
    os.remove(path("outside.bin"))
linear("outside.onnx", weights, save_as_external_data=True, location="outside.bin",
       size_threshold=0)
os.chmod(path("outside.bin"), 0o644)

# The class itself as an integer, beside an output that is no tensor.
save("class.onnx", [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["scores"]),
                    node("ArgMax", ["scores"], ["class"], axis=1, keepdims=0),
                    node("SequenceConstruct", ["scores"], ["list"])],
     [value("x", F, ["n", 4])],
     [helper.make_tensor_sequence_value_info("list", F, None), value("class", I, ["n"])],
     [("w", weights), ("b", bias)])

# Two inputs of any length, and an output that is no class.
save("two.onnx", [node("Cast", ["ids"], ["f"], to=F), node("Mul", ["f", "mask"], ["masked"])],
     [value("ids", I, ["n", "length"]), value("mask", F, ["n", "length"])],
     [value("masked", F, ["n", "length"])])

# Inputs whose first axis is no batch: a row is the whole of them.
save("whole.onnx", [node("Cast", ["rate"], ["r"], to=F), node("Mul", ["x", "r"], ["y"])],
     [value("x", F, [2, 4]), value("rate", I, [])], [value("y", F, [2, 4])])

save("text.onnx", [node("Identity", ["t"], ["u"])], [value("t", S, ["n"])], [value("u", S, ["n"])])


# Slow ones in a few bytes: a chain of square products whose weights are made at load.
def chain(name, layers, width=384):
    shape = numpy_helper.from_array(np.array([width, width], np.int64), "shape")
    small = numpy_helper.from_array(np.array([1.0 / width], np.float32), "v")
    nodes = [node("ConstantOfShape", ["shape"], ["w"], value=small)]
    names = ["x"] + ["h%d" % i for i in range(1, layers)] + ["y"]
    nodes += [node("MatMul", [names[i], "w"], [names[i + 1]]) for i in range(layers)]
    graph = helper.make_graph(nodes, "g", [value("x", F, ["n", width])],
                              [value("y", F, ["n", width])], [shape])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7),
              path(name))


chain("chain8.onnx", 8)
chain("chain12.onnx", 12)

# Datasets.
words = np.array(["ant", "bee", "c\u00e4t"])
np.savez(path("points.npz"), x=points, label=labels,
         query=np.array(["which one is point %d?" % i for i in range(60)]))
np.savez_compressed(path("words.npz"), x=points, label=words[labels])
np.savez(path("two.npz"), ids=np.arange(12, dtype=np.int64).reshape(4, 3),
         mask=np.tile(np.array([1, 0, 1], np.float32), (4, 1)))
np.savez(path("whole.npz"), x=np.arange(24, dtype=np.float32).reshape(3, 2, 4),
         rate=np.array([1, 10, 100], np.int64))
np.savez_compressed(path("chain.npz"), x=np.ones((8, 384), np.float32))
kinds = dict(f2=np.float16([1, -2]), f4=np.float32([1, -2]), f8=np.float64([1, -2]),
             i1=np.int8([1, -2]), i2=np.int16([1, -2]), i4=np.int32([1, -2]),
             i8=np.int64([1, -2]), u1=np.uint8([1, 2]), u2=np.uint16([1, 2]),
             u4=np.uint32([1, 2]), u8=np.uint64([1, 2]), b1=np.array([True, False]),
             U5=np.array(["a\u00e9\u20ac\U0001f600", ""]), scalar=np.float32(5),
             none=np.zeros((0, 3), np.float32))
np.savez(path("kinds.npz"), **kinds)
refused = dict(big=np.array([1, 2], ">f4"), object=np.array([{}], object),
               fortran=np.asfortranarray(np.ones((2, 3), np.float32)),
               complex=np.complex64([1]), date=np.array(["2020-01-01"], "datetime64[D]"),
               record=np.zeros(2, [("a", "f4"), ("b", "i4")]), bytes=np.array([b"ab"]))
for kind, array in refused.items():
    np.savez(path("refused_%s.npz" % kind), array=array)
with open(path("points.csv"), "w") as csv:
    csv.write("a,b,c,d,label\n")
    for row, label in zip(points, labels):
        csv.write(",".join("%.9g" % v for v in row) + ",%d\n" % label)

# What numpy says.
wide = points.astype(np.float64)
parent, child = wide @ weights + bias, wide @ cut + bias
p, c = parent.argmax(1), child.argmax(1)
print("rows", len(labels))
print("right", (p == labels).sum(), "cut right", (c == labels).sum())
print("broken", ((p == labels) & (c != labels)).sum(), "fixed", ((p != labels) & (c == labels)).sum())
print("agree", (p == c).sum())
print("sqnr", 10 * np.log10((parent ** 2).sum() / ((parent - child) ** 2).sum()))
print("max", np.abs(parent - child).max())
