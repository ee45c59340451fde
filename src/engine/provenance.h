/* SPDX-License-Identifier: MIT */
/* Where an output comes from: its source's digest, found while the output is being written. */
#ifndef PARE_ENGINE_PROVENANCE_H
#define PARE_ENGINE_PROVENANCE_H

#include <stdatomic.h>

#include "base/error.h"
#include "engine/plan.h"

struct pare_run_options;
struct pool_task;

struct provenance {
    const struct pare_plan *plan;
    pare_progress_fn *progress; /* NULL while it runs beside the writing */
    void *data;
    struct pool_task *task; /* NULL: nothing runs */
    atomic_bool stop;
    bool ok;
    struct pare_error err;     /* when not ok */
    char hex[DIGEST_HEX_ROOM]; /* when ok */
};

/*
 * Begin, beside the caller where `beside` says so and the source can be read by two; else it is
 * found before this returns. A digest that the plan knows is not looked for.
 */
MUST_CHECK bool provenance_begin(struct provenance *p, const struct pare_plan *plan,
                                 const struct pare_run_options *options, bool beside,
                                 struct pare_error *err);

/* Wait for it: `p->hex`. */
MUST_CHECK bool provenance_settle(struct provenance *p, struct pare_error *err);

/* Give up what is under way. Harmless at any time. */
void provenance_stop(struct provenance *p);

#endif
