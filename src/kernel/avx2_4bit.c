/* SPDX-License-Identifier: MIT */
/* The AVX2 table's 4-bit blocks: integers, eight columns at once, and floats along a row. */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include "kernel/wide.h"

/* ---- 4-bit integers ---- */

/* The scale, its reciprocal and the zero point of eight columns. */
struct wide_int4 {
    __m256 scale, reciprocal, zero;
};

/* Half away from zero, clipped to 0 to 15; a NaN gives 0. */
AVX2 static inline __m256i int4_round_eight(__m256 v)
{
    v = _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(15.0f));
    __m256i whole = _mm256_cvttps_epi32(v);
    __m256 rest = _mm256_sub_ps(v, _mm256_cvtepi32_ps(whole));
    __m256 up = _mm256_cmp_ps(rest, _mm256_set1_ps(0.5f), _CMP_GE_OQ);
    return _mm256_sub_epi32(whole, _mm256_castps_si256(up));
}

/* From the smallest and the largest of each column. */
AVX2 static inline struct wide_int4 int4_scale_eight(__m256 low, __m256 high, bool symmetric)
{
    const __m256 none = _mm256_setzero_ps(), sign = _mm256_set1_ps(-0.0f);
    struct wide_int4 by = { .zero = _mm256_set1_ps(8.0f) };
    if (symmetric) {
        __m256 above =
            _mm256_cmp_ps(_mm256_andnot_ps(sign, high), _mm256_andnot_ps(sign, low), _CMP_GT_OQ);
        by.scale = _mm256_div_ps(_mm256_blendv_ps(low, high, above), _mm256_set1_ps(-8.0f));
    } else {
        low = _mm256_min_ps(low, none);
        high = _mm256_max_ps(high, none);
        by.scale = _mm256_div_ps(_mm256_sub_ps(high, low), _mm256_set1_ps(15.0f));
        __m256 zero = _mm256_div_ps(_mm256_xor_ps(low, sign), by.scale);
        by.zero = _mm256_cvtepi32_ps(int4_round_eight(zero));
    }
    __m256 some = _mm256_cmp_ps(by.scale, none, _CMP_NEQ_UQ);
    by.reciprocal = _mm256_and_ps(some, _mm256_div_ps(_mm256_set1_ps(1.0f), by.scale));
    if (!symmetric)
        by.zero = _mm256_and_ps(some, by.zero);
    return by;
}

AVX2 static inline struct wide_int4 int4_prepare(const float *x, size_t rows, bool symmetric,
                                                 struct kernel_int4 *block)
{
    const struct int4_span empty = INT4_SPAN_EMPTY;
    __m256 low = _mm256_set1_ps(empty.low), high = _mm256_set1_ps(empty.high);
    for (size_t row = 0; row < rows; row++, x += 8) {
        __m256 v = _mm256_loadu_ps(x);
        low = _mm256_min_ps(v, low);
        high = _mm256_max_ps(v, high);
    }
    struct wide_int4 by = int4_scale_eight(low, high, symmetric);
    __m256i zero = _mm256_cvttps_epi32(by.zero);
    __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(zero), _mm256_extracti128_si256(zero, 1));
    _mm_storel_epi64((__m128i *)block->zero, _mm_packus_epi16(half, half));
    _mm256_storeu_ps(block->scale, by.scale);
    return by;
}

AVX2 void avx2_int4_scales(const float *x, size_t rows, bool symmetric, struct kernel_int4 *block,
                           float *ret_reciprocal)
{
    struct wide_int4 by = int4_prepare(x, rows, symmetric, block);
    _mm256_storeu_ps(ret_reciprocal, by.reciprocal);
}

