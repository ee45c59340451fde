/* SPDX-License-Identifier: MIT */
#include "registry/abtest_judge.h"

#include <math.h>
#include <stdlib.h>

/* The least requests an arm before anything is said, and what an alarm takes. */
enum { LEAST_REQUESTS = SEQUENCE_BURN_IN, RATE_MINUTES = 60 };
static const double ln_alarm = -6.907755278982137; /* ln .001 */

/* What the numbers are judged by: the newest segment's alpha, and a stricter one for harm. */
struct judge {
    const struct abtest *test;
    const struct abtest_arm_data *a, *b;
    const struct block_variance *blocks;
    double alpha, harm_alpha;
    struct sequence_plan plan, harm_plan;
};

static double least_of(double left, double right)
{
    return left < right ? left : right;
}

/* ---- the question a metric asks, as one look ---- */

static struct sequence_look look_at_quantile(const struct judge *judge, double p, double alpha)
{
    const struct quantile_tuning tuning =
        quantile_tune(p, (double)judge->test->plan.horizon / 2, judge->alpha);
    const struct quantile_comparison comparison =
        quantile_compare(&judge->a->latency, &judge->b->latency, &tuning, alpha);
    return quantile_look_ratio(&comparison);
}

/* B / A - 1 of the means, its variance no less than the minutes show. */
static struct sequence_look look_at_mean(const struct judge *judge,
                                         const struct sequence_plan *plan)
{
    const struct moments *a = &judge->a->moments, *b = &judge->b->moments;
    const struct mean_lift lift = mean_lift(a->mean, moments_mean_variance(a), b->mean,
                                            moments_mean_variance(b), plan->alpha);
    double effect = fmax(1, judge->blocks->design_effect);
    if (!lift.valid)
        return (struct sequence_look){ .state = STATS_TOO_FEW };
    return sequence_look(plan, a->count, b->count, lift.lift, lift.se * lift.se * effect);
}

static struct share failed_share(const struct abtest_arm_data *arm)
{
    return (struct share){ arm->failed, arm->n };
}

/* In the unit of the metric's margin: relative, of failures and ratings (theta) points. */
static struct sequence_look look_at(const struct judge *judge, enum abtest_metric metric,
                                    const struct sequence_plan *plan)
{
    switch (metric) {
    case ABTEST_P95:
        return look_at_quantile(judge, 0.95, plan->alpha);
    case ABTEST_P50:
        return look_at_quantile(judge, 0.5, plan->alpha);
    case ABTEST_MEAN:
        return look_at_mean(judge, plan);
    case ABTEST_RATING:
        return rating_look(plan, &judge->a->ratings, &judge->b->ratings);
    default:
        return sequence_look_share(plan, failed_share(judge->a), failed_share(judge->b));
    }
}

static struct sequence ask(const struct judge *judge, enum abtest_metric metric,
                           const struct sequence_plan *plan)
{
    struct sequence sequence;
    struct sequence_look look = look_at(judge, metric, plan);
    sequence_init(&sequence);
    sequence_update(&sequence, &look);
    return sequence;
}

static bool is_latency(enum abtest_metric metric)
{
    return metric == ABTEST_P95 || metric == ABTEST_P50 || metric == ABTEST_MEAN;
}

static bool lower_is_better(enum abtest_metric metric)
{
    return metric != ABTEST_RATING;
}

/* ---- the rows ---- */

static struct abtest_row no_row(const char *word)
{
    return (struct abtest_row){ .word = word,
                                .a = NAN,
                                .b = NAN,
                                .delta = NAN,
                                .low = NAN,
                                .high = NAN,
                                .fixed_low = NAN,
                                .fixed_high = NAN,
                                .relative_low = NAN,
                                .relative_high = NAN,
                                .ln_p = NAN,
                                .b_better = NAN,
                                .lower_is_better = true };
}

static double end_of(bool there, double value, double otherwise)
{
    return there ? value : otherwise;
}

static struct abtest_row quantile_row(const struct judge *judge, const char *word, double p)
{
    struct abtest_row row = no_row(word);
    const struct histogram *a = &judge->a->latency, *b = &judge->b->latency;
    const struct quantile_tuning tuning =
        quantile_tune(p, (double)judge->test->plan.horizon / 2, judge->alpha);
    if (!quantile_point(a, p, &row.a) || !quantile_point(b, p, &row.b)) {
        row.a = histogram_total(a) ? row.a : NAN;
        row.b = histogram_total(b) ? row.b : NAN;
        return row;
    }
    const struct quantile_comparison c = quantile_compare(a, b, &tuning, judge->alpha);
    const struct quantile_bounds fixed = quantile_mover(a, b, p, judge->alpha);
    row.delta = row.b - row.a;
    row.low = end_of(c.difference.has_low, c.difference.low, -INFINITY);
    row.high = end_of(c.difference.has_high, c.difference.high, INFINITY);
    row.relative_low = end_of(c.ratio.has_low, c.ratio.low - 1, -INFINITY);
    row.relative_high = end_of(c.ratio.has_high, c.ratio.high - 1, INFINITY);
    row.fixed_low = end_of(fixed.has_low, fixed.low, NAN);
    row.fixed_high = end_of(fixed.has_high, fixed.high, NAN);
    row.ln_p = c.ln_p;
    row.needs = MAX(c.needs_a, c.needs_b);
    return row;
}

