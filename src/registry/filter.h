/* SPDX-License-Identifier: MIT */
/*
 * Conditions on versions, as people type them:
 *
 *     name~bert opt=int8,int4 lat<20 metrics.f1>=.8 !default
 *     accuracy >= default - 1pp    lat <= default*0.5    size < 200MB
 *
 * Terms stand side by side and must all hold; a comma in a value means "or"; ! turns
 * a term around. A bare word looks in name and version. Numbers take units (kB MB GB,
 * ms s, % and pp), a bare size is in MB. `default` as a value is the same fact of the
 * model's default version. A term whose fact is absent is undecided, which is not yes.
 *
 * Judged here, on rows already read, so that the browser can do it at each keystroke
 * and nothing a person types is ever part of SQL.
 */
#ifndef PARE_REGISTRY_FILTER_H
#define PARE_REGISTRY_FILTER_H

#include "registry/field.h"

enum filter_answer { FILTER_NO, FILTER_YES, FILTER_UNDECIDED };

struct filter_term;

struct filter {
    struct filter_term *terms; /* in the arena */
    size_t count;
    bool uses_default;
};

/*
 * Parse into `arena`. Empty text holds for every version. On failure the sentence says what
 * was expected and *ret_column (may be NULL) where, counted in bytes from 1.
 */
MUST_CHECK bool filter_parse(const char *text, struct field_paths *paths, struct arena *arena,
                             struct filter *ret_filter, size_t *ret_column, struct pare_error *err);

/* `dflt` is the model's default version with the same paths read, or NULL when it has none. */
enum filter_answer filter_test(const struct filter *filter, const struct version *version,
                               const struct version *dflt);

/* One term at a time, for goals and gates: its text as written, what it wants and what it found. */
enum filter_answer filter_test_term(const struct filter *filter, size_t index,
                                    const struct version *version, const struct version *dflt);
const char *filter_term_text(const struct filter *filter, size_t index);
const struct field *filter_term_field(const struct filter *filter, size_t index);
bool filter_term_uses_default(const struct filter *filter, size_t index);

#endif
