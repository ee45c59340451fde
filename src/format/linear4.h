/* SPDX-License-Identifier: MIT */
/*
 * A Linear layer's weight in 4-bit floats as a checkpoint of bitsandbytes has it.
 *
 *   The N K elements, outputs by inputs, are cut into blocks of consecutive elements; the last
 *   one may be short. For the tensor NAME:
 *     NAME                 uint8 (ceil(N K / 2), 1)      the even element in the high four bits
 *     NAME.absmax          float (blocks)                the largest magnitude of each block;
 *                          uint8 (blocks) where they are quantized once more
 *     NAME.quant_map       float (16)                    the number of each code
 *     NAME.nested_absmax   float (ceil(blocks / 256))    of 256 absmax less their mean
 *     NAME.nested_quant_map  float (256)                 the number of each of their codes
 *     NAME.quant_state.bitsandbytes__nf4 (or __fp4)      JSON as uint8: shape, dtype, block, mean
 */
#ifndef PARE_FORMAT_LINEAR4_H
#define PARE_FORMAT_LINEAR4_H

#include "format/format.h"

enum { LINEAR4_NESTED_BLOCK = 256, LINEAR4_CODES = 16, LINEAR4_NESTED_CODES = 256 };

/* Of blocks whose magnitudes are quantized too: what is known once all of them are. */
struct nested4 {
    float offset;        /* their mean */
    const float *absmax; /* the largest distance from it, of 256 at a time */
    size_t count;
};

/* The numbers of the codes: of fp4 (0) and nf4 (1), and of nested magnitudes. */
extern const float linear4_map[2][LINEAR4_CODES];
extern const float linear4_nested_map[LINEAR4_NESTED_CODES];

static inline int64_t linear4_blocks(const struct pare_tensor *tensor, int block)
{
    return (tensor->element_count + block - 1) / block;
}

static inline int64_t linear4_value_bytes(const struct pare_tensor *tensor)
{
    return (tensor->element_count + 1) / 2;
}

/* Append the quant_state of a tensor. */
struct buf;
void linear4_put_state(struct buf *buf, const struct pare_tensor *tensor,
                       const struct change *change);

#endif
