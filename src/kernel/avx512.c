/* SPDX-License-Identifier: MIT */
/*
 * Sixteen floats at a time. What is left over at the end of an array goes the
 * same way under a mask: an element that is not there is 0, with a number of 0
 * behind it, and adds nothing to any sum. What wider registers do not make
 * faster is the AVX2 table's.
 */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include "kernel/long.h"

AVX512 static inline __m512i magnitudes(__mmask16 mask, const float *x)
{
    return _mm512_and_si512(_mm512_maskz_loadu_epi32(mask, x),
                            _mm512_set1_epi32((int)KERNEL_MAGNITUDE));
}

AVX512 static uint32_t absmax(const float *x, size_t n)
{
    __m512i most[4] = { _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                        _mm512_setzero_si512() };
    size_t i = 0;
    for (; i + 64 <= n; i += 64)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            most[k] = _mm512_max_epu32(most[k], magnitudes(0xffff, x + i + WIDTH * k));
    for (; i < n; i += WIDTH)
        most[0] = _mm512_max_epu32(most[0], magnitudes(mask_of(n - i), x + i));
    return _mm512_reduce_max_epu32(
        _mm512_max_epu32(_mm512_max_epu32(most[0], most[1]), _mm512_max_epu32(most[2], most[3])));
}

AVX512 static void absmax_columns(const float *x, size_t rows, size_t columns, uint32_t *io_bits)
{
    for (size_t i = 0; i < columns; i += WIDTH) {
        __mmask16 mask = mask_of(columns - i);
        __m512i most = _mm512_maskz_loadu_epi32(mask, io_bits + i);
        for (size_t row = 0; row < rows; row++)
            most = _mm512_max_epu32(most, magnitudes(mask, x + row * columns + i));
        _mm512_mask_storeu_epi32(io_bits + i, mask, most);
    }
}

/* ---- int8 and uint8 ---- */

AVX512 static inline void store_bytes(void *to, __mmask16 mask, __m128i bytes)
{
    if (mask == 0xffff)
        _mm_storeu_si128(to, bytes);
    else
        _mm_mask_storeu_epi8(to, mask, bytes);
}

/* Quotients, rounded and moved, between least and most. Returns how many were clipped. */
AVX512 static inline uint64_t integers_of(__mmask16 mask, const float *x, __m512 scale, __m512 zero,
                                          __m512 least, __m512 most, __m512i *ret_q)
{
    __m512 v = _mm512_div_ps(_mm512_maskz_loadu_ps(mask, x), scale);
    v = _mm512_add_ps(_mm512_roundscale_ps(v, ROUND), zero);
    __mmask16 inside = _mm512_mask_cmp_ps_mask(mask, v, least, _CMP_GE_OQ);
    inside = _mm512_mask_cmp_ps_mask(inside, v, most, _CMP_LE_OQ);
    *ret_q = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(v, least), most));
    return count_of(mask) - count_of(inside);
}

AVX512 static inline uint64_t int8_step(__mmask16 mask, const float *x, __m512 scale, int8_t *ret_q)
{
    __m512i q;
    uint64_t clipped = integers_of(mask, x, scale, _mm512_setzero_ps(), _mm512_set1_ps(-128.0f),
                                   _mm512_set1_ps(127.0f), &q);
    store_bytes(ret_q, mask, _mm512_cvtepi32_epi8(q));
    return clipped;
}

AVX512 static size_t int8(const float *x, size_t n, float scale, int8_t *ret_q)
{
    const __m512 scales = _mm512_set1_ps(scale);
    size_t clipped = 0, i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        clipped += int8_step(0xffff, x + i, scales, ret_q + i);
    return i < n ? clipped + int8_step(mask_of(n - i), x + i, scales, ret_q + i) : clipped;
}

AVX512 static size_t int8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                                  int8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns) {
        size_t i = 0;
        for (; i + WIDTH <= columns; i += WIDTH)
            clipped += int8_step(0xffff, x + i, _mm512_loadu_ps(scale + i), ret_q + i);
        if (i == columns)
            continue;
        __mmask16 mask = mask_of(columns - i);
        clipped += int8_step(mask, x + i, _mm512_maskz_loadu_ps(mask, scale + i), ret_q + i);
    }
    return clipped;
}

