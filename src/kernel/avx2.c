/* SPDX-License-Identifier: MIT */
/*
 * Eight floats at a time. What is left over at the end of an array goes
 * through the same inline functions as the scalar table.
 */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include <cpuid.h>

#include "kernel/wide.h"

AVX2 static inline __m256i magnitudes(__m256 x)
{
    return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32((int)KERNEL_MAGNITUDE));
}

AVX2 uint32_t avx2_absmax(const float *x, size_t n)
{
    __m256i most[4] = { _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                        _mm256_setzero_si256() };
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (size_t k = 0; k < 4; k++)
            most[k] = _mm256_max_epu32(most[k], magnitudes(_mm256_loadu_ps(x + i + 8 * k)));
    for (; i + 8 <= n; i += 8)
        most[0] = _mm256_max_epu32(most[0], magnitudes(_mm256_loadu_ps(x + i)));
    most[0] =
        _mm256_max_epu32(_mm256_max_epu32(most[0], most[1]), _mm256_max_epu32(most[2], most[3]));
    uint32_t lane[8], result = 0;
    _mm256_storeu_si256((__m256i *)lane, most[0]);
    for (int k = 0; k < 8; k++)
        result = MAX(result, lane[k]);
    for (; i < n; i++)
        result = MAX(result, magnitude(x[i]));
    return result;
}

AVX2 static void absmax_columns(const float *x, size_t rows, size_t columns, uint32_t *io_bits)
{
    for (size_t row = 0; row < rows; row++, x += columns) {
        size_t i = 0;
        for (; i + 8 <= columns; i += 8) {
            __m256i *most = (__m256i *)(io_bits + i);
            _mm256_storeu_si256(most, _mm256_max_epu32(_mm256_loadu_si256(most),
                                                       magnitudes(_mm256_loadu_ps(x + i))));
        }
        for (; i < columns; i++)
            io_bits[i] = MAX(io_bits[i], magnitude(x[i]));
    }
}

/* Eight finite elements at once; a group with anything else goes one by one. */
AVX2 void avx2_range(const float *x, size_t n, struct kernel_range *io_range)
{
    __m256 low = _mm256_set1_ps(io_range->low), high = _mm256_set1_ps(io_range->high);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_loadu_ps(x + i);
        __m256i wild =
            _mm256_cmpgt_epi32(magnitudes(v), _mm256_set1_epi32((int)(KERNEL_INFINITY - 1)));
        if (_mm256_movemask_epi8(wild)) {
            for (size_t k = 0; k < 8; k++)
                range_one(x[i + k], io_range);
            continue;
        }
        low = _mm256_min_ps(v, low);
        high = _mm256_max_ps(v, high);
        __m256 zero = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_EQ_OQ);
        io_range->zeros += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_ps(zero));
    }
    float lows[8], highs[8];
    _mm256_storeu_ps(lows, low);
    _mm256_storeu_ps(highs, high);
    for (int k = 0; k < 8; k++) {
        io_range->low = lows[k] < io_range->low ? lows[k] : io_range->low;
        io_range->high = highs[k] > io_range->high ? highs[k] : io_range->high;
    }
    for (; i < n; i++)
        range_one(x[i], io_range);
    range_fold(io_range);
}

/* Eight quotients, rounded, as eight int8 in the low half; the clipped are counted. */
AVX2 static inline __m128i int8_of_eight(__m256 x, __m256 scale, size_t *io_clipped)
{
    const __m256 low = _mm256_set1_ps(-128.0f), high = _mm256_set1_ps(127.0f);
    __m256 v =
        _mm256_round_ps(_mm256_div_ps(x, scale), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 inside =
        _mm256_and_ps(_mm256_cmp_ps(v, low, _CMP_GE_OQ), _mm256_cmp_ps(v, high, _CMP_LE_OQ));
    *io_clipped += (size_t)(8 - __builtin_popcount((unsigned)_mm256_movemask_ps(inside)));
    __m256i whole = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v, low), high));
    __m128i half =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    return _mm_packs_epi16(half, half);
}

AVX2 static size_t int8(const float *x, size_t n, float scale, int8_t *ret_q)
{
    const __m256 scales = _mm256_set1_ps(scale);
    size_t clipped = 0, i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storel_epi64((__m128i *)(ret_q + i),
                         int8_of_eight(_mm256_loadu_ps(x + i), scales, &clipped));
    for (; i < n; i++)
        ret_q[i] = int8_of(x[i], scale, &clipped);
    return clipped;
}

AVX2 static size_t int8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                                int8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns) {
        size_t i = 0;
        for (; i + 8 <= columns; i += 8)
            _mm_storel_epi64(
                (__m128i *)(ret_q + i),
                int8_of_eight(_mm256_loadu_ps(x + i), _mm256_loadu_ps(scale + i), &clipped));
        for (; i < columns; i++)
            ret_q[i] = int8_of(x[i], scale[i], &clipped);
    }
    return clipped;
}

/* Eight int8 as floats; the zeros among them are counted. */
AVX2 static inline __m256 floats_of_eight(const int8_t *q, uint64_t *io_zeros)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)q);
    int zero = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) & 0xff;
    *io_zeros += (uint64_t)__builtin_popcount((unsigned)zero);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

