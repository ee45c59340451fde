/* SPDX-License-Identifier: MIT */
/* What a conclusion stood on, as it is stored with it. */
#include <math.h>

#include "base/buf.h"
#include "base/json.h"
#include "registry/abtest_judge.h"

/* What is not known is null; an end that an interval does not have is a word. */
static void put_number(struct buf *buf, const char *key, double value)
{
    buf_printf(buf, ", \"%s\": ", key);
    if (isinf(value))
        buf_text(buf, value > 0 ? "\"inf\"" : "\"-inf\"");
    else
        json_put_number(buf, value);
}

static void put_pair(struct buf *buf, const char *key, int64_t a, int64_t b)
{
    buf_printf(buf, ", \"%s\": [%lld, %lld]", key, (long long)a, (long long)b);
}

/* Ratings change when everything else stands still: they are kept as they were. */
static void put_ratings(const struct abtest_data *data, struct buf *buf)
{
    buf_text(buf, ", \"ratings\": [");
    for (int arm = 0; arm < 2; arm++) {
        const struct rating_counts *counts = &data->arms[arm].ratings;
        buf_text(buf, arm ? ", [" : "[");
        for (int i = 0; i < RATING_LEVELS; i++)
            buf_printf(buf, "%s%lld", i ? ", " : "", (long long)counts->of[i]);
        buf_text(buf, "]");
    }
    buf_text(buf, "]");
}

/* What was compared: arms, segment, results. */
static void put_facts(const struct abtest *test, const struct abtest_data *data, struct buf *buf)
{
    const struct srm_segment *segment = &data->segments[data->segment_count - 1];
    put_pair(buf, "arms", test->a.id, test->b.id);
    put_pair(buf, "requests", data->arms[0].n, data->arms[1].n);
    put_pair(buf, "failed", data->arms[0].failed, data->arms[1].failed);
    put_pair(buf, "assigned", data->assigned[0], data->assigned[1]);
    put_pair(buf, "recorded", data->total[0], data->total[1]);
    put_ratings(data, buf);
    buf_printf(buf, ", \"segment\": %d, \"mark\": %lld", data->segment_count,
               (long long)data->mark);
    put_number(buf, "split", segment->split);
    put_number(buf, "segment_from", data->segment_from);
}

static void put_plan(const struct abtest_plan *plan, struct buf *buf)
{
    buf_printf(buf, ", \"primary\": \"%s\", \"horizon\": %lld, \"assumed\": %s",
               abtest_metric_word(plan->primary), (long long)plan->horizon,
               plan->assumed ? "true" : "false");
    put_number(buf, "margin", plan->margin);
    put_number(buf, "min_hours", plan->min_hours);
}

static void put_row(const struct abtest_row *row, struct buf *buf)
{
    buf_printf(buf, "{\"metric\": \"%s\"", row->word);
    put_number(buf, "a", row->a);
    put_number(buf, "b", row->b);
    put_number(buf, "delta", row->delta);
    put_number(buf, "low", row->low);
    put_number(buf, "high", row->high);
    put_number(buf, "relative_low", row->relative_low);
    put_number(buf, "relative_high", row->relative_high);
    put_number(buf, "ln_p", row->ln_p);
    buf_text(buf, "}");
}

static void put_guard(const struct abtest_guard *guard, const struct decision_guard *found,
                      struct buf *buf)
{
    static const char *const words[] = {
        [DECISION_GUARD_OPEN] = "open",
        [DECISION_GUARD_PASS] = "pass",
        [DECISION_GUARD_FAIL] = "fail",
    };
    buf_printf(buf, "{\"metric\": \"%s\", \"verdict\": \"%s\"", abtest_metric_word(guard->metric),
               words[found->verdict]);
    put_number(buf, "best", found->best);
    put_number(buf, "worst", found->worst);
    put_number(buf, "margin", found->margin);
    buf_text(buf, "}");
}

void abtest_put_evidence(const struct abtest *test, const struct abtest_data *data,
                         const struct abtest_report *report, struct buf *buf)
{
    const struct abtest_plan *plan = &test->plan;
    const struct decision *decision = &report->decision;
    buf_printf(buf, "{\"state\": \"%s\", \"gate\": \"%s\"", decision_words(decision->state)->word,
               decision_gate_word(decision->gate));
    put_number(buf, "value", decision->value);
    put_number(buf, "limit", decision->limit);
    buf_printf(buf, ", \"open\": %u, \"turned\": %s", decision->open,
               report->turned ? "true" : "false");
    put_facts(test, data, buf);
    put_plan(plan, buf);
    put_number(buf, "alpha", report->alpha);
    put_number(buf, "hours", report->runtime_hours);
    put_number(buf, "srm_ln_e", report->srm.ln_e);
    put_number(buf, "design_effect", report->design_effect);
    buf_text(buf, ", \"guards\": [");
    for (size_t i = 0; i < plan->guard_count; i++) {
        buf_text(buf, i ? ", " : "");
        put_guard(&plan->guards[i], &report->guards[i], buf);
    }
    buf_text(buf, "], \"rows\": [");
    for (int i = 0; i < ABTEST_ROWS; i++) {
        buf_text(buf, i ? ", " : "");
        put_row(&report->rows[i], buf);
    }
    buf_text(buf, "]}");
}
