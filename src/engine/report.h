/* SPDX-License-Identifier: MIT */
/* What was done to each tensor and what it cost. */
#ifndef PARE_ENGINE_REPORT_H
#define PARE_ENGINE_REPORT_H

#include "base/arena.h"
#include "base/base.h"
#include "pare/transform.h"

struct kernel_error;

struct pare_report {
    struct arena arena; /* everything below */
    struct pare_report_entry *entries;
    size_t entry_count, entry_room;
    int64_t before_bytes, after_bytes;
    int64_t predicted_bytes;                     /* of a run: what its plan said; else 0 */
    int64_t parameters_before, parameters_after; /* so: elements of all float tensors */
    size_t pruned_tensors;                       /* so, as the following of them alone */
    uint64_t pruned_elements, zeros_before, zeros_after;
    const char *pruned; /* the same in words, once the JSON is written; NULL: nothing pruned */
    const char *words, *counts; /* as in a plan; NULL for a difference */
    const char *recipe;         /* JSON, or NULL for a difference */
    const char *warning;        /* or NULL */
    const char *source_sha256;  /* or NULL */
    double signal, noise;       /* sums over all tensors measured, as in struct kernel_error */
    const char *json;
};

MUST_CHECK bool report_new(struct pare_report **ret_report, struct pare_error *err);

/* A new last entry, its strings borrowed; NULL when memory ends. */
struct pare_report_entry *report_add(struct pare_report *report,
                                     const struct pare_report_entry *entry);

/* Fill in the measures of one of its entries; clipped_count is there already. */
void report_measure(struct pare_report *report, struct pare_report_entry *entry,
                    const struct kernel_error *error);

/* Of all values measured together, in dB: infinite when none changed, NAN when none was measured. */
double report_sqnr_db(const struct pare_report *report);

/* One more tensor was pruned. */
void report_pruned(struct pare_report *report, uint64_t elements, uint64_t zeros_before,
                   uint64_t zeros_after);

/* Write the JSON once all is known. */
MUST_CHECK bool report_write_json(struct pare_report *report, struct pare_error *err);

#endif
