/* SPDX-License-Identifier: MIT */
/*
 * A/B tests: rows of the users' model_ab_tests, whoever wrote them, and what pare fixed when it
 * saw them first: the plan, the segments of the split, what was done and by whom.
 *
 * A is the control (model_a_id), B the candidate; the split is A's share. What is decided about a
 * test is in abtest_judge.h, what its results add up to in rollup.h.
 */
#ifndef PARE_REGISTRY_ABTEST_H
#define PARE_REGISTRY_ABTEST_H

#include "base/base.h"

struct arena;
struct buf;
struct pare_error;
struct pg_rows;
struct registry;

enum { ABTEST_SCHEMA = 4 }; /* the version of the schema from which it knows of tests */

enum abtest_metric {
    ABTEST_P95,
    ABTEST_P50,
    ABTEST_MEAN,
    ABTEST_RATING,
    ABTEST_FAILURES,
    ABTEST_METRICS,
};
const char *abtest_metric_word(enum abtest_metric metric);
/* False: no such metric. */
bool abtest_metric_of(const char *word, enum abtest_metric *ret_metric);

/* A guard: B may be worse than A by at most the margin. A share (0.05: 5 %) of A's value; of failures, points. */
struct abtest_guard {
    enum abtest_metric metric;
    double margin;
};
enum { ABTEST_GUARDS_MAX = 8 };

/* What is fixed when a test starts. */
struct abtest_plan {
    enum abtest_metric primary;
    int64_t horizon; /* requests of both arms that the intervals are tuned for */
    double alpha;
    double margin; /* within it the primary is equal in both */
    struct abtest_guard guards[ABTEST_GUARDS_MAX];
    size_t guard_count;
    double min_hours;
    const char *salt;
    bool assumed; /* nobody fixed it: somebody's SQL started the test */
    bool coarse;  /* of its latencies only buckets are kept */
};
/* p95, 20 000 requests, .05, 5 %, guards on p95 (5 %) and failures (.5 points), 24 hours. */
struct abtest_plan abtest_plan_default(void);
/* "p95<=5%", "failures<=0.5": per cent, of failures points. */
MUST_CHECK bool abtest_guard_parse(const char *text, struct abtest_guard *ret_guard,
                                   struct pare_error *err);

struct abtest_arm {
    int64_t id;                 /* of ml_models; 0: none */
    const char *name, *version; /* cleaned; NULL: the version is gone */
    const char *raw_name, *raw_version;
};

struct abtest {
    int64_t id;
    const char *name; /* cleaned; "" without one */
    struct abtest_arm a, b;
    int split_percent;    /* A's share as it is applied: 50 where there is none, 0..100 */
    bool split_odd;       /* what stands there is outside of 0..1 */
    const char *start_at; /* ISO; NULL: not known */
    const char *end_at;
    const char *status;     /* cleaned, as it stands there */
    double running_seconds; /* NAN: not known */
    bool running;           /* now, by status and times */
    bool backwards;         /* it ends before it starts */
    struct abtest_plan plan;
    char all_to;                                             /* 'A', 'B' once it has ended; 0 */
    const char *ended_by, *ended_at, *ended_how, *ended_why; /* ended_how: stop, conclude */
    int64_t segment_count, results;
};

/* Tests, newest first: all, that of an id (above 0), those of a name. Strings in `arena`. */
MUST_CHECK bool abtest_list(const struct registry *registry, int64_t id, const char *name,
                            struct arena *arena, struct abtest **ret_tests, size_t *ret_count,
                            struct pare_error *err);
/* The second half of it, for who cannot wait. */
MUST_CHECK bool abtest_list_take(const struct pg_rows *rows, struct arena *arena,
                                 struct abtest **ret_tests, size_t *ret_count,
                                 struct pare_error *err);
const char *abtest_list_sql(const struct registry *registry);

/* The test that people mean: an id, or a name where it is unique (among the running ones, else among all). */
MUST_CHECK bool abtest_find(const struct registry *registry, const char *text, struct arena *arena,
                            struct abtest *ret_test, struct pare_error *err);

/* Results a second of all tests in the last ten minutes; 0: none, or not known. */
MUST_CHECK bool abtest_rate(const struct registry *registry, double *ret_rate,
                            struct pare_error *err);

/* ---- starting one; what is done to it then is in abtest_change.h ---- */

/* Start one. The users' tables of tests are made where they are missing. A name that runs already: PARE_ERR_REFUSED. */
MUST_CHECK bool abtest_start(const struct registry *registry, const char *name, int64_t a_id,
                             int64_t b_id, int split_percent, const struct abtest_plan *plan,
                             int64_t *ret_id, struct pare_error *err);
/* A's share as the column holds it, "0.80". */
enum { ABTEST_SHARE_ROOM = 16 };
const char *abtest_share_text(int percent, char to[ABTEST_SHARE_ROOM]);

/* Whether this role and this registry can have tests changed. */
MUST_CHECK bool abtest_allows_change(const struct registry *registry, struct pare_error *err);

#endif
