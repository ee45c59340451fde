/* SPDX-License-Identifier: MIT */
#include "stats/rating.h"

#include <math.h>

#include "stats/special.h"

/* How many of a level, with what no table can hold cut off, so that sums stay below 2^63. */
static int64_t level(const struct rating_counts *counts, int i)
{
    return MIN(MAX(counts->of[i], 0), (int64_t)1 << 60);
}

int64_t rating_total(const struct rating_counts *counts)
{
    int64_t total = 0;
    for (int i = 0; i < RATING_LEVELS; i++)
        total += level(counts, i);
    return total;
}

struct moments rating_moments(const struct rating_counts *counts)
{
    struct mean_sums sums = { 0 };
    for (int i = 0; i < RATING_LEVELS; i++)
        mean_add(&sums, i + 1, level(counts, i));
    return mean_moments(&sums);
}

struct share rating_top(const struct rating_counts *counts)
{
    return (struct share){ level(counts, 3) + level(counts, 4), rating_total(counts) };
}

/* Where each level stands in an arm: the share below it and half of its own. */
static void places_in(const struct rating_counts *counts, double ret_place[RATING_LEVELS])
{
    double total = (double)rating_total(counts);
    int64_t below = 0;
    for (int i = 0; i < RATING_LEVELS; i++) {
        ret_place[i] = ((double)below + (double)level(counts, i) / 2) / total;
        below += level(counts, i);
    }
}

/* The mean of `value` over an arm's ratings, and the variance of that mean. */
static double mean_over(const struct rating_counts *counts, const double value[RATING_LEVELS],
                        double *ret_variance)
{
    double n = (double)rating_total(counts), sum = 0, m2 = 0;
    for (int i = 0; i < RATING_LEVELS; i++)
        sum += (double)level(counts, i) * value[i];
    for (int i = 0; i < RATING_LEVELS; i++) {
        double off = value[i] - sum / n;
        m2 += (double)level(counts, i) * off * off;
    }
    *ret_variance = n > 1 ? m2 / (n - 1) / n : 0;
    return sum / n;
}

static int levels_used(const struct rating_counts *a, const struct rating_counts *b)
{
    int used = 0;
    for (int i = 0; i < RATING_LEVELS; i++)
        used += level(a, i) > 0 || level(b, i) > 0;
    return used;
}

/* An arm all of one level has no spread, but for the last digits of a division. */
static bool is_constant(const struct rating_counts *counts)
{
    return levels_used(counts, counts) <= 1;
}

/*
 * sqrt(n_a n_b / 12 ((N + 1) - sum(t^3 - t) / (N (N - 1)))) with t of each level in both arms; the
 * bracket is sum(t (N - t) (N + t)) / (N (N - 1)), which cancels nothing.
 */
static double u_deviation(const struct rating_counts *a, const struct rating_counts *b)
{
    double n_a = (double)rating_total(a), n_b = (double)rating_total(b), n = n_a + n_b, sum = 0;
    for (int i = 0; i < RATING_LEVELS; i++) {
        double t = (double)level(a, i) + (double)level(b, i), rest = 0;
        for (int j = 0; j < RATING_LEVELS; j++)
            rest += j == i ? 0 : (double)level(a, j) + (double)level(b, j);
        sum += t / n * (rest / (n - 1)) * (n + t);
    }
    return sqrt(n_a * n_b / 12 * sum);
}

static void mann_whitney(struct rating_comparison *found, double pairs)
{
    double off = found->u - pairs / 2;
    found->u_z = off / found->u_sd;
    found->cc_z = copysign(fmax(0, fabs(off) - 0.5) / found->u_sd, off);
    found->u_ln_p = fmin(0, M_LN2 + special_ln_normal(-fabs(found->u_z)));
    found->cc_ln_p = fmin(0, M_LN2 + special_ln_normal(-fabs(found->cc_z)));
}

static void brunner_munzel(struct rating_comparison *found, double n_a, double v_a, double n_b,
                           double v_b, double alpha)
{
    double v = found->variance, share_a = v_a / (v_a + v_b), share_b = v_b / (v_a + v_b), half;
    found->df = n_a + n_b - 2;
    if (v_a + v_b > 0)
        found->df = 1 / (share_a * share_a / (n_a - 1) + share_b * share_b / (n_b - 1));
    half = special_t_quantile(alpha, found->df) * sqrt(v);
    found->w = (found->theta - 0.5) / sqrt(v);
    found->ln_p = fmin(0, special_ln_t(found->w, found->df));
    found->low = fmax(0, found->theta - half);
    found->high = fmin(1, found->theta + half);
}

