/* SPDX-License-Identifier: MIT */
/* A verdict's reason, for screen and command alike. */
#include <math.h>

#include "base/buf.h"
#include "registry/abtest_judge.h"

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
    buf_printf(buf, "guard %s: B is worse by %s ", abtest_metric_word(guard->metric),
               failed ? "at least" : "perhaps as much as");
    put_amount(guard->metric, failed ? found->best : found->worst, buf);
    buf_text(buf, ", the limit is ");
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
        buf_text(buf, "what was ruled out before is what is seen now");
        break;
    case DECISION_GATE_RUNTIME:
        buf_printf(buf, "it has run %.1f of at least %g hours", decision->value, decision->limit);
        break;
    default:
        p_put(report->decision.value, p);
        buf_printf(buf, "%s: p %s at alpha %g", abtest_metric_word(test->plan.primary), p,
                   report->alpha);
        break;
    }
}
