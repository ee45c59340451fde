/* SPDX-License-Identifier: MIT */
#include "jobs/order.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/recipe.h"

/* ---- a recipe ---- */

static void put_globs(const char *key, const char *const *globs, struct buf *recipe)
{
    if (!globs || !*globs)
        return;
    buf_printf(recipe, ", \"%s\": [", key);
    for (size_t i = 0; globs[i]; i++) {
        if (i)
            buf_text(recipe, ", ");
        json_put_string(recipe, globs[i]);
    }
    buf_char(recipe, ']');
}

static void end_step(const struct order_settings *settings, struct buf *recipe)
{
    put_globs("include", settings->include, recipe);
    put_globs("exclude", settings->exclude, recipe);
    put_globs("ops", settings->ops, recipe);
    buf_char(recipe, '}');
}

static bool is_used(const struct order_settings *settings, const char *scheme)
{
    for (size_t i = 0; i < settings->tensor_count; i++)
        if (settings->tensors[i].scheme && !strcmp(settings->tensors[i].scheme, scheme))
            return true;
    return false;
}

/*
 * Whether a step of `scheme` takes a setting that belongs to `owners`, up to the NULL. Where it belongs to
 * none that is asked for, the rule's own step gets it, and the recipe's reader says what is wrong.
 */
static bool takes(const struct order_settings *settings, const char *scheme,
                  const char *const *owners)
{
    bool used = false;
    for (; *owners; owners++) {
        if (!strcmp(scheme, *owners))
            return true;
        used = used || is_used(settings, *owners);
    }
    return scheme == settings->scheme && !used;
}

/* Two schemes have forms, of different words. */
static bool is_int4_form(const char *form)
{
    return !strcmp(form, "matmulnbits") || !strcmp(form, "qdq");
}

/* A quantize step, but for what it covers. */
static void begin_quantize(const struct order_settings *settings, const char *scheme,
                           struct buf *recipe)
{
    static const char *const of_int8[] = { "int8", NULL }, *const of_fp16[] = { "fp16", NULL },
                             *const of_int4[] = { "int4", NULL },
                             *const of_float4[] = { "nf4", "fp4", NULL },
                             *const of_blocks[] = { "int4", "nf4", "fp4", NULL };
    bool int8 = takes(settings, scheme, of_int8), int4 = takes(settings, scheme, of_int4);
    buf_text(recipe, "{\"step\": \"quantize\", \"scheme\": ");
    json_put_string(recipe, scheme);
    if (int8 && settings->match) {
        buf_text(recipe, ", \"match\": ");
        json_put_string(recipe, settings->match);
    }
    if (int8 && settings->weight_type) {
        buf_text(recipe, ", \"weight_type\": ");
        json_put_string(recipe, settings->weight_type);
    }
    if (int8 && settings->per_channel)
        buf_text(recipe, ", \"per_channel\": true");
    if (int8 && settings->per_tensor)
        buf_text(recipe, ", \"per_channel\": false");
    if (int8 && settings->reduce_range)
        buf_text(recipe, ", \"reduce_range\": true");
    if (settings->io16 && takes(settings, scheme, of_fp16))
        buf_text(recipe, ", \"keep_io\": false");
    if (settings->form && (is_int4_form(settings->form) ? int4 : int8)) {
        buf_text(recipe, ", \"form\": ");
        json_put_string(recipe, settings->form);
    }
    if (settings->block && takes(settings, scheme, of_blocks))
        buf_printf(recipe, ", \"block\": %lld", (long long)settings->block);
    if (settings->single_quant && takes(settings, scheme, of_float4))
        buf_text(recipe, ", \"double_quant\": false");
    if (int4 && settings->asymmetric)
        buf_text(recipe, ", \"symmetric\": false");
    if (int4 && settings->gather)
        buf_text(recipe, ", \"gather\": true");
    if (int4 && settings->accuracy_level)
        buf_printf(recipe, ", \"accuracy_level\": %lld", (long long)settings->accuracy_level);
}

static bool same_scheme(const struct order_tensor *a, const struct order_tensor *b)
{
    return a->scheme && b->scheme ? !strcmp(a->scheme, b->scheme) : a->scheme == b->scheme;
}

