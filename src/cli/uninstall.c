/* SPDX-License-Identifier: MIT */
#include "cli/session.h"
#include "registry/migrate.h"

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(session_close) struct session session = { 0 };
    if (!session_open(cli, &session, err))
        return false;
    if (!cli_has(cli, "yes"))
        return error_set(err, PARE_ERR_USAGE,
                         "this removes the schema pare of database %s with all history, gates and "
                         "measurements (ml_models stays); say --yes",
                         session.registry.database);
    if (!migrate_remove(&session.registry, err))
        return false;
    cli_say("the schema pare is gone from database %s; ml_models is as it was",
            session.registry.database);
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
