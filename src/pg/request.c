/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/state.h"

enum { POLL_STEP_MS = 200, CANCEL_STEPS = 15 };

/* ---- sending ---- */

static const char *begin_sql(const struct pg *pg, bool write)
{
    /* The level is said, whatever the database's default: compare-and-set waits for a lock and must
     * see what was committed meanwhile. */
    return write && !pg->read_only ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                                   : "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";
}

static void forget_slots(struct pg *pg)
{
    for (size_t i = 0; i < pg->slot_count; i++)
        PQclear(pg->slots[i].result);
    memset(pg->slots, 0, sizeof(pg->slots));
    pg->slot_count = pg->keeping_count = 0;
}

static bool enter(struct pg *pg, struct pare_error *err)
{
    forget_slots(pg);
    pg->position = 0;
    pg->first_slot = 0;
    pg->failed = pg->cancelled = false;
    pg->sqlstate[0] = '\0';
    if (!PQenterPipelineMode(pg->conn))
        return pg_connection_error(pg, "the connection was lost", err);
    return true;
}

/* What a transaction of its own needs around it; `wrap` is false inside pg_begin ... pg_commit. */
static bool start(struct pg *pg, const char *begin, const struct pg_statement *statements,
                  size_t count, struct pare_error *err)
{
    if (count > PG_STATEMENTS_MAX)
        abort();
    if (!enter(pg, err))
        return false;
    bool ok = (!begin || pg_queue(pg, begin)) && pg_queue_kept(pg, statements, count);
    pg->wrapped = begin != NULL;
    pg->first_slot = (begin ? 1 : 0) + pg->keeping_count;
    for (size_t i = 0; ok && i < count; i++) {
        pg->slots[i] =
            (struct pg_slot){ .on_row = statements[i].on_row, .data = statements[i].data };
        ok = pg_queue_statement(pg, &statements[i]);
    }
    pg->slot_count = count;
    ok = ok && (!begin || pg_queue(pg, "COMMIT")) && PQpipelineSync(pg->conn) == 1;
    if (!ok || PQflush(pg->conn) < 0)
        return pg_connection_error(pg, "the connection was lost", err);
    pg->phase = PG_RUNNING;
    return true;
}

bool pg_start(struct pg *pg, bool write, const struct pg_statement *statements, size_t count,
              struct pare_error *err)
{
    return start(pg, begin_sql(pg, write), statements, count, err);
}

/* ---- receiving ---- */

static struct pg_slot *current_slot(struct pg *pg)
{
    size_t index = pg->position - pg->first_slot;
    return pg->position >= pg->first_slot && index < pg->slot_count ? &pg->slots[index] : NULL;
}

static void fail(struct pg *pg, const struct pare_error *failure)
{
    if (pg->failed)
        return;
    pg->failed = true;
    pg->failure = *failure;
}

static void give_row(struct pg *pg, struct pg_slot *slot, PGresult *result)
{
    struct pg_rows rows = { .result = result, .borrowed = true };
    struct pare_error err;
    if (pg->failed)
        return;
    if (!slot->on_row(slot->data, &rows, &err)) {
        fail(pg, &err);
        pg_cancel(pg); /* the rest need not come */
    }
}

/* One result: kept, given to its reader, or the failure of the request. */
static void take_result(struct pg *pg, PGresult *result)
{
    struct pg_slot *slot = current_slot(pg);
    struct pare_error err;
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        if (slot && slot->on_row)
            give_row(pg, slot, result);
        break;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        pg_note_kept(pg);
        if (slot && !slot->on_row) {
            PQclear(slot->result);
            slot->result = result;
            return;
        }
        break;
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        pg_result_error(pg, result, &err);
        pg_note_unkept(pg);
        fail(pg, &err);
        break;
    }
    PQclear(result);
}

/* The sync has come: the request is over, or a ROLLBACK has to follow a failed one. */
static bool end_of_sync(struct pg *pg, bool *ret_done, struct pare_error *err)
{
    if ((pg->wrapped || pg->phase == PG_FEEDING) && pg->failed &&
        PQtransactionStatus(pg->conn) == PQTRANS_INERROR && pg->phase != PG_UNDOING) {
        pg->phase = PG_UNDOING;
        forget_slots(pg);
        if (!pg_queue(pg, "ROLLBACK") || !PQpipelineSync(pg->conn) || PQflush(pg->conn) < 0)
            return pg_connection_error(pg, "the connection was lost", err);
        return true;
    }
    pg->phase = PG_IDLE;
    if (!PQexitPipelineMode(pg->conn))
        return pg_connection_error(pg, "the connection was lost", err);
    *ret_done = true;
    return true;
}

