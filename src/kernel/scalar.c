/* SPDX-License-Identifier: MIT */
#include "kernel/kernel.h"
#include "kernel/lanes.h"

static uint32_t absmax(const float *x, size_t n)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = MAX(most, magnitude(x[i]));
    return most;
}

static void absmax_blocks(const float *x, size_t n, size_t block, uint32_t *ret_bits)
{
    for (size_t from = 0; from < n; from += block)
        *ret_bits++ = absmax(x + from, MIN(block, n - from));
}

static void absmax_halves(const uint16_t *h, size_t n, size_t block, uint16_t *ret_bits)
{
    for (size_t from = 0; from < n; from += block) {
        uint16_t most = 0;
        for (size_t i = from; i < MIN(from + block, n); i++)
            most = MAX(most, (uint16_t)(h[i] & KERNEL_HALF_MAGNITUDE));
        *ret_bits++ = most;
    }
}

static void absmax_columns(const float *x, size_t rows, size_t columns, uint32_t *io_bits)
{
    for (size_t row = 0; row < rows; row++, x += columns)
        for (size_t i = 0; i < columns; i++)
            io_bits[i] = MAX(io_bits[i], magnitude(x[i]));
}

void scalar_range(const float *x, size_t n, struct kernel_range *io_range)
{
    for (size_t i = 0; i < n; i++)
        range_one(x[i], io_range);
    range_fold(io_range);
}

void scalar_range_columns(const float *x, size_t rows, size_t columns, float *io_low,
                          float *io_high)
{
    for (size_t row = 0; row < rows; row++, x += columns)
        for (size_t i = 0; i < columns; i++)
            range_fold_one(x[i], io_low + i, io_high + i);
}

static size_t uint8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t i = 0; i < n; i++)
        ret_q[i] = uint8_of(x[i], scale, zero, &clipped);
    return clipped;
}

static size_t uint8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                            const uint8_t *zero, uint8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns)
        for (size_t i = 0; i < columns; i++)
            ret_q[i] = uint8_of(x[i], scale[i], zero[i], &clipped);
    return clipped;
}

static size_t int8(const float *x, size_t n, float scale, int8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t i = 0; i < n; i++)
        ret_q[i] = int8_of(x[i], scale, &clipped);
    return clipped;
}

static size_t int8_columns(const float *x, size_t rows, size_t columns, const float *scale,
                           int8_t *ret_q)
{
    size_t clipped = 0;
    for (size_t row = 0; row < rows; row++, x += columns, ret_q += columns)
        for (size_t i = 0; i < columns; i++)
            ret_q[i] = int8_of(x[i], scale[i], &clipped);
    return clipped;
}

static void error_int8(const float *x, const int8_t *q, size_t n, float scale,
                       struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    for (size_t i = 0; i < n; i++) {
        lanes_add(&lanes, i, x[i], (float)q[i] * scale);
        io_error->zeros += q[i] == 0;
    }
    lanes_fold(&lanes, io_error);
}

static void error_int8_columns(const float *x, const int8_t *q, size_t rows, size_t columns,
                               const float *scale, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    for (size_t row = 0; row < rows; row++, x += columns, q += columns)
        for (size_t i = 0; i < columns; i++) {
            lanes_add(&lanes, i, x[i], (float)q[i] * scale[i]);
            io_error->zeros += q[i] == 0;
        }
    lanes_fold(&lanes, io_error);
}

static void int4_column(const float *x, size_t rows, size_t column, bool symmetric,
                        struct kernel_int4 *block)
{
    struct int4_span span = INT4_SPAN_EMPTY;
    for (size_t row = 0; row < rows; row++)
        int4_span_add(&span, x[LANES * row + column]);
    int4_scale(&span, symmetric, &block->scale[column], &block->zero[column]);
}

static size_t int4(const float *x, size_t rows, size_t columns, bool symmetric, bool apart,
                   struct kernel_int4 *ret_block, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    size_t clipped = 0;
    for (size_t column = 0; column < LANES; column++) {
        int4_column(x, rows, column, symmetric, ret_block);
        float scale = ret_block->scale[column], zero = ret_block->zero[column];
        float reciprocal = int4_reciprocal(scale);
        uint8_t *bytes = ret_block->q[column];
        memset(bytes, 0, (rows + 7) / 8 * 4);
        for (size_t row = 0; row < rows; row++) {
            float v = x[LANES * row + column], alone = v * reciprocal, turned = alone + zero;
            int q = apart ? int4_round_apart(alone, ret_block->zero[column]) : int4_round(turned);
            bytes[row / 2] |= (uint8_t)(q << 4 * (row % 2));
            if (column >= columns)
                continue;
            float y = ((float)q - zero) * scale;
            clipped += !(turned > -0.5f && turned < 15.5f);
            io_error->zeros += y == 0.0f;
            lanes_add(&lanes, column, v, y);
        }
    }
    lanes_fold(&lanes, io_error);
    return clipped;
}

