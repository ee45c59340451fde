/* SPDX-License-Identifier: MIT */
/* Eight floats at a time, to uint8 with zero points. */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include "kernel/wide.h"

AVX2 void avx2_range_columns(const float *x, size_t rows, size_t columns, float *io_low,
                             float *io_high)
{
    for (size_t row = 0; row < rows; row++, x += columns) {
        size_t i = 0;
        for (; i + 8 <= columns; i += 8) {
            __m256 v = _mm256_loadu_ps(x + i);
            _mm256_storeu_ps(io_low + i, _mm256_min_ps(v, _mm256_loadu_ps(io_low + i)));
            _mm256_storeu_ps(io_high + i, _mm256_max_ps(v, _mm256_loadu_ps(io_high + i)));
        }
        for (; i < columns; i++)
            range_fold_one(x[i], io_low + i, io_high + i);
    }
}

/* Eight quotients, rounded and moved by the zero points, as eight uint8 in the low half. */
AVX2 static inline __m128i uint8_of_eight(__m256 x, __m256 scale, __m256 zero, size_t *io_clipped)
{
    const __m256 low = _mm256_setzero_ps(), high = _mm256_set1_ps(255.0f);
    __m256 v =
        _mm256_round_ps(_mm256_div_ps(x, scale), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    v = _mm256_add_ps(v, zero);
    __m256 inside =
        _mm256_and_ps(_mm256_cmp_ps(v, low, _CMP_GE_OQ), _mm256_cmp_ps(v, high, _CMP_LE_OQ));
    *io_clipped += (size_t)(8 - __builtin_popcount((unsigned)_mm256_movemask_ps(inside)));
    __m256i whole = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v, low), high));
    __m128i half =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    return _mm_packus_epi16(half, half);
}

AVX2 size_t avx2_uint8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *ret_q)
{
    const __m256 scales = _mm256_set1_ps(scale), zeros = _mm256_set1_ps(zero);
    size_t clipped = 0, i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storel_epi64((__m128i *)(ret_q + i),
                         uint8_of_eight(_mm256_loadu_ps(x + i), scales, zeros, &clipped));
    for (; i < n; i++)
        ret_q[i] = uint8_of(x[i], scale, zero, &clipped);
    return clipped;
}

AVX2 size_t avx2_uint8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                               const uint8_t *zero, uint8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns) {
        size_t i = 0;
        for (; i + 8 <= columns; i += 8) {
            __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(zero + i)));
            _mm_storel_epi64((__m128i *)(ret_q + i),
                             uint8_of_eight(_mm256_loadu_ps(x + i), _mm256_loadu_ps(scale + i),
                                            _mm256_cvtepi32_ps(wide), &clipped));
        }
        for (; i < columns; i++)
            ret_q[i] = uint8_of(x[i], scale[i], zero[i], &clipped);
    }
    return clipped;
}

#endif