/* One step from tensor `at` on, of all that follow with the same scheme; the first it leaves. */
static size_t put_tensors(const struct order_settings *settings, size_t at, struct buf *recipe)
{
    const struct order_tensor *first = &settings->tensors[at];
    if (first->scheme)
        begin_quantize(settings, first->scheme, recipe);
    else
        buf_text(recipe, "{\"step\": \"keep\"");
    buf_text(recipe, ", \"include\": [");
    for (; at < settings->tensor_count && same_scheme(first, &settings->tensors[at]); at++) {
        buf_text(recipe, first == &settings->tensors[at] ? "" : ", ");
        json_put_string(recipe, settings->tensors[at].glob);
    }
    buf_text(recipe, "]}");
    return at;
}

/* A prune step, but for what it covers; 2:4 has no amount. */
static void put_prune(const struct order_settings *settings, struct buf *recipe)
{
    buf_text(recipe, "{\"step\": \"prune\", \"method\": ");
    json_put_string(recipe, settings->method);
    if (settings->count) {
        buf_printf(recipe, ", \"count\": %lld", (long long)settings->count);
    } else if (strcmp(settings->method, "2:4") != 0) {
        buf_text(recipe, ", \"amount\": ");
        json_put_number(recipe, settings->amount);
    }
    if (settings->seed)
        buf_printf(recipe, ", \"seed\": %s", settings->seed);
    if (settings->dim)
        buf_printf(recipe, ", \"dim\": %s", settings->dim);
    if (settings->norm)
        buf_printf(recipe, ", \"n\": %s", settings->norm);
}

void order_put_recipe(const struct order_settings *settings, struct buf *recipe)
{
    buf_text(recipe, "{\"steps\": [");
    if (settings->method) {
        put_prune(settings, recipe);
        end_step(settings, recipe);
    }
    if (settings->method && settings->scheme)
        buf_text(recipe, ", ");
    if (settings->scheme) {
        begin_quantize(settings, settings->scheme, recipe);
        end_step(settings, recipe);
    }
    for (size_t at = 0; at < settings->tensor_count;) {
        buf_text(recipe, settings->method || settings->scheme || at > 0 ? ", " : "");
        at = put_tensors(settings, at, recipe);
    }
    buf_text(recipe, "]}");
}

/* ---- a name ---- */

/* Of several it is the rule; those behind it are exceptions. */
static const struct step *first_step(const struct pare_recipe *recipe, enum step_kind kind)
{
    for (size_t i = 0; i < recipe->step_count; i++)
        if (recipe->steps[i].kind == kind)
            return &recipe->steps[i];
    return NULL;
}

/* Where `word` stands in `text` by itself, between separators; NULL: nowhere. */
static const char *find_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        bool begins = at == text || strchr("_-.", at[-1]);
        bool ends = !at[length] || strchr("_-.", at[length]);
        if (begins && ends)
            return at;
    }
    return NULL;
}

/* The parent's name with the scheme in place of the old one, else behind it. */
static char *with_scheme(const char *parent, const char *scheme, struct arena *arena)
{
    static const char *const known[] = { "fp32", "fp16", "bf16", "int8", "int4", "nf4", "fp4" };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        const char *at = find_word(parent, known[i]);
        if (at)
            return arena_printf(arena, "%.*s%s%s", (int)(at - parent), parent, scheme,
                                at + strlen(known[i]));
    }
    return arena_printf(arena, "%s_%s", parent, scheme);
}

char *order_version(const struct pare_recipe *recipe, const char *parent_version,
                    struct arena *arena)
{
    const struct step *prune = first_step(recipe, STEP_PRUNE);
    const struct step *quantize = first_step(recipe, STEP_QUANTIZE);
    char *name = quantize ? with_scheme(parent_version, quantize->choice->name, arena)
                          : arena_strdup(arena, parent_version);
    if (name && first_step(recipe, STEP_OPTIMIZE))
        name = arena_printf(arena, "%s_opt", name);
    if (!name || !prune)
        return name;
    if (prune->method == METHOD_2_4)
        return arena_printf(arena, "%s_2of4", name); /* a colon would end the model's name */
    if (prune->count)
        return arena_printf(arena, "%s_%sn%llu", name, prune->choice->name,
                            (unsigned long long)prune->count);
    return arena_printf(arena, "%s_%sp%.4g", name, prune->choice->name, 100 * prune->amount);
}

