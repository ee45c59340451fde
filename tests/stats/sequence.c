/* SPDX-License-Identifier: MIT */
/* Always-valid intervals: the vectors, p and interval saying the same, running looks, A/A tests. */
#include "stats/sequence.h"

#include "stats/vectors.h"

static void check_normal(const struct vector *v)
{
    int64_t n = (int64_t)vector_number(v, "N");
    struct sequence_plan plan =
        sequence_plan(vector_number(v, "alpha"), (int64_t)vector_number(v, "n_star"));
    struct sequence_look look =
        sequence_look(&plan, n / 2, n - n / 2, vector_number(v, "delta"), vector_number(v, "V"));
    OK(look.state == STATS_OK, v->id);
    vector_is(v, "rho2", plan.rho2);
    vector_is(v, "u", plan.rho2 * (double)n);
    vector_is(v, "halfwidth", 0.5 * (look.high - look.low));
    vector_is(v, "lo", look.low);
    vector_is(v, "hi", look.high);
    vector_is(v, "ln_e", look.ln_e);
    vector_is(v, "ln_p", look.ln_p);
    vector_is(v, "p", exp(look.ln_p));
}

static void check_running(const struct vector *v)
{
    struct sequence_plan plan =
        sequence_plan(vector_number(v, "alpha"), (int64_t)vector_number(v, "n_star"));
    const cJSON *row = vector_member(v->expected, "rows")->child, *item;
    struct sequence sequence;
    sequence_init(&sequence);
    cJSON_ArrayForEach(item, vector_member(v->input, "looks"))
    {
        int64_t n = (int64_t)json_number(item, "N", 0);
        struct sequence_look look = sequence_look(
            &plan, n / 2, n - n / 2, json_number(item, "delta", 0), json_number(item, "V", 0));
        sequence_update(&sequence, &look);
        vector_same(v, "lo", look.low, json_number(row, "lo", 99));
        vector_same(v, "hi", look.high, json_number(row, "hi", 99));
        vector_same(v, "run_lo", sequence.low, json_number(row, "run_lo", 99));
        vector_same(v, "run_hi", sequence.high, json_number(row, "run_hi", 99));
        vector_same(v, "run_ln_p", sequence.ln_p, json_number(row, "run_ln_p", 99));
        OK(sequence.empty == cJSON_IsTrue(vector_member(row, "empty")), "as empty as expected");
        row = row->next;
    }
}

/*
 * For comparison only: the rule that Statsig documents. Its tau^2 is proportional to
 * 1/(nT + nC), so its z* does not grow with n, as the law of the iterated logarithm wants.
 */
static void check_statsig(const struct vector *v)
{
    double nt = vector_number(v, "nT"), nc = vector_number(v, "nC");
    double vt = vector_number(v, "varT"), vc = vector_number(v, "varC");
    double z = 1.959963984540054, variance = vt / nt + vc / nc;
    double tau2 = z * z * (vt + vc) / (nt + nc);
    double alpha = vector_number(v, "alpha"), sum = variance + tau2;
    double zstar = sqrt(sum / tau2 * (-2 * log(0.5 * alpha) - log(variance / sum)));
    vector_is(v, "zstar", zstar);
}

static void test_duality(void)
{
    double worst = 0;
    for (int64_t n = 100; n < 1000000000; n *= 3) {
        struct sequence_plan plan = sequence_plan(0.01, 20000);
        struct sequence_look look = sequence_look(&plan, n, 2 * n, 0, 3.5);
        struct sequence_look edge = sequence_look(&plan, n, 2 * n, look.high, 3.5);
        worst = fmax(worst, fabs(edge.ln_p - log(0.01)));
    }
    OK(worst < 1e-12, "p is alpha where 0 is on the edge of the interval");
    bool dual = true;
    struct sequence_plan plan = sequence_plan(0.05, 2000);
    for (int64_t k = 0; k < 100; k += 3) {
        struct share a = { 20, 400 }, b = { k, 500 };
        struct sequence_look look = sequence_look_share(&plan, a, b);
        dual = dual && (look.ln_p <= log(0.05)) == (look.low >= 0 || look.high <= 0);
    }
    OK(dual, "and so for shares");
}

