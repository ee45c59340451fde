/* SPDX-License-Identifier: MIT */
/*
 * What the files of the AVX-512 table share: masks for what is left over, and the eight lanes of doubles,
 * each sum in one register.
 */
#ifndef PARE_KERNEL_LONG_H
#define PARE_KERNEL_LONG_H

#include "kernel/wide.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c")))

enum { WIDTH = 16, ROUND = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };

/* Of `left` elements those that one step takes. */
AVX512 static inline __mmask16 mask_of(size_t left)
{
    return left < WIDTH ? (__mmask16)((1u << left) - 1) : 0xffff;
}

AVX512 static inline uint64_t count_of(__mmask16 mask)
{
    return (uint64_t)__builtin_popcount(mask);
}

/* The eight lanes, each sum in one register. */
struct long_lanes {
    __m512d signal, noise, max_error;
};

AVX512 static inline void long_add_eight(struct long_lanes *lanes, __m256 x, __m256 y)
{
    __m512d v = _mm512_cvtps_pd(x), difference = _mm512_sub_pd(v, _mm512_cvtps_pd(y));
    lanes->signal = _mm512_add_pd(lanes->signal, _mm512_mul_pd(v, v));
    lanes->noise = _mm512_add_pd(lanes->noise, _mm512_mul_pd(difference, difference));
    lanes->max_error = _mm512_max_pd(_mm512_abs_pd(difference), lanes->max_error);
}

AVX512 static inline void long_add(struct long_lanes *lanes, __m512 x, __m512 y)
{
    long_add_eight(lanes, _mm512_castps512_ps256(x), _mm512_castps512_ps256(y));
    long_add_eight(lanes, _mm512_extractf32x8_ps(x, 1), _mm512_extractf32x8_ps(y, 1));
}

AVX512 static inline struct long_lanes long_none(void)
{
    return (struct long_lanes){ _mm512_setzero_pd(), _mm512_setzero_pd(), _mm512_setzero_pd() };
}

AVX512 static inline void long_store(const struct long_lanes *from, struct lanes *ret_lanes)
{
    _mm512_storeu_pd(ret_lanes->signal, from->signal);
    _mm512_storeu_pd(ret_lanes->noise, from->noise);
    _mm512_storeu_pd(ret_lanes->max_error, from->max_error);
}

AVX512 static inline void long_fold(const struct long_lanes *from, struct kernel_error *io_error)
{
    struct lanes lanes;
    long_store(from, &lanes);
    lanes_fold(&lanes, io_error);
}

/* Parts of the table that are called from another file; kernel.h has the meanings. */
void avx512_absmax_blocks(const float *x, size_t n, size_t block, uint32_t *ret_bits);
void avx512_absmax_halves(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits);
void avx512_float4(const float *x, size_t n, size_t block, enum kernel_float4 type,
                   const float *scales, uint8_t *ret_q, float *ret_absmax,
                   struct kernel_error *io_error);
void avx512_linear8(const float *x, size_t n, float absmax, int8_t *ret_q,
                    struct kernel_error *io_error);

#endif
