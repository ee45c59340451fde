/* SPDX-License-Identifier: MIT */
#include "jobs/order.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "pare.h"
#include "tests/tap.h"

static struct arena arena;

static struct pare_recipe *recipe_of(const struct order_settings *settings)
{
    struct pare_recipe *recipe = NULL;
    struct pare_error err = { 0 };
    struct buf text;
    buf_init(&text, 1 << 16);
    order_put_recipe(settings, &text);
    if (!pare_recipe_parse(buf_string(&text), text.length, &recipe, &err))
        printf("# %s: %s\n", buf_string(&text), err.text);
    buf_done(&text);
    return recipe;
}

static const char *name_of(const struct order_settings *settings, const char *parent)
{
    struct pare_recipe *recipe = recipe_of(settings);
    const char *name = recipe ? order_version(recipe, parent, &arena) : NULL;
    pare_recipe_free(recipe);
    return name;
}

static void names(void)
{
    const struct order_settings int8 = { .scheme = "int8" };
    const struct order_settings fp16 = { .scheme = "fp16", .io16 = true };
    const struct order_settings int4 = { .scheme = "int4" };
    const struct order_settings half = { .method = "l1", .amount = 0.5 };
    const struct order_settings both = { .method = "l1", .amount = 0.125, .scheme = "int8" };
    IS(name_of(&int8, "v1.0_fp32"), "v1.0_int8", "the scheme stands where the old one was");
    IS(name_of(&fp16, "v1.0_fp32"), "v1.0_fp16", "each scheme does");
    IS(name_of(&int4, "v1.0_int8"), "v1.0_int4", "and whichever the old one was");
    IS(name_of(&int8, "fp32"), "int8", "also when that was all of the name");
    IS(name_of(&int8, "v1.0"), "v1.0_int8", "else behind the name");
    IS(name_of(&int8, "vfp32x"), "vfp32x_int8", "a part of a word is no scheme");
    IS(name_of(&int8, "xfp32-fp32"), "xfp32-int8", "nor does it hide one that is");
    IS(name_of(&half, "v1.0_fp32"), "v1.0_fp32_l1p50", "a pruning goes behind");
    IS(name_of(&both, "v1.0_fp32"), "v1.0_int8_l1p12.5", "both: the scheme, then the pruning");
    static const char optimize[] = "{\"steps\": [{\"step\": \"optimize\"}]}";
    struct pare_recipe *recipe = NULL;
    struct pare_error err;
    OK(pare_recipe_parse(optimize, strlen(optimize), &recipe, &err), "optimizing alone");
    IS(recipe ? order_version(recipe, "v1.0_fp32", &arena) : NULL, "v1.0_fp32_opt", "has a name");
    IS(recipe ? order_optimization(recipe) : NULL, "optimized", "and an optimization");
    pare_recipe_free(recipe);
}

static void recipes(void)
{
    const char *include[] = { "*/kernel", "say \"x\"", NULL }, *exclude[] = { "head*", NULL };
    const struct order_settings settings = { .method = "l1",
                                             .amount = 0.7,
                                             .scheme = "int8",
                                             .per_tensor = true,
                                             .reduce_range = true,
                                             .include = include,
                                             .exclude = exclude };
    struct pare_recipe *recipe = recipe_of(&settings);
    IS(recipe ? pare_recipe_text(recipe) : NULL,
       "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.7, \"include\": "
       "[\"*/kernel\", \"say \\\"x\\\"\"], \"exclude\": [\"head*\"]}, {\"step\": \"quantize\", "
       "\"scheme\": \"int8\", \"per_channel\": false, \"reduce_range\": true, \"form\": \"auto\", "
       "\"include\": [\"*/kernel\", \"say \\\"x\\\"\"], \"exclude\": [\"head*\"]}]}",
       "settings become a recipe that the engine takes, prune first");
    IS(recipe ? order_optimization(recipe) : NULL, "int8", "its optimization is the scheme");
    pare_recipe_free(recipe);
    const struct order_settings peers = {
        .scheme = "int8", .match = "onnxruntime", .per_channel = true, .weight_type = "quint8"
    };
    recipe = recipe_of(&peers);
    IS(recipe ? pare_recipe_text(recipe) : NULL,
       "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"match\": \"onnxruntime\", "
       "\"per_channel\": true, \"reduce_range\": false, \"weight_type\": \"quint8\"}]}",
       "another tool's output is asked for by its name");
    pare_recipe_free(recipe);
    const struct order_settings four = {
        .scheme = "int4", .block = 64, .asymmetric = true, .accuracy_level = 1, .gather = true
    };
    recipe = recipe_of(&four);
    IS(recipe ? pare_recipe_text(recipe) : NULL,
       "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"matmulnbits\", "
       "\"block\": 64, "
       "\"symmetric\": false, \"accuracy_level\": 1, \"gather\": true}]}",
       "int4 has settings of its own");
    IS(recipe ? order_optimization(recipe) : NULL, "int4", "and is the version's optimization");
    pare_recipe_free(recipe);
    static const char *const schemes[] = { "int8", "fp16", "bf16", "int4", "nf4", "fp4" };
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        IS(pare_scheme(i) ? pare_scheme(i)->name : NULL, schemes[i],
           "the engine lists its schemes");
    OK(!pare_scheme(ARRAY_SIZE(schemes)), "to the end");
    OK(pare_method(0) && !pare_method(1000), "and its methods, to the end");
}

