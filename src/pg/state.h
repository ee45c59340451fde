/* SPDX-License-Identifier: MIT */
/*
 * What connect.c, request.c and rows.c share: the inside of struct pg.
 *
 * A request is a row of positions in libpq's pipeline: BEGIN, the statements,
 * COMMIT, then the sync. Positions are counted as their results end.
 */
#ifndef PARE_PG_STATE_H
#define PARE_PG_STATE_H

#include <libpq-fe.h>

#include "base/error.h"
#include "pg/pg.h"

struct pg_slot {
    pg_row_fn *on_row;
    void *data;
    PGresult *result; /* collected, until taken */
};

enum pg_phase {
    PG_IDLE,
    PG_CONNECTING,
    PG_RUNNING, /* all of a request is queued, up to its sync */
    PG_FEEDING, /* a pipeline without its sync yet */
    PG_UNDOING, /* the ROLLBACK after a failed request */
};

struct pg {
    PGconn *conn;
    char *conninfo; /* "" for libpq's own environment */
    bool raw;       /* bytes as they are stored, see connect.c */
    bool read_only;
    int connect_seconds;
    const volatile sig_atomic_t *interrupt;
    PostgresPollingStatusType polling; /* while connecting */
    enum pg_phase phase;

    struct pg_slot slots[PG_STATEMENTS_MAX];
    size_t slot_count;
    size_t first_slot; /* the position of slot 0: 1 after a BEGIN, else 0 */
    size_t position;   /* of the result that comes next */
    bool failed, cancelled;
    struct pare_error failure; /* the first one of the request */
    char sqlstate[6];
};

struct pg_rows {
    PGresult *result;
    bool borrowed; /* on_row's: the request frees the result */
};

/* The words of a failed result, and the code that its SQLSTATE stands for. Always false. */
bool pg_result_error(struct pg *pg, const PGresult *result, struct pare_error *err);

/* The words of a broken connection. Always false. */
bool pg_connection_error(struct pg *pg, const char *doing, struct pare_error *err);

#endif
