/* SPDX-License-Identifier: MIT */
/* A worker for one job, or for those that wait, started by whoever submitted them and outliving them. */
#ifndef PARE_JOBS_LAUNCH_H
#define PARE_JOBS_LAUNCH_H

#include "base/base.h"

struct pare_error;

/*
 * Start this very program as a worker for the job `id`: a process of its own session, away from
 * the terminal, that nobody waits for. `conninfo` NULL: where the environment says. `id` 0: for all
 * that wait, one after the other, as measurements want it.
 */
MUST_CHECK bool launch_worker(const char *conninfo, int64_t id, struct pare_error *err);

#endif
