/* SPDX-License-Identifier: MIT */
/*
 * The run: one changed tensor at a time is read whole, pruned in place,
 * measured, and goes to the sink as float or in stretches of fewer bits.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "engine/choice.h"
#include "engine/engine.h"
#include "engine/match.h"
#include "engine/meter.h"
#include "engine/plan.h"
#include "engine/provenance.h"
#include "engine/prune.h"
#include "engine/reading.h"
#include "engine/recipe.h"
#include "engine/report.h"
#include "engine/scheme.h"
#include "engine/structure.h"
#include "format/sink.h"
#include "format/source.h"
#include "kernel/kernel.h"

enum { READ_STEP = 4 << 20, PRUNE_STEP = 4096 };

struct run {
    const struct pare_plan *plan;
    const struct model *model;
    const struct kernel *kernel;
    struct meter meter;
    struct provenance provenance;
    struct pare_report *report;
    size_t *entry_of; /* report entry by tensor; SIZE_MAX: none */
    void **kept;      /* by tensor: what its scheme keeps for later */
    float *x;         /* the tensor at hand: as large as the largest */
    struct pool *pool;
    void *stretch;   /* what is written: as large as the schemes ask for */
    uint8_t *turned; /* a match's weight to be transposed: as large as the largest */
};

/* ---- one tensor ---- */

/* What pruning did to it. */
struct pruned {
    struct kernel_error error;
    uint64_t zeros_before;
};

static bool prune_tensor(struct run *run, size_t index, struct pruned *ret_pruned,
                         struct pare_error *err)
{
    float before[PRUNE_STEP];
    struct pruner pruner;
    size_t n = (size_t)run->model->tensors[index].shown.element_count;
    if (!pruner_init(&pruner, &run->plan->prunings[index], run->kernel, run->x, n, err))
        return false;
    *ret_pruned = (struct pruned){ 0 };
    for (size_t at = 0; at < n; at += PRUNE_STEP) {
        size_t step = MIN((size_t)PRUNE_STEP, n - at);
        memcpy(before, run->x + at, step * sizeof(*before));
        pruner_apply(&pruner, run->x, at, step);
        run->kernel->error(before, run->x + at, step, &ret_pruned->error);
        for (size_t i = 0; i < step; i++)
            ret_pruned->zeros_before += before[i] == 0.0f;
    }
    pruner_done(&pruner);
    return true;
}

/* In the type that they came in, which is exact: they are its own values, or 0. */
static bool write_floats(struct run *run, const struct tensor *t, struct sink *sink,
                         struct pare_error *err)
{
    size_t n = (size_t)t->shown.element_count, total = (size_t)t->shown.size_bytes;
    if (t->shown.dtype == PARE_F16)
        run->kernel->to_fp16(run->x, n, (uint16_t *)run->x);
    else if (t->shown.dtype == PARE_BF16)
        run->kernel->to_bf16(run->x, n, (uint16_t *)run->x);
    for (size_t at = 0; at < total; at += READ_STEP)
        if (!sink_write(sink, (const char *)run->x + at, MIN((size_t)READ_STEP, total - at), err) ||
            !meter_add(&run->meter, 0, err))
            return false;
    return true;
}

/* Whether its scheme reads it on the way out, so that it is never whole in memory. */
static bool is_streamed(const struct run *run, size_t index)
{
    const struct decision *d = &run->plan->decisions[index];
    return d->quantize && !d->prune && run->model->source->ops->read_by_many &&
           scheme_of(d->quantize, &run->model->tensors[index])->by_element;
}

/* What the scheme of a tensor writes with. */
static struct writing writing_of(struct run *run, size_t index)
{
    return (struct writing){
        .kernel = run->kernel,
        .step = run->plan->decisions[index].quantize,
        .change = &run->plan->changes[index],
        .shown = &run->model->tensors[index].shown,
        .meter = &run->meter,
        .model = run->model,
        .tensor = &run->model->tensors[index],
        .x = is_streamed(run, index) ? NULL : run->x,
        .magnitudes = run->plan->magnitudes[index],
        .pool = run->pool,
        .stretch = run->stretch,
        .kept = &run->kept[index],
    };
}

/* All values as the prune step leaves them, where the scheme does not read them by itself. */
static bool load_values(struct run *run, const struct writing *w, struct pruned *ret_pruned,
                        struct pare_error *err)
{
    size_t index = (size_t)(w->tensor - run->model->tensors);
    struct reading reading = { run->model, run->pool, &run->meter };
    *ret_pruned = (struct pruned){ 0 };
    run->meter.tensor = w->shown->name;
    if (w->x && !reading_whole(&reading, w->tensor, w->x, err))
        return false;
    return !run->plan->decisions[index].prune || prune_tensor(run, index, ret_pruned, err);
}

