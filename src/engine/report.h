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
    const char *words, *counts; /* as in a plan; NULL for a difference */
    const char *recipe;         /* JSON, or NULL for a difference */
    const char *warning;        /* or NULL */
    const char *source_sha256;  /* or NULL */
    const char *json;
};

MUST_CHECK bool report_new(struct pare_report **ret_report, struct pare_error *err);

/* A new last entry, its strings borrowed; NULL when memory ends. */
struct pare_report_entry *report_add(struct pare_report *report,
                                     const struct pare_report_entry *entry);

/* Fill in the measures; clipped_count is there already. */
void report_measure(struct pare_report_entry *entry, const struct kernel_error *error);

/* Write the JSON once all is known. */
MUST_CHECK bool report_write_json(struct pare_report *report, struct pare_error *err);

#endif
