/* SPDX-License-Identifier: MIT */
#include "stats/quantile.h"

#include <math.h>

#include "stats/special.h"

bool quantile_point(const struct histogram *arm, double p, double *ret_value)
{
    int64_t n = histogram_total(arm);
    int64_t rank = (int64_t)ceil(p * (double)n);
    if (!n)
        return false;
    *ret_value = histogram_value(arm, histogram_cell_of_rank(arm, MIN(MAX(rank, 1), n)));
    return true;
}

bool quantile_between(const struct histogram *arm, double p, double *ret_value)
{
    int64_t n = histogram_total(arm);
    double at = p * (double)(n - 1), low, high;
    if (!n)
        return false;
    low = histogram_value(arm, histogram_cell_of_rank(arm, MIN((int64_t)floor(at) + 1, n)));
    high = histogram_value(arm, histogram_cell_of_rank(arm, MIN((int64_t)ceil(at) + 1, n)));
    *ret_value = low + (at - floor(at)) * (high - low);
    return true;
}

/* The values at two ranks, 0 and n + 1 standing for absent, by the outer edges of their cells. */
static struct quantile_bounds bounds_of_ranks(const struct histogram *arm, int64_t low,
                                              int64_t high)
{
    struct quantile_bounds bounds = { 0 };
    if (low >= 1 && low <= histogram_total(arm)) {
        bounds.has_low = true;
        bounds.low = histogram_low(arm, histogram_cell_of_rank(arm, low));
    }
    if (high >= 1 && high <= histogram_total(arm)) {
        double edge = histogram_high(arm, histogram_cell_of_rank(arm, high));
        bounds.has_high = edge < HUGE_VAL;
        bounds.high = bounds.has_high ? edge : 0;
    }
    return bounds;
}

double quantile_ranks(int64_t n, double p, double alpha, int64_t *ret_low, int64_t *ret_high)
{
    int64_t low = special_binomial_quantile(alpha / 2, n, p);
    int64_t high = special_binomial_quantile(1 - alpha / 2, n, p) + 1;
    *ret_low = low;
    *ret_high = high;
    return special_binomial(high - 1, n, p) - special_binomial(low - 1, n, p);
}

struct quantile_bounds quantile_interval(const struct histogram *arm, double p, double alpha)
{
    int64_t low, high;
    quantile_ranks(histogram_total(arm), p, alpha, &low, &high);
    return bounds_of_ranks(arm, low, high);
}

/* X(n) is above the quantile but for the chance p^n that all are below it. */
int64_t quantile_interval_min_n(double p, double alpha)
{
    return (int64_t)ceil(log(alpha / 2) / log(p));
}

struct quantile_bounds quantile_mover(const struct histogram *a, const struct histogram *b,
                                      double p, double alpha)
{
    struct quantile_bounds in_a = quantile_interval(a, p, alpha);
    struct quantile_bounds in_b = quantile_interval(b, p, alpha);
    struct quantile_bounds bounds = { .has_low = in_b.has_low && in_a.has_high,
                                      .has_high = in_b.has_high && in_a.has_low };
    double at_a, at_b;
    if (!quantile_point(a, p, &at_a) || !quantile_point(b, p, &at_b))
        return (struct quantile_bounds){ 0 };
    if (bounds.has_low)
        bounds.low = at_b - at_a - hypot(at_b - in_b.low, in_a.high - at_a);
    if (bounds.has_high)
        bounds.high = at_b - at_a + hypot(in_b.high - at_b, at_a - in_a.low);
    return bounds;
}

bool quantile_outer_se(const struct histogram *arm, double p, double alpha, int64_t *ret_low_rank,
                       int64_t *ret_high_rank, double *ret_se)
{
    double n = (double)histogram_total(arm), z = -special_normal_quantile(alpha / 2);
    double half = z * sqrt(n * p * (1 - p));
    struct quantile_bounds bounds;
    if (n < 1)
        return false;
    *ret_low_rank = (int64_t)fmax(1, floor(n * p - half));
    *ret_high_rank = MIN((int64_t)ceil(n * p + half), histogram_total(arm));
    bounds = bounds_of_ranks(arm, *ret_low_rank, *ret_high_rank);
    *ret_se = (bounds.high - bounds.low) / (2 * z);
    return bounds.has_high;
}

