/* SPDX-License-Identifier: MIT */
/*
 * 4-bit floats in blocks: nf4 and fp4, with a block's largest magnitude as its scale.
 *
 * The arithmetic is that of onnxruntime's MatMulBnb4Quantizer, to the bit; kernel.h has the
 * formulas. The blocks run along the outputs, so a weight that lies (inputs, outputs) is turned
 * on the way, as many outputs at a time as the room holds. The scales go where the block begins
 * in the tensor: nothing grows with it.
 */
#ifndef PARE_ENGINE_BNB4_H
#define PARE_ENGINE_BNB4_H

#include "base/base.h"
#include "format/bnb4.h"

struct kernel;
struct kernel_error;

/* Elements that are quantized at a time: a whole number of blocks of any size. */
enum { BNB4_STRETCH = 1 << 20 };

/* The room for that. */
struct bnb4_room {
    uint8_t q[BNB4_STRETCH / 2]; /* first: what is written */
    float x[BNB4_STRETCH];
    float absmax[BNB4_STRETCH / BNB4_BLOCK_MIN];
};

/*
 * Quantize elements [start, start + count) of x, which is the whole tensor, in the order of the
 * layout, into room->q. `start` is a multiple of BNB4_STRETCH, `count` as much or what is left.
 * The elements of x are spent: the scales are in their place.
 */
void bnb4_quantize(const struct kernel *kernel, float *x, const struct bnb4_layout *layout,
                   int float4, int64_t start, int64_t count, struct bnb4_room *room,
                   struct kernel_error *io_error);

/* The scales of such a stretch that was quantized, into room->absmax; gives how many. */
size_t bnb4_scales(const float *x, const struct bnb4_layout *layout, int64_t start, int64_t count,
                   struct bnb4_room *room);

#endif
