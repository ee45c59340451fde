/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/text.h"
#include "cli/pick.h"
#include "cli/transform.h"
#include "jobs/order.h"
#include "pare.h"

enum { RECIPE_MAX = 1 << 20 };

static bool run(struct cli *cli, struct pare_error *err)
{
    struct order_settings settings = { .method = cli_option(cli, "method"),
                                       .scheme = cli_option(cli, "then") };
    const char *amount = cli_option(cli, "amount");
    struct buf recipe;
    if (!settings.method || !amount)
        return error_set(err, PARE_ERR_USAGE, "prune wants --method l1 --amount A");
    if (!transform_check_choice("method", settings.method, pare_method, err) ||
        (settings.scheme && !transform_check_choice("then", settings.scheme, pare_scheme, err)))
        return false;
    if (!text_to_double(amount, &settings.amount) || settings.amount < 0 || settings.amount > 1)
        return error_set(err, PARE_ERR_USAGE,
                         "--amount %s: a share from 0 to 1 was expected, such as 0.5", amount);
    if (!pick_read(cli, &settings, err))
        return false;
    buf_init(&recipe, RECIPE_MAX);
    order_put_recipe(&settings, &recipe);
    bool ok = buf_ok(&recipe, err) && transform_do(cli, buf_string(&recipe), err);
    buf_done(&recipe);
    return ok;
}

static const struct option_spec options[] = {
    { "method", "M", "l1: the weights of least magnitude become zero" },
    { "amount", "A", "their share, 0 to 1" },
    { "then", "SCHEME", "quantize in the same pass: int8, fp16, bf16, int4, nf4, fp4" },
    CHOICE_OPTIONS,
    TRANSFORM_OPTIONS,
    { NULL, NULL, NULL },
};

const struct command command_prune = {
    .name = "prune",
    .operands = "REF|FILE",
    .summary = "make a version with weights set to zero",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
