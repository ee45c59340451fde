/* SPDX-License-Identifier: MIT */
/*
 * Tests that are watched all day, simulated: how often is a verdict wrong when nothing differs, and
 * how often is a tail found that has doubled? Takes minutes: for `make slow`.
 *
 * A test is 10 000 requests, assigned by bucket_of(), looked at 99 times: at 200, 300, ... 10 000.
 * Latencies are whole milliseconds, lognormal around 180, and 3 % of requests take four times as
 * long (p50 183, p90 345, p95 436, p99 880: near the two arms of the vectors "quantile_point"). One
 * request in a hundred fails, eight are rated. The plan is the usual one: p95 primary, guardrails
 * mean and rating 5 %, failures half a point. There is no minimum runtime, so that nothing keeps a
 * wrong verdict from being given.
 */
#include <math.h>

#include "base/error.h"
#include "stats/bucket.h"
#include "stats/decision.h"
#include "stats/histogram.h"
#include "stats/mean.h"
#include "stats/quantile.h"
#include "stats/rating.h"
#include "stats/special.h"
#include "stats/srm.h"
#include "tap.h"

enum { REQUESTS = 10000, BATCH = 100, LOOK_FROM = 200, ROOM = 20000 };
enum { ALIKE_TESTS = 2000, TAIL_TESTS = 500, GUARDS = 3 };

static const uint64_t alike_seed = 20241101, tail_seed = 20241102;
static const double alpha = 0.05, failing = 0.01, rated = 0.08, tail_before = 0.03,
                    tail_after = 0.06;

/* --- Chance: xoshiro256**, seeded by splitmix64 (Blackman and Vigna) -------------------------- */

struct chance {
    uint64_t s[4];
};

static struct chance chance_of(uint64_t seed)
{
    struct chance chance;
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        chance.s[i] = z ^ z >> 31;
    }
    return chance;
}

