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

static bool read_limits(const struct cli *cli, struct order_measure *measure,
                        struct pare_error *err)
{
    return cli_number(cli, "threads", 1, ORDER_MEASURE_THREADS, &measure->threads, err) &&
           cli_number(cli, "seconds", 1, ORDER_MEASURE_SECONDS, &measure->seconds, err);
}

static bool measure_one(struct cli *cli, const struct visit *visit, const char *ref,
                        const struct dataset_row *dataset, struct sheet *sheet,
                        struct pare_error *err)
{
    struct version version, against;
    struct buf spec;
    struct order_measure measure = { .dataset = dataset->name, .replace = cli_has(cli, "replace") };
    if (!read_limits(cli, &measure, err) ||
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

/* What every REF is compared with, once; a slip is told before anything is asked for. */
static bool find_together(struct cli *cli, const struct visit *visit, struct version *ret_versions,
                          struct version *ret_against, struct pare_error *err)
{
    const char *against = cli_option(cli, "against");
    if (!against)
        return error_set(err, PARE_ERR_USAGE,
                         "--together wants --against REF: what all are compared with");
    if (cli->operand_count > ORDER_BESIDE_MAX + 1)
        return error_set(err, PARE_ERR_USAGE, "--together measures at most %d versions beside %s",
                         ORDER_BESIDE_MAX + 1, against);
    if (!visit_find(cli, visit, against, &cli->arena, ret_against, err))
        return error_prefix(err, "--against");
    for (int i = 0; i < cli->operand_count; i++) {
        struct version *version = &ret_versions[i];
        if (!visit_find(cli, visit, cli->operands[i], &cli->arena, version, err))
            return false;
        bool twice = version->id == ret_against->id;
        for (int before = 0; before < i; before++)
            twice = twice || version->id == ret_versions[before].id;
        if (twice)
            return error_set(err, PARE_ERR_USAGE, "%s cannot be compared with itself",
                             cli->operands[i]);
    }
    return true;
}

/* One job for all of them. */
static bool measure_together(struct cli *cli, const struct visit *visit,
                             const struct dataset_row *dataset, struct sheet *sheet,
                             struct pare_error *err)
{
    struct version versions[ORDER_BESIDE_MAX + 1] = { 0 }, against;
    int64_t beside[ORDER_BESIDE_MAX];
    size_t count = (size_t)cli->operand_count;
    struct order_measure measure = { .dataset = dataset->name,
                                     .beside_ids = beside,
                                     .replace = cli_has(cli, "replace") };
    struct buf spec;
    if (!read_limits(cli, &measure, err) || !find_together(cli, visit, versions, &against, err))
        return false;
    for (size_t i = 1; i < count; i++)
        beside[measure.beside_count++] = versions[i].id;
    measure.against_id = against.id;
    buf_init(&spec, SPEC_MAX);
    order_put_measure(&measure, &spec);
    const struct queue_order order = { .kind = "measure",
                                       .version = &versions[0],
                                       .spec = buf_string(&spec) };
    bool detach = cli_has(cli, "detach");
    bool ok = buf_ok(&spec, err) && work_do(cli, visit, &order, detach, NULL, err);
    buf_done(&spec);
    for (size_t i = 0; ok && !detach && i < count; i++) {
        ok = catalog_by_id(&visit->registry, versions[i].id, &cli->arena, &versions[i], err);
        if (ok)
            versions_put(sheet, &versions[i]);
    }
    return ok;
}

static bool evaluate_one(struct cli *cli, const struct visit *visit, const char *ref,
                         struct sheet *sheet, struct pare_error *err)
{
    struct version version;
    struct evaluator evaluator = { .command = cli_option(cli, "exec"),
                                   .replace = cli_has(cli, "replace") };
    if (!cli_number(cli, "timeout", 1, EVALUATOR_SECONDS, &evaluator.timeout_seconds, err) ||
        !visit_find(cli, visit, ref, &cli->arena, &version, err) ||
        !evaluator_run(cli, visit, &version, &evaluator, err) ||
        !catalog_by_id(&visit->registry, version.id, &cli->arena, &version, err))
        return false;
    versions_put(sheet, &version);
    return true;
}

/* An evaluator of one's own brings its data, and runs nowhere but here. */
static bool check_options(const struct cli *cli, struct pare_error *err)
{
    static const char *const others[] = { "dataset", "against", "threads", "seconds" };
    if (!cli_has(cli, "exec"))
        return !cli_has(cli, "timeout") ||
               error_set(err, PARE_ERR_USAGE, "--timeout is of --exec; without it: --seconds");
    if (cli_has(cli, "detach"))
        return error_set(err, PARE_ERR_USAGE,
                         "--exec runs here and waits: no worker takes a command from the queue, so "
                         "--detach cannot be had");
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (cli_has(cli, others[i]))
            return error_set(err, PARE_ERR_USAGE,
                             "--%s is not for --exec: what the command measures is its own affair",
                             others[i]);
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct dataset_row dataset = { 0 };
    struct sheet sheet;
    bool own = cli_has(cli, "exec");
    if (!check_options(cli, err) || !visit_open(cli, &visit, err) ||
        !registry_allows(&visit.registry, REGISTRY_WRITE, err) ||
        (!own &&
         !dataset_get(&visit.registry, cli_option(cli, "dataset"), &cli->arena, &dataset, err)))
        return false;
    sheet_init(&sheet, &cli->arena, versions_columns, VERSIONS_COLUMNS);
    if (own && cli_has(cli, "together"))
        return error_set(err, PARE_ERR_USAGE, "--together and --exec exclude each other");
    bool together = cli_has(cli, "together");
    if (together && !measure_together(cli, &visit, &dataset, &sheet, err))
        return false;
    for (int i = 0; i < cli->operand_count && !together; i++) {
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
    { "together", NULL, "all REFs and --against in turns, in one job" },
    { "threads", "N", "of ONNX Runtime (2)" },
    { "seconds", "S", "at most so long for latency (60)" },
    { "exec", "CMD", "run this, here, on its file or folder instead; store the JSON it prints" },
    { "timeout", "SECONDS", "of --exec: end it after so long (3600)" },
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