struct quantile_outer quantile_outer(const struct histogram *a, const struct histogram *b, double p,
                                     double alpha)
{
    struct quantile_outer outer = { 0 };
    double at_a, at_b, se_a, se_b, z = -special_normal_quantile(alpha / 2);
    int64_t low, high;
    if (!quantile_point(a, p, &at_a) || !quantile_point(b, p, &at_b) ||
        !quantile_outer_se(a, p, alpha, &low, &high, &se_a) ||
        !quantile_outer_se(b, p, alpha, &low, &high, &se_b))
        return outer;
    outer.delta = at_b - at_a;
    outer.se = hypot(se_a, se_b);
    outer.low = outer.delta - z * outer.se;
    outer.high = outer.delta + z * outer.se;
    outer.valid = outer.se > 0;
    if (outer.valid)
        outer.ln_p = fmin(0, M_LN2 + special_ln_normal(-fabs(outer.delta) / outer.se));
    return outer;
}

struct quantile_tuning quantile_tune(double p, double n_star, double alpha)
{
    double limit = -2 * log(alpha), one = p * (1 - p);
    double r = fmax(n_star * one / (limit + log1p(limit)) - one, 0.001 * one);
    return (struct quantile_tuning){ .p = p, .a = r / (1 - p), .b = r / p };
}

/*
 * One arm as the sequences see it. k of its n requests being at most x is evidence of
 * ln_bb(k) that x is not the quantile; over k that is convex, and least at `k0`.
 */
struct arm {
    const struct histogram *histogram;
    const struct quantile_tuning *tuning;
    int64_t n, k0;
    double least;
};

static double evidence(const struct arm *arm, int64_t k)
{
    return special_ln_bb(k, arm->n, arm->tuning->p, arm->tuning->a, arm->tuning->b);
}

/*
 * From k to k + 1 the evidence grows when (a + k)(1 - p) >= (b + n - k - 1) p; with a (1 - p) = b
 * p, as quantile_tune() has it, that is k >= (n - 1) p.
 */
static struct arm arm_of_n(int64_t n, const struct quantile_tuning *tuning)
{
    struct arm arm = { .tuning = tuning, .n = n };
    arm.k0 = (int64_t)fmax(0, ceil((double)(n - 1) * tuning->p));
    arm.k0 = MIN(arm.k0, n);
    arm.least = evidence(&arm, arm.k0);
    return arm;
}

static struct arm arm_of(const struct histogram *histogram, const struct quantile_tuning *tuning)
{
    struct arm arm = arm_of_n(histogram_total(histogram), tuning);
    arm.histogram = histogram;
    return arm;
}

void quantile_sequence_ranks(int64_t n, const struct quantile_tuning *tuning, double alpha,
                             int64_t *ret_low, int64_t *ret_high)
{
    struct arm arm = arm_of_n(n, tuning);
    double limit = -log(alpha);
    int64_t below = -1, inside = arm.k0, above = n + 1; /* at `below` and `above` it is rejected */
    while (inside - below > 1) {
        int64_t middle = below + (inside - below) / 2;
        *(evidence(&arm, middle) >= limit ? &below : &inside) = middle;
    }
    inside = arm.k0;
    while (above - inside > 1) {
        int64_t middle = inside + (above - inside) / 2;
        *(evidence(&arm, middle) >= limit ? &above : &inside) = middle;
    }
    *ret_low = below + 1;
    *ret_high = above;
}

/* Whether n requests give evidence of `limit` both when all are at most x and when none is. */
static bool has_both_ends(int64_t n, const struct quantile_tuning *tuning, double limit)
{
    struct arm arm = { .tuning = tuning, .n = n };
    return evidence(&arm, n) >= limit && evidence(&arm, 0) >= limit;
}

/*
 * The least number of requests, `n` or more, with both ends: the evidence at an end grows with n.
 */
static int64_t least_n(int64_t n, const struct quantile_tuning *tuning, double limit)
{
    int64_t step = 1, low, high;
    if (has_both_ends(n, tuning, limit))
        return n;
    for (low = n; step < INT64_MAX / 4 - n && !has_both_ends(n + step, tuning, limit); step *= 2)
        low = n + step;
    high = n + step;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(has_both_ends(middle, tuning, limit) ? &high : &low) = middle;
    }
    return high;
}

