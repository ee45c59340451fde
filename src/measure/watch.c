/* SPDX-License-Identifier: MIT */
#include "measure/watch.h"

#include <time.h>

#include "base/error.h"

int64_t watch_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool watch_step(struct watch *watch, const char *what, double done_fraction, struct pare_error *err)
{
    if (!watch || !watch->report)
        return true;
    int64_t now_ns = watch_now_ns();
    if (watch->reported_ns && now_ns - watch->reported_ns < WATCH_STEP_MS * INT64_C(1000000))
        return true;
    watch->reported_ns = now_ns;
    if (watch->report(watch->data, what, MAX(0.0, MIN(1.0, done_fraction))))
        return true;
    return error_set(err, PARE_ERR_INTERRUPTED, "stopped while measuring %s", what);
}
