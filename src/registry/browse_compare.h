/* SPDX-License-Identifier: MIT */
/* What a comparison wants to know, as an event loop asks it: the questions of browse.h. */
#ifndef PARE_REGISTRY_BROWSE_COMPARE_H
#define PARE_REGISTRY_BROWSE_COMPARE_H

#include "registry/browse.h"
#include "registry/comparison.h"

enum { BROWSE_COMPARE_MAX = 4 };

/* `count` versions by id, one of them the baseline; a guest may see the rows alone. */
void browse_ask_compare(struct browse_batch *batch, bool guest, const int64_t *ids, size_t count,
                        size_t baseline);
/* version.id 0: it is gone. */
MUST_CHECK bool browse_take_compare(struct pg_rows *const *rows, bool guest, const int64_t *ids,
                                    size_t count, size_t baseline, struct arena *arena,
                                    struct comparison_side *ret_sides, struct pare_error *err);

#endif
