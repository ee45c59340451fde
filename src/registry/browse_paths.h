/* SPDX-License-Identifier: MIT */
/*
 * Which JSON values the newest versions have below metrics and config: what a column may show.
 */
#ifndef PARE_REGISTRY_BROWSE_PATHS_H
#define PARE_REGISTRY_BROWSE_PATHS_H

#include "registry/browse.h"

struct browse_path {
    const char *word; /* metrics.f1, as field_find() takes it */
    int64_t count;    /* of the versions looked at: those that have it */
};

struct browse_paths {
    struct browse_path *paths; /* in the arena, by word */
    size_t count;
    int64_t looked_at; /* versions */
};

void browse_ask_paths(struct browse_batch *batch);
MUST_CHECK bool browse_take_paths(struct pg_rows *const *rows, struct arena *arena,
                                  struct browse_paths *ret_paths, struct pare_error *err);

#endif
