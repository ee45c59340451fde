/* SPDX-License-Identifier: MIT */
/*
 * The run: one changed tensor at a time is read whole, pruned in place,
 * measured, and goes to the sink as float or in stretches of fewer bits.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/choice.h"
#include "engine/engine.h"
#include "engine/fp16.h"
#include "engine/int4.h"
#include "engine/int8.h"
#include "engine/meter.h"
#include "engine/plan.h"
#include "engine/provenance.h"
#include "engine/prune.h"
#include "engine/recipe.h"
#include "engine/report.h"
#include "format/sink.h"
#include "format/source.h"
#include "kernel/kernel.h"

enum { READ_STEP = 4 << 20, STRETCH = 256 * 1024, PRUNE_STEP = 4096 };

struct run {
    const struct pare_plan *plan;
    const struct model *model;
    const struct kernel *kernel;
    struct meter meter;
    struct provenance provenance;
    struct pare_report *report;
    size_t *entry_of; /* report entry by tensor; SIZE_MAX: none */
    float **scales;   /* by tensor, from values() until scales() */
    float *x;         /* the tensor at hand: as large as the largest */
    void *stretch;    /* what is written: STRETCH bytes, or INT4_ROOM where there is int4 */
    uint8_t *zeros;   /* zero points of the int4 tensor at hand */
    uint32_t *bits;   /* as many as the most channels */
    struct prune_bins *bins;
};

/* ---- one tensor ---- */

static bool read_tensor(struct run *run, const struct tensor *t, struct pare_error *err)
{
    run->meter.tensor = t->shown.name;
    for (int64_t at = 0; at < t->shown.size_bytes;) {
        size_t n = (size_t)MIN((int64_t)READ_STEP, t->shown.size_bytes - at);
        if (!model_read(run->model, t, at, n, (char *)run->x + at, err) ||
            !meter_add(&run->meter, (int64_t)n, err))
            return false;
        at += (int64_t)n;
    }
    return true;
}

static void prune_tensor(struct run *run, size_t n, double amount, struct kernel_error *ret_error)
{
    float before[PRUNE_STEP];
    uint64_t k = prune_count(amount, n);
    struct kernel_cut cut = prune_cut(run->kernel, run->x, n, k, run->bins);
    *ret_error = (struct kernel_error){ 0 };
    for (size_t at = 0; at < n; at += PRUNE_STEP) {
        size_t step = MIN((size_t)PRUNE_STEP, n - at);
        memcpy(before, run->x + at, step * sizeof(*before));
        run->kernel->prune(run->x + at, step, &cut);
        run->kernel->error(before, run->x + at, step, ret_error);
    }
}

static bool write_floats(struct run *run, size_t n, struct sink *sink, struct pare_error *err)
{
    size_t total = n * sizeof(float);
    for (size_t at = 0; at < total; at += READ_STEP)
        if (!sink_write(sink, (const char *)run->x + at, MIN((size_t)READ_STEP, total - at), err) ||
            !meter_add(&run->meter, 0, err))
            return false;
    return true;
}

static bool write_int8(struct run *run, size_t index, struct sink *sink,
                       struct kernel_error *ret_error, uint64_t *ret_clipped,
                       struct pare_error *err)
{
    const struct pare_tensor *shown = &run->model->tensors[index].shown;
    const struct change *change = &run->plan->changes[index];
    struct int8_layout layout = int8_layout(shown, change->axis);
    bool reduce = run->plan->decisions[index].quantize->reduce_range;
    struct int8_counts counts = { 0 };
    int8_t *q = run->stretch;
    float *scales = malloc(layout.channels * sizeof(*scales));
    if (!scales)
        return error_no_memory(err, layout.channels * sizeof(*scales));
    run->scales[index] = scales;
    int8_scales(run->kernel, run->x, layout, reduce, run->bits, scales);
    *ret_error = (struct kernel_error){ 0 };
    for (size_t at = 0, n; at < (size_t)shown->element_count; at += n) {
        n = int8_stretch(layout, at, STRETCH);
        int8_quantize(run->kernel, run->x, layout, scales, at, n, q, ret_error, &counts);
        if (!sink_write(sink, q, n, err) || !meter_add(&run->meter, 0, err))
            return false;
    }
    *ret_clipped = counts.clipped;
    return true;
}

