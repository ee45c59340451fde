/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/buf.h"
#include "cli/visit.h"
#include "registry/migrate.h"

enum { SCRIPT_MAX = 4 << 20 };

static bool print_script(struct pare_error *err)
{
    struct buf script;
    buf_init(&script, SCRIPT_MAX);
    migrate_script(&script);
    bool ok = buf_ok(&script, err);
    if (ok && fwrite(script.data, 1, script.length, stdout) != script.length)
        ok = error_errno(err, "cannot write the output");
    buf_done(&script);
    return ok;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    if (cli_has(cli, "sql"))
        return print_script(err);
    if (!visit_open(cli, &visit, err))
        return false;
    const struct registry *r = &visit.registry;
    bool had_models = r->has_models;
    int before = r->schema;
    if (!migrate_run(r, err))
        return false;
    if (before == migrate_newest() && had_models)
        cli_say("database %s is ready already (schema version %d)", r->database, before);
    else
        cli_say("database %s is ready: %sschema pare at version %d", r->database,
                had_models ? "" : "tables made, ", migrate_newest());
    return true;
}

static const struct option_spec options[] = {
    { "sql", NULL, "print the script for a DBA instead of running it" },
    { NULL, NULL, NULL },
};

const struct command command_init = {
    .name = "init",
    .operands = "",
    .summary = "make the tables that are missing and the schema pare",
    .options = options,
    .run = run,
};
