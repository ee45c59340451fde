/* SPDX-License-Identifier: MIT */
#include "stats/sequence.h"

#include <math.h>

#include "stats/special.h"

/* The rho^2 that makes the sequence narrowest at n_star, to first order (2.1 % off at most). */
struct sequence_plan sequence_plan(double alpha, int64_t n_star)
{
    double bounded = alpha > 1e-300 ? fmin(alpha, 0.999) : 1e-300;
    double l = -2 * log(bounded);
    return (struct sequence_plan){
        .alpha = bounded,
        .rho2 = (l + log1p(l)) / (double)MAX(n_star, 1),
    };
}

struct sequence_look sequence_look(const struct sequence_plan *plan, int64_t n_a, int64_t n_b,
                                   double delta, double variance)
{
    struct sequence_look look = { .state = STATS_TOO_FEW };
    if (n_a < SEQUENCE_BURN_IN || n_b < SEQUENCE_BURN_IN)
        return look;
    look.state = STATS_NO_VARIANCE;
    if (!(variance > 0 && variance < INFINITY && isfinite(delta)))
        return look;
    double u = ((double)n_a + (double)n_b) * plan->rho2, se = sqrt(variance);
    double half = se * sqrt((1 + u) / u * (log1p(u) - 2 * log(plan->alpha)));
    double t = delta / se;
    look.state = STATS_OK;
    look.delta = delta;
    look.low = delta - half;
    look.high = delta + half;
    look.ln_e = 0.5 * (t * t * (u / (1 + u)) - log1p(u));
    look.ln_p = fmin(0, -look.ln_e);
    return look;
}

/* ln e of one arm against p, by continuity also at 0 and 1; convex in p, least at hits / count. */
static double ln_share_e(struct share share, double p)
{
    static const double prior = 0.5;
    if (p <= 0 || p >= 1) {
        int64_t against = p <= 0 ? share.hits : share.count - share.hits;
        if (against > 0)
            return INFINITY;
        return special_ln_beta(prior, prior + (double)share.count) - special_ln_beta(prior, prior);
    }
    return special_ln_bb(share.hits, share.count, p, prior, prior);
}

/* The slope of ln_share_e over p, which rises from -hits / p to misses / (1 - p). */
static double share_slope(struct share share, double p)
{
    return (double)(share.count - share.hits) / fmax(1 - p, 1e-300) -
           (double)share.hits / fmax(p, 1e-300);
}

/* ln e against p_b - p_a = d: the least over p_a, a convex problem, by halving on the slope. */
static double ln_difference_e(struct share a, struct share b, double d)
{
    double mean_a = (double)a.hits / (double)a.count, mean_b = (double)b.hits / (double)b.count;
    /* it lies between the two arms' own least, and where both are probabilities */
    double low = fmax(fmax(0, -d), fmin(mean_a, mean_b - d));
    double high = fmin(fmin(1, 1 - d), fmax(mean_a, mean_b - d));
    for (int i = 0; i < 50; i++) {
        double middle = 0.5 * (low + high);
        *(share_slope(a, middle) + share_slope(b, middle + d) < 0 ? &low : &high) = middle;
    }
    return fmin(ln_share_e(a, low) + ln_share_e(b, low + d),
                ln_share_e(a, high) + ln_share_e(b, high + d));
}

/* The edge of the interval between `inside`, an estimate, and `outside`, by bisection. */
static double share_edge(struct share a, struct share b, double inside, double outside,
                         double ln_limit)
{
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (inside + outside);
        *(ln_difference_e(a, b, middle) < ln_limit ? &inside : &outside) = middle;
    }
    return outside;
}

struct sequence_look sequence_look_share(const struct sequence_plan *plan, struct share a,
                                         struct share b)
{
    struct sequence_look look = { .state = STATS_TOO_FEW };
    if (a.count < 1 || b.count < 1)
        return look;
    a.hits = MIN(MAX(a.hits, 0), a.count);
    b.hits = MIN(MAX(b.hits, 0), b.count);
    look.state = STATS_OK;
    look.delta = (double)b.hits / (double)b.count - (double)a.hits / (double)a.count;
    look.low = share_edge(a, b, look.delta, -1, -log(plan->alpha));
    look.high = share_edge(a, b, look.delta, 1, -log(plan->alpha));
    look.ln_e = ln_difference_e(a, b, 0);
    look.ln_p = fmin(0, -look.ln_e);
    return look;
}

void sequence_init(struct sequence *sequence)
{
    *sequence = (struct sequence){ .low = -INFINITY, .high = INFINITY };
}

void sequence_update(struct sequence *sequence, const struct sequence_look *look)
{
    if (look->state != STATS_OK)
        return;
    sequence->looks++;
    sequence->low = fmax(sequence->low, look->low);
    sequence->high = fmin(sequence->high, look->high);
    sequence->ln_p = fmin(sequence->ln_p, look->ln_p);
    sequence->empty = sequence->low > sequence->high;
}

enum sequence_side sequence_side(const struct sequence *sequence, double margin,
                                 bool lower_is_better)
{
    /* turned so that more is worse */
    double best = lower_is_better ? sequence->low : -sequence->high;
    double worst = lower_is_better ? sequence->high : -sequence->low;
    if (sequence->looks == 0 || sequence->empty)
        return SEQUENCE_SILENT;
    if (best > margin)
        return SEQUENCE_OUTSIDE;
    return worst < margin ? SEQUENCE_INSIDE : SEQUENCE_STRADDLES;
}

bool sequence_is_equivalent(const struct sequence *sequence, double margin)
{
    return sequence->looks > 0 && !sequence->empty && sequence->low > -margin &&
           sequence->high < margin;
}
