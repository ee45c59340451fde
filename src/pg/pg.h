/* SPDX-License-Identifier: MIT */
/*
 * The door to libpq: connect, run, stream, feed, cancel.
 *
 * A request is a list of statements that run in one transaction and cost one
 * round trip: BEGIN, the statements and COMMIT leave together in libpq's
 * pipeline. No state of the session that an answer depends on is ever set, so a
 * transaction-pooling proxy in between changes nothing; what is read only says so at BEGIN, and the
 * server enforces it.
 *
 * The blocking calls below are a loop around pg_start() and pg_advance(), which
 * an event loop uses by itself. One request at a time.
 */
#ifndef PARE_PG_PG_H
#define PARE_PG_PG_H

#include <signal.h>

#include "base/base.h"

struct pare_error;
struct pg;
struct pg_rows;

/* ---- a connection ---- */

struct pg_options {
    const char *conninfo; /* libpq's keywords or a URI; "" is libpq's own environment */
    bool read_only;       /* every transaction begins READ ONLY, writes included */
    int connect_seconds;  /* 0: 10 */
    const volatile sig_atomic_t
        *interrupt; /* nonzero asks the call under way to stop; may be NULL */
};

/* Wait for a connection. `interrupt` is kept by reference, the strings are copied. */
MUST_CHECK bool pg_open(const struct pg_options *options, struct pg **ret_pg,
                        struct pare_error *err);

/* Without waiting: start, then pg_connect_advance() whenever the socket is ready, until *ret_done. */
MUST_CHECK bool pg_connect_start(const struct pg_options *options, struct pg **ret_pg,
                                 struct pare_error *err);
MUST_CHECK bool pg_connect_advance(struct pg *pg, bool *ret_done, struct pare_error *err);

void pg_close(struct pg *pg); /* NULL is fine */

/* What to wait for: the socket, and whether for writing too (reading always). */
int pg_socket(const struct pg *pg, bool *ret_wants_write);

bool pg_is_open(const struct pg *pg);
int pg_server_version(const struct pg *pg); /* 150018 */

/* "user", "db", "host", "port" of the connection as libpq has it; "" when unknown. */
const char *pg_fact(const struct pg *pg, const char *which);

/* ---- statements ---- */

enum pg_kind {
    PG_KIND_NULL,
    PG_KIND_TEXT,
    PG_KIND_BYTES,
    PG_KIND_INT,
    PG_KIND_NUMBER,
    PG_KIND_BOOL
};

struct pg_arg {
    enum pg_kind kind;
    const void *bytes; /* of text (zero-terminated) and bytes; read until the request has started */
    size_t length;     /* of bytes */
    int64_t integer;   /* of int and bool */
    double number;
};

#define PG_NULL ((struct pg_arg){ .kind = PG_KIND_NULL })
/* NULL text is SQL's NULL. */
#define PG_TEXT(s) ((struct pg_arg){ .kind = PG_KIND_TEXT, .bytes = (s) })
#define PG_BYTES(p, n) ((struct pg_arg){ .kind = PG_KIND_BYTES, .bytes = (p), .length = (n) })
#define PG_INT(i) ((struct pg_arg){ .kind = PG_KIND_INT, .integer = (i) })
#define PG_NUMBER(d) ((struct pg_arg){ .kind = PG_KIND_NUMBER, .number = (d) })
#define PG_BOOL(b) ((struct pg_arg){ .kind = PG_KIND_BOOL, .integer = (b) })
#define PG_ARGS(...)                                                                               \
    (const struct pg_arg[]){ __VA_ARGS__ },                                                        \
        sizeof((const struct pg_arg[]){ __VA_ARGS__ }) / sizeof(struct pg_arg)
#define PG_NO_ARGS NULL, 0

enum { PG_ARGS_MAX = 24, PG_STATEMENTS_MAX = 16 };

/* Called for each row as it arrives; `rows` holds that one row (0) and dies after the call. */
typedef bool pg_row_fn(void *data, const struct pg_rows *rows, struct pare_error *err);

struct pg_statement {
    const char *sql; /* one statement, $1... for the arguments */
    const struct pg_arg *args;
    size_t arg_count;
    bool binary; /* results in binary form: for bytea, whose bytes pg_bytes() then gives */
    bool kept;   /* asked again and again: the server keeps it, parsed. Known by `sql`'s address,
                          with arguments of the same kinds each time; not beside an on_row */
    pg_row_fn *on_row; /* NULL: rows are collected and given by pg_take() */
    void *data;        /* for on_row */
};

/* ---- blocking ---- */

/* Run in one read-only transaction, one round trip. The caller frees *ret_rows with pg_rows_free. */
MUST_CHECK bool pg_read(struct pg *pg, const char *sql, const struct pg_arg *args, size_t arg_count,
                        struct pg_rows **ret_rows, struct pare_error *err);

