/* SPDX-License-Identifier: MIT */
/*
 * GB/s of float32 input for one core, of each table's hot functions: "table function GB/s". The
 * input stays in the cache, as it does in the engine. Figures only; bars.py has the bar.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel/kernel.h"

enum { COLUMNS = 1024, ROWS = 16, COUNT = COLUMNS * ROWS, ROUNDS = 25, REPEAT = 20 };

struct data {
    float x[COUNT], y[COUNT], scale[COLUMNS];
    int8_t q[COUNT];
    uint16_t h[COUNT];
    uint8_t zero[COLUMNS];
    uint32_t bits[COLUMNS];
    float absmax[COUNT / 64];
    struct kernel_int4 block;
    struct kernel_error error;
};

static void absmax(const struct kernel *k, struct data *d)
{
    d->bits[0] = k->absmax(d->x, COUNT);
}

static void absmax_columns(const struct kernel *k, struct data *d)
{
    k->absmax_columns(d->x, ROWS, COLUMNS, d->bits);
}

/* Quantized and measured, as the engine does it. */
static void int8(const struct kernel *k, struct data *d)
{
    k->int8(d->x, COUNT, 0.01f, d->q);
    k->error_int8(d->x, d->q, COUNT, 0.01f, &d->error);
}

static void int8_columns(const struct kernel *k, struct data *d)
{
    k->int8_columns(d->x, ROWS, COLUMNS, d->scale, d->q);
    k->error_int8_columns(d->x, d->q, ROWS, COLUMNS, d->scale, &d->error);
}

static void uint8(const struct kernel *k, struct data *d)
{
    k->uint8(d->x, COUNT, 0.01f, 128, (uint8_t *)d->q);
}

static void uint8_columns(const struct kernel *k, struct data *d)
{
    k->uint8_columns(d->x, ROWS, COLUMNS, d->scale, d->zero, (uint8_t *)d->q);
}

static void error(const struct kernel *k, struct data *d)
{
    k->error(d->x, d->y, COUNT, &d->error);
}

static void int4(const struct kernel *k, struct data *d)
{
    for (size_t at = 0; at < COUNT; at += 32 * KERNEL_INT4_COLUMNS)
        k->int4(d->x + at, 32, KERNEL_INT4_COLUMNS, true, false, &d->block, &d->error);
}

static void nf4(const struct kernel *k, struct data *d)
{
    k->float4(d->x, COUNT, 64, KERNEL_NF4, NULL, (uint8_t *)d->q, d->absmax, &d->error);
}

static void linear8(const struct kernel *k, struct data *d)
{
    k->linear8(d->x, COUNT, 1.0f, d->q, &d->error);
}

static void to_fp16(const struct kernel *k, struct data *d)
{
    k->to_fp16(d->x, COUNT, d->h);
}

static void of_fp16(const struct kernel *k, struct data *d)
{
    k->of_fp16(d->h, COUNT, d->y);
}

static void to_bf16(const struct kernel *k, struct data *d)
{
    k->to_bf16(d->x, COUNT, d->h);
}

static void of_bf16(const struct kernel *k, struct data *d)
{
    k->of_bf16(d->h, COUNT, d->y);
}

static const struct {
    const char *name;
    void (*run)(const struct kernel *k, struct data *d);
} functions[] = {
    { "absmax", absmax },   { "absmax_columns", absmax_columns },
    { "int8", int8 },       { "int8_columns", int8_columns },
    { "uint8", uint8 },     { "uint8_columns", uint8_columns },
    { "error", error },     { "int4", int4 },
    { "nf4", nf4 },         { "linear8", linear8 },
    { "to_fp16", to_fp16 }, { "of_fp16", of_fp16 },
    { "to_bf16", to_bf16 }, { "of_bf16", of_bf16 },
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill(struct data *d)
{
    uint32_t state = 4;
    for (size_t i = 0; i < COUNT; i++) {
        state = state * 1664525 + 1013904223;
        d->x[i] = (float)(int32_t)state * 0x1p-31f;
        d->y[i] = d->x[i] * 0.99f;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        d->scale[i] = 0.01f + 1e-6f * (float)i;
        d->zero[i] = 128;
    }
    kernel_scalar()->to_fp16(d->x, COUNT, d->h);
}

int main(void)
{
    const struct kernel *tables[KERNEL_TABLES_MAX];
    size_t count = kernel_tables(tables);
    struct data *d = malloc(sizeof(*d));
    if (!d)
        return 1;
    fill(d);
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < ARRAY_SIZE(functions); f++) {
            double best = 1e9;
            for (int round = 0; round < ROUNDS; round++) {
                double start = seconds();
                for (int again = 0; again < REPEAT; again++)
                    functions[f].run(tables[i], d);
                best = MIN(best, seconds() - start);
            }
            printf("%s %s %.2f\n", tables[i]->name, functions[f].name,
                   REPEAT * sizeof(d->x) / best / 1e9);
        }
    free(d);
    return 0;
}