/* All the results that are there, without waiting. */
static bool take_in(struct pg *pg, bool *ret_done, struct pare_error *err)
{
    *ret_done = pg->phase == PG_IDLE;
    if (*ret_done)
        return true;
    if (PQflush(pg->conn) < 0 || !PQconsumeInput(pg->conn))
        return pg_connection_error(pg, "the connection was lost", err);
    while (!PQisBusy(pg->conn)) {
        PGresult *result = PQgetResult(pg->conn);
        if (!result) {
            if (PQstatus(pg->conn) != CONNECTION_OK)
                return pg_connection_error(pg, "the connection was lost", err);
            if (pg->phase == PG_FEEDING)
                return true;
            pg->position++;
            struct pg_slot *slot = current_slot(pg);
            if (slot && slot->on_row)
                (void)!PQsetSingleRowMode(pg->conn);
            continue;
        }
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            if (!end_of_sync(pg, ret_done, err))
                return false;
            if (*ret_done)
                return true;
            continue;
        }
        take_result(pg, result);
        if (PQstatus(pg->conn) != CONNECTION_OK)
            return pg_connection_error(pg, "the connection was lost", err);
    }
    return true;
}

bool pg_advance(struct pg *pg, bool *ret_done, struct pare_error *err)
{
    bool done;
    if (!take_in(pg, &done, err))
        return false;
    *ret_done = done;
    if (done && pg->failed) {
        *err = pg->failure;
        return false;
    }
    return true;
}

bool pg_was_notified(struct pg *pg)
{
    bool was = false;
    for (PGnotify *one; (one = PQnotifies(pg->conn)) != NULL; was = true)
        PQfreemem(one);
    return was;
}

int pg_backend(const struct pg *pg)
{
    return PQbackendPID(pg->conn);
}

struct pg_rows *pg_take(struct pg *pg, size_t index)
{
    if (index >= pg->slot_count || !pg->slots[index].result)
        return NULL;
    struct pg_rows *rows = calloc(1, sizeof(*rows));
    if (!rows)
        return NULL;
    rows->result = pg->slots[index].result;
    pg->slots[index].result = NULL;
    return rows;
}

/* ---- waiting ---- */

static bool wait_socket(struct pg *pg, int *steps_after_cancel, struct pare_error *err)
{
    bool writing;
    struct pollfd fd = { .fd = pg_socket(pg, &writing) };
    fd.events = (short)(POLLIN | (writing ? POLLOUT : 0));
    if (poll(&fd, 1, POLL_STEP_MS) < 0 && errno != EINTR)
        return error_errno(err, "cannot wait for the server");
    if (pg->interrupt && *pg->interrupt && !pg->cancelled)
        pg_cancel(pg);
    if (pg->cancelled && !fd.revents && ++*steps_after_cancel > CANCEL_STEPS)
        return error_set(err, PARE_ERR_INTERRUPTED, "interrupted; the server did not answer");
    return true;
}

static bool wait_done(struct pg *pg, struct pare_error *err)
{
    int steps_after_cancel = 0;
    for (bool done = false;;) {
        if (!pg_advance(pg, &done, err))
            return false;
        if (done)
            return true;
        if (!wait_socket(pg, &steps_after_cancel, err))
            return false;
    }
}

static bool run(struct pg *pg, const char *begin, const struct pg_statement *statements,
                size_t count, struct pg_rows **ret_rows, struct pare_error *err)
{
    if (pg->interrupt && *pg->interrupt)
        return error_set(err, PARE_ERR_INTERRUPTED, "interrupted");
    bool kept = !pg->keeps_none;
    if (!start(pg, begin, statements, count, err))
        return false;
    if (!wait_done(pg, err)) {
        bool again = begin && kept && pg->keeps_none && pg_is_open(pg);
        return again && run(pg, begin, statements, count, ret_rows, err);
    }
    for (size_t i = 0; ret_rows && i < count; i++) {
        ret_rows[i] = statements[i].on_row ? NULL : pg_take(pg, i);
        if (!statements[i].on_row && !ret_rows[i])
            return error_no_memory(err, sizeof(struct pg_rows));
    }
    return true;
}

bool pg_run(struct pg *pg, bool write, const struct pg_statement *statements, size_t count,
            struct pg_rows **ret_rows, struct pare_error *err)
{
    return run(pg, begin_sql(pg, write), statements, count, ret_rows, err);
}

bool pg_read(struct pg *pg, const char *sql, const struct pg_arg *args, size_t arg_count,
             struct pg_rows **ret_rows, struct pare_error *err)
{
    struct pg_statement one = { .sql = sql, .args = args, .arg_count = arg_count };
    return run(pg, begin_sql(pg, false), &one, 1, ret_rows, err);
}