/* The filler's values(): also measures. Errors of both steps add up: a pruned 0 stays 0. */
static bool fill_values(void *data, size_t index, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    const struct tensor *t = &run->model->tensors[index];
    const struct decision *d = &run->plan->decisions[index];
    struct writing w = writing_of(run, index);
    struct pruned pruned;
    if (!load_values(run, &w, &pruned, err))
        return false;
    if (!(w.step ? scheme_of(w.step, t)->values(&w, sink, err) : write_floats(run, t, sink, err)))
        return false;
    if (d->prune) {
        w.error.signal = pruned.error.signal;
        w.error.noise += pruned.error.noise;
        w.error.max_error = MAX(w.error.max_error, pruned.error.max_error);
        w.error.zeros = d->quantize ? w.error.zeros : pruned.error.zeros;
        report_pruned(run->report, (uint64_t)t->shown.element_count, pruned.zeros_before,
                      w.error.zeros);
    }
    if (run->entry_of[index] != SIZE_MAX) {
        struct pare_report_entry *entry = &run->report->entries[run->entry_of[index]];
        entry->clipped_count = (int64_t)w.clipped;
        report_measure(run->report, entry, &w.error);
        if (d->prune)
            entry->zero_share_before = (double)pruned.zeros_before / (double)t->shown.element_count;
    }
    return true;
}

static bool fill_scales(void *data, size_t index, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    struct writing w = writing_of(run, index);
    const struct scheme *scheme = scheme_of(w.step, w.tensor);
    struct pruned ignored;
    return (!scheme->scales_by_element || load_values(run, &w, &ignored, err)) &&
           scheme->scales(&w, sink, err);
}

static bool fill_zero_points(void *data, size_t index, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    struct writing w = writing_of(run, index);
    return scheme_of(w.step, &run->model->tensors[index])->zero_points(&w, sink, err);
}

static bool fill_digest(void *data, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    const char *hex = run->provenance.hex;
    if (!provenance_settle(&run->provenance, err))
        return false;
    run->report->source_sha256 = arena_strdup(&run->report->arena, hex);
    return (run->report->source_sha256 || error_no_memory(err, DIGEST_HEX_ROOM)) &&
           sink_write(sink, hex, DIGEST_HEX_ROOM - 1, err);
}

/* A weight of a match; of a tensor with two forms the report has the last one's errors. */
static bool fill_matched(void *data, size_t weight, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    const struct match_weight *w = &run->plan->match->weights[weight];
    const struct tensor *t = &run->model->tensors[w->tensor];
    struct writing writing = { .kernel = run->kernel,
                               .step = &run->plan->recipe->steps[0],
                               .shown = &t->shown,
                               .meter = &run->meter,
                               .model = run->model,
                               .tensor = t,
                               .pool = run->pool,
                               .stretch = run->stretch };
    run->meter.tensor = t->shown.name;
    if (!match_write(&writing, w, run->turned, sink, err))
        return false;
    if (!w->is_plain && run->entry_of[w->tensor] != SIZE_MAX) {
        struct pare_report_entry *entry = &run->report->entries[run->entry_of[w->tensor]];
        entry->clipped_count = (int64_t)writing.clipped;
        report_measure(run->report, entry, &writing.error);
    }
    return true;
}

static bool fill_copied(void *data, int64_t bytes, struct pare_error *err)
{
    struct run *run = data;
    run->meter.tensor = "";
    return meter_add(&run->meter, bytes, err);
}

/* ---- the whole ---- */

/* The elements of float tensors. */
static int64_t model_parameters(const struct model *model)
{
    int64_t sum = 0;
    for (size_t i = 0; i < model->tensor_count; i++) {
        enum pare_dtype dtype = model->tensors[i].shown.dtype;
        bool is_float =
            dtype == PARE_F32 || dtype == PARE_F16 || dtype == PARE_BF16 || dtype == PARE_F64;
        sum += is_float ? model->tensors[i].shown.element_count : 0;
    }
    return sum;
}

