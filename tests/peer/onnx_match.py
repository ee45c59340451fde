#!/usr/bin/env python3
"""libpare's "match": "onnxruntime" beside onnxruntime's quantize_dynamic: the same decoded graph and
the same weights, or a refusal.

    onnx_match.py [MODEL.onnx ...]        TAP on stdout; the models are compared too

Runs tests/engine/transform_file of the build folder (top_builddir). Skips itself where onnx,
onnxruntime or numpy cannot be imported, unless PARE_PEERS is set, and where onnxruntime is not the
release that requirements.txt pins: another release gives another graph.
"""
import itertools
import json
import logging
import os
import re
import subprocess
import sys
import tempfile

from tap import TRANSFORM, finish, need, ok

need("numpy", "onnx", "onnxruntime.quantization")

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = os.path.dirname(os.path.abspath(__file__))
FLOAT, FLOAT16, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64
MS = "com.microsoft"
rng = np.random.default_rng(20240229)


# ---- small models ----

def weights(*shape, dtype=np.float32):
    return (rng.standard_normal(shape) * 0.3 + 0.05).astype(dtype)


def tensor(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def typed(name, array):
    return helper.make_tensor(name, FLOAT, array.shape, array.flatten().tolist())


def node(op, inputs, outputs, name=None, **more):
    return helper.make_node(op, inputs, outputs, name=name, **more)


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(nodes, tensors, inputs, outputs, opset=17, ir=8, contrib=False, value_info=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors, value_info=list(value_info))
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(MS, 1)] if contrib else [])
    m = helper.make_model(graph, opset_imports=opsets, producer_name="maker", producer_version="7")
    m.ir_version = ir
    return m


X = [value("x", [3, 24])]
Y = [value("y", [None, None])]


def matmul(opset=17, name="product", w=None, **more):
    w = tensor("W", weights(24, 16)) if w is None else w
    return model([node("MatMul", ["x", "W"], ["y"], name)], [w], X, Y, opset, **more)


def matmul_of_old_ir():
    m = matmul(opset=11, ir=3)
    m.graph.input.append(value("W", [24, 16]))
    return m


def gemm(w_shape, bias=True, name="fc", opset=17, x=(3, 24), **attributes):
    tensors = [tensor("W", weights(*w_shape))] + ([tensor("C", weights(16))] if bias else [])
    return model([node("Gemm", ["x", "W"] + (["C"] if bias else []), ["y"], name, **attributes)],
                 tensors, [value("x", list(x))], Y, opset)


def kept_gemm(w_shape, x=(3, 24), **attributes):
    """A Gemm that stays, and a MatMul behind it."""
    m = gemm(w_shape, x=x, **attributes)
    m.graph.node[0].output[0] = "a"
    m.graph.node.append(node("MatMul", ["a", "V"], ["y"], "last"))
    m.graph.initializer.append(tensor("V", weights(16, 8)))
    return m


