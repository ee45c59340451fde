/* SPDX-License-Identifier: MIT */
#include "tui/view/test_words.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "tui/number.h"
#include "tui/rows.h"
#include "tui/view/test_table.h"

void test_put_arm(const struct abtest_arm *arm, const struct rows *rows, struct buf *buf)
{
    const struct browse_row *row = rows_find(rows, arm->id);
    if (arm->name)
        buf_printf(buf, "%s%s:%s", row && row->is_default ? "* " : "", arm->name, arm->version);
    else
        buf_printf(buf, "#%lld (vanished)", (long long)arm->id);
}

void test_put_verdict(const struct browse_test *found, struct buf *buf)
{
    const struct decision_words *words = abtest_words(&found->test, found->report.decision.state);
    size_t says = strlen(words->says);
    bool stopped = says > 0 && words->says[says - 1] == '.';
    buf_printf(buf, "%.*s: ", (int)(stopped ? says - 1 : says), words->says);
    abtest_put_reason(&found->test, &found->report, buf);
    buf_text(buf, ".");
}

/* "5 to 8 h", for what is some time off. */
static void put_eta(const struct power_eta *eta, const struct power_rate *rate, struct buf *buf)
{
    char soon[TEST_TIME_ROOM], late[TEST_TIME_ROOM];
    test_time(eta->shortest, soon);
    test_time(eta->has_longest ? eta->longest : eta->seconds, late);
    if (!eta->has_longest)
        buf_printf(buf, ": %s or more at %.2g a second", late, rate->now);
    else if (strcmp(soon, late) == 0)
        buf_printf(buf, ": %s at %.2g a second", soon, rate->now);
    else
        buf_printf(buf, ": %s to %s at %.2g to %.2g a second", soon, late, rate->fast, rate->slow);
}

/* The guardrail's row where its difference and its limit are in one unit; *ret_point is that difference. */
static const struct abtest_row *guarded_row(const struct browse_test *found, double *ret_point)
{
    const struct abtest_guard *guard = &found->test.plan.guards[found->report.decision.guard];
    for (size_t i = 0; i < ABTEST_ROWS; i++) {
        const struct abtest_row *row = &found->report.rows[i];
        if (row->guard != guard || !row->lower_is_better)
            continue;
        *ret_point = row->is_share ? row->delta : row->b / row->a - 1;
        return row;
    }
    return NULL;
}

/*
 * An open guardrail: an interval's width goes with the root of the requests, so that they say how
 * many are wanted until it is inside, if the difference stays what it is.
 */
static void put_guard_requests(const struct browse_test *found, struct buf *buf)
{
    const struct abtest_report *report = &found->report;
    const struct decision_guard *guard = &report->guards[report->decision.guard];
    const struct abtest_arm_data *arms = found->data.arms;
    double point = NAN, now = (double)(arms[0].n + arms[1].n);
    char number[NUMBER_ROOM];
    if (report->decision.state != DECISION_WAIT_GUARDRAIL || !guarded_row(found, &point))
        return;
    double wide = guard->worst - point, wanted = guard->margin - point;
    if (!isfinite(wide) || !(wide > 0) || !(wanted > 0) || now <= 0)
        return;
    double more = now * (wide / wanted) * (wide / wanted) - now;
    if (!(more >= 1) || more > 1e12)
        return;
    double step = pow(10, fmax(0, floor(log10(more)) - 1)); /* two digits: it is no more exact */
    number_count((size_t)(ceil(more / step) * step), number);
    buf_printf(buf, " With the difference as it is: about %s more.", number);
}

/* Before the planned time is over. */
static void put_hours(const struct browse_test *found, struct buf *buf)
{
    enum decision_state state = found->report.decision.state;
    double left = found->test.plan.min_hours - found->report.runtime_hours;
    if ((state == DECISION_EARLY_A || state == DECISION_EARLY_B) && left > 0)
        buf_printf(buf, " %.1f hours more.", left);
}

static void put_change(const struct browse_test *found, struct buf *buf)
{
    const struct abtest_report *report = &found->report;
    const struct abtest_arm_data *arms = found->data.arms;
    int64_t left = report->needed - arms[0].n - arms[1].n;
    char number[NUMBER_ROOM];
    buf_printf(buf, "What would change it: %s.", decision_words(report->decision.state)->change);
    put_guard_requests(found, buf);
    put_hours(found, buf);
    if (report->needed <= 0 || !found->test.running)
        return;
    if (left <= 0) {
        number_count((size_t)report->needed, number);
        buf_printf(buf, " The %s requests that the question takes are in.", number);
        return;
    }
    number_count((size_t)left, number);
    buf_printf(buf, " About %s more requests", number);
    if (report->eta.known && report->eta.seconds > 0)
        put_eta(&report->eta, &report->rate, buf);
    buf_text(buf, ".");
}

/* How it ended, where pare knows. */
static void put_end(const struct abtest *test, struct buf *buf)
{
    char when[NUMBER_ROOM];
    number_when(test->ended_at ? test->ended_at : test->end_at, when);
    if (test->all_to)
        buf_printf(buf, "Ended by %s %s: all requests to %c", test->ended_by ? test->ended_by : "?",
                   when, test->all_to);
    if (test->all_to && test->ended_why)
        buf_printf(buf, " (%s)", test->ended_why);
}

void test_put_next(const struct browse_test *found, struct buf *buf)
{
    size_t before = buf->length;
    put_end(&found->test, buf);
    if (buf->length == before)
        put_change(found, buf);
}

void test_put_gates(const struct browse_test *found, struct buf *buf)
{
    unsigned open = found->report.decision.open;
    for (int gate = 0; gate < DECISION_GATES; gate++)
        buf_printf(buf, "%s[%c] %s", gate ? "  " : "", open & 1u << gate ? ' ' : 'x',
                   decision_gate_word((enum decision_gate)gate));
}
