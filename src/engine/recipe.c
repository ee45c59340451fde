/* SPDX-License-Identifier: MIT */
#include "engine/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/scheme.h"
#include "engine/structure.h"
#include "format/int4.h"

/* Of 4-bit blocks; why these: pare-recipe(5). */
enum { BLOCK_DEFAULT = 32, ACCURACY_DEFAULT = 4, FLOAT4_BLOCK_DEFAULT = 64 };

static const struct pare_choice schemes[] = {
    [SCHEME_INT8] = { "int8", "8-bit integers with scales, a quarter of fp32" },
    [SCHEME_FP16] = { "fp16", "16-bit floats, half of fp32; no faster on CPUs" },
    [SCHEME_BF16] = { "bf16", "16-bit weights, half of fp32; computed in fp32, as fast" },
    [SCHEME_INT4] = { "int4", "4-bit blocks with scales, a sixth of fp32" },
    [SCHEME_NF4] = { "nf4", "4-bit floats, a seventh of fp32; in ONNX slow on CPUs" },
    [SCHEME_FP4] = { "fp4", "as nf4, less exact" },
};

static const char *const kind_names[] = {
    [STEP_PRUNE] = "prune",
    [STEP_QUANTIZE] = "quantize",
    [STEP_KEEP] = "keep",
    [STEP_OPTIMIZE] = "optimize",
};

/* ---- reading ---- */

/* One step while its keys are read; errors name it. */
struct reading {
    struct pare_recipe *recipe;
    struct step *step;
    size_t number; /* from 1 */
    struct pare_error *err;
};

static bool wrong(const struct reading *r, const char *key, const char *expected)
{
    return error_set(r->err, PARE_ERR_USAGE, "recipe, step %zu: \"%s\" must be %s", r->number, key,
                     expected);
}

static bool read_bool(const struct reading *r, const cJSON *item, bool *ret_value)
{
    if (!cJSON_IsBool(item))
        return wrong(r, item->string, "true or false");
    *ret_value = cJSON_IsTrue(item);
    return true;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The order of patterns means nothing, so equal recipes have one. */
static struct globs sort_globs(const char **patterns, size_t count)
{
    size_t kept = 0;
    qsort(patterns, count, sizeof(*patterns), by_text);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(patterns[i], patterns[kept - 1]) != 0)
            patterns[kept++] = patterns[i];
    return (struct globs){ patterns, kept };
}

static bool read_globs(const struct reading *r, const cJSON *item, struct globs *ret_globs)
{
    int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 0;
    if (count < 1 || count > RECIPE_GLOBS_MAX)
        return wrong(r, item->string, "a list of 1 to 1024 patterns");
    const char **patterns = arena_array(&r->recipe->arena, (size_t)count, sizeof(*patterns));
    if (!patterns)
        return error_no_memory(r->err, (size_t)count * sizeof(*patterns));
    size_t n = 0;
    const cJSON *each;
    cJSON_ArrayForEach(each, item)
    {
        if (!cJSON_IsString(each) || !*each->valuestring)
            return wrong(r, item->string, "a list of patterns, each a text that is not empty");
        patterns[n] = arena_strdup(&r->recipe->arena, each->valuestring);
        if (!patterns[n++])
            return error_no_memory(r->err, strlen(each->valuestring));
    }
    *ret_globs = sort_globs(patterns, n);
    return true;
}

static bool read_choice(const struct reading *r, const cJSON *item,
                        const struct pare_choice *choices, size_t count)
{
    const char *word = cJSON_IsString(item) ? item->valuestring : "?";
    char known[128] = "";
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(word, choices[i].name)) {
            r->step->choice = &choices[i];
            return true;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s\"%s\"", i ? ", " : "", choices[i].name);
    }
    return error_set(r->err, PARE_ERR_USAGE,
                     "recipe, step %zu: %s \"%.100s\" is not known; there is %s", r->number,
                     item->string, word, known);
}

static bool read_form(const struct reading *r, const cJSON *item)
{
    if (r->step->match)
        return error_set(r->err, PARE_ERR_USAGE,
                         "recipe, step %zu: \"form\" is not possible with \"match\", where the "
                         "form is onnxruntime's own; leave one of them out",
                         r->number);
    bool int4 = r->step->scheme == SCHEME_INT4;
    size_t end = int4 ? FORM_QDQ + 1 : FORM_MATMULNBITS;
    for (size_t i = int4 ? FORM_MATMULNBITS : 0; i < end; i++)
        if (cJSON_IsString(item) && !strcmp(item->valuestring, recipe_form((enum step_form)i))) {
            r->step->form = (enum step_form)i;
            return true;
        }
    return wrong(r, "form",
                 int4 ? "\"matmulnbits\" or \"qdq\"" : "\"auto\", \"dynamic\" or \"weight-only\"");
}

