/* SPDX-License-Identifier: MIT */
/*
 * What a plan learns of a tensor's values, in one pass: whether they are finite, how large they
 * are, and for schemes that want it how large those of each channel are, so that the run need not
 * look again.
 */
#ifndef PARE_ENGINE_SURVEY_H
#define PARE_ENGINE_SURVEY_H

#include "base/base.h"

struct change;
struct pare_error;
struct pare_plan;
struct reading;
struct step;
struct tensor;

struct survey {
    uint32_t absmax; /* the bits of the largest magnitude */
    uint32_t *bits;  /* of each channel of a scheme that completes its change; or NULL */
};

/* Read the values of a tensor of plan->work, as the prune step decided for it leaves them. */
MUST_CHECK bool survey_begin(struct survey *survey, struct pare_plan *plan,
                             const struct reading *reading, size_t index, struct pare_error *err);

/* Let the scheme complete its change with them, if it does; `step` may be NULL. */
MUST_CHECK bool survey_complete(const struct survey *survey, struct pare_plan *plan,
                                const struct tensor *t, const struct step *step,
                                struct change *io_change, struct pare_error *err);

void survey_end(struct survey *survey);

#endif
