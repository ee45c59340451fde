/* SPDX-License-Identifier: MIT */
/*
 * The whole measurement of a version: memory, time and accuracy, against the
 * version it was made from where there is one, with the conditions under which
 * the figures hold. What a job stores is this struct.
 */
#ifndef PARE_MEASURE_EVALUATE_H
#define PARE_MEASURE_EVALUATE_H

#include "base/base.h"
#include "base/digest.h"
#include "measure/accuracy.h"
#include "measure/latency.h"

struct dataset;
struct pare_error;
struct watch;

struct evaluate_request {
    const char *path;         /* the model file; files with its weights lie beside it */
    const char *parent_path;  /* NULL: there is none to compare with */
    const char *runtime_path; /* for runtime_open(); NULL: found as usual */
    struct dataset *dataset;
    struct latency_options latency;
    struct accuracy_options accuracy;
};

/* Figures are only comparable when these agree. */
struct evaluate_conditions {
    char cpu[128];
    int cores;
    char runtime_version[32]; /* of ONNX Runtime */
    int threads;
    int64_t latency_batch, accuracy_batch;
    char dataset_digest[DIGEST_HEX];
    int64_t dataset_rows;
};

struct evaluation {
    struct evaluate_conditions conditions;
    struct latency latency;
    struct accuracy accuracy;
    int64_t peak_bytes;

    bool has_parent;
    struct latency parent_latency;
    int64_t parent_peak_bytes;
};

/*
 * Measure everything. The version's latency.ratio is against the parent. The watch sees one
 * course from 0 to 1. Call it in a process that has no runtime open, see memory.h.
 */
MUST_CHECK bool evaluate(const struct evaluate_request *request, struct watch *watch,
                         struct evaluation *ret_evaluation, struct pare_error *err);

#endif
