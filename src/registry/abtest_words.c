/* SPDX-License-Identifier: MIT */
/* A verdict's reason and what weakens it, for screen and command alike. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "registry/abtest_judge.h"
#include "registry/abtest_sample.h"

const struct decision_words *abtest_words(const struct abtest *test, enum decision_state state)
{
    static const struct decision_words undecided = {
        "UNDECIDED", "No difference was shown by the time it ended.", "nothing: it has ended", 0
    };
    bool open = state == DECISION_RUNNING || state == DECISION_WARMING;
    return open && !test->running ? &undecided : decision_words(state);
}

/* A number of a metric's unit as people read it: relative ones in per cent, shares and ratings in points. */
static void put_amount(enum abtest_metric metric, double value, struct buf *buf)
{
    bool points = metric == ABTEST_FAILURES || metric == ABTEST_RATING;
    if (isinf(value))
        buf_text(buf, value > 0 ? "any amount" : "no limit");
    else
        buf_printf(buf, "%+.2g %s", 100 * value, points ? "points" : "%");
}

static void put_guard(const struct abtest *test, const struct abtest_report *report,
                      struct buf *buf)
{
    const struct abtest_guard *guard = &test->plan.guards[report->decision.guard];
    const struct decision_guard *found = &report->guards[report->decision.guard];
    bool failed = found->verdict == DECISION_GUARD_FAIL;
    buf_printf(buf, "guard %s: B %s worse by ", abtest_metric_word(guard->metric),
               failed ? "is at least" : "may be");
    put_amount(guard->metric, failed ? found->best : found->worst, buf);
    buf_text(buf, ", limit ");
    put_amount(guard->metric, guard->margin, buf);
}

void abtest_put_reason(const struct abtest *test, const struct abtest_report *report,
                       struct buf *buf)
{
    const struct decision *decision = &report->decision;
    char p[P_TEXT_ROOM];
    switch (decision->gate) {
    case DECISION_GATE_REQUESTS:
        buf_printf(buf, "the scarcer arm has %.0f requests, %.0f are the least", decision->value,
                   decision->limit);
        break;
    case DECISION_GATE_SPLIT:
        buf_printf(buf, "A's share is off by %+.2f points, which chance does not explain",
                   100 * report->srm.off);
        break;
    case DECISION_GATE_RECORDED:
        buf_printf(buf,
                   "%.2f %% of the requests sent to an arm were not recorded, or recorded twice; "
                   "%.2f %% is the limit",
                   100 * decision->value, 100 * decision->limit);
        break;
    case DECISION_GATE_GUARDRAIL:
        put_guard(test, report, buf);
        break;
    case DECISION_GATE_DRIFT:
        buf_text(buf, "B was shown to be faster at one time and slower at another");
        break;
    case DECISION_GATE_RUNTIME:
        buf_printf(buf, "it has run %.1f of at least %g hours", decision->value, decision->limit);
        break;
    default:
        p_put_short(report->decision.value, p);
        buf_printf(buf, "%s: p %s at alpha %g", abtest_metric_word(test->plan.primary), p,
                   report->alpha);
        break;
    }
}

/* ---- badges ---- */

enum { TIME_ROOM = 40, SINCE_ROOM = 96, OLD_SECONDS = 60 };

/* Results of the arms that are of no segment. */
static int64_t outside_of(const struct abtest_data *data)
{
    int64_t inside = 0;
    for (int i = 0; i < data->segment_count; i++)
        inside += data->segments[i].count;
    return data->total[0] + data->total[1] - inside;
}