static void put_look(struct abtest_row *row, const struct sequence_look *look, double unit)
{
    if (look->state != STATS_OK)
        return;
    row->low = look->low * unit;
    row->high = look->high * unit;
    row->ln_p = look->ln_p;
}

static struct abtest_row mean_row(const struct judge *judge)
{
    struct abtest_row row = no_row("mean");
    const struct moments *a = &judge->a->moments, *b = &judge->b->moments;
    row.a = a->count ? a->mean : NAN;
    row.b = b->count ? b->mean : NAN;
    const struct welch welch = mean_welch(a, b, judge->alpha);
    const struct sequence_look look = look_at_mean(judge, &judge->plan);
    row.delta = row.b - row.a;
    put_look(&row, &look, a->mean);
    if (look.state == STATS_OK) {
        row.relative_low = look.low;
        row.relative_high = look.high;
    }
    if (welch.state != STATS_OK)
        return row;
    double variance = welch.se * welch.se * fmax(1, judge->blocks->design_effect);
    const struct mean_posterior posterior =
        mean_posterior(row.delta, variance, INFINITY, true, judge->alpha);
    row.fixed_low = welch.low;
    row.fixed_high = welch.high;
    row.b_better = posterior.state == STATS_OK ? posterior.b_better : NAN;
    return row;
}

static struct abtest_row share_row(const struct judge *judge, const char *word, struct share a,
                                   struct share b, bool valid_at_any_time)
{
    struct abtest_row row = no_row(word);
    row.is_share = true;
    row.a = a.count ? (double)a.hits / (double)a.count : NAN;
    row.b = b.count ? (double)b.hits / (double)b.count : NAN;
    row.delta = row.b - row.a;
    const struct share_difference fixed = share_difference(a, b, judge->alpha);
    if (fixed.state != STATS_TOO_FEW) {
        row.fixed_low = fixed.low;
        row.fixed_high = fixed.high;
    }
    if (valid_at_any_time) {
        const struct sequence_look look = sequence_look_share(&judge->plan, a, b);
        put_look(&row, &look, 1);
    }
    return row;
}

static struct abtest_row rating_row(const struct judge *judge)
{
    struct abtest_row row = no_row("rating");
    const struct rating_counts *a = &judge->a->ratings, *b = &judge->b->ratings;
    const struct moments moments_a = rating_moments(a), moments_b = rating_moments(b);
    const struct sequence_look look = rating_look_mean(&judge->plan, a, b, 0);
    const struct welch welch = mean_welch(&moments_a, &moments_b, judge->alpha);
    row.lower_is_better = false;
    row.a = moments_a.count ? moments_a.mean : NAN;
    row.b = moments_b.count ? moments_b.mean : NAN;
    row.delta = row.b - row.a;
    put_look(&row, &look, 1);
    if (welch.state == STATS_OK) {
        row.fixed_low = welch.low;
        row.fixed_high = welch.high;
    }
    if (moments_a.count && moments_b.count)
        row.b_better = rating_chance_b(a, b);
    return row;
}

static void put_rows(const struct judge *judge, struct abtest_report *report)
{
    static const int row_of[ABTEST_METRICS] = {
        [ABTEST_P95] = ABTEST_ROW_P95,         [ABTEST_P50] = ABTEST_ROW_P50,
        [ABTEST_MEAN] = ABTEST_ROW_MEAN,       [ABTEST_RATING] = ABTEST_ROW_RATING,
        [ABTEST_FAILURES] = ABTEST_ROW_FAILED,
    };
    const struct abtest_plan *plan = &judge->test->plan;
    const struct share rated_a = { rating_total(&judge->a->ratings), judge->a->n };
    const struct share rated_b = { rating_total(&judge->b->ratings), judge->b->n };
    struct abtest_row *rows = report->rows;
    rows[ABTEST_ROW_FAILED] =
        share_row(judge, "failed", failed_share(judge->a), failed_share(judge->b), true);
    rows[ABTEST_ROW_P50] = quantile_row(judge, "p50", 0.5);
    rows[ABTEST_ROW_P95] = quantile_row(judge, "p95", 0.95);
    rows[ABTEST_ROW_P99] = quantile_row(judge, "p99", 0.99);
    rows[ABTEST_ROW_MEAN] = mean_row(judge);
    rows[ABTEST_ROW_RATING] = rating_row(judge);
    rows[ABTEST_ROW_RATED] = share_row(judge, "rated", rated_a, rated_b, false);
    rows[row_of[plan->primary]].is_primary = true;
    for (size_t i = 0; i < plan->guard_count; i++)
        rows[row_of[plan->guards[i].metric]].guard = &plan->guards[i];
    report->coverage = share_difference(rated_a, rated_b, judge->alpha);
    report->coverage_differs =
        report->coverage.state == STATS_OK && report->coverage.ln_p < ln_alarm;
}