struct quantile_bounds quantile_sequence(const struct histogram *arm,
                                         const struct quantile_tuning *tuning, double alpha,
                                         int64_t *ret_needs)
{
    int64_t low, high, n = histogram_total(arm);
    quantile_sequence_ranks(n, tuning, alpha, &low, &high);
    *ret_needs = high > n || low < 1 ? least_n(n, tuning, -log(alpha)) - n : 0;
    return bounds_of_ranks(arm, low, high);
}

/* --- Two arms --------------------------------------------------------------------------------- */

/* Evidence against x as the quantile, for x in or below cell i, as far as x is too high ... */
static double too_high(const struct arm *arm, size_t i)
{
    return evidence(arm, MAX(arm->k0, i ? arm->histogram->cells[i - 1].upto : 0));
}

/* ... and for x in or above cell i, as far as x is too low. Both are `least` where it is not. */
static double too_low(const struct arm *arm, size_t i)
{
    return evidence(arm, MIN(arm->k0, arm->histogram->cells[i].upto));
}

/*
 * A search for the x that both arms agree on best: too high for `lower`, mapped too low for
 * `upper`.
 */
struct meeting {
    const struct arm *lower, *upper;
    double ratio, shift;
    double best;
};

static double upper_at(const struct meeting *meeting, size_t i)
{
    double x = histogram_high(meeting->lower->histogram, i) * meeting->ratio + meeting->shift;
    int64_t upto = histogram_maybe_upto(meeting->upper->histogram, x);
    return evidence(meeting->upper, MIN(meeting->upper->k0, upto));
}

/*
 * From cell to cell of `lower` its evidence grows and that of `upper` falls, so that the first of
 * the one and the last of the other bound a whole stretch: branch and bound, a few dozen
 * evaluations. Between cells of `lower` the evidence only of `upper` changes, so that the cells'
 * ends are enough.
 */
static void meet(struct meeting *meeting, size_t first, size_t last, double lower_first,
                 double upper_last)
{
    size_t middle = first + (last - first) / 2;
    double lower_next, upper_middle;
    if (lower_first + upper_last >= meeting->best)
        return;
    if (first == last) {
        meeting->best = lower_first + upper_last;
        return;
    }
    upper_middle = upper_at(meeting, middle);
    lower_next = too_high(meeting->lower, middle + 1);
    meet(meeting, first, middle, lower_first, upper_middle);
    meet(meeting, middle + 1, last, lower_next, upper_last);
}

/*
 * The least joint evidence over all x, of `lower` that x is too high and of `upper` that it is too
 * low.
 */
static double least_evidence(const struct arm *lower, const struct arm *upper, double ratio,
                             double shift)
{
    struct meeting meeting = { lower, upper, ratio, shift, 0 };
    size_t first, last;
    meeting.best = evidence(lower, lower->n) + upper->least; /* x beyond all of `lower` */
    if (!lower->n || !upper->n)
        return lower->least + upper->least;
    first = histogram_cell_of_rank(lower->histogram, MAX(lower->k0, 1));
    last = lower->histogram->count - 1;
    meet(&meeting, first, last, too_high(lower, first), upper_at(&meeting, last));
    return meeting.best;
}

double quantile_ln_p(const struct histogram *a, const struct histogram *b,
                     const struct quantile_tuning *tuning, double ratio, double shift)
{
    struct arm in_a = arm_of(a, tuning), in_b = arm_of(b, tuning);
    double slower = least_evidence(&in_a, &in_b, ratio, shift);
    double faster = least_evidence(&in_b, &in_a, 1 / ratio, -shift / ratio);
    return fmin(0, -fmax(slower, faster)); /* at least one of them is the least that there is */
}

/* How far `upper`'s quantile may be above `lower`'s, and the pair with the largest ratio. */
struct reach {
    bool bounded;
    double difference, over, under;
};

static void reach_add(struct reach *reach, double over, double under)
{
    reach->difference = fmax(reach->difference, over - under);
    if (over * reach->under > reach->over * under || under == 0) {
        reach->over = over;
        reach->under = under;
    }
}

/*
 * The pairs (x, y) that are not rejected together have a staircase for a corner: as x goes down,
 * the largest y goes down. Walk it from the cell where x is no evidence.
 */
