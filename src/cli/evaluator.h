/* SPDX-License-Identifier: MIT */
/*
 * The user's own evaluator: a command that is given a version's file or folder and
 * prints a JSON object of numbers.
 *
 * It runs here, for the one who asked, and never from the queue: what others write
 * into a registry must not become a command on somebody's machine.
 */
#ifndef PARE_CLI_EVALUATOR_H
#define PARE_CLI_EVALUATOR_H

#include "cli/visit.h"

struct version;

/* Run `command` through the shell with the path as its last argument; store what it prints. */
MUST_CHECK bool evaluator_run(const struct cli *cli, const struct visit *visit,
                              const struct version *version, const char *command,
                              struct pare_error *err);

#endif