static uint64_t rotated(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* Uniform in (0, 1). */
static double draw(struct chance *chance)
{
    uint64_t *s = chance->s, value = rotated(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return ((double)(value >> 11) + 0.5) * 0x1p-53;
}

static int64_t draw_latency(struct chance *chance, double tail)
{
    double normal = sqrt(-2 * log(draw(chance))) * cos(2 * M_PI * draw(chance));
    bool slow = draw(chance) < tail;
    return (int64_t)((slow ? 4 : 1) * 180 * exp(0.45 * normal));
}

static int draw_rating(struct chance *chance)
{
    static const double upto[RATING_LEVELS - 1] = { .04, .10, .25, .62 };
    double u = draw(chance);
    int i = 0;
    while (i < RATING_LEVELS - 1 && u >= upto[i])
        i++;
    return i;
}

/* --- One test --------------------------------------------------------------------------------- */

struct arm {
    struct histogram histogram;
    struct histogram_cell cells[ROOM];
    struct histogram_count fresh[BATCH];
    size_t fresh_count;
    struct mean_sums sums;
    struct rating_counts ratings;
    struct share failed; /* of all requests */
    double tail;
};

struct guard {
    struct sequence at_alpha, at_harm;
    double margin;
    bool lower_is_better;
};

/* All looks so far, of everything. */
struct watch {
    struct quantile_tuning p95;
    struct sequence_plan plan, harm, rating_plan, rating_harm;
    struct sequence quantile, mean, theta, failures;
    struct guard guards[GUARDS];
};

/* What ever happened while one test was watched. */
struct outcome {
    bool p95, p95_a_better, mean, theta, failures, outer, welch; /* a verdict */
    bool promoted_b, kept_a, stopped;                            /* by decision_make() */
    bool srm_red, srm_amber, drift;
    int found_at; /* requests at the first verdict on p95 */
};

static struct arm arms[2];

static void arm_clear(struct arm *arm, double tail)
{
    histogram_init(&arm->histogram, HISTOGRAM_MS, arm->cells, ROOM);
    arm->fresh_count = 0;
    arm->sums = (struct mean_sums){ 0 };
    arm->ratings = (struct rating_counts){ 0 };
    arm->failed = (struct share){ 0 };
    arm->tail = tail;
}

static void request(struct arm *arm, struct chance *chance)
{
    int64_t latency = draw_latency(chance, arm->tail);
    bool ok = draw(chance) >= failing;
    arm->failed.count++;
    arm->failed.hits += !ok;
    if (!ok)
        return;
    arm->fresh[arm->fresh_count++] = (struct histogram_count){ latency, 1 };
    mean_add(&arm->sums, (int32_t)latency, 1);
    if (draw(chance) < rated)
        arm->ratings.of[draw_rating(chance)]++;
}

static void requests(int64_t test, int from, int to, struct chance *chance)
{
    for (int i = from; i < to; i++) {
        struct pare_error err;
        char unit[16];
        int bucket;
        snprintf(unit, sizeof(unit), "u%d", i);
        if (!bucket_of(test, "1", unit, &bucket, &err))
            printf("Bail out! %s\n", err.text), exit(1);
        request(&arms[bucket_arm(bucket, BUCKET_CUT_EVEN) == BUCKET_ARM_B], chance);
    }
    for (int i = 0; i < 2; i++) {
        if (histogram_add_all(&arms[i].histogram, arms[i].fresh, arms[i].fresh_count) !=
            HISTOGRAM_ADDED)
            printf("Bail out! more distinct latencies than room\n"), exit(1);
        arms[i].fresh_count = 0;
    }
}

static void watch_init(struct watch *watch)
{
    *watch = (struct watch){
        .p95 = quantile_tune(0.95, REQUESTS / 2, alpha),
        .plan = sequence_plan(alpha, REQUESTS),
        .harm = sequence_plan(alpha / GUARDS, REQUESTS),
        .rating_plan = sequence_plan(alpha, (int64_t)(REQUESTS * rated)),
        .rating_harm = sequence_plan(alpha / GUARDS, (int64_t)(REQUESTS * rated)),
    };
    sequence_init(&watch->quantile);
    sequence_init(&watch->mean);
    sequence_init(&watch->theta);
    sequence_init(&watch->failures);
    for (int i = 0; i < GUARDS; i++) {
        sequence_init(&watch->guards[i].at_alpha);
        sequence_init(&watch->guards[i].at_harm);
        watch->guards[i].lower_is_better = i != 1;
        watch->guards[i].margin = i == 2 ? 0.005 : 0;
    }
}

static void update(struct sequence *sequence, struct sequence_look look)
{
    sequence_update(sequence, &look);
}

/*
 * Mean and rating as contrasts against 105 % and 95 % of A's, failures as a difference of shares.
 */
static void watch_guards(struct watch *watch, const struct moments *a, const struct moments *b)
{
    struct guard *guards = watch->guards;
    struct mean_contrast mean = mean_contrast(a, b, 0.05);
    struct rating_counts *rating_a = &arms[0].ratings, *rating_b = &arms[1].ratings;
    struct sequence_look shares = sequence_look_share(&watch->plan, arms[0].failed, arms[1].failed);
    update(&guards[0].at_alpha,
           sequence_look(&watch->plan, a->count, b->count, mean.delta, mean.variance));
    update(&guards[0].at_harm,
           sequence_look(&watch->harm, a->count, b->count, mean.delta, mean.variance));
    update(&guards[1].at_alpha, rating_look_mean(&watch->rating_plan, rating_a, rating_b, -0.05));
    update(&guards[1].at_harm, rating_look_mean(&watch->rating_harm, rating_a, rating_b, -0.05));
    update(&guards[2].at_alpha, shares);
    update(&guards[2].at_harm, sequence_look_share(&watch->harm, arms[0].failed, arms[1].failed));
    update(&watch->failures, shares);
}

static void watch_look(struct watch *watch, const struct moments *a, const struct moments *b)
{
    struct mean_contrast plain = mean_contrast(a, b, 0);
    struct quantile_comparison p95 =
        quantile_compare(&arms[0].histogram, &arms[1].histogram, &watch->p95, alpha);
    update(&watch->quantile, quantile_look(&p95));
    update(&watch->mean,
           sequence_look(&watch->plan, a->count, b->count, plain.delta, plain.variance));
    update(&watch->theta, rating_look(&watch->rating_plan, &arms[0].ratings, &arms[1].ratings));
    watch_guards(watch, a, b);
}

static enum decision_state decide(const struct watch *watch, const struct srm *srm)
{
    struct decision_guard guards[GUARDS];
    for (int i = 0; i < GUARDS; i++) {
        const struct guard *of = &watch->guards[i];
        guards[i] = decision_guard_of(&of->at_alpha, &of->at_harm, of->margin, of->lower_is_better);
    }
    struct decision_facts facts = {
        .n_a = arms[0].failed.count,
        .n_b = arms[1].failed.count,
        .min_n = 100,
        .srm_ln_p = fmin(0, -srm->ln_e),
        .flow_margin = 0.005,
        .primary = decision_verdict_of(&watch->quantile, alpha, 0, true),
        .primary_ln_p = watch->quantile.ln_p,
        .drift = watch->quantile.empty,
        .alpha = alpha,
        .guards = guards,
        .guard_count = GUARDS,
    };
    return decision_make(&facts).state;
}

/* What people do without any of this. */
static void look_naively(struct outcome *outcome, const struct moments *a, const struct moments *b)
{
    struct quantile_outer outer =
        quantile_outer(&arms[0].histogram, &arms[1].histogram, 0.95, alpha);
    struct welch welch = mean_welch(a, b, alpha);
    outcome->outer |= outer.valid && outer.ln_p <= log(alpha);
    outcome->welch |= welch.state == STATS_OK && welch.ln_p <= log(alpha);
}

static void look(struct watch *watch, struct outcome *outcome, int at)
{
    struct moments a = mean_moments(&arms[0].sums), b = mean_moments(&arms[1].sums);
    struct srm_segment segment = { arms[0].failed.count, at, 0.5 };
    struct srm srm = srm_test(&segment, 1, 0);
    watch_look(watch, &a, &b);
    enum decision_state state = decide(watch, &srm);
    enum decision_verdict p95 = decision_verdict_of(&watch->quantile, alpha, 0, true);
    if (p95 != DECISION_NONE && !outcome->p95) {
        outcome->p95 = true;
        outcome->p95_a_better = p95 == DECISION_A;
        outcome->found_at = at;
    }
    outcome->mean |= decision_verdict_of(&watch->mean, alpha, 0, true) != DECISION_NONE;
    outcome->theta |= decision_verdict_of(&watch->theta, alpha, 0, false) != DECISION_NONE;
    outcome->failures |= decision_verdict_of(&watch->failures, alpha, 0, true) != DECISION_NONE;
    outcome->promoted_b |= state == DECISION_PROMOTE_B;
    outcome->kept_a |= state == DECISION_KEEP_A;
    outcome->stopped |= state == DECISION_STOP_B_HARM;
    outcome->drift |= state == DECISION_DRIFT;
    outcome->srm_red |= srm.alarm;
    outcome->srm_amber |= srm.ln_p <= log(.001);
    look_naively(outcome, &a, &b);
}

static struct outcome test_run(int64_t test, double tail_b, uint64_t seed)
{
    struct chance chance = chance_of(seed ^ (uint64_t)test << 32);
    struct outcome outcome = { 0 };
    struct watch watch;
    watch_init(&watch);
    arm_clear(&arms[0], tail_before);
    arm_clear(&arms[1], tail_b);
    for (int at = BATCH; at <= REQUESTS; at += BATCH) {
        requests(test, at - BATCH, at, &chance);
        if (at >= LOOK_FROM)
            look(&watch, &outcome, at);
    }
    return outcome;
}

/* --- Many ------------------------------------------------------------------------------------- */

/* The p for which at most k of n has that chance: one end of Clopper and Pearson's interval. */
static double binomial_end(int64_t k, int64_t n, double chance)
{
    double low = 0, high = 1;
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high);
        *(special_binomial(k, n, middle) > chance ? &low : &high) = middle;
    }
    return low;
}

