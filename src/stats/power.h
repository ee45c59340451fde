/* SPDX-License-Identifier: MIT */
/*
 * How many requests a question needs, what the ones at hand could find, and how long the rest will take.
 *
 * Planning only: for the difference one would not want to miss, never for the difference observed.
 * Nothing here is about what the data say.
 */
#ifndef PARE_STATS_POWER_H
#define PARE_STATS_POWER_H

#include "base/base.h"
#include "stats/sequence.h"

/* Above this many requests a question counts as one that cannot be answered. */
#define POWER_N_MAX 1e15

/*
 * Requests of arm A, and `kappa` times as many of B, for a test of fixed n to find a difference of `mde`
 * with probability `power`, 0.5 <= power < 1. False (no such number) when `mde` or kappa is 0 or more
 * than POWER_N_MAX would be needed; not rounded up.
 */
MUST_CHECK bool power_fixed_n(double sd_a, double sd_b, double mde, double alpha, double power,
                              double kappa, double *ret_n_a);

/* The difference that a test of fixed n finds with that probability. False for an empty arm. */
MUST_CHECK bool power_mde(double sd_a, double sd_b, int64_t n_a, int64_t n_b, double alpha,
                          double power, double *ret_mde);

/*
 * The variance of delta times the number of requests of both arms, which does not depend on that
 * number: for means from the standard deviations and A's share of traffic; for a quantile its squared
 * standard error times the n it came from. 0 when split_a is not within (0, 1).
 */
double power_unit_variance(double sd_a, double sd_b, double split_a);

/*
 * Least number of requests of both arms after which the always-valid interval leaves out 0 with
 * probability `power` when the difference is `mde`, looking only then: stopping earlier comes on top.
 * The same number makes a guardrail of margin `mde` pass when there is no difference. False as above.
 */
MUST_CHECK bool power_sequence_n(const struct sequence_plan *plan, double unit_variance, double mde,
                                 double power, int64_t *ret_n);

/* Requests a second: now (an exponential average over an hour), and a slow and a fast minute. */
struct power_rate {
    double now, slow, fast; /* slow and fast: the 10 % and 90 % of the last hour's minutes */
};

/* From requests a minute, the newest last and complete; all 0 for no minutes. */
struct power_rate power_rate(const int64_t *per_minute, size_t count);

/* Seconds until `n_needed` requests are there. Unknown where requests do not come. */
struct power_eta {
    bool known, has_longest;
    double seconds, shortest, longest; /* at the rate now, a fast minute's, a slow minute's */
};
struct power_eta power_eta(double n_now, double n_needed, const struct power_rate *rate);

#endif
