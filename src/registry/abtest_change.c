/* SPDX-License-Identifier: MIT */
/* Tests started, split anew and ended. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/abtest.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { GUARDS_TEXT_MAX = 4096, PERCENT_ROOM = 16 };

static bool allows(const struct registry *registry, struct pare_error *err)
{
    if (!registry_allows(registry, REGISTRY_WRITE, err))
        return false;
    if (registry->schema < ABTEST_SCHEMA)
        return error_set(err, PARE_ERR_REFUSED,
                         "this registry's schema is version %d, tests want %d: run pare init",
                         registry->schema, ABTEST_SCHEMA);
    return true;
}

/* A's share as NUMERIC(3,2) reads it. */
static const char *share_text(int percent, char to[PERCENT_ROOM])
{
    snprintf(to, PERCENT_ROOM, "%d.%02d", percent / 100, percent % 100);
    return to;
}

static void put_guards(const struct abtest_plan *plan, struct buf *buf)
{
    buf_text(buf, "[");
    for (size_t i = 0; i < plan->guard_count; i++) {
        buf_printf(buf, "%s{\"metric\": \"%s\", \"margin\": ", i ? ", " : "",
                   abtest_metric_word(plan->guards[i].metric));
        json_put_number(buf, plan->guards[i].margin);
        buf_text(buf, "}");
    }
    buf_text(buf, "]");
}

static bool have_tables(const struct registry *registry, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_abtest_tables, PG_NO_ARGS, &rows, err))
        return false;
    if (pg_bool(rows, 0, 0) ||
        pg_write(registry->pg, query_abtest_make_tables, PG_NO_ARGS, NULL, err))
        return true;
    error_prefix(err, "the tables model_ab_tests and model_test_results cannot be made");
    return false;
}

bool abtest_start(const struct registry *registry, const char *name, int64_t a_id, int64_t b_id,
                  int split_percent, const struct abtest_plan *plan, int64_t *ret_id,
                  struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    char share[PERCENT_ROOM];
    struct buf guards;
    if (!allows(registry, err) || !have_tables(registry, err))
        return false;
    buf_init(&guards, GUARDS_TEXT_MAX);
    put_guards(plan, &guards);
    bool ok = buf_ok(&guards, err) &&
              pg_write(registry->pg, query_abtest_start,
                       PG_ARGS(PG_TEXT(name), PG_INT(a_id), PG_INT(b_id),
                               PG_TEXT(share_text(split_percent, share)),
                               PG_TEXT(abtest_metric_word(plan->primary)), PG_INT(plan->horizon),
                               PG_NUMBER(plan->alpha), PG_NUMBER(plan->margin),
                               PG_TEXT(buf_string(&guards)), PG_NUMBER(plan->min_hours),
                               PG_TEXT(registry->actor)),
                       &rows, err);
    buf_done(&guards);
    if (ok && pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_REFUSED, "refused: a test called \"%s\" is running already",
                         name);
    if (ok)
        *ret_id = pg_int(rows, 0, 0);
    return ok;
}

bool abtest_has_ended(const struct registry *registry, const struct abtest *test,
                      struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_abtest_ender, PG_ARGS(PG_INT(test->id)), &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: test %lld does not run (its status is %s)", (long long)test->id,
                         test->status);
    return error_set(
        err, PARE_ERR_REFUSED,
        "refused: %.200s %s test %lld %lld s ago, all requests go to %s; nothing changed",
        pg_text(rows, 0, 2), strcmp(pg_text(rows, 0, 0), "stop") != 0 ? "concluded" : "stopped",
        (long long)test->id, (long long)pg_int(rows, 0, 3),
        pg_null(rows, 0, 1) ? "A" : pg_text(rows, 0, 1));
}

bool abtest_split(const struct registry *registry, const struct abtest *test, int split_percent,
                  bool *ret_changed, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    char share[PERCENT_ROOM];
    if (!allows(registry, err))
        return false;
    if (!test->running)
        return abtest_has_ended(registry, test, err);
    if (!pg_write(registry->pg, query_abtest_split,
                  PG_ARGS(PG_INT(test->id), PG_TEXT(share_text(split_percent, share)),
                          PG_TEXT(registry->actor)),
                  &rows, err))
        return false;
    *ret_changed = pg_int(rows, 0, 0) > 0;
    return true;
}

bool abtest_stop(const struct registry *registry, const struct abtest *test, char arm,
                 const char *reason, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    const char letter[] = { arm, '\0' };
    if (!allows(registry, err))
        return false;
    if (!pg_write(
            registry->pg, query_abtest_stop,
            PG_ARGS(PG_INT(test->id), PG_TEXT(letter), PG_TEXT(registry->actor), PG_TEXT(reason)),
            &rows, err))
        return false;
    return pg_int(rows, 0, 0) > 0 || abtest_has_ended(registry, test, err);
}
