/* SPDX-License-Identifier: MIT */
/*
 * What the files of the AVX2 table share: eight lanes of doubles in registers, and each other's
 * parts, which the AVX-512 table has where wider registers gain nothing.
 */
#ifndef PARE_KERNEL_WIDE_H
#define PARE_KERNEL_WIDE_H

#include <immintrin.h>

#include "kernel/lanes.h"

#define AVX2 __attribute__((target("avx2,f16c")))

/* The lanes as registers: lanes 0 to 3, and 4 to 7. */
struct wide_lanes {
    __m256d signal[2], noise[2], max_error[2];
};

AVX2 static inline void wide_add(struct wide_lanes *lanes, __m256 x, __m256 y)
{
    const __m256d sign = _mm256_set1_pd(-0.0);
    __m128 xs[2] = { _mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1) };
    __m128 ys[2] = { _mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1) };
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        __m256d v = _mm256_cvtps_pd(xs[k]);
        __m256d difference = _mm256_sub_pd(v, _mm256_cvtps_pd(ys[k]));
        lanes->signal[k] = _mm256_add_pd(lanes->signal[k], _mm256_mul_pd(v, v));
        lanes->noise[k] = _mm256_add_pd(lanes->noise[k], _mm256_mul_pd(difference, difference));
        lanes->max_error[k] =
            _mm256_max_pd(_mm256_andnot_pd(sign, difference), lanes->max_error[k]);
    }
}

AVX2 static inline void wide_load(struct wide_lanes *wide, const struct lanes *lanes)
{
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        wide->signal[k] = _mm256_loadu_pd(lanes->signal + 4 * k);
        wide->noise[k] = _mm256_loadu_pd(lanes->noise + 4 * k);
        wide->max_error[k] = _mm256_loadu_pd(lanes->max_error + 4 * k);
    }
}

AVX2 static inline void wide_store(const struct wide_lanes *wide, struct lanes *lanes)
{
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        _mm256_storeu_pd(lanes->signal + 4 * k, wide->signal[k]);
        _mm256_storeu_pd(lanes->noise + 4 * k, wide->noise[k]);
        _mm256_storeu_pd(lanes->max_error + 4 * k, wide->max_error[k]);
    }
}

/* Parts of the table that are called from another file; kernel.h has the meanings. */
void avx2_range_columns(const float *x, size_t rows, size_t columns, float *io_low, float *io_high);
size_t avx2_uint8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *ret_q);
size_t avx2_uint8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                          const uint8_t *zero, uint8_t *ret_q);
uint32_t avx2_absmax(const float *x, size_t n);
void avx2_range(const float *x, size_t n, struct kernel_range *io_range);
void avx2_prune(float *x, size_t n, struct kernel_cut *io_cut);
/* Scales and zero points of a block, and the reciprocals of its eight scales. */
void avx2_int4_scales(const float *x, size_t rows, bool symmetric, struct kernel_int4 *block,
                      float *ret_reciprocal);
size_t avx2_int4(const float *x, size_t rows, size_t columns, bool symmetric, bool apart,
                 struct kernel_int4 *ret_block, struct kernel_error *io_error);
size_t avx2_int4_row(const float *x, size_t n, bool symmetric, uint8_t *ret_q, float *ret_scale,
                     uint8_t *ret_zero, struct kernel_error *io_error);
void avx2_float4(const float *x, size_t n, size_t block, enum kernel_float4 type,
                 const float *scales, uint8_t *ret_q, float *ret_absmax,
                 struct kernel_error *io_error);
void avx2_absmax_blocks(const float *x, size_t n, size_t block, uint32_t *ret_bits);
void avx2_absmax_halves(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits);
void avx2_linear8(const float *x, size_t n, float absmax, int8_t *ret_q,
                  struct kernel_error *io_error);

#endif
