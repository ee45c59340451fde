/* SPDX-License-Identifier: MIT */
/*
 * Which steps of a recipe mean a tensor, and why the others do not.
 *
 * Patterns choose by the names of tensors and nodes, "ops" by operator. Of the
 * steps that cover a tensor a later one takes over from an earlier one, so a
 * recipe reads as a rule and then its exceptions. What nothing covers has a
 * reason that names the pattern: people look there when a choice surprises.
 */
#ifndef PARE_ENGINE_CHOICE_H
#define PARE_ENGINE_CHOICE_H

#include "base/base.h"

struct arena;
struct model;
struct pare_error;
struct pare_recipe;
struct step;
struct tensor;

/* What happens to one tensor. */
struct decision {
    const struct step *prune;    /* the last one, of one method that which takes most; or NULL */
    const struct step *quantize; /* the last one, or NULL */
    const char *why;             /* why a part of the recipe passes it by, or NULL */
    const char *no_prune;        /* why a prune step that covers it does not fit, or NULL */
};

/* Whether the step means a tensor of this name that feeds that node and these operators. */
bool step_covers(const struct step *step, const struct tensor *tensor);

/* Whether each pattern matches something in the model; what does not is a slip of the pen. */
MUST_CHECK bool choice_check(const struct model *model, const struct pare_recipe *recipe,
                             struct pare_error *err);

/* Whether the pattern matches a tensor or a node; or an operator that a tensor feeds. */
bool choice_hits_name(const struct model *model, const char *pattern);
bool choice_hits_op(const struct model *model, const char *pattern);

/* Decide by names alone; `why` lives in `arena`. A tensor that nothing covers has one. */
MUST_CHECK bool choice_make(const struct pare_recipe *recipe, const struct tensor *tensor,
                            struct arena *arena, struct decision *ret_decision,
                            struct pare_error *err);

#endif
