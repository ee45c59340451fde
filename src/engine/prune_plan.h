/* SPDX-License-Identifier: MIT */
/*
 * What prune steps mean for the tensors of a plan. The cut of global-l1 lies among the magnitudes
 * of all tensors of its step: it is found by passes over the file, of which nothing is kept but
 * counts.
 */
#ifndef PARE_ENGINE_PRUNE_PLAN_H
#define PARE_ENGINE_PRUNE_PLAN_H

#include "base/base.h"

struct meter;
struct pare_error;
struct pare_plan;
struct step;

/*
 * The pruning of each tensor that a prune step is decided for; where the method does not fit the
 * step goes and the decision says why. A tensor of global-l1 that is not finite gets its reason.
 */
MUST_CHECK bool prune_plan(struct pare_plan *plan, struct meter *meter, struct pare_error *err);

/* The step in words: "prune ln 0.25 dim 0 n 2"; in the plan's arena, NULL when memory ends. */
const char *prune_words(struct pare_plan *plan, const struct step *step);

#endif
