/* SPDX-License-Identifier: MIT */
/*
 * Means and shares of two arms, fixed n: what a screen shows thin beside the always-valid interval of
 * stats/sequence.h, and what never decides. A is the control, B the candidate, delta is B - A.
 *
 * Sums are kept exactly, as integers, and become moments (count, mean, m2) at the end, so that a large
 * offset costs no digit: 10^9 + x has the variance of x. What cannot be answered is a state, not a
 * number: outside of STATS_OK the fields that a comment does not name are 0 and mean nothing.
 */
#ifndef PARE_STATS_MEAN_H
#define PARE_STATS_MEAN_H

#include "base/base.h"

enum stats_state {
    STATS_OK,
    STATS_TOO_FEW,     /* fewer values than the question needs, or a count that is none */
    STATS_NO_VARIANCE, /* all values equal: a difference, perhaps, but no interval and no p */
};

/* Values summed up without rounding. The zeroed struct is empty. */
struct mean_sums {
    int64_t count;
    __int128 sum;     /* of the values */
    __int128 squares; /* of their squares: below 2^125 for 2^63 values of 32 bits */
};

struct moments {
    int64_t count;
    double mean; /* 0 when count is 0 */
    double m2;   /* the sum of squared distances from the mean */
};

/* Take `count` times `value`; what is not positive, or would pass 2^63 in all, is not taken. */
void mean_add(struct mean_sums *sums, int32_t value, int64_t count);
void mean_merge(struct mean_sums *to, const struct mean_sums *from);

/* Exact up to the last rounding, for whatever mean_add() has made. */
struct moments mean_moments(const struct mean_sums *sums);
struct moments moments_merge(const struct moments *left, const struct moments *right);

/* `hits` ones among `count` zeros and ones; hits are taken as 0..count. */
struct moments moments_of_share(int64_t hits, int64_t count);

/* The variance of the values; that of their mean. 0 for fewer than two. */
double moments_variance(const struct moments *moments);
double moments_mean_variance(const struct moments *moments);

/*
 * B - (1 + margin) A and its variance: below 0 means that B's mean is less than `margin` (0.05 for 5 %)
 * above A's. With margin 0 the plain difference.
 */
struct mean_contrast {
    double delta, variance;
};
struct mean_contrast mean_contrast(const struct moments *a, const struct moments *b, double margin);

/* Welch's t. `delta` holds also for STATS_NO_VARIANCE. */
struct welch {
    enum stats_state state;
    double delta, se, t, df;
    double ln_p;       /* two-sided */
    double t_quantile; /* the interval is delta -+ t_quantile se */
    double low, high;
};
struct welch mean_welch(const struct moments *a, const struct moments *b, double alpha);

/*
 * B relative to A, B / A - 1, from the means and their variances: by the delta method, and by Fieller,
 * whose interval is right also where A's mean is near 0. Valid when A's mean is more than ten standard
 * errors above 0; otherwise all fields are 0.
 */
struct mean_lift {
    bool valid;
    double lift, se, low, high;
    double fieller_low, fieller_high;
};
struct mean_lift mean_lift(double mean_a, double variance_a, double mean_b, double variance_b,
                           double alpha);

/*
 * The posterior of delta under a normal prior around 0 (prior_variance INFINITY: flat). For display:
 * stopping when `b_better` passes 95 % errs in every second test that is watched.
 */
struct mean_posterior {
    enum stats_state state; /* STATS_NO_VARIANCE when `variance` is not above 0 */
    double mean, sd, low, high;
    double b_better;  /* probability */
    double loss_if_b; /* what choosing B is expected to cost, in delta's unit; >= 0 */
    double loss_if_a;
};
struct mean_posterior mean_posterior(double delta, double variance, double prior_variance,
                                     bool lower_is_better, double alpha);

struct share {
    int64_t hits, count; /* hits are taken as 0..count */
};

/* A share with Wilson's interval, 0..1. STATS_TOO_FEW for no values. */
struct share_interval {
    enum stats_state state;
    double share, low, high;
};
struct share_interval share_interval(struct share share, double alpha);

/*
 * Two shares: Newcombe's interval of the difference (Wilson's two, joined as Zou and Donner 2008 do),
 * and the pooled z. The interval holds in STATS_NO_VARIANCE too (all hits or none): only z and p do not.
 */
struct share_difference {
    enum stats_state state;
    double delta, low, high;
    double z, ln_p;
};
struct share_difference share_difference(struct share a, struct share b, double alpha);

/*
 * `count` values of ln p adjusted for being several: Holm's bounds the chance of any error, Benjamini
 * and Hochberg's the share of errors among what is called found. In the order given; p <= 1 stays.
 * `ret_ln_p` is the caller's and not `ln_p`. Cubic in count: for tens of metrics.
 */
void p_holm(const double *ln_p, size_t count, double *ret_ln_p);
void p_benjamini_hochberg(const double *ln_p, size_t count, double *ret_ln_p);

/*
 * A p-value from its logarithm in at most 10 characters: "1", ".17", ".0012", "2.4e-149", "6e-15007";
 * "<1e-999999" beyond what that can hold, "-" for NAN, which stands for "no p".
 */
enum { P_TEXT_ROOM = 11 };
void p_put(double ln_p, char to[P_TEXT_ROOM]);
/* As p_put() for a table that people read: below 1e-99, where the digits tell nothing, "<1e-99". */
void p_put_short(double ln_p, char to[P_TEXT_ROOM]);

#endif
