/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "cli/columns.h"
#include "cli/lineage.h"
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

/* Those of pare.versions, a goal's, and of a tree depth and parent. */
enum { COLUMNS_MAX = VERSIONS_COLUMNS + 3 };

struct listing {
    const struct version **versions;
    struct lineage_line *lines; /* beside them, by model; NULL: as they were sorted */
    size_t count;
    bool goal;
};

/* The tree's columns, for programs: people see the branches. */
static bool add_tree(struct sheet *sheet, struct sheet_column *columns, struct pare_error *err)
{
    if (sheet->column_count + 2 > SHEET_COLUMNS_MAX)
        return error_set(err, PARE_ERR_USAGE, "--group: at most %d columns", SHEET_COLUMNS_MAX - 2);
    columns[sheet->column_count++] = (struct sheet_column){ "depth", NULL, SHEET_NUMBER };
    columns[sheet->column_count++] = (struct sheet_column){ "parent_version", NULL, SHEET_TEXT };
    return true;
}

/* Of a model the name once, and the branch before the version. */
static void put_tree(struct sheet *sheet, const struct lineage_line *line, const char *above,
                     struct sheet_cell *cells)
{
    for (size_t i = 0; i + 2 < sheet->column_count; i++) {
        const char *key = sheet->columns[i].key;
        if (!strcmp(key, "name") && above && !strcmp(above, line->version->raw_name))
            cells[i].shown = "";
        else if (!strcmp(key, "version") && *line->branch)
            cells[i].shown =
                arena_printf(sheet->arena, "%s %s", line->branch, line->version->version);
    }
    cells += sheet->column_count - 2;
    cells[0] = sheet_integer(sheet, line->depth);
    if (line->parent)
        cells[1] = sheet_text(line->parent->version);
}

static void begin(struct sheet *sheet, struct arena *arena, struct columns *columns,
                  struct sheet_column usual[COLUMNS_MAX], const struct listing *listing)
{
    if (columns->count > 0) {
        columns_begin(columns, (const struct version *const *)listing->versions, listing->count,
                      arena, sheet);
        return;
    }
    memcpy(usual, versions_columns, sizeof(versions_columns));
    usual[VERSIONS_COLUMNS] = (struct sheet_column){ "goal", "goal", SHEET_TEXT };
    sheet_init(sheet, arena, usual, VERSIONS_COLUMNS + listing->goal);
}

/* The columns asked for, or those of pare.versions; `usual` has room for those. */
static bool fill(struct sheet *sheet, struct arena *arena, struct columns *columns,
                 struct sheet_column usual[COLUMNS_MAX], const struct listing *listing,
                 struct pare_error *err)
{
    const char *above = NULL;
    begin(sheet, arena, columns, usual, listing);
    if (listing->lines && !add_tree(sheet, columns->count > 0 ? columns->sheet : usual, err))
        return false;
    for (size_t i = 0; i < listing->count; i++) {
        const struct lineage_line *line = listing->lines ? &listing->lines[i] : NULL;
        const struct version *version = line ? line->version : listing->versions[i];
        bool own = columns->count > 0;
        struct sheet_cell *cells =
            own ? columns_put(columns, sheet, version) : versions_put(sheet, version);
        if (!own && listing->goal)
            cells[VERSIONS_COLUMNS] = sheet_text(field_goal_word(version->goal));
        if (line)
            put_tree(sheet, line, above, cells);
        above = version->raw_name;
    }
    return true;
}

/* Among all versions, also those that are not listed: they hold the tree together. */
static bool arrange(struct cli *cli, const struct visit *visit, const char *name,
                    struct listing *listing, struct pare_error *err)
{
    const struct versions_query any = { .name = name };
    const struct version **all;
    size_t all_count;
    return versions_get(visit, &any, &cli->arena, &all, &all_count, NULL, err) &&
           lineage_arrange((const struct version *const *)all, all_count,
                           (const struct version *const *)listing->versions, listing->count,
                           &cli->arena, &listing->lines, &listing->count, err);
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
    struct listing listing = { .goal = cli_option(cli, "goal") && *cli_option(cli, "goal") };
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
        !versions_get(&visit, &query, &cli->arena, &listing.versions, &listing.count, &columns,
                      err))
        return false;
    if (listing.count == 0 && query.name && !is_there(cli, &visit, query.name, err))
        return false;
    if ((cli_has(cli, "group") && !arrange(cli, &visit, query.name, &listing, err)) ||
        !fill(&sheet, &cli->arena, &columns, usual, &listing, err))
        return false;
    if (listing.count == 0 && cli->format == CLI_TABLE) {
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
    { "group", NULL, "by model, each version below what it was made of" },
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
