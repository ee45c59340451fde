/* SPDX-License-Identifier: MIT */
#include "engine/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/format.h"

/* Of successive inputs, in 2:4. */
enum { GROUP = 4, GROUP_GOES = 2 };

uint64_t prune_count(double amount, uint64_t element_count)
{
    /* nearbyint in the default rounding mode is Python's round(). */
    uint64_t k = (uint64_t)nearbyint(amount * (double)element_count);
    return MIN(k, element_count);
}

/* ---- what fits ---- */

/* The dimension along which a weight is summed, or -1: not known. */
static int input_axis(const struct tensor *t)
{
    const char *op = t->shown.op;
    int rank = t->shown.rank, axis = t->channel_axis;
    if (rank == 2)
        return axis < 0 ? -1 : 1 - axis;
    if (!strcmp(op, "Conv"))
        return t->alone || axis == 0 ? 1 : -1;
    if (!strcmp(op, "ConvTranspose"))
        return axis == 1 ? 0 : -1;
    if (!strcmp(op, "MatMul") && axis >= rank - 2)
        return axis == rank - 1 ? rank - 2 : rank - 1;
    return -1;
}

static const char *fit_ln(const struct step *step, const struct tensor *t,
                          struct pruning *io_pruning)
{
    int rank = t->shown.rank, dim = step->dim < 0 ? step->dim + rank : step->dim;
    if (dim < 0 || dim >= rank)
        return "it has no dimension of that number, which ln wants";
    io_pruning->layout = int8_layout(&t->shown, dim);
    io_pruning->norm = step->norm;
    io_pruning->count =
        step->count ? step->count : prune_count(step->amount, io_pruning->layout.channels);
    return NULL;
}

static const char *fit_2_4(const struct tensor *t, struct pruning *io_pruning)
{
    int axis = input_axis(t);
    if (axis < 0)
        return "along which dimension it is summed is not known, which 2:4 wants";
    if (t->shown.dims[axis] % GROUP)
        return "the number of its inputs is no multiple of 4, which 2:4 wants";
    io_pruning->layout = int8_layout(&t->shown, axis);
    io_pruning->count = (uint64_t)t->shown.element_count / GROUP * GROUP_GOES;
    return NULL;
}

/* The next of a stream of numbers: SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *io_state)
{
    uint64_t z = *io_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Each tensor has a stream of its own, whatever else is in the model: FNV-1a of its name. */
static uint64_t seed_of(uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return next_random(&seed) ^ hash;
}

const char *prune_fit(const struct step *step, const struct tensor *t, struct pruning *ret_pruning)
{
    uint64_t n = (uint64_t)t->shown.element_count;
    struct pruning pruning = { .method = step->method,
                               .count = step->count ? step->count : prune_count(step->amount, n),
                               .seed = seed_of(step->seed, t->shown.name) };
    const char *why = step->method == METHOD_LN    ? fit_ln(step, t, &pruning)
                      : step->method == METHOD_2_4 ? fit_2_4(t, &pruning)
                                                   : NULL;
    if (!why && pruning.count == 0 && step->method != METHOD_GLOBAL_L1)
        why = "the amount takes none of its elements";
    if (!why)
        *ret_pruning = pruning;
    return why;
}

/* ---- a cut among magnitudes ---- */

uint32_t prune_bin(const uint64_t *bins, uint32_t count, uint64_t *io_k)
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
    uint32_t high = prune_bin(bins->high, KERNEL_HIGH_BINS, &k);
    kernel->count_low(x, n, high, bins->low);
    uint32_t low = prune_bin(bins->low, KERNEL_LOW_BINS, &k);
    return (struct kernel_cut){ .threshold = high << KERNEL_LOW_BITS | low, .ties = k };
}

static bool find_cut(struct pruner *p, const float *x, size_t n, struct pare_error *err)
{
    struct prune_bins *bins = malloc(sizeof(*bins));
    if (!bins)
        return error_no_memory(err, sizeof(*bins));
    p->cut = prune_cut(p->kernel, x, n, p->pruning->count, bins);
    free(bins);
    return true;
}

/* ---- channels by norm ---- */

struct channel_norm {
    double norm; /* of 2 its square, which has the same order */
    size_t channel;
};

static int by_norm(const void *left, const void *right)
{
    const struct channel_norm *a = left, *b = right;
    if (a->norm != b->norm)
        return a->norm < b->norm ? -1 : 1;
    return (a->channel > b->channel) - (a->channel < b->channel);
}

