/* SPDX-License-Identifier: MIT */
/*
 * The whole measurement of a version or of several: memory, time and accuracy,
 * against the version they were made from where there is one, with the conditions
 * under which the figures hold. What a job stores is this struct, one a version.
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

enum { EVALUATE_VERSIONS_MAX = LATENCY_VERSIONS_MAX - 1 }; /* and the parent */

struct evaluate_request {
    const char *const *paths; /* (count): model files; files with their weights lie beside them */
    size_t count;             /* 1 to EVALUATE_VERSIONS_MAX */
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

    bool has_parent; /* the following are then the same for all that were measured together */
    struct latency parent_latency;
    int64_t parent_peak_bytes;
};

/*
 * Measure everything, the times of all in turns, into ret_evaluations (request->count). A version's
 * latency.ratio is against the parent. The watch sees one course from 0 to 1. Call it in a process
 * that has no runtime open, see memory.h.
 */
MUST_CHECK bool evaluate(const struct evaluate_request *request, struct watch *watch,
                         struct evaluation ret_evaluations[], struct pare_error *err);

#endif
