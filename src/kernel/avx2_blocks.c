/* SPDX-License-Identifier: MIT */
/* The AVX2 table's rows and blocks that share a scale: magnitudes, LLM.int8(). */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include "kernel/wide.h"

enum { HALVES = 16 };

AVX2 void avx2_absmax_blocks(const float *x, size_t n, size_t block, uint32_t *ret_bits)
{
    for (size_t from = 0; from < n; from += block)
        *ret_bits++ = avx2_absmax(x + from, MIN(block, n - from));
}

/* The largest of all: the least of the complements, which is one instruction. */
AVX2 static inline uint16_t largest(__m256i v)
{
    __m128i two = _mm_max_epu16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    __m128i least = _mm_minpos_epu16(_mm_xor_si128(two, _mm_set1_epi16(-1)));
    return (uint16_t)~_mm_cvtsi128_si32(least);
}

AVX2 void avx2_absmax_halves(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits)
{
    const __m256i magnitude_bits = _mm256_set1_epi16(KERNEL_HALF_MAGNITUDE);
    for (size_t from = 0; from < n; from += block) {
        size_t end = MIN(from + block, n), i = from;
        __m256i most = _mm256_setzero_si256();
        for (; i + HALVES <= end; i += HALVES) {
            __m256i v = _mm256_loadu_si256((const __m256i *)(h + i));
            most = _mm256_max_epu16(most, _mm256_and_si256(v, magnitude_bits));
        }
        *ret_bits = largest(most);
        for (; i < end; i++)
            *ret_bits = MAX(*ret_bits, (uint16_t)(h[i] & KERNEL_HALF_MAGNITUDE));
        ret_bits++;
    }
}

/* ---- LLM.int8() ---- */

AVX2 void avx2_linear8(const float *x, size_t n, float absmax, int8_t *ret_q,
                       struct kernel_error *io_error)
{
    const __m256 turn = _mm256_set1_ps(linear8_turn(absmax)), scale = _mm256_set1_ps(absmax);
    struct lanes lanes = { 0 };
    struct wide_lanes wide;
    size_t i = 0;
    wide_load(&wide, &lanes);
    for (; i + LANES <= n; i += LANES) {
        __m256 v = _mm256_loadu_ps(x + i);
        __m256 half = _mm256_cvtph_ps(_mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
        __m256 whole = _mm256_round_ps(_mm256_mul_ps(half, turn),
                                       _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        whole = _mm256_max_ps(whole, _mm256_set1_ps(-128.0f));
        whole = _mm256_min_ps(whole, _mm256_set1_ps(127.0f));
        __m256 y = _mm256_div_ps(_mm256_mul_ps(whole, scale), _mm256_set1_ps(LINEAR8_MOST));
        __m256i q = _mm256_cvtps_epi32(whole);
        __m128i packed = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
        _mm_storel_epi64((__m128i *)(ret_q + i), _mm_packs_epi16(packed, packed));
        wide_add(&wide, v, y);
        __m256 none = _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_EQ_OQ);
        io_error->zeros += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_ps(none));
    }
    wide_store(&wide, &lanes);
    linear8_rest(x, i, n, absmax, ret_q, &lanes, &io_error->zeros);
    lanes_fold(&lanes, io_error);
}

#endif