static bool start_report(struct run *run, struct pare_error *err)
{
    const struct pare_plan *plan = run->plan;
    if (!report_new(&run->report, err))
        return false;
    struct arena *arena = &run->report->arena;
    for (size_t i = 0; i < run->model->tensor_count; i++)
        run->entry_of[i] = SIZE_MAX;
    for (size_t i = 0; i < plan->entry_count; i++) {
        const struct pare_plan_entry *e = &plan->entries[i];
        const struct pare_tensor *shown = plan_tensor(plan, i);
        struct pare_report_entry entry = {
            .name = arena_strdup(arena, e->name),
            .op = arena_strdup(arena, shown->op),
            .action = arena_strdup(arena, e->action),
            .reason = arena_strdup(arena, e->reason),
            .element_count = shown->element_count,
            .before_bytes = e->before_bytes,
            .after_bytes = e->after_bytes,
        };
        if (!entry.name || !entry.op || !entry.action || !entry.reason ||
            !report_add(run->report, &entry))
            return error_no_memory(err, sizeof(entry));
        if (plan->workpieces[i] != SIZE_MAX)
            run->entry_of[plan->workpieces[i]] = i;
    }
    run->report->before_bytes = plan->before_bytes;
    run->report->predicted_bytes = plan->after_bytes;
    run->report->parameters_before = model_parameters(plan->model->model);
    run->report->parameters_after = model_parameters(plan->work);
    run->report->words = arena_strdup(arena, plan->words);
    run->report->counts = arena_strdup(arena, plan->counts);
    run->report->recipe = arena_strdup(arena, plan->recipe->text);
    if (*plan->warning)
        run->report->warning = plan->warning;
    return (run->report->recipe && run->report->words && run->report->counts) ||
           error_no_memory(err, 64);
}

static bool allocate(struct run *run, struct pare_error *err)
{
    size_t most = 0, n = run->model->tensor_count + 1;
    size_t room = writing_rooms(&scheme_int8, run->pool) * scheme_int8.stretch_bytes;
    for (size_t i = 0; i < run->model->tensor_count; i++) {
        const struct step *quantize = run->plan->decisions[i].quantize;
        if (run->plan->changes[i].kind == CHANGE_NONE)
            continue;
        if (!is_streamed(run, i))
            most = MAX(most, (size_t)run->model->tensors[i].shown.element_count * sizeof(float));
        if (quantize) {
            const struct scheme *scheme = scheme_of(quantize, &run->model->tensors[i]);
            room = MAX(room, writing_rooms(scheme, run->pool) * scheme->stretch_bytes);
        }
    }
    size_t turned = run->plan->match ? match_turned_bytes(run->model, run->plan->match) : 1;
    run->entry_of = calloc(n, sizeof(*run->entry_of));
    run->kept = calloc(n, sizeof(*run->kept));
    run->x = malloc(most + 1);
    run->stretch = malloc(room);
    run->turned = malloc(turned);
    if (!run->turned || !run->entry_of || !run->kept || !run->x || !run->stretch)
        return error_no_memory(err, most);
    return true;
}

static void release(struct run *run)
{
    provenance_stop(&run->provenance);
    pool_close(run->pool);
    for (size_t i = 0; run->kept && i < run->model->tensor_count; i++)
        free(run->kept[i]);
    free(run->entry_of);
    free(run->kept);
    free(run->x);
    free(run->stretch);
    free(run->turned);
    pare_report_free(run->report);
}

static bool write_output(struct run *run, const char *name, struct sink *sink,
                         struct pare_error *err)
{
    struct output *output;
    struct filler filler = { fill_values, fill_scales, fill_zero_points, fill_digest,
                             fill_copied, run,         fill_matched };
    if (!plan_layout(run->plan, name, &output, err))
        return false;
    run->report->after_bytes = output_bytes(output);
    bool ok = output_write(output, sink, &filler, err);
    output_free(output);
    run->meter.tensor = "";
    return ok && meter_add(&run->meter, run->meter.total_bytes, err);
}

static bool is_broken(const struct pare_plan_entry *entry)
{
    return !strcmp(entry->reason, PLAN_NOT_FINITE);
}

/* The entry whose reason says most: a broken one, else the first of those that most could be done
   with; or NULL. */
static const struct pare_plan_entry *telling_entry(const struct pare_plan *plan)
{
    const struct pare_plan_entry *best = NULL;
    int most = -1;
    for (size_t i = 0; i < plan->entry_count; i++) {
        if (plan->workpieces[i] == SIZE_MAX)
            continue;
        const struct tensor *t = &plan->work->tensors[plan->workpieces[i]];
        int could = t->weight + (t->weight && !t->no_blocks) + 4 * is_broken(&plan->entries[i]) +
                    8 * (*structure_reason(plan->structure, t->shown.name) != 0);
        if (could > most) {
            best = &plan->entries[i];
            most = could;
        }
    }
    return best;
}

