/* SPDX-License-Identifier: MIT */
/*
 * 4-bit blocks: a scale, and unless symmetric a zero point, for each run of
 * inputs of an output.
 *
 * The arithmetic is that of onnxruntime's MatMulNBitsQuantizer (its default
 * algorithm, QOperator form), to the bit; kernel.h has the formulas. The peer's
 * one oddity is kept: with an odd number of inputs, the four bits behind the
 * last one repeat the four before it, except at the start of a pair of blocks.
 *
 * Weights lie row by row and are wanted column by column. So tiles of one block's
 * rows and as many columns as the cache holds are copied together, and columns
 * come out in parts that are whole in the output. The scales go where the block
 * was in the tensor: nothing grows with it but the zero points.
 */
#ifndef PARE_ENGINE_INT4_H
#define PARE_ENGINE_INT4_H

#include "base/base.h"
#include "format/int4.h"

struct kernel;
struct kernel_error;
struct pare_error;
struct sink;

/* The room for one part of the values. */
enum { INT4_ROOM = 1 << 20 };

/* Outputs [output, output + outputs), of each the blocks [block, block + blocks). */
struct int4_part {
    int64_t output, outputs, block, blocks;
};

/* The next part in the order of the values; from the zeroed struct on. False: there is none. */
bool int4_next(const struct int4_layout *layout, struct int4_part *io_part);

/* What quantizing did, beside the errors. */
struct int4_counts {
    uint64_t clipped;
};

/*
 * Quantize a part of x, which is the whole tensor, into ret_q (INT4_ROOM bytes) and into zeros,
 * the whole tensor's zero points, zeroed before the first part; NULL when symmetric. The part's
 * elements of x are spent: the scales are in their place.
 */
void int4_quantize(const struct kernel *kernel, float *x, const struct int4_layout *layout,
                   const struct int4_part *part, uint8_t *ret_q, uint8_t *zeros,
                   struct kernel_error *io_error, struct int4_counts *io_counts);

/* Elements of a tile: what the first cache holds. */
enum { INT4_TILE = 8192 };

/* Where an output's block begins in the tensor. */
size_t int4_place(const struct int4_layout *layout, int64_t output, int64_t block);

/* Up to INT4_TILE elements of one block as groups (rows, 8); columns past the last are zeros. */
void int4_load_tile(const float *x, const struct int4_layout *layout, int64_t output, int64_t block,
                    size_t rows, size_t columns, float *ret_tile);

/* The scales of a part that was quantized; gives how many. */
size_t int4_scales(const float *x, const struct int4_layout *layout, const struct int4_part *part,
                   float *ret_scales);

#endif
