/* SPDX-License-Identifier: MIT */
/*
 * Structured pruning: whole channels go, and the tensors become smaller.
 *
 * A channel matters as much as the product of the norms of its slices (of all that makes it and
 * all that uses it: Fang et al., DepGraph, 2023, without its data), so one that is zero on either
 * side goes first, and nothing changes with it. Of equal ones the lowest index goes first.
 *
 * As with the step optimize nothing is written in between: what is left is a model laid over the
 * one below, and the other steps work on that.
 */
#ifndef PARE_ENGINE_STRUCTURE_H
#define PARE_ENGINE_STRUCTURE_H

#include "base/base.h"

struct meter;
struct pare_error;
struct pare_plan;
struct step;
struct structure;

/* Whether the step takes channels. */
bool structure_is_step(const struct step *step);

/* Set plan->work as the recipe's steps of the kind say. */
MUST_CHECK bool structure_plan(struct pare_plan *plan, struct meter *meter, struct pare_error *err);
void structure_free(struct structure *structure); /* NULL is fine */

/* What became of the tensor of that name, "ffn: 16 of 32 channels stay", or why nothing; or "". */
const char *structure_action(const struct structure *structure, const char *tensor);
const char *structure_reason(const struct structure *structure, const char *tensor);

#endif
