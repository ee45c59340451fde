/* SPDX-License-Identifier: MIT */
/*
 * The parts that every table must do in the same way: what an error adds to
 * its lane, how lanes fold, how one element is rounded or pruned.
 */
#ifndef PARE_KERNEL_LANES_H
#define PARE_KERNEL_LANES_H

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"

/* Element i of an array adds to lane i % 8. */
enum { LANES = 8 };

struct lanes {
    double signal[LANES], noise[LANES], max_error[LANES];
};

static inline uint32_t magnitude(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits & KERNEL_MAGNITUDE;
}

static inline void lanes_add(struct lanes *lanes, size_t i, float x, float y)
{
    double wide = (double)x, difference = wide - (double)y;
    size_t lane = i % LANES;
    lanes->signal[lane] += wide * wide;
    lanes->noise[lane] += difference * difference;
    double distance = fabs(difference);
    if (distance > lanes->max_error[lane])
        lanes->max_error[lane] = distance;
}

static inline double lanes_sum(const double lane[LANES])
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static inline void lanes_fold(const struct lanes *lanes, struct kernel_error *io_error)
{
    io_error->signal += lanes_sum(lanes->signal);
    io_error->noise += lanes_sum(lanes->noise);
    for (int lane = 0; lane < LANES; lane++)
        if (lanes->max_error[lane] > io_error->max_error)
            io_error->max_error = lanes->max_error[lane];
}

/* Written so that a NaN takes the lower bound, as the vector instructions do. */
static inline int8_t int8_of(float x, float scale, size_t *io_clipped)
{
    float v = nearbyintf(x / scale);
    *io_clipped += !(v >= -128.0f && v <= 127.0f);
    v = v > -128.0f ? v : -128.0f;
    v = v < 127.0f ? v : 127.0f;
    return (int8_t)v;
}

static inline uint8_t uint8_of(float x, float scale, float zero, size_t *io_clipped)
{
    float v = nearbyintf(x / scale) + zero;
    *io_clipped += !(v >= 0.0f && v <= 255.0f);
    v = v > 0.0f ? v : 0.0f;
    v = v < 255.0f ? v : 255.0f;
    return (uint8_t)v;
}

/* The smallest and the largest of a column's finite elements so far; of zeros, the first stays. */
struct int4_span {
    float low, high;
};

#define INT4_SPAN_EMPTY ((struct int4_span){ .low = 3.402823466e+38f, .high = -3.402823466e+38f })

static inline void int4_span_add(struct int4_span *span, float x)
{
    span->low = x < span->low ? x : span->low;
    span->high = x > span->high ? x : span->high;
}

/* Half away from zero, for what is clipped to 0 to 15 first. */
static inline int int4_round(float v)
{
    v = v > 0.0f ? v : 0.0f;
    v = v < 15.0f ? v : 15.0f;
    int whole = (int)v;
    return whole + (v - (float)whole >= 0.5f);
}

/* The same before the zero point is added; what does not fit into an int32, or a NaN, gives 0. */
static inline int int4_round_apart(float v, int zero)
{
    float size = fabsf(v);
    if (!(size < 0x1p31f))
        return 0;
    int whole = (int)size;
    whole += size - (float)whole >= 0.5f;
    whole = (signbit(v) ? -whole : whole) + zero;
    return MIN(MAX(whole, 0), 15);
}

static inline void int4_scale(const struct int4_span *span, bool symmetric, float *ret_scale,
                              uint8_t *ret_zero)
{
    float low = span->low, high = span->high;
    if (symmetric) {
        *ret_scale = (fabsf(high) > fabsf(low) ? high : low) / -8.0f;
        *ret_zero = 8;
        return;
    }
    low = low < 0.0f ? low : 0.0f;
    high = high > 0.0f ? high : 0.0f;
    *ret_scale = (high - low) / 15.0f;
    *ret_zero = *ret_scale != 0 ? (uint8_t)int4_round(-low / *ret_scale) : 0;
}

static inline float int4_reciprocal(float scale)
{
    return scale != 0 ? 1.0f / scale : 0.0f;
}

/* ---- 4-bit integers along a row, by division ---- */

/* `last` tells the sign of 0 in a block of nothing else. */
static inline void int4_row_scale(float low, float high, float last, bool symmetric,
                                  float *ret_scale, uint8_t *ret_zero)
{
    if (symmetric) {
        float most = fabsf(high) > fabsf(low) ? high : low;
        *ret_scale = (most != 0 ? most : last) / -8.0f;
        *ret_zero = 0;
        return;
    }
    low = low < 0.0f ? low : 0.0f;
    high = high > 0.0f ? high : 0.0f;
    *ret_scale = (high - low) / 15.0f;
    float zero = nearbyintf(-low / *ret_scale);
    *ret_zero = *ret_scale == 0 ? 8 : zero < 15.0f ? (uint8_t)zero : 15;
}

