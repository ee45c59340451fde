/* SPDX-License-Identifier: MIT */
#include "registry/abtest_change.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "registry/default.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { STEP_LOCK, STEP_CHANGE, STEP_ENDER, STEP_COUNT }; /* of a split and of a stop */
enum { END_DEFAULT_LOCK, END_LOCK, END_CONCLUDE, END_ENDER, END_NEWEST, END_COUNT };
enum { ARG_TEST, ARG_NAME = 6 };
enum { GATES_JSON_MAX = 64 * 1024, STALE_SECONDS = 60 };

static const char *letter_of(char arm)
{
    return arm == 'B' ? "B" : "A";
}

static bool run(const struct registry *registry, const struct abtest_change *change,
                struct pg_rows *rows[ABTEST_CHANGE_STATEMENTS], struct pare_error *err)
{
    return pg_run(registry->pg, true, change->statements, change->count, rows, err);
}

static void free_all(struct pg_rows *rows[ABTEST_CHANGE_STATEMENTS])
{
    for (int i = 0; i < ABTEST_CHANGE_STATEMENTS; i++)
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

/* ---- split and stop ---- */

/* Lock, change by the first `arg_count` arguments, and who ended it for whom it is too late. */
static void put_steps(const char *sql, size_t arg_count, struct abtest_change *change)
{
    const struct pg_statement steps[STEP_COUNT] = {
        [STEP_LOCK] = { .sql = query_abtest_lock, .args = change->args, .arg_count = 1 },
        [STEP_CHANGE] = { .sql = sql, .args = change->args, .arg_count = arg_count },
        [STEP_ENDER] = { .sql = query_abtest_ender, .args = change->args, .arg_count = 1 },
    };
    memcpy(change->statements, steps, sizeof(steps));
    change->count = STEP_COUNT;
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
                      struct abtest_change *ret_change, struct pare_error *err)
{
    if (!abtest_allows_change(registry, err))
        return false;
    abtest_share_text(split_percent, ret_change->share);
    ret_change->args[0] = PG_INT(test->id);
    ret_change->args[1] = PG_TEXT(ret_change->share);
    ret_change->args[2] = PG_TEXT(registry->actor);
    put_steps(query_abtest_split, 3, ret_change);
    return true;
}

bool abtest_take_split(struct pg_rows *const *rows, const struct abtest *test, bool *ret_changed,
                       struct pare_error *err)
{
    if (pg_row_count(rows[STEP_LOCK]) == 0)
        return refuse_ended(rows[STEP_ENDER], test, err);
    *ret_changed = pg_int(rows[STEP_CHANGE], 0, 0) > 0;
    return true;
}

bool abtest_split(const struct registry *registry, const struct abtest *test, int split_percent,
                  bool *ret_changed, struct pare_error *err)
{
    struct abtest_change change;
    struct pg_rows *rows[ABTEST_CHANGE_STATEMENTS] = { 0 };
    if (!test->running)
        return abtest_has_ended(registry, test, err);
    bool ok = abtest_ask_split(registry, test, split_percent, &change, err) &&
              run(registry, &change, rows, err) && abtest_take_split(rows, test, ret_changed, err);
    free_all(rows);
    return ok;
}

bool abtest_ask_stop(const struct registry *registry, const struct abtest *test, char arm,
                     const char *reason, struct abtest_change *ret_change, struct pare_error *err)
{
    if (!abtest_allows_change(registry, err))
        return false;
    ret_change->args[0] = PG_INT(test->id);
    ret_change->args[1] = PG_TEXT(letter_of(arm));
    ret_change->args[2] = PG_TEXT(registry->actor);
    ret_change->args[3] = PG_TEXT(reason);
    put_steps(query_abtest_stop, 4, ret_change);
    return true;
}

bool abtest_take_stop(struct pg_rows *const *rows, const struct abtest *test,
                      struct pare_error *err)
{
    return pg_int(rows[STEP_CHANGE], 0, 0) > 0 || refuse_ended(rows[STEP_ENDER], test, err);
}

bool abtest_stop(const struct registry *registry, const struct abtest *test, char arm,
                 const char *reason, struct pare_error *err)
{
    struct abtest_change change;
    struct pg_rows *rows[ABTEST_CHANGE_STATEMENTS] = { 0 };
    bool ok = abtest_ask_stop(registry, test, arm, reason, &change, err) &&
              run(registry, &change, rows, err) && abtest_take_stop(rows, test, err);
    free_all(rows);
    return ok;
}

/* ---- conclude ---- */

bool abtest_is_stale(const struct abtest_data *data)
{
    return (data->cannot_read || data->cannot_write) && !(data->mark_age_seconds <= STALE_SECONDS);
}

bool abtest_is_free(const struct abtest_data *data, const struct abtest_report *report, char arm,
                    const struct promotion *promotion)
{
    return !abtest_is_stale(data) && decision_words(report->decision.state)->arm == arm &&
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
                         struct abtest_change *ret_change, struct pare_error *err)
{
    const struct promotion *promotion = c->promotion;
    const char *gates = NULL;
    if (!abtest_allows_change(registry, err) ||
        (promotion && !(gates = gates_text(promotion, arena, err))))
        return false;
    const struct pg_arg args[ABTEST_CHANGE_ARGS] = {
        [ARG_TEST] = PG_INT(test->id),
        PG_TEXT(letter_of(c->arm)),
        PG_TEXT(registry->actor),
        PG_TEXT(c->reason),
        PG_INT(MAX(test->segment_count, 1)),
        PG_TEXT(c->evidence),
        [ARG_NAME] = promotion ? PG_TEXT(promotion->to.raw_name) : PG_NULL,
        promotion ? PG_INT(promotion->newest.rev) : PG_NULL,
        promotion ? PG_INT(promotion->to.id) : PG_NULL,
        promotion ? PG_TEXT(promotion->to.raw_version) : PG_NULL,
        PG_BOOL(c->forced),
        PG_TEXT(gates),
        PG_INT(test->a.id),
        PG_INT(test->b.id),
        PG_INT(c->mark),
    };
    memcpy(ret_change->args, args, sizeof(args));
    const struct pg_arg *test_arg = &ret_change->args[ARG_TEST],
                        *name_arg = &ret_change->args[ARG_NAME];
    const struct pg_statement statements[END_COUNT] = {
        [END_DEFAULT_LOCK] = { .sql = query_default_lock, .args = name_arg, .arg_count = 1 },
        [END_LOCK] = { .sql = query_abtest_lock, .args = test_arg, .arg_count = 1 },
        [END_CONCLUDE] = { .sql = query_abtest_conclude,
                           .args = test_arg,
                           .arg_count = ABTEST_CHANGE_ARGS },
        [END_ENDER] = { .sql = query_abtest_ender, .args = test_arg, .arg_count = 1 },
        [END_NEWEST] = { .sql = query_default_newest, .args = name_arg, .arg_count = 1 },
    };
    memcpy(ret_change->statements, statements, sizeof(statements));
    ret_change->count = END_COUNT;
    return true;
}

bool abtest_take_conclude(struct pg_rows *const *rows, const struct abtest *test,
                          const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                          struct pare_error *err)
{
    enum { RUNS, SAME_TEST, SAME_RESULTS, ENDED, REV };
    const struct pg_rows *done = rows[END_CONCLUDE];
    if (!pg_bool(done, 0, RUNS))
        return refuse_ended(rows[END_ENDER], test, err);
    if (!pg_bool(done, 0, SAME_TEST))
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: the split or the arms of test %lld were changed while it was "
                         "judged; nothing changed, look again",
                         (long long)test->id);
    if (!pg_bool(done, 0, SAME_RESULTS))
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: the results of test %lld are being rolled up anew; nothing "
                         "changed, look again in a moment",
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
    struct abtest_change change;
    struct pg_rows *rows[ABTEST_CHANGE_STATEMENTS] = { 0 };
    bool ok = abtest_ask_conclude(registry, test, conclusion, &arena, &change, err) &&
              run(registry, &change, rows, err) &&
              abtest_take_conclude(rows, test, conclusion, ret_rev, err);
    free_all(rows);
    arena_done(&arena);
    return ok;
}
