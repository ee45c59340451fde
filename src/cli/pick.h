/* SPDX-License-Identifier: MIT */
/*
 * The options by which quantize and prune choose tensors: --include, --exclude, --ops, --tensor.
 *
 * They become keys of a recipe's steps, which a user of options never wrote: where a model is at
 * hand what hits nothing in it is named as it was typed.
 */
#ifndef PARE_CLI_PICK_H
#define PARE_CLI_PICK_H

#include "cli/command.h"

struct order_settings;
struct pare_model;

/* Into the settings. The lists live in cli's arena. */
MUST_CHECK bool pick_read(struct cli *cli, struct order_settings *io_settings,
                          struct pare_error *err);

/* Whether each of them hits something in the model. The command has such options. */
MUST_CHECK bool pick_check(struct cli *cli, const struct pare_model *model, struct pare_error *err);

#endif