static double rate(const char *what, int hits, int tests)
{
    double low = hits ? binomial_end(hits - 1, tests, 0.975) : 0;
    double high = hits < tests ? binomial_end(hits, tests, 0.025) : 1;
    printf("# %-46s %5d of %d  %6.2f %%  [%.2f, %.2f]\n", what, hits, tests, 1e2 * hits / tests,
           1e2 * low, 1e2 * high);
    return (double)hits / tests;
}

static void nothing_differs(void)
{
    int p95 = 0, mean = 0, theta = 0, failures = 0, outer = 0, welch = 0, promoted = 0, kept = 0;
    int stopped = 0, wrong = 0, red = 0, amber = 0, drift = 0;
    for (int i = 0; i < ALIKE_TESTS; i++) {
        struct outcome o = test_run(i + 1, tail_before, alike_seed);
        p95 += o.p95;
        mean += o.mean;
        theta += o.theta;
        failures += o.failures;
        outer += o.outer;
        welch += o.welch;
        promoted += o.promoted_b;
        kept += o.kept_a;
        stopped += o.stopped;
        wrong += o.promoted_b || o.kept_a || o.stopped;
        red += o.srm_red;
        amber += o.srm_amber;
        drift += o.drift;
    }
    printf("# A/A, watched at 99 looks; Clopper-Pearson intervals at 95 %%\n");
    rate("Welch's t, watched", welch, ALIKE_TESTS);
    rate("outer interval of p95, watched", outer, ALIKE_TESTS);
    rate("chi-square of the split at .001, watched", amber, ALIKE_TESTS);
    rate("mean, always valid", mean, ALIKE_TESTS);
    rate("rating, always valid", theta, ALIKE_TESTS);
    rate("failures, always valid", failures, ALIKE_TESTS);
    rate("PROMOTE_B", promoted, ALIKE_TESTS);
    rate("KEEP_A", kept, ALIKE_TESTS);
    rate("STOP_B_HARM", stopped, ALIKE_TESTS);
    rate("DRIFT", drift, ALIKE_TESTS);
    OK(rate("p95, exact and always valid", p95, ALIKE_TESTS) <= .01,
       "p95 is wrong in at most 1 % of the tests where nothing differs");
    OK(rate("PROMOTE_B, KEEP_A or STOP_B_HARM", wrong, ALIKE_TESTS) <= .02,
       "and PROMOTE_B, KEEP_A or STOP_B_HARM is said in at most 2 %");
    OK(rate("sequential alarm of the split", red, ALIKE_TESTS) == 0,
       "the sequential alarm of the split is never raised");
}

