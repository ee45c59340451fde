/* SPDX-License-Identifier: MIT */
/* Statements and their arguments on the way into libpq's pipeline. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pg/state.h"

enum { DIGITS = 32 };

/* Types by number, so that the server need not guess: pg_type.dat of PostgreSQL. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_FLOAT8 = 701 };

/* ---- a statement ---- */

/* Arguments as libpq wants them. */
struct wire_args {
    Oid types[PG_ARGS_MAX];
    const char *values[PG_ARGS_MAX];
    int lengths[PG_ARGS_MAX], formats[PG_ARGS_MAX];
    char digits[PG_ARGS_MAX][DIGITS];
};

static void put_arg(struct wire_args *to, size_t i, const struct pg_arg *arg)
{
    to->types[i] = 0;
    to->lengths[i] = 0;
    to->formats[i] = 0;
    to->values[i] = to->digits[i];
    switch (arg->kind) {
    case PG_KIND_NULL:
        to->values[i] = NULL;
        break;
    case PG_KIND_TEXT:
        to->values[i] = arg->bytes;
        break;
    case PG_KIND_BYTES:
        to->types[i] = OID_BYTEA;
        to->values[i] = arg->bytes ? arg->bytes : "";
        to->lengths[i] = (int)arg->length;
        to->formats[i] = 1;
        break;
    case PG_KIND_INT:
        to->types[i] = OID_INT8;
        snprintf(to->digits[i], DIGITS, "%" PRId64, arg->integer);
        break;
    case PG_KIND_NUMBER:
        to->types[i] = OID_FLOAT8;
        text_number(arg->number, to->digits[i], DIGITS);
        break;
    case PG_KIND_BOOL:
        to->types[i] = OID_BOOL;
        snprintf(to->digits[i], DIGITS, "%s", arg->integer ? "t" : "f");
        break;
    }
}

/* Queue one statement in libpq's pipeline, by its name when the server keeps it; libpq copies all. */
static bool send_statement(struct pg *pg, const struct pg_statement *statement, const char *name)
{
    struct wire_args a;
    int count = (int)statement->arg_count;
    if (statement->arg_count > PG_ARGS_MAX)
        abort();
    for (int i = 0; i < count; i++)
        put_arg(&a, (size_t)i, &statement->args[i]);
    if (name)
        return PQsendQueryPrepared(pg->conn, name, count, a.values, a.lengths, a.formats,
                                   statement->binary) == 1;
    return PQsendQueryParams(pg->conn, statement->sql, count, a.types, a.values, a.lengths,
                             a.formats, statement->binary) == 1;
}

bool pg_queue(struct pg *pg, const char *sql)
{
    return send_statement(pg, &(struct pg_statement){ .sql = sql }, NULL);
}

/* ---- statements that the server keeps ---- */

/*
 * A name that says the SQL (its FNV-1a hash): behind a pooler another program of ours may have left
 * its own statements.
 */
static void name_kept(const char *sql, char ret_name[DIGITS])
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *sql; sql++)
        h = (h ^ (unsigned char)*sql) * UINT64_C(0x100000001b3);
    snprintf(ret_name, DIGITS, "pare_%016" PRIx64, h);
}

/* Whether it is kept, or will be once this request's own are. */
static bool is_kept(const struct pg *pg, const char *sql)
{
    for (size_t i = 0; i < pg->kept_count + pg->keeping_count; i++)
        if (pg->kept[i] == sql)
            return true;
    return false;
}

bool pg_queue_kept(struct pg *pg, const struct pg_statement *statements, size_t count)
{
    char name[DIGITS];
    for (size_t i = 0; i < count; i++) {
        size_t at = pg->kept_count + pg->keeping_count;
        struct wire_args a;
        if (!statements[i].kept || pg->keeps_none || at == PG_STATEMENTS_MAX ||
            is_kept(pg, statements[i].sql))
            continue;
        for (size_t k = 0; k < statements[i].arg_count; k++)
            put_arg(&a, k, &statements[i].args[k]);
        name_kept(statements[i].sql, name);
        if (!PQsendPrepare(pg->conn, name, statements[i].sql, (int)statements[i].arg_count,
                           a.types))
            return false;
        pg->kept[at] = statements[i].sql;
        pg->keeping_count++;
    }
    return true;
}

/*
 * The unnamed statement lives until the next is parsed, and a transaction stays on one server
 * connection behind any pooler. From the sixth time on the server no longer plans it, and a plan
 * holds copies of its arguments.
 */
bool pg_queue_again(struct pg *pg, const struct pg_statement *statement)
{
    bool again = pg->fed == statement->sql;
    pg->fed = statement->sql;
    return send_statement(pg, statement, again ? "" : NULL);
}

bool pg_queue_statement(struct pg *pg, const struct pg_statement *statement)
{
    char name[DIGITS];
    bool kept = statement->kept && is_kept(pg, statement->sql);
    if (kept)
        name_kept(statement->sql, name);
    return send_statement(pg, statement, kept ? name : NULL);
}

void pg_note_kept(struct pg *pg)
{
    if (pg->position < pg->first_slot && pg->position + pg->keeping_count >= pg->first_slot)
        pg->kept_count++;
}

void pg_note_unkept(struct pg *pg)
{
    /* Gone, taken, of other arguments, of other results. */
    static const char *const states[] = { "26000", "42P05", "08P01", "0A000" };
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (!strcmp(pg->sqlstate, states[i])) {
            pg->keeps_none = true;
            pg->kept_count = pg->keeping_count = 0;
        }
}
