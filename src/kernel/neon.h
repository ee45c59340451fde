/* SPDX-License-Identifier: MIT */
/* What the files of the NEON table share: eight lanes of doubles in registers, and its blocks. */
#ifndef PARE_KERNEL_NEON_H
#define PARE_KERNEL_NEON_H

#include <arm_neon.h>

#include "kernel/lanes.h"

/* The lanes as registers, two in each. */
struct neon_lanes {
    float64x2_t signal[4], noise[4], max_error[4];
};

static inline void neon_add_two(struct neon_lanes *lanes, int pair, float64x2_t x, float64x2_t y)
{
    float64x2_t difference = vsubq_f64(x, y), distance = vabsq_f64(difference);
    float64x2_t most = lanes->max_error[pair];
    lanes->signal[pair] = vaddq_f64(lanes->signal[pair], vmulq_f64(x, x));
    lanes->noise[pair] = vaddq_f64(lanes->noise[pair], vmulq_f64(difference, difference));
    lanes->max_error[pair] = vbslq_f64(vcgtq_f64(distance, most), distance, most);
}

/* Elements 0 to 3 of eight, or 4 to 7. */
static inline void neon_add(struct neon_lanes *lanes, int half, float32x4_t x, float32x4_t y)
{
    neon_add_two(lanes, 2 * half, vcvt_f64_f32(vget_low_f32(x)), vcvt_f64_f32(vget_low_f32(y)));
    neon_add_two(lanes, 2 * half + 1, vcvt_high_f64_f32(x), vcvt_high_f64_f32(y));
}

static inline void neon_load(struct neon_lanes *to, const struct lanes *lanes)
{
    for (int pair = 0; pair < 4; pair++) {
        to->signal[pair] = vld1q_f64(lanes->signal + 2 * pair);
        to->noise[pair] = vld1q_f64(lanes->noise + 2 * pair);
        to->max_error[pair] = vld1q_f64(lanes->max_error + 2 * pair);
    }
}

static inline void neon_store(const struct neon_lanes *from, struct lanes *lanes)
{
    for (int pair = 0; pair < 4; pair++) {
        vst1q_f64(lanes->signal + 2 * pair, from->signal[pair]);
        vst1q_f64(lanes->noise + 2 * pair, from->noise[pair]);
        vst1q_f64(lanes->max_error + 2 * pair, from->max_error[pair]);
    }
}

/* Parts of the table that are called from another file; kernel.h has the meanings. */
uint32_t neon_absmax(const float *x, size_t n);
void neon_absmax_blocks(const float *x, size_t n, size_t block, uint32_t *ret_bits);
void neon_absmax_halves(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits);
void neon_float4(const float *x, size_t n, size_t block, enum kernel_float4 type,
                 const float *scales, uint8_t *ret_q, float *ret_absmax,
                 struct kernel_error *io_error);
void neon_linear8(const float *x, size_t n, float absmax, int8_t *ret_q,
                  struct kernel_error *io_error);
size_t neon_int4(const float *x, size_t rows, size_t columns, bool symmetric, bool apart,
                 struct kernel_int4 *ret_block, struct kernel_error *io_error);

#endif
