/* SPDX-License-Identifier: MIT */
/* The AVX-512 table's rows and blocks that share a scale: magnitudes, 4-bit floats, LLM.int8(). */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include "kernel/long.h"

enum { HALVES = 32 };

/* ---- magnitudes ---- */

AVX512 void avx512_absmax_blocks(const float *x, size_t n, size_t block, uint32_t *ret_bits)
{
    const __m512i magnitude_bits = _mm512_set1_epi32((int)KERNEL_MAGNITUDE);
    for (size_t from = 0; from < n; from += block) {
        size_t end = MIN(from + block, n);
        __m512i most = _mm512_setzero_si512();
        for (size_t i = from; i < end; i += WIDTH) {
            __m512i v = _mm512_maskz_loadu_epi32(mask_of(end - i), x + i);
            most = _mm512_max_epu32(most, _mm512_and_si512(v, magnitude_bits));
        }
        *ret_bits++ = _mm512_reduce_max_epu32(most);
    }
}

/* The largest of all: the least of the complements, which is one instruction. */
AVX512 static inline uint16_t largest(__m512i v)
{
    __m256i four = _mm256_max_epu16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    __m128i two = _mm_max_epu16(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    __m128i least = _mm_minpos_epu16(_mm_xor_si128(two, _mm_set1_epi16(-1)));
    return (uint16_t)~_mm_cvtsi128_si32(least);
}

AVX512 void avx512_absmax_halves(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits)
{
    const __m512i magnitude_bits = _mm512_set1_epi16(KERNEL_HALF_MAGNITUDE);
    for (size_t from = 0; from < n; from += block) {
        size_t end = MIN(from + block, n), i = from;
        __m512i most = _mm512_setzero_si512();
        for (; i + HALVES <= end; i += HALVES)
            most =
                _mm512_max_epu16(most, _mm512_and_si512(_mm512_loadu_si512(h + i), magnitude_bits));
        if (i < end) {
            __m512i v = _mm512_maskz_loadu_epi16((1u << (end - i)) - 1, h + i);
            most = _mm512_max_epu16(most, _mm512_and_si512(v, magnitude_bits));
        }
        *ret_bits++ = largest(most);
    }
}

/* ---- 4-bit floats ---- */

/* A table in registers. */
struct long_float4 {
    __m512 level[4], value;
    __m512i code;
    int levels;
    bool of_magnitudes;
};

AVX512 static inline struct long_float4 float4_load(const struct float4_table *table)
{
    struct long_float4 to = { .levels = table->levels, .of_magnitudes = table->of_magnitudes };
    for (int level = 0; level < 4; level++)
        to.level[level] = _mm512_castps256_ps512(_mm256_loadu_ps(table->level[level]));
    to.value = _mm512_loadu_ps(table->value);
    to.code = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)table->code));
    return to;
}

AVX512 static inline __m512i descend(__m512i at, __m512 v, __m512 thresholds)
{
    __mmask16 above = _mm512_cmp_ps_mask(v, _mm512_permutexvar_ps(at, thresholds), _CMP_GT_OQ);
    at = _mm512_add_epi32(at, at);
    return _mm512_mask_add_epi32(at, above, at, _mm512_set1_epi32(1));
}

/* The codes of sixteen quotients, and in *ret_y the values that they stand for. */
AVX512 static inline __m512i float4_of_sixteen(__m512 v, const struct long_float4 *table,
                                               __m512 *ret_y)
{
    __mmask16 below = 0;
    __m512i at = _mm512_setzero_si512();
    if (table->of_magnitudes) {
        below = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ);
        v = _mm512_abs_ps(v);
    }
#pragma GCC unroll 3
    for (int level = 0; level < 3; level++)
        at = descend(at, v, table->level[level]);
    if (table->levels == 4)
        at = descend(at, v, table->level[3]);
    *ret_y = _mm512_permutexvar_ps(at, table->value);
    if (!table->of_magnitudes)
        return at;
    *ret_y = _mm512_mask_xor_ps(*ret_y, below, *ret_y, _mm512_set1_ps(-0.0f));
    at = _mm512_permutexvar_epi32(at, table->code);
    return _mm512_mask_add_epi32(at, below, at, _mm512_set1_epi32(8));
}

