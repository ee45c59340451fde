/* SPDX-License-Identifier: MIT */
#include "registry/abtest_end.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "registry/default.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { STOP_STOP, STOP_ENDER, STOP_COUNT };
enum { END_LOCK, END_DEFAULT_LOCK, END_CONCLUDE, END_ENDER, END_NEWEST, END_COUNT };
enum { ARG_TEST, ARG_NAME = 6 };
enum { GATES_JSON_MAX = 64 * 1024 };

static const char *letter_of(char arm)
{
    return arm == 'B' ? "B" : "A";
}

static bool run(const struct registry *registry, const struct abtest_ending *ending,
                struct pg_rows *rows[ABTEST_END_STATEMENTS], struct pare_error *err)
{
    return pg_run(registry->pg, true, ending->statements, ending->count, rows, err);
}

static void free_all(struct pg_rows *rows[ABTEST_END_STATEMENTS])
{
    for (int i = 0; i < ABTEST_END_STATEMENTS; i++)
        pg_rows_free(rows[i]);
}

/* ---- who was first ---- */

static bool refuse_ended(const struct pg_rows *ender, const struct abtest *test,
                         struct pare_error *err)
{
    if (pg_row_count(ender) == 0)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: test %lld does not run (its status is %s)", (long long)test->id,
                         test->running ? "another now" : test->status);
    return error_set(
        err, PARE_ERR_REFUSED,
        "refused: %.200s %s test %lld %lld s ago, all requests go to %s; nothing changed",
        pg_text(ender, 0, 2), strcmp(pg_text(ender, 0, 0), "stop") != 0 ? "concluded" : "stopped",
        (long long)test->id, (long long)pg_int(ender, 0, 3),
        pg_null(ender, 0, 1) ? "A" : pg_text(ender, 0, 1));
}

bool abtest_has_ended(const struct registry *registry, const struct abtest *test,
                      struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    return pg_read(registry->pg, query_abtest_ender, PG_ARGS(PG_INT(test->id)), &rows, err) &&
           refuse_ended(rows, test, err);
}

/* ---- stop ---- */

bool abtest_ask_stop(const struct registry *registry, const struct abtest *test, char arm,
                     const char *reason, struct abtest_ending *ret_ending, struct pare_error *err)
{
    struct pg_arg *args = ret_ending->args;
    if (!abtest_allows_change(registry, err))
        return false;
    args[0] = PG_INT(test->id);
    args[1] = PG_TEXT(letter_of(arm));
    args[2] = PG_TEXT(registry->actor);
    args[3] = PG_TEXT(reason);
    ret_ending->statements[STOP_STOP] =
        (struct pg_statement){ .sql = query_abtest_stop, .args = args, .arg_count = 4 };
    ret_ending->statements[STOP_ENDER] =
        (struct pg_statement){ .sql = query_abtest_ender, .args = args, .arg_count = 1 };
    ret_ending->count = STOP_COUNT;
    return true;
}

bool abtest_take_stop(struct pg_rows *const *rows, const struct abtest *test,
                      struct pare_error *err)
{
    return pg_int(rows[STOP_STOP], 0, 0) > 0 || refuse_ended(rows[STOP_ENDER], test, err);
}

bool abtest_stop(const struct registry *registry, const struct abtest *test, char arm,
                 const char *reason, struct pare_error *err)
{
    struct abtest_ending ending;
    struct pg_rows *rows[ABTEST_END_STATEMENTS] = { 0 };
    bool ok = abtest_ask_stop(registry, test, arm, reason, &ending, err) &&
              run(registry, &ending, rows, err) && abtest_take_stop(rows, test, err);
    free_all(rows);
    return ok;
}

/* ---- conclude ---- */

bool abtest_is_free(const struct abtest_report *report, char arm, const struct promotion *promotion)
{
    return decision_words(report->decision.state)->arm == arm &&
           gate_all_pass(promotion->gates, promotion->gate_count);
}

