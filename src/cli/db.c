/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/sheet.h"
#include "cli/visit.h"

static const struct sheet_column columns[] = {
    { "fact", "fact", SHEET_TEXT },
    { "value", "value", SHEET_TEXT },
};

static void put(struct sheet *sheet, const char *fact, const char *value)
{
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_text(fact);
    cells[1] = sheet_text(value && *value ? value : NULL);
}

static bool status(struct cli *cli, struct pare_error *err)
{
    struct cluster cluster;
    struct cluster_status status;
    struct sheet sheet;
    struct arena *arena = &cli->arena;
    char size[32];
    if (!cluster_find(&cluster, err) || !cluster_status(&cluster, &status, err))
        return false;
    sheet_init(&sheet, arena, columns, ARRAY_SIZE(columns));
    text_size(status.size_bytes, size, sizeof(size));
    put(&sheet, "used by pare", visit_is_private(cli) ? "yes" : "no: another database is named");
    put(&sheet, "state",
        status.ready     ? "running"
        : status.running ? "starting or stopping"
        : status.exists  ? "stopped"
                         : "not made yet");
    put(&sheet, "data", status.data);
    put(&sheet, "size", status.exists ? size : NULL);
    put(&sheet, "socket", cluster.socket_folder);
    put(&sheet, "role", cluster.role);
    put(&sheet, "runs as", cluster.account);
    put(&sheet, "process",
        status.server_pid ? arena_printf(arena, "%d", (int)status.server_pid) : NULL);
    put(&sheet, "data of PostgreSQL", status.data_major);
    put(&sheet, "programs of PostgreSQL", status.binaries_version);
    put(&sheet, "programs in", status.binaries_folder);
    put(&sheet, "stops after idle",
        status.running && !status.kept ? "never: nothing watches it"
                                       : arena_printf(arena, "%d s", cluster.idle_seconds));
    put(&sheet, "problem", status.problem);
    return sheet_print(&sheet, cli->format, err);
}

static bool stop(struct pare_error *err)
{
    struct cluster cluster;
    bool was_running;
    if (!cluster_find(&cluster, err) || !cluster_stop(&cluster, &was_running, err))
        return false;
    cli_say(was_running ? "the private database has stopped" : "the private database did not run");
    return true;
}

static bool print_uri(const struct cluster *cluster, struct pare_error *err)
{
    struct buf uri;
    buf_init(&uri, CLUSTER_CONNINFO_MAX);
    cluster_uri(cluster, &uri);
    bool ok = buf_ok(&uri, err);
    if (ok)
        printf("%s\n", buf_string(&uri));
    buf_done(&uri);
    return ok;
}

static bool run_psql(const struct cli *cli, const struct cluster *cluster, struct pare_error *err)
{
    struct buf conninfo;
    const char *arguments[CLI_OPERANDS_MAX + 3] = { "psql" };
    int count = 1;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    cluster_conninfo(cluster, &conninfo);
    if (!buf_ok(&conninfo, err))
        return false;
    arguments[count++] = buf_string(&conninfo);
    for (int i = 1; i < cli->operand_count; i++)
        arguments[count++] = cli->operands[i];
    fflush(stdout);
    execvp("psql", (char *const *)(uintptr_t)arguments);
    error_errno(err, "cannot run psql (install postgresql-client)");
    buf_done(&conninfo);
    return false;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    const char *verb = cli->operands[0];
    struct cluster cluster;
    if (!strcmp(verb, "status"))
        return status(cli, err);
    if (!strcmp(verb, "stop"))
        return stop(err);
    bool start = !strcmp(verb, "start"), url = !strcmp(verb, "url"), psql = !strcmp(verb, "psql");
    if (!start && !url && !psql)
        return error_set(err, PARE_ERR_USAGE,
                         "db %s: start, stop, status, url or psql was expected", verb);
    if (!visit_start_cluster(cli, &cluster, err))
        return false;
    if (url)
        return print_uri(&cluster, err);
    if (psql)
        return run_psql(cli, &cluster, err);
    cli_say("the private database runs; its socket is in %s", cluster.socket_folder);
    return true;
}

static const struct option_spec options[] = {
    { NULL, NULL, NULL },
};

const struct command command_db = {
    .name = "db",
    .operands = "start | stop | status | url | psql [-- ARG...]",
    .summary = "the private database of a user who has no other",
    .options = options,
    .operands_min = 1,
    .operands_max = -1,
    .run = run,
};
