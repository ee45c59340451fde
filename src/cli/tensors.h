/* SPDX-License-Identifier: MIT */
/* Tensors on the terminal: of a model, of a plan, of a report; and the bar while they are read. */
#ifndef PARE_CLI_TENSORS_H
#define PARE_CLI_TENSORS_H

#include "cli/command.h"
#include "pare.h"

struct tensors_bar {
    const volatile sig_atomic_t *interrupt;
    int64_t shown_ms;
};

/* A pare_progress_fn whose data is a struct tensors_bar: draws on a terminal, stops on Ctrl-C. */
bool tensors_progress(void *data, const struct pare_progress *progress);
void tensors_bar_done(struct tensors_bar *bar);

MUST_CHECK bool tensors_print_model(struct cli *cli, const struct pare_model *model,
                                    struct pare_error *err);
/* The same with the share of zeros, for which the weights are read, and with the errors that making
 * the version brought, as `report` has them (JSON, or NULL). */
MUST_CHECK bool tensors_print_version(struct cli *cli, const struct pare_model *model,
                                      const char *report, struct pare_error *err);
/* How the values of the tensor of this name are spread. */
MUST_CHECK bool tensors_print_histogram(struct cli *cli, const struct pare_model *model,
                                        const char *name, struct pare_error *err);
MUST_CHECK bool tensors_print_plan(struct cli *cli, const struct pare_plan *plan,
                                   struct pare_error *err);
MUST_CHECK bool tensors_print_report(struct cli *cli, const struct pare_report *report,
                                     struct pare_error *err);

#endif
