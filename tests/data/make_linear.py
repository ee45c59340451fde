#!/usr/bin/env python3
"""tests/engine/linear_expected.h: what bitsandbytes' path for CPUs makes of the weights in tests/engine/linear.c.

    python3 tests/data/make_linear.py > tests/engine/linear_expected.h      (bitsandbytes 0.50.2, torch 2.13.0)

and then clang-format.
"""
import bitsandbytes.functional as peer
import torch

ROWS, COLUMNS = 24, 40


def weights():
    """The same as in linear.c: multiples of 1/4096 between -1/2 and 1/2, exact in float16."""
    state, found = 20240229, []
    for _ in range(ROWS * COLUMNS):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        found.append(((state >> 40) % 4097 - 2048) / 4096)
    return torch.tensor(found, dtype=torch.float32).reshape(ROWS, COLUMNS)


def put(name, values, kind):
    words = [float(value).hex() + "f" if kind == "float" else str(int(value)) for value in values.flatten().tolist()]
    print("static const %s %s[%d] = {" % (kind, name, len(words)))
    line = "   "
    for word in words:
        if len(line) + len(word) > 97:
            print(line)
            line = "   "
        line += " " + word + ","
    print(line + "\n};")


print("/* SPDX-License-Identifier: MIT */")
print("/* Made by tests/data/make_linear.py. */")
w = weights()
for kind in ("nf4", "fp4"):
    for nested in (True, False):
        q, state = peer.quantize_4bit(w, blocksize=64, compress_statistics=nested, quant_type=kind)
        packed = state.as_dict(packed=True)
        if nested:
            put(kind + "_codes", q, "unsigned char")
            put(kind + "_absmax8", packed["absmax"], "unsigned char")
            put(kind + "_nested_absmax", packed["nested_absmax"], "float")
            print("static const double %s_offset = %r;" % (kind, float(state.offset)))
        else:
            put(kind + "_absmax", packed["absmax"], "float")
q, scales, _ = peer.int8_vectorwise_quant(w.to(torch.float16))
put("int8_codes", q, "signed char")
put("int8_scb", scales, "float")
