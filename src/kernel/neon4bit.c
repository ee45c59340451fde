/* SPDX-License-Identifier: MIT */
/* The NEON table's blocks of 4-bit integers: eight columns at once, in two registers. */
#include "kernel/kernel.h"

#if defined(__aarch64__)

#include "kernel/neon.h"

/* Four columns: the scale, its reciprocal, the zero point, and what is counted of their rows. */
struct four {
    float32x4_t scale, reciprocal, zero;
    uint32x4_t inside, zeros;
};

static void find_spans(const float *x, size_t rows, struct int4_span *ret_spans)
{
    const struct int4_span empty = INT4_SPAN_EMPTY;
    float low[LANES], high[LANES];
    for (int half = 0; half < 2; half++) {
        float32x4_t least = vdupq_n_f32(empty.low), most = vdupq_n_f32(empty.high);
        for (size_t row = 0; row < rows; row++) {
            float32x4_t v = vld1q_f32(x + LANES * row + 4 * half);
            least = vbslq_f32(vcltq_f32(v, least), v, least);
            most = vbslq_f32(vcgtq_f32(v, most), v, most);
        }
        vst1q_f32(low + 4 * half, least);
        vst1q_f32(high + 4 * half, most);
    }
    for (int k = 0; k < LANES; k++)
        ret_spans[k] = (struct int4_span){ low[k], high[k] };
}

static void prepare(const float *x, size_t rows, bool symmetric, struct kernel_int4 *block,
                    struct four ret_fours[2])
{
    struct int4_span spans[LANES];
    float reciprocal[LANES], zero[LANES];
    find_spans(x, rows, spans);
    for (int k = 0; k < LANES; k++) {
        int4_scale(&spans[k], symmetric, &block->scale[k], &block->zero[k]);
        reciprocal[k] = int4_reciprocal(block->scale[k]);
        zero[k] = block->zero[k];
    }
    for (int half = 0; half < 2; half++)
        ret_fours[half] = (struct four){ .scale = vld1q_f32(block->scale + 4 * half),
                                         .reciprocal = vld1q_f32(reciprocal + 4 * half),
                                         .zero = vld1q_f32(zero + 4 * half),
                                         .inside = vdupq_n_u32(0),
                                         .zeros = vdupq_n_u32(0) };
}

/* Half away from zero, for what is not below 0. */
static inline int32x4_t half_up(float32x4_t v)
{
    int32x4_t whole = vcvtq_s32_f32(v);
    uint32x4_t up = vcgeq_f32(vsubq_f32(v, vcvtq_f32_s32(whole)), vdupq_n_f32(0.5f));
    return vsubq_s32(whole, vreinterpretq_s32_u32(up));
}

/* The zero point behind the rounding; what is too large, or a NaN, gives 0. */
static inline int32x4_t rounded_apart(float32x4_t v, float32x4_t zero)
{
    float32x4_t size = vabsq_f32(v);
    uint32x4_t fits = vcltq_f32(size, vdupq_n_f32(0x1p31f));
    int32x4_t below = vshrq_n_s32(vreinterpretq_s32_f32(v), 31);
    int32x4_t whole = vsubq_s32(veorq_s32(half_up(size), below), below);
    whole = vaddq_s32(whole, vcvtq_s32_f32(zero));
    whole = vmaxq_s32(vminq_s32(whole, vdupq_n_s32(15)), vdupq_n_s32(0));
    return vandq_s32(whole, vreinterpretq_s32_u32(fits));
}

/* Four numbers of one row. */
static inline uint32x4_t numbers_of(float32x4_t x, struct four *by, bool apart, int half,
                                    struct neon_lanes *lanes)
{
    float32x4_t turned = vmulq_f32(x, by->reciprocal), v = vaddq_f32(turned, by->zero);
    uint32x4_t inside =
        vandq_u32(vcgtq_f32(v, vdupq_n_f32(-0.5f)), vcltq_f32(v, vdupq_n_f32(15.5f)));
    v = vminnmq_f32(vmaxnmq_f32(v, vdupq_n_f32(0)), vdupq_n_f32(15.0f));
    int32x4_t q = apart ? rounded_apart(turned, by->zero) : half_up(v);
    float32x4_t y = vmulq_f32(vsubq_f32(vcvtq_f32_s32(q), by->zero), by->scale);
    by->inside = vsubq_u32(by->inside, inside);
    by->zeros = vsubq_u32(by->zeros, vceqzq_f32(y));
    neon_add(lanes, half, x, y);
    return vreinterpretq_u32_s32(q);
}

/* Columns that do not count add nothing. Returns the clipped. */
static size_t fold(const struct four fours[2], const struct neon_lanes *from, size_t rows,
                   size_t columns, struct kernel_error *io_error)
{
    struct lanes lanes;
    uint32_t inside[LANES], zeros[LANES];
    size_t clipped = 0;
    neon_store(from, &lanes);
    for (int half = 0; half < 2; half++) {
        vst1q_u32(inside + 4 * half, fours[half].inside);
        vst1q_u32(zeros + 4 * half, fours[half].zeros);
    }
    for (size_t k = 0; k < columns; k++) {
        clipped += rows - inside[k];
        io_error->zeros += zeros[k];
    }
    for (size_t k = columns; k < LANES; k++)
        lanes.signal[k] = lanes.noise[k] = lanes.max_error[k] = 0;
    lanes_fold(&lanes, io_error);
    return clipped;
}

/* Four bits of eight rows make one 32-bit word of each column, the first row the lowest. */
size_t neon_int4(const float *x, size_t rows, size_t columns, bool symmetric, bool apart,
                 struct kernel_int4 *ret_block, struct kernel_error *io_error)
{
    const struct lanes none = { 0 };
    struct neon_lanes lanes;
    struct four fours[2];
    prepare(x, rows, symmetric, ret_block, fours);
    neon_load(&lanes, &none);
    for (size_t row = 0; row < rows; row += 8) {
        size_t n = MIN(rows - row, (size_t)8);
        uint32x4_t words[2] = { vdupq_n_u32(0), vdupq_n_u32(0) };
        uint32_t word[LANES];
        for (size_t k = 0; k < n; k++)
            for (int half = 0; half < 2; half++) {
                uint32x4_t q = numbers_of(vld1q_f32(x + LANES * (row + k) + 4 * half), &fours[half],
                                          apart, half, &lanes);
                words[half] = vorrq_u32(words[half], vshlq_u32(q, vdupq_n_s32(4 * (int)k)));
            }
        vst1q_u32(word, words[0]);
        vst1q_u32(word + 4, words[1]);
        for (size_t k = 0; k < LANES; k++)
            memcpy(ret_block->q[k] + row / 2, &word[k], sizeof(word[k]));
    }
    return fold(fours, &lanes, rows, columns, io_error);
}

#endif
