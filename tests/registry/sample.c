/* SPDX-License-Identifier: MIT */
/* What follows from a look at the newest results: the audit, the words, and since when a split is off. */
#include "registry/abtest_sample.h"

#include <math.h>

#include "base/buf.h"
#include "base/error.h"
#include "tap.h"

enum { MINUTES = 40, REQUESTS = 300, TRIALS = 2000 };
static const int64_t began = 1767268800; /* 2026-01-01 12:00 UTC */

static uint32_t seed = 29;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u; /* Numerical Recipes */
    return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

/* The sum of twelve: near enough to normal. */
static double normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)chance(1 << 20) / (1 << 20);
    return sum;
}

/* ---- the audit ---- */

static struct abtest_audit audit_of(int64_t both_a, int64_t sent_a, int64_t hashed_a,
                                    int64_t neither)
{
    const struct abtest_routes routes = { { { both_a, sent_a }, { hashed_a, neither } } };
    return abtest_audit(&routes);
}

static void audits(void)
{
    struct abtest_audit audit = audit_of(5000, 0, 0, 5000);
    OK(audit.on && audit.rows == 10000 && audit.astray == 0, "all by the hash: on, none astray");
    audit = audit_of(4900, 100, 100, 4900);
    OK(audit.on && fabs(audit.astray - 0.02) < 1e-12, "2 % astray are 2 %");
    OK(!audit_of(2500, 2500, 2500, 2500).on, "as chance has it: off");
    audit = audit_of(9025, 475, 475, 25);
    OK(audit.astray < 0.1 && !audit.on, "at a split of .95 chance agrees in nine of ten: off");
    audit = audit_of(9310, 10, 190, 490);
    OK(audit.on && fabs(audit.astray - 0.02) < 1e-12, "at .95 too 2 % astray are named");
    OK(!audit_of(4400, 600, 600, 4400).on, "12 % astray are rather some other unit: off");
    OK(!audit_of(10000, 0, 0, 0).on, "all to one arm tells nothing: off");
    OK(!audit_of(49, 0, 0, 50).on && audit_of(50, 0, 0, 50).on, "99 results are too few");
    audit = audit_of(0, 0, 0, 0);
    OK(!audit.on && audit.rows == 0 && audit.astray == 0, "none: off");
}

static void misses(void)
{
    struct pare_error err = { 0 };
    error_set(&err, PARE_ERR_FAILED, "column n.test_id does not exist");
    IS(abtest_sample_missed("57014", &err), "that took too long", "a time-out is said");
    IS(abtest_sample_missed("42501", &err), "this role may not read the rows", "so is a refusal");
    IS(abtest_sample_missed("42703", &err), err.text, "and a table that is another");
    OK(!abtest_sample_missed("08006", &err), "a lost connection is a failure");
    OK(!abtest_sample_missed("", &err), "so is what the server did not say");
    error_set(&err, PARE_ERR_INTERRUPTED, "interrupted");
    OK(!abtest_sample_missed("57014", &err), "and Ctrl-C");
}

/* ---- since when ---- */

struct made {
    struct abtest_data data;
    struct srm_segment segments[2];
    struct abtest_minute minutes[MINUTES];
};

/* `a` of a thousand requests of a minute go to A, from minute `since` on `later`. */
static void make(struct made *made, double split, int a, int since, int later)
{
    *made = (struct made){ .segments = { { .split = split } } };
    made->data = (struct abtest_data){ .segment_count = 1,
                                       .segments = made->segments,
                                       .segment_from = -INFINITY,
                                       .minutes = made->minutes,
                                       .minute_count = MINUTES };
    for (int i = 0; i < MINUTES; i++) {
        int to_a = i < since ? a : later;
        made->minutes[i] =
            (struct abtest_minute){ .at = began + 60 * i, .n = { to_a, 1000 - to_a } };
        made->segments[0].a += to_a;
        made->segments[0].count += 1000;
    }
}

/* The minute it names; -1: none. */
static int change_of(const struct made *made, struct abtest_split_change *ret_change)
{
    struct abtest_report report = { 0 };
    report.srm = srm_test(made->segments, (size_t)made->data.segment_count, SRM_HALF_UNIT);
    if (!abtest_split_change(&made->data, &report, ret_change))
        return -1;
    return (int)((ret_change->at - began) / 60);
}

