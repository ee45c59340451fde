/* SPDX-License-Identifier: MIT */
#include "engine/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/text.h"
#include "engine/choice.h"
#include "engine/engine.h"
#include "engine/match.h"
#include "engine/meter.h"
#include "engine/optimize.h"
#include "engine/prune.h"
#include "engine/prune_plan.h"
#include "engine/reading.h"
#include "engine/recipe.h"
#include "engine/scheme.h"
#include "engine/structure.h"
#include "engine/survey.h"
#include "format/source.h"
#include "kernel/kernel.h"

enum { JSON_MAX = 1 << 30 };

/* A plan in the making. */
struct planning {
    struct pare_plan *plan;
    const struct model *model;
    struct meter meter;
    struct pool *pool;
};

static bool becomes_fp16(const struct decision *d)
{
    return d->quantize && d->quantize->scheme == SCHEME_FP16;
}

/* ---- what the tensor allows ---- */

/* Why what is decided does not suit the tensor's place in the model; not all is for weights. */
static const char *why_misplaced(const struct tensor *t, const struct decision *d)
{
    if (becomes_fp16(d))
        return t->no_fp16;
    if (t->weight || !d->quantize)
        return t->no_weight;
    if (d->quantize->scheme == SCHEME_INT8)
        return t->int8 == INT8_NONE ? t->no_int8 : NULL;
    if (d->quantize->scheme == SCHEME_BF16)
        return t->no_bf16;
    return d->quantize->gather && t->table ? t->no_table : t->no_weight;
}

/* Why no step can touch the tensor, or NULL. */
static const char *why_untouchable(const struct tensor *t, const struct decision *d)
{
    bool fp16 = becomes_fp16(d);
    const char *why = why_misplaced(t, d);
    if (why)
        return why;
    if (t->shown.dtype != PARE_F32 && !t->widens)
        return "it is not F32";
    if (t->file_offset < 0)
        return t->unreadable;
    return t->shown.element_count == 0 && !fp16 ? "it is empty" : NULL;
}

/* ---- one tensor ---- */

static const char *action_text(struct pare_plan *plan, const struct tensor *t,
                               const struct decision *d, const struct change *change)
{
    struct arena *arena = &plan->arena;
    const char *prune = "", *quantize = "";
    if (d->prune)
        prune = prune_words(plan, d->prune);
    if (d->quantize)
        quantize = scheme_of(d->quantize, t)->words(arena, d->quantize, change);
    if (!prune || !quantize)
        return NULL;
    return arena_printf(arena, "%s%s%s", prune, d->prune && d->quantize ? ", " : "", quantize);
}

/* Settle what happens to a tensor that can be touched; *ret_reason when nothing does. */
static bool settle(struct planning *p, size_t index, const char **ret_reason,
                   struct pare_error *err)
{
    const struct tensor *t = &p->model->tensors[index];
    struct decision *d = &p->plan->decisions[index];
    struct change *change = &p->plan->changes[index];
    struct reading reading = { p->model, p->pool, &p->meter };
    struct survey survey;
    *ret_reason = NULL;
    if (!d->prune && !d->quantize)
        *ret_reason = d->no_prune;
    if (!d->prune && !d->quantize)
        return true;
    if (!survey_begin(&survey, p->plan, &reading, index, err))
        return false;
    bool finite = survey.absmax < KERNEL_INFINITY;
    if (!finite)
        *ret_reason = PLAN_NOT_FINITE;
    else if (d->quantize)
        *ret_reason = scheme_of(d->quantize, t)->weigh(t, d->quantize, survey.absmax, change);
    else
        *ret_reason = d->no_prune ? d->no_prune : d->why;
    bool ok = *ret_reason || survey_complete(&survey, p->plan, t, d->quantize, change, err);
    survey_end(&survey);
    if (!ok)
        return false;
    if (!finite) {
        *d = (struct decision){ 0 };
        return true;
    }
    if (*ret_reason) {
        *change = (struct change){ .kind = CHANGE_NONE, .axis = -1 };
        d->quantize = NULL;
    }
    if (d->prune && !d->quantize)
        change->kind = CHANGE_VALUES;
    if (d->no_prune && !*ret_reason)
        *ret_reason = d->no_prune;
    return true;
}

