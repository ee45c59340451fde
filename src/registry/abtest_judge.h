/* SPDX-License-Identifier: MIT */
/*
 * What the results of a test say so far: the numbers of both arms, how sure they are at any time, and
 * what follows. Computed from the roll-up alone, so that the same rows give the same report to the
 * screen, to the command and to the evidence that a conclusion stores.
 *
 * Arms are compared within the newest segment of the split, for two arms that got different shares at
 * different times are not alike. The k-th segment is judged at alpha / 2^(k-1), so that all of them
 * together err at most twice as often as one.
 */
#ifndef PARE_REGISTRY_ABTEST_JUDGE_H
#define PARE_REGISTRY_ABTEST_JUDGE_H

#include "pg/pg.h"
#include "registry/abtest.h"
#include "stats/block.h"
#include "stats/decision.h"
#include "stats/power.h"
#include "stats/quantile.h"
#include "stats/rating.h"
#include "stats/srm.h"

/* One arm in one segment. */
struct abtest_arm_data {
    int64_t n, failed, untimed, negative;
    struct moments moments;
    struct histogram latency;
    struct rating_counts ratings;
    int64_t odd_ratings;
};

struct abtest_minute {
    int64_t at;              /* seconds since 1970 */
    bool is_hour;            /* an hour, of the time before the minutes */
    int64_t n[2], failed[2]; /* A, B */
    struct block latency;
};

/* A test's roll-up. In the caller's arena. */
struct abtest_data {
    int segment_count;
    struct srm_segment
        *segments;        /* A's and all requests while the split was one; the newest last */
    double *segment_at;   /* seconds since 1970 since when there is each; the first: -INFINITY */
    double segment_hours; /* how long there is the newest; INFINITY: ever since */
    double
        segment_from; /* seconds since 1970 since when there is the newest; -INFINITY: ever since */
    struct abtest_arm_data arms[2]; /* of the newest segment */
    int64_t total[2];               /* of all segments, and of the minutes between them */
    int64_t behind; /* ids that are not rolled up yet: a transaction may still come before them */
    int64_t strays; /* results of a model in neither arm */
    int64_t assigned[2];           /* that routers told of, the newest aside; 0: nobody counts */
    struct abtest_minute *minutes; /* of the whole test, ascending */
    size_t minute_count;
    int64_t mark;                   /* results up to and with this id are counted */
    double mark_age_seconds;        /* since whoever rolls up last did, or found nothing to do */
    bool cannot_read, cannot_write; /* to roll up this role lacks: the results; their sums */
};

/* Read it: REGISTRY_SEE, and a test whose plan is known. */
MUST_CHECK bool abtest_read(const struct registry *registry, const struct abtest *test,
                            struct arena *arena, struct abtest_data *ret_data,
                            struct pare_error *err);

/* In halves. The argument is the test's number, in the caller's `arg`. */
enum { ABTEST_READ_STATEMENTS = 6 };
void abtest_ask_read(const struct abtest *test, struct pg_arg *arg,
                     struct pg_statement ret_statements[ABTEST_READ_STATEMENTS]);
MUST_CHECK bool abtest_take_read(const struct abtest *test, struct pg_rows *const *rows,
                                 struct arena *arena, struct abtest_data *ret_data,
                                 struct pare_error *err);

/* The rows of the comparison. */
enum abtest_row_kind {
    ABTEST_ROW_FAILED,
    ABTEST_ROW_P50,
    ABTEST_ROW_P95,
    ABTEST_ROW_P99,
    ABTEST_ROW_MEAN,
    ABTEST_ROW_RATING,
    ABTEST_ROW_RATED,
    ABTEST_ROWS,
};

/* Values and differences in the row's own unit: ms, a share 0..1, ratings 1..5. NAN: not known. */
struct abtest_row {
    const char *word; /* "p95" */
    bool lower_is_better, is_share;
    double a, b, delta;
    double low, high;             /* of the difference, valid at any time; infinite: no bound yet */
    double fixed_low, fixed_high; /* right at one look; NAN: none */
    double relative_low,
        relative_high; /* of B/A - 1, valid at any time; NAN where it makes no sense */
    double ln_p;       /* valid at any time; NAN: none */
    double b_better;   /* probability; NAN: none */
    int64_t needs;     /* requests of the scarcer arm that an upper bound still takes */
    const struct abtest_guard *guard; /* NULL: none on it */
    bool is_primary;
};

struct abtest_report {
    struct abtest_row rows[ABTEST_ROWS];
    struct decision decision;
    struct decision_guard guards[ABTEST_GUARDS_MAX]; /* beside the plan's */
    struct srm srm;
    struct share_difference coverage;    /* of the rated share */
    bool coverage_differs;               /* ratings come from different people: p < .001 */
    double theta, theta_low, theta_high; /* B's answer is rated higher; NAN: not known */
    double design_effect;                /* of minutes; 0: too few of them */
    bool drift;                          /* the effect has moved while the test ran */
    bool turned;  /* so far that it was better at one time, worse at another */
    double alpha; /* of the newest segment */
    double runtime_hours;
    struct power_rate rate;
    int64_t needed; /* requests of both for the primary's question; 0: not known */
    struct power_eta eta;
};

/* Pure. `report` points into the test's plan. */
void abtest_judge(const struct abtest *test, const struct abtest_data *data,
                  struct abtest_report *ret_report);

/* All of a report that a verdict stands on, as JSON: what a conclusion stores. */
void abtest_put_evidence(const struct abtest *test, const struct abtest_data *data,
                         const struct abtest_report *report, struct buf *buf);

/* A verdict's words; a test that ended with none shown is undecided. */
const struct decision_words *abtest_words(const struct abtest *test, enum decision_state state);

/* Why it is that verdict, without a full stop: the gate, its number and its limit. */
void abtest_put_reason(const struct abtest *test, const struct abtest_report *report,
                       struct buf *buf);

/* Whatever makes the numbers mean less than they seem to: a line each, that begins with "! ". */
void abtest_put_badges(const struct abtest *test, const struct abtest_data *data,
                       const struct abtest_report *report, struct buf *buf);

#endif
