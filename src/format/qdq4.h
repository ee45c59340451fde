/* SPDX-License-Identifier: MIT */
/*
 * The layout of 4-bit weights in blocks as ONNX's own DequantizeLinear reads them from opset 21 on.
 *
 *   A weight of K inputs and N outputs, each output cut into blocks of consecutive inputs, the last
 *   one maybe short.
 *     values       int4 (K, N), or uint4 with zero points    the even element in the low four bits
 *     scales       float (blocks, N)
 *     zero points  uint4 (blocks, N)                         packed alike; none when symmetric
 */
#ifndef PARE_FORMAT_QDQ4_H
#define PARE_FORMAT_QDQ4_H

#include "format/int4.h"

/* As int4.h has it for the same tensor and change, but for the bytes below. */
static inline int64_t qdq4_value_bytes(const struct int4_layout *l)
{
    return (l->k * l->n + 1) / 2;
}

static inline int64_t qdq4_zero_bytes(const struct int4_layout *l)
{
    return l->symmetric ? 0 : (l->blocks * l->n + 1) / 2;
}

/* The values of one block of every output, a stretch of them all. */
static inline int64_t qdq4_row_bytes(const struct int4_layout *l)
{
    return (MIN(l->block, l->k) * l->n + 1) / 2;
}

#endif
