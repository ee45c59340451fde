/* SPDX-License-Identifier: MIT */
/* Versions as a sheet, under the keys of pare.versions; filtered and sorted as a person asked. */
#ifndef PARE_CLI_VERSIONS_H
#define PARE_CLI_VERSIONS_H

#include "cli/sheet.h"
#include "registry/catalog.h"

struct visit;

enum { VERSIONS_COLUMNS = 13 };

extern const struct sheet_column versions_columns[VERSIONS_COLUMNS];

void versions_put(struct sheet *sheet, const struct version *version);

struct versions_query {
    const char *name;   /* one model, or NULL */
    const char *filter; /* or NULL */
    const char *sort;   /* or NULL: name, version */
    int64_t limit;      /* 0: all */
    bool with_json;
};

/* What holds, in order; pointers into the list, all in `arena`. */
MUST_CHECK bool versions_get(const struct visit *visit, const struct versions_query *query,
                             struct arena *arena, const struct version ***ret_versions,
                             size_t *ret_count, struct pare_error *err);

/* Of a list ordered by name: the default of the model that versions[index] belongs to, or NULL. */
const struct version *versions_default(const struct catalog_list *list, size_t index);

#endif