static void changes(void)
{
    static struct made made;
    struct abtest_split_change change;
    make(&made, 0.5, 500, MINUTES, 0);
    OK(change_of(&made, &change) == -1, "a split that holds has not changed");
    make(&made, 0.5, 500, 20, 430);
    OK(change_of(&made, &change) == 20 && fabs(change.share - 0.43) < 1e-9 && !change.is_hour,
       "a fault is dated to its minute");
    make(&made, 0.5, 570, 0, 570);
    OK(change_of(&made, &change) == 0, "one that was there from the first on too");
    make(&made, 0.33, 333, 20, 500);
    OK(change_of(&made, &change) == 20, "also where the split stored is a third, rounded");
    make(&made, 0.33, 334, 38, 950);
    OK(change_of(&made, &change) == 38, "and the fault short");
    made.minutes[38].is_hour = true;
    OK(change_of(&made, &change) == 38 && change.is_hour, "what is kept by hours is an hour");
    make(&made, 0.5, 500, 10, 600);
    made.data.segment_count = 2;
    made.segments[1] = (struct srm_segment){ 10000, 20000, 0.5 };
    made.data.segment_from = (double)began + 60 * 19.5;
    OK(change_of(&made, &change) == -1, "an older split that was off dates nothing in this one");
    made.segments[1].a = 12000;
    OK(change_of(&made, &change) == 20, "nor is it looked for before its split began");
    made.data.minute_count = 0;
    OK(change_of(&made, &change) == -1, "without minutes nobody knows");
}

static void badge(void)
{
    static struct made made;
    struct abtest test = { .a = { 1, "m", "a", "m", "a" }, .b = { 2, "m", "b", "m", "b" } };
    struct abtest_report report = { 0 };
    struct buf buf;
    make(&made, 0.5, 500, 20, 640);
    report.srm = srm_test(made.segments, 1, SRM_HALF_UNIT);
    made.data.total[0] = made.segments[0].a;
    made.data.total[1] = made.segments[0].count - made.segments[0].a;
    buf_init(&buf, 4096);
    abtest_put_badges(&test, &made.data, &report, &buf);
    const char *found = strstr(buf_string(&buf), ", since 2026-01-01 12:20 UTC A has had 64.0 %: ");
    OK(!strncmp(buf_string(&buf), "! the split is off by +", 23) && found,
       "the badge says since when");
    buf_done(&buf);
}

/* ---- words ---- */

static const char *words_of(const struct abtest_sample *sample, double design_effect,
                            struct buf *buf)
{
    const struct abtest test = { .plan = abtest_plan_default() };
    struct abtest_report report = { .alpha = 0.05, .design_effect = design_effect };
    buf_clear(buf);
    abtest_put_sample(&test, &report, sample, buf);
    return buf_string(buf);
}

static void words(void)
{
    struct abtest_sample sample = { .missed = "that took too long" };
    struct buf buf;
    buf_init(&buf, 4096);
    IS(words_of(&sample, 0, &buf), "the newest results were not looked at: that took too long\n",
       "what was missed is said");
    sample = (struct abtest_sample){ 0 };
    IS(words_of(&sample, 0, &buf), "", "no results: no words");
    sample.rows = 500;
    IS(words_of(&sample, 0, &buf), "the newest 500 results: none has a request_id\n", "no ids");
    sample.identified = 500;
    IS(words_of(&sample, 0, &buf),
       "the newest 500 results: 0 request ids in both arms, 0 more than once in one\n",
       "all is well");
    sample.audit = (struct abtest_audit){ .on = true, .rows = 500, .astray = 0.004 };
    OK(!strchr(words_of(&sample, 0, &buf), '!') &&
           strstr(buf_string(&buf), "; 0.40 % of 500 routed against the hash\n"),
       "a few astray are no worry");
    sample.audit.astray = 0.02;
    sample.overlap = 3;
    sample.repeated = 2;
    const char *text = words_of(&sample, 0, &buf);
    OK(strstr(text, "! 3 request ids are in both arms") &&
           strstr(text, "\n! 2 request ids are in one arm") &&
           strstr(text, "\n! 2.00 % of the newest 500 results are routed against the hash\n"),
       "each worry has its line");
    buf_done(&buf);
}

