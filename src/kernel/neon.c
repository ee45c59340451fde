/* SPDX-License-Identifier: MIT */
/*
 * AArch64: four floats at a time, mostly in steps of eight. What is left over
 * at the end of an array goes through the same inline functions as the scalar
 * table, and what would gain little is that table's.
 */
#include "kernel/kernel.h"

#if defined(__aarch64__)

#include "kernel/neon.h"

enum { STEP = 8 };

static inline uint32x4_t magnitudes(const float *x)
{
    return vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x)), vdupq_n_u32(KERNEL_MAGNITUDE));
}

uint32_t neon_absmax(const float *x, size_t n)
{
    uint32x4_t most[4] = { vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0) };
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 4; k++)
            most[k] = vmaxq_u32(most[k], magnitudes(x + i + 4 * k));
    uint32_t result =
        vmaxvq_u32(vmaxq_u32(vmaxq_u32(most[0], most[1]), vmaxq_u32(most[2], most[3])));
    for (; i < n; i++)
        result = MAX(result, magnitude(x[i]));
    return result;
}

static void absmax_columns(const float *x, size_t rows, size_t columns, uint32_t *io_bits)
{
    for (size_t row = 0; row < rows; row++, x += columns) {
        size_t i = 0;
        for (; i + 4 <= columns; i += 4)
            vst1q_u32(io_bits + i, vmaxq_u32(vld1q_u32(io_bits + i), magnitudes(x + i)));
        for (; i < columns; i++)
            io_bits[i] = MAX(io_bits[i], magnitude(x[i]));
    }
}

/* ---- int8 and uint8 ---- */

/* How many of eight 16-bit masks are set. */
static inline size_t count_of(uint32x4_t low, uint32x4_t high)
{
    uint8x8_t masks = vmovn_u16(vcombine_u16(vmovn_u32(low), vmovn_u32(high)));
    return vaddv_u8(vshr_n_u8(masks, 7));
}

/* Quotients, rounded and moved. */
static inline float32x4_t quotients(const float *x, float32x4_t scale, float32x4_t zero)
{
    return vaddq_f32(vrndnq_f32(vdivq_f32(vld1q_f32(x), scale)), zero);
}

static inline uint32x4_t is_inside(float32x4_t v, float least, float most)
{
    return vandq_u32(vcgeq_f32(v, vdupq_n_f32(least)), vcleq_f32(v, vdupq_n_f32(most)));
}

/* Between least and most; a NaN becomes the least. */
static inline int32x4_t clip(float32x4_t v, float least, float most)
{
    v = vminnmq_f32(vmaxnmq_f32(v, vdupq_n_f32(least)), vdupq_n_f32(most));
    return vcvtq_s32_f32(v);
}

/* Returns how many of the eight were clipped. */
static inline size_t int8_of_eight(const float *x, float32x4_t low, float32x4_t high, int8_t *ret_q)
{
    const float32x4_t none = vdupq_n_f32(0);
    float32x4_t a = quotients(x, low, none), b = quotients(x + 4, high, none);
    int32x4_t p = clip(a, -128, 127), q = clip(b, -128, 127);
    vst1_s8(ret_q, vmovn_s16(vcombine_s16(vmovn_s32(p), vmovn_s32(q))));
    return STEP - count_of(is_inside(a, -128, 127), is_inside(b, -128, 127));
}

static size_t int8(const float *x, size_t n, float scale, int8_t *ret_q)
{
    const float32x4_t scales = vdupq_n_f32(scale);
    size_t clipped = 0, i = 0;
    for (; i + STEP <= n; i += STEP)
        clipped += int8_of_eight(x + i, scales, scales, ret_q + i);
    for (; i < n; i++)
        ret_q[i] = int8_of(x[i], scale, &clipped);
    return clipped;
}

static size_t int8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                           int8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns) {
        size_t i = 0;
        for (; i + STEP <= columns; i += STEP)
            clipped +=
                int8_of_eight(x + i, vld1q_f32(scale + i), vld1q_f32(scale + i + 4), ret_q + i);
        for (; i < columns; i++)
            ret_q[i] = int8_of(x[i], scale[i], &clipped);
    }
    return clipped;
}

static inline size_t uint8_of_eight(const float *x, float32x4_t low, float32x4_t high,
                                    uint8x8_t zeros, uint8_t *ret_q)
{
    uint16x8_t wide = vmovl_u8(zeros);
    float32x4_t a = quotients(x, low, vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))));
    float32x4_t b = quotients(x + 4, high, vcvtq_f32_u32(vmovl_u16(vget_high_u16(wide))));
    int16x8_t q = vcombine_s16(vmovn_s32(clip(a, 0, 255)), vmovn_s32(clip(b, 0, 255)));
    vst1_u8(ret_q, vmovn_u16(vreinterpretq_u16_s16(q)));
    return STEP - count_of(is_inside(a, 0, 255), is_inside(b, 0, 255));
}

static size_t uint8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *ret_q)
{
    const float32x4_t scales = vdupq_n_f32(scale);
    size_t clipped = 0, i = 0;
    for (; i + STEP <= n; i += STEP)
        clipped += uint8_of_eight(x + i, scales, scales, vdup_n_u8(zero), ret_q + i);
    for (; i < n; i++)
        ret_q[i] = uint8_of(x[i], scale, zero, &clipped);
    return clipped;
}

