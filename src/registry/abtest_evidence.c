/* SPDX-License-Identifier: MIT */
/* What a conclusion stood on, as it is stored with it. */
#include "base/buf.h"
#include "base/json.h"
#include "registry/abtest_judge.h"

static void put_number(struct buf *buf, const char *key, double value)
{
    buf_printf(buf, ", \"%s\": ", key);
    json_put_number(buf, value);
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
    buf_printf(buf, ", \"requests\": [%lld, %lld], \"failed\": [%lld, %lld], \"segment\": %d",
               (long long)data->arms[0].n, (long long)data->arms[1].n,
               (long long)data->arms[0].failed, (long long)data->arms[1].failed,
               data->segment_count);
    buf_printf(buf, ", \"primary\": \"%s\", \"horizon\": %lld, \"assumed\": %s",
               abtest_metric_word(plan->primary), (long long)plan->horizon,
               plan->assumed ? "true" : "false");
    put_number(buf, "alpha", report->alpha);
    put_number(buf, "margin", plan->margin);
    put_number(buf, "hours", report->runtime_hours);
    buf_printf(buf, ", \"mark\": %lld", (long long)data->mark);
    put_number(buf, "srm_ln_e", report->srm.ln_e);
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
