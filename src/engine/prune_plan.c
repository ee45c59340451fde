/* SPDX-License-Identifier: MIT */
#include "engine/prune_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/choice.h"
#include "engine/meter.h"
#include "engine/plan.h"
#include "engine/prune.h"
#include "engine/reading.h"
#include "kernel/kernel.h"

/* Elements that are read at a time. */
enum { LOOK_STEP = 16 * 1024 };

/* ---- one tensor ---- */

const char *prune_words(struct pare_plan *plan, const struct step *step)
{
    char amount[32], more[64] = "";
    text_number(step->amount, amount, sizeof(amount));
    if (step->count)
        snprintf(amount, sizeof(amount), "count %llu", (unsigned long long)step->count);
    if (step->method == METHOD_RANDOM)
        snprintf(more, sizeof(more), " seed %llu", (unsigned long long)step->seed);
    else if (step->method == METHOD_LN)
        snprintf(more, sizeof(more), " dim %d n %d", step->dim, step->norm);
    bool half = step->method == METHOD_2_4;
    return arena_printf(&plan->arena, "prune %s%s%s%s", step->choice->name, half ? "" : " ",
                        half ? "" : amount, more);
}

static bool check_count(const struct step *step, const struct tensor *t,
                        const struct pruning *pruning, struct pare_error *err)
{
    bool ln = step->method == METHOD_LN;
    uint64_t most = ln ? pruning->layout.channels : (uint64_t)t->shown.element_count;
    if (step->count <= most)
        return true;
    return error_set(err, PARE_ERR_USAGE,
                     "%.200s has %llu %s, and %llu are to go; give fewer, or a share from 0 to 1, "
                     "or leave it out with \"exclude\"",
                     t->shown.name, (unsigned long long)most, ln ? "channels" : "elements",
                     (unsigned long long)step->count);
}

/* Whether the step fits; the decision says why not. */
static bool fit(struct pare_plan *plan, size_t index, struct pare_error *err)
{
    const struct tensor *t = &plan->work->tensors[index];
    struct decision *d = &plan->decisions[index];
    const struct step *step = d->prune;
    if (t->weight)
        d->no_prune = prune_fit(step, t, &plan->prunings[index]);
    if (d->no_prune || !t->weight)
        d->prune = NULL;
    return !d->prune || step->method == METHOD_GLOBAL_L1 ||
           check_count(step, t, &plan->prunings[index], err);
}

/* ---- all tensors of a step ---- */

/* A pass over the tensors of a step. */
struct pass {
    struct pare_plan *plan;
    const struct step *step;
    struct meter *meter;
    struct prune_bins *bins, *own; /* of all tensors, and of one */
    uint64_t total;                /* elements of those that count */
    struct kernel_cut cut;
    uint64_t ties; /* elements at the cut */
};

typedef void look_fn(struct pass *pass, const float *x, size_t n);

static void look_high(struct pass *pass, const float *x, size_t n)
{
    kernel_best()->count_high(x, n, pass->own->high);
}

static void look_low(struct pass *pass, const float *x, size_t n)
{
    kernel_best()->count_low(x, n, pass->cut.threshold >> KERNEL_LOW_BITS, pass->own->low);
}

static bool look_at(struct pass *pass, const struct tensor *t, look_fn *look,
                    struct pare_error *err)
{
    float x[LOOK_STEP];
    uint16_t half[LOOK_STEP];
    size_t n = (size_t)t->shown.element_count;
    memset(pass->own, 0, sizeof(*pass->own));
    pass->meter->tensor = t->shown.name;
    pass->meter->total_bytes += t->shown.size_bytes;
    for (size_t at = 0, count; at < n; at += count) {
        count = MIN((size_t)LOOK_STEP, n - at);
        if (!reading_floats(pass->plan->work, t, at, count, half, x, err) ||
            !meter_add(pass->meter, (int64_t)(count * reading_element_bytes(t)), err))
            return false;
        look(pass, x, count);
    }
    return true;
}

static bool is_of(const struct pass *pass, size_t index)
{
    return pass->plan->decisions[index].prune == pass->step;
}

static void add_bins(const uint64_t *bins, size_t count, uint64_t *io_sum)
{
    for (size_t i = 0; i < count; i++)
        io_sum[i] += bins[i];
}