static void test_narrowest(void)
{
    struct sequence_plan plan = sequence_plan(0.05, 20000);
    double narrowest = INFINITY;
    int64_t best = 0;
    for (int64_t n = 1000; n < 1000000; n += 500) { /* in standard errors */
        double half = sequence_look(&plan, n, n, 0, 1).high;
        if (half < narrowest) {
            narrowest = half;
            best = 2 * n;
        }
    }
    OK(best > 15000 && best < 30000 && fabs(narrowest - 3.03) < 0.02,
       "narrowest near the planned number: 3.03 standard errors");
}

static void test_states(void)
{
    struct sequence_plan plan = sequence_plan(0.05, 1000);
    struct sequence sequence;
    sequence_init(&sequence);
    struct sequence_look few = sequence_look(&plan, 99, 5000, 1, 1);
    struct sequence_look still = sequence_look(&plan, 500, 500, 1, 0);
    OK(few.state == STATS_TOO_FEW, "silent before the burn-in");
    OK(still.state == STATS_NO_VARIANCE, "no variance is a state");
    OK(sequence_look(&plan, 500, 500, 1, NAN).state == STATS_NO_VARIANCE &&
           sequence_look(&plan, 500, 500, NAN, 1).state == STATS_NO_VARIANCE,
       "so is what is no number");
    sequence_update(&sequence, &few);
    sequence_update(&sequence, &still);
    OK(sequence.looks == 0 && sequence.ln_p == 0 &&
           sequence_side(&sequence, 1, true) == SEQUENCE_SILENT &&
           !sequence_is_equivalent(&sequence, 1e9),
       "such looks change nothing, and nothing is known");
    static const double alphas[] = { 0, -1, 1, 2, NAN, 1e-320 };
    bool finite = true;
    for (size_t i = 0; i < ARRAY_SIZE(alphas); i++) {
        plan = sequence_plan(alphas[i], -5);
        struct sequence_look look = sequence_look(&plan, INT64_MAX, INT64_MAX, 1, 1e-300);
        finite = finite && isfinite(look.low) && isfinite(look.high) && look.ln_p <= 0;
    }
    OK(finite, "any alpha and any plan give numbers");
}

static struct sequence after(double low, double high)
{
    struct sequence sequence;
    sequence_init(&sequence);
    sequence_update(&sequence, &(struct sequence_look){ .low = low, .high = high });
    return sequence;
}

static void test_sides(void)
{
    struct sequence s = after(-3, 4);
    OK(sequence_side(&s, 5, true) == SEQUENCE_INSIDE, "-3..4 ms is no harm of 5");
    OK(sequence_side(&s, 4, true) == SEQUENCE_STRADDLES, "nor is it known for 4");
    OK(sequence_is_equivalent(&s, 5) && !sequence_is_equivalent(&s, 4), "within 5 both ways");
    s = after(6, 9);
    OK(sequence_side(&s, 5, true) == SEQUENCE_OUTSIDE, "6..9 ms is a harm of 5");
    OK(sequence_side(&s, 5, false) == SEQUENCE_INSIDE, "and none where more is better");
    s = after(-0.4, -0.2);
    OK(sequence_side(&s, 0.1, false) == SEQUENCE_OUTSIDE, "a rating lower by .2 is a harm of .1");
    OK(sequence_side(&s, 0.3, false) == SEQUENCE_STRADDLES, "and not known to be one of .3");
    s = after(1, 2);
    sequence_update(&s, &(struct sequence_look){ .low = 3, .high = 4, .ln_p = -9 });
    OK(s.empty && sequence_side(&s, 5, true) == SEQUENCE_SILENT && !sequence_is_equivalent(&s, 9),
       "an empty intersection is drift, not an answer");
    sequence_update(&s, &(struct sequence_look){ .low = -9, .high = 9 });
    OK(s.empty && s.ln_p == -9 && s.looks == 3, "which stays, as p does");
}

