/* SPDX-License-Identifier: MIT */
/*
 * The layout of a table of 4-bit rows in blocks: what com.microsoft GatherBlockQuantized reads.
 *
 *   Each row is cut into blocks of consecutive elements, the last one maybe short.
 *     values       int4 (rows, columns), or uint4 with zero points    the even element of the table
 *                                                                     in the low four bits
 *     scales       float (rows, blocks)
 *     zero points  uint4 (rows, blocks)                               packed alike; none when
 *                                                                     symmetric
 */
#ifndef PARE_FORMAT_TABLE4_H
#define PARE_FORMAT_TABLE4_H

#include "format/format.h"

struct table4_layout {
    int64_t rows, columns;
    int64_t block;  /* elements that share a scale */
    int64_t blocks; /* of a row */
    int64_t value_bytes, scale_bytes;
    int64_t zero_bytes; /* 0 when symmetric */
};

/* Of a tensor of two dimensions that becomes CHANGE_TABLE4. */
static inline struct table4_layout table4_layout(const struct pare_tensor *tensor,
                                                 const struct change *change)
{
    struct table4_layout l = { .rows = tensor->dims[0],
                               .columns = tensor->dims[1],
                               .block = change->block };
    l.blocks = (l.columns + l.block - 1) / l.block;
    l.value_bytes = (l.rows * l.columns + 1) / 2;
    l.scale_bytes = l.rows * l.blocks * (int64_t)sizeof(float);
    l.zero_bytes = change->symmetric ? 0 : (l.rows * l.blocks + 1) / 2;
    return l;
}

static inline int64_t table4_bytes(const struct table4_layout *l)
{
    return l->value_bytes + l->scale_bytes + l->zero_bytes;
}

#endif