/* Gives what quantize_dynamic gives: by default one scale a tensor. */
static bool read_match(const struct reading *r, const cJSON *step)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(step, "match");
    if (!item || r->step->scheme != SCHEME_INT8)
        return true;
    if (!cJSON_IsString(item) || strcmp(item->valuestring, "onnxruntime") != 0)
        return wrong(r, "match", "\"onnxruntime\"");
    r->step->match = true;
    r->step->per_channel = false;
    return true;
}

static bool read_weight_type(const struct reading *r, const cJSON *item)
{
    const char *word = cJSON_IsString(item) ? item->valuestring : "";
    if (!r->step->match)
        return error_set(r->err, PARE_ERR_USAGE,
                         "recipe, step %zu: \"weight_type\" is possible only with \"match\"; "
                         "without it int8 weights are qint8",
                         r->number);
    r->step->is_unsigned = !strcmp(word, "quint8");
    return r->step->is_unsigned || !strcmp(word, "qint8") ||
           wrong(r, "weight_type", "\"qint8\" or \"quint8\"");
}

/* The peer's output follows from the whole model; what else a recipe can say has no place in it. */
static bool check_match(const struct pare_recipe *recipe, struct pare_error *err)
{
    for (size_t i = 0; i < recipe->step_count; i++) {
        const struct step *step = &recipe->steps[i];
        bool chooses = step->include.count || step->exclude.count || step->ops.count;
        if (step->match && (recipe->step_count > 1 || chooses))
            return error_set(err, PARE_ERR_USAGE,
                             "recipe, step %zu: with \"match\" there can be no other step, and no "
                             "\"include\", \"exclude\" or \"ops\"",
                             i + 1);
    }
    return true;
}

static bool read_whole(const struct reading *r, const cJSON *item, int low, int high,
                       const char *expected, int *ret_value)
{
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= low && value <= high) || value != (double)(int)value)
        return wrong(r, item->string, expected);
    *ret_value = (int)value;
    return true;
}

static bool read_block(const struct reading *r, const cJSON *item)
{
    static const char expected[] = "16, 32, 64, 128 or 256";
    if (!read_whole(r, item, INT4_BLOCK_MIN, INT4_BLOCK_MAX, expected, &r->step->block))
        return false;
    return (r->step->block & (r->step->block - 1)) == 0 || wrong(r, item->string, expected);
}

static bool is_float4(const struct step *step)
{
    return step->scheme == SCHEME_NF4 || step->scheme == SCHEME_FP4;
}

/* Which keys there are depends on the scheme, so it is read before them. */
static bool read_scheme(const struct reading *r, const cJSON *item)
{
    if (!read_choice(r, item, schemes, ARRAY_SIZE(schemes)))
        return false;
    r->step->scheme = (enum step_scheme)(r->step->choice - schemes);
    r->step->per_channel = r->step->keep_io = r->step->symmetric = r->step->double_quant = true;
    r->step->block = is_float4(r->step) ? FLOAT4_BLOCK_DEFAULT : BLOCK_DEFAULT;
    if (r->step->scheme == SCHEME_INT4)
        r->step->form = FORM_MATMULNBITS;
    return true;
}

/* A key that belongs to one scheme; *ret_known false: it does not belong to this one. */
static bool read_scheme_key(const struct reading *r, const cJSON *item, bool *ret_known)
{
    struct step *step = r->step;
    const char *key = item->string;
    bool int8 = step->scheme == SCHEME_INT8, fp16 = step->scheme == SCHEME_FP16;
    bool int4 = step->scheme == SCHEME_INT4;
    *ret_known = true;
    if (int8 && !strcmp(key, "per_channel"))
        return read_bool(r, item, &step->per_channel);
    if (int8 && !strcmp(key, "reduce_range"))
        return read_bool(r, item, &step->reduce_range);
    if (int8 && !strcmp(key, "match"))
        return true;
    if (int8 && !strcmp(key, "weight_type"))
        return read_weight_type(r, item);
    if ((int8 || int4) && !strcmp(key, "form"))
        return read_form(r, item);
    if (fp16 && !strcmp(key, "keep_io"))
        return read_bool(r, item, &step->keep_io);
    if ((int4 || is_float4(step)) && !strcmp(key, "block"))
        return read_block(r, item);
    if (is_float4(step) && !strcmp(key, "double_quant"))
        return read_bool(r, item, &step->double_quant);
    if (int4 && !strcmp(key, "symmetric"))
        return read_bool(r, item, &step->symmetric);
    if (int4 && !strcmp(key, "gather"))
        return read_bool(r, item, &step->gather);
    if (int4 && !strcmp(key, "accuracy_level"))
        return read_whole(r, item, 1, 4, "1, 2, 3 or 4", &step->accuracy_level);
    *ret_known = false;
    return true;
}

