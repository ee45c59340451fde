/* SPDX-License-Identifier: MIT */
/* Sample ratio mismatch: the vectors, exact p by enumeration, changing splits, A/A and real faults. */
#include "stats/srm.h"

#include "stats/mean.h"
#include "stats/special.h"
#include "stats/vectors.h"

static struct srm_segment segment_of(const struct vector *v)
{
    return (struct srm_segment){
        (int64_t)vector_number(v, "kA"),
        (int64_t)vector_number(v, "n"),
        vector_number(v, "split"),
    };
}

static void check_srm(const struct vector *v)
{
    struct srm_segment segment = segment_of(v);
    struct srm srm = srm_test(&segment, 1, 0);
    OK(srm.known && srm.segments == 1 && !srm.inverted, v->id);
    vector_is(v, "exact_binomial_p", exp(srm_ln_exact(segment.a, segment.count, segment.split)));
    vector_is(v, "seq_ln_bf", srm.ln_e);
    vector_is(v, "seq_p", exp(fmin(0, -srm.ln_e)));
    if (segment.count < 100) {
        vector_same(v, "p of few is the exact one", exp(srm.ln_p),
                    vector_expected(v, "exact_binomial_p"));
        return;
    }
    vector_is(v, "chi2", srm.chi2);
    vector_is(v, "p", exp(srm.ln_p));
    vector_is(v, "ln_p", srm.ln_p);
}

static void check_rounded(const struct vector *v)
{
    struct srm_segment segment = {
        (int64_t)vector_number(v, "kA"),
        (int64_t)vector_number(v, "n"),
        strtod(vector_member(v->input, "split")->valuestring, NULL),
    };
    double half_unit = vector_number(v, "half_unit");
    vector_is(v, "point_p", exp(srm_test(&segment, 1, 0).ln_p));
    vector_is(v, "nearest_split", srm_nearest(&segment, half_unit));
    vector_is(v, "rounded_p", exp(srm_test(&segment, 1, half_unit).ln_p));
    OK(!srm_test(&segment, 1, half_unit).alarm, "a third stored as .33 raises no alarm");
    segment.a = 350000;
    struct srm srm = srm_test(&segment, 1, half_unit);
    OK(srm.alarm && srm.ln_p < -500 && fabs(srm.off - 0.015) < 1e-9,
       "but 35 % does, and is said to be 1.5 points off");
}

static void check_hint(const struct vector *v)
{
    struct srm_segment segment = segment_of(v), turned = segment;
    struct srm srm = srm_test(&segment, 1, 0);
    turned.split = 1 - turned.split;
    vector_is(v, "p", exp(srm.ln_p));
    vector_is(v, "p_if_inverted", exp(srm_test(&turned, 1, 0).ln_p));
    OK(srm.inverted && srm.alarm, "an inverted split is said to be one");
}

/* Three arms, by cutting off one arm at a time: the Dirichlet falls apart into Betas. */
static void check_multi(const struct vector *v)
{
    const cJSON *row = vector_member(v->expected, "rows")->child, *item;
    double null[3], alpha[3];
    int64_t sum[3] = { 0 }, counts[3];
    vector_doubles(vector_member(v->input, "null"), null, 3);
    vector_doubles(vector_member(v->input, "dirichlet"), alpha, 3);
    cJSON_ArrayForEach(item, vector_member(v->input, "counts"))
    {
        vector_integers(item, counts, 3);
        for (int i = 0; i < 3; i++)
            sum[i] += counts[i];
        int64_t rest = sum[1] + sum[2];
        double ln_e =
            special_ln_bb(sum[0], sum[0] + rest, null[0], alpha[0], alpha[1] + alpha[2]) +
            special_ln_bb(sum[1], rest, null[1] / (null[1] + null[2]), alpha[1], alpha[2]);
        vector_same(v, "ln_bf", ln_e, json_number(row, "ln_bf", 99));
        row = row->next;
    }
}

static void check_changepoint(const struct vector *v)
{
    struct srm_minute minutes[16];
    struct srm_change change;
    const cJSON *item;
    size_t count = 0;
    cJSON_ArrayForEach(item, vector_member(v->input, "minutes"))
    {
        int64_t pair[2];
        vector_integers(item, pair, 2);
        minutes[count++] = (struct srm_minute){ pair[0], pair[1], vector_number(v, "split") };
    }
    OK(srm_changepoint(minutes, count, &change), v->id);
    vector_is(v, "first_bad_index", (double)change.minute);
    vector_is(v, "ln_lr", change.ln_lr);
    vector_is(v, "split_after", change.share);
    OK(!srm_changepoint(minutes, 0, &change), "no minutes, no change");
    OK(!srm_changepoint(&(struct srm_minute){ 5, 5, 0.5 }, 1, &change), "a perfect minute is none");
    OK(srm_changepoint(&(struct srm_minute){ 5, 5, 0 }, 1, &change) && isfinite(change.ln_lr),
       "a split of 0 is finite");
}

