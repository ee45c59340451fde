/* SPDX-License-Identifier: MIT */
#include "measure/evaluate.h"

#include <stdio.h>

#include "base/error.h"
#include "measure/dataset.h"
#include "measure/host.h"
#include "measure/memory.h"
#include "measure/watch.h"
#include "runtime/ort.h"
#include "runtime/session.h"

/* One part's course from 0 to 1 as a stretch of the whole. */
struct part {
    struct watch *whole; /* the caller's; may be NULL */
    double from, to;
};

static bool report_part(void *data, const char *what, double done_fraction)
{
    const struct part *part = data;
    double done = part->from + (part->to - part->from) * done_fraction;
    return !part->whole || !part->whole->report ||
           part->whole->report(part->whole->data, what, done);
}

static bool measure_memory(const struct evaluate_request *request, struct watch *watch,
                           struct evaluation *evaluation, struct pare_error *err)
{
    struct part part = { watch, 0, 0.05 };
    struct watch inner = { .report = report_part, .data = &part };
    struct memory_options options = {
        .runtime_path = request->runtime_path,
        .threads = request->latency.threads,
        .batch = request->latency.batch,
    };
    if (!memory_measure(request->path, request->dataset, &options, &inner, &evaluation->peak_bytes,
                        err))
        return false;
    return !request->parent_path || memory_measure(request->parent_path, request->dataset, &options,
                                                   &inner, &evaluation->parent_peak_bytes, err);
}

/* The parent goes first: what comes after is measured against it. */
static bool measure_latency(const struct evaluate_request *request, struct runtime *runtime,
                            struct watch *watch, struct evaluation *evaluation,
                            struct pare_error *err)
{
    struct part part = { watch, 0.65, 1 };
    struct watch inner = { .report = report_part, .data = &part };
    struct latency latency[2];
    const char *paths[2] = { request->parent_path, request->path };
    size_t skip = request->parent_path ? 0 : 1;
    if (!latency_measure(runtime, paths + skip, 2 - skip, request->dataset, &request->latency,
                         &inner, latency + skip, err))
        return false;
    evaluation->latency = latency[1];
    if (!skip)
        evaluation->parent_latency = latency[0];
    return true;
}

static bool measure_accuracy(const struct evaluate_request *request, struct runtime *runtime,
                             struct watch *watch, struct evaluation *evaluation,
                             struct pare_error *err)
{
    struct part part = { watch, 0.05, 0.65 };
    struct watch inner = { .report = report_part, .data = &part };
    struct session *session = NULL, *parent = NULL;
    int threads = request->latency.threads;
    bool ok = session_open(runtime, request->path, threads, &session, err) &&
              (!request->parent_path ||
               session_open(runtime, request->parent_path, threads, &parent, err)) &&
              accuracy_measure(session, parent, request->dataset, &request->accuracy, &inner,
                               &evaluation->accuracy, err);
    session_close(parent);
    session_close(session);
    return ok;
}

static void note_conditions(const struct evaluate_request *request, const struct runtime *runtime,
                            struct evaluation *evaluation)
{
    struct evaluate_conditions *to = &evaluation->conditions;
    host_cpu(to->cpu, sizeof(to->cpu));
    to->cores = host_cores();
    snprintf(to->runtime_version, sizeof(to->runtime_version), "%s", runtime_version(runtime));
    to->threads = request->latency.threads;
    to->latency_batch = evaluation->latency.batch;
    to->accuracy_batch = evaluation->accuracy.batch;
    snprintf(to->dataset_digest, sizeof(to->dataset_digest), "%s", request->dataset->digest);
    to->dataset_rows = request->dataset->rows;
}

bool evaluate(const struct evaluate_request *request, struct watch *watch,
              struct evaluation *ret_evaluation, struct pare_error *err)
{
    struct evaluation evaluation = { .has_parent = request->parent_path != NULL };
    struct runtime *runtime = NULL;
    if (!measure_memory(request, watch, &evaluation, err) ||
        !runtime_open(request->runtime_path, &runtime, err))
        return false;
    /* Accuracy before time: what does not fit shows in the first rows. */
    bool ok = measure_accuracy(request, runtime, watch, &evaluation, err) &&
              measure_latency(request, runtime, watch, &evaluation, err);
    if (ok)
        note_conditions(request, runtime, &evaluation);
    runtime_close(runtime);
    if (ok)
        *ret_evaluation = evaluation;
    return ok;
}