static void put_badge(struct buf *buf, bool when, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void put_badge(struct buf *buf, bool when, const char *fmt, ...)
{
    va_list args;
    if (!when)
        return;
    va_start(args, fmt);
    buf_text(buf, "! ");
    buf_vprintf(buf, fmt, args);
    buf_text(buf, "\n");
    va_end(args);
}

/* ", since 2026-03-01 14:05 UTC A has had 33.0 %" where that is known. */
static void put_since(const struct abtest_data *data, const struct abtest_report *report,
                      char to[SINCE_ROOM])
{
    struct abtest_split_change change;
    struct tm parts;
    char at[TIME_ROOM];
    *to = '\0';
    if (!abtest_split_change(data, report, &change))
        return;
    time_t seconds = (time_t)change.at;
    if (!gmtime_r(&seconds, &parts) || !strftime(at, sizeof(at), "%Y-%m-%d %H:%M", &parts))
        return;
    snprintf(to, SINCE_ROOM, ", since %s%s UTC A has had %.1f %%",
             change.is_hour ? "the hour of " : "", at, 100 * change.share);
}

/* How old the numbers are, where it is not this role that makes them newer, or nobody does. */
static void put_age(const struct abtest_data *data, struct buf *buf)
{
    double age = data->mark_age_seconds;
    char at[TIME_ROOM];
    struct tm parts;
    if (!isfinite(age))
        return;
    time_t seconds = time(NULL) - (time_t)age;
    if (!gmtime_r(&seconds, &parts) || !strftime(at, sizeof(at), "%Y-%m-%d %H:%M", &parts))
        return;
    if (data->cannot_read || data->cannot_write)
        put_badge(buf, true, "numbers as of %s UTC, rolled up by others: this role may not %s", at,
                  data->cannot_read ? "read model_test_results" : "write what results add up to");
    else if (age >= 2 * 86400)
        put_badge(buf, data->behind == 0, "rolled up %.0f days ago: nobody does so now",
                  age / 86400);
    else
        put_badge(buf, data->behind == 0 && age > OLD_SECONDS,
                  "rolled up %.0f min ago: nobody does so now", age / 60);
}

void abtest_put_badges(const struct abtest *test, const struct abtest_data *data,
                       const struct abtest_report *report, struct buf *buf)
{
    const struct abtest_arm_data *a = &data->arms[0], *b = &data->arms[1];
    char p[P_TEXT_ROOM], since[SINCE_ROOM];
    p_put(report->srm.ln_p, p);
    put_since(data, report, since);
    put_badge(buf, report->srm.alarm,
              "the split is off by %+.2f points (p %s)%s: requests are lost or led astray%s",
              100 * report->srm.off, p, since,
              report->srm.inverted ? "; it reads as if it were B's share" : "");
    put_badge(buf, !report->srm.alarm && report->srm.known && report->srm.ln_p < log(.001),
              "the split looks off by %+.2f points (p %s at this look)", 100 * report->srm.off, p);
    put_badge(buf, report->drift, "the effect has moved while the test ran");
    put_badge(buf, report->coverage_differs,
              "the arms are rated unequally often: ratings compare different people");
    put_badge(buf, report->design_effect > 1.5,
              "requests of one minute are alike: the mean's intervals are widened %.1f times",
              sqrt(report->design_effect));
    put_badge(buf, data->behind > 0,
              "the newest results, by their numbers up to %lld, are not counted yet: a transaction "
              "that writes "
              "results has not ended",
              (long long)data->behind);
    put_age(data, buf);
    put_badge(buf, outside_of(data) > 0,
              "%lld results are from before its start, after its end, or a minute in which the "
              "split changed",
              (long long)outside_of(data));
    put_badge(buf, data->strays > 0, "%lld results are of a model in neither arm",
              (long long)data->strays);
    put_badge(buf, a->untimed + b->untimed > 0, "%lld results have no latency",
              (long long)(a->untimed + b->untimed));
    put_badge(buf, a->negative + b->negative > 0, "%lld results have a negative latency",
              (long long)(a->negative + b->negative));
    put_badge(buf, a->odd_ratings + b->odd_ratings > 0, "%lld ratings are none of 1 to 5",
              (long long)(a->odd_ratings + b->odd_ratings));
    put_badge(buf, test->split_odd, "traffic_split is outside of 0 to 1");
    put_badge(buf, test->backwards, "it ends before it starts");
    put_badge(buf, test->a.id == test->b.id, "both arms are the same version");
    put_badge(buf, !test->a.name || !test->b.name, "an arm's version has vanished");
    put_badge(buf, test->plan.coarse, "latencies are kept to 1 %%: there are too many different");
}