/* Codes as half as many bytes, the even one high. */
AVX512 static inline void float4_store(__m512i code, size_t count, uint8_t *ret_q)
{
    __m128i pairs = _mm_maddubs_epi16(_mm512_cvtepi32_epi8(code), _mm_set1_epi16(1 << 8 | 16));
    __m128i bytes = _mm_packus_epi16(pairs, pairs);
    if (count >= WIDTH)
        _mm_storel_epi64((__m128i *)ret_q, bytes);
    else
        _mm_mask_storeu_epi8(ret_q, (__mmask16)((1u << (count + 1) / 2) - 1), bytes);
}

/* A block; gives the zeros. What is not there is 0, and has its code. */
AVX512 static inline uint64_t float4_block(const float *x, size_t n, float absmax, float by,
                                           const struct long_float4 *table, uint8_t *ret_q,
                                           struct long_lanes *lanes)
{
    const __m512 turn = _mm512_set1_ps(float4_reciprocal(absmax)), scale = _mm512_set1_ps(by);
    uint64_t zeros = 0;
    for (size_t i = 0; i < n; i += WIDTH) {
        __mmask16 mask = mask_of(n - i);
        __m512 v = _mm512_maskz_loadu_ps(mask, x + i), y;
        __m512i code = float4_of_sixteen(_mm512_maskz_mul_ps(mask, v, turn), table, &y);
        y = _mm512_maskz_mul_ps(mask, y, scale);
        long_add(lanes, v, y);
        zeros += count_of(_mm512_mask_cmp_ps_mask(mask, y, _mm512_setzero_ps(), _CMP_EQ_OQ));
        float4_store(code, n - i, ret_q + i / 2);
    }
    return zeros;
}

AVX512 void avx512_float4(const float *x, size_t n, size_t block, enum kernel_float4 type,
                          const float *scales, uint8_t *ret_q, float *ret_absmax,
                          struct kernel_error *io_error)
{
    const struct long_float4 table = float4_load(float4_table(type));
    struct long_lanes lanes = long_none();
    for (size_t from = 0; from < n; from += block) {
        size_t count = MIN(block, n - from);
        uint32_t bits;
        avx512_absmax_blocks(x + from, count, block, &bits);
        float absmax = *ret_absmax++ = float4_absmax(bits);
        float scale = scales ? scales[from / block] : absmax;
        io_error->zeros +=
            float4_block(x + from, count, absmax, scale, &table, ret_q + from / 2, &lanes);
    }
    long_fold(&lanes, io_error);
}

/* ---- LLM.int8() ---- */

AVX512 static inline uint64_t linear8_step(__mmask16 mask, const float *x, __m512 turn,
                                           __m512 scale, int8_t *ret_q, struct long_lanes *lanes)
{
    __m512 v = _mm512_maskz_loadu_ps(mask, x);
    __m512 half = _mm512_cvtph_ps(_mm512_cvtps_ph(v, ROUND));
    __m512 whole = _mm512_roundscale_ps(_mm512_mul_ps(half, turn), ROUND);
    whole = _mm512_max_ps(whole, _mm512_set1_ps(-128.0f));
    whole = _mm512_min_ps(whole, _mm512_set1_ps(127.0f));
    __m512 y = _mm512_div_ps(_mm512_mul_ps(whole, scale), _mm512_set1_ps(LINEAR8_MOST));
    long_add(lanes, v, _mm512_maskz_mov_ps(mask, y));
    _mm_mask_storeu_epi8(ret_q, mask, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(whole)));
    return count_of(_mm512_mask_cmp_ps_mask(mask, y, _mm512_setzero_ps(), _CMP_EQ_OQ));
}

AVX512 void avx512_linear8(const float *x, size_t n, float absmax, int8_t *ret_q,
                           struct kernel_error *io_error)
{
    const __m512 turn = _mm512_set1_ps(linear8_turn(absmax)), scale = _mm512_set1_ps(absmax);
    struct long_lanes lanes = long_none();
    for (size_t i = 0; i < n; i += WIDTH)
        io_error->zeros += linear8_step(mask_of(n - i), x + i, turn, scale, ret_q + i, &lanes);
    long_fold(&lanes, io_error);
}

#endif