AVX512 static inline uint64_t uint8_step(__mmask16 mask, const float *x, __m512 scale, __m512 zero,
                                         uint8_t *ret_q)
{
    __m512i q;
    uint64_t clipped =
        integers_of(mask, x, scale, zero, _mm512_setzero_ps(), _mm512_set1_ps(255.0f), &q);
    store_bytes(ret_q, mask, _mm512_cvtepi32_epi8(q));
    return clipped;
}

AVX512 static size_t uint8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *ret_q)
{
    const __m512 scales = _mm512_set1_ps(scale), zeros = _mm512_set1_ps(zero);
    size_t clipped = 0;
    for (size_t i = 0; i < n; i += WIDTH)
        clipped += uint8_step(mask_of(n - i), x + i, scales, zeros, ret_q + i);
    return clipped;
}

AVX512 static size_t uint8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                                   const uint8_t *zero, uint8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns)
        for (size_t i = 0; i < columns; i += WIDTH) {
            __mmask16 mask = mask_of(columns - i);
            __m512i zeros = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, zero + i));
            clipped += uint8_step(mask, x + i, _mm512_maskz_loadu_ps(mask, scale + i),
                                  _mm512_cvtepi32_ps(zeros), ret_q + i);
        }
    return clipped;
}

/* ---- errors ---- */

AVX512 static inline uint64_t error_int8_step(__mmask16 mask, const float *x, const int8_t *q,
                                              __m512 scale, struct long_lanes *lanes)
{
    __m128i bytes =
        mask == 0xffff ? _mm_loadu_si128((const __m128i *)q) : _mm_maskz_loadu_epi8(mask, q);
    __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), scale);
    long_add(lanes, _mm512_maskz_loadu_ps(mask, x), y);
    return count_of(_mm_mask_cmpeq_epi8_mask(mask, bytes, _mm_setzero_si128()));
}

AVX512 static void error_int8(const float *x, const int8_t *q, size_t n, float scale,
                              struct kernel_error *io_error)
{
    struct long_lanes lanes = long_none();
    const __m512 scales = _mm512_set1_ps(scale);
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        io_error->zeros += error_int8_step(0xffff, x + i, q + i, scales, &lanes);
    if (i < n) {
        __mmask16 mask = mask_of(n - i);
        io_error->zeros +=
            error_int8_step(mask, x + i, q + i, _mm512_maskz_mov_ps(mask, scales), &lanes);
    }
    long_fold(&lanes, io_error);
}

AVX512 static void error_int8_columns(const float *x, const int8_t *q, size_t rows, size_t columns,
                                      const float *scale, struct kernel_error *io_error)
{
    struct long_lanes lanes = long_none();
    for (size_t row = 0; row < rows; row++, x += columns, q += columns) {
        size_t i = 0;
        for (; i + WIDTH <= columns; i += WIDTH)
            io_error->zeros +=
                error_int8_step(0xffff, x + i, q + i, _mm512_loadu_ps(scale + i), &lanes);
        if (i == columns)
            continue;
        __mmask16 mask = mask_of(columns - i);
        io_error->zeros +=
            error_int8_step(mask, x + i, q + i, _mm512_maskz_loadu_ps(mask, scale + i), &lanes);
    }
    long_fold(&lanes, io_error);
}

AVX512 static void error_float(const float *x, const float *y, size_t n,
                               struct kernel_error *io_error)
{
    struct long_lanes lanes = long_none();
    for (size_t i = 0; i < n; i += WIDTH) {
        __mmask16 mask = mask_of(n - i);
        __m512 v = _mm512_maskz_loadu_ps(mask, y + i);
        long_add(&lanes, _mm512_maskz_loadu_ps(mask, x + i), v);
        io_error->zeros +=
            count_of(_mm512_mask_cmp_ps_mask(mask, v, _mm512_setzero_ps(), _CMP_EQ_OQ));
    }
    long_fold(&lanes, io_error);
}

/* ---- 4-bit integers ---- */

/* Of eight columns and two rows: the scale, its reciprocal and the zero point. */
struct long_int4 {
    __m512 scale, reciprocal, zero;
};

/* Two rows in turn, counted by column. */
struct long_tally {
    __m512i inside, zeros;
};

AVX512 static inline __m512 twice(__m256 eight)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(eight), eight, 1);
}