/* The issue gives 4072 and 2035 of 80/20, and prints p = 2.40e-149. */
static void test_real_case(void)
{
    struct srm_segment broken = { 4072, 4072 + 2035, 0.8 };
    struct srm srm = srm_test(&broken, 1, 0);
    char text[P_TEXT_ROOM];
    p_put(srm.ln_p, text);
    IS(text, "2.4e-149", "PostHog/posthog#84351 prints as it did there");
    OK(srm.alarm && srm_test(&broken, 1, SRM_HALF_UNIT).alarm, "and is red at once");
    struct srm_segment third = { 33, 100, 1.0 / 3 };
    OK(!srm_test(&third, 1, 0).alarm, "a third of 100 is not");
}

/* Against the definition: the sum over all outcomes no likelier. */
static void test_exact(void)
{
    static const double shares[] = { 0.005, 0.05, 0.33, 0.5, 0.8, 0.99 };
    double worst = 0;
    for (size_t s = 0; s < ARRAY_SIZE(shares); s++)
        for (int64_t n = 1; n <= 120; n += n < 20 ? 1 : 17)
            for (int64_t k = 0; k <= n; k++) {
                double pmf[128], sum = 0;
                for (int64_t j = 0; j <= n; j++)
                    pmf[j] =
                        special_binomial(j, n, shares[s]) - special_binomial(j - 1, n, shares[s]);
                for (int64_t j = 0; j <= n; j++)
                    sum += pmf[j] <= pmf[k] * (1 + 1e-7) + 1e-14 ? pmf[j] : 0;
                worst = fmax(worst, fabs(exp(srm_ln_exact(k, n, shares[s])) - sum));
            }
    OK(worst < 1e-9, "the exact p is the sum of what is no likelier, for n of 1..120");
    OK(srm_ln_exact(0, 1000000, 0.5) < -600000, "in logarithms: a million tosses without a head");
    OK(srm_ln_exact(1, 0, 0.5) == 0 && srm_ln_exact(1, 5, 0) == 0, "nothing is p of 1");
}

static void test_chi2(void)
{
    /* scipy.stats.chi2.isf; the last by mpmath.gammainc */
    OK(fabs(srm_ln_chi2(5.991464547107979, 2) - log(0.05)) < 1e-12, "two degrees");
    OK(fabs(srm_ln_chi2(7.814727903251179, 3) - log(0.05)) < 1e-12, "three degrees");
    OK(fabs(srm_ln_chi2(124.34211340400407, 100) - log(0.05)) < 1e-11, "a hundred");
    OK(fabs(srm_ln_chi2(2000, 5) / -989.921550327373 - 1) < 1e-10,
       "2000 on five degrees, in logarithms");
    bool falls = true;
    for (int df = 1; df < 40; df++)
        for (double x = 0; x < 3000; x += 13.7)
            falls = falls && srm_ln_chi2(x + 1, df) <= srm_ln_chi2(x, df) + 1e-15 &&
                    srm_ln_chi2(x + 1, df) <= srm_ln_chi2(x + 1, df + 1) + 1e-15;
    OK(falls, "falls with x and rises with the degrees");
    OK(srm_ln_chi2(INFINITY, 3) == -INFINITY && srm_ln_chi2(0, 0) == 0, "its ends");
}

static void test_ends(void)
{
    struct srm_segment zero = { 0, 5000, 0 }, one = { 5000, 5000, 1 };
    struct srm_segment strayed = { 3, 5000, 0 }, empty = { 0, 0, 0.5 };
    OK(!srm_test(NULL, 0, SRM_HALF_UNIT).known && !srm_test(&empty, 1, SRM_HALF_UNIT).known,
       "no requests, nothing known");
    OK(srm_test(&zero, 1, 0).ln_p == 0 && srm_test(&one, 1, 0).ln_e == 0,
       "a split of 0 and 1 kept");
    struct srm srm = srm_test(&strayed, 1, 0);
    OK(srm.alarm && srm.ln_p == -INFINITY, "a single stray against an exact 0 is an alarm");
    OK(!srm_test(&strayed, 1, SRM_HALF_UNIT).alarm, "not against a 0 that was rounded");
    bool finite = true;
    for (int64_t n = 0; n <= 300; n++)
        for (int64_t k = -1; k <= n + 1; k += 1 + n / 9)
            for (double split = -0.1; split < 1.2; split += 0.1) {
                struct srm_segment two[] = { { k, n, split }, { n - k, n, 1 - split } };
                srm = srm_test(two, 2, SRM_HALF_UNIT);
                finite = finite && srm.ln_p <= 0 && !isnan(srm.ln_e) && !isnan(srm.off) &&
                         fabs(srm.off) <= 1 && srm.known == (n > 0);
            }
    OK(finite, "numbers for all counts and splits, however wrong");
    struct srm_segment huge[] = { { INT64_MAX / 2, INT64_MAX, 0.5 }, { 1, INT64_MAX, 0.5 } };
    OK(!srm_test(huge, 1, 0).alarm && srm_test(huge, 2, 0).alarm, "also for 9e18 requests");
}