def conv(bias, opset=17, group=1, name="conv", **attributes):
    tensors = [tensor("W", weights(12, 6 // group, 3, 3))]
    if bias:
        tensors.append(tensor("B", weights(12)))
    return model([node("Conv", ["x", "W"] + (["B"] if bias else []), ["y"], name,
                       strides=[1, 2], pads=[1, 1, 1, 1], group=group, **attributes)],
                 tensors, [value("x", [2, 6, 8, 8])], [value("y", [None] * 4)], opset)


def layers(named, opset=17):
    """Conv, Relu, Conv, GlobalAveragePool, Flatten, two Gemms: several kinds in one."""
    def name(n):
        return n if named else None
    tensors = [tensor("W1", weights(8, 3, 3, 3)), tensor("B1", weights(8)),
               tensor("W2", weights(16, 8, 3, 3)), tensor("F1", weights(32, 16)),
               tensor("C1", weights(32)), tensor("F2", weights(32, 10)), tensor("C2", weights(10)),
               tensor("unused", weights(4, 4))]
    nodes = [node("Conv", ["x", "W1", "B1"], ["a"], name("conv1")),
             node("Relu", ["a"], ["b"], name("relu")),
             node("Conv", ["b", "W2"], ["c"], name("conv2"), kernel_shape=[3, 3]),
             node("GlobalAveragePool", ["c"], ["d"], name("pool")),
             node("Flatten", ["d"], ["e"], name("flat")),
             node("Gemm", ["e", "F1", "C1"], ["f"], name("fc1"), transB=1),
             node("Tanh", ["f"], ["g"], name("tanh")),
             node("Gemm", ["g", "F2", "C2"], ["y"], name("fc2"), alpha=1.0)]
    return model(nodes, tensors, [value("x", [2, 3, 12, 12])], Y, opset)


def shared_input(named):
    nodes = [node("MatMul", ["x", "A"], ["a"], "a" if named else None),
             node("MatMul", ["x", "B"], ["b"], "b" if named else None),
             node("Add", ["a", "b"], ["y"])]
    return model(nodes, [tensor("A", weights(24, 16)), tensor("B", weights(24, 16))], X, Y)


def shared_weight(named):
    nodes = [node("Identity", ["x"], ["z"]),
             node("MatMul", ["z", "W"], ["a"], "one" if named else None),
             node("MatMul", ["z", "W"], ["b"], "two" if named else None),
             node("Sub", ["a", "b"], ["c"]), node("MatMul", ["c", "W"], ["y"])]
    return model(nodes, [tensor("W", weights(24, 24))], X, Y)


def square_gemms():
    """Gemms with and without transB and a MatMul, all of one weight."""
    nodes = [node("Gemm", ["x", "W"], ["a"], "g1", transB=1),
             node("Gemm", ["a", "W"], ["b"], "g2"),
             node("Gemm", ["b", "W"], ["c"], transB=1),
             node("MatMul", ["c", "W"], ["y"], "m")]
    return model(nodes, [tensor("W", weights(24, 24)), tensor("W_Transposed_scale", weights(3))],
                 X, Y)


def gemm_of_values():
    nodes = [node("Relu", ["x"], ["a"]), node("Gemm", ["x", "a"], ["b"], "g", transB=1),
             node("MatMul", ["a", "W"], ["c"], "m"), node("Gemm", ["x", "a"], ["d"], "h"),
             node("MatMul", ["b", "c"], ["y"])]
    nodes[3].input[:] = ["b", "c"]
    return model(nodes, [tensor("W", weights(24, 16))], X, Y)


def gemm_of_quantized():
    """A Gemm with transB of a value that is in 8 bits by then: the Transpose moves 8 bits."""
    nodes = [node("MatMul", ["x", "W"], ["a"], "m"), node("Gemm", ["x", "x"], ["b"], transB=1),
             node("MatMul", ["b", "V"], ["c"], "n"), node("Sub", ["c", "a"], ["y"])]
    return model(nodes, [tensor("W", weights(24, 16)), tensor("V", weights(3, 16))], X, Y)


def other_use(first, op="MatMul"):
    """A weight that another operator takes too, before or after it is quantized."""
    other = node("Mul", ["W", "W"], ["s"], "other")
    product = node(op, ["x", "W"], ["a"], "product")
    nodes = [other, product] if first else [product, other]
    return model(nodes + [node("MatMul", ["a", "s"], ["y"])], [tensor("W", weights(24, 24))], X, Y)


def both_uses():
    nodes = [node("Abs", ["W"], ["s"], "before"), node("MatMul", ["x", "W"], ["a"], "product"),
             node("Sub", ["W", "s"], ["t"], "after"), node("MatMul", ["a", "t"], ["y"])]
    return model(nodes, [tensor("W", weights(24, 24))], X, Y)


def weight_is_output():
    m = matmul()
    m.graph.output.append(value("W", [24, 16]))
    return m


def constant_sides():
    nodes = [node("MatMul", ["A", "W"], ["a"], "consts"), node("MatMul", ["A", "x"], ["b"]),
             node("Transpose", ["b"], ["c"], perm=[1, 0]), node("MatMul", ["c", "a"], ["y"])]
    return model(nodes, [tensor("A", weights(5, 3)), tensor("W", weights(3, 7))], X, Y)


def out_of_order_names():
    """Branches whose inputs' names do not sort as the nodes stand."""
    nodes = [node("MatMul", ["x", "Z"], ["p"], "z"), node("MatMul", ["x", "A"], ["q"], "a"),
             node("Constant", [], ["k"], value_float=2.0), node("Mul", ["q", "k"], ["r"]),
             node("Sub", ["r", "bias"], ["s"]), node("Add", ["p", "s"], ["t"]),
             node("Dropout", ["t"], ["u"]), node("Gemm", ["u", "G", "bias"], ["y"], "g", transB=1)]
    return model(nodes, [tensor("Z", weights(24, 16)), tensor("A", weights(24, 16)),
                         tensor("bias", weights(16)), tensor("G", weights(16, 16))], X, Y)


def embedding(tie=None, opset=17, dtype=np.float32):
    """Gather from a table, and perhaps a MatMul or a Gemm with the same one."""
    to = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    tensors = [tensor("E", weights(30, 16, dtype=dtype)), tensor("W", weights(16, 30, dtype=dtype))]
    nodes = [node("Gather", ["E", "ids"], ["e"], "embed"), node("Relu", ["e"], ["h"], "act")]
    if tie == "MatMul":
        nodes += [node("Transpose", ["E"], ["T"], "turn", perm=[1, 0]),
                  node("MatMul", ["h", "T"], ["y"], "head")]
    elif tie == "Gemm":
        nodes += [node("Gemm", ["h", "E"], ["y"], "head", transB=1)]
    elif tie == "first":
        nodes = [node("MatMul", ["ids_float", "E"], ["m"], "soft")] + nodes + \
                [node("Add", ["h", "m"], ["y"])]
    elif tie == "then MatMul":
        nodes += [node("MatMul", ["ids_float", "E"], ["m"], "soft"), node("Add", ["h", "m"], ["y"])]
    else:
        nodes += [node("MatMul", ["h", "W"], ["y"], "head")]
    inputs = [value("ids", [5], INT64)]
    if tie in ("first", "then MatMul"):
        inputs.append(value("ids_float", [5, 30], to))
    return model(nodes, tensors, inputs, [value("y", [None, None], to)], opset)


def moved_embedding():
    """Gather, Transpose and a MatMul of the 8-bit value; the Gather's value is an output too."""
    nodes = [node("Gather", ["E", "ids"], ["e"], "embed"),
             node("Transpose", ["e"], ["t"], perm=[1, 0]),
             node("MatMul", ["t", "W"], ["y"], "head")]
    return model(nodes, [tensor("E", weights(30, 16)), tensor("W", weights(5, 7))],
                 [value("ids", [5], INT64)], Y + [value("e", [5, 16]), value("t", [16, 5])])


def transposed_activation():
    """A Transpose behind a quantized value, and one of a weight."""
    nodes = [node("MatMul", ["x", "W"], ["a"], "m"), node("Transpose", ["x"], ["t"], "tx", perm=[1, 0]),
             node("Softmax", ["t"], ["s"]), node("Transpose", ["V"], ["v"], "tv", perm=[1, 0]),
             node("MatMul", ["s", "V3"], ["b"], "mb"), node("MatMul", ["a", "v"], ["c"], "mc"),
             node("MatMul", ["b", "c"], ["y"], "md")]
    return model(nodes, [tensor("W", weights(24, 16)), tensor("V", weights(8, 16)),
                         tensor("V3", weights(3, 3))], X, Y)


def dead_gather():
    nodes = [node("Gather", ["E", "ids"], ["e"], "embed"),
             node("Cast", ["ids"], ["y"], to=FLOAT)]
    return model(nodes, [tensor("E", weights(30, 16))], [value("ids", [5], INT64)],
                 [value("y", [None])])


def gather_of_ids():
    nodes = [node("Gather", ["table", "ids"], ["i"]), node("Gather", ["x", "i"], ["z"]),
             node("MatMul", ["z", "W"], ["y"])]
    return model(nodes, [tensor("table", np.array([2, 1, 0], np.int64)),
                         tensor("W", weights(24, 16))], X + [value("ids", [2], INT64)], Y)


def constant_node():
    nodes = [node("Constant", [], ["W"], value=tensor("value", weights(24, 48))),
             node("Constant", [], ["V"], value=tensor("value", weights(48, 16))),
             node("MatMul", ["x", "W"], ["a"], "left"), node("MatMul", ["a", "U"], ["b"], "taken"),
             node("Gemm", ["b", "V"], ["y"], "gemm")]
    return model(nodes, [tensor("U", weights(48, 48))], X, Y)


def half(bias=True):
    nodes = [node("MatMul", ["x", "W"], ["a"], "m"), node("Gemm", ["a", "G", "C"], ["y"], "g", transB=1)]
    return model(nodes, [tensor("W", weights(24, 16, dtype=np.float16)),
                         tensor("G", weights(8, 16, dtype=np.float16)),
                         tensor("C", weights(8, dtype=np.float16))],
                 [value("x", [3, 24], FLOAT16)], [value("y", [None, None], FLOAT16)])


def attention(sizes=False, more=()):
    extra = {"qkv_hidden_sizes": [16, 16, 16]} if sizes else {}
    nodes = [node("Attention", ["x", "W", "B"] + list(more), ["y"], "att", domain=MS, num_heads=2,
                  **extra)]
    nodes[0].output[0], tensors = "a", [tensor("V", weights(16, 16))]
    nodes.append(node("MatMul", ["x", "V"], ["b"], "m"))
    nodes.append(node("Add", ["a", "b"], ["y"]))
    inputs = [value("x", [2, 5, 16])]
    if more:
        inputs.append(value("mask", [2], TensorProto.INT32))
    return model(nodes, tensors + [tensor("W", weights(16, 48)), tensor("B", weights(48))], inputs,
                 [value("y", [2, 5, 16])], contrib=True)


def lstm(directions=1, name="lstm", layout=False, more=0):
    h, i = 8, 6
    tensors = [tensor("W", weights(directions, 4 * h, i)), tensor("R", weights(directions, 4 * h, h)),
               tensor("B", weights(directions, 8 * h))]
    extra = {"layout": 0} if layout else {}
    nodes = [node("LSTM", ["x", "W", "R", "B"], ["a", "h"], name, hidden_size=h,
                  direction="bidirectional" if directions == 2 else "forward", **extra),
             node("Squeeze", ["h"], ["y"])]
    return model(nodes, tensors, [value("x", [4, 2, i])], [value("y", None)], opset=14)


def embed_layer(segment=True):
    tensors = [tensor(n, weights(*s)) for n, s in
               [("word", (20, 16)), ("pos", (10, 16)), ("seg", (2, 16)), ("gamma", (16,)),
                ("beta", (16,))]]
    nodes = [node("EmbedLayerNormalization",
                  ["ids", "segments" if segment else "", "word", "pos", "seg" if segment else "",
                   "gamma", "beta"], ["e", "m"], "emb", domain=MS, epsilon=1e-5),
             node("Identity", ["e"], ["y"])]
    inputs = [value("ids", [2, 5], TensorProto.INT32)]
    if segment:
        inputs.append(value("segments", [2, 5], TensorProto.INT32))
    else:
        tensors = [t for t in tensors if t.name != "seg"]
    return model(nodes, tensors, inputs, [value("y", [2, 5, 16])], contrib=True)


def branch(gemm_inside=False, typed_result=True, **attributes):
    """An If whose branches have weights, use one of the main graph and one that is quantized."""
    inner = node("Gemm", ["a", "V"], ["t"], "g", **attributes) if gemm_inside else \
        node("MatMul", ["a", "inner"], ["t"], "inner")
    then = helper.make_graph([inner], "then", [], [value("t", [3, 16])],
                             [] if gemm_inside else [tensor("inner", weights(16, 16))])
    other = helper.make_graph([node("MatMul", ["a", "V"], ["e"], "outer")], "else", [],
                              [value("e", [3, 16])])
    nodes = [node("MatMul", ["x", "W"], ["a"], "first"),
             node("If", ["c"], ["b"], "choice", then_branch=then, else_branch=other),
             node("MatMul", ["b", "V"], ["z"], "last"), node("Relu", ["z"], ["y"])]
    return model(nodes, [tensor("W", weights(24, 16)), tensor("V", weights(16, 16)),
                         tensor("unused", weights(4))],
                 X + [value("c", [], TensorProto.BOOL)], Y,
                 value_info=[value("b", [3, 16])] if typed_result else [])


def loop():
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Mul", ["state", "factor"], ["next"], "grow")], "body",
        [value("i", [], INT64), value("go", [], TensorProto.BOOL), value("state", [3, 16])],
        [value("on", [], TensorProto.BOOL), value("next", [3, 16])], [tensor("factor", weights(1))])
    nodes = [node("MatMul", ["x", "W"], ["a"], "first"),
             node("Loop", ["n", "", "a"], ["b"], "again", body=body),
             node("Gemm", ["b", "V"], ["y"], "last", transB=1)]
    return model(nodes, [tensor("W", weights(24, 16)), tensor("V", weights(8, 16)),
                         tensor("n", np.array(3, np.int64))], X,
                 Y, value_info=[value("b", [3, 16])])


BOOL = TensorProto.BOOL


def inner_if(name, then, other, result, **more):
    """An If with all that the peer forgets or sorts: metadata, the order of attributes."""
    n = node("If", ["c"], [result], name, doc_string="an If", **more)
    n.metadata_props.add(key="of", value="the If")
    for branch_name, g in (("then_branch", then), ("else_branch", other)):
        n.attribute.append(helper.make_attribute(branch_name, g))
    return n


def inner_graph(name, nodes, result, tensors=()):
    return helper.make_graph(nodes, name, [], [value(result, [3, 16])], list(tensors))


def around(nodes, tensors=(), more_inputs=()):
    """MatMul, the nodes from "a" to "b", Gemm."""
    return model([node("MatMul", ["x", "W"], ["a"], "first")] + nodes +
                 [node("Gemm", ["b", "V"], ["y"], "last", transB=1)],
                 [tensor("W", weights(24, 16)), tensor("V", weights(8, 16))] + list(tensors),
                 X + [value("c", [], BOOL)] + list(more_inputs), Y,
                 value_info=[value("b", [3, 16])])


def if_in_if(name="inner"):
    """Weights at each depth; one of the middle graph is used in the inner one alone."""
    marked = node("MatMul", ["a", "deep"], ["d"], "zz", doc_string="a product")
    marked.metadata_props.add(key="of", value="a node that stays")
    deep = inner_graph("deep", [marked, node("Add", ["d", "middle"], ["e"])], "e",
                       [tensor("deep", weights(16, 16))])
    flat = inner_graph("flat", [node("MatMul", ["a", "U"], ["f"])], "f")
    then = inner_graph("then", [inner_if(name, deep, flat, "t")], "t", [tensor("middle", weights(16))])
    other = inner_graph("else", [inner_if(None, inner_graph("p", [node("Abs", ["a"], ["g"])], "g"),
                                          inner_graph("q", [node("Neg", ["a"], ["h"])], "h"), "o")], "o")
    return around([inner_if("outer", then, other, "b")], [tensor("U", weights(16, 16))])


def loop_body(name, nodes, state, result, tensors=()):
    return helper.make_graph(
        [node("Identity", [name + "_go"], [name + "_on"])] + nodes, name,
        [value(name + "_i", [], INT64), value(name + "_go", [], BOOL), value(state, [3, 16])],
        [value(name + "_on", [], BOOL), value(result, [3, 16])], list(tensors))


def loop_in_if():
    body = loop_body("body", [node("MatMul", ["state", "again"], ["next"], "grow")], "state", "next",
                     [tensor("again", weights(16, 16))])
    then = inner_graph("then", [node("Loop", ["n", "", "a"], ["t"], "loop", body=body)], "t")
    other = inner_graph("else", [node("Identity", ["a"], ["e"])], "e")
    return around([inner_if("outer", then, other, "b")], [tensor("n", np.array(2, np.int64))])


def if_in_loop_in_if():
    """Three deep, beside a node with attributes of other kinds."""
    then = inner_graph("then", [node("LeakyRelu", ["state"], ["l"], alpha=0.25),
                                node("Transpose", ["l"], ["m"], perm=[1, 0]),
                                node("Transpose", ["m"], ["k"], perm=[1, 0])], "k")
    other = inner_graph("else", [node("MatMul", ["state", "V16"], ["o"])], "o")
    body = loop_body("body", [inner_if("deepest", then, other, "next")], "state", "next")
    outer = inner_graph("outer", [node("Loop", ["n", "", "a"], ["t"], body=body)], "t")
    return around([inner_if("outer", outer, inner_graph("e", [node("Abs", ["a"], ["r"])], "r"), "b")],
                  [tensor("n", np.array(2, np.int64)), tensor("V16", weights(16, 16))])


def scan_in_if():
    """A Scan has numbers and lists of numbers beside its graph."""
    body = helper.make_graph([node("Add", ["row", "sum"], ["more"]), node("Identity", ["more"], ["out"])],
                             "rows", [value("sum", [16]), value("row", [16])],
                             [value("more", [16]), value("out", [16])])
    scan = node("Scan", ["start", "a"], ["last_sum", "t"], "scan", num_scan_inputs=1, body=body,
                scan_output_directions=[1], scan_input_axes=[0])
    return around([inner_if("outer", inner_graph("then", [scan], "t", [tensor("start", weights(16))]),
                            inner_graph("else", [node("Abs", ["a"], ["e"])], "e"), "b")])


def then(nodes, inner=(), outer=(), otherwise=None, before=()):
    """An If with these nodes from "a" to "t", and these initializers in it and around it."""
    other = otherwise or inner_graph("else", [node("Abs", ["a"], ["e"])], "e")
    m = around([inner_if("outer", inner_graph("then", nodes, "t", inner), other, "b")], outer)
    for position, n in enumerate(before):
        m.graph.node.insert(1 + position, n)
    return m


def turned_in_branches():
    """Gemms of one weight in both branches and around them; the branches share their names."""
    def part(name):
        nodes = [node("Gemm", ["a", "I", "C"], ["p"], "g", transB=1),
                 node("Gemm", ["p", "I"], ["q"], "h", transB=1),
                 node("Gemm", ["q", "own", "C"], ["t"], "k", transB=1)]
        return inner_graph(name, nodes, "t", [tensor("own", weights(16, 16))])
    m = around([inner_if("outer", part("then"), part("else"), "z"),
                node("Gemm", ["z", "I"], ["b"], "after", transB=1)],
               [tensor("I", weights(16, 16)), tensor("C", weights(16))])
    m.graph.value_info.append(value("z", [3, 16]))
    return m


def turned_in_depth():
    """A weight of the middle graph that an inner Gemm alone turns around, and one of all."""
    deep = inner_graph("deep", [node("Gemm", ["a", "middle"], ["d"], "g", transB=1),
                                node("Gemm", ["d", "I"], ["u"], transB=1)], "u")
    flat = inner_graph("flat", [node("Gemm", ["a", "I"], ["f"], transB=1, alpha=0.5)], "f")
    nodes = [inner_if("inner", deep, flat, "v"), node("Gemm", ["v", "I"], ["t"], transB=1)]
    return then(nodes, [tensor("middle", weights(16, 16))], [tensor("I", weights(16, 16))])


def gemm_in_loop():
    body = loop_body("body", [node("Gemm", ["state", "again", "C"], ["next"], "grow", transB=1)],
                     "state", "next", [tensor("again", weights(16, 16)), tensor("left", weights(4, 4)),
                                       tensor("numbers", np.arange(3))])
    return around([node("Loop", ["n", "", "a"], ["b"], "loop", body=body)],
                  [tensor("n", np.array(2, np.int64)), tensor("C", weights(16))])


def names_of_two():
    """"I" of one branch is unused, "I" of the other is used a graph deeper."""
    deep = inner_graph("deep", [node("MatMul", ["a", "I"], ["d"])], "d")
    flat = inner_graph("flat", [node("Abs", ["a"], ["f"])], "f")
    other = inner_graph("else", [inner_if("inner", deep, flat, "e")], "e", [tensor("I", weights(16, 16))])
    return then([node("Relu", ["a"], ["t"])], [tensor("I", weights(16, 16))], otherwise=other)


def big_branch():
    """More than 16 MiB in one attribute, some of it turned around."""
    return then([node("MatMul", ["a", "I"], ["p"]), node("Gemm", ["p", "J"], ["t"], transB=1)],
                [tensor("I", weights(16, 200000)), tensor("J", weights(16, 200000))])


def with_metadata(m, **labels):
    for key, text in labels.items():
        m.metadata_props.add(key=key.replace("__", "."), value=text)
    return m


def extremes():
    ties = np.array([[127, -127, .5, 1.5, -2.5, 126.5], [1e-38, -0.0, 3e38, -3e38, 0, 1]], np.float32)
    return matmul(w=tensor("W", np.tile(ties, (12, 3))[:, :16]))


MODELS = {
    "MatMul": matmul(),
    "unnamed MatMul": matmul(name=None),
    "MatMul with typed data": matmul(w=typed("W", weights(24, 16))),
    "MatMul of IR version 3": matmul_of_old_ir(),
    "MatMul of zeros": matmul(w=tensor("W", np.zeros((24, 16), np.float32))),
    "MatMul of positive values": matmul(w=tensor("W", np.abs(weights(24, 16)))),
    "MatMul of negative values": matmul(w=tensor("W", -np.abs(weights(24, 16)))),
    "MatMul of tiny values": matmul(w=tensor("W", weights(24, 16) * np.float32(1e-38))),
    "MatMul of extremes": extremes(),
    "MatMul of one element": model([node("MatMul", ["x", "W"], ["y"])], [tensor("W", weights(1, 1))],
                                   [value("x", [3, 1])], Y),
    "MatMul by a vector": model([node("MatMul", ["x", "W"], ["y"])], [tensor("W", weights(24))],
                                X, [value("y", [None])]),
    "MatMul of three dimensions": model([node("MatMul", ["x", "W"], ["y"])],
                                        [tensor("W", weights(2, 12, 16))],
                                        [value("x", [2, 3, 12])], [value("y", [None] * 3)]),
    "Gemm": gemm((24, 16)),
    "Gemm without bias": gemm((24, 16), bias=False),
    "Gemm with transB": gemm((16, 24), transB=1),
    "Gemm with transB, without bias": gemm((16, 24), bias=False, transB=1),
    "unnamed Gemm with transB": gemm((16, 24), name=None, transB=1),
    "Gemm with alpha": kept_gemm((24, 16), alpha=0.5),
    "Gemm with beta": kept_gemm((24, 16), beta=1.5),
    "Gemm with transA": kept_gemm((24, 16), x=(24, 3), transA=1),
    "Gemm of two values": gemm_of_values(),
    "Gemm of a quantized value": gemm_of_quantized(),
    "Gemms and a MatMul of one weight": square_gemms(),
    "Conv": conv(False),
    "Conv with bias": conv(True),
    "unnamed Conv with bias": conv(True, name=None),
    "Conv in groups": conv(True, group=2, dilations=[1, 1]),
    "layers": layers(True),
    "unnamed layers": layers(False),
    "two MatMuls of one input": shared_input(True),
    "two unnamed MatMuls of one input": shared_input(False),
    "MatMuls of one weight": shared_weight(True),
    "unnamed MatMuls of one weight": shared_weight(False),
    "a weight with another use before": other_use(True),
    "a weight with another use after": other_use(False),
    "a weight with other uses before and after": both_uses(),
    "a weight that is an output": weight_is_output(),
    "constants on both sides": constant_sides(),
    "names that do not sort as the nodes": out_of_order_names(),
    "Gather": embedding(),
    "Gather and a turned MatMul of one table": embedding("MatMul"),
    "Gather and a Gemm of one table": embedding("Gemm"),
    "Gather and then a MatMul of one table": embedding("then MatMul"),
    "MatMul and then a Gather of one table": embedding("first"),
    "Gather, Transpose, MatMul": moved_embedding(),
    "Gather that nobody wants": dead_gather(),
    "Gathers that stay": gather_of_ids(),
    "Transposes": transposed_activation(),
    "weights in Constant nodes": constant_node(),
    "fp16": half(),
    "fp16 Gather": embedding(dtype=np.float16),
    "Attention": attention(),
    "Attention with a mask": attention(more=["mask"]),
    "Attention with sizes": attention(sizes=True),
    "LSTM": lstm(),
    "LSTM in two directions": lstm(2),
    "unnamed LSTM with a layout": lstm(name=None, layout=True),
    "EmbedLayerNormalization": embed_layer(),
    "EmbedLayerNormalization without segments": embed_layer(False),
    "If": branch(),
    "Loop": loop(),
    "an If in an If": if_in_if(),
    "an unnamed If in an If": if_in_if(None),
    "a Loop in an If": loop_in_if(),
    "an If in a Loop in an If": if_in_loop_in_if(),
    "a Scan in an If": scan_in_if(),
    "a Gemm in an If": branch(gemm_inside=True),
    "a Gemm in an If that stays": branch(gemm_inside=True, alpha=0.5),
    "a Gemm with transB in an If": branch(gemm_inside=True, transB=1),
    "a Gemm with a bias in an If": then(
        [node("Gemm", ["a", "I", "C"], ["t"], "g", transB=1)],
        [tensor("I", weights(16, 16)), tensor("C", weights(16))]),
    "a Gemm of two values in an If": then(
        [node("Gemm", ["a", "a2"], ["t0"], "g", transB=1), node("MatMul", ["t0", "P"], ["t"])],
        [tensor("P", weights(3, 16))], before=[node("Relu", ["a"], ["a2"])]),
    "Gemms of one weight in both branches": turned_in_branches(),
    "Gemms of one weight in graphs in graphs": turned_in_depth(),
    "a Gemm in a Loop beside unused initializers": gemm_in_loop(),
    "an unused initializer in an If": then([node("Relu", ["a"], ["t"])], [tensor("I", weights(16, 16))]),
    "an initializer that is an If's output": around([inner_if(
        "outer", inner_graph("then", [], "t", [tensor("t", weights(3, 16))]),
        inner_graph("else", [node("Abs", ["a"], ["e"])], "e"), "b")]),
    "initializers of one name in both branches": names_of_two(),
    "metadata": with_metadata(matmul(), author="someone", license="MIT"),
    "metadata with onnx.infer": with_metadata(matmul(), author="someone", onnx__infer="other"),
}
for version in range(11, 22):
    MODELS["layers of opset %d" % version] = layers(version % 2 == 0, version)
    MODELS["Gather of opset %d" % version] = embedding("Gemm", version)


# ---- refused ----

def unknown_type():
    nodes = [node("Mystery", ["x"], ["a"], "m", domain="of.mine"), node("MatMul", ["a", "W"], ["b"], "p"),
             node("Relu", ["b"], ["y"])]
    m = model(nodes, [tensor("W", weights(24, 16))], X, Y)
    m.opset_import.append(helper.make_opsetid("of.mine", 1))
    return m


def taken_name():
    return model([node("MatMul", ["x", "W"], ["a"]), node("Add", ["a", "W_scale"], ["y"])],
                 [tensor("W", weights(24, 16)), tensor("W_scale", weights(16))], X, Y)


def not_finite():
    w = weights(24, 16)
    w[3, 4] = np.inf
    return matmul(w=tensor("W", w))


REFUSED = {
    "an If of unknown type": (branch(typed_result=False), "is not known"),
    "opset 10": (matmul(opset=10), "opset is 10"),
    "a value of unknown type": (unknown_type(), "is not known"),
    "a name that is taken": (taken_name(), "W_scale"),
    "an infinite weight": (not_finite(), "infinities"),
    "a Gemm of other numbers": (model(
        [node("Gemm", ["x", "W"], ["y"], transB=1)], [tensor("W", weights(16, 24).astype(np.float64))],
        [value("x", [3, 24], TensorProto.DOUBLE)], [value("y", None, TensorProto.DOUBLE)]), "F32"),
}


# Refused because the peer fails, or what it writes does not load.
UNLOADABLE = {
    "two Gemms of one turned value in an If": (then(
        [node("Gemm", ["a", "a2"], ["p"], transB=1), node("Gemm", ["a", "a2"], ["q"], transB=1),
         node("Add", ["p", "q"], ["r"]), node("MatMul", ["r", "P"], ["t"])],
        [tensor("P", weights(3, 16))], before=[node("Relu", ["a"], ["a2"])]), "a2_Transposed"),
}


# ---- comparing ----

def plain(array):
    return (str(array.dtype), array.shape, array.tobytes())


def attribute(a):
    if a.type == onnx.AttributeProto.TENSOR:
        return (a.name, a.type, plain(numpy_helper.to_array(a.t)))
    if a.type == onnx.AttributeProto.GRAPH:
        return (a.name, a.type, graph(a.g))
    return (a.name, a.type, repr(helper.get_attribute_value(a)))


def graph(g):
    return {
        "name": g.name,
        "inputs": [(i.name, str(i.type)) for i in g.input],
        "outputs": [(o.name, o.type.tensor_type.elem_type) for o in g.output],
        "nodes": [(n.op_type, n.domain, n.name, list(n.input), list(n.output),
                   [attribute(a) for a in n.attribute],
                   [(p.key, p.value) for p in n.metadata_props]) for n in g.node],
        "initializers": [(t.name, t.data_type, list(t.dims), plain(numpy_helper.to_array(t)))
                         for t in g.initializer],
    }


def decoded(m):
    """Everything but value_info, doc strings and pare's own labels, in words."""
    return dict(graph(m.graph), **{
        "ir_version": m.ir_version, "producer": (m.producer_name, m.producer_version),
        "model": (m.domain, m.model_version),
        "opsets": [(o.domain, o.version) for o in m.opset_import],
        "metadata": [(p.key, p.value) for p in m.metadata_props if not p.key.startswith("pare.")],
    })


def difference(want, got):
    for key in want:
        if want[key] == got[key]:
            continue
        if key not in ("nodes", "initializers"):
            return "%s: %s expected, %s found" % (key, want[key], got[key])
        for i, (a, b) in enumerate(itertools.zip_longest(want[key], got[key])):
            if a != b:
                return "%s %d: %.600s\nexpected, %.600s\nfound" % (key, i, a, b)
    return ""


def compute(path):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    local, feed = np.random.default_rng(3), {}
    for i in session.get_inputs():
        shape = [d if isinstance(d, int) else 2 for d in i.shape]
        if "bool" in i.type:
            feed[i.name] = local.integers(0, 2, shape).astype(bool)
        elif "int" in i.type:
            kind = np.int64 if "64" in i.type else np.int32
            feed[i.name] = local.integers(0, 2, shape).astype(kind)
        else:
            kind = np.float16 if "16" in i.type else np.float32
            feed[i.name] = local.standard_normal(shape).astype(kind)
    return session.run(None, feed)


def outputs(path):
    """What it computes; of a model that cannot be run, as some of the peer's cannot, the reason."""
    try:
        return compute(path)
    except Exception as problem:
        return re.sub(r"\S*\.onnx", "MODEL", str(problem))


def same_outputs(want, got):
    """Shapes that only the peer's value_info tells let ONNX Runtime fuse more: the last bits differ."""
    if isinstance(want, str) or isinstance(got, str):
        return want == got
    return all(np.allclose(a, b, 1e-4, 1e-5, equal_nan=True) for a, b in zip(want, got))


SETTINGS = [dict(per_channel=c, reduce_range=r, weight_type=t)
            for c, r, t in itertools.product([False, True], [False, True], ["qint8", "quint8"])]


def run_pare(settings, source, target):
    step = dict(settings, step="quantize", scheme="int8", match="onnxruntime")
    return subprocess.run([TRANSFORM, json.dumps({"steps": [step]}), source, target],
                          capture_output=True, text=True)


def run_peer(settings, source, target):
    kind = QuantType.QUInt8 if settings["weight_type"] == "quint8" else QuantType.QInt8
    quantize_dynamic(source, target, weight_type=kind, per_channel=settings["per_channel"],
                     reduce_range=settings["reduce_range"])


def problem_of(source, folder, settings):
    """Why the two differ, '' when they do not; what pare refuses the peer must not manage."""
    mine, theirs = os.path.join(folder, "pare.onnx"), os.path.join(folder, "peer.onnx")
    peer_error = None
    try:
        run_peer(settings, source, theirs)
    except Exception as problem:
        peer_error = "%s: %s" % (type(problem).__name__, problem)
    result = run_pare(settings, source, mine)
    if result.returncode != 0 or peer_error:
        both = result.returncode != 0 and peer_error
        return "" if both else "pare: %s peer: %s" % (result.stderr or "fine", peer_error or "fine")
    predicted = int(result.stdout.rsplit("predicted ", 1)[1].split()[0])
    beside = mine + ".data"
    size = os.path.getsize(mine) + (os.path.getsize(beside) if os.path.exists(beside) else 0)
    found = difference(decoded(onnx.load(theirs)), decoded(onnx.load(mine)))
    if not found and predicted != size:
        found = "predicted %d bytes, wrote %d" % (predicted, size)
    if not found and not same_outputs(outputs(theirs), outputs(mine)):
        found = "they do not compute the same: %.200s" % outputs(mine)
    return found


def check(name, m, settings=SETTINGS, external=False):
    """One line for all settings of a model."""
    problems = []
    for s in settings:
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "in.onnx")
            if external:
                onnx.save(m, source, save_as_external_data=True, location="weights.bin",
                          size_threshold=0)
            else:
                onnx.save(m, source)
            found = problem_of(source, folder, s)
            if found:
                problems.append("%s: %s" % (s, found))
    ok(not problems, name, "\n".join(problems[:2]))


def check_refused(name, m, words):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.onnx"), os.path.join(folder, "out.onnx")
        onnx.save(m, source)
        result = run_pare(SETTINGS[0], source, target)
        ok(result.returncode != 0 and words in result.stderr and not os.path.exists(target),
           "refused: " + name, result.stderr or "it was taken")


def peer_loads(m):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.onnx"), os.path.join(folder, "out.onnx")
        onnx.save(m, source)
        try:
            compute(source)
            run_peer(SETTINGS[0], source, target)
            compute(target)
        except Exception as problem:
            return "in.onnx" in str(problem)
        return True


def check_file(path):
    """A model of the user's; copied, because the peer writes beside it."""
    m = onnx.load(path)
    check("the same as quantize_dynamic: %s" % os.path.basename(path), m)


def pinned():
    with open(os.path.join(HERE, "requirements.txt")) as f:
        return re.search(r"^onnxruntime==(\S+)$", f.read(), re.M).group(1)


def main():
    logging.disable(logging.CRITICAL)
    if not os.path.exists(TRANSFORM):
        print("1..0 # SKIP %s is not built" % TRANSFORM)
        return 0
    if ort.__version__ != pinned():
        print("1..0 # SKIP onnxruntime is %s, %s is matched" % (ort.__version__, pinned()))
        return 0
    print("# onnxruntime %s, onnx %s" % (ort.__version__, onnx.__version__))
    for name, m in MODELS.items():
        check("the same as quantize_dynamic: " + name, m)
    check("the same as quantize_dynamic: external data", layers(True), external=True)
    check("the same as quantize_dynamic: a branch of 25 MB", big_branch(), SETTINGS[:1])
    for name, (m, words) in REFUSED.items():
        check_refused(name, m, words)
    for name, (m, words) in UNLOADABLE.items():
        check_refused(name, m, words)
        ok(not peer_loads(m), "what quantize_dynamic makes of it does not load: " + name)
    for path in sys.argv[1:]:
        check_file(path)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