static void add_norms(const struct pruning *pruning, const float *x, struct channel_norm *norms)
{
    struct int8_layout layout = pruning->layout;
    for (size_t outer = 0; outer < layout.outer; outer++)
        for (size_t c = 0; c < layout.channels; c++, x += layout.inner) {
            double sum = norms[c].norm;
            for (size_t i = 0; i < layout.inner; i++) {
                double wide = (double)x[i];
                sum += pruning->norm == 1 ? fabs(wide) : wide * wide;
            }
            norms[c].norm = sum;
        }
}

static bool find_channels(struct pruner *p, const float *x, struct pare_error *err)
{
    size_t channels = p->pruning->layout.channels;
    struct channel_norm *norms = calloc(channels + 1, sizeof(*norms));
    p->channel = calloc(channels + 1, 1);
    if (!norms || !p->channel) {
        free(norms);
        return error_no_memory(err, channels * sizeof(*norms));
    }
    for (size_t c = 0; c < channels; c++)
        norms[c].channel = c;
    add_norms(p->pruning, x, norms);
    qsort(norms, channels, sizeof(*norms), by_norm);
    for (size_t i = 0; i < p->pruning->count; i++)
        p->channel[norms[i].channel] = 1;
    free(norms);
    return true;
}

/* ---- element by element ---- */

/* All of them, or none, without a branch: half of a tensor goes by lot. Signs stay. */
static void zero_if(float *x, bool goes)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof(bits));
    bits &= ~KERNEL_MAGNITUDE | ((uint32_t)goes - 1);
    memcpy(x, &bits, sizeof(bits));
}

/* So that every choice of the whole is as likely: Knuth's algorithm S. */
static void apply_lot(struct pruner *p, float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double part = (double)(next_random(&p->state) >> 11) * 0x1p-53;
        bool goes = part * (double)p->rest < (double)p->to_go;
        p->rest--;
        p->to_go -= goes;
        zero_if(x + i, goes);
    }
}

/*
 * Whether two of the element's four stay above it, itself being number `place` of them. Those
 * that have gone before it are zero, which keeps their place below.
 */
static bool goes_of_four(const float *x, size_t place, size_t stride)
{
    const float *first = x - place * stride;
    float own = fabsf(*x);
    size_t below = 0;
    for (size_t i = 0; i < GROUP; i++) {
        float other = fabsf(first[i * stride]);
        below += (other < own) | ((other == own) & (i < place));
    }
    return below < GROUP_GOES;
}

/* In runs that lie in one channel of ln, or at one place of the groups of 2:4. */
static void apply_runs(const struct pruner *p, float *x, size_t start, size_t count)
{
    size_t inner = p->pruning->layout.inner, left = inner - start % inner;
    size_t channels = p->channel ? p->pruning->layout.channels : GROUP;
    size_t channel = start / inner % channels;
    for (size_t at = start, end = start + count; at < end; at += left, left = inner) {
        left = MIN(left, end - at);
        for (size_t i = at; i < at + left; i++)
            zero_if(x + i, p->channel ? p->channel[channel] : goes_of_four(x + i, channel, inner));
        channel = channel + 1 == channels ? 0 : channel + 1;
    }
}

bool pruner_init(struct pruner *pruner, const struct pruning *pruning, const struct kernel *kernel,
                 const float *x, size_t n, struct pare_error *err)
{
    *pruner = (struct pruner){ .pruning = pruning,
                               .kernel = kernel,
                               .cut = pruning->cut,
                               .state = pruning->seed,
                               .rest = n,
                               .to_go = pruning->count };
    bool ok = true;
    if (pruning->method == METHOD_L1)
        ok = find_cut(pruner, x, n, err);
    else if (pruning->method == METHOD_LN)
        ok = find_channels(pruner, x, err);
    if (!ok)
        pruner_done(pruner);
    return ok;
}

void pruner_apply(struct pruner *pruner, float *x, size_t start, size_t count)
{
    enum prune_method method = pruner->pruning->method;
    if (method == METHOD_L1 || method == METHOD_GLOBAL_L1)
        pruner->kernel->prune(x + start, count, &pruner->cut);
    else if (method == METHOD_RANDOM)
        apply_lot(pruner, x + start, count);
    else
        apply_runs(pruner, x, start, count);
}

void pruner_done(struct pruner *pruner)
{
    free(pruner->channel);
    pruner->channel = NULL;
}

bool prune_values(const struct kernel *kernel, float *x, size_t n, const struct pruning *pruning,
                  struct pare_error *err)
{
    struct pruner pruner;
    if (!pruner_init(&pruner, pruning, kernel, x, n, err))
        return false;
    pruner_apply(&pruner, x, 0, n);
    pruner_done(&pruner);
    return true;
}
