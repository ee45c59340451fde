/* SPDX-License-Identifier: MIT */
/*
 * Where a store that keeps files in chunks begins a new one: at both ends of a tensor,
 * so that two versions that share a tensor share its chunks. Small tensors do not pay
 * for a chunk of their own and share one with their neighbours.
 *
 * This is the rule for files that are read (cuts_find) and for tensors that are being
 * written (cuts_around); a version made by the engine and its export imported again are
 * cut at the same places, but for a small tensor that is copied from between large ones:
 * it keeps the chunk that it has in common with its parent.
 */
#ifndef PARE_FORMAT_CUTS_H
#define PARE_FORMAT_CUTS_H

#include "base/base.h"

struct arena;
struct model;
struct pare_error;

struct cut {
    size_t file; /* the source's number of it */
    int64_t at;
};

struct cuts {
    struct cut *list; /* by file, then by place; in the arena */
    size_t count;
};

/* Whether a tensor of so many bytes has chunks of its own. */
bool cuts_around(int64_t tensor_bytes);

/* All of a model's files. */
MUST_CHECK bool cuts_find(const struct model *model, struct arena *arena, struct cuts *ret_cuts,
                          struct pare_error *err);

/* The first cut of `file` behind byte `at`, INT64_MAX when there is none. */
int64_t cuts_next(const struct cuts *cuts, size_t file, int64_t at);

#endif