static int by_size(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

static void a_tail_doubles(void)
{
    static int at[TAIL_TESTS];
    int found = 0, reversed = 0, said = 0, mean = 0, theta = 0;
    for (int i = 0; i < TAIL_TESTS; i++) {
        struct outcome o = test_run(i + 1, tail_after, tail_seed);
        if (o.p95 && o.p95_a_better)
            at[found++] = o.found_at;
        reversed += o.p95 && !o.p95_a_better;
        said += o.kept_a || o.stopped;
        mean += o.mean;
        theta += o.theta;
    }
    qsort(at, (size_t)found, sizeof(*at), by_size);
    printf("# B's tail 6 %% against 3 %%, found by %d requests, half of them by %d\n", REQUESTS,
           found ? at[found / 2] : 0);
    rate("mean, always valid", mean, TAIL_TESTS);
    rate("rating, always valid (it does not differ)", theta, TAIL_TESTS);
    rate("KEEP_A or STOP_B_HARM", said, TAIL_TESTS);
    OK(rate("p95, exact and always valid", found, TAIL_TESTS) >= .9,
       "a doubled tail is found in at least 90 % of the tests");
    OK(reversed == 0, "and never taken for a gain");
}

int main(void)
{
    nothing_differs();
    a_tail_doubles();
    return tap_done();
}
