/* SPDX-License-Identifier: MIT */
/*
 * The columns of `pare list` as a person asked for them: fields and JSON paths, under the words
 * they were asked by.
 */
#ifndef PARE_CLI_COLUMNS_H
#define PARE_CLI_COLUMNS_H

#include "cli/sheet.h"
#include "registry/field.h"

struct columns {
    struct field fields[SHEET_COLUMNS_MAX];
    struct sheet_column sheet[SHEET_COLUMNS_MAX];
    size_t count;
};

/* "name,version,lat,metrics.f1"; the JSON paths are collected like those of a filter. */
MUST_CHECK bool columns_parse(const char *text, struct field_paths *paths, struct arena *arena,
                              struct columns *ret_columns, struct pare_error *err);

/* Judge by these rows which JSON columns hold numbers, and make `sheet` of them. */
void columns_begin(struct columns *columns, const struct version *const *versions, size_t count,
                   struct arena *arena, struct sheet *sheet);
/* Returns the cells of the row, for what comes after those. */
struct sheet_cell *columns_put(const struct columns *columns, struct sheet *sheet,
                               const struct version *version);

#endif
