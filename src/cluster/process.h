/* SPDX-License-Identifier: MIT */
/*
 * Running PostgreSQL's programs: by an absolute path, never through a shell,
 * with a small environment, no input and no descriptor of ours.
 */
#ifndef PARE_CLUSTER_PROCESS_H
#define PARE_CLUSTER_PROCESS_H

#include <sys/types.h>

#include "base/base.h"

struct buf;
struct pare_error;

/* Start argv[0]; what it writes, errors too, goes to `output_fd`. The caller waits for the child. */
MUST_CHECK bool process_start(const char *const argv[], int output_fd, pid_t *ret_pid,
                              struct pare_error *err);

/*
 * Run argv[0] to its end. The last part of what it writes, as much as `output`'s ceiling takes,
 * is appended there. *ret_exit is its exit code, or 128 and the signal that ended it.
 */
MUST_CHECK bool process_run(const char *const argv[], struct buf *output, int *ret_exit,
                            struct pare_error *err);

/* Monotonic seconds. */
double process_clock(void);

void process_sleep(double seconds);

#endif
