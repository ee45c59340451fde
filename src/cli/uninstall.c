/* SPDX-License-Identifier: MIT */
#include "cli/visit.h"
#include "registry/migrate.h"

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    if (!visit_open(cli, &visit, err))
        return false;
    if (!cli_has(cli, "yes"))
        return error_set(err, PARE_ERR_USAGE,
                         "this removes the schema pare of database %s with all history, gates and "
                         "measurements (ml_models stays); say --yes",
                         visit.registry.database);
    if (!migrate_remove(&visit.registry, err))
        return false;
    cli_say("the schema pare is gone from database %s; ml_models is as it was",
            visit.registry.database);
    return true;
}

static const struct option_spec options[] = {
    { "yes", NULL, "do it" },
    { NULL, NULL, NULL },
};

const struct command command_uninstall = {
    .name = "uninstall",
    .operands = "",
    .summary = "remove the schema pare; the users' tables stay",
    .options = options,
    .run = run,
};
