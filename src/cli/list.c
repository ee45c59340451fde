/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "cli/columns.h"
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
    if (!versions_get(visit, &any, &cli->arena, &versions, &count, NULL, err))
        return false;
    return count > 0 || catalog_find(&visit->registry, name, NULL, &cli->arena, &none, err);
}

enum { COLUMNS_MAX = VERSIONS_COLUMNS + 1 };

/* Those of pare.versions, and a goal's. */
static void begin_usual(struct sheet *sheet, struct arena *arena, bool goal,
                        struct sheet_column to[COLUMNS_MAX])
{
    memcpy(to, versions_columns, sizeof(versions_columns));
    to[VERSIONS_COLUMNS] = (struct sheet_column){ "goal", "goal", SHEET_TEXT };
    sheet_init(sheet, arena, to, VERSIONS_COLUMNS + goal);
}

static void put_usual(struct sheet *sheet, const struct version *version, bool goal)
{
    struct sheet_cell *cells = versions_put(sheet, version);
    if (goal)
        cells[VERSIONS_COLUMNS] = sheet_text(field_goal_word(version->goal));
}

/* The columns asked for, or those of pare.versions; `usual` has room for those. */
static void fill(struct sheet *sheet, struct arena *arena, struct columns *columns,
                 struct sheet_column *usual, bool goal, const struct version *const *versions,
                 size_t count)
{
    if (columns->count > 0)
        columns_begin(columns, versions, count, arena, sheet);
    else
        begin_usual(sheet, arena, goal, usual);
    for (size_t i = 0; i < count; i++) {
        if (columns->count > 0)
            columns_put(columns, sheet, versions[i]);
        else
            put_usual(sheet, versions[i], goal);
    }
}

/* A goal has its column, if not where one was asked for then as the last. */
static bool columns_wanted(struct cli *cli, const char **ret_columns, struct pare_error *err)
{
    const char *columns = cli_option(cli, "columns"), *goal = cli_option(cli, "goal");
    struct buf buf;
    *ret_columns = columns;
    if (!columns || !goal || !*goal)
        return true;
    for (const char *at = columns; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == 4 && !strncmp(at, "goal", 4))
            return true;
    buf_init(&buf, strlen(columns) + sizeof(",goal"));
    buf_printf(&buf, "%s,goal", columns);
    *ret_columns = arena_strdup(&cli->arena, buf_string(&buf));
    buf_done(&buf);
    return *ret_columns || error_no_memory(err, strlen(columns));
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
        .goal = cli_option(cli, "goal"),
    };
    struct columns columns;
    struct sheet_column usual[COLUMNS_MAX];
    if (!columns_wanted(cli, &query.columns, err))
        return false;
    query.with_json = !query.columns && cli->format != CLI_TABLE && cli->format != CLI_MD;
    if (!cli_number(cli, "limit", 1, 0, &query.limit, err) || !visit_open(cli, &visit, err) ||
        !versions_get(&visit, &query, &cli->arena, &versions, &count, &columns, err))
        return false;
    if (count == 0 && query.name && !is_there(cli, &visit, query.name, err))
        return false;
    fill(&sheet, &cli->arena, &columns, usual, query.goal && *query.goal, versions, count);
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
    { "goal", "EXPR", "a condition to be answered: accuracy>=default-1pp lat<=default*.5" },
    { "sort", "KEY,...", "such as: size:desc,accuracy" },
    { "columns", "LIST", "such as: name,version,size,metrics.f1" },
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
