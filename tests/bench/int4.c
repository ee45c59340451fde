/* SPDX-License-Identifier: MIT */
/* GB/s of float32 input for one core: int4 of one weight by each kernel. Figures only. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/int4.h"
#include "kernel/kernel.h"

enum { SIDE = 4096, ROUNDS = 9 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill(float *x, size_t n)
{
    uint32_t state = 4;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = (float)(int32_t)state * 0x1p-31f;
    }
}

static double once(const struct kernel *kernel, float *x, const struct int4_layout *l, uint8_t *q,
                   uint8_t *zeros)
{
    struct kernel_error error = { 0 };
    struct int4_counts counts = { 0 };
    struct int4_part part = { 0 };
    fill(x, (size_t)SIDE * SIDE);
    double start = seconds();
    while (int4_next(l, &part))
        int4_quantize(kernel, x, l, &part, q, l->symmetric ? NULL : zeros, &error, &counts);
    return seconds() - start;
}

int main(void)
{
    const struct kernel *kernels[] = { kernel_scalar(), kernel_best() };
    static const int blocks[] = { 32, 128 };
    float *x = malloc((size_t)SIDE * SIDE * sizeof(*x));
    uint8_t *q = malloc(INT4_ROOM), *zeros = malloc((size_t)SIDE * SIDE / 32);
    if (!x || !q || !zeros)
        return 1;
    for (int i = 0; i < 16; i++) {
        const struct pare_tensor shown = { .rank = 2, .dims = { SIDE, SIDE } };
        const struct change change = { .axis = i & 1,
                                       .block = blocks[i >> 1 & 1],
                                       .symmetric = i >> 2 & 1 };
        struct int4_layout l = int4_layout(&shown, &change);
        double best = 1e9;
        for (int round = 0; round < ROUNDS; round++)
            best = MIN(best, once(kernels[i >> 3], x, &l, q, zeros));
        printf("%-6s block %3d %-11s weight %s  %.2f GB/s\n", kernels[i >> 3]->name, change.block,
               change.symmetric ? "symmetric" : "zero points", i & 1 ? "(K, N)" : "(N, K)",
               4.0 * SIDE * SIDE / best / 1e9);
    }
    free(x);
    free(q);
    free(zeros);
    return 0;
}
