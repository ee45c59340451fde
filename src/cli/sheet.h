/* SPDX-License-Identifier: MIT */
/*
 * A table on its way out: for people (table, md) as words with units, for programs
 * (json, csv, tsv) as the plain values under the same keys.
 */
#ifndef PARE_CLI_SHEET_H
#define PARE_CLI_SHEET_H

#include "cli/command.h"

enum sheet_kind {
    SHEET_TEXT,
    SHEET_NUMBER, /* right-aligned; a JSON number */
    SHEET_BOOL,   /* "true" or "false" */
    SHEET_JSON,   /* JSON text, not shown to people */
};

struct sheet_column {
    const char *key;   /* of programs */
    const char *title; /* of people; NULL: not shown to them */
    enum sheet_kind kind;
};

struct sheet_cell {
    const char *value; /* NULL: absent */
    const char *shown; /* for people; NULL: the value */
    bool is_word;      /* a word in a column of numbers */
};

enum { SHEET_COLUMNS_MAX = 32 };

struct sheet {
    struct arena *arena; /* the caller's; cells live in it */
    const struct sheet_column *columns;
    size_t column_count;
    struct sheet_row *first, *last;
    size_t row_count;
    bool no_memory;
};

void sheet_init(struct sheet *sheet, struct arena *arena, const struct sheet_column *columns,
                size_t column_count);

/* A new row of absent cells. Never NULL: without memory a spare row that is never printed. */
struct sheet_cell *sheet_row(struct sheet *sheet);

/* Cells, in the sheet's arena. NAN is absent. */
struct sheet_cell sheet_text(const char *text);
struct sheet_cell sheet_integer(struct sheet *sheet, int64_t value);
struct sheet_cell sheet_bool(bool value, const char *shown_true);
/* A number and how people read it; `shown` may be NULL. */
struct sheet_cell sheet_number(struct sheet *sheet, double value, const char *shown);

/* A document of a row, with no byte in it that could steer a terminal. */
struct sheet_cell sheet_json(struct sheet *sheet, const char *json);

/* An ISO time. */
struct sheet_cell sheet_time(struct sheet *sheet, const char *iso);

/* Ways to show a fact, in the sheet's arena: NULL when absent. */
const char *sheet_size(struct sheet *sheet, double bytes);     /* 3.16 MB */
const char *sheet_latency(struct sheet *sheet, double ms);     /* 3.52 ms */
const char *sheet_accuracy(struct sheet *sheet, double share); /* 0.9499 */
const char *sheet_when(struct sheet *sheet, const char *iso);  /* 2026-03-01 12:00 */

/* Print all of it on stdout. */
MUST_CHECK bool sheet_print(const struct sheet *sheet, enum cli_format format,
                            struct pare_error *err);

#endif
