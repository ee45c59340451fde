/* SPDX-License-Identifier: MIT */
#include "cli/tensors.h"
#include "cli/transform.h"
#include "cli/visit.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "registry/version.h"

/* Versions come to the disk for as long as the comparison takes; files stay where they are. */
struct sides {
    struct visit visit;
    bool open;
    struct spool spool;
    struct pare_model *models[2];
};

static bool version_path(struct cli *cli, struct sides *sides, const char *ref, const char *folder,
                         const char **ret_path, struct pare_error *err)
{
    struct version version;
    struct spooled bytes;
    if (!sides->open) {
        if (!visit_open(cli, &sides->visit, err) || !spool_open(&sides->spool, err))
            return false;
        sides->open = true;
    }
    struct job_run run = { .registry = &sides->visit.registry,
                           .spool = sides->spool.path,
                           .cancelled = cli->interrupt };
    if (!visit_find(cli, &sides->visit, ref, &cli->arena, &version, err))
        return transform_looks_like_file(ref) ? error_prefix(err, "no such file") : false;
    if (!spool_version(&run, &version, folder, &cli->arena, &bytes, err))
        return false;
    *ret_path = bytes.path;
    return true;
}

static bool compare(struct cli *cli, struct sides *sides, struct pare_error *err)
{
    struct tensors_bar bar = { .interrupt = cli->interrupt };
    struct pare_report *report;
    for (int i = 0; i < 2; i++) {
        const char *path = cli->operands[i];
        bool is_file;
        if (!transform_is_file(cli, path, false, &is_file, err))
            return false;
        if (!is_file && !version_path(cli, sides, path, i ? "b" : "a", &path, err))
            return false;
        if (!pare_model_open(path, &sides->models[i], err))
            return false;
    }
    bool ok = pare_diff(sides->models[0], sides->models[1], tensors_progress, &bar, &report, err);
    tensors_bar_done(&bar);
    if (!ok)
        return false;
    ok = tensors_print_report(cli, report, err);
    pare_report_free(report);
    return ok;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    struct sides sides = { .spool.lock = -1 };
    bool ok = compare(cli, &sides, err);
    pare_model_close(sides.models[0]);
    pare_model_close(sides.models[1]);
    spool_close(&sides.spool);
    visit_close(&sides.visit);
    return ok;
}

static const struct option_spec options[] = {
    { NULL, NULL, NULL },
};

const struct command command_diff = {
    .name = "diff",
    .operands = "A B",
    .summary = "the error between two files or versions, tensor by tensor",
    .options = options,
    .operands_min = 2,
    .operands_max = 2,
    .run = run,
};