static size_t uint8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                            const uint8_t *zero, uint8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns) {
        size_t i = 0;
        for (; i + STEP <= columns; i += STEP)
            clipped += uint8_of_eight(x + i, vld1q_f32(scale + i), vld1q_f32(scale + i + 4),
                                      vld1_u8(zero + i), ret_q + i);
        for (; i < columns; i++)
            ret_q[i] = uint8_of(x[i], scale[i], zero[i], &clipped);
    }
    return clipped;
}

/* ---- errors ---- */

/* Returns how many of the eight numbers are 0. */
static inline uint64_t error_of_eight(const float *x, const int8_t *q, float32x4_t low,
                                      float32x4_t high, struct neon_lanes *lanes)
{
    int8x8_t bytes = vld1_s8(q);
    int16x8_t wide = vmovl_s8(bytes);
    float32x4_t a = vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
    float32x4_t b = vcvtq_f32_s32(vmovl_s16(vget_high_s16(wide)));
    neon_add(lanes, 0, vld1q_f32(x), vmulq_f32(a, low));
    neon_add(lanes, 1, vld1q_f32(x + 4), vmulq_f32(b, high));
    return vaddv_u8(vshr_n_u8(vceqz_s8(bytes), 7));
}

static void error_int8(const float *x, const int8_t *q, size_t n, float scale,
                       struct kernel_error *io_error)
{
    const float32x4_t scales = vdupq_n_f32(scale);
    struct lanes lanes = { 0 };
    struct neon_lanes wide;
    size_t i = 0;
    neon_load(&wide, &lanes);
    for (; i + STEP <= n; i += STEP)
        io_error->zeros += error_of_eight(x + i, q + i, scales, scales, &wide);
    neon_store(&wide, &lanes);
    for (; i < n; i++) {
        lanes_add(&lanes, i, x[i], (float)q[i] * scale);
        io_error->zeros += q[i] == 0;
    }
    lanes_fold(&lanes, io_error);
}

static void error_int8_columns(const float *x, const int8_t *q, size_t rows, size_t columns,
                               const float *scale, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    struct neon_lanes wide;
    for (size_t row = 0; row < rows; row++, x += columns, q += columns) {
        size_t i = 0;
        neon_load(&wide, &lanes);
        for (; i + STEP <= columns; i += STEP)
            io_error->zeros +=
                error_of_eight(x + i, q + i, vld1q_f32(scale + i), vld1q_f32(scale + i + 4), &wide);
        neon_store(&wide, &lanes);
        for (; i < columns; i++) {
            lanes_add(&lanes, i, x[i], (float)q[i] * scale[i]);
            io_error->zeros += q[i] == 0;
        }
    }
    lanes_fold(&lanes, io_error);
}

static void error_float(const float *x, const float *y, size_t n, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    struct neon_lanes wide;
    size_t i = 0;
    neon_load(&wide, &lanes);
    for (; i + STEP <= n; i += STEP) {
        float32x4_t a = vld1q_f32(y + i), b = vld1q_f32(y + i + 4);
        neon_add(&wide, 0, vld1q_f32(x + i), a);
        neon_add(&wide, 1, vld1q_f32(x + i + 4), b);
        io_error->zeros += count_of(vceqzq_f32(a), vceqzq_f32(b));
    }
    neon_store(&wide, &lanes);
    for (; i < n; i++) {
        lanes_add(&lanes, i, x[i], y[i]);
        io_error->zeros += y[i] == 0.0f;
    }
    lanes_fold(&lanes, io_error);
}

/* ---- halves ---- */

static void to_fp16(const float *x, size_t n, uint16_t *ret_h)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1_u16(ret_h + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(x + i))));
    for (; i < n; i++)
        ret_h[i] = fp16_of(x[i]);
}

static void of_fp16(const uint16_t *h, size_t n, float *ret_x)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(ret_x + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h + i))));
    for (; i < n; i++)
        ret_x[i] = float_of(h[i]);
}

static inline uint16x4_t bf16_of_four(const float *x)
{
    uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(x));
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    return vshrn_n_u32(vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
}

static void to_bf16(const float *x, size_t n, uint16_t *ret_h)
{
    size_t i = 0;
    for (; i + STEP <= n; i += STEP)
        vst1q_u16(ret_h + i, vcombine_u16(bf16_of_four(x + i), bf16_of_four(x + i + 4)));
    for (; i < n; i++)
        ret_h[i] = bf16_of(x[i]);
}

static void of_bf16(const uint16_t *h, size_t n, float *ret_x)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(ret_x + i, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(h + i), 16)));
    for (; i < n; i++)
        ret_x[i] = float_of_bf16(h[i]);
}

const struct kernel *kernel_neon(void)
{
    static const struct kernel table = {
        .name = "neon",
        .absmax = neon_absmax,
        .absmax_columns = absmax_columns,
        .absmax_blocks = neon_absmax_blocks,
        .absmax_halves = neon_absmax_halves,
        .range = scalar_range,
        .range_columns = scalar_range_columns,
        .uint8 = uint8,
        .uint8_columns = uint8_columns,
        .int8 = int8,
        .int8_columns = int8_columns,
        .error_int8 = error_int8,
        .error_int8_columns = error_int8_columns,
        .int4 = neon_int4,
        .int4_row = scalar_int4_row,
        .float4 = neon_float4,
        .linear8 = neon_linear8,
        .to_fp16 = to_fp16,
        .of_fp16 = of_fp16,
        .to_bf16 = to_bf16,
        .of_bf16 = of_bf16,
        .error = error_float,
        .count_high = count_high,
        .count_low = count_low,
        .prune = scalar_prune,
    };
    return &table;
}

#else

const struct kernel *kernel_neon(void)
{
    return NULL;
}

#endif