static const char *text_of(const struct order_settings *settings)
{
    static char text[1024];
    struct pare_recipe *recipe = recipe_of(settings);
    snprintf(text, sizeof(text), "%s", recipe ? pare_recipe_text(recipe) : "no recipe");
    pare_recipe_free(recipe);
    return text;
}

static void tensor_by_tensor(void)
{
    const char *ops[] = { "MatMul", "Conv", NULL };
    const struct order_tensor given[] = {
        { "b", "int4" }, { "a", "int4" }, { "c", NULL }, { "a", "int8" }
    };
    const struct order_tensor other[] = {
        { "a", "int4" }, { "b", "int4" }, { "a", "int4" }, { "c", NULL }, { "a", "int8" }
    };
    struct order_settings settings = { .scheme = "int8",
                                       .per_tensor = true,
                                       .block = 64,
                                       .ops = ops,
                                       .tensors = given,
                                       .tensor_count = ARRAY_SIZE(given) };
    const char expected[] =
        "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"per_channel\": false, "
        "\"reduce_range\": false, \"form\": \"auto\", \"ops\": [\"Conv\", \"MatMul\"]}, {\"step\": "
        "\"quantize\", \"scheme\": \"int4\", \"form\": \"matmulnbits\", \"block\": 64, "
        "\"symmetric\": true, "
        "\"accuracy_level\": 4, \"include\": [\"a\", \"b\"]}, {\"step\": \"keep\", \"include\": "
        "[\"c\"]}, {\"step\": \"quantize\", \"scheme\": \"int8\", \"per_channel\": false, "
        "\"reduce_range\": false, \"form\": \"auto\", \"include\": [\"a\"]}]}";
    IS(text_of(&settings), expected,
       "tensors are steps behind the rule, and each scheme has its own settings");
    settings.tensors = other;
    settings.tensor_count = ARRAY_SIZE(other);
    IS(text_of(&settings), expected, "those of one scheme mean the same in any order");
    const struct order_settings exception = { .scheme = "int8",
                                              .tensors = given,
                                              .tensor_count = 1 };
    IS(name_of(&exception, "v1_fp32"), "v1_int8", "a version has the name of the rule");
    const struct order_settings stray = { .scheme = "int8", .block = 64 };
    IS(text_of(&stray), "no recipe", "a setting that no scheme takes is refused");
}

static void words(void)
{
    const struct order_settings both = { .method = "l1", .amount = 0.5, .scheme = "int8" };
    struct order_measure measure = { .dataset = "files", .against_id = 7, .threads = 2 };
    const struct order_replay replay = {
        .test_id = 3, .dataset = "files", .rate = 0.5, .seconds = 9
    };
    struct pare_recipe *recipe = recipe_of(&both);
    struct buf spec;
    buf_init(&spec, 1 << 16);
    order_put_transform(recipe, "m", "v1_int8_l1p50", &spec);
    struct order_words found = order_words("transform", buf_string(&spec), &arena);
    IS(found.what, "l1 50 %, int8", "a transform says its steps");
    IS(found.result, "v1_int8_l1p50", "and what it makes");
    pare_recipe_free(recipe);
    buf_clear(&spec);
    order_put_measure(&measure, &spec);
    IS(order_words("measure", buf_string(&spec), &arena).what, "measure on files",
       "a measurement says on what");
    measure.beside_ids = (const int64_t[]){ 7, 8 };
    measure.beside_count = 2;
    buf_clear(&spec);
    order_put_measure(&measure, &spec);
    OK(strstr(buf_string(&spec), "\"beside_ids\": [7, 8]"), "and which versions with it");
    IS(order_words("measure", buf_string(&spec), &arena).what,
       "measure on files, in turns with 2 others", "in words");
    buf_clear(&spec);
    order_put_replay(&replay, &spec);
    IS(buf_string(&spec), "{\"test_id\": 3, \"dataset\": \"files\", \"rate\": 0.5, \"seconds\": 9}",
       "a replay: what was asked for and no more");
    IS(order_words("replay", buf_string(&spec), &arena).what, "replay on files", "in words");
    IS(order_words("distill", "{\"x\": [", &arena).what, "distill", "what is no JSON its kind");
    IS(order_words("distill", NULL, &arena).what, "distill", "and so what is not there");
    OK(!strchr(order_words("measure", "{\"dataset\": \"a\\u001bb\"}", &arena).what, '\033'),
       "no control byte comes through");
    buf_done(&spec);
}

int main(void)
{
    names();
    recipes();
    tensor_by_tensor();
    words();
    arena_done(&arena);
    return tap_done();
}
