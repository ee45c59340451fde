/* SPDX-License-Identifier: MIT */
#include "cli/versions.h"
#include "cli/visit.h"

/* An unknown model is not found, whatever the filter. */
static bool is_there(struct cli *cli, const struct visit *visit, const char *name,
                     struct pare_error *err)
{
    const struct versions_query any = { .name = name, .limit = 1 };
    const struct version **versions;
    struct version none;
    size_t count;
    if (!versions_get(visit, &any, &cli->arena, &versions, &count, err))
        return false;
    return count > 0 || catalog_find(&visit->registry, name, NULL, &cli->arena, &none, err);
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct sheet sheet;
    const struct version **versions;
    size_t count;
    struct versions_query query = {
        .name = cli->operand_count ? cli->operands[0] : NULL,
        .filter = cli_option(cli, "filter"),
        .sort = cli_option(cli, "sort"),
        .with_json = cli->format != CLI_TABLE && cli->format != CLI_MD,
    };
    if (!cli_number(cli, "limit", 1, 0, &query.limit, err) || !visit_open(cli, &visit, err) ||
        !versions_get(&visit, &query, &cli->arena, &versions, &count, err))
        return false;
    if (count == 0 && query.name && !is_there(cli, &visit, query.name, err))
        return false;
    sheet_init(&sheet, &cli->arena, versions_columns, VERSIONS_COLUMNS);
    for (size_t i = 0; i < count; i++)
        versions_put(&sheet, versions[i]);
    if (count == 0 && cli->format == CLI_TABLE) {
        cli_say(query.filter ? "no version fits the filter"
                             : "no versions yet; see: pare import "
                               "--help");
        return true;
    }
    return sheet_print(&sheet, cli->format, err);
}

static const struct option_spec options[] = {
    { "filter", "EXPR", "such as: name~bert opt=int8,int4 lat<20 metrics.f1>=.8" },
    { "sort", "KEY,...", "such as: size:desc,accuracy" },
    { "limit", "N", "at most so many" },
    { NULL, NULL, NULL },
};

const struct command command_list = {
    .name = "list",
    .operands = "[NAME]",
    .summary = "versions with size, latency and accuracy",
    .options = options,
    .operands_max = 1,
    .run = run,
};
