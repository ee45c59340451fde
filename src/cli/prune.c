/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/transform.h"

enum { RECIPE_MAX = 1 << 20 };

/* --then int8: the step that follows in the same pass. */
static bool put_then(const struct cli *cli, const char *then, struct buf *recipe,
                     struct pare_error *err)
{
    if (strcmp(then, "int8") != 0)
        return error_set(err, PARE_ERR_USAGE, "--then %s: int8 was expected", then);
    buf_printf(recipe, ", {\"step\": \"quantize\", \"scheme\": \"%s\"", then);
    transform_put_globs(cli, recipe);
    buf_char(recipe, '}');
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    const char *method = cli_option(cli, "method"), *amount_text = cli_option(cli, "amount");
    const char *then = cli_option(cli, "then");
    double amount;
    struct buf recipe;
    if (!method || !amount_text)
        return error_set(err, PARE_ERR_USAGE, "prune wants --method l1 --amount A");
    if (strcmp(method, "l1") != 0)
        return error_set(err, PARE_ERR_USAGE, "--method %s: l1 was expected", method);
    if (!text_to_double(amount_text, &amount) || amount < 0 || amount > 1)
        return error_set(err, PARE_ERR_USAGE,
                         "--amount %s: a share from 0 to 1 was expected, such as 0.5", amount_text);
    buf_init(&recipe, RECIPE_MAX);
    char number[32];
    text_number(amount, number, sizeof(number));
    buf_printf(&recipe, "{\"steps\": [{\"step\": \"prune\", \"method\": \"%s\", \"amount\": %s",
               method, number);
    transform_put_globs(cli, &recipe);
    buf_char(&recipe, '}');
    bool ok = !then || put_then(cli, then, &recipe, err);
    buf_text(&recipe, "]}");
    const struct transform_request request = {
        .recipe = buf_string(&recipe),
        .scheme = then,
        .suffix = arena_printf(&cli->arena, "%sp%.4g", method, 100 * amount),
        .optimization = then ? then : "pruned",
    };
    ok = ok && buf_ok(&recipe, err) && transform_do(cli, &request, err);
    buf_done(&recipe);
    return ok;
}

static const struct option_spec options[] = {
    { "method", "M", "l1: the weights of least magnitude become zero" },
    { "amount", "A", "their share, 0 to 1" },
    { "then", "SCHEME", "quantize in the same pass: int8" },
    { "include", "GLOB", "only tensors or nodes so named; may be given again" },
    { "exclude", "GLOB", "not these; may be given again" },
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