/* What a tensor that no step touches becomes in another format; NULL when memory ends. */
static const char *converted(struct pare_plan *plan, const struct tensor *t)
{
    return t->shares ? arena_printf(&plan->arena, "%s, its values once more", plan->converts)
                     : plan->converts;
}

/* What is settled, as an entry. */
static bool list_tensor(struct pare_plan *plan, const struct tensor *t, size_t index,
                        struct pare_error *err)
{
    const struct change *change = &plan->changes[index];
    const struct step *quantize = plan->decisions[index].quantize;
    const char *whole = structure_reason(plan->structure, t->shown.name), *action = "";
    const char *reason = plan->reasons[index] || !*whole ? plan->reasons[index] : whole;
    const char *fate = optimize_fate(plan, index);
    const size_t origin = plan->origins[index];
    if (change->kind != CHANGE_NONE)
        action = action_text(plan, t, &plan->decisions[index], change);
    const char *cut = structure_action(plan->structure, t->shown.name);
    if (action && *cut)
        action = arena_printf(&plan->arena, "%s%s%s", cut, *action ? ", " : "", action);
    if (action && *fate)
        action = arena_printf(&plan->arena, "optimize: %s%s%s", fate, *action ? ", " : "", action);
    if (action && !*action && plan->converts)
        action = converted(plan, t);
    if (!action)
        return error_no_memory(err, 64);
    plan->changed_count += *action != '\0';
    if (t->shown.rank < 2)
        return true;
    plan->workpieces[plan->entry_count] = index;
    plan->entries[plan->entry_count++] = (struct pare_plan_entry){
        .tensor = origin,
        .name = t->shown.name,
        .action = action,
        .reason = reason    ? reason
                  : *action ? ""
                            : "no step covers it",
        .before_bytes =
            origin == SIZE_MAX ? 0 : plan->model->model->tensors[origin].shown.size_bytes,
        .after_bytes = quantize ? scheme_of(quantize, t)->bytes(t, change) : t->shown.size_bytes,
    };
    return true;
}

/* A tensor alone does not tell whether anything takes it as float16: the graph does. */
static bool settle_fp16(struct planning *p, struct pare_error *err)
{
    struct pare_plan *plan = p->plan;
    if (!model_settle_fp16(p->model, plan->changes, &plan->arena, plan->reasons, err))
        return false;
    for (size_t i = 0; i < p->model->tensor_count; i++) {
        struct decision *d = &plan->decisions[i];
        if (!becomes_fp16(d) || plan->changes[i].kind == CHANGE_FP16)
            continue;
        d->quantize = NULL;
        if (d->prune)
            plan->changes[i].kind = CHANGE_VALUES;
    }
    return true;
}

/* ---- the whole ---- */

bool plan_layout(const struct pare_plan *plan, const char *name, struct output **ret_output,
                 struct pare_error *err)
{
    static const char digits[] = "0000000000000000000000000000000000000000000000000000000000000000";
    char engine[64];
    struct label labels[PLAN_LABELS_MAX];
    size_t count = 0;
    snprintf(engine, sizeof(engine), "pare %s", pare_version());
    labels[count++] = (struct label){ LABEL_PREFIX "engine", engine, false };
    labels[count++] = (struct label){ LABEL_PREFIX "recipe", plan->recipe->text, false };
    if (plan->digest)
        labels[count++] = (struct label){ LABEL_PREFIX "source_sha256", digits, true };
    const struct output_settings settings = {
        name, labels, count, plan->external_bytes, plan->format,
    };
    return output_plan(plan->work, plan->changes, &settings, ret_output, err);
}

static bool plan_sizes(struct pare_plan *plan, struct pare_error *err)
{
    struct output *output;
    if (!plan_layout(plan, plan->name, &output, err))
        return false;
    plan->after_bytes = output_bytes(output);
    plan->before_bytes = pare_model_size_bytes(plan->model);
    output_free(output);
    return true;
}

