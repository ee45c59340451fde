/* SPDX-License-Identifier: MIT */
/*
 * A goal: a filter that hides nothing and says of each version whether it is met.
 *
 *     accuracy>=default-1pp lat<=default*.5
 *
 * A term that compares latency or accuracy with the default counts only where both were measured
 * alike, and then by those measurements: two numbers from different machines decide nothing. Where
 * one job judged both, its interval decides: all of it holds, none of it does, or it stays open.
 * One term that does not hold is a NO, else one that is undecided makes it "?".
 */
#ifndef PARE_REGISTRY_GOAL_H
#define PARE_REGISTRY_GOAL_H

#include "registry/browse.h"
#include "registry/filter.h"

/* Like filter_parse(); a goal cannot speak of the goal. */
MUST_CHECK bool goal_parse(const char *text, struct field_paths *paths, struct arena *arena,
                           struct filter *ret_goal, size_t *ret_column, struct pare_error *err);

/* `dflt` and `alike` may be NULL: no default, and not measured alike. An empty goal says nothing. */
enum version_goal goal_test(const struct filter *goal, const struct version *version,
                            const struct version *dflt, const struct browse_alike *alike);

/* The same of a row of a list. */
enum version_goal goal_of_row(const struct filter *goal, const struct browse_list *list,
                              size_t row);

/* Whether a filter asks for the goal. */
bool goal_is_asked(const struct filter *filter);

/* All pairs measured alike, ordered by id, in `arena`; none for a guest. */
MUST_CHECK bool goal_read_pairs(const struct registry *registry, struct arena *arena,
                                struct browse_alike **ret_pairs, size_t *ret_count,
                                struct pare_error *err);

#endif
