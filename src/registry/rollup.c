/* SPDX-License-Identifier: MIT */
#include "registry/rollup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "registry/abtest.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { STEP_RESULTS = 200000, SMALL_STEP_RESULTS = 20000, PAUSE_MS = 20, BLOCK_IDS = 65536 };

void rollup_done(struct rollup *rollup)
{
    free(rollup->writers);
    *rollup = (struct rollup){ 0 };
}

/* ---- a step ---- */

enum { LOOK_NEWEST, LOOK_WRITERS };

void rollup_ask_look(struct pg_statement ret_statements[ROLLUP_LOOK_STATEMENTS])
{
    ret_statements[LOOK_NEWEST] = (struct pg_statement){ .sql = query_rollup_newest, .kept = true };
    ret_statements[LOOK_WRITERS] =
        (struct pg_statement){ .sql = query_rollup_writers, .kept = true };
}

/* Whether one of the words of `some` is among those of `all`. */
static bool share_a_word(const char *some, const char *all)
{
    while (*some) {
        size_t length = strcspn(some, " ");
        for (const char *at = all; *at; at += strspn(at, " ")) {
            size_t other = strcspn(at, " ");
            if (other == length && !strncmp(at, some, length))
                return true;
            at += other;
        }
        some += length;
        some += strspn(some, " ");
    }
    return false;
}

enum rollup_next rollup_take_look(struct rollup *rollup, struct pg_rows *const *rows)
{
    const struct pg_rows *newest = rows[LOOK_NEWEST], *writers = rows[LOOK_WRITERS];
    const char *writing = pg_row_count(writers) ? pg_text(writers, 0, 0) : "";
    if (pg_row_count(newest) == 0)
        return ROLLUP_IDLE;
    rollup->mark = pg_int(newest, 0, 0);
    rollup->newest = pg_int(newest, 0, 1);
    rollup->since = pg_int(newest, 0, 2);
    /* A target behind the newest is of a table that has been emptied since. */
    bool waited =
        rollup->writers && rollup->target > rollup->mark && rollup->target <= rollup->newest;
    if (waited && share_a_word(rollup->writers, writing))
        return ROLLUP_WAIT;
    if (rollup->newest <= rollup->mark)
        return ROLLUP_IDLE;
    if (!waited) {
        free(rollup->writers);
        rollup->writers = strdup(writing);
        rollup->target = rollup->newest;
        if (!rollup->writers || *writing)
            return ROLLUP_WAIT;
    }
    return ROLLUP_STEP;
}

/* Ids above `since` up to this one; somebody's may lie further apart than fits. */
static int64_t ids_up_to(int64_t since, int64_t id)
{
    int64_t count;
    if (id <= since)
        return 0;
    return __builtin_sub_overflow(id, since, &count) ? INT64_MAX : count;
}

int64_t rollup_missing(const struct rollup *rollup)
{
    return ids_up_to(rollup->since, rollup->newest);
}

enum { STEP_QUIET, STEP_STEP };

/*
 * Compiled, a step of a few results takes twenty times as long; planned anew each time, half as long
 * again. One of very many is better planned for what it has to do.
 */
void rollup_ask_step(struct rollup *rollup,
                     struct pg_statement ret_statements[ROLLUP_STEP_STATEMENTS])
{
    rollup->args[0] = PG_INT(rollup->mark);
    rollup->args[1] = PG_INT(rollup->target);
    rollup->args[2] = PG_INT(STEP_RESULTS);
    bool small = ids_up_to(rollup->mark, rollup->target) <= SMALL_STEP_RESULTS;
    ret_statements[STEP_QUIET] =
        (struct pg_statement){ .sql = small ? query_rollup_quiet_kept : query_browse_quiet,
                               .kept = small };
    ret_statements[STEP_STEP] = (struct pg_statement){
        .sql = query_rollup_step, .args = rollup->args, .arg_count = 3, .kept = small
    };
}

bool rollup_take_step(struct rollup *rollup, struct pg_rows *const *rows)
{
    const struct pg_rows *moved = rows[STEP_STEP];
    if (pg_row_count(moved) == 0 || pg_int(moved, 0, 0) == 0)
        return false;
    rollup->mark = rollup->since = pg_int(moved, 0, 1);
    return true;
}

bool rollup_tick(const struct registry *registry, struct rollup *rollup, enum rollup_next *ret_next,
                 struct pare_error *err)
{
    struct pg_statement statements[ROLLUP_LOOK_STATEMENTS], step[ROLLUP_STEP_STATEMENTS];
    struct pg_rows *rows[ROLLUP_LOOK_STATEMENTS] = { 0 };
    rollup_ask_look(statements);
    if (!pg_run(registry->pg, false, statements, ROLLUP_LOOK_STATEMENTS, rows, err))
        return false;
    *ret_next = rollup_take_look(rollup, rows);
    for (int i = 0; i < ROLLUP_LOOK_STATEMENTS; i++)
        pg_rows_free(rows[i]);
    if (*ret_next != ROLLUP_STEP)
        return true;
    rollup_ask_step(rollup, step);
    return pg_run(registry->pg, true, step, ROLLUP_STEP_STATEMENTS, NULL, err);
}

void rollup_ask_rights(struct pg_statement *ret_statement)
{
    *ret_statement = (struct pg_statement){ .sql = query_rollup_rights };
}

struct rollup_rights rollup_take_rights(const struct pg_rows *rows)
{
    return (struct rollup_rights){ pg_bool(rows, 0, 0), pg_bool(rows, 0, 1) };
}

