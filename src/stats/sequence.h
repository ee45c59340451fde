/* SPDX-License-Identifier: MIT */
/*
 * Intervals and p-values that stay valid however often one looks.
 *
 * A screen looks every second and somebody stops it at the best moment; with a fixed-n test a third of
 * such stops are wrong. Here the interval holds at all looks at once, with probability 1 - alpha: the
 * normal-mixture confidence sequence (Robbins 1970; Johari et al. 2017; asymptotic for means by
 * Waudby-Smith et al. 2024, eq. 9). It is at its narrowest near the planned number of requests, which
 * is fixed at the start; changing it later breaks the promise. For failures, which are rare, there is
 * an exact one.
 *
 * A is the control, B the candidate, delta is B - A or any other contrast with a known variance, such
 * as mean_contrast() against a margin.
 */
#ifndef PARE_STATS_SEQUENCE_H
#define PARE_STATS_SEQUENCE_H

#include "base/base.h"
#include "stats/mean.h"

/* Before this many requests an arm the mean is not normal enough for the sequence to speak. */
enum { SEQUENCE_BURN_IN = 100 };

struct sequence_plan {
    double alpha;
    double rho2; /* the mixture's variance, in units of that of one request */
};

/*
 * For alpha in (0, 1) and n_star >= 1 planned requests of both arms; what is outside is taken as the
 * nearest inside (alpha 1e-300 .. 0.999).
 */
struct sequence_plan sequence_plan(double alpha, int64_t n_star);

/* What one look says by itself. */
struct sequence_look {
    enum stats_state state; /* TOO_FEW: below the burn-in. Not OK: the other fields say nothing */
    double delta, low, high;
    double ln_e; /* evidence against delta = 0; its expectation under it is 1 at any time */
    double ln_p; /* min(0, -ln_e): alpha exactly where 0 is on the edge of the interval */
};

/* `variance` is that of delta, from n_a + n_b requests. */
struct sequence_look sequence_look(const struct sequence_plan *plan, int64_t n_a, int64_t n_b,
                                   double delta, double variance);

/*
 * The same for the difference of two shares, by an exact martingale and so without a burn-in: each arm
 * has its Beta(1/2, 1/2)-binomial mixture against Binomial(p), and H: p_b - p_a = d is left when their
 * product passes 1/alpha for every p_a. Needs one request an arm; never STATS_NO_VARIANCE.
 */
struct sequence_look sequence_look_share(const struct sequence_plan *plan, struct share a,
                                         struct share b);

/*
 * All looks so far. The interval is the intersection of theirs and ln_p the least, so a verdict once
 * reached stays; when the intersection is empty (low > high) the effect has moved while the test ran:
 * drift, and no time for a verdict.
 */
struct sequence {
    int64_t looks;    /* that were STATS_OK; 0: no interval yet */
    double low, high; /* -INFINITY and INFINITY before the first look */
    double ln_p;
    bool empty;
};

void sequence_init(struct sequence *sequence);
void sequence_update(struct sequence *sequence, const struct sequence_look *look);

/* Where the interval lies to a margin of harm: the question of a guardrail. */
enum sequence_side {
    SEQUENCE_SILENT,    /* no look yet, or an empty intersection */
    SEQUENCE_INSIDE,    /* wholly on the safe side: B is not worse by as much as the margin */
    SEQUENCE_STRADDLES, /* not known yet */
    SEQUENCE_OUTSIDE,   /* wholly beyond: B does harm */
};

/*
 * `margin` >= 0 is how much worse B may be, in delta's unit. The two-sided interval is used for a
 * one-sided question, so each answer errs with at most about alpha / 2. To pass, a guardrail's sequence
 * runs at the test's alpha; to stop for harm one at alpha over the number of guardrails is asked.
 */
enum sequence_side sequence_side(const struct sequence *sequence, double margin,
                                 bool lower_is_better);

/* Wholly within (-margin, margin): no difference that matters. */
bool sequence_is_equivalent(const struct sequence *sequence, double margin);

#endif
