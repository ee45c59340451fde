/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "cli/versions.h"
#include "cli/visit.h"

static bool sort_key(const char *by, const char **ret_sort, struct pare_error *err)
{
    static const char *const keys[][2] = {
        { "latency", "latency" },
        { "size", "size" },
        { "accuracy", "accuracy:desc" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!strcmp(keys[i][0], by)) {
            *ret_sort = keys[i][1];
            return true;
        }
    }
    return error_set(err, PARE_ERR_USAGE, "--by %s: latency, size or accuracy was expected", by);
}

static double fact(const struct version *version, const char *by)
{
    return by[0] == 'l'   ? version->latency_ms
           : by[0] == 's' ? version->size_bytes
                          : version->accuracy;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    const char *by = cli_has(cli, "by") ? cli_option(cli, "by") : "latency";
    const struct version **versions;
    size_t count;
    struct sheet sheet;
    struct versions_query query = {
        .name = cli->operands[0], .filter = cli_option(cli, "where"), .limit = 1, .with_json = true
    };
    if (!sort_key(by, &query.sort, err) || !visit_open(cli, &visit, err) ||
        !versions_get(&visit, &query, &cli->arena, &versions, &count, NULL, err))
        return false;
    if (count == 0 && !query.filter) {
        struct version none;
        return catalog_find(&visit.registry, query.name, NULL, &cli->arena, &none, err);
    }
    if (count == 0 || isnan(fact(versions[0], by)))
        return error_set(err, PARE_ERR_NOT_FOUND, "no version of %s %s", query.name,
                         count ? "has that number; measure one first" : "fits --where");
    sheet_init(&sheet, &cli->arena, versions_columns, VERSIONS_COLUMNS);
    versions_put(&sheet, versions[0]);
    return sheet_print(&sheet, cli->format, err);
}

static const struct option_spec options[] = {
    { "by", "WHAT", "latency (the default), size or accuracy" },
    { "where", "EXPR", "only versions this filter holds for" },
    { NULL, NULL, NULL },
};

const struct command command_best = {
    .name = "best",
    .operands = "NAME",
    .summary = "the version of a model that is best by one number",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
