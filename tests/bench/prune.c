/* SPDX-License-Identifier: MIT */
/*
 * Milliseconds of one core to prune half of a 4096 x 4096 float32 in memory, the median of five:
 * "method ms". Figures only; bars.py has the bar.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "engine/prune.h"

enum { SIDE = 4096, COUNT = SIDE * SIDE, ROUNDS = 5 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A uniform number above 0, to 1. */
static double next(uint64_t *io_state)
{
    *io_state = *io_state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(*io_state >> 11) + 1) * 0x1p-53;
}

static void fill(float *x)
{
    uint64_t state = 4;
    for (size_t i = 0; i < COUNT; i++) {
        double radius = sqrt(-2 * log(next(&state)));
        x[i] = (float)(0.02 * radius * cos(6.283185307179586 * next(&state)));
    }
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static bool measure(const char *name, const struct pruning *pruning, const float *x, float *y)
{
    double took[ROUNDS];
    struct pare_error err;
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(y, x, COUNT * sizeof(*y));
        double start = seconds();
        if (!prune_values(kernel_best(), y, COUNT, pruning, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return false;
        }
        took[round] = seconds() - start;
    }
    qsort(took, ROUNDS, sizeof(*took), by_size);
    printf("%s %.1f\n", name, 1e3 * took[ROUNDS / 2]);
    return true;
}

int main(void)
{
    const struct int8_layout rows = { 1, SIDE, SIDE }, columns = { SIDE, SIDE, 1 };
    const struct pruning l1 = { .method = METHOD_L1, .count = COUNT / 2 };
    const struct pruning lot = { .method = METHOD_RANDOM, .count = COUNT / 2, .seed = 1 };
    const struct pruning ln = { .method = METHOD_LN, .count = SIDE / 2, .layout = rows, .norm = 2 };
    const struct pruning fours = { .method = METHOD_2_4, .layout = columns };
    float *x = malloc(COUNT * sizeof(*x)), *y = malloc(COUNT * sizeof(*y));
    bool ok = x && y;
    if (ok)
        fill(x);
    ok = ok && measure("l1", &l1, x, y) && measure("random", &lot, x, y) &&
         measure("ln", &ln, x, y) && measure("2:4", &fours, x, y);
    free(x);
    free(y);
    return !ok;
}
