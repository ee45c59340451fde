/* SPDX-License-Identifier: MIT */
#include "engine/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

uint64_t prune_count(double amount, uint64_t element_count)
{
    /* nearbyint in the default rounding mode is Python's round(). */
    uint64_t k = (uint64_t)nearbyint(amount * (double)element_count);
    return MIN(k, element_count);
}

/* The bin that holds the k-th element, counted from 1; what lies before it is taken off k. */
static uint32_t bin_of(const uint64_t *bins, uint32_t count, uint64_t *io_k)
{
    uint32_t bin = 0;
    while (bin + 1 < count && bins[bin] < *io_k)
        *io_k -= bins[bin++];
    return bin;
}

struct kernel_cut prune_cut(const struct kernel *kernel, const float *x, size_t n, uint64_t k,
                            struct prune_bins *bins)
{
    if (k == 0)
        return (struct kernel_cut){ 0, 0 };
    memset(bins, 0, sizeof(*bins));
    kernel->count_high(x, n, bins->high);
    uint32_t high = bin_of(bins->high, KERNEL_HIGH_BINS, &k);
    kernel->count_low(x, n, high, bins->low);
    uint32_t low = bin_of(bins->low, KERNEL_LOW_BINS, &k);
    return (struct kernel_cut){ .threshold = high << KERNEL_LOW_BITS | low, .ties = k };
}

bool prune_values(const struct kernel *kernel, float *x, size_t n, double amount,
                  struct pare_error *err)
{
    struct prune_bins *bins = malloc(sizeof(*bins));
    if (!bins)
        return error_no_memory(err, sizeof(*bins));
    struct kernel_cut cut = prune_cut(kernel, x, n, prune_count(amount, n), bins);
    kernel->prune(x, n, &cut);
    free(bins);
    return true;
}
