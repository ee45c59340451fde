/* SPDX-License-Identifier: MIT */
/* Versions as a sheet, under the keys of pare.versions; filtered and sorted as a person asked. */
#ifndef PARE_CLI_VERSIONS_H
#define PARE_CLI_VERSIONS_H

#include "cli/sheet.h"
#include "registry/catalog.h"

struct columns;
struct visit;

enum { VERSIONS_COLUMNS = 13 };

extern const struct sheet_column versions_columns[VERSIONS_COLUMNS];

/* Returns the cells of the row, for what comes after those. */
struct sheet_cell *versions_put(struct sheet *sheet, const struct version *version);

struct versions_query {
    const char *name;   /* one model, or NULL */
    const char *filter; /* or NULL */
    const char *goal;   /* or NULL */
    const char *sort;   /* or NULL: name, version */
    int64_t limit;      /* 0: all */
    bool with_json;
    const char *columns; /* to be shown, or NULL */
};

/* What holds, in order; pointers into the list, all in `arena`. `ret_columns` may be NULL. */
MUST_CHECK bool versions_get(const struct visit *visit, const struct versions_query *query,
                             struct arena *arena, const struct version ***ret_versions,
                             size_t *ret_count, struct columns *ret_columns,
                             struct pare_error *err);

/* Of a list ordered by name: the default of the model that versions[index] belongs to, or NULL. */
const struct version *versions_default(const struct catalog_list *list, size_t index);

#endif
