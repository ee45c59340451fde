/* SPDX-License-Identifier: MIT */
/*
 * How a long measurement tells how far it is, and how it is told to stop.
 *
 * One callback does both, called between two runs of a model and at most every
 * WATCH_STEP_MS: a stop asked for is obeyed within that and one run, or the loading
 * of one model, which the runtime does not interrupt.
 */
#ifndef PARE_MEASURE_WATCH_H
#define PARE_MEASURE_WATCH_H

#include "base/base.h"

struct pare_error;

enum { WATCH_STEP_MS = 50 };

struct watch {
    /* False asks to stop. `what` is a word for people: "latency", "accuracy", "memory". */
    bool (*report)(void *data, const char *what, double done_fraction);
    void *data;
    int64_t reported_ns; /* kept here: when it was last called */
};

/* False, and `err` says PARE_ERR_INTERRUPTED, when a stop was asked for. `watch` may be NULL. */
MUST_CHECK bool watch_step(struct watch *watch, const char *what, double done_fraction,
                           struct pare_error *err);

/* The monotonic clock. */
int64_t watch_now_ns(void);

#endif
