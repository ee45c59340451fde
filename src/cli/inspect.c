/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/tensors.h"

static void say_model(const char *path, const struct pare_model *model)
{
    char size[32];
    text_size(pare_model_size_bytes(model), size, sizeof(size));
    cli_say("%s: %s, %s, %zu tensors", path, pare_model_format(model), size,
            pare_model_tensor_count(model));
    for (size_t i = 0; i < pare_model_fact_count(model); i++) {
        const struct pare_fact *fact = pare_model_fact(model, i);
        cli_say("  %s: %.200s", fact->key, fact->value);
    }
}

static bool run(struct cli *cli, struct pare_error *err)
{
    const char *path = cli->operands[0];
    struct pare_model *model;
    if (access(path, F_OK) != 0) {
        error_errno(err, "cannot open %s", path);
        err->code = PARE_ERR_NOT_FOUND;
        return false;
    }
    if (!pare_model_open(path, &model, err))
        return false;
    const char *histogram = cli_option(cli, "histogram");
    if (cli->format == CLI_TABLE && !histogram)
        say_model(path, model);
    bool ok = histogram ? tensors_print_histogram(cli, model, histogram, err)
                        : tensors_print_model(cli, model, err);
    pare_model_close(model);
    return ok;
}

static const struct option_spec options[] = {
    { "histogram", "TENSOR", "how the values of that one are spread instead" },
    { NULL, NULL, NULL },
};

const struct command command_inspect = {
    .name = "inspect",
    .operands = "FILE",
    .summary = "the tensors of a model file: dtype, shape, bytes",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
