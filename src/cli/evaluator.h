/* SPDX-License-Identifier: MIT */
/*
 * The user's own evaluator: a command that is given a version's file or folder and
 * prints one JSON object, whose numbers become metrics.
 *
 * It runs here, in the process of the one who typed it, and never from the queue: who may
 * write a row of pare.jobs must not thereby run a command on a worker's machine. So there is
 * no job, no --detach, and what it says on stderr is seen at once. The files are in a private
 * folder (jobs/spool.h) that goes in every ending; after a kill -9 the next one removes it.
 */
#ifndef PARE_CLI_EVALUATOR_H
#define PARE_CLI_EVALUATOR_H

#include "cli/visit.h"

struct version;

enum { EVALUATOR_SECONDS = 3600 };

struct evaluator {
    const char *command;
    int64_t timeout_seconds;
    bool replace; /* also metrics that a person wrote */
};

/* Run it on the version (cli/leash.h says how) and store what it prints. */
MUST_CHECK bool evaluator_run(const struct cli *cli, const struct visit *visit,
                              const struct version *version, const struct evaluator *evaluator,
                              struct pare_error *err);

#endif
