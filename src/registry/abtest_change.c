/* SPDX-License-Identifier: MIT */
/* Tests started and split anew. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/abtest_end.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { GUARDS_TEXT_MAX = 4096, PERCENT_ROOM = 16 };

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
    char share[PERCENT_ROOM];
    struct buf guards;
    if (!abtest_allows_change(registry, err) || !have_tables(registry, err))
        return false;
    buf_init(&guards, GUARDS_TEXT_MAX);
    put_guards(plan, &guards);
    const struct pg_arg args[] = {
        PG_TEXT(name),
        PG_INT(a_id),
        PG_INT(b_id),
        PG_TEXT(share_text(split_percent, share)),
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

bool abtest_split_parse(const char *text, int *ret_percent, struct pare_error *err)
{
    char *end;
    double share = strtod(text, &end);
    bool percent = *end == '%';
    double value = percent ? share : share * 100;
    if (end == text || end[percent] || !(value >= 0 && value <= 100) ||
        fabs(value - round(value)) > 1e-6)
        return error_set(
            err, PARE_ERR_USAGE,
            "the split \"%.40s\": A's share was expected, 0 to 1 with two digits (0.8), "
            "or per cent (80%%)",
            text);
    *ret_percent = (int)round(value);
    return true;
}

bool abtest_ask_split(const struct registry *registry, const struct abtest *test, int split_percent,
                      struct arena *arena, struct pg_arg *args, struct pg_statement *ret_statement,
                      struct pare_error *err)
{
    char share[PERCENT_ROOM];
    if (!abtest_allows_change(registry, err))
        return false;
    const char *text = arena_strdup(arena, share_text(split_percent, share));
    if (!text)
        return error_no_memory(err, PERCENT_ROOM);
    args[0] = PG_INT(test->id);
    args[1] = PG_TEXT(text);
    args[2] = PG_TEXT(registry->actor);
    *ret_statement = (struct pg_statement){ .sql = query_abtest_split,
                                            .args = args,
                                            .arg_count = ABTEST_SPLIT_ARGS };
    return true;
}

bool abtest_take_split(const struct pg_rows *rows)
{
    return pg_int(rows, 0, 0) > 0;
}

bool abtest_split(const struct registry *registry, const struct abtest *test, int split_percent,
                  bool *ret_changed, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    struct arena arena = { 0 };
    struct pg_arg args[ABTEST_SPLIT_ARGS];
    struct pg_statement statement;
    if (!test->running)
        return abtest_has_ended(registry, test, err);
    bool ok = abtest_ask_split(registry, test, split_percent, &arena, args, &statement, err) &&
              pg_run(registry->pg, true, &statement, 1, &rows, err);
    if (ok)
        *ret_changed = abtest_take_split(rows);
    arena_done(&arena);
    return ok;
}
