/* SPDX-License-Identifier: MIT */
/* The NEON table's rows and blocks that share a scale: magnitudes, 4-bit floats, LLM.int8(). */
#include "kernel/kernel.h"

#if defined(__aarch64__)

#include "kernel/neon.h"

enum { HALVES = 8 };

/* ---- magnitudes ---- */

void neon_absmax_blocks(const float *x, size_t n, size_t block, uint32_t *ret_bits)
{
    for (size_t from = 0; from < n; from += block)
        *ret_bits++ = neon_absmax(x + from, MIN(block, n - from));
}

void neon_absmax_halves(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits)
{
    const uint16x8_t magnitude_bits = vdupq_n_u16(KERNEL_HALF_MAGNITUDE);
    for (size_t from = 0; from < n; from += block) {
        size_t end = MIN(from + block, n), i = from;
        uint16x8_t most = vdupq_n_u16(0);
        for (; i + HALVES <= end; i += HALVES)
            most = vmaxq_u16(most, vandq_u16(vld1q_u16(h + i), magnitude_bits));
        *ret_bits = vmaxvq_u16(most);
        for (; i < end; i++)
            *ret_bits = MAX(*ret_bits, (uint16_t)(h[i] & KERNEL_HALF_MAGNITUDE));
        ret_bits++;
    }
}

/* ---- 4-bit floats ---- */

/* A table in registers, as bytes. */
struct neon_float4 {
    uint8x16x2_t level[4], code;
    uint8x16x4_t value;
    int levels;
    bool of_magnitudes;
};

static inline uint8x16x2_t load_eight(const void *numbers)
{
    const uint8_t *bytes = numbers;
    return (uint8x16x2_t){ { vld1q_u8(bytes), vld1q_u8(bytes + 16) } };
}

static struct neon_float4 float4_load(const struct float4_table *table)
{
    struct neon_float4 to = { .levels = table->levels, .of_magnitudes = table->of_magnitudes };
    const uint8_t *value = (const uint8_t *)table->value;
    for (int level = 0; level < 4; level++)
        to.level[level] = load_eight(table->level[level]);
    to.code = load_eight(table->code);
    for (int k = 0; k < 4; k++)
        to.value.val[k] = vld1q_u8(value + 16 * k);
    return to;
}

/* Which four bytes of a table each of four indices means. */
static inline uint8x16_t bytes_of(uint32x4_t at)
{
    uint32x4_t first = vmulq_u32(at, vdupq_n_u32(0x04040404));
    return vreinterpretq_u8_u32(vaddq_u32(first, vdupq_n_u32(0x03020100)));
}

/* The codes of four quotients, and in *ret_y the values that they stand for. */
static inline uint32x4_t float4_of_four(float32x4_t v, const struct neon_float4 *table,
                                        float32x4_t *ret_y)
{
    uint32x4_t at = vdupq_n_u32(0), below = vdupq_n_u32(0);
    if (table->of_magnitudes) {
        below = vcltzq_f32(v);
        v = vabsq_f32(v);
    }
    for (int level = 0; level < table->levels; level++) {
        uint8x16_t threshold = vqtbl2q_u8(table->level[level], bytes_of(at));
        uint32x4_t above = vcgtq_f32(v, vreinterpretq_f32_u8(threshold));
        at = vsubq_u32(vaddq_u32(at, at), above);
    }
    uint32x4_t y = vreinterpretq_u32_u8(vqtbl4q_u8(table->value, bytes_of(at)));
    *ret_y = vreinterpretq_f32_u32(veorq_u32(y, vandq_u32(below, vdupq_n_u32(1u << 31))));
    if (!table->of_magnitudes)
        return at;
    at = vreinterpretq_u32_u8(vqtbl2q_u8(table->code, bytes_of(at)));
    return vaddq_u32(at, vandq_u32(below, vdupq_n_u32(8)));
}

