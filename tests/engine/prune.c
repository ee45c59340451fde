/* SPDX-License-Identifier: MIT */
/* l1 pruning against sorting: exactly k, the smallest, ties lowest index first. */
#include "engine/prune.h"

#include <math.h>
#include <stdlib.h>

#include "tap.h"

enum { COUNT = 5000 };

static float x[COUNT], want[COUNT];
static size_t order[COUNT];
static struct prune_bins bins;

static int by_magnitude(const void *left, const void *right)
{
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    float m = fabsf(want[a]), n = fabsf(want[b]);
    if (m != n)
        return m < n ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* Prune by the engine and by sorting; equal to the byte? */
static bool same_as_sorting(size_t n, uint64_t k)
{
    struct kernel_cut cut = prune_cut(kernel_best(), x, n, k, &bins);
    memcpy(want, x, n * sizeof(*x));
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    qsort(order, n, sizeof(*order), by_magnitude);
    for (uint64_t i = 0; i < k; i++)
        want[order[i]] = copysignf(0.0f, want[order[i]]);
    kernel_best()->prune(x, n, &cut);
    return !memcmp(x, want, n * sizeof(*x)) && (k == 0 || cut.ties == 0);
}

static void fill(size_t n, uint32_t distinct)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)i * 2654435761u;
        x[i] = ((float)(bits % distinct) - (float)(distinct / 2)) / 7.0f;
    }
}

static void every_amount_is_exact(void)
{
    bool ok = true;
    for (uint64_t k = 0; k <= 60; k++) {
        fill(60, 100000);
        ok = ok && same_as_sorting(60, k);
    }
    OK(ok, "of 60 elements each count from 0 to 60");
    ok = true;
    for (uint64_t k = 0; k <= COUNT; k += 97) {
        fill(COUNT, 1u << 30);
        ok = ok && same_as_sorting(COUNT, k);
    }
    OK(ok, "of 5000 without ties");
    ok = true;
    for (uint64_t k = 0; k <= COUNT; k += 97) {
        fill(COUNT, 9);
        ok = ok && same_as_sorting(COUNT, k);
    }
    OK(ok, "of 5000 with thousands of ties, lowest index first");
}

static void denormals_and_zeros_count(void)
{
    static const float odd[6] = { -0.0f, 1e-45f, -1e-45f, 0.0f, 1e-40f, -3.4e38f };
    bool ok = true;
    for (uint64_t k = 0; k <= 6; k++) {
        memcpy(x, odd, sizeof(odd));
        ok = ok && same_as_sorting(6, k);
    }
    OK(ok, "zeros go first, then denormals by size");
}

static void counts_round_half_to_even(void)
{
    OK(prune_count(0.5, 5) == 2 && prune_count(0.5, 7) == 4, "0.5 of 5 is 2, of 7 is 4");
    OK(prune_count(0, 9) == 0 && prune_count(1, 9) == 9, "0 takes none and 1 takes all");
    OK(prune_count(0.3, 10) == 3 && prune_count(0.35, 20) == 7, "products as doubles have them");
}

int main(void)
{
    every_amount_is_exact();
    denormals_and_zeros_count();
    counts_round_half_to_even();
    return tap_done();
}
