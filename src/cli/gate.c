/* SPDX-License-Identifier: MIT */
#include "registry/gate.h"

#include <string.h>

#include "cli/sheet.h"
#include "cli/visit.h"

static const struct sheet_column columns[] = {
    { "name", "model", SHEET_TEXT },
    { "expression", "rule", SHEET_TEXT },
    { "actor", "by", SHEET_TEXT },
    { "at", "at", SHEET_TEXT },
};

/* "*" is every model. */
static const char *model(const char *operand)
{
    return operand && strcmp(operand, "*") != 0 ? operand : NULL;
}

static bool list(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct gate *gates;
    size_t count;
    struct sheet sheet;
    if (!gate_list(&visit->registry, model(cli->operands[1]), &cli->arena, &gates, &count, err))
        return false;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < count; i++) {
        struct sheet_cell *cells = sheet_row(&sheet);
        cells[0] = sheet_text(gates[i].name);
        cells[1] = sheet_text(gates[i].expression);
        cells[2] = sheet_text(gates[i].actor);
        cells[3] = sheet_time(&sheet, gates[i].at);
    }
    if (count == 0 && cli->format == CLI_TABLE)
        cli_say("no gates set; accuracy and agreement are judged where they were measured");
    return (count == 0 && cli->format == CLI_TABLE) || sheet_print(&sheet, cli->format, err);
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    const char *verb = cli->operands[0], *rule = cli->operands[2];
    int64_t cleared;
    bool set = !strcmp(verb, "set"), clear = !strcmp(verb, "clear");
    if (!set && !clear && strcmp(verb, "list") != 0)
        return error_set(err, PARE_ERR_USAGE, "gate %s: set, list or clear was expected", verb);
    if ((set && cli->operand_count != 3) || (clear && cli->operand_count < 2))
        return error_set(err, PARE_ERR_USAGE,
                         "usage: pare gate set NAME EXPR, pare gate clear "
                         "NAME [EXPR]; NAME \"*\" is every model");
    if (!visit_open(cli, &visit, err))
        return false;
    if (set) {
        if (!gate_set(&visit.registry, model(cli->operands[1]), rule, err))
            return false;
        cli_say("gate set for %s: %s", cli->operands[1], rule);
        return true;
    }
    if (!clear)
        return list(cli, &visit, err);
    if (!gate_clear(&visit.registry, model(cli->operands[1]), rule, &cleared, err))
        return false;
    if (cleared == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "%s has no such gate", cli->operands[1]);
    cli_say("%lld gate%s cleared", (long long)cleared, cleared == 1 ? "" : "s");
    return true;
}

static const struct option_spec options[] = {
    { NULL, NULL, NULL },
};

const struct command command_gate = {
    .name = "gate",
    .operands = "set NAME EXPR | list [NAME] | clear NAME [EXPR]",
    .summary = "rules a version must pass to be promoted",
    .options = options,
    .operands_min = 1,
    .operands_max = 3,
    .run = run,
};
