/* SPDX-License-Identifier: MIT */
/*
 * The layout of 4-bit floats in blocks, as in bitsandbytes: what com.microsoft MatMulBnb4 reads.
 *
 *   A weight of K inputs and N outputs is taken output by output, N times K elements in a row, and
 *   cut into blocks of consecutive elements: a block may begin in one output and end in another,
 *   and the last one may be short.
 *     values   uint8 (ceil(N K / 2))        the even element in the high four bits
 *     absmax   float (ceil(N K / block))    the largest magnitude of each block
 */
#ifndef PARE_FORMAT_BNB4_H
#define PARE_FORMAT_BNB4_H

#include "format/format.h"

enum { BNB4_BLOCK_MIN = 16, BNB4_BLOCK_MAX = 256 };

/* How many elements the operator can count. */
#define BNB4_ELEMENTS_MAX INT32_MAX

struct bnb4_layout {
    int64_t k, n; /* inputs, outputs */
    int64_t block, blocks;
    int64_t value_bytes;
    bool rows_are_inputs; /* the tensor is (K, N); else (N, K) */
};

/* Of a tensor of two dimensions that becomes CHANGE_BNB4. */
static inline struct bnb4_layout bnb4_layout(const struct pare_tensor *tensor,
                                             const struct change *change)
{
    struct bnb4_layout l = { .k = tensor->dims[1 - change->axis],
                             .n = tensor->dims[change->axis],
                             .block = change->block,
                             .rows_are_inputs = change->axis == 1 };
    l.blocks = (l.k * l.n + l.block - 1) / l.block;
    l.value_bytes = (l.k * l.n + 1) / 2;
    return l;
}

#endif