/* The same, able to write. ret_rows may be NULL. */
MUST_CHECK bool pg_write(struct pg *pg, const char *sql, const struct pg_arg *args,
                         size_t arg_count, struct pg_rows **ret_rows, struct pare_error *err);

/* Several statements, one transaction, one round trip; ret_rows[i] of each without on_row. */
MUST_CHECK bool pg_run(struct pg *pg, bool write, const struct pg_statement *statements,
                       size_t count, struct pg_rows **ret_rows, struct pare_error *err);

/*
 * SQL text of several commands, sent as one simple query, outside any transaction
 * of ours: for migrations, which carry their own BEGIN and COMMIT.
 */
MUST_CHECK bool pg_script(struct pg *pg, const char *sql, struct pare_error *err);

/*
 * A transaction over several round trips: begin, pg_query()..., then commit or roll back. Between
 * two calls at most ten seconds may pass: then the server ends the session, so that a process that
 * was stopped in the middle keeps no lock.
 */
MUST_CHECK bool pg_begin(struct pg *pg, bool write, struct pare_error *err);
MUST_CHECK bool pg_query(struct pg *pg, const char *sql, const struct pg_arg *args,
                         size_t arg_count, struct pg_rows **ret_rows, struct pare_error *err);
MUST_CHECK bool pg_commit(struct pg *pg, struct pare_error *err);
void pg_rollback(struct pg *pg); /* harmless when there is no transaction */

/*
 * A stream of writes that never waits for the answer of one: begin, feed the same or other
 * statements with their bytes, end. One transaction; the first failure shows at a later feed
 * or at the end, and nothing of it stays. At most one statement's bytes are held here. What is
 * fed several times in a row, by the same address and with arguments of the same kinds, is parsed
 * by the server once: feed what is alike together.
 */
MUST_CHECK bool pg_feed_begin(struct pg *pg, struct pare_error *err);
MUST_CHECK bool pg_feed(struct pg *pg, const char *sql, const struct pg_arg *args, size_t arg_count,
                        struct pare_error *err);
MUST_CHECK bool pg_feed_end(struct pg *pg, struct pare_error *err);

/* ---- for an event loop ---- */

/* Queue a request: nothing is waited for, the arguments are copied. */
MUST_CHECK bool pg_start(struct pg *pg, bool write, const struct pg_statement *statements,
                         size_t count, struct pare_error *err);

/* Take in what has come. False is the request's failure; the connection may live on (pg_is_open). */
MUST_CHECK bool pg_advance(struct pg *pg, bool *ret_done, struct pare_error *err);

/*
 * Whether the server has sent a notification since the last call, as pg_advance() took it in. LISTEN
 * means something only where no pooler stands between: there the process that answers, asked for its
 * number, is the one that the connection was made to.
 */
bool pg_was_notified(struct pg *pg);
int pg_backend(const struct pg *pg);

/* The rows of statement `index` of the finished request; the caller's now. */
struct pg_rows *pg_take(struct pg *pg, size_t index);

/* From now on another flag asks calls to stop; NULL: none. For what has to be done all the same. */
void pg_set_interrupt(struct pg *pg, const volatile sig_atomic_t *interrupt);

/* Ask the server to stop what runs, from another connection; may take a moment. */
void pg_cancel(struct pg *pg);

/* ---- rows ---- */

void pg_rows_free(struct pg_rows *rows);
/* CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL */
void pg_rows_cleanup(struct pg_rows **rows);

int pg_row_count(const struct pg_rows *rows);
/* To see that an answer is the same as before: all cells, worked into `hash` (FNV-1a). */
uint64_t pg_rows_hash(const struct pg_rows *rows, uint64_t hash);
int64_t pg_affected(const struct pg_rows *rows); /* of INSERT, UPDATE, DELETE */
bool pg_null(const struct pg_rows *rows, int row, int column);
/* Zero-terminated, as the server wrote it (uncleaned); NULL for SQL's NULL. Lives with the rows. */
const char *pg_text(const struct pg_rows *rows, int row, int column);
int64_t pg_int(const struct pg_rows *rows, int row, int column);   /* 0 for NULL */
double pg_number(const struct pg_rows *rows, int row, int column); /* NAN for NULL */
bool pg_bool(const struct pg_rows *rows, int row, int column);     /* false for NULL */
/* The bytes of a binary result's bytea column. */
const void *pg_bytes(const struct pg_rows *rows, int row, int column, size_t *ret_length);

/* ---- failures ---- */

/* The five letters of the last failure, "23505"; "" when it was not the server's. */
const char *pg_sqlstate(const struct pg *pg);

#endif