static void put_theta(const struct judge *judge, struct abtest_report *report)
{
    const struct rating_comparison fixed =
        rating_compare(&judge->a->ratings, &judge->b->ratings, judge->alpha);
    const struct sequence_look look =
        rating_look(&judge->plan, &judge->a->ratings, &judge->b->ratings);
    bool any = rating_total(&judge->a->ratings) && rating_total(&judge->b->ratings);
    report->theta = any ? fixed.theta : NAN;
    report->theta_low = look.state == STATS_OK ? 0.5 + look.low : NAN;
    report->theta_high = look.state == STATS_OK ? 0.5 + look.high : NAN;
}

/* ---- time ---- */

/* The newest whole minutes, neither the last, which is not over, nor that of the first request: how many came in each. */
static struct power_rate rate_of(const struct abtest_data *data)
{
    int64_t per_minute[RATE_MINUTES] = { 0 };
    size_t count = 0;
    if (data->minute_count < 2)
        return (struct power_rate){ 0 };
    int64_t end = data->minutes[data->minute_count - 1].at;
    int64_t first = data->minutes[0].is_hour ? end - 60 * RATE_MINUTES : data->minutes[0].at;
    int64_t start = MAX(end - 60 * (int64_t)RATE_MINUTES, first + 60);
    for (size_t i = 0; i + 1 < data->minute_count; i++) {
        const struct abtest_minute *minute = &data->minutes[i];
        if (minute->at >= start && !minute->is_hour)
            per_minute[(minute->at - start) / 60] += minute->n[0] + minute->n[1];
    }
    count = (size_t)(MAX(end - start, 0) / 60);
    return power_rate(per_minute, MIN(count, (size_t)RATE_MINUTES));
}

/* How many requests of both the primary's question takes, from what is known of its spread; 0: not known. */
static int64_t needed_of(const struct judge *judge)
{
    const struct abtest_plan *plan = &judge->test->plan;
    const struct histogram *a = &judge->a->latency, *b = &judge->b->latency;
    double p = plan->primary == ABTEST_P50 ? 0.5 : 0.95, unit, mde;
    int64_t needed, total = judge->a->n + judge->b->n;
    if (total == 0)
        return 0;
    if (plan->primary == ABTEST_MEAN) {
        unit = power_unit_variance(sqrt(moments_variance(&judge->a->moments)),
                                   sqrt(moments_variance(&judge->b->moments)),
                                   (double)judge->a->n / (double)total);
        mde = plan->margin * judge->a->moments.mean;
    } else if (plan->primary == ABTEST_P95 || plan->primary == ABTEST_P50) {
        const struct quantile_outer outer = quantile_outer(a, b, p, judge->alpha);
        double at_a = 0;
        if (!outer.valid || !quantile_point(a, p, &at_a))
            return 0;
        unit = outer.se * outer.se * (double)total;
        mde = plan->margin * at_a;
    } else {
        return 0;
    }
    return power_sequence_n(&judge->plan, unit, mde, 0.8, &needed) ? needed : 0;
}

static void put_time(const struct judge *judge, const struct abtest_data *data,
                     struct abtest_report *report)
{
    int64_t now = judge->a->n + judge->b->n;
    report->rate = rate_of(data);
    report->needed = needed_of(judge);
    int64_t goal = report->needed ? report->needed : judge->test->plan.horizon;
    report->eta = power_eta((double)now, (double)MAX(goal, now), &report->rate);
}

/* ---- blocks ---- */

/* The minutes of the newest segment, as blocks; the caller frees them. */
static struct block *blocks_of(const struct abtest_data *data, size_t *ret_count)
{
    struct block *blocks = calloc(data->minute_count + 1, sizeof(*blocks));
    *ret_count = 0;
    for (size_t i = 0; blocks && i < data->minute_count; i++)
        if ((double)data->minutes[i].at > data->segment_from)
            blocks[(*ret_count)++] = data->minutes[i].latency;
    return blocks;
}