/* Half away from zero, then the zero point; what is too large, or a NaN, gives 0. */
AVX2 static inline __m256i int4_apart_eight(__m256 v, __m256 zero)
{
    const __m256 sign_bit = _mm256_set1_ps(-0.0f), limit = _mm256_set1_ps(0x1p31f);
    __m256 size = _mm256_andnot_ps(sign_bit, v);
    __m256i fits = _mm256_castps_si256(_mm256_cmp_ps(size, limit, _CMP_LT_OQ));
    __m256i whole = _mm256_cvttps_epi32(size);
    __m256 rest = _mm256_sub_ps(size, _mm256_cvtepi32_ps(whole));
    __m256 up = _mm256_cmp_ps(rest, _mm256_set1_ps(0.5f), _CMP_GE_OQ);
    whole = _mm256_sub_epi32(whole, _mm256_castps_si256(up));
    __m256i below = _mm256_srai_epi32(_mm256_castps_si256(v), 31);
    whole = _mm256_sub_epi32(_mm256_xor_si256(whole, below), below);
    whole = _mm256_add_epi32(whole, _mm256_cvttps_epi32(zero));
    whole =
        _mm256_max_epi32(_mm256_min_epi32(whole, _mm256_set1_epi32(15)), _mm256_setzero_si256());
    return _mm256_and_si256(whole, fits);
}

/* What the rows give beside their numbers, counted by column. */
struct int4_tally {
    __m256i inside, zeros;
};

/* Eight numbers of one row, in 32 bits each. */
AVX2 static inline __m256i int4_of_eight(__m256 x, const struct wide_int4 *by, bool apart,
                                         struct wide_lanes *lanes, struct int4_tally *tally)
{
    __m256 turned = _mm256_mul_ps(x, by->reciprocal), v = _mm256_add_ps(turned, by->zero);
    __m256 inside = _mm256_and_ps(_mm256_cmp_ps(v, _mm256_set1_ps(-0.5f), _CMP_GT_OQ),
                                  _mm256_cmp_ps(v, _mm256_set1_ps(15.5f), _CMP_LT_OQ));
    __m256i q = apart ? int4_apart_eight(turned, by->zero) : int4_round_eight(v);
    __m256 y = _mm256_mul_ps(_mm256_sub_ps(_mm256_cvtepi32_ps(q), by->zero), by->scale);
    __m256 none = _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_EQ_OQ);
    tally->inside = _mm256_sub_epi32(tally->inside, _mm256_castps_si256(inside));
    tally->zeros = _mm256_sub_epi32(tally->zeros, _mm256_castps_si256(none));
    wide_add(lanes, x, y);
    return q;
}

/* Columns that do not count add nothing. Returns the clipped. */
AVX2 static size_t int4_fold(const struct int4_tally *tally, const struct wide_lanes *wide,
                             size_t rows, size_t columns, struct kernel_error *io_error)
{
    struct lanes lanes;
    uint32_t inside[LANES], zeros[LANES];
    size_t clipped = 0;
    wide_store(wide, &lanes);
    _mm256_storeu_si256((__m256i *)inside, tally->inside);
    _mm256_storeu_si256((__m256i *)zeros, tally->zeros);
    for (size_t k = 0; k < columns; k++) {
        clipped += rows - inside[k];
        io_error->zeros += zeros[k];
    }
    for (size_t k = columns; k < LANES; k++)
        lanes.signal[k] = lanes.noise[k] = lanes.max_error[k] = 0;
    lanes_fold(&lanes, io_error);
    return clipped;
}

/* Four bits of eight rows make one 32-bit word of each column, the first row the lowest. */
AVX2 size_t avx2_int4(const float *x, size_t rows, size_t columns, bool symmetric, bool apart,
                      struct kernel_int4 *ret_block, struct kernel_error *io_error)
{
    const struct lanes lanes = { 0 };
    struct wide_lanes wide;
    struct int4_tally tally = { _mm256_setzero_si256(), _mm256_setzero_si256() };
    struct wide_int4 by = int4_prepare(x, rows, symmetric, ret_block);
    wide_load(&wide, &lanes);
    for (size_t row = 0; row < rows; row += 8) {
        size_t n = MIN(rows - row, (size_t)8);
        __m256i words = _mm256_setzero_si256();
        uint32_t word[8];
        for (size_t k = 0; k < n; k++) {
            __m256i q =
                int4_of_eight(_mm256_loadu_ps(x + 8 * (row + k)), &by, apart, &wide, &tally);
            words = _mm256_or_si256(_mm256_srli_epi32(words, 4), _mm256_slli_epi32(q, 28));
        }
        words = _mm256_srl_epi32(words, _mm_cvtsi32_si128(4 * (int)(8 - n)));
        _mm256_storeu_si256((__m256i *)word, words);
        for (size_t k = 0; k < 8; k++)
            memcpy(ret_block->q[k] + row / 2, &word[k], sizeof(word[k]));
    }
    return int4_fold(&tally, &wide, rows, columns, io_error);
}

