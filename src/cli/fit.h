/* SPDX-License-Identifier: MIT */
/* pare show REF --for SIZE: whether a version fits a device, from sizes and config.json alone. */
#ifndef PARE_CLI_FIT_H
#define PARE_CLI_FIT_H

#include "cli/visit.h"

struct version;

/* Reads what is on record and at most config.json of the version's bytes. */
MUST_CHECK bool fit_print(struct cli *cli, const struct visit *visit, const struct version *version,
                          struct pare_error *err);

#endif