static struct reach reach_of(const struct arm *lower, const struct arm *upper, double limit)
{
    struct reach reach = { .difference = -HUGE_VAL, .over = 0, .under = 1 };
    size_t i, low = 0, high = upper->histogram->count;
    if (evidence(lower, 0) + upper->least < limit ||
        evidence(upper, upper->n) + lower->least < limit)
        return reach;
    while (high - low > 1) { /* the last cell of `upper` that x's best does not reject */
        size_t middle = low + (high - low) / 2;
        *(too_high(upper, middle) + lower->least < limit ? &low : &high) = middle;
    }
    i = histogram_cell_of_rank(lower->histogram, MAX(lower->k0, 1)) + 1;
    while (i-- > 0) {
        double against = too_low(lower, i);
        if (against + upper->least >= limit)
            break;
        while (low > 0 && against + too_high(upper, low) >= limit)
            low--;
        reach_add(&reach, histogram_high(upper->histogram, low),
                  histogram_low(lower->histogram, i));
    }
    reach.bounded = reach.difference > -HUGE_VAL && reach.difference < HUGE_VAL;
    return reach;
}

/*
 * What each arm needs rests on the least evidence of the other, which falls a little as that grows:
 * in turn until it holds for both.
 */
static void needs_of_both(const struct arm *a, const struct arm *b, double limit, int64_t *ret_a,
                          int64_t *ret_b)
{
    struct arm in_a = *a, in_b = *b;
    for (int i = 0; i < 16; i++) {
        int64_t before_a = in_a.n, before_b = in_b.n;
        in_a = arm_of_n(least_n(in_a.n, a->tuning, limit - in_b.least), a->tuning);
        in_b = arm_of_n(least_n(in_b.n, b->tuning, limit - in_a.least), b->tuning);
        if (in_a.n == before_a && in_b.n == before_b)
            break;
    }
    *ret_a = in_a.n - a->n;
    *ret_b = in_b.n - b->n;
}

/* Both arms, and both questions, from the two reaches. */
static void bounds_of_reach(struct quantile_comparison *found, const struct reach *up,
                            const struct reach *down)
{
    if (up->bounded)
        found->difference.high = up->difference;
    if (down->bounded)
        found->difference.low = -down->difference;
    found->difference.has_high = up->bounded;
    found->difference.has_low = down->bounded;
    found->ratio.has_high = up->bounded && up->under > 0;
    found->ratio.has_low = down->bounded && down->under > 0 && down->over > 0;
    if (found->ratio.has_high)
        found->ratio.high = up->over / up->under;
    if (found->ratio.has_low)
        found->ratio.low = down->under / down->over;
}

struct quantile_comparison quantile_compare(const struct histogram *a, const struct histogram *b,
                                            const struct quantile_tuning *tuning, double alpha)
{
    struct quantile_comparison found = { .ln_p = quantile_ln_p(a, b, tuning, 1, 0) };
    struct arm in_a = arm_of(a, tuning), in_b = arm_of(b, tuning);
    double limit = -log(alpha);
    struct reach up = reach_of(&in_a, &in_b, limit), down = reach_of(&in_b, &in_a, limit);
    bounds_of_reach(&found, &up, &down);
    needs_of_both(&in_a, &in_b, limit, &found.needs_a, &found.needs_b);
    if (!quantile_point(a, tuning->p, &found.at_a))
        found.at_a = 0;
    if (!quantile_point(b, tuning->p, &found.at_b))
        found.at_b = 0;
    return found;
}

static struct sequence_look look_of(const struct quantile_comparison *comparison, double delta,
                                    const struct quantile_bounds *bounds, double unit)
{
    struct sequence_look look = { .state = STATS_TOO_FEW };
    if (!bounds->has_low && !bounds->has_high)
        return look;
    look.state = STATS_OK;
    look.delta = delta;
    look.low = bounds->has_low ? bounds->low - unit : -INFINITY;
    look.high = bounds->has_high ? bounds->high - unit : INFINITY;
    look.ln_e = -comparison->ln_p;
    look.ln_p = comparison->ln_p;
    return look;
}

struct sequence_look quantile_look(const struct quantile_comparison *comparison)
{
    return look_of(comparison, comparison->at_b - comparison->at_a, &comparison->difference, 0);
}

struct sequence_look quantile_look_ratio(const struct quantile_comparison *comparison)
{
    double ratio = comparison->at_a > 0 ? comparison->at_b / comparison->at_a : 1;
    return look_of(comparison, ratio - 1, &comparison->ratio, 1);
}
