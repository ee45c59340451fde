/* SPDX-License-Identifier: MIT */
/*
 * Every table of kernels against the scalar one, byte for byte and sum for sum, on 10^8 values:
 * floats of any bits, ties between two numbers, denormals and extremes. kernels COUNT does fewer.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "kernel/kernel.h"
#include "tap.h"

enum { BLOCK = 64 * 1024, COLUMNS_MAX = 512, SHIFT_MAX = 16, FUNCTIONS = 19 };

static const char *const names[FUNCTIONS] = {
    "absmax",
    "absmax_columns",
    "range",
    "range_columns",
    "int8",
    "int8_columns",
    "uint8",
    "uint8_columns",
    "error",
    "error_int8",
    "error_int8_columns",
    "int4",
    "int4_row",
    "float4",
    "fp16",
    "bf16",
    "prune",
    "blocks",
    "linear8",
};

/* The same values for all tables, from an address that is aligned to nothing. */
struct input {
    float room[BLOCK + SHIFT_MAX], quarter[BLOCK];
    const float *x;
    size_t n, rows, columns; /* rows * columns <= n */
    float scale[COLUMNS_MAX];
    uint8_t zero[COLUMNS_MAX];
    uint32_t draw;
};

/* All that one function gives; compared as bytes, so what it leaves alone is 0. */
struct result {
    uint64_t counts[4];
    struct kernel_error error;
    float floats[BLOCK];
    uint8_t bytes[2 * BLOCK];
    struct kernel_int4 block;
};

static uint64_t random_state = 20260101;

static uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static float random_float(float scale)
{
    static const float extremes[] = { 0.0f,         -0.0f,         FLT_MAX,  -FLT_MAX,
                                      FLT_MIN,      -FLT_MIN,      65504.0f, 65520.0f,
                                      FLT_TRUE_MIN, -FLT_TRUE_MIN, 0x1p-25f, 0x1.fffffep-15f };
    uint32_t bits = random_bits(), kind = random_bits() % 16;
    if (kind == 0)
        return extremes[bits % ARRAY_SIZE(extremes)];
    if (kind == 1)
        bits &= 0x807fffffu; /* a denormal */
    if (kind < 8) {
        float x;
        memcpy(&x, &bits, sizeof(x));
        return isfinite(x) ? x : 1.0f;
    }
    if (kind < 12) /* a tie, or next to one */
        return ((float)(bits % 600) - 299.5f) * scale;
    return ((float)(int32_t)bits * 0x1p-24f) * scale;
}

static void draw_input(struct input *in)
{
    size_t shift = random_bits() % SHIFT_MAX;
    in->draw = random_bits();
    in->n = BLOCK - in->draw % 64;
    in->columns = 1 + random_bits() % COLUMNS_MAX;
    in->rows = in->n / in->columns;
    in->x = in->room + shift;
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        in->scale[i] = ldexpf((float)(random_bits() % 65535 + 1) * 0x1p-16f,
                              i % 8 ? 0 : (int)(random_bits() % 200) - 100);
        in->zero[i] = (uint8_t)random_bits();
    }
    for (size_t i = 0; i < in->n; i++) {
        in->room[shift + i] = random_float(in->scale[i % in->columns]);
        in->quarter[i] = in->x[i] * 0.25f;
    }
}

/* ---- one function each ---- */

static void run_ranges(const struct kernel *k, const struct input *in, int function,
                       struct result *to)
{
    uint32_t *bits = (uint32_t *)to->floats;
    struct kernel_range range = KERNEL_RANGE_EMPTY;
    switch (function) {
    case 0:
        to->counts[0] = k->absmax(in->x, in->n);
        break;
    case 1:
        k->absmax_columns(in->x, in->rows, in->columns, bits);
        break;
    case 2:
        k->range(in->x, in->n, &range);
        to->counts[0] = range.zeros;
        to->counts[1] = range.not_finite;
        to->floats[0] = range.low;
        to->floats[1] = range.high;
        break;
    default:
        k->range_columns(in->x, in->rows, in->columns, to->floats, to->floats + COLUMNS_MAX);
    }
}

static void run_integers(const struct kernel *k, const struct input *in, int function,
                         struct result *to)
{
    int8_t *q = (int8_t *)to->bytes;
    size_t rows = in->rows, columns = in->columns;
    switch (function) {
    case 4:
        to->counts[0] = k->int8(in->x, in->n, in->scale[1], q);
        break;
    case 5:
        to->counts[0] = k->int8_columns(in->x, rows, columns, in->scale, q);
        break;
    case 6:
        to->counts[0] = k->uint8(in->x, in->n, in->scale[1], in->zero[0], to->bytes);
        break;
    case 7:
        to->counts[0] = k->uint8_columns(in->x, rows, columns, in->scale, in->zero, to->bytes);
        break;
    case 8:
        k->error(in->x, in->quarter, in->n, &to->error);
        break;
    case 9:
        kernel_scalar()->int8(in->x, in->n, in->scale[1], q);
        k->error_int8(in->x, q, in->n, in->scale[1], &to->error);
        break;
    default:
        kernel_scalar()->int8_columns(in->x, rows, columns, in->scale, q);
        k->error_int8_columns(in->x, q, rows, columns, in->scale, &to->error);
    }
}