/* ---- the mean without the query's length ---- */

/* y goes with x by .7 in both arms, which are alike. */
static void draw(struct abtest_sample *sample, int requests)
{
    *sample = (struct abtest_sample){ .rows = 2 * requests };
    for (int i = 0; i < 2 * requests; i++) {
        double x = normal();
        block_pairs_add(&sample->pairs[i % 2], 300 + 50 * x,
                        1000 + 100 * (0.7 * x + sqrt(0.51) * normal()));
    }
}

static bool read_mean(const char *text, double *ret_delta, double *ret_low, double *ret_high,
                      int *ret_narrower)
{
    const char *line = strstr(text, "mean, query length taken out: ");
    return line && sscanf(line, "mean, query length taken out: %lf ms [%lf, %lf], %d %% narrower",
                          ret_delta, ret_low, ret_high, ret_narrower) == 4;
}

static void means(void)
{
    struct abtest_sample sample;
    struct buf buf;
    double delta, low, high, wide_low, wide_high;
    int narrower;
    buf_init(&buf, 4096);
    draw(&sample, 20000);
    OK(read_mean(words_of(&sample, 0, &buf), &delta, &low, &high, &narrower) && low < 0 && high > 0,
       "it is told with its interval");
    OK(narrower >= 28 && narrower <= 30, "at a correlation of .7 that is 29 % narrower");
    OK(strstr(buf_string(&buf), "from the newest 40000 results\n"), "and says of what");
    OK(read_mean(words_of(&sample, 4, &buf), &delta, &wide_low, &wide_high, &narrower) &&
           fabs((wide_high - wide_low) / (high - low) - 2) < 0.1,
       "minutes that are alike widen it as they do the table's");
    draw(&sample, 80);
    OK(!read_mean(words_of(&sample, 0, &buf), &delta, &low, &high, &narrower),
       "too few requests: no interval, no line");
    for (int i = 0; i < 2; i++)
        sample.pairs[i] = (struct block_pairs){ 1000, 300, 50, 1000, 90, 1000 };
    OK(!read_mean(words_of(&sample, 0, &buf), &delta, &low, &high, &narrower),
       "less than a hundredth is not worth a line");
    buf_done(&buf);
}

/* Two thousand tests of arms that are alike: an interval at one look errs in 5 % with the length taken out as without. */
static void error_stays(void)
{
    struct abtest_sample sample;
    int raw = 0, adjusted = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        draw(&sample, REQUESTS);
        const struct block_cuped cuped = block_cuped(&sample.pairs[0], &sample.pairs[1]);
        raw += fabs(cuped.delta_raw) > 1.959964 * sqrt(cuped.variance_raw);
        adjusted += fabs(cuped.delta) > 1.959964 * sqrt(cuped.variance);
    }
    printf("# wrong in %.1f %% as it is, in %.1f %% with the length taken out\n",
           100.0 * raw / TRIALS, 100.0 * adjusted / TRIALS);
    OK(adjusted > 0.035 * TRIALS && adjusted < 0.065 * TRIALS,
       "the error is that of the plain mean");
}

/* Whatever the moments, no nan and no number without an end. */
static void odd_moments(void)
{
    struct buf buf;
    int bad = 0;
    buf_init(&buf, 4096);
    for (int i = 0; i < 20000; i++) {
        struct abtest_sample sample = { .rows = 1 };
        for (int arm = 0; arm < 2; arm++) {
            double of[5];
            for (int k = 0; k < 5; k++)
                of[k] = chance(4) ? ldexp((double)chance(1000), (int)chance(60) - 30) : 0;
            sample.pairs[arm] = (struct block_pairs){ chance(4) ? 100 + chance(1000) : chance(3),
                                                      of[0],
                                                      of[1],
                                                      of[2],
                                                      of[3] - of[4],
                                                      of[4] };
        }
        const char *text = words_of(&sample, chance(3), &buf);
        bad += strstr(text, "nan") || strstr(text, "inf");
    }
    OK(bad == 0, "odd moments give no nan");
    buf_done(&buf);
}

int main(void)
{
    audits();
    misses();
    changes();
    badge();
    words();
    means();
    error_stays();
    odd_moments();
    return tap_done();
}