/* Count by high bits; what is not finite counts nowhere. */
static bool count_high_bits(struct pass *pass, struct pare_error *err)
{
    struct pare_plan *plan = pass->plan;
    for (size_t i = 0; i < plan->work->tensor_count; i++) {
        if (!is_of(pass, i))
            continue;
        const struct tensor *t = &plan->work->tensors[i];
        bool finite = true;
        if (!look_at(pass, t, look_high, err))
            return false;
        for (size_t bin = KERNEL_INFINITY >> KERNEL_LOW_BITS; bin < KERNEL_HIGH_BINS; bin++)
            finite = finite && pass->own->high[bin] == 0;
        if (!finite) {
            plan->decisions[i] = (struct decision){ 0 };
            plan->reasons[i] = PLAN_NOT_FINITE;
            continue;
        }
        pass->total += (uint64_t)t->shown.element_count;
        add_bins(pass->own->high, KERNEL_HIGH_BINS, pass->bins->high);
    }
    return true;
}

static bool count_low_bits(struct pass *pass, struct pare_error *err)
{
    for (size_t i = 0; i < pass->plan->work->tensor_count; i++) {
        if (!is_of(pass, i))
            continue;
        if (!look_at(pass, &pass->plan->work->tensors[i], look_low, err))
            return false;
        add_bins(pass->own->low, KERNEL_LOW_BINS, pass->bins->low);
    }
    return true;
}

/* Of the elements at the cut the first go: so many from each tensor, in the model's order. */
static bool share_ties(struct pass *pass, struct pare_error *err)
{
    struct pare_plan *plan = pass->plan;
    uint64_t left = pass->cut.ties;
    for (size_t i = 0; i < plan->work->tensor_count; i++) {
        if (!is_of(pass, i))
            continue;
        plan->prunings[i].cut = pass->cut;
        if (pass->cut.ties == pass->ties)
            continue; /* all of them */
        if (!look_at(pass, &plan->work->tensors[i], look_low, err))
            return false;
        uint64_t own = pass->own->low[pass->cut.threshold & (KERNEL_LOW_BINS - 1)];
        plan->prunings[i].cut.ties = MIN(own, left);
        left -= MIN(own, left);
    }
    return true;
}

static void take_none(struct pass *pass)
{
    for (size_t i = 0; i < pass->plan->work->tensor_count; i++)
        if (is_of(pass, i)) {
            pass->plan->decisions[i].prune = NULL;
            pass->plan->decisions[i].no_prune = "the amount takes none of its elements";
        }
}

static bool find_cut(struct pass *pass, struct pare_error *err)
{
    if (!count_high_bits(pass, err))
        return false;
    uint64_t k =
        pass->step->count ? pass->step->count : prune_count(pass->step->amount, pass->total);
    if (k > pass->total)
        return error_set(err, PARE_ERR_USAGE,
                         "the tensors of the step have %llu elements, and %llu are to go; give "
                         "fewer, or a share from 0 to 1",
                         (unsigned long long)pass->total, (unsigned long long)k);
    if (k == 0) {
        take_none(pass);
        return true;
    }
    pass->cut.threshold = prune_bin(pass->bins->high, KERNEL_HIGH_BINS, &k) << KERNEL_LOW_BITS;
    if (!count_low_bits(pass, err))
        return false;
    uint32_t low = prune_bin(pass->bins->low, KERNEL_LOW_BINS, &k);
    pass->cut.threshold |= low;
    pass->cut.ties = k;
    pass->ties = pass->bins->low[low];
    return share_ties(pass, err);
}

static bool plan_global(struct pare_plan *plan, const struct step *step, struct meter *meter,
                        struct pare_error *err)
{
    struct pass pass = { .plan = plan,
                         .step = step,
                         .meter = meter,
                         .bins = calloc(1, sizeof(struct prune_bins)),
                         .own = calloc(1, sizeof(struct prune_bins)) };
    bool ok = pass.bins && pass.own ? find_cut(&pass, err)
                                    : error_no_memory(err, sizeof(struct prune_bins));
    free(pass.bins);
    free(pass.own);
    return ok;
}

bool prune_plan(struct pare_plan *plan, struct meter *meter, struct pare_error *err)
{
    for (size_t i = 0; i < plan->work->tensor_count; i++)
        if (plan->decisions[i].prune && !fit(plan, i, err))
            return false;
    for (size_t i = 0; i < plan->recipe->step_count; i++) {
        const struct step *step = &plan->recipe->steps[i];
        if (step->kind == STEP_PRUNE && step->method == METHOD_GLOBAL_L1 &&
            !plan_global(plan, step, meter, err))
            return false;
    }
    return true;
}
