/* SPDX-License-Identifier: MIT */
/*
 * Ratings from 1 to 5 of two arms, from ten counts.
 *
 * A rating is an order, not a length: what decides is theta, the chance that an answer of B is
 * rated above one of A, ties half ("B's answer is rated higher in 56 % of pairs"). The mean stands
 * beside it because people read it. Neither sees a change of shape alone, half ones and half fives
 * against all threes, so that a screen must draw both distributions.
 *
 * Who rates chooses to: where the rated share differs between the arms (share_difference() of rated
 * among requests) the comparison is of different people, and deserves a badge.
 */
#ifndef PARE_STATS_RATING_H
#define PARE_STATS_RATING_H

#include "stats/mean.h"
#include "stats/sequence.h"

enum { RATING_LEVELS = 5 };

/* of[0] ratings of 1, ... of[4] of 5. Each is taken as 0 .. 2^60. */
struct rating_counts {
    int64_t of[RATING_LEVELS];
};

int64_t rating_total(const struct rating_counts *counts);
struct moments rating_moments(const struct rating_counts *counts);

/* Ratings of 4 and 5 among all, for share_interval() and share_difference(). */
struct share rating_top(const struct rating_counts *counts);

/* Fixed n: for the thin line and for people who ask for a test by its name. */
struct rating_comparison {
    enum stats_state state; /* not OK: theta alone holds; TOO_FEW and an empty arm: 0.5 */
    double theta;
    double u;             /* Mann and Whitney's U of B: pairs that B wins, ties half */
    double u_sd;          /* its deviation when the arms are alike, with ties */
    double u_z, u_ln_p;   /* two-sided */
    double cc_z, cc_ln_p; /* the same with half a pair of continuity correction */
    double variance;      /* of theta (DeLong); above 0 here also when the arms are wholly apart */
    double w, df, ln_p;   /* Brunner and Munzel 2000 */
    double low, high;     /* of theta, by their t, within 0..1 */
};

struct rating_comparison rating_compare(const struct rating_counts *a,
                                        const struct rating_counts *b, double alpha);

/*
 * P(B's mean is above A's), each arm's shares with a Dirichlet(1) prior, their means taken as
 * normal.
 */
double rating_chance_b(const struct rating_counts *a, const struct rating_counts *b);

/*
 * What decides: looks for a sequence, n being the rated requests. Of theta - 1/2; and of B's mean
 * less (1 + margin) times A's, where a margin of -0.05 asks whether B has lost less than 5 %.
 */
struct sequence_look rating_look(const struct sequence_plan *plan, const struct rating_counts *a,
                                 const struct rating_counts *b);
struct sequence_look rating_look_mean(const struct sequence_plan *plan,
                                      const struct rating_counts *a, const struct rating_counts *b,
                                      double margin);

#endif
