/* SPDX-License-Identifier: MIT */
/*
 * Unstructured pruning: exactly so many elements of a tensor become zero, or of ln so many of its
 * channels; the tensor keeps its shape.
 *
 * The rules are those of torch.nn.utils.prune, with its choice among ties made definite: the
 * lowest index goes first. As mask * x does there, a pruned negative becomes -0. A cut among
 * magnitudes is found by counting them twice, in memory that does not grow with the tensor, and
 * not by sorting.
 */
#ifndef PARE_ENGINE_PRUNE_H
#define PARE_ENGINE_PRUNE_H

#include "base/base.h"
#include "engine/int8.h"
#include "engine/recipe.h"
#include "kernel/kernel.h"

struct pare_error;
struct tensor;

/* Room for counting. */
struct prune_bins {
    uint64_t high[KERNEL_HIGH_BINS], low[KERNEL_LOW_BINS];
};

/* Python's round(amount * n). */
uint64_t prune_count(double amount, uint64_t element_count);

/*
 * The bin that holds the k-th element, counted from 1; what lies before it is taken off *io_k.
 */
uint32_t prune_bin(const uint64_t *bins, uint32_t count, uint64_t *io_k);

/* Where the cut is that takes exactly k of x's n elements. */
struct kernel_cut prune_cut(const struct kernel *kernel, const float *x, size_t n, uint64_t k,
                            struct prune_bins *bins);

/* What happens to one tensor. */
struct pruning {
    enum prune_method method;
    uint64_t count;            /* of elements that become zero; of ln of channels */
    struct int8_layout layout; /* of ln around its dimension, of 2:4 around that of the inputs */
    int norm;                  /* of ln */
    uint64_t seed;             /* of random: this tensor's own */
    struct kernel_cut cut;     /* of global-l1: found beforehand, in all tensors */
};

/* Why the step's method does not fit the tensor; or NULL and the pruning, of global-l1 without cut. */
const char *prune_fit(const struct step *step, const struct tensor *t, struct pruning *ret_pruning);

/* A tensor while it is pruned, front to back. */
struct pruner {
    const struct pruning *pruning;
    const struct kernel *kernel;
    struct kernel_cut cut;  /* of the two l1 */
    uint64_t state;         /* of random: the generator's, */
    uint64_t rest, to_go;   /* elements that come yet, and how many of those go */
    unsigned char *channel; /* of ln: 1 for those that go; owned */
};

/* Look at all n elements of x, as the method wants it. The pruning must outlive the pruner. */
MUST_CHECK bool pruner_init(struct pruner *pruner, const struct pruning *pruning,
                            const struct kernel *kernel, const float *x, size_t n,
                            struct pare_error *err);

/* Elements [start, start + count) of the whole tensor x; each once, in order. */
void pruner_apply(struct pruner *pruner, float *x, size_t start, size_t count);

void pruner_done(struct pruner *pruner);

/* All of a tensor at once, in place. */
MUST_CHECK bool prune_values(const struct kernel *kernel, float *x, size_t n,
                             const struct pruning *pruning, struct pare_error *err);

#endif
