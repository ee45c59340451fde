/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pg/state.h"

enum { CONNECT_SECONDS = 10, POLL_STEP_MS = 200 };

static void ignore_notice(void *data, const PGresult *result)
{
    (void)data;
    (void)result;
}

/* libpq ends its sentences with a newline and may put several in one: make it one line. */
static void one_line(const char *message, char *to, size_t room)
{
    size_t used = 0;
    for (const char *p = message; *p && used + 1 < room; p++) {
        if (*p != '\n' && *p != '\t')
            to[used++] = *p;
        else if (used > 0 && to[used - 1] != ' ')
            to[used++] = ' ';
    }
    while (used > 0 && to[used - 1] == ' ')
        used--;
    to[used] = '\0';
}

bool pg_connection_error(struct pg *pg, const char *doing, struct pare_error *err)
{
    char words[PARE_ERROR_TEXT_MAX - 64];
    one_line(PQerrorMessage(pg->conn), words, sizeof(words));
    return error_set(err, PARE_ERR_NO_DATABASE, "%s: %s", doing,
                     words[0] ? words : "the connection is gone");
}

/*
 * The encoding is a start parameter, so that it holds behind a pooler. Text comes as UTF-8, except
 * from an SQL_ASCII database: there the server knows no encoding to convert from and would fail a
 * statement over one byte that is no UTF-8, so bytes are taken as they are, to be cleaned here.
 */
static bool start(struct pg *pg, struct pare_error *err)
{
    bool given = *pg->conninfo;
    const char *keys[] = { given ? "dbname" : "fallback_application_name",
                           "fallback_application_name", "client_encoding", NULL };
    const char *values[] = { given ? pg->conninfo : "pare", "pare", pg->raw ? "SQL_ASCII" : "UTF8",
                             NULL };
    pg->conn = PQconnectStartParams(keys, values, 1);
    if (!pg->conn)
        return error_no_memory(err, 0);
    if (PQstatus(pg->conn) == CONNECTION_BAD)
        return pg_connection_error(pg, "no database", err);
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    pg->phase = PG_CONNECTING;
    pg->polling = PGRES_POLLING_WRITING;
    return true;
}

bool pg_connect_start(const struct pg_options *options, struct pg **ret_pg, struct pare_error *err)
{
    struct pg *pg = calloc(1, sizeof(*pg));
    if (!pg)
        return error_no_memory(err, sizeof(*pg));
    pg->conninfo = strdup(options->conninfo ? options->conninfo : "");
    pg->read_only = options->read_only;
    pg->connect_seconds = options->connect_seconds ? options->connect_seconds : CONNECT_SECONDS;
    pg->interrupt = options->interrupt;
    if (!(pg->conninfo ? start(pg, err) : error_no_memory(err, 1))) {
        pg_close(pg);
        return false;
    }
    *ret_pg = pg;
    return true;
}

/* The database has no encoding, and the connection asked for one. */
static bool wants_raw(const struct pg *pg)
{
    const char *server = PQparameterStatus(pg->conn, "server_encoding");
    return !pg->raw && server && !strcmp(server, "SQL_ASCII");
}

bool pg_connect_advance(struct pg *pg, bool *ret_done, struct pare_error *err)
{
    pg->polling = PQconnectPoll(pg->conn);
    if (pg->polling == PGRES_POLLING_FAILED)
        return pg_connection_error(pg, "no database", err);
    *ret_done = pg->polling == PGRES_POLLING_OK;
    if (*ret_done && wants_raw(pg)) {
        PQfinish(pg->conn);
        pg->raw = true;
        *ret_done = false;
        return start(pg, err);
    }
    if (*ret_done) {
        pg->phase = PG_IDLE;
        if (PQsetnonblocking(pg->conn, 1) != 0)
            return pg_connection_error(pg, "no database", err);
    }
    return true;
}

static bool wait_connected(struct pg *pg, struct pare_error *err)
{
    int64_t deadline_ms = clock_now_ms() + (int64_t)pg->connect_seconds * 1000;
    for (bool done = false; !done;) {
        if (pg->interrupt && *pg->interrupt)
            return error_set(err, PARE_ERR_INTERRUPTED, "interrupted");
        int64_t left_ms = deadline_ms - clock_now_ms();
        if (left_ms <= 0)
            return error_set(err, PARE_ERR_NO_DATABASE,
                             "no database: the server did not answer within %d seconds",
                             pg->connect_seconds);
        bool writing;
        struct pollfd fd = { .fd = pg_socket(pg, &writing) };
        fd.events = writing ? POLLOUT : POLLIN;
        if (poll(&fd, 1, (int)MIN(left_ms, POLL_STEP_MS)) > 0 &&
            !pg_connect_advance(pg, &done, err))
            return false;
    }
    return true;
}

bool pg_open(const struct pg_options *options, struct pg **ret_pg, struct pare_error *err)
{
    struct pg *pg;
    if (!pg_connect_start(options, &pg, err))
        return false;
    if (!wait_connected(pg, err)) {
        pg_close(pg);
        return false;
    }
    *ret_pg = pg;
    return true;
}

void pg_close(struct pg *pg)
{
    if (!pg)
        return;
    for (size_t i = 0; i < pg->slot_count; i++)
        PQclear(pg->slots[i].result);
    PQfinish(pg->conn);
    free(pg->conninfo);
    free(pg);
}

int pg_socket(const struct pg *pg, bool *ret_wants_write)
{
    if (pg->phase == PG_CONNECTING)
        *ret_wants_write = pg->polling == PGRES_POLLING_WRITING;
    else
        *ret_wants_write = PQflush(pg->conn) == 1;
    return PQsocket(pg->conn);
}

bool pg_is_open(const struct pg *pg)
{
    return pg && pg->phase != PG_CONNECTING && PQstatus(pg->conn) == CONNECTION_OK;
}

int pg_server_version(const struct pg *pg)
{
    return PQserverVersion(pg->conn);
}

const char *pg_fact(const struct pg *pg, const char *which)
{
    const char *fact = !strcmp(which, "user")   ? PQuser(pg->conn)
                       : !strcmp(which, "db")   ? PQdb(pg->conn)
                       : !strcmp(which, "host") ? PQhost(pg->conn)
                       : !strcmp(which, "port") ? PQport(pg->conn)
                                                : NULL;
    return fact ? fact : "";
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}

void pg_set_interrupt(struct pg *pg, const volatile sig_atomic_t *interrupt)
{
    pg->interrupt = interrupt;
}

void pg_cancel(struct pg *pg)
{
    char words[256];
    PGcancel *cancel = PQgetCancel(pg->conn);
    if (cancel)
        PQcancel(cancel, words, sizeof(words));
    PQfreeCancel(cancel);
    pg->cancelled = true;
}
