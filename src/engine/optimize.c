/* SPDX-License-Identifier: MIT */
#include "engine/optimize.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/plan.h"
#include "engine/recipe.h"
#include "format/source.h"

enum { WORDS_MAX = 1024 };

static bool is_asked(const struct pare_plan *plan)
{
    return plan->recipe->step_count > 0 && plan->recipe->steps[0].kind == STEP_OPTIMIZE;
}

/* Bytes of the main file and of values in others. */
static int64_t model_bytes(const struct model *model)
{
    int64_t bytes = model->source->files[model->main_file].size_bytes;
    for (size_t i = 0; i < model->tensor_count; i++)
        if (model->tensors[i].file != model->main_file)
            bytes += model->tensors[i].shown.size_bytes;
    return bytes;
}

/* What stays keeps its order; what is new, or in another file now, comes behind it. */
bool optimize_find_origins(struct pare_plan *plan, struct pare_error *err)
{
    const struct model *before = plan->model->model, *work = plan->work;
    size_t next = 0;
    plan->origins = arena_array(&plan->arena, work->tensor_count + 1, sizeof(*plan->origins));
    if (!plan->origins)
        return error_no_memory(err, work->tensor_count * sizeof(*plan->origins));
    for (size_t i = 0; i < work->tensor_count; i++) {
        const char *name = work->tensors[i].shown.name;
        while (next < before->tensor_count &&
               ((plan->found.fates && plan->found.fates[next].gone) ||
                strcmp(before->tensors[next].shown.name, name) != 0))
            next++;
        if (next < before->tensor_count)
            plan->origins[i] = next++;
        else
            plan->origins[i] = (size_t)pare_model_find(plan->model, name);
    }
    return true;
}

bool optimize_plan(struct pare_plan *plan, struct pare_error *err)
{
    plan->work = plan->model->model;
    if (!is_asked(plan))
        return true;
    if (!model_optimize(plan->model->model, &plan->arena, &plan->found, &plan->optimized, err))
        return false;
    if (plan->optimized)
        plan->work = plan->optimized;
    plan->saved_bytes = model_bytes(plan->model->model) - model_bytes(plan->work);
    return true;
}

bool optimize_list_gone(struct pare_plan *plan, struct pare_error *err)
{
    const struct model *before = plan->model->model;
    for (size_t i = 0; plan->optimized && i < before->tensor_count; i++) {
        const struct pare_tensor *shown = &before->tensors[i].shown;
        if (!plan->found.fates[i].gone || shown->rank < 2)
            continue;
        const char *action = arena_printf(&plan->arena, "optimize: %s", plan->found.fates[i].text);
        if (!action)
            return error_no_memory(err, 64);
        plan->workpieces[plan->entry_count] = SIZE_MAX;
        plan->entries[plan->entry_count++] = (struct pare_plan_entry){
            .tensor = i,
            .name = shown->name,
            .action = action,
            .reason = "",
            .before_bytes = shown->size_bytes,
        };
        plan->changed_count++;
    }
    return true;
}

const char *optimize_fate(const struct pare_plan *plan, size_t tensor)
{
    if (!plan->optimized)
        return "";
    return plan->origins[tensor] == SIZE_MAX ? "folded, new"
                                             : plan->found.fates[plan->origins[tensor]].text;
}

static void put_count(struct buf *out, size_t count, const char *one, const char *many)
{
    if (count)
        buf_printf(out, "%s%zu %s", out->length ? ", " : "", count, count == 1 ? one : many);
}

const char *optimize_words(const struct pare_plan *plan, struct arena *arena)
{
    const struct optimized *found = &plan->found;
    struct buf out;
    if (!is_asked(plan))
        return "";
    buf_init(&out, WORDS_MAX);
    put_count(&out, found->folded, "node folded", "nodes folded");
    put_count(&out, found->passed, "Identity or Dropout removed", "Identity and Dropout removed");
    put_count(&out, found->fused, "BatchNormalization fused", "BatchNormalization fused");
    put_count(&out, found->merged, "equal tensor merged", "equal tensors merged");
    put_count(&out, found->unused_nodes, "unused node removed", "unused nodes removed");
    put_count(&out, found->unused_tensors, "tensor no longer needed", "tensors no longer needed");
    if (plan->optimized)
        buf_printf(&out, "%s%lld bytes %s", out.length ? ", " : "",
                   (long long)(plan->saved_bytes < 0 ? -plan->saved_bytes : plan->saved_bytes),
                   plan->saved_bytes < 0 ? "more" : "fewer");
    else
        buf_text(&out, "nothing to do");
    const char *words = arena_strdup(arena, buf_string(&out));
    buf_done(&out);
    return words;
}

const char *optimize_json(const struct pare_plan *plan, struct arena *arena)
{
    const struct optimized *found = &plan->found;
    if (!is_asked(plan))
        return "";
    return arena_printf(arena,
                        "\"optimized\": {\"folded_nodes\": %zu, \"passed_nodes\": %zu, "
                        "\"fused_nodes\": %zu, \"unused_nodes\": %zu, \"merged_tensors\": %zu, "
                        "\"unused_tensors\": %zu, \"saved_bytes\": %lld}, ",
                        found->folded, found->passed, found->fused, found->unused_nodes,
                        found->merged, found->unused_tensors, (long long)plan->saved_bytes);
}