static struct block_variance variance_of(const struct abtest_data *data)
{
    size_t count;
    struct block *blocks = blocks_of(data, &count);
    struct block_variance variance = block_variance(blocks, count);
    free(blocks);
    return variance;
}

/*
 * Whether the effect on the mean has moved: its later half differs from the earlier one, or what was
 * ruled out at one time is what is seen at another. *ret_turned: it was shown to be better at one time and
 * worse at another, so that no one verdict is right; an effect that varies on one side of zero is no
 * reason not to decide.
 */
static bool has_moved(const struct judge *judge, const struct abtest_data *data, bool *ret_turned)
{
    size_t count;
    struct block *blocks = blocks_of(data, &count);
    struct block_point *points = calloc(count + 1, sizeof(*points));
    struct block_drift drift = { 0 };
    bool empty = false;
    *ret_turned = false;
    if (blocks && points && count > 0) {
        const struct block_point *last = &points[count - 1];
        drift = block_drift(blocks, count);
        block_effect(blocks, count, &judge->plan, fmax(1, judge->blocks->design_effect), points);
        empty = last->known && last->low > last->high;
        *ret_turned = empty && last->low > 0 && last->high < 0;
    }
    free(points);
    free(blocks);
    return empty || (count > 0 && drift.state == STATS_OK && drift.ln_p < ln_alarm);
}

/* ---- the verdict ---- */

/* Of what is judged: since the test began, and since its split is this one. */
static double hours_of(const struct abtest *test, const struct abtest_data *data)
{
    const struct abtest_minute *minutes = data->minutes;
    double hours = 0;
    if (!isnan(test->running_seconds))
        hours = test->running_seconds / 3600;
    else if (data->minute_count > 0)
        hours = (double)(minutes[data->minute_count - 1].at - minutes[0].at) / 3600;
    return least_of(hours, data->segment_hours);
}

static void decide(const struct judge *judge, const struct abtest_data *data,
                   struct abtest_report *report)
{
    const struct abtest_plan *plan = &judge->test->plan;
    const struct sequence primary = ask(judge, plan->primary, &judge->plan);
    double flow_margin = 0.005;
    for (size_t i = 0; i < plan->guard_count; i++) {
        enum abtest_metric metric = plan->guards[i].metric;
        const struct sequence passes = ask(judge, metric, &judge->plan);
        const struct sequence harms = ask(judge, metric, &judge->harm_plan);
        report->guards[i] =
            decision_guard_of(&passes, &harms, plan->guards[i].margin, lower_is_better(metric));
        if (metric == ABTEST_FAILURES)
            flow_margin = plan->guards[i].margin;
    }
    const struct decision_facts facts = {
        .n_a = judge->a->n,
        .n_b = judge->b->n,
        .min_n = LEAST_REQUESTS,
        .runtime_hours = report->runtime_hours,
        .min_hours = plan->min_hours,
        .srm_ln_p = report->srm.known ? least_of(0, -report->srm.ln_e) : 0,
        .flow_a = { data->assigned[0], data->total[0] },
        .flow_b = { data->assigned[1], data->total[1] },
        .flow_margin = flow_margin,
        .primary = decision_verdict_of(&primary, judge->alpha, plan->margin,
                                       lower_is_better(plan->primary)),
        .drift = report->turned && is_latency(plan->primary),
        .primary_ln_p = primary.ln_p,
        .alpha = judge->alpha,
        .guards = report->guards,
        .guard_count = plan->guard_count,
    };
    report->decision = decision_make(&facts);
}

void abtest_judge(const struct abtest *test, const struct abtest_data *data,
                  struct abtest_report *ret_report)
{
    const struct abtest_plan *plan = &test->plan;
    double alpha = ldexp(plan->alpha, -(data->segment_count - 1));
    double harm_alpha = alpha / (double)MAX(plan->guard_count, (size_t)1);
    struct block_variance blocks = variance_of(data);
    struct abtest_report report = { .alpha = alpha,
                                    .runtime_hours = hours_of(test, data),
                                    .srm = srm_test(data->segments, (size_t)data->segment_count,
                                                    SRM_HALF_UNIT) };
    report.design_effect = blocks.design_effect;
    const struct judge judge = {
        .test = test,
        .a = &data->arms[0],
        .b = &data->arms[1],
        .blocks = &blocks,
        .alpha = alpha,
        .harm_alpha = harm_alpha,
        .plan = sequence_plan(alpha, plan->horizon),
        .harm_plan = sequence_plan(harm_alpha, plan->horizon),
    };
    report.drift = has_moved(&judge, data, &report.turned);
    put_rows(&judge, &report);
    put_theta(&judge, &report);
    put_time(&judge, data, &report);
    decide(&judge, data, &report);
    *ret_report = report;
}