/* Half away from zero, for what is not below 0. */
AVX512 static inline __m512i half_up(__m512 v)
{
    __m512i whole = _mm512_cvttps_epi32(v);
    __m512 rest = _mm512_sub_ps(v, _mm512_cvtepi32_ps(whole));
    __mmask16 up = _mm512_cmp_ps_mask(rest, _mm512_set1_ps(0.5f), _CMP_GE_OQ);
    return _mm512_mask_add_epi32(whole, up, whole, _mm512_set1_epi32(1));
}

/* The zero point behind the rounding; what is too large, or a NaN, gives 0. */
AVX512 static inline __m512i int4_apart(__m512 v, __m512 zero)
{
    __m512 size = _mm512_abs_ps(v);
    __mmask16 fits = _mm512_cmp_ps_mask(size, _mm512_set1_ps(0x1p31f), _CMP_LT_OQ);
    __m512i whole = half_up(size);
    whole = _mm512_mask_sub_epi32(whole, _mm512_movepi32_mask(_mm512_castps_si512(v)),
                                  _mm512_setzero_si512(), whole);
    whole = _mm512_add_epi32(whole, _mm512_cvttps_epi32(zero));
    whole =
        _mm512_max_epi32(_mm512_min_epi32(whole, _mm512_set1_epi32(15)), _mm512_setzero_si512());
    return _mm512_maskz_mov_epi32(fits, whole);
}

AVX512 static inline __m512i int4_two_rows(__mmask16 mask, const float *from,
                                           const struct long_int4 *by, bool apart,
                                           struct long_lanes *lanes, struct long_tally *tally)
{
    const __m512i one = _mm512_set1_epi32(1);
    __m512 x = _mm512_maskz_loadu_ps(mask, from), turned = _mm512_mul_ps(x, by->reciprocal);
    __m512 v = _mm512_add_ps(turned, by->zero);
    __mmask16 inside = _mm512_mask_cmp_ps_mask(mask, v, _mm512_set1_ps(-0.5f), _CMP_GT_OQ);
    inside = _mm512_mask_cmp_ps_mask(inside, v, _mm512_set1_ps(15.5f), _CMP_LT_OQ);
    v = _mm512_min_ps(_mm512_max_ps(v, _mm512_setzero_ps()), _mm512_set1_ps(15.0f));
    __m512i q = apart ? int4_apart(turned, by->zero) : half_up(v);
    __m512 y = _mm512_sub_ps(_mm512_cvtepi32_ps(q), by->zero);
    y = _mm512_maskz_mul_ps(mask, y, by->scale);
    __mmask16 none = _mm512_mask_cmp_ps_mask(mask, y, _mm512_setzero_ps(), _CMP_EQ_OQ);
    tally->inside = _mm512_mask_add_epi32(tally->inside, inside, tally->inside, one);
    tally->zeros = _mm512_mask_add_epi32(tally->zeros, none, tally->zeros, one);
    long_add(lanes, x, y);
    return _mm512_maskz_mov_epi32(mask, q);
}

/* Columns that do not count add nothing. Returns the clipped. */
AVX512 static size_t int4_fold(const struct long_tally *tally, const struct long_lanes *from,
                               size_t rows, size_t columns, struct kernel_error *io_error)
{
    struct lanes lanes;
    uint32_t inside[2 * LANES], zeros[2 * LANES];
    size_t clipped = 0;
    long_store(from, &lanes);
    _mm512_storeu_si512(inside, tally->inside);
    _mm512_storeu_si512(zeros, tally->zeros);
    for (size_t k = 0; k < columns; k++) {
        clipped += rows - inside[k] - inside[LANES + k];
        io_error->zeros += zeros[k] + zeros[LANES + k];
    }
    for (size_t k = columns; k < LANES; k++)
        lanes.signal[k] = lanes.noise[k] = lanes.max_error[k] = 0;
    lanes_fold(&lanes, io_error);
    return clipped;
}

