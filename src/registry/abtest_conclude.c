/* SPDX-License-Identifier: MIT */
/* The end of a test: its evidence, and the transaction that ends it. */
#include <math.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "pg/pg.h"
#include "registry/abtest_judge.h"
#include "registry/default.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

/* ---- evidence ---- */

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

/* ---- the transaction ---- */

static bool split_meanwhile(const struct abtest *test, struct pare_error *err)
{
    return error_set(err, PARE_ERR_REFUSED,
                     "refused: the split of test %lld was changed while it was judged; nothing "
                     "changed, look again",
                     (long long)test->id);
}

static bool in_transaction(const struct registry *registry, const struct abtest *test,
                           int segment_count, const struct abtest_conclusion *c, int64_t *ret_rev,
                           struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *locked = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *ended = NULL;
    const char letter[] = { c->arm, '\0' };
    const struct default_change change = { .kind = "promote",
                                           .reason = c->reason,
                                           .forced = c->forced };
    if (!pg_query(registry->pg, query_abtest_lock, PG_ARGS(PG_INT(test->id)), &locked, err))
        return false;
    if (pg_row_count(locked) == 0) {
        pg_rollback(registry->pg);
        return abtest_has_ended(registry, test, err);
    }
    if (!pg_query(registry->pg, query_abtest_conclude,
                  PG_ARGS(PG_INT(test->id), PG_TEXT(letter), PG_TEXT(registry->actor),
                          PG_TEXT(c->reason), PG_INT(segment_count), PG_TEXT(c->evidence)),
                  &ended, err))
        return false;
    if (pg_int(ended, 0, 0) == 0)
        return split_meanwhile(test, err);
    *ret_rev = 0;
    return (!c->promotion || default_set_within(registry, c->promotion, &change, ret_rev, err)) &&
           pg_commit(registry->pg, err);
}

bool abtest_conclude(const struct registry *registry, const struct abtest *test, int segment_count,
                     const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                     struct pare_error *err)
{
    if (!registry_allows(registry, REGISTRY_WRITE, err) || !pg_begin(registry->pg, true, err))
        return false;
    if (in_transaction(registry, test, segment_count, conclusion, ret_rev, err))
        return true;
    pg_rollback(registry->pg);
    return false;
}
