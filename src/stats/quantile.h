/* SPDX-License-Identifier: MIT */
/*
 * Quantiles of latency, p50 to p99, of one arm and of two against each other.
 *
 * Two families. The fixed intervals (quantile_interval, _mover, _outer) are right at one look
 * planned beforehand: they are drawn, and never decide. The sequences hold at every look at once,
 * so that a screen may be watched all day: with probability 1 - alpha the truth is in all of them.
 * They are exact, count ranks only, and take ties as they come (Howard and Ramdas, "Sequential
 * estimation of quantiles with applications to A/B testing and best-arm identification", Bernoulli
 * 28(3), 2022).
 *
 * A = control, B = candidate, a difference is B - A, a ratio B / A. Where a histogram holds log
 * buckets, bounds take the buckets' outer edges and p the case that weighs least: the sketch can
 * only widen. p is strictly between 0 and 1, n at most HISTOGRAM_TOTAL_MAX. An absent bound is a
 * false, never a number.
 */
#ifndef PARE_STATS_QUANTILE_H
#define PARE_STATS_QUANTILE_H

#include "stats/histogram.h"
#include "stats/sequence.h"

struct quantile_bounds {
    bool has_low, has_high;
    double low, high; /* 0 when absent */
};

/* PostgreSQL's percentile_disc and percentile_cont. False when there are no requests. */
bool quantile_point(const struct histogram *arm, double p, double *ret_value);
bool quantile_between(const struct histogram *arm, double p, double *ret_value);

/* --- Fixed n ---------------------------------------------------------------------------------- */

/*
 * The order statistics that hold the quantile between them with probability 1 - alpha or more:
 * X(low), none when it is 0; X(high), none when it is n + 1 (p95 below n = 72, p99 below 368).
 * Returns the exact coverage.
 */
double quantile_ranks(int64_t n, double p, double alpha, int64_t *ret_low, int64_t *ret_high);

struct quantile_bounds quantile_interval(const struct histogram *arm, double p, double alpha);

/* How many requests an upper bound of quantile_interval() takes. */
int64_t quantile_interval_min_n(double p, double alpha);

/* The difference from two such intervals by MOVER, which keeps their skew (Zou and Donner 2008). */
struct quantile_bounds quantile_mover(const struct histogram *a, const struct histogram *b,
                                      double p, double alpha);

/*
 * What other systems show: a normal interval whose error is read off ranks n p -+ z sqrt(n p
 * (1-p)).
 */
struct quantile_outer {
    bool valid; /* both arms have requests, and the error is not 0 */
    double delta, se, low, high, ln_p;
};

/* Deng, Knoblich, Lu, KDD 2018, section 4. For one arm: false when it is empty. */
struct quantile_outer quantile_outer(const struct histogram *a, const struct histogram *b, double p,
                                     double alpha);
bool quantile_outer_se(const struct histogram *arm, double p, double alpha, int64_t *ret_low_rank,
                       int64_t *ret_high_rank, double *ret_se);

/* --- At every look ---------------------------------------------------------------------------- */

/*
 * The mixture that makes the sequences tightest near `n_star` requests an arm. Fixed when a test
 * starts: changed later it breaks the guarantee. `a` and `b` are the Beta-binomial's.
 */
struct quantile_tuning {
    double p, a, b;
};

struct quantile_tuning quantile_tune(double p, double n_star, double alpha);

/*
 * One arm: the ranks [low, high] of the sequence; 0 and n + 1 mean that there is no such bound yet.
 */
void quantile_sequence_ranks(int64_t n, const struct quantile_tuning *tuning, double alpha,
                             int64_t *ret_low, int64_t *ret_high);

/*
 * And its values. *ret_needs: how many requests more an upper bound takes, 0 when they are enough.
 */
struct quantile_bounds quantile_sequence(const struct histogram *arm,
                                         const struct quantile_tuning *tuning, double alpha,
                                         int64_t *ret_needs);

/*
 * ln of the p-value, valid at this look and at the best of all looks, that B's quantile is `ratio`
 * times A's plus `shift`: (1, 0) asks whether they are equal. At most 0. `ratio` > 0.
 */
double quantile_ln_p(const struct histogram *a, const struct histogram *b,
                     const struct quantile_tuning *tuning, double ratio, double shift);

/*
 * All differences, and all ratios, that the test above does not reject at alpha: no delta method.
 * The needs say how many requests more an arm wants before both ends exist, the other arm growing
 * alike; 0 beside an absent bound means that more will not help: a ratio to 0 ms, or the bucket
 * above an hour.
 */
struct quantile_comparison {
    struct quantile_bounds difference, ratio;
    double at_a, at_b; /* the quantiles themselves, 0 for an empty arm */
    double ln_p;       /* that they are equal */
    int64_t needs_a, needs_b;
};

struct quantile_comparison quantile_compare(const struct histogram *a, const struct histogram *b,
                                            const struct quantile_tuning *tuning, double alpha);

/*
 * The same as looks for sequence_update(): of the difference in milliseconds, and of the ratio less
 * 1, an absent bound being infinite. STATS_TOO_FEW while both bounds are absent. `delta` is the
 * difference (the ratio less 1) of the two points, 0 where there is none.
 */
struct sequence_look quantile_look(const struct quantile_comparison *comparison);
struct sequence_look quantile_look_ratio(const struct quantile_comparison *comparison);

#endif