/* Elements [i, n) of a block. Returns the clipped. */
static inline size_t int4_row_rest(const float *x, size_t i, size_t n, bool symmetric, float scale,
                                   uint8_t zero, uint8_t *ret_q, struct lanes *lanes,
                                   uint64_t *io_zeros)
{
    float least = symmetric ? -8.0f : 0.0f, most = symmetric ? 7.0f : 15.0f;
    size_t clipped = 0;
    for (; i < n; i++) {
        float v = scale != 0 ? nearbyintf(x[i] / scale + zero) : zero;
        clipped += !(v >= least && v <= most);
        v = v > least ? v : least;
        v = v < most ? v : most;
        float y = (v - zero) * scale;
        ret_q[i] = (uint8_t)((int)v & 15);
        lanes_add(lanes, i, x[i], y);
        *io_zeros += y == 0.0f;
    }
    return clipped;
}

/*
 * 4-bit floats by halving: from index 0 on, each level's threshold at the index doubles it and
 * adds 1 where the quotient is above. `value` is by the index that comes out.
 */
struct float4_table {
    int levels;
    bool of_magnitudes; /* the sign is the code's highest bit */
    float level[4][8];
    float value[16];
    int32_t code[8]; /* by index, where it is not the index */
};

/* The thresholds of bitsandbytes, where those are doubles the floats below. */
static inline const struct float4_table *float4_table(enum kernel_float4 type)
{
    static const struct float4_table tables[] = {
        [KERNEL_FP4] = {
            .levels = 3,
            .of_magnitudes = true,
            .level = { { 0.29166667f },
                       { 0.0859375f, 0.583333f },
                       { 0.00260417f, 0.20833333f, 0.4166667f, 0.8333333f } },
            .value = { 0.0f, 5.208333333e-03f, 0.16666667f, 0.25f, 0.33333333f, 0.5f, 0.66666667f,
                       1.0f },
            .code = { 0, 1, 6, 7, 4, 5, 2, 3 },
        },
        [KERNEL_NF4] = {
            .levels = 4,
            .level = { { 0x1.45f5fep-5f },
                       { -0x1.5bd4ecp-2f, 0x1.8ea7f2p-2f },
                       { -0x1.38a4e0p-1f, -0x1.1a7178p-3f, 0x1.a0cfc0p-3f, 0x1.491b5ep-1f },
                       { -0x1.b239b2p-1f, -0x1.d70900p-2f, -0x1.e079d8p-3f, -0x1.74f0e2p-5f,
                         0x1.ec90c6p-4f, 0x1.2b05a8p-2f, 0x1.00da06p-1f, 0x1.b913b2p-1f } },
            .value = { -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
                       -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
                       0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f,
                       0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f,
                       0.7229568362236023f, 1.0f },
        },
        [KERNEL_FP4_MEANS] = {
            .levels = 3,
            .of_magnitudes = true,
            .level = { { 0x1.2aaaacp-2f },
                       { 0x1.6p-4f, 0x1.2aaaacp-1f },
                       { 0x1.555556p-9f, 0x1.aaaaacp-3f, 0x1.aaaaacp-2f, 0x1.aaaaacp-1f } },
            .value = { 0.0f, 5.208333333e-03f, 0.16666667f, 0.25f, 0.33333333f, 0.5f, 0.66666667f,
                       1.0f },
            .code = { 0, 1, 6, 7, 4, 5, 2, 3 },
        },
    };
    return &tables[type];
}

static inline float float4_absmax(uint32_t bits)
{
    float absmax;
    memcpy(&absmax, &bits, sizeof(absmax));
    return absmax;
}

static inline float float4_reciprocal(float absmax)
{
    return absmax != 0 ? 1.0f / absmax : 0.0f;
}

static inline int32_t float4_of(float v, const struct float4_table *table, float *ret_y)
{
    bool below = table->of_magnitudes && v < 0;
    int at = 0;
    v = table->of_magnitudes ? fabsf(v) : v;
    for (int level = 0; level < table->levels; level++)
        at = 2 * at + (v > table->level[level][at]);
    *ret_y = below ? -table->value[at] : table->value[at];
    return table->of_magnitudes ? table->code[at] + 8 * below : at;
}

/* Elements [i, n) of a block, i being even, and 0 behind an odd last one. */
static inline void float4_rest(const float *x, size_t i, size_t n, float absmax, float scale,
                               const struct float4_table *table, uint8_t *ret_q,
                               struct lanes *lanes, uint64_t *io_zeros)
{
    float turn = float4_reciprocal(absmax), y;
    for (; i < n; i++) {
        int32_t code = float4_of(x[i] * turn, table, &y);
        ret_q[i / 2] = (uint8_t)(i % 2 ? ret_q[i / 2] | code : code << 4);
        lanes_add(lanes, i, x[i], y * scale);
        *io_zeros += y * scale == 0.0f;
    }
    if (n % 2)
        ret_q[n / 2] |= (uint8_t)float4_of(0.0f, table, &y);
}

