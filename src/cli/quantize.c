/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "cli/transform.h"

enum { RECIPE_MAX = 1 << 20 };

static bool run(struct cli *cli, struct pare_error *err)
{
    const char *scheme = cli_option(cli, "scheme");
    struct buf recipe;
    if (!scheme)
        return error_set(err, PARE_ERR_USAGE, "quantize wants --scheme int8");
    if (strcmp(scheme, "int8") != 0)
        return error_set(err, PARE_ERR_USAGE, "--scheme %s: int8 was expected", scheme);
    buf_init(&recipe, RECIPE_MAX);
    buf_printf(&recipe, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"%s\"", scheme);
    if (cli_has(cli, "per-tensor"))
        buf_text(&recipe, ", \"per_channel\": false");
    if (cli_has(cli, "reduce-range"))
        buf_text(&recipe, ", \"reduce_range\": true");
    transform_put_globs(cli, &recipe);
    buf_text(&recipe, "}]}");
    const struct transform_request request = { .recipe = buf_string(&recipe),
                                               .scheme = scheme,
                                               .optimization = scheme };
    bool ok = buf_ok(&recipe, err) && transform_do(cli, &request, err);
    buf_done(&recipe);
    return ok;
}

static const struct option_spec options[] = {
    { "scheme", "S", "int8" },
    { "per-tensor", NULL, "one scale a tensor instead of one a channel" },
    { "reduce-range", NULL, "7 bits: for CPUs before VNNI, where 8 can overflow" },
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