/* Asked of the server, for opening a registry has asked about pare's tables as a whole only. */
static bool lacks_a_right(const struct registry *registry, bool *ret_lacks, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_rollup_rights, PG_NO_ARGS, &rows, err))
        return false;
    struct rollup_rights rights = rollup_take_rights(rows);
    *ret_lacks = rights.cannot_read || rights.cannot_write;
    return true;
}

bool rollup_catch_up(const struct registry *registry, struct rollup *rollup, int64_t patience_ms,
                     struct pare_error *err)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    int64_t end_ms = clock_now_ms() + patience_ms, goal = INT64_MIN;
    enum rollup_next next;
    bool lacks = false;
    rollup->behind = 0;
    if (!lacks_a_right(registry, &lacks, err) || lacks)
        return lacks;
    do {
        if (!rollup_tick(registry, rollup, &next, err))
            return false;
        if (goal == INT64_MIN)
            goal = rollup->newest;
        if (next == ROLLUP_WAIT)
            nanosleep(&pause, NULL);
    } while (next != ROLLUP_IDLE && rollup->mark < goal && clock_now_ms() < end_ms);
    rollup->behind = next == ROLLUP_IDLE ? 0 : ids_up_to(rollup->since, goal);
    return true;
}

/* ---- upkeep ---- */

/* *ret_whole: no row of these blocks has gone. */
static bool recount(const struct registry *registry, const struct pg_rows *due, bool *ret_whole,
                    struct pare_error *err)
{
    *ret_whole = true;
    for (int i = 0; i < pg_row_count(due); i++) {
        CLEANUP(pg_rows_cleanup) struct pg_rows *same = NULL;
        int64_t block = pg_int(due, i, 0), mark = pg_int(due, i, 2), first = block * BLOCK_IDS;
        int64_t before = MAX(first, INT64_MIN + 1) - 1; /* the smallest bigint is never counted */
        if (!pg_write(registry->pg, query_rollup_recount,
                      PG_ARGS(PG_INT(before), PG_INT(MIN(mark, first + BLOCK_IDS - 1)),
                              PG_INT(block), PG_INT(mark)),
                      &same, err))
            return false;
        *ret_whole &= pg_bool(same, 0, 0);
        if (pg_bool(due, i, 1) &&
            !pg_write(registry->pg, query_rollup_rotate, PG_ARGS(PG_INT(block)), NULL, err))
            return false;
    }
    return true;
}

/* All anew, unless that was but a moment ago: rows that keep vanishing must not keep all from coming in. */
static bool restart(const struct registry *registry, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *may = NULL;
    if (!pg_read(registry->pg, query_rollup_may_restart, PG_NO_ARGS, &may, err))
        return false;
    if (!pg_bool(may, 0, 0))
        return true;
    /* Locked by a statement of its own: the next ones then see what the step before it put. */
    const struct pg_statement statements[] = { { .sql = query_rollup_lock },
                                               { .sql = query_rollup_restart } };
    return pg_run(registry->pg, true, statements, ARRAY_SIZE(statements), NULL, err);
}

bool rollup_can(const struct registry *registry)
{
    struct pare_error ignored;
    return registry_allows(registry, REGISTRY_WRITE, &ignored) && registry->schema >= ABTEST_SCHEMA;
}

void rollup_ask_notice(const struct registry *registry, struct pg_arg *actor,
                       struct pg_statement ret_statements[ROLLUP_NOTICE_STATEMENTS])
{
    const char *const sql[ROLLUP_NOTICE_STATEMENTS] = { query_rollup_notice_rest,
                                                        query_rollup_assume,
                                                        query_rollup_notice_splits,
                                                        query_rollup_notice_ends };
    *actor = PG_TEXT(registry->actor);
    for (int i = 0; i < ROLLUP_NOTICE_STATEMENTS; i++)
        ret_statements[i] =
            (struct pg_statement){ .sql = sql[i], .args = actor, .arg_count = i > 0 };
}

bool rollup_notice(const struct registry *registry, struct pare_error *err)
{
    struct pg_statement statements[ROLLUP_NOTICE_STATEMENTS];
    struct pg_arg actor;
    rollup_ask_notice(registry, &actor, statements);
    return pg_run(registry->pg, true, statements, ARRAY_SIZE(statements), NULL, err);
}

static bool tidy_up(const struct registry *registry, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *due = NULL;
    const struct pg_statement statements[] = { { .sql = query_rollup_lock },
                                               { .sql = query_rollup_expire_counts },
                                               { .sql = query_rollup_expire_buckets },
                                               { .sql = query_rollup_coarsen } };
    if (!pg_write(registry->pg, query_rollup_tidy_due, PG_NO_ARGS, &due, err))
        return false;
    return pg_row_count(due) == 0 ||
           pg_run(registry->pg, true, statements, ARRAY_SIZE(statements), NULL, err);
}

bool rollup_upkeep(const struct registry *registry, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *due = NULL;
    bool whole, lacks = false;
    if (!lacks_a_right(registry, &lacks, err) || lacks)
        return lacks;
    if (!rollup_notice(registry, err) ||
        !pg_read(registry->pg, query_rollup_due_blocks, PG_ARGS(PG_INT(ROLLUP_BLOCKS_MAX)), &due,
                 err) ||
        !recount(registry, due, &whole, err))
        return false;
    return whole ? tidy_up(registry, err) : restart(registry, err);
}
