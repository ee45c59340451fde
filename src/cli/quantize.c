/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "cli/transform.h"
#include "jobs/order.h"
#include "pare.h"

enum { RECIPE_MAX = 1 << 20 };

static bool run(struct cli *cli, struct pare_error *err)
{
    struct order_settings settings = {
        .scheme = cli_option(cli, "scheme"),
        .per_tensor = cli_has(cli, "per-tensor"),
        .reduce_range = cli_has(cli, "reduce-range"),
        .io16 = cli_has(cli, "no-keep-io"),
    };
    struct buf recipe;
    if (!settings.scheme)
        return error_set(err, PARE_ERR_USAGE, "quantize wants --scheme int8 or --scheme fp16");
    if (settings.io16 && cli_has(cli, "keep-io"))
        return error_set(err, PARE_ERR_USAGE, "--keep-io and --no-keep-io exclude each other");
    if (!transform_check_choice("scheme", settings.scheme, pare_scheme, err))
        return false;
    transform_read_globs(cli, &settings);
    buf_init(&recipe, RECIPE_MAX);
    order_put_recipe(&settings, &recipe);
    bool ok = buf_ok(&recipe, err) && transform_do(cli, buf_string(&recipe), err);
    buf_done(&recipe);
    return ok;
}

static const struct option_spec options[] = {
    { "scheme", "S", "int8, or fp16: half the size, no faster on CPUs" },
    { "per-tensor", NULL, "int8: one scale a tensor instead of one a channel" },
    { "reduce-range", NULL, "int8: 7 bits, for CPUs before VNNI, where 8 can overflow" },
    { "keep-io", NULL, "fp16: inputs and outputs stay F32, with Casts; the default" },
    { "no-keep-io", NULL, "fp16: inputs and outputs become F16 too" },
    { "include", "GLOB", "only tensors or nodes so named; may be given again" },
    { "exclude", "GLOB", "not these; may be given again" },
    TRANSFORM_OPTIONS,
    { NULL, NULL, NULL },
};

const struct command command_quantize = {
    .name = "quantize",
    .operands = "REF|FILE",
    .summary = "make a version of fewer bits",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
