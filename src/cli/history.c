/* SPDX-License-Identifier: MIT */
#include "cli/sheet.h"
#include "cli/visit.h"
#include "registry/catalog.h"
#include "registry/default.h"

static const struct sheet_column columns[] = {
    { "rev", "rev", SHEET_NUMBER },     { "at", "at", SHEET_TEXT },
    { "kind", "kind", SHEET_TEXT },     { "from_version", "from", SHEET_TEXT },
    { "to_version", "to", SHEET_TEXT }, { "to_id", NULL, SHEET_NUMBER },
    { "state", "state", SHEET_TEXT },   { "forced", "forced", SHEET_BOOL },
    { "actor", "by", SHEET_TEXT },      { "role", "role", SHEET_TEXT },
    { "undoes", NULL, SHEET_NUMBER },   { "reason", "reason", SHEET_TEXT },
    { "gates", NULL, SHEET_JSON },
};

/* Newest first: what a later rollback took back is bad, what is no longer there has vanished. */
static const char *state_of(const struct default_event *events, size_t index)
{
    if (!events[index].is_there)
        return "vanished";
    for (size_t i = 0; i < index; i++)
        if (events[i].undoes == events[index].rev)
            return "rolled back";
    return index == 0 ? "default" : "";
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct default_event *events;
    struct sheet sheet;
    size_t count;
    const char *name = cli->operands[0], *at = cli_option(cli, "at");
    if (!visit_open(cli, &visit, err) ||
        !default_history(&visit.registry, name, at, &cli->arena, &events, &count, err))
        return false;
    if (count == 0) {
        struct version version;
        if (at)
            return error_set(err, PARE_ERR_NOT_FOUND, "%s had no default at %s", name, at);
        return catalog_find(&visit.registry, name, NULL, &cli->arena, &version, err);
    }
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < (at ? 1 : count); i++) {
        const struct default_event *e = &events[i];
        struct sheet_cell *cells = sheet_row(&sheet);
        cells[0] = sheet_integer(&sheet, e->rev);
        cells[1] = sheet_time(&sheet, e->at);
        cells[2] = sheet_text(e->kind);
        cells[3] = sheet_text(e->from_version);
        cells[4] = sheet_text(e->to_version);
        cells[5] = sheet_integer(&sheet, e->to_id);
        cells[6] = sheet_text(state_of(events, i));
        cells[7] = sheet_bool(e->forced, "forced");
        cells[8] = sheet_text(e->actor);
        cells[9] = sheet_text(e->role);
        if (e->undoes)
            cells[10] = sheet_integer(&sheet, e->undoes);
        cells[11] = sheet_text(e->reason);
        cells[12] = sheet_json(&sheet, e->gates);
    }
    return sheet_print(&sheet, cli->format, err);
}

static const struct option_spec options[] = {
    { "at", "TIME", "only what was the default then" },
    { NULL, NULL, NULL },
};

const struct command command_history = {
    .name = "history",
    .operands = "NAME",
    .summary = "who made which version the default, when and why",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