static bool write_int4(struct run *run, size_t index, struct sink *sink,
                       struct kernel_error *ret_error, uint64_t *ret_clipped,
                       struct pare_error *err)
{
    const struct pare_tensor *shown = &run->model->tensors[index].shown;
    struct int4_layout layout = int4_layout(shown, &run->plan->changes[index]);
    struct int4_part part = { 0 };
    struct int4_counts counts = { 0 };
    uint8_t *q = run->stretch, *zeros = layout.symmetric ? NULL : run->zeros;
    *ret_error = (struct kernel_error){ 0 };
    while (int4_next(&layout, &part)) {
        size_t bytes = (size_t)(part.outputs * part.blocks * layout.block / 2);
        int4_quantize(run->kernel, run->x, &layout, &part, q, zeros, ret_error, &counts);
        if (!sink_write(sink, q, bytes, err) || !meter_add(&run->meter, 0, err))
            return false;
    }
    *ret_clipped = counts.clipped;
    return true;
}

static bool write_fp16(struct run *run, size_t n, struct sink *sink, struct kernel_error *ret_error,
                       struct pare_error *err)
{
    uint16_t *h = run->stretch;
    *ret_error = (struct kernel_error){ 0 };
    for (size_t at = 0; at < n; at += STRETCH / sizeof(*h)) {
        size_t step = MIN(STRETCH / sizeof(*h), n - at);
        fp16_round(run->kernel, run->x + at, step, h, ret_error);
        if (!sink_write(sink, h, step * sizeof(*h), err) || !meter_add(&run->meter, 0, err))
            return false;
    }
    return true;
}

/* As the plan says; only integers clip. */
static bool write_values(struct run *run, size_t index, struct sink *sink,
                         struct kernel_error *ret_error, uint64_t *ret_clipped,
                         struct pare_error *err)
{
    size_t n = (size_t)run->model->tensors[index].shown.element_count;
    switch (run->plan->changes[index].kind) {
    case CHANGE_INT8:
        return write_int8(run, index, sink, ret_error, ret_clipped, err);
    case CHANGE_INT4:
        return write_int4(run, index, sink, ret_error, ret_clipped, err);
    case CHANGE_FP16:
        return write_fp16(run, n, sink, ret_error, err);
    default:
        return write_floats(run, n, sink, err);
    }
}

/* The filler's values(): also measures. Errors of both steps add up: a pruned 0 stays 0. */
static bool fill_values(void *data, size_t index, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    const struct tensor *t = &run->model->tensors[index];
    const struct decision *d = &run->plan->decisions[index];
    size_t n = (size_t)t->shown.element_count;
    struct kernel_error pruned = { 0 }, error = { 0 };
    uint64_t clipped = 0;
    if (!read_tensor(run, t, err))
        return false;
    if (d->prune)
        prune_tensor(run, n, d->prune->amount, &pruned);
    if (!write_values(run, index, sink, &error, &clipped, err))
        return false;
    if (d->prune) {
        error.signal = pruned.signal;
        error.noise += pruned.noise;
        error.max_error = MAX(error.max_error, pruned.max_error);
        error.zeros = d->quantize ? error.zeros : pruned.zeros;
    }
    if (run->entry_of[index] != SIZE_MAX) {
        struct pare_report_entry *entry = &run->report->entries[run->entry_of[index]];
        entry->clipped_count = (int64_t)clipped;
        report_measure(entry, &error);
    }
    return true;
}

/* They are where int4_quantize() left them: in the tensor at hand. */
static bool write_int4_scales(struct run *run, size_t index, struct sink *sink,
                              struct pare_error *err)
{
    const struct pare_tensor *shown = &run->model->tensors[index].shown;
    struct int4_layout layout = int4_layout(shown, &run->plan->changes[index]);
    struct int4_part part = { 0 };
    float *scales = run->stretch;
    while (int4_next(&layout, &part)) {
        size_t count = int4_scales(run->x, &layout, &part, scales);
        if (!sink_write(sink, scales, count * sizeof(*scales), err))
            return false;
    }
    return true;
}

static bool fill_zero_points(void *data, size_t index, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    const struct pare_tensor *shown = &run->model->tensors[index].shown;
    struct int4_layout layout = int4_layout(shown, &run->plan->changes[index]);
    return sink_write(sink, run->zeros, (size_t)(layout.n * layout.zero_bytes), err);
}

static bool fill_scales(void *data, size_t index, struct sink *sink, struct pare_error *err)
{
    struct run *run = data;
    if (run->plan->changes[index].kind == CHANGE_INT4)
        return write_int4_scales(run, index, sink, err);
    size_t bytes = (size_t)run->plan->changes[index].scale_count * sizeof(float);
    bool ok = sink_write(sink, run->scales[index], bytes, err);
    free(run->scales[index]);
    run->scales[index] = NULL;
    return ok;
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

static bool fill_copied(void *data, int64_t bytes, struct pare_error *err)
{
    struct run *run = data;
    run->meter.tensor = "";
    return meter_add(&run->meter, bytes, err);
}

/* ---- the whole ---- */

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
        const struct pare_tensor *shown = &run->model->tensors[e->tensor].shown;
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
        run->entry_of[e->tensor] = i;
    }
    run->report->before_bytes = plan->before_bytes;
    run->report->recipe = arena_strdup(arena, plan->recipe->text);
    return run->report->recipe || error_no_memory(err, 64);
}

