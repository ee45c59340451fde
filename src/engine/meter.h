/* SPDX-License-Identifier: MIT */
/* How far a phase is, told to whoever asked; the one place where a call can be stopped. */
#ifndef PARE_ENGINE_METER_H
#define PARE_ENGINE_METER_H

#include "base/base.h"
#include "pare/transform.h"

struct meter {
    pare_progress_fn *progress; /* may be NULL */
    void *data;
    const char *phase, *tensor;
    int64_t done_bytes, total_bytes;
};

/* `bytes` more are done. False, and PARE_ERR_INTERRUPTED, when the callback says stop. */
MUST_CHECK bool meter_add(struct meter *meter, int64_t bytes, struct pare_error *err);

#endif