static bool read_key(const struct reading *r, const cJSON *item)
{
    struct step *step = r->step;
    const char *key = item->string;
    bool prune = step->kind == STEP_PRUNE, quantize = step->kind == STEP_QUANTIZE, known = false;
    if (!strcmp(key, "step") || (quantize && !strcmp(key, "scheme")))
        return true;
    bool chooses = step->kind != STEP_OPTIMIZE; /* which takes the graph as a whole */
    if (chooses && !strcmp(key, "include"))
        return read_globs(r, item, &step->include);
    if (chooses && !strcmp(key, "exclude"))
        return read_globs(r, item, &step->exclude);
    if (chooses && !strcmp(key, "ops"))
        return read_globs(r, item, &step->ops);
    if (prune && !recipe_read_prune_key(step, r->number, item, &known, r->err))
        return false;
    if (quantize && !read_scheme_key(r, item, &known))
        return false;
    return known || error_set(r->err, PARE_ERR_USAGE,
                              "recipe, step %zu: the key \"%.100s\" is not known "
                              "for %s %s step%s%s",
                              r->number, key, chooses ? "a" : "an", kind_names[step->kind],
                              quantize ? " of scheme "
                              : prune  ? " of method "
                                       : "",
                              quantize || prune ? step->choice->name : "");
}

/* Which kind of step it is and what it cannot do without. */
static bool read_kind(const struct reading *r, const cJSON *item)
{
    static const char *const wanted[][2] = { [STEP_PRUNE] = { "method" },
                                             [STEP_QUANTIZE] = { "scheme" },
                                             [STEP_KEEP] = { NULL },
                                             [STEP_OPTIMIZE] = { NULL } };
    const char *word = json_string(item, "step", NULL);
    size_t kind = 0;
    if (!cJSON_IsObject(item) || !word)
        return error_set(r->err, PARE_ERR_USAGE,
                         "recipe, step %zu: an object with the key \"step\" was expected",
                         r->number);
    while (kind < ARRAY_SIZE(kind_names) && strcmp(word, kind_names[kind]) != 0)
        kind++;
    if (kind == ARRAY_SIZE(kind_names))
        return error_set(r->err, PARE_ERR_USAGE,
                         "recipe, step %zu: the step \"%.100s\" is not known; there are "
                         "\"prune\", \"quantize\", \"keep\" and \"optimize\"",
                         r->number, word);
    for (const char *const *key = wanted[kind]; *key; key++)
        if (!cJSON_GetObjectItemCaseSensitive(item, *key))
            return error_set(r->err, PARE_ERR_USAGE, "recipe, step %zu: the key \"%s\" is missing",
                             r->number, *key);
    r->step->kind = (enum step_kind)kind;
    return true;
}

/* The keys that depend on another: read at last. */
static bool settle_form(const struct reading *r)
{
    bool given = r->step->accuracy_level != 0;
    if ((given || r->step->gather) && r->step->form == FORM_QDQ)
        return error_set(r->err, PARE_ERR_USAGE,
                         "recipe, step %zu: \"%s\" is for the form matmulnbits alone", r->number,
                         given ? "accuracy_level" : "gather");
    if (!given && r->step->form == FORM_MATMULNBITS)
        r->step->accuracy_level = ACCURACY_DEFAULT;
    return true;
}

static bool read_step(const struct reading *r, const cJSON *item)
{
    if (!read_kind(r, item))
        return false;
    if (r->step->kind == STEP_QUANTIZE &&
        !read_scheme(r, cJSON_GetObjectItemCaseSensitive(item, "scheme")))
        return false;
    if (r->step->kind == STEP_QUANTIZE && !read_match(r, item))
        return false;
    if (r->step->kind == STEP_PRUNE && !recipe_read_method(r->step, r->number, item, r->err))
        return false;
    const cJSON *each;
    cJSON_ArrayForEach(each, item)
    {
        if (!read_key(r, each))
            return false;
    }
    return settle_form(r);
}