/* Blocks of any height and width; their bytes are summed up in a way that knows the order. */
static void run_int4(const struct kernel *k, const struct input *in, struct result *to)
{
    bool symmetric = in->draw & 64, apart = in->draw & 128;
    size_t rows = 1 + in->draw / 256 % KERNEL_INT4_ROWS, step = rows * KERNEL_INT4_COLUMNS;
    const float *x = symmetric ? in->x : in->quarter;
    for (size_t at = 0; at + step <= in->n; at += step) {
        memset(&to->block, 0, sizeof(to->block));
        to->counts[0] += k->int4(x + at, rows, 1 + at / step % KERNEL_INT4_COLUMNS, symmetric,
                                 apart, &to->block, &to->error);
        const uint8_t *bytes = (const uint8_t *)&to->block;
        for (size_t i = 0; i < sizeof(to->block); i++)
            to->counts[1] = to->counts[1] * 31 + bytes[i];
    }
}

static void run_rows(const struct kernel *k, const struct input *in, struct result *to)
{
    bool symmetric = in->draw & 64;
    size_t step = 1 + in->draw / 256 % KERNEL_INT4_ROWS, count = 0;
    const float *x = symmetric ? in->x : in->quarter;
    for (size_t at = 0; at + step <= in->n; at += step, count++)
        to->counts[0] += k->int4_row(x + at, step, symmetric, to->bytes + at, &to->floats[count],
                                     &to->bytes[BLOCK + count], &to->error);
}

/* Blocks of any length, not only those that 4-bit floats have; halves of any bits, NaNs too. */
static void run_blocks(const struct kernel *k, const struct input *in, struct result *to)
{
    size_t block = 1 + in->draw / 256 % 300;
    const uint16_t *halves = (const uint16_t *)(const void *)in->room;
    k->absmax_blocks(in->x, in->n, block, (uint32_t *)to->floats);
    k->absmax_halves(halves + in->draw % 64, in->n, block, (uint16_t *)to->bytes);
}

static enum kernel_float4 drawn_type(const struct input *in)
{
    static const enum kernel_float4 types[] = { KERNEL_FP4, KERNEL_NF4, KERNEL_FP4_MEANS,
                                                KERNEL_NF4 };
    return types[in->draw / 64 % ARRAY_SIZE(types)];
}

static void run_floats(const struct kernel *k, const struct input *in, int function,
                       struct result *to)
{
    uint16_t *h = (uint16_t *)to->bytes;
    struct kernel_cut cut = { .threshold = 0x3f000000u + in->draw % 256, .ties = in->draw % 1000 };
    switch (function) {
    case 13:
        k->float4(in->x, in->n, (size_t)16 << in->draw / 256 % 5, drawn_type(in),
                  in->draw & 16 ? in->quarter : NULL, to->bytes, to->floats, &to->error);
        break;
    case 14:
        k->to_fp16(in->x, in->n, h);
        k->of_fp16(h, in->n, to->floats);
        break;
    case 15:
        k->to_bf16(in->x, in->n, h);
        k->of_bf16(h, in->n, to->floats);
        break;
    default:
        memcpy(to->floats, in->x, in->n * sizeof(*in->x));
        k->prune(to->floats, in->n, &cut);
        to->counts[0] = cut.ties;
    }
}

/* Rows of any length, their magnitudes float16 as the weights become; or a small one, which clips. */
static void run_linear8(const struct kernel *k, const struct input *in, struct result *to)
{
    size_t step = 1 + in->draw / 256 % 300;
    for (size_t at = 0; at + step <= in->n; at += step) {
        float most = fabsf(in->quarter[at]);
        uint16_t half;
        kernel_scalar()->to_fp16(&most, 1, &half);
        kernel_scalar()->of_fp16(&half, 1, &most);
        k->linear8(in->x + at, step, isinf(most) ? 65504.0f : most, (int8_t *)to->bytes + at,
                   &to->error);
    }
}

static void run(const struct kernel *k, const struct input *in, int function, struct result *to)
{
    memset(to, 0, sizeof(*to));
    if (function < 4)
        run_ranges(k, in, function, to);
    else if (function < 11)
        run_integers(k, in, function, to);
    else if (function == 11)
        run_int4(k, in, to);
    else if (function == 12)
        run_rows(k, in, to);
    else if (function < 17)
        run_floats(k, in, function, to);
    else if (function == 17)
        run_blocks(k, in, to);
    else
        run_linear8(k, in, to);
}

int main(int argc, char **argv)
{
    const struct kernel *tables[KERNEL_TABLES_MAX];
    size_t count = kernel_tables(tables),
           total = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000;
    struct input *in = malloc(sizeof(*in));
    struct result *want = malloc(sizeof(*want)), *got = malloc(sizeof(*got));
    bool same[KERNEL_TABLES_MAX][FUNCTIONS];
    if (!in || !want || !got)
        return 1;
    memset(same, true, sizeof(same));
    for (size_t done = 0; done < total; done += in->n) {
        draw_input(in);
        for (int function = 0; function < FUNCTIONS; function++) {
            run(tables[0], in, function, want);
            for (size_t i = 1; i < count; i++) {
                run(tables[i], in, function, got);
                same[i][function] = same[i][function] && !memcmp(want, got, sizeof(*want));
            }
        }
    }
    printf("# %zu values\n", total);
    for (size_t i = 1; i < count; i++)
        for (int function = 0; function < FUNCTIONS; function++) {
            printf("# %s %s\n", tables[i]->name, names[function]);
            OK(same[i][function], "the bytes and the sums of the scalar table");
        }
    free(in);
    free(want);
    free(got);
    return tap_done();
}