/*
 * Theta and its variance: of B's ratings placed in A, and of A's placed in B. Arms that do not
 * overlap have none by that, the larger their effect; the one of arms alike is then the honest
 * upper end.
 */
static void theta_of(const struct rating_counts *a, const struct rating_counts *b,
                     struct rating_comparison *found, double *ret_v_a, double *ret_v_b)
{
    double in_a[RATING_LEVELS], in_b[RATING_LEVELS];
    double pairs = (double)rating_total(a) * (double)rating_total(b);
    places_in(a, in_a);
    places_in(b, in_b);
    mean_over(a, in_b, ret_v_a);
    found->theta = fmin(1, mean_over(b, in_a, ret_v_b));
    *ret_v_a = is_constant(a) ? 0 : *ret_v_a;
    *ret_v_b = is_constant(b) ? 0 : *ret_v_b;
    found->u = found->theta * pairs;
    found->u_sd = u_deviation(a, b);
    found->variance = *ret_v_a + *ret_v_b;
    if (found->variance < 1e-28)
        found->variance = found->u_sd / pairs * (found->u_sd / pairs);
}

struct rating_comparison rating_compare(const struct rating_counts *a,
                                        const struct rating_counts *b, double alpha)
{
    struct rating_comparison found = { .state = STATS_TOO_FEW, .theta = 0.5 };
    struct rating_comparison answer = { .state = STATS_OK };
    double n_a = (double)rating_total(a), n_b = (double)rating_total(b), v_a, v_b;
    if (n_a < 1 || n_b < 1)
        return found;
    theta_of(a, b, &answer, &v_a, &v_b);
    found.theta = answer.theta;
    if (n_a < 2 || n_b < 2)
        return found;
    found.state = STATS_NO_VARIANCE;
    if (levels_used(a, b) < 2)
        return found;
    mann_whitney(&answer, n_a * n_b);
    brunner_munzel(&answer, n_a, v_a, n_b, v_b, alpha);
    return answer;
}

/* Mean and variance of the mean rating when each level had been seen once beforehand. */
static void posterior(const struct rating_counts *counts, double *ret_mean, double *ret_variance)
{
    double total = (double)rating_total(counts) + RATING_LEVELS, mean = 0, spread = 0;
    for (int i = 0; i < RATING_LEVELS; i++)
        mean += (i + 1) * ((double)level(counts, i) + 1) / total;
    for (int i = 0; i < RATING_LEVELS; i++)
        spread += (i + 1 - mean) * (i + 1 - mean) * ((double)level(counts, i) + 1) / total;
    *ret_mean = mean;
    *ret_variance = spread / (total + 1);
}

double rating_chance_b(const struct rating_counts *a, const struct rating_counts *b)
{
    double mean_a, mean_b, v_a, v_b;
    posterior(a, &mean_a, &v_a);
    posterior(b, &mean_b, &v_b);
    return special_normal((mean_b - mean_a) / sqrt(v_a + v_b));
}

struct sequence_look rating_look(const struct sequence_plan *plan, const struct rating_counts *a,
                                 const struct rating_counts *b)
{
    struct rating_comparison found = rating_compare(a, b, 0.05);
    if (found.state != STATS_OK)
        return (struct sequence_look){ .state = found.state };
    return sequence_look(plan, rating_total(a), rating_total(b), found.theta - 0.5, found.variance);
}

struct sequence_look rating_look_mean(const struct sequence_plan *plan,
                                      const struct rating_counts *a, const struct rating_counts *b,
                                      double margin)
{
    struct moments in_a = rating_moments(a), in_b = rating_moments(b);
    double v_a = moments_mean_variance(&in_a), v_b = moments_mean_variance(&in_b), mean;
    if (is_constant(a) && is_constant(b)) { /* not as sure as that: their posteriors say how sure */
        posterior(a, &mean, &v_a);
        posterior(b, &mean, &v_b);
    }
    return sequence_look(plan, in_a.count, in_b.count, in_b.mean - (1 + margin) * in_a.mean,
                         v_b + (1 + margin) * (1 + margin) * v_a);
}
