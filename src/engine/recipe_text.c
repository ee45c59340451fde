/* SPDX-License-Identifier: MIT */
/* A recipe as one line of JSON. */
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/recipe.h"

const char *recipe_form(enum step_form form)
{
    static const char *const names[] = {
        [FORM_AUTO] = "auto",
        [FORM_DYNAMIC] = "dynamic",
        [FORM_WEIGHT_ONLY] = "weight-only",
        [FORM_MATMULNBITS] = "matmulnbits",
        [FORM_QDQ] = "qdq",
    };
    return names[form];
}

static void put_globs(struct buf *out, const char *key, const struct globs *globs)
{
    if (globs->count == 0)
        return;
    buf_printf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < globs->count; i++) {
        buf_text(out, i ? ", " : "");
        json_put_string(out, globs->patterns[i]);
    }
    buf_char(out, ']');
}

static void put_prune(struct buf *out, const struct step *step)
{
    buf_printf(out, "{\"step\": \"prune\", \"method\": \"%s\"", step->choice->name);
    if (step->count) {
        buf_printf(out, ", \"count\": %llu", (unsigned long long)step->count);
    } else if (step->method != METHOD_2_4) {
        buf_text(out, ", \"amount\": ");
        json_put_number(out, step->amount);
    }
    if (step->method == METHOD_RANDOM)
        buf_printf(out, ", \"seed\": %llu", (unsigned long long)step->seed);
    if (step->method == METHOD_LN)
        buf_printf(out, ", \"dim\": %d, \"n\": %d", step->dim, step->norm);
}

static void put_step(struct buf *out, const struct step *step)
{
    if (step->kind == STEP_KEEP || step->kind == STEP_OPTIMIZE) {
        buf_printf(out, "{\"step\": \"%s\"", step->kind == STEP_KEEP ? "keep" : "optimize");
    } else if (step->kind == STEP_PRUNE) {
        put_prune(out, step);
    } else if (step->scheme == SCHEME_FP16) {
        buf_printf(out, "{\"step\": \"quantize\", \"scheme\": \"%s\", \"keep_io\": %s",
                   step->choice->name, step->keep_io ? "true" : "false");
    } else if (step->scheme == SCHEME_INT4) {
        buf_printf(out,
                   "{\"step\": \"quantize\", \"scheme\": \"%s\", \"form\": \"%s\", "
                   "\"block\": %d, \"symmetric\": %s",
                   step->choice->name, recipe_form(step->form), step->block,
                   step->symmetric ? "true" : "false");
        if (step->form == FORM_MATMULNBITS)
            buf_printf(out, ", \"accuracy_level\": %d", step->accuracy_level);
        buf_text(out, step->gather ? ", \"gather\": true" : "");
    } else if (step->scheme == SCHEME_BF16) {
        buf_printf(out, "{\"step\": \"quantize\", \"scheme\": \"%s\"", step->choice->name);
    } else if (step->scheme == SCHEME_NF4 || step->scheme == SCHEME_FP4) {
        buf_printf(out,
                   "{\"step\": \"quantize\", \"scheme\": \"%s\", \"block\": %d, "
                   "\"double_quant\": %s",
                   step->choice->name, step->block, step->double_quant ? "true" : "false");
    } else if (step->match) {
        buf_printf(out,
                   "{\"step\": \"quantize\", \"scheme\": \"%s\", \"match\": \"onnxruntime\", "
                   "\"per_channel\": %s, \"reduce_range\": %s, \"weight_type\": \"%s\"",
                   step->choice->name, step->per_channel ? "true" : "false",
                   step->reduce_range ? "true" : "false", step->is_unsigned ? "quint8" : "qint8");
    } else {
        buf_printf(out,
                   "{\"step\": \"quantize\", \"scheme\": \"%s\", \"per_channel\": %s, "
                   "\"reduce_range\": %s, \"form\": \"%s\"",
                   step->choice->name, step->per_channel ? "true" : "false",
                   step->reduce_range ? "true" : "false", recipe_form(step->form));
    }
    put_globs(out, "include", &step->include);
    put_globs(out, "exclude", &step->exclude);
    put_globs(out, "ops", &step->ops);
    buf_char(out, '}');
}

bool recipe_write_text(struct pare_recipe *recipe, struct pare_error *err)
{
    struct buf out;
    buf_init(&out, 2 * JSON_SMALL_MAX);
    buf_text(&out, "{\"steps\": [");
    for (size_t i = 0; i < recipe->step_count; i++) {
        buf_text(&out, i ? ", " : "");
        put_step(&out, &recipe->steps[i]);
    }
    buf_text(&out, "]}");
    bool ok = buf_ok(&out, err);
    recipe->text = ok ? arena_strdup(&recipe->arena, out.data) : NULL;
    if (ok && !recipe->text)
        ok = error_no_memory(err, out.length);
    buf_done(&out);
    return ok;
}