bool pg_write(struct pg *pg, const char *sql, const struct pg_arg *args, size_t arg_count,
              struct pg_rows **ret_rows, struct pare_error *err)
{
    struct pg_statement one = { .sql = sql, .args = args, .arg_count = arg_count };
    return run(pg, begin_sql(pg, true), &one, 1, ret_rows, err);
}

bool pg_query(struct pg *pg, const char *sql, const struct pg_arg *args, size_t arg_count,
              struct pg_rows **ret_rows, struct pare_error *err)
{
    struct pg_statement one = { .sql = sql, .args = args, .arg_count = arg_count };
    return run(pg, NULL, &one, 1, ret_rows, err);
}

bool pg_begin(struct pg *pg, bool write, struct pare_error *err)
{
    /* A process that is stopped here must not keep its locks: the server ends the session. */
    static const char timeout[] = "SET LOCAL idle_in_transaction_session_timeout = '10s'";
    const struct pg_statement both[] = { { .sql = begin_sql(pg, write) }, { .sql = timeout } };
    return run(pg, NULL, both, ARRAY_SIZE(both), NULL, err);
}

bool pg_commit(struct pg *pg, struct pare_error *err)
{
    return pg_query(pg, "COMMIT", PG_NO_ARGS, NULL, err);
}

void pg_rollback(struct pg *pg)
{
    struct pare_error ignored;
    if (!pg_is_open(pg))
        return;
    const volatile sig_atomic_t *interrupt = pg->interrupt;
    pg->interrupt = NULL; /* an interrupted transaction has to end too */
    if (pg->phase == PG_FEEDING) {
        pg->phase = PG_RUNNING;
        if (PQpipelineSync(pg->conn))
            (void)!wait_done(pg, &ignored);
    }
    char failure[sizeof(pg->sqlstate)]; /* which is what callers ask for, not the rollback's */
    memcpy(failure, pg->sqlstate, sizeof(failure));
    if (PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
        (void)!pg_query(pg, "ROLLBACK", PG_NO_ARGS, NULL, &ignored);
    memcpy(pg->sqlstate, failure, sizeof(failure));
    pg->interrupt = interrupt;
}

/* ---- scripts and feeds ---- */

bool pg_script(struct pg *pg, const char *sql, struct pare_error *err)
{
    forget_slots(pg);
    pg->failed = pg->cancelled = false;
    if (!PQsendQuery(pg->conn, sql))
        return pg_connection_error(pg, "the connection was lost", err);
    int steps_after_cancel = 0;
    for (;;) {
        if (PQflush(pg->conn) < 0 || !PQconsumeInput(pg->conn))
            return pg_connection_error(pg, "the connection was lost", err);
        if (PQisBusy(pg->conn)) {
            if (!wait_socket(pg, &steps_after_cancel, err))
                return false;
            continue;
        }
        PGresult *result = PQgetResult(pg->conn);
        if (!result)
            break;
        take_result(pg, result);
    }
    if (!pg->failed)
        return true;
    pg_rollback(pg);
    *err = pg->failure;
    return false;
}

bool pg_feed_begin(struct pg *pg, struct pare_error *err)
{
    if (!enter(pg, err) || !pg_queue(pg, begin_sql(pg, true)))
        return pg_connection_error(pg, "the connection was lost", err);
    pg->phase = PG_FEEDING;
    pg->fed = NULL;
    return true;
}

bool pg_feed(struct pg *pg, const char *sql, const struct pg_arg *args, size_t arg_count,
             struct pare_error *err)
{
    int steps_after_cancel = 0;
    bool done;
    struct pg_statement one = { .sql = sql, .args = args, .arg_count = arg_count };
    if (!pg_queue_again(pg, &one))
        return pg_connection_error(pg, "the connection was lost", err);
    while (PQflush(pg->conn) == 1 && !pg->failed) {
        if (!wait_socket(pg, &steps_after_cancel, err) || !take_in(pg, &done, err))
            return false;
    }
    if (pg->interrupt && *pg->interrupt)
        error_set(&pg->failure, PARE_ERR_INTERRUPTED, "interrupted");
    else if (!pg->failed)
        return true;
    *err = pg->failure;
    pg_rollback(pg);
    return false;
}

bool pg_feed_end(struct pg *pg, struct pare_error *err)
{
    if (!pg_queue(pg, "COMMIT") || !PQpipelineSync(pg->conn))
        return pg_connection_error(pg, "the connection was lost", err);
    pg->phase = PG_RUNNING;
    pg->wrapped = true; /* so that a failure is rolled back */
    return wait_done(pg, err);
}
