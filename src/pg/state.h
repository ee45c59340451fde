/* SPDX-License-Identifier: MIT */
/*
 * What connect.c, send.c, request.c and rows.c share: the inside of struct pg.
 *
 * A request is a row of positions in libpq's pipeline: BEGIN, what the server is
 * to keep, the statements, COMMIT, then the sync. Positions are counted as their
 * results end.
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
    size_t first_slot; /* the position of slot 0, after BEGIN and what is to be kept */
    size_t position;   /* of the result that comes next */
    bool wrapped;      /* in BEGIN and COMMIT of its own */
    bool failed, cancelled;
    struct pare_error failure; /* the first one of the request */
    char sqlstate[6];

    /* SQL that the server keeps under a name, and behind it what this request gives it. */
    const char *kept[PG_STATEMENTS_MAX];
    size_t kept_count, keeping_count;
    const char *fed; /* what the feed under way has sent last */
    bool keeps_none; /* a pooler stands between, for which names mean nothing */
};

struct pg_rows {
    PGresult *result;
    bool borrowed; /* on_row's: the request frees the result */
};

/* Queue what needs no arguments; a statement; those of a request that are yet to be kept. */
MUST_CHECK bool pg_queue(struct pg *pg, const char *sql);
MUST_CHECK bool pg_queue_statement(struct pg *pg, const struct pg_statement *statement);
/* In a feed: what is the same as the last (by `sql`'s address) is not parsed again. */
MUST_CHECK bool pg_queue_again(struct pg *pg, const struct pg_statement *statement);
MUST_CHECK bool pg_queue_kept(struct pg *pg, const struct pg_statement *statements, size_t count);
/* A command has been done at this position: it may be that the server keeps one more. */
void pg_note_kept(struct pg *pg);
/* A failure: it may be that the server knows no names, and none are used from then on. */
void pg_note_unkept(struct pg *pg);

/* The words of a failed result, and the code that its SQLSTATE stands for. Always false. */
bool pg_result_error(struct pg *pg, const PGresult *result, struct pare_error *err);

/* The words of a broken connection. Always false. */
bool pg_connection_error(struct pg *pg, const char *doing, struct pare_error *err);

#endif