static bool allocate(struct run *run, struct pare_error *err)
{
    size_t most = 0, channels = 0, zeros = 0, room = STRETCH, n = run->model->tensor_count + 1;
    for (size_t i = 0; i < run->model->tensor_count; i++) {
        const struct change *change = &run->plan->changes[i];
        const struct pare_tensor *shown = &run->model->tensors[i].shown;
        if (change->kind == CHANGE_NONE)
            continue;
        most = MAX(most, (size_t)shown->size_bytes);
        if (change->kind == CHANGE_INT8)
            channels = MAX(channels, (size_t)change->scale_count);
        if (change->kind == CHANGE_INT4) {
            struct int4_layout layout = int4_layout(shown, change);
            zeros = MAX(zeros, (size_t)(layout.n * layout.zero_bytes));
            room = INT4_ROOM;
        }
    }
    run->entry_of = calloc(n, sizeof(*run->entry_of));
    run->scales = calloc(n, sizeof(*run->scales));
    run->x = malloc(most + 1);
    run->stretch = malloc(room);
    run->zeros = malloc(zeros + 1);
    run->bits = malloc((channels + 1) * sizeof(*run->bits));
    run->bins = malloc(sizeof(*run->bins));
    if (!run->entry_of || !run->scales || !run->x || !run->stretch || !run->zeros || !run->bits ||
        !run->bins)
        return error_no_memory(err, most);
    return true;
}

static void release(struct run *run)
{
    provenance_stop(&run->provenance);
    for (size_t i = 0; run->scales && i < run->model->tensor_count; i++)
        free(run->scales[i]);
    free(run->entry_of);
    free(run->scales);
    free(run->x);
    free(run->stretch);
    free(run->zeros);
    free(run->bits);
    free(run->bins);
    pare_report_free(run->report);
}

static bool write_output(struct run *run, const char *name, struct sink *sink,
                         struct pare_error *err)
{
    struct output *output;
    struct filler filler = { fill_values, fill_scales, fill_zero_points,
                             fill_digest, fill_copied, run };
    if (!plan_layout(run->plan, name, &output, err))
        return false;
    run->report->after_bytes = output_bytes(output);
    bool ok = output_write(output, sink, &filler, err);
    output_free(output);
    run->meter.tensor = "";
    return ok && meter_add(&run->meter, run->meter.total_bytes, err);
}

static bool check_worth(const struct pare_plan *plan, struct pare_error *err)
{
    if (plan->changed_count)
        return true;
    const struct pare_plan_entry *first = plan->entry_count ? &plan->entries[0] : NULL;
    return error_set(err, PARE_ERR_REFUSED,
                     "the recipe changes nothing: the model has %zu tensors of two or more "
                     "dimensions%s%.100s%s%s",
                     plan->entry_count, first ? "; " : "", first ? first->name : "",
                     first ? ": " : "", first ? first->reason : "");
}

bool engine_run(const struct pare_plan *plan, const char *name, struct sink *sink,
                const struct pare_run_options *options, struct pare_report **ret_report,
                struct pare_error *err)
{
    struct run run = {
        .plan = plan,
        .model = plan->model->model,
        .kernel = kernel_best(),
        .meter = { .progress = options->progress,
                   .data = options->data,
                   .phase = "writing",
                   .total_bytes = plan->before_bytes },
    };
    bool ok = check_worth(plan, err) && allocate(&run, err) && start_report(&run, err) &&
              provenance_begin(&run.provenance, plan, options, true, err) &&
              write_output(&run, name, sink, err) && report_write_json(run.report, err);
    if (ok) {
        *ret_report = run.report;
        run.report = NULL;
    }
    release(&run);
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
            ok = error_set(err, PARE_ERR_REFUSED,
                           "%s is a file of the source, which is never modified; choose another "
                           "name or folder",
                           path);
        arena_done(&arena);
    }
    output_free(output);
    return ok;
}

static bool run_into(const struct pare_plan *plan, const char *folder, const char *name,
                     const struct pare_run_options *options, struct pare_report **ret_report,
                     struct pare_error *err)
{
    struct sink *sink;
    struct pare_report *report;
    if (!check_targets(plan, folder, name, err) ||
        !sink_open_folder(folder, !options->no_sync, &sink, err))
        return false;
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
    bool ok = run_into(plan, folder, name, options ? options : &defaults, ret_report, err);
    free(folder);
    return ok;
}