/* No step makes less of what is quantized already. */
static bool check_quantized(const struct pare_plan *plan, struct pare_error *err)
{
    const char *how = plan->model->model->quantized;
    for (size_t i = 0; how && i < plan->recipe->step_count; i++)
        if (plan->recipe->steps[i].kind != STEP_KEEP)
            return error_set(
                err, PARE_ERR_REFUSED,
                "the checkpoint is quantized already: %.200s; take the one that it was "
                "made of",
                how);
    return true;
}

/* What the recipe alone does not tell: the format, and whether its warning is for this model. */
static void look_at_model(struct pare_plan *plan, bool named)
{
    const struct model *model = plan->model->model;
    bool graph = model->tensor_count == 0 || !model->tensors[0].alone;
    plan->format = model->format;
    if (named)
        plan->format = output_format(model, plan->name, plan->recipe->step_count == 0);
    if (plan->format != model->format)
        plan->converts =
            plan->format == &format_safetensors ? "as safetensors" : "as PyTorch has it";
    plan->warning = graph ? plan->recipe->warning : "";
}

static bool plan_tensors(struct planning *p, struct pare_error *err)
{
    struct pare_plan *plan = p->plan;
    const struct model *model = p->model;
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tensor *t = &model->tensors[i];
        struct decision *d = &plan->decisions[i];
        if (!choice_make(plan->recipe, t, &plan->arena, d, err))
            return false;
        plan->reasons[i] = d->prune || d->quantize ? why_untouchable(t, d) : d->why;
        if (plan->reasons[i])
            *d = (struct decision){ 0 };
        else
            p->meter.total_bytes += t->shown.size_bytes;
    }
    if (!prune_plan(plan, &p->meter, err))
        return false;
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!plan->reasons[i] && !settle(p, i, &plan->reasons[i], err))
            return false;
    if (!settle_fp16(p, err))
        return false;
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!list_tensor(plan, &model->tensors[i], i, err))
            return false;
    if (!optimize_list_gone(plan, err))
        return false;
    p->meter.tensor = "";
    return meter_add(&p->meter, p->meter.total_bytes, err);
}

static bool allocate(struct pare_plan *plan, const struct pare_plan_options *options,
                     struct pare_error *err)
{
    const struct model *model = plan->model->model;
    size_t n = plan->work->tensor_count + 1, rows = n + model->tensor_count;
    const char *name = options->name ? options->name : model->source->main_name;
    plan->name = arena_strdup(&plan->arena, name);
    plan->decisions = arena_array(&plan->arena, n, sizeof(*plan->decisions));
    plan->prunings = arena_array(&plan->arena, n, sizeof(*plan->prunings));
    plan->changes = arena_array(&plan->arena, n, sizeof(*plan->changes));
    plan->entries = arena_array(&plan->arena, rows, sizeof(*plan->entries));
    plan->workpieces = arena_array(&plan->arena, rows, sizeof(*plan->workpieces));
    plan->reasons = arena_array(&plan->arena, n, sizeof(*plan->reasons));
    plan->magnitudes = arena_array(&plan->arena, n, sizeof(*plan->magnitudes));
    if (!plan->reasons || !plan->magnitudes || !plan->name || !plan->workpieces ||
        !plan->decisions || !plan->prunings || !plan->changes || !plan->entries)
        return error_no_memory(err, rows * sizeof(*plan->entries));
    plan->digest = !options->no_digest;
    plan->external_bytes = options->external_bytes;
    if (options->source_sha256 && strlen(options->source_sha256) != DIGEST_HEX_ROOM - 1)
        return error_set(err, PARE_ERR_USAGE, "a SHA-256 has %d hex digits", DIGEST_HEX_ROOM - 1);
    if (options->source_sha256)
        memcpy(plan->source_sha256, options->source_sha256, DIGEST_HEX_ROOM);
    return true;
}

