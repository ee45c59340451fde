/* SPDX-License-Identifier: MIT */
/* A progress bar on a terminal, and nothing in a pipe. */
#ifndef PARE_CLI_PROGRESS_H
#define PARE_CLI_PROGRESS_H

#include "base/base.h"

struct progress {
    const char *verb; /* "importing" */
    int64_t done_bytes, total_bytes;
    int64_t started_ms, shown_ms;
    bool watched;
};

void progress_init(struct progress *progress, const char *verb, int64_t total_bytes);
/* Draws at most ten times a second. */
void progress_add(struct progress *progress, int64_t bytes);
/* Removes the bar. */
void progress_done(struct progress *progress);

#endif
