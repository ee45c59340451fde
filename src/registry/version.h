/* SPDX-License-Identifier: MIT */
/*
 * One row of ml_models as pare reads it, and the rule of what counts as a number there.
 *
 * Rows are written by anybody. Text is cleaned when it enters; a metric counts only
 * when it is a JSON number that is 0 or between 1e-300 and 1e300 in size, all else
 * is absent (NAN here), never an error.
 */
#ifndef PARE_REGISTRY_VERSION_H
#define PARE_REGISTRY_VERSION_H

#include "base/base.h"

struct arena;
struct pare_error;
struct pg_rows;

/* VERSION_COLUMNS: so many version_read() reads; a query may have more behind them. */
enum { VERSION_PATHS_MAX = 4, VERSION_NAME_MAX = 255, VERSION_COLUMNS = 24 };

/* A value at a JSON path: what kind of value and its text. */
struct version_value {
    char kind;        /* 'n'umber, 's'tring, 'b'oolean, 'a'rray, 'o'bject; 0: absent */
    const char *text; /* cleaned; NULL when absent */
    double number;    /* NAN unless it counts as one */
};

/* What a goal says of a version (goal.h), in the order in which they are sorted. */
enum version_goal {
    VERSION_GOAL_NONE, /* there is no goal */
    VERSION_GOAL_ITSELF,
    VERSION_GOAL_NO,
    VERSION_GOAL_UNDECIDED,
    VERSION_GOAL_YES,
};

struct version {
    int64_t id;
    const char *name, *version, *model_type, *optimization; /* the last two NULL when not given */
    const char *raw_name, *raw_version; /* as stored, for statements; the others are cleaned */
    const char *created_at;             /* 2026-03-01T12:00:00Z, or NULL */
    double size_bytes;   /* of its files, else what the metrics say; NAN when neither */
    double stored_bytes; /* what those take in the registry, compressed and once each; NAN: none */
    double latency_ms;   /* NAN when absent */
    double accuracy;     /* 0..1; NAN when absent */
    bool is_default, has_inline_bytes;
    enum version_goal goal;                         /* where one is asked for */
    int64_t parent_id;                              /* 0: none on record */
    const char *config, *metrics;                   /* JSON text when asked for, else NULL */
    struct version_value values[VERSION_PATHS_MAX]; /* at the paths asked for */
};

/* Row `row` of a statement made of sql/query/catalog.sql's columns. All strings live in `arena`. */
MUST_CHECK bool version_read(const struct pg_rows *rows, int row, struct arena *arena,
                             struct version *ret_version, struct pare_error *err);

/* A JSON number's text as a metric: NAN when it does not count. NULL is absent. */
double version_metric(const char *text);

/* "name:version" split at the last colon; *ret_version NULL when there is none. In `arena`. */
MUST_CHECK bool version_split(const char *ref, struct arena *arena, const char **ret_name,
                              const char **ret_version, struct pare_error *err);

/*
 * May `text` become a name or version? UTF-8, no control characters, 1 to VERSION_NAME_MAX
 * bytes, no blanks around it. `what` is the word for it in the sentence.
 */
MUST_CHECK bool version_name_ok(const char *text, const char *what, struct pare_error *err);

#endif
