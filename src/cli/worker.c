/* SPDX-License-Identifier: MIT */
#include "jobs/worker.h"

#include "base/buf.h"
#include "cli/visit.h"
#include "cli/where.h"

enum { PRIVATE_IDLE_SECONDS = 20 };

static void say_nothing(const char *fmt, ...)
{
    (void)fmt;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    struct cluster cluster;
    struct buf conninfo;
    struct worker_options options = { .stop = cli->interrupt, .once = cli_has(cli, "once") };
    int64_t lease;
    bool is_private = visit_is_private(cli);
    if (!cli_number(cli, "job", 1, 0, &options.only, err) ||
        !cli_number(cli, "lease", 2, 0, &lease, err))
        return false;
    options.lease_seconds = (int)lease;
    options.say = options.only ? say_nothing : cli_say;
    /* The private database stops a minute after its last user: do not be the one who keeps it. */
    options.idle_seconds = is_private ? PRIVATE_IDLE_SECONDS : 0;
    if (is_private && !visit_start_cluster(cli, &cluster, err))
        return false;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    if (is_private)
        cluster_conninfo(&cluster, &conninfo);
    else
        buf_text(&conninfo, where_conninfo(cli->db));
    options.conninfo = buf_string(&conninfo);
    bool ok = buf_ok(&conninfo, err) && worker_run(&options, err);
    buf_done(&conninfo);
    return ok;
}

static const struct option_spec options[] = {
    { "once", NULL, "end when nothing waits" },
    { "job", "ID", "only this job" },
    { "lease", "SECONDS", "how long a silent worker keeps its job (30)" },
    { NULL, NULL, NULL },
};

const struct command command_worker = {
    .name = "worker",
    .operands = "",
    .summary = "run the jobs that wait, one at a time, until stopped",
    .options = options,
    .run = run,
};
