/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pg/state.h"

void pg_rows_free(struct pg_rows *rows)
{
    if (!rows)
        return;
    if (!rows->borrowed)
        PQclear(rows->result);
    free(rows);
}

void pg_rows_cleanup(struct pg_rows **rows)
{
    pg_rows_free(*rows);
}

int pg_row_count(const struct pg_rows *rows)
{
    return PQntuples(rows->result);
}

uint64_t pg_rows_hash(const struct pg_rows *rows, uint64_t hash)
{
    for (int row = 0; row < PQntuples(rows->result); row++) {
        for (int column = 0; column < PQnfields(rows->result); column++) {
            const char *bytes = PQgetvalue(rows->result, row, column);
            int length = PQgetlength(rows->result, row, column);
            for (int i = 0; i < length; i++)
                hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
            hash = (hash ^ (256U + (unsigned)PQgetisnull(rows->result, row, column))) *
                   0x100000001b3ULL;
        }
    }
    return hash;
}

int64_t pg_affected(const struct pg_rows *rows)
{
    int64_t count;
    return text_to_int64(PQcmdTuples(rows->result), &count) ? count : 0;
}

bool pg_null(const struct pg_rows *rows, int row, int column)
{
    return PQgetisnull(rows->result, row, column);
}

const char *pg_text(const struct pg_rows *rows, int row, int column)
{
    return pg_null(rows, row, column) ? NULL : PQgetvalue(rows->result, row, column);
}

int64_t pg_int(const struct pg_rows *rows, int row, int column)
{
    int64_t value;
    const char *text = pg_text(rows, row, column);
    return text && text_to_int64(text, &value) ? value : 0;
}

double pg_number(const struct pg_rows *rows, int row, int column)
{
    double value;
    const char *text = pg_text(rows, row, column);
    return text && text_to_double(text, &value) ? value : NAN;
}

bool pg_bool(const struct pg_rows *rows, int row, int column)
{
    const char *text = pg_text(rows, row, column);
    return text && text[0] == 't';
}

const void *pg_bytes(const struct pg_rows *rows, int row, int column, size_t *ret_length)
{
    *ret_length = (size_t)PQgetlength(rows->result, row, column);
    return PQgetvalue(rows->result, row, column);
}

/* What a refusal of the server means to the person at the keyboard. */
static enum pare_error_code code_of(const char *sqlstate, bool cancelled)
{
    static const struct {
        const char *start;
        enum pare_error_code code;
    } meanings[] = {
        { "25006", PARE_ERR_REFUSED },     /* read-only transaction */
        { "42501", PARE_ERR_REFUSED },     /* insufficient privilege */
        { "28", PARE_ERR_NO_DATABASE },    /* authorization */
        { "3D", PARE_ERR_NO_DATABASE },    /* no such database */
        { "08", PARE_ERR_NO_DATABASE },    /* connection */
        { "57P", PARE_ERR_NO_DATABASE },   /* shutdown, starting up, terminated */
        { "53300", PARE_ERR_NO_DATABASE }, /* too many connections */
    };
    if (cancelled && !strcmp(sqlstate, "57014"))
        return PARE_ERR_INTERRUPTED;
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
        if (!strncmp(sqlstate, meanings[i].start, strlen(meanings[i].start)))
            return meanings[i].code;
    return PARE_ERR_FAILED;
}

bool pg_result_error(struct pg *pg, const PGresult *result, struct pare_error *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (!primary || !sqlstate)
        return pg_connection_error(pg, "the connection was lost", err);
    snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate);
    error_set(err, code_of(sqlstate, pg->cancelled), "%s%s%s%s%s%s", primary, detail ? " (" : "",
              detail ? detail : "", detail ? ")" : "", hint ? "; " : "", hint ? hint : "");
    if (err->code == PARE_ERR_INTERRUPTED)
        error_set(err, PARE_ERR_INTERRUPTED, "interrupted");
    return false;
}
