/* SPDX-License-Identifier: MIT */
/*
 * The named facts of a version, as filters, gates, sort keys and columns call them.
 *
 * name version type opt size stored lat accuracy goal created id parent default, and any
 * JSON path below metrics or config: metrics.f1, config.epochs; a word that is none of
 * these means the metric of that name. JSON values are fetched only when asked for:
 * field_find() collects the paths for catalog_query.
 */
#ifndef PARE_REGISTRY_FIELD_H
#define PARE_REGISTRY_FIELD_H

#include "registry/version.h"

enum field_kind {
    FIELD_NAME,
    FIELD_VERSION,
    FIELD_TYPE,
    FIELD_OPTIMIZATION,
    FIELD_CREATED,
    FIELD_SIZE,     /* bytes */
    FIELD_LATENCY,  /* milliseconds */
    FIELD_ACCURACY, /* 0..1 */
    FIELD_GOAL,     /* what a goal says of it, goal.h */
    FIELD_ID,
    FIELD_PARENT,
    FIELD_DEFAULT, /* is it one */
    FIELD_STORED,  /* bytes in the registry */
    FIELD_JSON,
};

struct field {
    enum field_kind kind;
    int slot;         /* of FIELD_JSON: the place in version.values */
    const char *word; /* as it was written, in the arena */
};

/* The JSON paths in use, as PostgreSQL arrays; NULL beyond `count`. The strings live in the arena. */
struct field_paths {
    const char *paths[VERSION_PATHS_MAX];
    const char *words[VERSION_PATHS_MAX];
    int count;
};

/* The field called by `length` bytes of `word`. Fails when there are too many JSON paths. */
MUST_CHECK bool field_find(const char *word, size_t length, struct field_paths *paths,
                           struct arena *arena, struct field *ret_field, struct pare_error *err);

bool field_is_text(const struct field *field);

/* The fact as a number, NAN when it is absent or none. */
double field_number(const struct field *field, const struct version *version);

/* The fact as text, NULL when it is absent. */
const char *field_text(const struct field *field, const struct version *version);

/* "--", "NO", "?", "yes"; NULL where there is no goal. */
const char *field_goal_word(enum version_goal goal);
/* The word of that table for what a person writes: in small or capital letters, "undecided" for "?"; NULL: none. */
const char *field_goal_meant(const char *typed);

#endif
