/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/transform.h"

enum { RECIPE_MAX = 1 << 20 };

/* What the recipe is called in the new version's name: the last step's scheme, or "pared". */
static void name_by_steps(const char *recipe, size_t length, struct cli *cli,
                          struct transform_request *request)
{
    cJSON *root = NULL;
    struct pare_error ignored;
    if (!json_parse(recipe, length, &root, &ignored))
        return;
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(root, "steps"), *step;
    cJSON_ArrayForEach(step, steps)
    {
        const char *scheme = json_string(step, "scheme", NULL);
        const char *method = json_string(step, "method", NULL);
        if (scheme)
            request->scheme = arena_strdup(&cli->arena, scheme);
        if (method)
            request->suffix =
                arena_printf(&cli->arena, "%sp%.4g", method, 100 * json_number(step, "amount", 0));
    }
    cJSON_Delete(root);
}

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
    bool ok = file_read(path, &recipe, err);
    struct transform_request request = { .recipe = buf_string(&recipe) };
    if (ok)
        name_by_steps(buf_string(&recipe), recipe.length, cli, &request);
    request.optimization = request.scheme ? request.scheme : "pruned";
    ok = ok && transform_do(cli, &request, err);
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
