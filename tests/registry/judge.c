/* SPDX-License-Identifier: MIT */
/* What follows from a test's numbers: for small and odd ones no nonsense, for plain ones the plain answer. */
#include "registry/abtest_judge.h"

#include <math.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "tap.h"

enum { CELLS = 64, MINUTES = 40 };

static struct pare_error err;
static uint32_t seed = 11;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u; /* Numerical Recipes */
    return (seed >> 8) % below;
}

/* ---- made up results ---- */

struct made {
    struct abtest test;
    struct abtest_data data;
    struct srm_segment segment;
    struct histogram_cell cells[2][CELLS];
    struct abtest_minute minutes[MINUTES];
};

static void begin(struct made *made)
{
    *made = (struct made){ 0 };
    made->test = (struct abtest){ .id = 1,
                                  .name = "t",
                                  .status = "running",
                                  .a = { 1, "m", "a", "m", "a" },
                                  .b = { 2, "m", "b", "m", "b" },
                                  .split_percent = 50,
                                  .running = true,
                                  .running_seconds = 48 * 3600,
                                  .plan = abtest_plan_default() };
    made->segment.split = 0.5;
    made->data.segment_count = 1;
    made->data.segments = &made->segment;
    made->data.segment_from = -INFINITY;
    made->data.segment_hours = INFINITY;
    made->data.minutes = made->minutes;
    for (int arm = 0; arm < 2; arm++)
        histogram_init(&made->data.arms[arm].latency, HISTOGRAM_MS, made->cells[arm], CELLS);
}

static void add(struct made *made, int arm, int64_t ms, int64_t n, int64_t failed)
{
    struct abtest_arm_data *to = &made->data.arms[arm];
    (void)histogram_add(&to->latency, ms, n);
    to->moments = histogram_moments(&to->latency);
    to->n += n;
    to->failed += failed;
    made->data.total[arm] += n;
    made->segment.count += n;
    made->segment.a += arm == 0 ? n : 0;
}

/* `n` requests around a time, as even as can be. */
static void spread(struct made *made, int arm, int64_t n, int64_t ms)
{
    for (int i = 0; i < 20; i++)
        add(made, arm, ms + i, n / 20, 0);
}

static const char *verdict(struct made *made)
{
    struct abtest_report report;
    abtest_judge(&made->test, &made->data, &report);
    return decision_words(report.decision.state)->word;
}

/* ---- plain ones ---- */

static void plain(void)
{
    static struct made made;
    begin(&made);
    IS(verdict(&made), "WARMING", "no results: warming up");
    spread(&made, 0, 10000, 40);
    spread(&made, 1, 10000, 20);
    IS(verdict(&made), "PROMOTE_B", "twice as fast: promote");
    made.test.running_seconds = 3600;
    IS(verdict(&made), "EARLY_B", "but not before its time");
    made.test.running_seconds = NAN;
    IS(verdict(&made), "EARLY_B", "nor when nobody knows since when");
    made.test.running_seconds = 48 * 3600;
    made.data.arms[1].failed = 800;
    IS(verdict(&made), "TRADE_OFF", "fast and failing is a trade");
    begin(&made);
    spread(&made, 0, 10000, 20);
    spread(&made, 1, 10000, 40);
    IS(verdict(&made), "STOP_B_HARM", "twice as slow: stop, at once");
    begin(&made);
    spread(&made, 0, 400000, 1000);
    spread(&made, 1, 400000, 1000);
    IS(verdict(&made), "EQUIVALENT", "alike within the margin");
    begin(&made);
    spread(&made, 0, 14000, 40);
    spread(&made, 1, 10000, 20);
    IS(verdict(&made), "INVALID_SRM", "requests led astray: no verdict");
    begin(&made);
    spread(&made, 0, 10000, 40);
    spread(&made, 1, 10000, 20);
    made.data.assigned[0] = 10000;
    made.data.assigned[1] = 10300;
    IS(verdict(&made), "INVALID_RECORD", "three of a hundred never came back: no verdict");
    made.data.assigned[1] = 10010;
    IS(verdict(&made), "PROMOTE_B", "one of a thousand may still be under way");
}

static void alpha_of_segments(void)
{
    static struct made made;
    struct abtest_report report;
    struct srm_segment segments[3] = { { 50, 100, .5 }, { 80, 100, .8 }, { 0, 0, .5 } };
    begin(&made);
    made.data.segments = segments;
    made.data.segment_count = 3;
    abtest_judge(&made.test, &made.data, &report);
    OK(fabs(report.alpha - 0.0125) < 1e-12, "the third segment is judged at a quarter of alpha");
    OK(report.srm.known && !report.srm.alarm, "each with its own split");
}