/* Four bits of eight rows make one 32-bit word of each column, the first row the lowest. */
AVX512 static size_t int4(const float *x, size_t rows, size_t columns, bool symmetric, bool apart,
                          struct kernel_int4 *ret_block, struct kernel_error *io_error)
{
    const __m512i odd = _mm512_set_epi32(4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0);
    struct long_lanes lanes = long_none();
    struct long_tally tally = { _mm512_setzero_si512(), _mm512_setzero_si512() };
    float reciprocal[LANES];
    uint32_t word[LANES];
    avx2_int4_scales(x, rows, symmetric, ret_block, reciprocal);
    __m128i zero = _mm_loadl_epi64((const __m128i *)ret_block->zero);
    const struct long_int4 by = { twice(_mm256_loadu_ps(ret_block->scale)),
                                  twice(_mm256_loadu_ps(reciprocal)),
                                  twice(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(zero))) };
    for (size_t row = 0; row < rows; row += LANES) {
        __m512i words = _mm512_setzero_si512();
        for (size_t k = 0; k < LANES && row + k < rows; k += 2) {
            __mmask16 mask = mask_of(LANES * (rows - row - k));
            __m512i q = int4_two_rows(mask, x + LANES * (row + k), &by, apart, &lanes, &tally);
            __m512i place = _mm512_add_epi32(odd, _mm512_set1_epi32(4 * (int)k));
            words = _mm512_or_si512(words, _mm512_sllv_epi32(q, place));
        }
        _mm256_storeu_si256((__m256i *)word, _mm256_or_si256(_mm512_castsi512_si256(words),
                                                             _mm512_extracti32x8_epi32(words, 1)));
        for (size_t k = 0; k < LANES; k++)
            memcpy(ret_block->q[k] + row / 2, &word[k], sizeof(word[k]));
    }
    return int4_fold(&tally, &lanes, rows, columns, io_error);
}

/* ---- halves ---- */

AVX512 static inline void store_halves(uint16_t *to, __mmask16 mask, __m256i halves)
{
    if (mask == 0xffff)
        _mm256_storeu_si256((__m256i *)to, halves);
    else
        _mm256_mask_storeu_epi16(to, mask, halves);
}

AVX512 static inline void store_floats(float *to, __mmask16 mask, __m512 floats)
{
    if (mask == 0xffff)
        _mm512_storeu_ps(to, floats);
    else
        _mm512_mask_storeu_ps(to, mask, floats);
}

AVX512 static void to_fp16(const float *x, size_t n, uint16_t *ret_h)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        __mmask16 mask = mask_of(n - i);
        store_halves(ret_h + i, mask, _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, x + i), ROUND));
    }
}

AVX512 static void of_fp16(const uint16_t *h, size_t n, float *ret_x)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        __mmask16 mask = mask_of(n - i);
        store_floats(ret_x + i, mask, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, h + i)));
    }
}

AVX512 static void to_bf16(const float *x, size_t n, uint16_t *ret_h)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        __mmask16 mask = mask_of(n - i);
        __m512i bits = _mm512_maskz_loadu_epi32(mask, x + i);
        __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
        bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        store_halves(ret_h + i, mask, _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
    }
}

AVX512 static void of_bf16(const uint16_t *h, size_t n, float *ret_x)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        __mmask16 mask = mask_of(n - i);
        __m512i bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, h + i));
        store_floats(ret_x + i, mask, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16)));
    }
}

const struct kernel *kernel_avx512(void)
{
    static const struct kernel table = {
        .name = "avx512",
        .absmax = absmax,
        .absmax_columns = absmax_columns,
        .absmax_blocks = avx512_absmax_blocks,
        .absmax_halves = avx512_absmax_halves,
        .range = avx2_range,
        .range_columns = avx2_range_columns,
        .uint8 = uint8,
        .uint8_columns = uint8_columns,
        .int8 = int8,
        .int8_columns = int8_columns,
        .error_int8 = error_int8,
        .error_int8_columns = error_int8_columns,
        .int4 = int4,
        .int4_row = avx2_int4_row,
        .float4 = avx512_float4,
        .to_fp16 = to_fp16,
        .of_fp16 = of_fp16,
        .to_bf16 = to_bf16,
        .of_bf16 = of_bf16,
        .linear8 = avx512_linear8,
        .error = error_float,
        .count_high = count_high,
        .count_low = count_low,
        .prune = avx2_prune,
    };
    bool here = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return here && kernel_avx2() ? &table : NULL;
}

#else

const struct kernel *kernel_avx512(void)
{
    return NULL;
}

#endif
