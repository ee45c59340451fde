/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/pick.h"
#include "cli/transform.h"
#include "jobs/order.h"
#include "pare.h"

enum { RECIPE_MAX = 1 << 20 };

/* As torch tells an int from a float: 1 is one element, 1.0 is all of them. */
static bool read_amount(const char *word, struct order_settings *io_settings,
                        struct pare_error *err)
{
    if (text_to_int64(word, &io_settings->count) && io_settings->count >= 0)
        return true;
    io_settings->count = 0;
    if (text_to_double(word, &io_settings->amount) && io_settings->amount >= 0 &&
        io_settings->amount <= 1)
        return true;
    return error_set(err, PARE_ERR_USAGE,
                     "--amount %s: a share from 0 to 1 was expected, such as 0.5, or a whole "
                     "number of elements",
                     word);
}

/* A whole number of an option that one method has. */
static bool read_of(const struct cli *cli, const char *option, const char *method,
                    const char **ret_word, struct pare_error *err)
{
    const char *word = cli_option(cli, option), *chosen = cli_option(cli, "method");
    int64_t value;
    if (word && strcmp(chosen, method) != 0)
        return error_set(err, PARE_ERR_USAGE, "--%s goes with --method %s", option, method);
    if (word && !text_to_int64(word, &value))
        return error_set(err, PARE_ERR_USAGE, "--%s %.100s: a whole number was expected", option,
                         word);
    *ret_word = word;
    return true;
}

static bool read_method(const struct cli *cli, struct order_settings *io_settings,
                        struct pare_error *err)
{
    const char *amount = cli_option(cli, "amount"), *method = cli_option(cli, "method");
    bool half = method && !strcmp(method, "2:4");
    if (!method || (!amount && !half))
        return error_set(
            err, PARE_ERR_USAGE,
            "prune wants --method l1, global-l1, random, ln, ffn or heads with --amount A, or "
            "--method 2:4");
    io_settings->method = method;
    if (!transform_check_choice("method", method, pare_method, err))
        return false;
    if (amount && half)
        return error_set(err, PARE_ERR_USAGE,
                         "--amount has no place with --method 2:4, which takes two of four");
    return (half || read_amount(amount, io_settings, err)) &&
           read_of(cli, "seed", "random", &io_settings->seed, err) &&
           read_of(cli, "dim", "ln", &io_settings->dim, err) &&
           read_of(cli, "n", "ln", &io_settings->norm, err);
}

static bool run(struct cli *cli, struct pare_error *err)
{
    struct order_settings settings = { .scheme = cli_option(cli, "then") };
    struct buf recipe;
    if (!read_method(cli, &settings, err) ||
        (settings.scheme && !transform_check_choice("then", settings.scheme, pare_scheme, err)) ||
        !pick_read(cli, &settings, err))
        return false;
    buf_init(&recipe, RECIPE_MAX);
    order_put_recipe(&settings, &recipe);
    bool ok = buf_ok(&recipe, err) && transform_do(cli, buf_string(&recipe), err);
    buf_done(&recipe);
    return ok;
}

static const struct option_spec options[] = {
    { "method", "M", "l1, global-l1, random, ln, 2:4: zeros; ffn, heads: fewer weights" },
    { "amount", "A", "with a point the share, 0.0 to 1.0; without, so many elements" },
    { "seed", "N", "random: which lot; else 0" },
    { "dim", "D", "ln: along which dimension channels lie, -1 the last; else 0" },
    { "n", "N", "ln: by which norm, 1 or 2; else 2" },
    { "then", "SCHEME", "quantize in the same pass: int8, fp16, bf16, int4, nf4, fp4" },
    CHOICE_OPTIONS,
    TRANSFORM_OPTIONS,
    { NULL, NULL, NULL },
};

const struct command command_prune = {
    .name = "prune",
    .operands = "REF|FILE",
    .summary = "make a version with weights set to zero, or with fewer of them",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
