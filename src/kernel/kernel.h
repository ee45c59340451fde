/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on arrays of weights: pure functions, one table for each
 * instruction set, chosen once.
 *
 * Every table gives the same bytes for the same input. That is why quotients
 * are true divisions and products with a reciprocal only where the formula says so, why no multiply and
 * add is fused (the build says -ffp-contract=off), and why sums run over eight
 * lanes of doubles that are folded in one fixed order. Nothing here allocates,
 * fails or needs alignment.
 */
#ifndef PARE_KERNEL_KERNEL_H
#define PARE_KERNEL_KERNEL_H

#include "base/base.h"

/* Magnitudes are ordered by bits: the bits of |x| as an unsigned integer. */
#define KERNEL_MAGNITUDE 0x7fffffffu
#define KERNEL_HALF_MAGNITUDE 0x7fffu /* of a float16 or bfloat16 */
#define KERNEL_INFINITY 0x7f800000u   /* magnitudes from here on are no numbers */

/* Magnitudes are counted in two passes: by their 16 high bits, then by their 15 low bits. */
enum { KERNEL_HIGH_BINS = 1 << 16, KERNEL_LOW_BINS = 1 << 15, KERNEL_LOW_BITS = 15 };

/* What replacing x by y did. The zeroed struct is empty; functions add to it. */
struct kernel_error {
    double signal;    /* sum of x * x */
    double noise;     /* sum of (x - y) * (x - y) */
    double max_error; /* largest |x - y| */
    uint64_t zeros;   /* elements of y that are 0 */
};

/* Smallest and largest, and what is no number. Begin with KERNEL_RANGE_EMPTY. */
struct kernel_range {
    float low, high;     /* of the finite elements */
    uint64_t zeros;      /* +0 and -0 */
    uint64_t not_finite; /* infinities and NaNs */
};

#define KERNEL_RANGE_EMPTY                                                                         \
    ((struct kernel_range){ .low = __builtin_inff(), .high = -__builtin_inff() })

/* Outputs whose 4-bit blocks are made at once, and the most inputs that a block has. */
enum { KERNEL_INT4_COLUMNS = 8, KERNEL_INT4_ROWS = 256 };

/* One 4-bit block of each of eight columns. */
struct kernel_int4 {
    float scale[KERNEL_INT4_COLUMNS];
    uint8_t zero[KERNEL_INT4_COLUMNS]; /* the zero point, 0 to 15; 8 when symmetric */
    uint8_t q[KERNEL_INT4_COLUMNS][KERNEL_INT4_ROWS / 2]; /* the even row in the low four bits */
};

/*
 * 4-bit floats, the first two numbered as ONNX Runtime does. The third has the numbers of the first,
 * and as its thresholds the means of neighbours in float32, as bitsandbytes has it without a GPU.
 */
enum kernel_float4 { KERNEL_FP4, KERNEL_NF4, KERNEL_FP4_MEANS };

/* Where l1 pruning draws its line, from the two counts. */
struct kernel_cut {
    uint32_t threshold; /* magnitudes below it go */
    uint64_t ties;      /* so many elements of exactly this magnitude go too, lowest index first */
};

struct kernel {
    const char *name; /* "scalar", "neon", "avx2", "avx512" */

    /* The largest magnitude's bits; KERNEL_INFINITY and above: there are infinities or NaNs. */
    uint32_t (*absmax)(const float *x, size_t n);

    /* The same for each column of x (rows, columns), folded into io_bits[columns]. */
    void (*absmax_columns)(const float *x, size_t rows, size_t columns, uint32_t *io_bits);

    /* The same for each block of `block` elements, the last maybe short. */
    void (*absmax_blocks)(const float *x, size_t n, size_t block, uint32_t *ret_bits);

    /*
     * The same of float16 or bfloat16: the bits but for the sign's, in 16 bits. They are ordered as the
     * magnitudes are, infinities and NaNs above all numbers.
     */
    void (*absmax_halves)(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits);

    void (*range)(const float *x, size_t n, struct kernel_range *io_range);

    /* Of finite x (rows, columns): smallest and largest folded into low[columns], high[columns]. */
    void (*range_columns)(const float *x, size_t rows, size_t columns, float *io_low,
                          float *io_high);

    /*
     * q = clip(round_half_even(x / scale), -128, 127), IEEE division in float32. Returns how
     * many were clipped. A NaN becomes -128, so look for them first.
     */
    size_t (*int8)(const float *x, size_t n, float scale, int8_t *ret_q);

    /* The same on x (rows, columns) with scale[columns]. */
    size_t (*int8_columns)(const float *x, size_t rows, size_t columns, const float *scale,
                           int8_t *ret_q);

    /* q = clip(round_half_even(x / scale) + zero, 0, 255), and with a zero point a column. */
    size_t (*uint8)(const float *x, size_t n, float scale, uint8_t zero, uint8_t *ret_q);
    size_t (*uint8_columns)(const float *x, size_t rows, size_t columns, const float *scale,
                            const uint8_t *zero, uint8_t *ret_q);

    /* Errors of y = (float)q * scale, the product that a Cast and a Mul compute. */
    void (*error_int8)(const float *x, const int8_t *q, size_t n, float scale,
                       struct kernel_error *io_error);
    void (*error_int8_columns)(const float *x, const int8_t *q, size_t rows, size_t columns,
                               const float *scale, struct kernel_error *io_error);