/* ---- 4-bit integers along a row ---- */

/* The smallest and the largest of n elements, 0 of which sign whatever. */
AVX2 static void row_range(const float *x, size_t n, float *ret_low, float *ret_high)
{
    float lows[LANES], highs[LANES], low = x[0], high = x[0];
    __m256 least = _mm256_set1_ps(low), most = least;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256 v = _mm256_loadu_ps(x + i);
        least = _mm256_min_ps(least, v);
        most = _mm256_max_ps(most, v);
    }
    _mm256_storeu_ps(lows, least);
    _mm256_storeu_ps(highs, most);
    for (size_t k = 0; k < LANES; k++) {
        low = lows[k] < low ? lows[k] : low;
        high = highs[k] > high ? highs[k] : high;
    }
    for (; i < n; i++)
        range_fold_one(x[i], &low, &high);
    *ret_low = low;
    *ret_high = high;
}

/* Whole eights of a block; gives how many elements. */
AVX2 static size_t row_of_eights(const float *x, size_t n, bool symmetric, float by, float zero,
                                 uint8_t *ret_q, struct lanes *lanes, size_t *io_clipped,
                                 uint64_t *io_zeros)
{
    const __m256 scale = _mm256_set1_ps(by), offset = _mm256_set1_ps(zero);
    const __m256 least = _mm256_set1_ps(symmetric ? -8.0f : 0.0f);
    const __m256 most = _mm256_set1_ps(symmetric ? 7.0f : 15.0f);
    struct wide_lanes wide;
    size_t i = 0;
    wide_load(&wide, lanes);
    for (; i + LANES <= n; i += LANES) {
        __m256 v = _mm256_loadu_ps(x + i);
        __m256 turned = _mm256_round_ps(_mm256_add_ps(_mm256_div_ps(v, scale), offset),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        __m256 whole = _mm256_min_ps(_mm256_max_ps(turned, least), most);
        __m256 y = _mm256_mul_ps(_mm256_sub_ps(whole, offset), scale);
        __m256i q = _mm256_and_si256(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(15));
        __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
        _mm_storel_epi64((__m128i *)(ret_q + i), _mm_packus_epi16(half, half));
        wide_add(&wide, v, y);
        __m256 moved = _mm256_cmp_ps(whole, turned, _CMP_NEQ_UQ);
        __m256 none = _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_EQ_OQ);
        *io_clipped += (size_t)__builtin_popcount((unsigned)_mm256_movemask_ps(moved));
        *io_zeros += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_ps(none));
    }
    wide_store(&wide, lanes);
    return i;
}

AVX2 size_t avx2_int4_row(const float *x, size_t n, bool symmetric, uint8_t *ret_q,
                          float *ret_scale, uint8_t *ret_zero, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    float low, high;
    size_t clipped = 0, done = 0;
    row_range(x, n, &low, &high);
    int4_row_scale(low, high, x[n - 1], symmetric, ret_scale, ret_zero);
    if (*ret_scale != 0)
        done = row_of_eights(x, n, symmetric, *ret_scale, *ret_zero, ret_q, &lanes, &clipped,
                             &io_error->zeros);
    clipped += int4_row_rest(x, done, n, symmetric, *ret_scale, *ret_zero, ret_q, &lanes,
                             &io_error->zeros);
    lanes_fold(&lanes, io_error);
    return clipped;
}

/* ---- 4-bit floats ---- */

/* A table of eight in a register, and one of sixteen in two. */
AVX2 static inline __m256 look_up(const float *table, __m256i index)
{
    return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);
}

