/* SPDX-License-Identifier: MIT */
/*
 * The special functions that the statistics stand on, in logarithms where a tail can be small:
 * a p-value of 6e-15007 is a number here like any other, and never 0.
 *
 * Pure functions of doubles, libm only. Outside of what a comment allows the answer is NAN.
 */
#ifndef PARE_STATS_SPECIAL_H
#define PARE_STATS_SPECIAL_H

#include "base/base.h"

/* The standard normal: Phi(x), its logarithm, and the x for which Phi(x) = q, 0 < q < 1. */
double special_normal(double x);
double special_ln_normal(double x);
double special_normal_quantile(double q);

/* ln B(a, b); the regularised incomplete beta I_x(a, b) and its logarithm; a, b > 0, 0 <= x <= 1. */
double special_ln_beta(double a, double b);
double special_beta(double a, double b, double x);
double special_ln_beta_inc(double a, double b, double x);

/* Student's t with df > 0: ln of the two-sided p of t; the t whose two-sided p is `alpha`. */
double special_ln_t(double t, double df);
double special_t_quantile(double alpha, double df);

/* ln of the upper tail of chi-square with one degree of freedom. */
double special_ln_chi2(double x);

/* The binomial: P(X <= k), and the least k with P(X <= k) >= q. */
double special_binomial(int64_t k, int64_t n, double p);
int64_t special_binomial_quantile(double q, int64_t n, double p);

/*
 * ln of the Beta(a, b)-binomial probability of k among n over Binomial(p)'s: a martingale while p is
 * true (Ville 1939), so that it is ever above ln(1/alpha) with probability at most alpha.
 */
double special_ln_bb(int64_t k, int64_t n, double p, double a, double b);

#endif
