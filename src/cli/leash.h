/* SPDX-License-Identifier: MIT */
/*
 * A user's own command on a leash: it has a process group of its own, a limit to its time and one
 * to what it prints, and nothing that stays in its group outlives it.
 *
 * Its standard input is empty and its standard error is ours: a person sees what it says.
 */
#ifndef PARE_CLI_LEASH_H
#define PARE_CLI_LEASH_H

#include <signal.h>

#include "base/base.h"

struct buf;
struct pare_error;

struct leash {
    const char *command; /* for sh -c */
    const char *path;    /* PARE_MODEL; and its last argument, unless it names PARE_MODEL itself */
    int64_t timeout_seconds;
    const volatile sig_atomic_t *interrupt; /* not 0: end it; above 1: at once */
};

/*
 * Run it to its end. What it printed, up to the ceiling of `output`, is appended there and
 * *ret_seconds says how long it took; a code other than 0, a signal, a limit passed are failures.
 */
MUST_CHECK bool leash_run(const struct leash *leash, struct buf *output, double *ret_seconds,
                          struct pare_error *err);

#endif
