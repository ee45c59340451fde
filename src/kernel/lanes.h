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

/* -0 and +0 tie, and which of them comes first differs between tables: always +0. */
static inline void range_fold(struct kernel_range *io_range)
{
    io_range->low += 0.0f;
    io_range->high += 0.0f;
}

/* Counting scatters, which no vector unit here does faster: shared by the tables. */
void count_high(const float *x, size_t n, uint64_t io_bins[KERNEL_HIGH_BINS]);
void count_low(const float *x, size_t n, uint32_t high, uint64_t io_bins[KERNEL_LOW_BINS]);

#endif