/* NULL when memory ends. */
static const char *gates_text(const struct promotion *promotion, struct arena *arena,
                              struct pare_error *err)
{
    struct buf gates;
    buf_init(&gates, GATES_JSON_MAX);
    gate_put_json(promotion->gates, promotion->gate_count, &gates);
    const char *text = buf_ok(&gates, err) ? arena_strdup(arena, buf_string(&gates)) : NULL;
    buf_done(&gates);
    if (!text)
        error_no_memory(err, GATES_JSON_MAX);
    return text;
}

bool abtest_ask_conclude(const struct registry *registry, const struct abtest *test,
                         const struct abtest_conclusion *c, struct arena *arena,
                         struct abtest_ending *ret_ending, struct pare_error *err)
{
    const struct promotion *promotion = c->promotion;
    const char *gates = NULL;
    if (!abtest_allows_change(registry, err) ||
        (promotion && !(gates = gates_text(promotion, arena, err))))
        return false;
    const struct pg_arg args[ABTEST_END_ARGS] = {
        [ARG_TEST] = PG_INT(test->id),
        PG_TEXT(letter_of(c->arm)),
        PG_TEXT(registry->actor),
        PG_TEXT(c->reason),
        PG_INT(c->segment_count),
        PG_TEXT(c->evidence),
        [ARG_NAME] = promotion ? PG_TEXT(promotion->to.raw_name) : PG_NULL,
        promotion ? PG_INT(promotion->newest.rev) : PG_NULL,
        promotion ? PG_INT(promotion->to.id) : PG_NULL,
        promotion ? PG_TEXT(promotion->to.raw_version) : PG_NULL,
        PG_BOOL(c->forced),
        PG_TEXT(gates),
    };
    memcpy(ret_ending->args, args, sizeof(args));
    const struct pg_arg *test_arg = &ret_ending->args[ARG_TEST],
                        *name_arg = &ret_ending->args[ARG_NAME];
    const struct pg_statement statements[END_COUNT] = {
        [END_LOCK] = { .sql = query_abtest_lock, .args = test_arg, .arg_count = 1 },
        [END_DEFAULT_LOCK] = { .sql = query_default_lock, .args = name_arg, .arg_count = 1 },
        [END_CONCLUDE] = { .sql = query_abtest_conclude,
                           .args = test_arg,
                           .arg_count = ABTEST_END_ARGS },
        [END_ENDER] = { .sql = query_abtest_ender, .args = test_arg, .arg_count = 1 },
        [END_NEWEST] = { .sql = query_default_newest, .args = name_arg, .arg_count = 1 },
    };
    memcpy(ret_ending->statements, statements, sizeof(statements));
    ret_ending->count = END_COUNT;
    return true;
}

bool abtest_take_conclude(struct pg_rows *const *rows, const struct abtest *test,
                          const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                          struct pare_error *err)
{
    enum { RUNS, SAME_SPLIT, ENDED, REV };
    const struct pg_rows *done = rows[END_CONCLUDE];
    if (!pg_bool(done, 0, RUNS))
        return refuse_ended(rows[END_ENDER], test, err);
    if (!pg_bool(done, 0, SAME_SPLIT))
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: the split of test %lld was changed while it was judged; nothing "
                         "changed, look again",
                         (long long)test->id);
    if (!pg_bool(done, 0, ENDED))
        return default_not_set(rows[END_NEWEST], conclusion->promotion, err);
    *ret_rev = pg_null(done, 0, REV) ? 0 : pg_int(done, 0, REV);
    return true;
}

bool abtest_conclude(const struct registry *registry, const struct abtest *test,
                     const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                     struct pare_error *err)
{
    struct arena arena = { 0 };
    struct abtest_ending ending;
    struct pg_rows *rows[ABTEST_END_STATEMENTS] = { 0 };
    bool ok = abtest_ask_conclude(registry, test, conclusion, &arena, &ending, err) &&
              run(registry, &ending, rows, err) &&
              abtest_take_conclude(rows, test, conclusion, ret_rev, err);
    free_all(rows);
    arena_done(&arena);
    return ok;
}
