/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "cli/evaluator.h"
#include "cli/versions.h"
#include "cli/work.h"
#include "jobs/order.h"
#include "registry/dataset.h"

enum { SPEC_MAX = 64 * 1024 };

/* --against, else the version it was made from, else the default; id 0: alone. */
static bool find_against(const struct cli *cli, const struct visit *visit,
                         const struct version *version, struct arena *arena,
                         struct version *ret_against, struct pare_error *err)
{
    const char *ref = cli_option(cli, "against");
    *ret_against = (struct version){ 0 };
    if (ref)
        return visit_find(cli, visit, ref, arena, ret_against, err) ||
               error_prefix(err, "--against");
    if (version->parent_id)
        return catalog_by_id(&visit->registry, version->parent_id, arena, ret_against, err);
    if (!version->is_default &&
        !catalog_find(&visit->registry, version->raw_name, NULL, arena, ret_against, err)) {
        *ret_against = (struct version){ 0 };
        return err->code == PARE_ERR_NOT_FOUND;
    }
    return true;
}

static bool measure_one(struct cli *cli, const struct visit *visit, const char *ref,
                        const struct dataset_row *dataset, struct sheet *sheet,
                        struct pare_error *err)
{
    struct version version, against;
    struct buf spec;
    struct order_measure measure = { .dataset = dataset->name, .replace = cli_has(cli, "replace") };
    if (!cli_number(cli, "threads", 1, ORDER_MEASURE_THREADS, &measure.threads, err) ||
        !cli_number(cli, "seconds", 1, ORDER_MEASURE_SECONDS, &measure.seconds, err) ||
        !visit_find(cli, visit, ref, &cli->arena, &version, err) ||
        !find_against(cli, visit, &version, &cli->arena, &against, err))
        return false;
    if (against.id == version.id)
        return error_set(err, PARE_ERR_USAGE, "%s cannot be compared with itself", ref);
    bool detach = cli_has(cli, "detach");
    buf_init(&spec, SPEC_MAX);
    measure.against_id = against.id;
    order_put_measure(&measure, &spec);
    const struct queue_order order = { .kind = "measure",
                                       .version = &version,
                                       .spec = buf_string(&spec) };
    bool ok = buf_ok(&spec, err) && work_do(cli, visit, &order, detach, NULL, err);
    buf_done(&spec);
    if (!ok || detach)
        return ok;
    if (!catalog_by_id(&visit->registry, version.id, &cli->arena, &version, err))
        return false;
    versions_put(sheet, &version);
    return true;
}

static bool evaluate_one(struct cli *cli, const struct visit *visit, const char *ref,
                         struct sheet *sheet, struct pare_error *err)
{
    struct version version;
    if (!visit_find(cli, visit, ref, &cli->arena, &version, err) ||
        !evaluator_run(cli, visit, &version, cli_option(cli, "exec"), err) ||
        !catalog_by_id(&visit->registry, version.id, &cli->arena, &version, err))
        return false;
    versions_put(sheet, &version);
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct dataset_row dataset = { 0 };
    struct sheet sheet;
    bool own = cli_has(cli, "exec");
    if (!visit_open(cli, &visit, err) || !registry_allows(&visit.registry, REGISTRY_WRITE, err) ||
        (!own &&
         !dataset_get(&visit.registry, cli_option(cli, "dataset"), &cli->arena, &dataset, err)))
        return false;
    sheet_init(&sheet, &cli->arena, versions_columns, VERSIONS_COLUMNS);
    for (int i = 0; i < cli->operand_count; i++) {
        const char *ref = cli->operands[i];
        if (!(own ? evaluate_one(cli, &visit, ref, &sheet, err)
                  : measure_one(cli, &visit, ref, &dataset, &sheet, err)))
            return false;
    }
    return cli_has(cli, "detach") || sheet_print(&sheet, cli->format, err);
}

static const struct option_spec options[] = {
    { "dataset", "D", "on these data; not needed where there is only one" },
    { "against", "REF", "interleaved with this one; else its parent, else the default" },
    { "threads", "N", "of ONNX Runtime (2)" },
    { "seconds", "S", "at most so long for latency (60)" },
    { "exec", "CMD", "run this on the version's file instead and store the JSON it prints" },
    { "replace", NULL, "also metrics that a person wrote" },
    { "detach", NULL, "do not wait; print the job's number" },
    { NULL, NULL, NULL },
};

const struct command command_measure = {
    .name = "measure",
    .operands = "REF...",
    .summary = "measure latency, memory and accuracy",
    .options = options,
    .operands_min = 1,
    .operands_max = -1,
    .run = run,
};
