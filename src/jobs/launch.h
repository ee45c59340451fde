/* SPDX-License-Identifier: MIT */
/* A worker for one job, started by whoever submitted it and outliving them. */
#ifndef PARE_JOBS_LAUNCH_H
#define PARE_JOBS_LAUNCH_H

#include "base/base.h"

struct pare_error;

/*
 * Start this very program as a worker for the job `id`: a process of its own session, away from
 * the terminal, that nobody waits for. `conninfo` NULL: where the environment says.
 */
MUST_CHECK bool launch_worker(const char *conninfo, int64_t id, struct pare_error *err);

#endif