static void test_segments(void)
{
    struct srm_segment kept[] = { { 5020, 10000, 0.5 }, { 1003, 10000, 0.1 } };
    struct srm srm = srm_test(kept, 2, 0);
    OK(srm.segments == 2 && !srm.alarm && srm.ln_p > log(0.5) && fabs(srm.expected - 6000) < 1e-9,
       "a split that was changed, and kept");
    struct srm_segment pooled = { 6023, 20000, 0.5 };
    OK(srm_test(&pooled, 1, 0).alarm, "which would be an alarm against either split alone");
    struct srm_segment broken[] = { { 5020, 10000, 0.5 }, { 1600, 10000, 0.1 } };
    OK(srm_test(broken, 2, SRM_HALF_UNIT).alarm, "one bad segment of two is an alarm");
    struct srm_segment both[] = { { 5150, 10000, 0.5 }, { 5150, 10000, 0.5 } };
    OK(srm_test(both, 2, 0).ln_p < srm_test(both, 1, 0).ln_p, "faults in both add up");
    struct srm_segment inverted[] = { { 1003, 10000, 0.9 }, { 7010, 10000, 0.3 } };
    OK(srm_test(inverted, 2, SRM_HALF_UNIT).inverted, "inverted in all segments");
    struct srm_segment once[] = { { 1003, 10000, 0.9 }, { 3010, 10000, 0.3 } };
    OK(!srm_test(once, 2, SRM_HALF_UNIT).inverted, "not when only in one");
}

/* splitmix64: the tests' own random numbers, the same everywhere */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* 10 000 requests whose split changes twice, looked at 99 times; `fault` is added to A's share. */
static void watch(uint64_t seed, double fault, bool *ret_alarm, bool *ret_final)
{
    static const double splits[] = { 0.5, 0.2, 0.67 };
    struct srm_segment segments[3] = { { 0, 0, 0.5 }, { 0, 0, 0.2 }, { 0, 0, 0.67 } };
    struct srm srm = { 0 };
    *ret_alarm = false;
    for (int i = 1; i <= 10000; i++) {
        int at = i <= 60 ? 0 : i <= 4000 ? 1 : 2; /* the first one is exact: 60 requests */
        segments[at].count++;
        segments[at].a += uniform(&seed) < splits[at] + fault;
        if (i % 100 == 0 && i > 100) {
            srm = srm_test(segments, 3, 0);
            *ret_alarm = *ret_alarm || srm.alarm;
        }
    }
    *ret_final = srm.ln_p <= log(0.05);
}

/* 2000 tests; at a true 5 % more than 134 are called with probability 2e-4, binomial. */
static void test_simulated(void)
{
    int alarms = 0, finals = 0, found = 0;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        bool alarm, final;
        watch(seed * 7919, 0, &alarm, &final);
        alarms += alarm;
        finals += final;
        if (seed <= 100) {
            watch(seed * 7919, 0.04, &alarm, &final);
            found += alarm;
        }
    }
    printf("# of 2000: %d alarms, %d chi-squares below .05; of 100 faults of 4 points %d found\n",
           alarms, finals, found);
    OK(alarms == 0, "2000 A/A tests of three splits, 99 looks each: no alarm");
    OK(finals <= 134 && finals >= 60, "the summed chi-square errs as often as it says at one look");
    OK(found >= 95, "a fault of four points is found");
}

int main(void)
{
    vectors("srm", check_srm);
    vectors("srm_rounded", check_rounded);
    vectors("srm_hint", check_hint);
    vectors("srm_seq_multi", check_multi);
    vectors("srm_changepoint", check_changepoint);
    test_real_case();
    test_exact();
    test_chi2();
    test_ends();
    test_segments();
    test_simulated();
    return tap_done();
}
