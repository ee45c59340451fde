/* SPDX-License-Identifier: MIT */
/*
 * Commands whose work is a job: submit it, see that somebody runs it, wait for it.
 *
 * A waiting command runs its job in a process of its own that outlives it: Ctrl-C
 * leaves the job and prints its id, a second one asks to cancel it.
 */
#ifndef PARE_CLI_WORK_H
#define PARE_CLI_WORK_H

#include "cli/visit.h"
#include "registry/queue.h"

/*
 * Submit, and with `detach` say the id on stdout and return; else wait until the job ends.
 * ret_row (may be NULL) learns how; a job that failed or was cancelled is a failure here.
 */
MUST_CHECK bool work_do(const struct cli *cli, const struct visit *visit,
                        const struct queue_order *order, bool detach, struct job_row *ret_row,
                        struct pare_error *err);

#endif
