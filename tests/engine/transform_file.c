/* SPDX-License-Identifier: MIT */
/*
 * The library from a shell, for the tests beside other runtimes:
 *
 *     transform_file RECIPE IN OUT
 *
 * prints the report, then a line "predicted N peak_kb M". Exit code 1 and a sentence on
 * stderr on failure.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "pare.h"

static bool transform(const char *recipe_text, const char *in, const char *out,
                      struct pare_error *err)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const char *slash = strrchr(out, '/');
    struct pare_plan_options options = { .name = slash ? slash + 1 : out };
    bool ok = pare_model_open(in, &model, err) &&
              pare_recipe_parse(recipe_text, strlen(recipe_text), &recipe, err) &&
              pare_plan_make(model, recipe, &options, &plan, err) &&
              pare_run(plan, out, NULL, &report, err);
    if (ok) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        printf("%s\npredicted %lld peak_kb %ld\n", pare_report_json(report),
               (long long)pare_plan_after_bytes(plan), usage.ru_maxrss);
    }
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    return ok;
}

int main(int argc, char **argv)
{
    struct pare_error err;
    if (argc != 4) {
        fprintf(stderr, "usage: %s RECIPE IN OUT\n", argv[0]);
        return 2;
    }
    if (!transform(argv[1], argv[2], argv[3], &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}
