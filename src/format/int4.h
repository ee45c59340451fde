/* SPDX-License-Identifier: MIT */
/*
 * The layout of 4-bit weights in blocks: what com.microsoft MatMulNBits reads.
 *
 *   A weight of K inputs and N outputs is cut, output by output, into blocks of consecutive
 *   inputs, the last one filled up with zero bytes.
 *     values       uint8 (N, blocks, block / 2)        the even input in the low four bits
 *     scales       float (N, blocks)
 *     zero points  uint8 (N, ceil(blocks / 2))         the even block in the low four bits; none
 *                                                      when symmetric: all are 8 then
 */
#ifndef PARE_FORMAT_INT4_H
#define PARE_FORMAT_INT4_H

#include "format/format.h"

enum { INT4_BLOCK_MIN = 16, INT4_BLOCK_MAX = 256 };

struct int4_layout {
    int64_t k, n;         /* inputs, outputs */
    int64_t block;        /* inputs that share a scale */
    int64_t blocks;       /* of one output */
    int64_t value_bytes;  /* of one output, as the following */
    int64_t zero_bytes;   /* of the zero points; 0 when symmetric */
    bool rows_are_inputs; /* the tensor is (K, N); else (N, K) */
    bool symmetric;
};

/* Of a tensor of two dimensions that becomes CHANGE_INT4. */
static inline struct int4_layout int4_layout(const struct pare_tensor *tensor,
                                             const struct change *change)
{
    struct int4_layout l = { .k = tensor->dims[1 - change->axis],
                             .n = tensor->dims[change->axis],
                             .block = change->block,
                             .rows_are_inputs = change->axis == 1,
                             .symmetric = change->symmetric };
    l.blocks = (l.k + l.block - 1) / l.block;
    l.value_bytes = l.blocks * l.block / 2;
    l.zero_bytes = l.symmetric ? 0 : (l.blocks + 1) / 2;
    return l;
}

/* All bytes of one output. */
static inline int64_t int4_output_bytes(const struct int4_layout *l)
{
    return l->value_bytes + l->blocks * (int64_t)sizeof(float) + l->zero_bytes;
}

#endif