AVX2 static void error_int8(const float *x, const int8_t *q, size_t n, float scale,
                            struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    struct wide_lanes wide;
    wide_load(&wide, &lanes);
    const __m256 scales = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 y = _mm256_mul_ps(floats_of_eight(q + i, &io_error->zeros), scales);
        wide_add(&wide, _mm256_loadu_ps(x + i), y);
    }
    wide_store(&wide, &lanes);
    for (; i < n; i++) {
        lanes_add(&lanes, i, x[i], (float)q[i] * scale);
        io_error->zeros += q[i] == 0;
    }
    lanes_fold(&lanes, io_error);
}

AVX2 static void error_int8_columns(const float *x, const int8_t *q, size_t rows, size_t columns,
                                    const float *scale, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    struct wide_lanes wide;
    for (size_t row = 0; row < rows; row++, x += columns, q += columns) {
        wide_load(&wide, &lanes);
        size_t i = 0;
        for (; i + 8 <= columns; i += 8) {
            __m256 y =
                _mm256_mul_ps(floats_of_eight(q + i, &io_error->zeros), _mm256_loadu_ps(scale + i));
            wide_add(&wide, _mm256_loadu_ps(x + i), y);
        }
        wide_store(&wide, &lanes);
        for (; i < columns; i++) {
            lanes_add(&lanes, i, x[i], (float)q[i] * scale[i]);
            io_error->zeros += q[i] == 0;
        }
    }
    lanes_fold(&lanes, io_error);
}

AVX2 static void to_fp16(const float *x, size_t n, uint16_t *ret_h)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i h =
            _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm_storeu_si128((__m128i *)(ret_h + i), h);
    }
    for (; i < n; i++)
        ret_h[i] = fp16_of(x[i]);
}

AVX2 static void of_fp16(const uint16_t *h, size_t n, float *ret_x)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(ret_x + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(h + i))));
    for (; i < n; i++)
        ret_x[i] = float_of(h[i]);
}

AVX2 static inline __m256i bf16_of_eight(const float *x)
{
    __m256i bits = _mm256_loadu_si256((const __m256i *)x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    bits = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    return _mm256_srli_epi32(bits, 16);
}

AVX2 static void to_bf16(const float *x, size_t n, uint16_t *ret_h)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i h = _mm256_packus_epi32(bf16_of_eight(x + i), bf16_of_eight(x + i + 8));
        _mm256_storeu_si256((__m256i *)(ret_h + i), _mm256_permute4x64_epi64(h, 0xd8));
    }
    for (; i < n; i++)
        ret_h[i] = bf16_of(x[i]);
}

AVX2 static void of_bf16(const uint16_t *h, size_t n, float *ret_x)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(h + i)));
        _mm256_storeu_si256((__m256i *)(ret_x + i), _mm256_slli_epi32(bits, 16));
    }
    for (; i < n; i++)
        ret_x[i] = float_of_bf16(h[i]);
}

AVX2 static void error_float(const float *x, const float *y, size_t n,
                             struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    struct wide_lanes wide;
    wide_load(&wide, &lanes);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_loadu_ps(y + i);
        wide_add(&wide, _mm256_loadu_ps(x + i), v);
        __m256 zero = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_EQ_OQ);
        io_error->zeros += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_ps(zero));
    }
    wide_store(&wide, &lanes);
    for (; i < n; i++) {
        lanes_add(&lanes, i, x[i], y[i]);
        io_error->zeros += y[i] == 0.0f;
    }
    lanes_fold(&lanes, io_error);
}

/* While ties are left, a group that holds one goes one by one. */
AVX2 void avx2_prune(float *x, size_t n, struct kernel_cut *io_cut)
{
    const __m256i threshold = _mm256_set1_epi32((int)io_cut->threshold);
    const __m256i sign = _mm256_set1_epi32((int)~KERNEL_MAGNITUDE);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i bits = _mm256_loadu_si256((const __m256i *)(x + i));
        __m256i m = _mm256_andnot_si256(sign, bits);
        if (io_cut->ties && _mm256_movemask_epi8(_mm256_cmpeq_epi32(m, threshold))) {
            for (size_t k = 0; k < 8; k++)
                prune_one(x + i + k, io_cut);
            continue;
        }
        __m256i goes = _mm256_cmpgt_epi32(threshold, m);
        bits = _mm256_blendv_epi8(bits, _mm256_and_si256(bits, sign), goes);
        _mm256_storeu_si256((__m256i *)(x + i), bits);
    }
    for (; i < n; i++)
        prune_one(x + i, io_cut);
}

/* Asked of the processor: not every compiler knows the word. What uses it wants AVX as well. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

const struct kernel *kernel_avx2(void)
{
    static const struct kernel table = {
        .name = "avx2",
        .absmax = avx2_absmax,
        .absmax_columns = absmax_columns,
        .absmax_blocks = avx2_absmax_blocks,
        .absmax_halves = avx2_absmax_halves,
        .range = avx2_range,
        .range_columns = avx2_range_columns,
        .uint8 = avx2_uint8,
        .uint8_columns = avx2_uint8_columns,
        .int8 = int8,
        .int8_columns = int8_columns,
        .error_int8 = error_int8,
        .error_int8_columns = error_int8_columns,
        .int4 = avx2_int4,
        .int4_row = avx2_int4_row,
        .float4 = avx2_float4,
        .linear8 = avx2_linear8,
        .to_fp16 = to_fp16,
        .of_fp16 = of_fp16,
        .to_bf16 = to_bf16,
        .of_bf16 = of_bf16,
        .error = error_float,
        .count_high = count_high,
        .count_low = count_low,
        .prune = avx2_prune,
    };
    return __builtin_cpu_supports("avx2") && has_f16c() ? &table : NULL;
}

#else

const struct kernel *kernel_avx2(void)
{
    return NULL;
}

#endif