bool engine_check_worth(const struct pare_plan *plan, struct pare_error *err)
{
    if (plan->changed_count || plan->optimized)
        return true;
    const struct pare_plan_entry *told = telling_entry(plan);
    return error_set(err, told && is_broken(told) ? PARE_ERR_FORMAT : PARE_ERR_REFUSED,
                     "the recipe changes nothing: the model has %zu tensor%s of two or more "
                     "dimensions%s%.100s%s%s",
                     plan->entry_count, plan->entry_count == 1 ? "" : "s", told ? "; " : "",
                     told ? told->name : "", told ? ": " : "", told ? told->reason : "");
}

bool engine_run(const struct pare_plan *plan, const char *name, struct sink *sink,
                const struct pare_run_options *options, struct pare_report **ret_report,
                struct pare_error *err)
{
    struct run run = {
        .plan = plan,
        .model = plan->work,
        .kernel = kernel_best(),
        .meter = { .progress = options->progress,
                   .data = options->data,
                   .phase = "writing",
                   .total_bytes = plan->before_bytes },
    };
    bool ok = engine_check_worth(plan, err) && reading_pool(options->threads, &run.pool, err) &&
              allocate(&run, err) && start_report(&run, err) &&
              provenance_begin(&run.provenance, plan, options, pool_threads(run.pool) > 1, err) &&
              write_output(&run, name, sink, err) && report_write_json(run.report, err);
    if (ok) {
        *ret_report = run.report;
        run.report = NULL;
    }
    release(&run);
    return ok;
}

static bool refuse_source(const char *path, struct pare_error *err)
{
    return error_set(err, PARE_ERR_REFUSED,
                     "%s is a file of the source, which is never modified; choose another name or "
                     "folder",
                     path);
}

bool engine_check_target(const struct pare_model *model, const char *path, struct pare_error *err)
{
    const char *slash = strrchr(path, '/');
    struct arena arena = { 0 };
    if (model->model->source->is_folder)
        return sink_check_new_folder(path, err);
    const char *folder = slash ? arena_strndup(&arena, path, (size_t)MAX(slash - path, 1)) : ".";
    bool ok = folder || error_no_memory(err, strlen(path));
    ok = ok && sink_check_folder(folder, err);
    if (ok && engine_is_source(model, path))
        ok = refuse_source(path, err);
    arena_done(&arena);
    return ok;
}

/* No file of the source may be written over, under any name. */
static bool check_targets(const struct pare_plan *plan, const char *folder, const char *name,
                          struct pare_error *err)
{
    struct output *output;
    if (!plan_layout(plan, name, &output, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < output_file_count(output); i++) {
        struct arena arena = { 0 };
        char *path = arena_printf(&arena, "%s/%s", folder, output_file_name(output, i));
        if (!path)
            ok = error_no_memory(err, strlen(folder));
        else if (source_is_path(plan->model->model->source, path))
            ok = refuse_source(path, err);
        arena_done(&arena);
    }
    output_free(output);
    return ok;
}

/* Takes over the sink. */
static bool run_to(const struct pare_plan *plan, const char *name, struct sink *sink,
                   const struct pare_run_options *options, struct pare_report **ret_report,
                   struct pare_error *err)
{
    struct pare_report *report;
    bool ok = engine_run(plan, name, sink, options, &report, err);
    if (ok && !sink_commit(sink, err)) {
        pare_report_free(report);
        ok = false;
    }
    sink_close(sink);
    if (ok)
        *ret_report = report;
    return ok;
}

static bool run_into(const struct pare_plan *plan, const char *folder, const char *name,
                     const struct pare_run_options *options, struct pare_report **ret_report,
                     struct pare_error *err)
{
    struct sink *sink;
    if (!check_targets(plan, folder, name, err) ||
        !sink_open_folder(folder, !options->no_sync, &sink, err))
        return false;
    return run_to(plan, name, sink, options, ret_report, err);
}

/* A folder as a whole into a new one. */
static bool run_whole(const struct pare_plan *plan, const char *path,
                      const struct pare_run_options *options, struct pare_report **ret_report,
                      struct pare_error *err)
{
    struct sink *sink;
    return sink_open_new_folder(path, !options->no_sync, &sink, err) &&
           run_to(plan, plan->name, sink, options, ret_report, err);
}

bool pare_run(const struct pare_plan *plan, const char *path,
              const struct pare_run_options *options, struct pare_report **ret_report,
              struct pare_error *err)
{
    static const struct pare_run_options defaults = { 0 };
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *folder = slash ? strndup(path, (size_t)MAX(slash - path, 1)) : strdup(".");
    if (!folder)
        return error_no_memory(err, strlen(path));
    options = options ? options : &defaults;
    bool ok = plan->model->model->source->is_folder
                  ? run_whole(plan, path, options, ret_report, err)
                  : run_into(plan, folder, name, options, ret_report, err);
    free(folder);
    return ok;
}
