/* SPDX-License-Identifier: MIT */
#include "measure/evaluate.h"

#include <assert.h>
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
                           struct evaluation *evaluations, struct pare_error *err)
{
    struct part part = { watch, 0, 0.05 };
    struct watch inner = { .report = report_part, .data = &part };
    struct memory_options options = {
        .runtime_path = request->runtime_path,
        .threads = request->latency.threads,
        .batch = request->latency.batch,
    };
    for (size_t i = 0; i < request->count; i++)
        if (!memory_measure(request->paths[i], request->dataset, &options, &inner,
                            &evaluations[i].peak_bytes, err))
            return false;
    int64_t parent_bytes = 0;
    if (request->parent_path && !memory_measure(request->parent_path, request->dataset, &options,
                                                &inner, &parent_bytes, err))
        return false;
    for (size_t i = 0; i < request->count; i++)
        evaluations[i].parent_peak_bytes = parent_bytes;
    return true;
}

/* The parent goes first: what comes after is measured against it. */
static bool measure_latency(const struct evaluate_request *request, struct runtime *runtime,
                            struct watch *watch, struct evaluation *evaluations,
                            struct pare_error *err)
{
    struct part part = { watch, 0.65, 1 };
    struct watch inner = { .report = report_part, .data = &part };
    struct latency latency[LATENCY_VERSIONS_MAX];
    const char *paths[LATENCY_VERSIONS_MAX] = { request->parent_path };
    size_t first = request->parent_path ? 1 : 0;
    for (size_t i = 0; i < request->count; i++)
        paths[first + i] = request->paths[i];
    if (!latency_measure(runtime, paths, first + request->count, request->dataset,
                         &request->latency, &inner, latency, err))
        return false;
    for (size_t i = 0; i < request->count; i++) {
        evaluations[i].latency = latency[first + i];
        if (first)
            evaluations[i].parent_latency = latency[0];
    }
    return true;
}

/* Each of them beside the parent, which runs as often: an example is judged by both at once. */
static bool measure_accuracy(const struct evaluate_request *request, struct runtime *runtime,
                             struct watch *watch, size_t i, struct evaluation *evaluation,
                             struct pare_error *err)
{
    double share = 0.6 / (double)request->count;
    struct part part = { watch, 0.05 + share * (double)i, 0.05 + share * (double)(i + 1) };
    struct watch inner = { .report = report_part, .data = &part };
    struct session *session = NULL, *parent = NULL;
    int threads = request->latency.threads;
    bool ok = session_open(runtime, request->paths[i], threads, &session, err) &&
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
              struct evaluation ret_evaluations[], struct pare_error *err)
{
    struct evaluation evaluations[EVALUATE_VERSIONS_MAX] = { 0 };
    struct runtime *runtime = NULL;
    assert(request->count > 0 && request->count <= EVALUATE_VERSIONS_MAX);
    if (!measure_memory(request, watch, evaluations, err) ||
        !runtime_open(request->runtime_path, &runtime, err))
        return false;
    /* Accuracy before time: what does not fit shows in the first rows. */
    bool ok = true;
    for (size_t i = 0; ok && i < request->count; i++)
        ok = measure_accuracy(request, runtime, watch, i, &evaluations[i], err);
    ok = ok && measure_latency(request, runtime, watch, evaluations, err);
    for (size_t i = 0; ok && i < request->count; i++) {
        evaluations[i].has_parent = request->parent_path != NULL;
        note_conditions(request, runtime, &evaluations[i]);
        ret_evaluations[i] = evaluations[i];
    }
    runtime_close(runtime);
    return ok;
}
