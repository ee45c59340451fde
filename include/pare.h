/* SPDX-License-Identifier: MIT */
/*
 * libpare: make models smaller, and say what it cost.
 *
 *     struct pare_error err;
 *     struct pare_model *model;
 *     struct pare_recipe *recipe;
 *     struct pare_plan *plan;
 *     struct pare_report *report;
 *     const char text[] = "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\"}]}";
 *
 *     if (!pare_model_open("model.onnx", &model, &err) ||
 *         !pare_recipe_parse(text, strlen(text), &recipe, &err) ||
 *         !pare_plan_make(model, recipe, &(struct pare_plan_options){ .name = "small.onnx" },
 *                         &plan, &err) ||
 *         !pare_run(plan, "small.onnx", &(struct pare_run_options){ 0 }, &report, &err)) {
 *         fprintf(stderr, "%s\n", err.text);
 *         exit(1);
 *     }
 *     puts(pare_report_json(report));
 *     pare_report_free(report);
 *     pare_plan_free(plan);
 *     pare_recipe_free(recipe);
 *     pare_model_close(model);
 *
 * A function that can fail returns false, describes it in `err`, and leaves its ret_ arguments
 * alone. Different models may be used from different threads at once; one model from one.
 */
#ifndef PARE_H
#define PARE_H

#include <pare/error.h>
#include <pare/model.h>
#include <pare/recipe.h>
#include <pare/transform.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "0.1.0". */
PARE_API const char *pare_version(void);

#ifdef __cplusplus
}
#endif

#endif