AVX2 static inline __m256 look_up16(const float *table, __m256i index)
{
    __m256 upper = _mm256_castsi256_ps(_mm256_cmpgt_epi32(index, _mm256_set1_epi32(7)));
    return _mm256_blendv_ps(look_up(table, index), look_up(table + 8, index), upper);
}

/* The codes of eight quotients, and in *ret_y the values that they stand for. */
AVX2 static inline __m256i float4_of_eight(__m256 v, const struct float4_table *table,
                                           __m256 *ret_y)
{
    const __m256 sign_bit = _mm256_set1_ps(-0.0f);
    __m256i at = _mm256_setzero_si256();
    __m256 below = _mm256_setzero_ps();
    if (table->of_magnitudes) {
        below = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LT_OQ);
        v = _mm256_andnot_ps(sign_bit, v);
    }
    for (int level = 0; level < table->levels; level++) {
        __m256 above = _mm256_cmp_ps(v, look_up(table->level[level], at), _CMP_GT_OQ);
        at = _mm256_sub_epi32(_mm256_add_epi32(at, at), _mm256_castps_si256(above));
    }
    *ret_y = look_up16(table->value, at);
    if (!table->of_magnitudes)
        return at;
    const __m256i *codes = (const __m256i *)table->code;
    *ret_y = _mm256_xor_ps(*ret_y, _mm256_and_ps(below, sign_bit));
    at = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(codes), at);
    return _mm256_add_epi32(at, _mm256_and_si256(_mm256_castps_si256(below), _mm256_set1_epi32(8)));
}

/* Sixteen codes as eight bytes, the even one high. */
AVX2 static inline void float4_store(__m256i low, __m256i high, uint8_t *ret_q)
{
    const __m256i weights = _mm256_set1_epi32(1 << 16 | 16);
    __m256i codes = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    __m256i pairs = _mm256_madd_epi16(codes, weights);
    __m128i half =
        _mm_packs_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    _mm_storel_epi64((__m128i *)ret_q, _mm_packus_epi16(half, half));
}

/* A block, sixteen elements at a time; gives how many. */
AVX2 static size_t float4_block(const float *x, size_t n, float absmax, float by,
                                const struct float4_table *table, uint8_t *ret_q,
                                struct lanes *lanes, uint64_t *io_zeros)
{
    const __m256 turn = _mm256_set1_ps(float4_reciprocal(absmax)), scale = _mm256_set1_ps(by);
    struct wide_lanes wide;
    size_t i = 0;
    wide_load(&wide, lanes);
    for (; i + 16 <= n; i += 16) {
        __m256i code[2];
        for (size_t k = 0; k < 2; k++) {
            __m256 v = _mm256_loadu_ps(x + i + 8 * k), y;
            code[k] = float4_of_eight(_mm256_mul_ps(v, turn), table, &y);
            y = _mm256_mul_ps(y, scale);
            wide_add(&wide, v, y);
            __m256 zero = _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_EQ_OQ);
            *io_zeros += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_ps(zero));
        }
        float4_store(code[0], code[1], ret_q + i / 2);
    }
    wide_store(&wide, lanes);
    return i;
}

AVX2 void avx2_float4(const float *x, size_t n, size_t block, enum kernel_float4 type,
                      const float *scales, uint8_t *ret_q, float *ret_absmax,
                      struct kernel_error *io_error)
{
    const struct float4_table *table = float4_table(type);
    struct lanes lanes = { 0 };
    for (size_t from = 0; from < n; from += block) {
        size_t count = MIN(block, n - from);
        float absmax = float4_absmax(avx2_absmax(x + from, count));
        float scale = scales ? scales[from / block] : absmax;
        size_t done = float4_block(x + from, count, absmax, scale, table, ret_q + from / 2, &lanes,
                                   &io_error->zeros);
        float4_rest(x + from, done, count, absmax, scale, table, ret_q + from / 2, &lanes,
                    &io_error->zeros);
        *ret_absmax++ = absmax;
    }
    lanes_fold(&lanes, io_error);
}

#endif