static bool read_steps(struct pare_recipe *recipe, const cJSON *root, struct pare_error *err)
{
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(root, "steps"), *each;
    cJSON_ArrayForEach(each, root)
    {
        if (cJSON_IsObject(root) && strcmp(each->string, "steps") != 0)
            return error_set(err, PARE_ERR_USAGE, "recipe: the key \"%.100s\" is not known",
                             each->string);
    }
    int count = cJSON_IsArray(steps) ? cJSON_GetArraySize(steps) : -1;
    if (count < 0 || count > RECIPE_STEPS_MAX)
        return error_set(err, PARE_ERR_USAGE,
                         "recipe: an object with \"steps\", a list of 0 to %d steps, was expected",
                         RECIPE_STEPS_MAX);
    recipe->steps = arena_array(&recipe->arena, (size_t)count + 1, sizeof(*recipe->steps));
    if (!recipe->steps)
        return error_no_memory(err, (size_t)count * sizeof(*recipe->steps));
    bool quantized = false, changed = false;
    cJSON_ArrayForEach(each, steps)
    {
        struct reading r = { recipe, &recipe->steps[recipe->step_count], ++recipe->step_count,
                             err };
        if (!read_step(&r, each))
            return false;
        if (quantized && r.step->kind == STEP_PRUNE)
            return error_set(err, PARE_ERR_USAGE,
                             "recipe, step %zu: prune must come before quantize", r.number);
        if (structure_is_step(r.step) && changed)
            return error_set(err, PARE_ERR_USAGE,
                             "recipe, step %zu: prune %s takes whole channels, so it must come "
                             "before steps that choose among what is left",
                             r.number, r.step->choice->name);
        changed = changed || (r.step->kind != STEP_OPTIMIZE && !structure_is_step(r.step));
        if (recipe->step_count > 1 && r.step->kind == STEP_OPTIMIZE)
            return error_set(err, PARE_ERR_USAGE, "recipe, step %zu: optimize must come first",
                             r.number);
        quantized = quantized || r.step->kind == STEP_QUANTIZE;
    }
    return check_match(recipe, err);
}

/* Whether a step asks for the scheme. */
static bool is_asked(const struct pare_recipe *recipe, size_t scheme)
{
    bool asked = false;
    for (size_t i = 0; i < recipe->step_count; i++)
        asked = asked || (recipe->steps[i].kind == STEP_QUANTIZE &&
                          recipe->steps[i].scheme == (enum step_scheme)scheme);
    return asked;
}

static const char *warning_of_scheme(const struct pare_recipe *recipe, size_t scheme)
{
    const struct step step = { .kind = STEP_QUANTIZE, .scheme = (enum step_scheme)scheme };
    return is_asked(recipe, scheme) ? scheme_of(&step, NULL)->warning : NULL;
}

/* "nf4 and fp4 are", of all schemes asked for of which the same is said; NULL when memory ends. */
static const char *warned_schemes(struct pare_recipe *recipe, const char *warning)
{
    const char *names = NULL;
    int count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        const char *other = warning_of_scheme(recipe, i);
        if (!other || strcmp(other, warning) != 0)
            continue;
        names = arena_printf(&recipe->arena, "%s%s%s", count ? names : "", count ? " and " : "",
                             schemes[i].name);
        if (!names)
            return NULL;
        count++;
    }
    return arena_printf(&recipe->arena, "%s %s", names, count > 1 ? "are" : "is");
}

static bool write_warning(struct pare_recipe *recipe, struct pare_error *err)
{
    recipe->warning = "";
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        const char *warning = warning_of_scheme(recipe, i), *before = recipe->warning;
        if (!warning || strstr(before, warning))
            continue;
        const char *names = warned_schemes(recipe, warning);
        recipe->warning = names ? arena_printf(&recipe->arena, "%s%s%s %s", before,
                                               *before ? "; " : "", names, warning)
                                : NULL;
        if (!recipe->warning)
            return error_no_memory(err, strlen(warning));
    }
    return true;
}

/* ---- the interface ---- */

const struct pare_choice *pare_scheme(size_t index)
{
    return index < ARRAY_SIZE(schemes) ? &schemes[index] : NULL;
}

bool pare_recipe_parse(const char *text, size_t length, struct pare_recipe **ret_recipe,
                       struct pare_error *err)
{
    CLEANUP(json_free) cJSON *root = NULL;
    if (!json_parse(text, length, &root, err))
        return error_prefix(err, "recipe");
    struct pare_recipe *recipe = calloc(1, sizeof(*recipe));
    if (!recipe)
        return error_no_memory(err, sizeof(*recipe));
    if (!read_steps(recipe, root, err) || !recipe_write_text(recipe, err) ||
        !write_warning(recipe, err)) {
        pare_recipe_free(recipe);
        return false;
    }
    *ret_recipe = recipe;
    return true;
}

void pare_recipe_free(struct pare_recipe *recipe)
{
    if (!recipe)
        return;
    arena_done(&recipe->arena);
    free(recipe);
}

const char *pare_recipe_text(const struct pare_recipe *recipe)
{
    return recipe->text;
}

const char *pare_recipe_warning(const struct pare_recipe *recipe)
{
    return recipe->warning;
}
