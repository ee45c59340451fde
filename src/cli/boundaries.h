/* SPDX-License-Identifier: MIT */
/*
 * Where the tensors of a model file begin and end, so that chunks in the registry
 * restart there: two versions that share a tensor then share its chunks.
 */
#ifndef PARE_CLI_BOUNDARIES_H
#define PARE_CLI_BOUNDARIES_H

#include "base/base.h"

struct arena;
struct pare_error;

/* A tensor smaller than this shares its chunk with its neighbours. */
enum { BOUNDARIES_TENSOR_MIN = 64 * 1024 };

struct boundary {
    const char *file; /* relative to the folder of the main file */
    int64_t at;
};

struct boundaries {
    const struct boundary *list; /* by file, then by place; in the arena */
    size_t count;
};

/* Read the structure of the model at `path`. What is no model is PARE_ERR_FORMAT. */
MUST_CHECK bool boundaries_find(const char *path, struct arena *arena,
                                struct boundaries *ret_boundaries, struct pare_error *err);

/* The first boundary of `file` behind byte `at`, INT64_MAX when there is none. */
int64_t boundaries_next(const struct boundaries *boundaries, const char *file, int64_t at);

#endif