/* Forty minutes of `n` requests an arm, A's 100 ms and more; the half of them B is off by `first`, then by `second`. */
static const char *course(struct made *made, int first, int second)
{
    enum { EACH = 200 };
    begin(made);
    made->data.minute_count = MINUTES;
    for (int i = 0; i < MINUTES; i++) {
        struct abtest_minute *minute = &made->minutes[i];
        int off = i < MINUTES / 2 ? first : second;
        *minute = (struct abtest_minute){ .at = 60 * (int64_t)i, .n = { EACH, EACH } };
        for (int k = 0; k < 20; k++) {
            mean_add(&minute->latency.a, 100 + k, EACH / 20);
            mean_add(&minute->latency.b, 100 + k + off, EACH / 20);
            add(made, 0, 100 + k, EACH / 20, 0);
            add(made, 1, 100 + k + off, EACH / 20, 0);
        }
    }
    return verdict(made);
}

static void drift(void)
{
    static struct made made;
    struct abtest_report report;
    IS(course(&made, -40, -40), "PROMOTE_B", "as much faster all the time: promote");
    abtest_judge(&made.test, &made.data, &report);
    OK(!report.drift && !report.turned, "nothing has moved");
    IS(course(&made, -40, -30), "PROMOTE_B", "faster by more at first, and faster still: promote");
    abtest_judge(&made.test, &made.data, &report);
    OK(report.drift && !report.turned, "that it has moved is said");
    made.test.plan.guard_count = 0;
    course(&made, -40, 140);
    made.test.plan.guard_count = 0;
    IS(verdict(&made), "DRIFT", "faster at first and slower later: no one verdict");
}

/* ---- odd ones ---- */

static void randomise(struct made *made)
{
    begin(made);
    made->test.plan.primary = (enum abtest_metric)chance(ABTEST_METRICS);
    made->test.plan.guard_count = chance(6);
    for (size_t i = 0; i < made->test.plan.guard_count; i++)
        made->test.plan.guards[i] = (struct abtest_guard){ (enum abtest_metric)i, 0.01 };
    for (uint32_t arm = 0; arm < 2; arm++) {
        struct abtest_arm_data *data = &made->data.arms[arm];
        for (uint32_t i = chance(6); i > 0; i--)
            add(made, (int)arm, chance(3) ? chance(5) : chance(4000000),
                1 + chance(chance(2) ? 3 : 5000), 0);
        data->failed = data->n ? chance((uint32_t)data->n + 1) : 0;
        for (int level = 0; level < RATING_LEVELS; level++)
            data->ratings.of[level] = chance(3) ? 0 : chance(200);
        data->untimed = chance(3);
        made->data.assigned[arm] = chance(2) ? 0 : chance(10000);
    }
    made->data.minute_count = chance(MINUTES);
    for (size_t i = 0; i < made->data.minute_count; i++) {
        struct abtest_minute *minute = &made->minutes[i];
        *minute = (struct abtest_minute){ .at = 60 * (int64_t)i };
        for (uint32_t k = chance(4); k > 0; k--)
            mean_add(chance(2) ? &minute->latency.a : &minute->latency.b, (int32_t)chance(1000), 1);
        minute->n[0] = minute->latency.a.count;
        minute->n[1] = minute->latency.b.count;
    }
}

static bool row_makes_sense(const struct abtest_row *row)
{
    bool ordered = !(row->low > row->high);
    bool p = isnan(row->ln_p) || row->ln_p <= 0;
    bool chance_of = isnan(row->b_better) || (row->b_better >= 0 && row->b_better <= 1);
    bool fixed = !(row->fixed_low > row->fixed_high); /* either may be absent */
    return ordered && p && chance_of && fixed && row->needs >= 0;
}

static bool report_makes_sense(const struct made *made, const struct abtest_report *report)
{
    bool sense = report->needed >= 0 && report->alpha > 0 && report->runtime_hours >= 0;
    for (int i = 0; i < ABTEST_ROWS; i++)
        sense = sense && row_makes_sense(&report->rows[i]);
    if (!made->data.arms[0].n || !made->data.arms[1].n)
        sense = sense && report->decision.state == DECISION_WARMING;
    return sense && (isnan(report->theta) || (report->theta >= 0 && report->theta <= 1));
}

static void odd(void)
{
    static struct made made;
    int good = 0, valid = 0, worded = 0;
    for (int i = 0; i < 3000; i++) {
        struct abtest_report report;
        struct buf buf;
        enum json_kind kind;
        randomise(&made);
        abtest_judge(&made.test, &made.data, &report);
        good += report_makes_sense(&made, &report);
        buf_init(&buf, 1 << 16);
        abtest_put_evidence(&made.test, &made.data, &report, &buf);
        valid += json_check(buf_string(&buf), buf.length, &kind, &err) && kind == JSON_OBJECT;
        buf_done(&buf);
        buf_init(&buf, 1 << 12);
        abtest_put_reason(&made.test, &report, &buf);
        worded += buf.length > 10 && !strstr(buf_string(&buf), "nan");
        buf_done(&buf);
    }
    OK(good == 3000, "3000 odd tests: no interval is turned round, no p above 1");
    OK(valid == 3000, "their evidence is JSON");
    OK(worded == 3000, "their reasons have no nan");
}

int main(void)
{
    plain();
    alpha_of_segments();
    drift();
    odd();
    return tap_done();
}