/*
 * Magnitudes of float16 are the integers 0 to 0x7c00. Below its normals they count steps of
 * 2^-24, which adding a half rounds to; above, 13 bits are cut off, the exponent moves by 112.
 */
static inline uint16_t fp16_of(float x)
{
    uint32_t m = magnitude(x), sign = signbit(x) ? 0x8000u : 0, h;
    if (m > KERNEL_INFINITY) {
        h = 0x7e00u | (m >> 13 & 0x3ffu);
    } else if (m >= 0x477ff000u) { /* 65520 */
        h = 0x7c00u;
    } else if (m < 0x38800000u) { /* 2^-14; floats at 0.5 are 2^-24 apart */
        float half = 0.5f + fabsf(x);
        memcpy(&h, &half, sizeof(h));
        h -= 0x3f000000u;
    } else {
        h = (m + 0xfffu + (m >> 13 & 1)) >> 13;
        h -= 112u << 10;
    }
    return (uint16_t)(sign | h);
}

static inline float float_of(uint16_t h)
{
    uint32_t m = h & 0x7fffu, bits;
    float x = (float)m * 0x1p-24f; /* below its normals */
    memcpy(&bits, &x, sizeof(bits));
    if (m > 0x7c00u)
        bits = 0x7fc00000u | m << 13;
    else if (m == 0x7c00u)
        bits = KERNEL_INFINITY;
    else if (m >= 0x400u)
        bits = (m << 13) + (112u << 23);
    bits |= (uint32_t)(h & 0x8000u) << 16;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* ---- LLM.int8() ---- */

#define LINEAR8_MOST 127.0f

static inline float linear8_turn(float absmax)
{
    return absmax > 0 ? 1.0f / absmax * LINEAR8_MOST : 0.0f;
}

/* Elements [i, n) of a row. */
static inline void linear8_rest(const float *x, size_t i, size_t n, float absmax, int8_t *ret_q,
                                struct lanes *lanes, uint64_t *io_zeros)
{
    float turn = linear8_turn(absmax);
    for (; i < n; i++) {
        float v = nearbyintf(float_of(fp16_of(x[i])) * turn);
        v = v > -128.0f ? v : -128.0f;
        v = v < 127.0f ? v : 127.0f;
        float y = v * absmax / LINEAR8_MOST;
        ret_q[i] = (int8_t)v;
        lanes_add(lanes, i, x[i], y);
        *io_zeros += y == 0.0f;
    }
}

static inline uint16_t bf16_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

static inline float float_of_bf16(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static inline void prune_one(float *x, struct kernel_cut *io_cut)
{
    uint32_t m = magnitude(*x);
    bool tie = m == io_cut->threshold && io_cut->ties > 0;
    if (tie)
        io_cut->ties--;
    if (tie || m < io_cut->threshold)
        *x = copysignf(0.0f, *x);
}

static inline void range_one(float x, struct kernel_range *io_range)
{
    uint32_t m = magnitude(x);
    if (m >= KERNEL_INFINITY) {
        io_range->not_finite++;
        return;
    }
    io_range->zeros += m == 0;
    io_range->low = x < io_range->low ? x : io_range->low;
    io_range->high = x > io_range->high ? x : io_range->high;
}

static inline void range_fold_one(float x, float *io_low, float *io_high)
{
    *io_low = x < *io_low ? x : *io_low;
    *io_high = x > *io_high ? x : *io_high;
}

/* -0 and +0 tie, and which of them comes first differs between tables: always +0. */
static inline void range_fold(struct kernel_range *io_range)
{
    io_range->low += 0.0f;
    io_range->high += 0.0f;
}

/* Parts of the scalar table, for those that gain nothing by their own; kernel.h has the meanings. */
void scalar_range(const float *x, size_t n, struct kernel_range *io_range);
void scalar_range_columns(const float *x, size_t rows, size_t columns, float *io_low,
                          float *io_high);
size_t scalar_int4_row(const float *x, size_t n, bool symmetric, uint8_t *ret_q, float *ret_scale,
                       uint8_t *ret_zero, struct kernel_error *io_error);
void scalar_prune(float *x, size_t n, struct kernel_cut *io_cut);

/* Counting scatters, which no vector unit here does faster: shared by the tables. */
void count_high(const float *x, size_t n, uint64_t io_bins[KERNEL_HIGH_BINS]);
void count_low(const float *x, size_t n, uint32_t high, uint64_t io_bins[KERNEL_LOW_BINS]);

#endif
