/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "cli/transform.h"

enum { RECIPE_MAX = 1 << 20 };

static bool run(struct cli *cli, struct pare_error *err)
{
    const char *path = cli_option(cli, "recipe");
    struct buf recipe;
    if (!path)
        return error_set(err, PARE_ERR_USAGE, "run wants --recipe FILE; see: man pare-recipe");
    if (access(path, F_OK) != 0) {
        error_errno(err, "cannot open %s", path);
        err->code = PARE_ERR_NOT_FOUND;
        return false;
    }
    buf_init(&recipe, RECIPE_MAX);
    bool ok = file_read(path, &recipe, err) && transform_do(cli, buf_string(&recipe), err);
    buf_done(&recipe);
    return ok;
}

static const struct option_spec options[] = {
    { "recipe", "FILE", "the steps, as JSON: man pare-recipe" },
    TRANSFORM_OPTIONS,
    { NULL, NULL, NULL },
};

const struct command command_run = {
    .name = "run",
    .operands = "REF|FILE",
    .summary = "make a version by a recipe of several steps",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
