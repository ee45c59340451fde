/* SPDX-License-Identifier: MIT */
#include "engine/survey.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/choice.h"
#include "engine/int8.h"
#include "engine/plan.h"
#include "engine/prune.h"
#include "engine/reading.h"
#include "engine/scheme.h"

/* The whole tensor, pruned; the caller frees it. */
static bool read_pruned(const struct reading *reading, const struct tensor *t,
                        const struct pruning *pruning, float **ret_x, struct pare_error *err)
{
    size_t n = (size_t)t->shown.element_count;
    float *x = malloc((n + 1) * sizeof(*x));
    if (!x)
        return error_no_memory(err, n * sizeof(*x));
    if (!reading_whole(reading, t, x, err) || !prune_values(kernel_best(), x, n, pruning, err)) {
        free(x);
        return false;
    }
    *ret_x = x;
    return true;
}

/* Of all channels, for a scheme that completes its change with them. */
static bool look_for_scheme(struct survey *survey, const struct pare_plan *plan,
                            const struct reading *reading, size_t index, struct int8_layout layout,
                            struct pare_error *err)
{
    const struct tensor *t = &plan->work->tensors[index];
    float *x = NULL;
    survey->bits = malloc((layout.channels + 1) * sizeof(*survey->bits));
    bool ok = survey->bits || error_no_memory(err, layout.channels * sizeof(*survey->bits));
    ok = ok && (!plan->decisions[index].prune ||
                read_pruned(reading, t, &plan->prunings[index], &x, err));
    ok = ok && reading_magnitudes(reading, t, x, layout, survey->bits, err);
    free(x);
    return ok;
}

/* Of each channel if that is no great deal: what the run would else have to look for. */
static bool look_for_run(struct pare_plan *plan, const struct reading *reading, size_t index,
                         struct int8_layout layout, uint32_t *ret_absmax, struct pare_error *err)
{
    const struct tensor *t = &plan->work->tensors[index];
    uint32_t one, *bits = &one;
    if (layout.channels > PLAN_MAGNITUDES_MAX - plan->magnitude_count)
        layout = int8_layout(&t->shown, -1);
    else if (layout.channels > 1)
        bits = plan->magnitudes[index] = arena_array(&plan->arena, layout.channels, sizeof(*bits));
    if (!bits)
        return error_no_memory(err, layout.channels * sizeof(*bits));
    if (!reading_magnitudes(reading, t, NULL, layout, bits, err))
        return false;
    *ret_absmax = 0;
    for (size_t i = 0; i < layout.channels; i++)
        *ret_absmax = MAX(*ret_absmax, bits[i]);
    plan->magnitude_count += plan->magnitudes[index] ? layout.channels : 0;
    return true;
}

bool survey_begin(struct survey *survey, struct pare_plan *plan, const struct reading *reading,
                  size_t index, struct pare_error *err)
{
    const struct tensor *t = &plan->work->tensors[index];
    const struct decision *d = &plan->decisions[index];
    const struct scheme *scheme = d->quantize ? scheme_of(d->quantize, t) : NULL;
    struct int8_layout layout = int8_layout(&t->shown, -1);
    *survey = (struct survey){ 0 };
    if (scheme && scheme->channels && (scheme->complete || !d->prune))
        layout = scheme->channels(t, d->quantize);
    if (!scheme || !scheme->complete)
        return look_for_run(plan, reading, index, layout, &survey->absmax, err);
    if (!look_for_scheme(survey, plan, reading, index, layout, err)) {
        survey_end(survey);
        return false;
    }
    for (size_t i = 0; i < layout.channels; i++)
        survey->absmax = MAX(survey->absmax, survey->bits[i]);
    return true;
}

bool survey_complete(const struct survey *survey, struct pare_plan *plan, const struct tensor *t,
                     const struct step *step, struct change *io_change, struct pare_error *err)
{
    return !survey->bits ||
           scheme_of(step, t)->complete(t, step, survey->bits, &plan->arena, io_change, err);
}

void survey_end(struct survey *survey)
{
    free(survey->bits);
    survey->bits = NULL;
}