    /*
     * Quantize x (rows, 8), one block of up to 256 rows for each column, to numbers of 0 to 15.
     * Of a column's smallest and largest element, with v the one that is further from 0 (the
     * smallest, when they tie):
     *
     *   symmetric:  scale = v / -8                      zero = 8
     *   else:       scale = (max(largest, 0) - min(smallest, 0)) / 15
     *               zero = clip(round(-min(smallest, 0) / scale), 0, 15), 0 where scale is 0
     *   q = clip(round(x * (1 / scale) + zero), 0, 15), the reciprocal 0 where scale is 0
     *
     * in float32, round() being half away from zero and a NaN in it becoming 0. `apart`: the zero
     * point is added to the rounded number, and what is no number within 2^31 becomes 0,
     *
     *   q = clip(round(x * (1 / scale)) + zero, 0, 15)
     *
     * All rows past the last, up to a multiple of 8, become 0. Adds the errors of y = (q - zero) * scale for the
     * first `columns` of the eight and returns how many of their elements were clipped.
     */
    size_t (*int4)(const float *x, size_t rows, size_t columns, bool symmetric, bool apart,
                   struct kernel_int4 *ret_block, struct kernel_error *io_error);

    /*
     * Quantize the n elements of one block (1 to 256) to 4-bit integers, one in a byte. With v as
     * int4 has it, of a block of zeros the last one:
     *
     *   symmetric:  scale = v / -8     q = clip(round_half_even(x / scale), -8, 7) as two's
     *               complement, 0 where scale is 0
     *   else:       scale = (max(largest, 0) - min(smallest, 0)) / 15
     *               zero = clip(round_half_even(-min(smallest, 0) / scale), 0, 15)
     *               q = clip(round_half_even(x / scale + zero), 0, 15), both 8 where scale is 0
     *
     * in float32, by division. Adds the errors of y = (q - zero) * scale, symmetric q * scale, and
     * returns how many were clipped.
     */
    size_t (*int4_row)(const float *x, size_t n, bool symmetric, uint8_t *ret_q, float *ret_scale,
                       uint8_t *ret_zero, struct kernel_error *io_error);

    /*
     * Quantize n elements in blocks of `block` (16 to 256, a power of 2), the last maybe short,
     * to 4-bit floats of (n + 1) / 2 bytes, the even element in the high four bits. A block's
     * `absmax` is its largest magnitude; an element's code is that of the number nearest to
     * x * (1 / absmax), the reciprocal 0 where absmax is, halfway the one below (of FP4, nearer
     * to 0); a NaN in it counts as the least. Behind an odd last element is the code of 0. Adds
     * the errors of y = number * absmax, or, where there are `scales`, one a block, of
     * y = number * scale.
     */
    void (*float4)(const float *x, size_t n, size_t block, enum kernel_float4 type,
                   const float *scales, uint8_t *ret_q, float *ret_absmax,
                   struct kernel_error *io_error);

    /*
     * LLM.int8() of elements that share `absmax`, a float16 as they become first:
     *
     *   q = clip(round_half_even(float16(x) * (1 / absmax * 127)), -128, 127)
     *
     * in float32, 0 where absmax is, a NaN being the least. Adds the errors of y = q * absmax / 127.
     */
    void (*linear8)(const float *x, size_t n, float absmax, int8_t *ret_q,
                    struct kernel_error *io_error);

    /*
     * To float16 and back. Rounds half to even; 65520 and above become infinite, 2^-25 and below
     * 0. A NaN becomes a quiet one with the upper bits of its payload, as VCVTPS2PH has it.
     */
    void (*to_fp16)(const float *x, size_t n, uint16_t *ret_h);
    void (*of_fp16)(const uint16_t *h, size_t n, float *ret_x);

    /*
     * To bfloat16, the upper half of a float, rounding half to even, and back. From 0x7f7f8000 on
     * magnitudes become infinite; a NaN may become anything, so look for them first.
     */
    void (*to_bf16)(const float *x, size_t n, uint16_t *ret_h);
    void (*of_bf16)(const uint16_t *h, size_t n, float *ret_x);

    /* Errors of y. */
    void (*error)(const float *x, const float *y, size_t n, struct kernel_error *io_error);

    /* Count magnitudes by their high bits: io_bins[magnitude >> KERNEL_LOW_BITS]. */
    void (*count_high)(const float *x, size_t n, uint64_t io_bins[KERNEL_HIGH_BINS]);

    /* Among those whose high bits are `high`, count by their low bits. */
    void (*count_low)(const float *x, size_t n, uint32_t high, uint64_t io_bins[KERNEL_LOW_BINS]);

    /*
     * Zero what lies under the cut, keeping its sign as mask * x does: a pruned -3 becomes -0.
     * io_cut->ties counts down, so one cut serves a tensor that comes in pieces.
     */
    void (*prune)(float *x, size_t n, struct kernel_cut *io_cut);
};

/* The reference, on every machine. */
const struct kernel *kernel_scalar(void);

/* Each NULL where the processor has none: AVX2 with F16C; AVX-512 F, BW, DQ and VL; NEON of AArch64. */
const struct kernel *kernel_avx2(void);
const struct kernel *kernel_avx512(void);
const struct kernel *kernel_neon(void);

/* All that run here, the scalar one first, the fastest last. Returns how many. */
enum { KERNEL_TABLES_MAX = 4 };
size_t kernel_tables(const struct kernel *ret_tables[KERNEL_TABLES_MAX]);

/* The fastest that runs here. */
const struct kernel *kernel_best(void);

#endif
