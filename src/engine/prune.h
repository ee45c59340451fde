/* SPDX-License-Identifier: MIT */
/*
 * Unstructured l1 pruning: the k smallest magnitudes of a tensor become zero,
 * exactly k = round_half_even(amount * n), ties lowest index first.
 *
 * The rule is torch.nn.utils.prune.l1_unstructured's, with its choice among
 * ties made definite. As mask * x does there, a pruned negative becomes -0.
 * The cut is found by counting magnitudes twice, in memory that does not grow
 * with the tensor.
 */
#ifndef PARE_ENGINE_PRUNE_H
#define PARE_ENGINE_PRUNE_H

#include "base/base.h"
#include "kernel/kernel.h"

struct pare_error;

/* Room for counting. */
struct prune_bins {
    uint64_t high[KERNEL_HIGH_BINS], low[KERNEL_LOW_BINS];
};

uint64_t prune_count(double amount, uint64_t element_count);

/* Where the cut is that takes exactly k of x's n elements. */
struct kernel_cut prune_cut(const struct kernel *kernel, const float *x, size_t n, uint64_t k,
                            struct prune_bins *bins);

/* Set them to 0 in place. */
MUST_CHECK bool prune_values(const struct kernel *kernel, float *x, size_t n, double amount,
                             struct pare_error *err);

#endif
