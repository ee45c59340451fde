/* SPDX-License-Identifier: MIT */
/*
 * The worker: claims jobs one at a time and supervises a child process for each.
 *
 * The supervisor renews the lease once a second, writes how far the job is,
 * passes a request to cancel on, and records how the child ended: a crash is
 * tried again, a job that says it cannot be done is not.
 */
#ifndef PARE_JOBS_WORKER_H
#define PARE_JOBS_WORKER_H

#include <signal.h>

#include "base/base.h"

struct pare_error;

struct worker_options {
    const char *conninfo;              /* of the supervisor and of its children */
    int64_t only;                      /* this job and no other; 0: any */
    bool once;                         /* end when nothing waits */
    int idle_seconds;                  /* end after so long without a job; 0: never */
    int lease_seconds;                 /* 0: QUEUE_LEASE_SECONDS */
    const volatile sig_atomic_t *stop; /* nonzero ends the worker; its job waits again */
    void (*say)(const char *fmt, ...) PRINTF_LIKE(1, 2); /* what happens, for people */
};

/* Work until there is nothing left to do. */
MUST_CHECK bool worker_run(const struct worker_options *options, struct pare_error *err);

#endif