/* Eight codes as four bytes, the even one high. */
static inline void float4_store(uint32x4_t low, uint32x4_t high, uint8_t *ret_q)
{
    uint16x8_t codes = vcombine_u16(vmovn_u32(low), vmovn_u32(high));
    uint32x4_t pairs = vreinterpretq_u32_u16(codes);
    pairs = vorrq_u32(vshlq_n_u32(pairs, 4), vshrq_n_u32(pairs, 16));
    uint16x4_t halves = vmovn_u32(pairs);
    uint8x8_t bytes = vmovn_u16(vcombine_u16(halves, halves));
    vst1_lane_u32((uint32_t *)(void *)ret_q, vreinterpret_u32_u8(bytes), 0);
}

/* Whole eights of a block; gives how many elements. */
static size_t float4_block(const float *x, size_t n, float absmax, float scale,
                           const struct neon_float4 *table, uint8_t *ret_q, struct lanes *lanes,
                           uint64_t *io_zeros)
{
    float turn = float4_reciprocal(absmax);
    struct neon_lanes wide;
    size_t i = 0;
    neon_load(&wide, lanes);
    for (; i + LANES <= n; i += LANES) {
        uint32x4_t code[2];
        for (int half = 0; half < 2; half++) {
            float32x4_t v = vld1q_f32(x + i + 4 * half), y;
            code[half] = float4_of_four(vmulq_n_f32(v, turn), table, &y);
            y = vmulq_n_f32(y, scale);
            neon_add(&wide, half, v, y);
            *io_zeros += vaddvq_u32(vshrq_n_u32(vceqzq_f32(y), 31));
        }
        float4_store(code[0], code[1], ret_q + i / 2);
    }
    neon_store(&wide, lanes);
    return i;
}

void neon_float4(const float *x, size_t n, size_t block, enum kernel_float4 type,
                 const float *scales, uint8_t *ret_q, float *ret_absmax,
                 struct kernel_error *io_error)
{
    const struct float4_table *table = float4_table(type);
    const struct neon_float4 loaded = float4_load(table);
    struct lanes lanes = { 0 };
    for (size_t from = 0; from < n; from += block) {
        size_t count = MIN(block, n - from);
        float absmax = *ret_absmax++ = float4_absmax(neon_absmax(x + from, count));
        float scale = scales ? scales[from / block] : absmax;
        size_t done = float4_block(x + from, count, absmax, scale, &loaded, ret_q + from / 2,
                                   &lanes, &io_error->zeros);
        float4_rest(x + from, done, count, absmax, scale, table, ret_q + from / 2, &lanes,
                    &io_error->zeros);
    }
    lanes_fold(&lanes, io_error);
}

/* ---- LLM.int8() ---- */

void neon_linear8(const float *x, size_t n, float absmax, int8_t *ret_q,
                  struct kernel_error *io_error)
{
    float turn = linear8_turn(absmax);
    struct lanes lanes = { 0 };
    struct neon_lanes wide;
    size_t i = 0;
    neon_load(&wide, &lanes);
    for (; i + LANES <= n; i += LANES) {
        int16x4_t q[2];
        for (int half = 0; half < 2; half++) {
            float32x4_t v = vld1q_f32(x + i + 4 * half);
            float32x4_t whole = vrndnq_f32(vmulq_n_f32(vcvt_f32_f16(vcvt_f16_f32(v)), turn));
            whole = vminnmq_f32(vmaxnmq_f32(whole, vdupq_n_f32(-128)), vdupq_n_f32(127));
            float32x4_t y = vdivq_f32(vmulq_n_f32(whole, absmax), vdupq_n_f32(LINEAR8_MOST));
            q[half] = vmovn_s32(vcvtq_s32_f32(whole));
            neon_add(&wide, half, v, y);
            io_error->zeros += vaddvq_u32(vshrq_n_u32(vceqzq_f32(y), 31));
        }
        vst1_s8(ret_q + i, vmovn_s16(vcombine_s16(q[0], q[1])));
    }
    neon_store(&wide, &lanes);
    linear8_rest(x, i, n, absmax, ret_q, &lanes, &io_error->zeros);
    lanes_fold(&lanes, io_error);
}

#endif
