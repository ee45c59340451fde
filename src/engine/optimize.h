/* SPDX-License-Identifier: MIT */
/*
 * The step optimize: before all others, which then work on a model that is simpler.
 *
 * Nothing is written in between: the simpler model is read through what format.h's
 * model_optimize() lays over the first one.
 */
#ifndef PARE_ENGINE_OPTIMIZE_H
#define PARE_ENGINE_OPTIMIZE_H

#include "base/base.h"

struct arena;
struct pare_error;
struct pare_plan;

/* Set plan->work, and what goes with it, as the recipe says. */
MUST_CHECK bool optimize_plan(struct pare_plan *plan, struct pare_error *err);

/* Set plan->origins, once plan->work is what the other steps work on. */
MUST_CHECK bool optimize_find_origins(struct pare_plan *plan, struct pare_error *err);

/* List the tensors that are no more. */
MUST_CHECK bool optimize_list_gone(struct pare_plan *plan, struct pare_error *err);

/* What optimizing did to a tensor of plan->work; "" for nothing. */
const char *optimize_fate(const struct pare_plan *plan, size_t tensor);

/* What was done, in words; "" when the recipe has no such step; NULL when memory ends. */
const char *optimize_words(const struct pare_plan *plan, struct arena *arena);

/* The same as a member of a JSON object, with the comma behind it. */
const char *optimize_json(const struct pare_plan *plan, struct arena *arena);

#endif
