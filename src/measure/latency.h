/* SPDX-License-Identifier: MIT */
/*
 * How long a run takes, of one version or of several against the first.
 *
 * A machine's speed wanders by more than the differences that matter, so versions
 * are never timed one after the other but interleaved: a round runs the same rows
 * through every session forwards and then backwards (A B B A), so that each one's
 * runs of a round are centred on the same moment and a drift cancels.
 *
 * Two sessions of one and the same file differ too, by where their weights happen
 * to lie in memory (2 to 10 % was seen), and no number of rounds averages that
 * away. So a measurement is a series of heats: in each the sessions are opened
 * anew, in turned order, warmed up, and run for some rounds. A heat gives one
 * ratio of times against the first session, the heats are independent of each
 * other, and the median of their ratios with its sign-test interval is the
 * comparison.
 *
 * A difference is claimed only when the 99 % interval leaves out 1. That is more
 * than the usual 95 %, so that a model measured against itself says "no
 * difference" in at least 95 of 100 measurements and not in 95 on average.
 */
#ifndef PARE_MEASURE_LATENCY_H
#define PARE_MEASURE_LATENCY_H

#include "base/base.h"
#include "measure/interval.h"

struct dataset;
struct pare_error;
struct runtime;
struct watch;

enum {
    LATENCY_VERSIONS_MAX = 8,
    LATENCY_WARMUPS_MIN = 5,
    LATENCY_HEATS_MIN = 8, /* fewer give no 99 % interval */
    LATENCY_HEATS_MAX = 500,
    LATENCY_ROUNDS_MAX = 50, /* of a heat */
    LATENCY_HEAT_MS = 100,   /* a heat's rounds go on for about so long, at least one */
};

struct latency_options {
    int threads;
    int batch;          /* rows at once, at least 1 */
    int warmups;        /* runs of each session before the first heat; >= LATENCY_WARMUPS_MIN */
    double seconds_max; /* stop then, however sure; at least one round is run */
    double precision;   /* stop when every ratio's interval is within this of it: 0.05 */
};

/* What to take when nothing was asked for. */
#define LATENCY_DEFAULTS                                                                           \
    ((struct latency_options){                                                                     \
        .threads = 2, .batch = 1, .warmups = 10, .seconds_max = 60, .precision = 0.05 })

enum latency_verdict {
    LATENCY_SAME,   /* no difference was shown */
    LATENCY_FASTER, /* than the first version */
    LATENCY_SLOWER,
};

struct latency {
    int64_t runs; /* that counted */
    int heats;
    int64_t batch;
    double median_ms, p90_ms, p95_ms, min_ms; /* over all runs that counted */
    double ratio; /* against the first version, below 1 is faster; 1 for the first itself */
    struct interval ratio_interval; /* 99 %; from 0 to infinity after too few heats */
    enum latency_verdict verdict;
    bool precise; /* false: the time ran out before the interval was as narrow as asked */
};

/*
 * Time the model files at `paths` on the rows of `dataset`, together. The results are in the
 * order of the paths. `watch` may be NULL.
 */
MUST_CHECK bool latency_measure(struct runtime *runtime, const char *const paths[], size_t count,
                                struct dataset *dataset, const struct latency_options *options,
                                struct watch *watch, struct latency ret_latency[],
                                struct pare_error *err);

/* "no difference", "faster", "slower" */
const char *latency_verdict_text(enum latency_verdict verdict);

#endif