static void test_share_ends(void)
{
    struct sequence_plan plan = sequence_plan(0.05, 20000);
    OK(sequence_look_share(&plan, (struct share){ 0, 0 }, (struct share){ 0, 9 }).state ==
           STATS_TOO_FEW,
       "no share of nothing");
    bool sound = true, narrows = true;
    double before = 2;
    for (int64_t n = 1; n <= 300; n++)
        for (int64_t k = -1; k <= n + 1; k += 1 + n / 7) {
            struct sequence_look look =
                sequence_look_share(&plan, (struct share){ k, n }, (struct share){ n - k, n });
            sound = sound && look.low >= -1 && look.high <= 1 && look.low <= look.delta &&
                    look.delta <= look.high && look.ln_p <= 0 && !isnan(look.ln_e);
        }
    OK(sound, "shares of 1..300 requests: the interval holds its estimate, within -1..1");
    for (int64_t n = 1; n < 100000000000000; n *= 4) {
        struct sequence_look look =
            sequence_look_share(&plan, (struct share){ 0, n }, (struct share){ 0, n });
        double width = look.high - look.low;
        narrows = narrows && width < before && fabs(look.low + look.high) < 1e-9;
        before = width;
    }
    OK(narrows, "no failures: narrower with every request, and never of no width");
    struct share none = { 0, 2500 };
    OK(sequence_look_share(&plan, none, none).high < 0.005,
       "2 500 an arm without failure are within half a point");
    struct sequence_look look =
        sequence_look_share(&plan, (struct share){ 10, 1000 }, (struct share){ 990, 1000 });
    OK(look.ln_p < -1000 && look.low > 0.9, "a broken arm is seen far below the doubles' 1e-308");
}

/* splitmix64: the tests' own random numbers, the same everywhere */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* A skewed whole number of milliseconds, mean about 150. */
static int32_t latency(uint64_t *state)
{
    return 50 + (int32_t)(-100 * log1p(-uniform(state)));
}

/* Whether an A/A test of 4 000 requests with a look every 100 is ever called, by mean or by share. */
static void one_null_test(uint64_t seed, bool *ret_mean, bool *ret_share)
{
    struct sequence_plan plan = sequence_plan(0.05, 4000);
    struct mean_sums sums[2] = { 0 };
    struct share shares[2] = { 0 };
    struct sequence by_mean, by_share;
    sequence_init(&by_mean);
    sequence_init(&by_share);
    for (int i = 1; i <= 4000; i++) {
        int arm = uniform(&seed) < 0.5;
        mean_add(&sums[arm], latency(&seed), 1);
        shares[arm].count++;
        shares[arm].hits += uniform(&seed) < 0.02;
        if (i % 100)
            continue;
        struct moments a = mean_moments(&sums[0]), b = mean_moments(&sums[1]);
        struct mean_contrast contrast = mean_contrast(&a, &b, 0);
        struct sequence_look look =
            sequence_look(&plan, a.count, b.count, contrast.delta, contrast.variance);
        sequence_update(&by_mean, &look);
        look = sequence_look_share(&plan, shares[0], shares[1]);
        sequence_update(&by_share, &look);
    }
    *ret_mean = by_mean.ln_p <= log(0.05);
    *ret_share = by_share.ln_p <= log(0.05);
}

/* 500 A/A tests; at a true rate of 5 % more than 41 are called with probability .0005 (binomial). */
static void test_null(void)
{
    int by_mean = 0, by_share = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        bool mean, share;
        one_null_test(seed * 1000003, &mean, &share);
        by_mean += mean;
        by_share += share;
    }
    printf("# called of 500: %d by mean, %d by share\n", by_mean, by_share);
    OK(by_mean <= 41, "A/A tests watched 40 times: means are called within alpha");
    OK(by_share <= 41, "and shares");
}

int main(void)
{
    vectors("seq_normal", check_normal);
    vectors("seq_running", check_running);
    vectors("statsig_zstar", check_statsig);
    test_duality();
    test_narrowest();
    test_states();
    test_sides();
    test_share_ends();
    test_null();
    return tap_done();
}
