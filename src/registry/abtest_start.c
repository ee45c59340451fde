/* SPDX-License-Identifier: MIT */
/* Tests started. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/abtest_change.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { GUARDS_TEXT_MAX = 4096 };

bool abtest_allows_change(const struct registry *registry, struct pare_error *err)
{
    if (!registry_allows(registry, REGISTRY_WRITE, err))
        return false;
    if (registry->schema < ABTEST_SCHEMA)
        return error_set(err, PARE_ERR_REFUSED,
                         "this registry's schema is version %d, tests want %d: run pare init",
                         registry->schema, ABTEST_SCHEMA);
    return true;
}

const char *abtest_share_text(int percent, char to[ABTEST_SHARE_ROOM])
{
    snprintf(to, ABTEST_SHARE_ROOM, "%d.%02d", percent / 100, percent % 100);
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
    const struct pg_arg table = PG_TEXT("model_ab_tests");
    const struct pg_statement statements[] = {
        { .sql = query_abtest_name_lock, .args = &table, .arg_count = 1 },
        { .sql = query_abtest_make_tables },
    };
    if (pg_bool(rows, 0, 0) ||
        pg_run(registry->pg, true, statements, ARRAY_SIZE(statements), NULL, err))
        return true;
    error_prefix(err, "the tables model_ab_tests and model_test_results cannot be made");
    return false;
}

/* Locked by a statement of its own: the one that starts it then sees what another has started. */
enum { START_LOCK, START_MAKE, START_STATEMENTS };

bool abtest_start(const struct registry *registry, const char *name, int64_t a_id, int64_t b_id,
                  int split_percent, const struct abtest_plan *plan, int64_t *ret_id,
                  struct pare_error *err)
{
    struct pg_rows *rows[START_STATEMENTS] = { 0 };
    char share[ABTEST_SHARE_ROOM];
    struct buf guards;
    if (!abtest_allows_change(registry, err) || !have_tables(registry, err))
        return false;
    buf_init(&guards, GUARDS_TEXT_MAX);
    put_guards(plan, &guards);
    const struct pg_arg args[] = {
        PG_TEXT(name),
        PG_INT(a_id),
        PG_INT(b_id),
        PG_TEXT(abtest_share_text(split_percent, share)),
        PG_TEXT(abtest_metric_word(plan->primary)),
        PG_INT(plan->horizon),
        PG_NUMBER(plan->alpha),
        PG_NUMBER(plan->margin),
        PG_TEXT(buf_string(&guards)),
        PG_NUMBER(plan->min_hours),
        PG_TEXT(registry->actor),
    };
    const struct pg_statement statements[START_STATEMENTS] = {
        [START_LOCK] = { .sql = query_abtest_name_lock, .args = args, .arg_count = 1 },
        [START_MAKE] = { .sql = query_abtest_start, .args = args, .arg_count = ARRAY_SIZE(args) },
    };
    bool ok =
        buf_ok(&guards, err) && pg_run(registry->pg, true, statements, START_STATEMENTS, rows, err);
    buf_done(&guards);
    if (ok && pg_row_count(rows[START_MAKE]) == 0)
        ok = error_set(err, PARE_ERR_REFUSED, "refused: a test called \"%s\" is running already",
                       name);
    else if (ok)
        *ret_id = pg_int(rows[START_MAKE], 0, 0);
    for (int i = 0; i < START_STATEMENTS; i++)
        pg_rows_free(rows[i]);
    return ok;
}
