/* SPDX-License-Identifier: MIT */
/*
 * Symmetric int8: one scale for a tensor or one for each output channel.
 *
 * The arithmetic is that of onnxruntime's quantize_dynamic for QInt8 weights,
 * to the bit: scale = (float)((double)(float)(2 * absmax) / 254), or 1 where that
 * is below FLT_MIN; q = clip(round_half_even(x / scale), -128, 127).
 */
#ifndef PARE_ENGINE_INT8_H
#define PARE_ENGINE_INT8_H

#include "base/base.h"

struct kernel;
struct kernel_error;
struct pare_tensor;

/* A tensor as (outer, channels, inner), row-major; one scale for each channel. */
struct int8_layout {
    size_t outer, channels, inner;
};

/* axis -1: one channel that holds all. */
struct int8_layout int8_layout(const struct pare_tensor *tensor, int axis);

/* From a magnitude's bits. reduce_range: -64..64, for processors whose 8-bit sums saturate. */
float int8_scale(uint32_t absmax_bits, bool reduce_range);

/* Whether twice the magnitude is still finite, as the scale needs it. */
bool int8_fits(uint32_t absmax_bits);

/*
 * Fold the magnitudes of elements [start, start + count), which are at x, into io_bits[channels].
 * Where inner is 1, of whole rows of channels or a part of one, as int8_stretch() cuts.
 */
void int8_fold(const struct kernel *kernel, const float *x, struct int8_layout layout, size_t start,
               size_t count, uint32_t *io_bits);

/* The scale of each channel of x; `bits` is room for as many magnitudes. */
void int8_scales(const struct kernel *kernel, const float *x, struct int8_layout layout,
                 bool reduce_range, uint32_t *bits, float *ret_scales);

/* What quantizing did, beside the errors. */
struct int8_counts {
    uint64_t clipped;
};

/*
 * Quantize elements [start, start + count) of a tensor, which are at x, into ret_q; as many as
 * int8_stretch() says.
 */
void int8_quantize(const struct kernel *kernel, const float *x, struct int8_layout layout,
                   const float *scales, size_t start, size_t count, int8_t *ret_q,
                   struct kernel_error *io_error, struct int8_counts *io_counts);

/*
 * How many elements the stretch from `start` on has: at most `room`, whole rows or parts of one
 * row. It depends on the layout alone, so that sums come out the same everywhere.
 */
size_t int8_stretch(struct int8_layout layout, size_t start, size_t room);

#endif