size_t scalar_int4_row(const float *x, size_t n, bool symmetric, uint8_t *ret_q, float *ret_scale,
                       uint8_t *ret_zero, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    float low = x[0], high = x[0];
    for (size_t i = 1; i < n; i++)
        range_fold_one(x[i], &low, &high);
    int4_row_scale(low, high, x[n - 1], symmetric, ret_scale, ret_zero);
    size_t clipped =
        int4_row_rest(x, 0, n, symmetric, *ret_scale, *ret_zero, ret_q, &lanes, &io_error->zeros);
    lanes_fold(&lanes, io_error);
    return clipped;
}

static void float4(const float *x, size_t n, size_t block, enum kernel_float4 type,
                   const float *scales, uint8_t *ret_q, float *ret_absmax,
                   struct kernel_error *io_error)
{
    const struct float4_table *table = float4_table(type);
    struct lanes lanes = { 0 };
    for (size_t from = 0; from < n; from += block) {
        size_t count = MIN(block, n - from);
        float most = *ret_absmax++ = float4_absmax(absmax(x + from, count));
        float4_rest(x + from, 0, count, most, scales ? scales[from / block] : most, table,
                    ret_q + from / 2, &lanes, &io_error->zeros);
    }
    lanes_fold(&lanes, io_error);
}

static void linear8(const float *x, size_t n, float absmax, int8_t *ret_q,
                    struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    linear8_rest(x, 0, n, absmax, ret_q, &lanes, &io_error->zeros);
    lanes_fold(&lanes, io_error);
}

static void to_fp16(const float *x, size_t n, uint16_t *ret_h)
{
    for (size_t i = 0; i < n; i++)
        ret_h[i] = fp16_of(x[i]);
}

static void of_fp16(const uint16_t *h, size_t n, float *ret_x)
{
    for (size_t i = 0; i < n; i++)
        ret_x[i] = float_of(h[i]);
}

static void to_bf16(const float *x, size_t n, uint16_t *ret_h)
{
    for (size_t i = 0; i < n; i++)
        ret_h[i] = bf16_of(x[i]);
}

static void of_bf16(const uint16_t *h, size_t n, float *ret_x)
{
    for (size_t i = 0; i < n; i++)
        ret_x[i] = float_of_bf16(h[i]);
}

static void error_float(const float *x, const float *y, size_t n, struct kernel_error *io_error)
{
    struct lanes lanes = { 0 };
    for (size_t i = 0; i < n; i++) {
        lanes_add(&lanes, i, x[i], y[i]);
        io_error->zeros += y[i] == 0.0f;
    }
    lanes_fold(&lanes, io_error);
}

void count_high(const float *x, size_t n, uint64_t io_bins[KERNEL_HIGH_BINS])
{
    for (size_t i = 0; i < n; i++)
        io_bins[magnitude(x[i]) >> KERNEL_LOW_BITS]++;
}

void count_low(const float *x, size_t n, uint32_t high, uint64_t io_bins[KERNEL_LOW_BINS])
{
    for (size_t i = 0; i < n; i++) {
        uint32_t m = magnitude(x[i]);
        if (m >> KERNEL_LOW_BITS == high)
            io_bins[m & (KERNEL_LOW_BINS - 1)]++;
    }
}

void scalar_prune(float *x, size_t n, struct kernel_cut *io_cut)
{
    for (size_t i = 0; i < n; i++)
        prune_one(x + i, io_cut);
}

const struct kernel *kernel_scalar(void)
{
    static const struct kernel table = {
        .name = "scalar",
        .absmax = absmax,
        .absmax_columns = absmax_columns,
        .absmax_blocks = absmax_blocks,
        .absmax_halves = absmax_halves,
        .range = scalar_range,
        .range_columns = scalar_range_columns,
        .uint8 = uint8,
        .uint8_columns = uint8_columns,
        .int8 = int8,
        .int8_columns = int8_columns,
        .error_int8 = error_int8,
        .error_int8_columns = error_int8_columns,
        .int4 = int4,
        .int4_row = scalar_int4_row,
        .float4 = float4,
        .linear8 = linear8,
        .to_fp16 = to_fp16,
        .of_fp16 = of_fp16,
        .to_bf16 = to_bf16,
        .of_bf16 = of_bf16,
        .error = error_float,
        .count_high = count_high,
        .count_low = count_low,
        .prune = scalar_prune,
    };
    return &table;
}