bool pare_plan_make(const struct pare_model *model, const struct pare_recipe *recipe,
                    const struct pare_plan_options *options, struct pare_plan **ret_plan,
                    struct pare_error *err)
{
    static const struct pare_plan_options defaults = { 0 };
    options = options ? options : &defaults;
    struct pare_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return error_no_memory(err, sizeof(*plan));
    plan->model = model;
    plan->recipe = recipe;
    struct planning p = {
        .plan = plan,
        .meter = { .progress = options->progress, .data = options->data, .phase = "planning" },
    };
    bool ok = reading_pool(options->threads, &p.pool, err);
    ok = ok && model_check(model->model, err) && check_quantized(plan, err) &&
         choice_check(model->model, recipe, err) && optimize_plan(plan, err) &&
         structure_plan(plan, &p.meter, err) && optimize_find_origins(plan, err) &&
         allocate(plan, options, err);
    p.model = plan->work;
    if (ok)
        look_at_model(plan, options->name != NULL);
    ok = ok &&
         (match_asked(recipe) ? match_plan(plan, p.pool, &p.meter, err) : plan_tensors(&p, err)) &&
         plan_sizes(plan, err) && plan_write_json(plan, err);
    pool_close(p.pool);
    if (ok)
        *ret_plan = plan;
    else
        pare_plan_free(plan);
    return ok;
}

void pare_plan_free(struct pare_plan *plan)
{
    if (!plan)
        return;
    structure_free(plan->structure);
    model_close(plan->optimized);
    arena_done(&plan->arena);
    free(plan);
}

/* ---- looking at it ---- */

size_t pare_plan_entry_count(const struct pare_plan *plan)
{
    return plan->entry_count;
}

const struct pare_plan_entry *pare_plan_entry(const struct pare_plan *plan, size_t index)
{
    return index < plan->entry_count ? &plan->entries[index] : NULL;
}

const struct pare_tensor *plan_tensor(const struct pare_plan *plan, size_t entry)
{
    size_t workpiece = plan->workpieces[entry];
    return workpiece == SIZE_MAX ? &plan->model->model->tensors[plan->entries[entry].tensor].shown
                                 : &plan->work->tensors[workpiece].shown;
}

const char *pare_plan_optimized(const struct pare_plan *plan)
{
    return plan->words;
}

const char *pare_plan_warning(const struct pare_plan *plan)
{
    return plan->warning;
}

size_t pare_plan_changed_count(const struct pare_plan *plan)
{
    return plan->changed_count;
}

int64_t pare_plan_before_bytes(const struct pare_plan *plan)
{
    return plan->before_bytes;
}

int64_t pare_plan_after_bytes(const struct pare_plan *plan)
{
    return plan->after_bytes;
}

const char *pare_plan_json(const struct pare_plan *plan)
{
    return plan->json;
}

bool plan_write_json(struct pare_plan *plan, struct pare_error *err)
{
    struct buf out;
    plan->words = optimize_words(plan, &plan->arena);
    plan->counts = optimize_json(plan, &plan->arena);
    if (!plan->words || !plan->counts)
        return error_no_memory(err, 64);
    buf_init(&out, JSON_MAX);
    buf_printf(&out, "{\"recipe\": %s, \"before_bytes\": %lld, \"after_bytes\": %lld, ",
               plan->recipe->text, (long long)plan->before_bytes, (long long)plan->after_bytes);
    if (*plan->warning) {
        buf_text(&out, "\"warning\": ");
        json_put_string(&out, plan->warning);
        buf_text(&out, ", ");
    }
    buf_text(&out, plan->counts);
    buf_printf(&out, "\"changed\": %zu, \"tensors\": [", plan->changed_count);
    for (size_t i = 0; i < plan->entry_count; i++) {
        const struct pare_plan_entry *e = &plan->entries[i];
        buf_text(&out, i ? ",\n {\"name\": " : "\n {\"name\": ");
        json_put_string(&out, e->name);
        buf_text(&out, ", \"action\": ");
        json_put_string(&out, e->action);
        buf_text(&out, ", \"reason\": ");
        json_put_string(&out, e->reason);
        buf_printf(&out, ", \"before_bytes\": %lld, \"after_bytes\": %lld}",
                   (long long)e->before_bytes, (long long)e->after_bytes);
    }
    buf_text(&out, "\n]}");
    bool ok = buf_ok(&out, err);
    plan->json = ok ? arena_strdup(&plan->arena, out.data) : NULL;
    if (ok && !plan->json)
        ok = error_no_memory(err, out.length);
    buf_done(&out);
    return ok;
}