const char *order_optimization(const struct pare_recipe *recipe)
{
    const struct step *quantize = first_step(recipe, STEP_QUANTIZE);
    bool pruned = first_step(recipe, STEP_PRUNE);
    return quantize ? quantize->choice->name : pruned ? "pruned" : "optimized";
}

/* ---- a job ---- */

void order_put_transform(const struct pare_recipe *recipe, const char *name, const char *version,
                         struct buf *spec)
{
    buf_printf(spec, "{\"recipe\": %s, \"name\": ", pare_recipe_text(recipe));
    json_put_string(spec, name);
    buf_text(spec, ", \"version\": ");
    json_put_string(spec, version);
    buf_text(spec, ", \"optimization\": ");
    json_put_string(spec, order_optimization(recipe));
    buf_char(spec, '}');
}

void order_put_measure(const struct order_measure *measure, struct buf *spec)
{
    buf_text(spec, "{\"dataset\": ");
    json_put_string(spec, measure->dataset);
    if (measure->against_id)
        buf_printf(spec, ", \"against_id\": %lld", (long long)measure->against_id);
    for (size_t i = 0; i < measure->beside_count; i++)
        buf_printf(spec, "%s%lld", i ? ", " : ", \"beside_ids\": [",
                   (long long)measure->beside_ids[i]);
    buf_text(spec, measure->beside_count ? "]" : "");
    buf_printf(spec, ", \"threads\": %lld, \"seconds\": %lld", (long long)measure->threads,
               (long long)measure->seconds);
    if (measure->replace)
        buf_text(spec, ", \"replace\": true");
    buf_char(spec, '}');
}

void order_put_replay(const struct order_replay *replay, struct buf *spec)
{
    buf_printf(spec, "{\"test_id\": %lld, \"dataset\": ", (long long)replay->test_id);
    json_put_string(spec, replay->dataset);
    buf_text(spec, ", \"rate\": ");
    json_put_number(spec, replay->rate);
    if (replay->requests)
        buf_printf(spec, ", \"requests\": %lld", (long long)replay->requests);
    if (replay->seconds)
        buf_printf(spec, ", \"seconds\": %lld", (long long)replay->seconds);
    buf_char(spec, '}');
}

/* ---- in words ---- */

static void put_step(const cJSON *step, struct buf *words)
{
    const char *method = json_string(step, "method", NULL);
    const char *scheme = json_string(step, "scheme", NULL);
    bool optimize = !strcmp(json_string(step, "step", ""), "optimize");
    if (words->length && (method || scheme || optimize))
        buf_text(words, ", ");
    double amount = json_number(step, "amount", -1), count = json_number(step, "count", -1);
    if (method && amount >= 0)
        buf_printf(words, "%s %.4g %%", method, 100 * amount);
    else if (method && count >= 0)
        buf_printf(words, "%s %.0f", method, count);
    else if (method)
        buf_text(words, method);
    else if (scheme)
        buf_text(words, scheme);
    else if (optimize)
        buf_text(words, "optimize");
}

struct order_words order_words(const char *kind, const char *spec, struct arena *arena)
{
    CLEANUP(json_free) cJSON *root = NULL;
    struct order_words found = { .what = kind };
    struct pare_error ignored;
    struct buf words;
    if (!spec || !json_parse(spec, strlen(spec), &root, &ignored))
        return found;
    const cJSON *recipe = cJSON_GetObjectItemCaseSensitive(root, "recipe"), *step;
    const char *dataset = json_string(root, "dataset", NULL);
    buf_init(&words, JSON_SMALL_MAX);
    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(recipe, "steps"))
    {
        put_step(step, &words);
    }
    if (dataset)
        buf_printf(&words, "%s on %s", kind, dataset);
    int beside = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(root, "beside_ids"));
    if (dataset && beside > 0)
        buf_printf(&words, ", in turns with %d other%s", beside, beside == 1 ? "" : "s");
    if (words.length > 0)
        found.what = text_clean_dup(arena, buf_string(&words));
    found.result = text_clean_dup(arena, json_string(root, "version", NULL));
    buf_done(&words);
    return found;
}
