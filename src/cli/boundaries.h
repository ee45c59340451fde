/* SPDX-License-Identifier: MIT */
/*
 * Where an import cuts the files of a model into chunks: format/cuts.h by the names of files.
 */
#ifndef PARE_CLI_BOUNDARIES_H
#define PARE_CLI_BOUNDARIES_H

#include "format/cuts.h"

struct arena;
struct pare_error;

struct boundaries {
    struct cuts cuts;
    const char **files; /* by number, relative to the folder of the main file; in the arena */
    size_t file_count;
};

/* Read the structure of the model at `path`. What is no model is PARE_ERR_FORMAT. */
MUST_CHECK bool boundaries_find(const char *path, struct arena *arena,
                                struct boundaries *ret_boundaries, struct pare_error *err);

/* The first boundary of `file` behind byte `at`, INT64_MAX when there is none. */
int64_t boundaries_next(const struct boundaries *boundaries, const char *file, int64_t at);

#endif
