/* SPDX-License-Identifier: MIT */
/* Recipes: strict, and spelled out again in one way. */
#include "engine/recipe.h"

#include "base/error.h"
#include "tap.h"

static void says(const char *what, const char *text, const char *expected)
{
    struct pare_error err = { 0 };
    struct pare_recipe *recipe = NULL;
    bool ok = pare_recipe_parse(text, strlen(text), &recipe, &err);
    IS(ok ? pare_recipe_text(recipe) : err.text, expected, what);
    pare_recipe_free(recipe);
}

static void good_recipes_are_spelled_out(void)
{
    says("int8 has its defaults", "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"int8\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"per_channel\": true, "
         "\"reduce_range\": false, \"form\": \"auto\"}]}");
    says("int4 has its defaults", "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"int4\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"matmulnbits\", "
         "\"block\": 32, "
         "\"symmetric\": true, \"accuracy_level\": 4}]}");
    says("and its settings, in any order",
         "{\"steps\":[{\"block\":256,\"symmetric\":false,\"accuracy_level\":1,\"scheme\":\"int4\","
         "\"step\":\"quantize\",\"include\":[\"a\"]}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"matmulnbits\", "
         "\"block\": 256, "
         "\"symmetric\": false, \"accuracy_level\": 1, \"include\": [\"a\"]}]}");
    says("prune keeps the digits of its amount, and its globs",
         "{\"steps\":[{\"include\":[\"a*\",\"b\"],\"amount\":0.35,\"method\":\"l1\",\"step\":"
         "\"prune\""
         ",\"exclude\":[\"c\"]}]}",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.35, \"include\": "
         "[\"a*\", \"b\"], \"exclude\": [\"c\"]}]}");
    says("methods have settings of their own",
         "{\"steps\":[{\"step\":\"prune\",\"method\":\"2:4\"},{\"step\":\"prune\",\"method\":"
         "\"random\",\"amount\":0.5},{\"step\":\"prune\",\"method\":\"ln\",\"n\":1,\"count\":3,"
         "\"dim\":-1}]}",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"2:4\"}, {\"step\": \"prune\", "
         "\"method\": \"random\", \"amount\": 0.5, \"seed\": 0}, {\"step\": \"prune\", "
         "\"method\": \"ln\", \"count\": 3, \"dim\": -1, \"n\": 1}]}");
    says("optimize has no settings", "{\"steps\":[{\"step\":\"optimize\"},{\"step\":\"keep\"}]}",
         "{\"steps\": [{\"step\": \"optimize\"}, {\"step\": \"keep\"}]}");
    says("two steps",
         "{\"steps\":[{\"step\":\"prune\",\"method\":\"l1\",\"amount\":1},{\"step\":\"quantize\","
         "\"scheme\":\"int8\",\"form\":\"weight-only\",\"per_channel\":false,\"reduce_range\":true}"
         "]}",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 1}, {\"step\": "
         "\"quantize\", \"scheme\": \"int8\", \"per_channel\": false, \"reduce_range\": true, "
         "\"form\": \"weight-only\"}]}");
}

static void fp16_has_its_own_keys(void)
{
    says("fp16 keeps inputs and outputs",
         "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"fp16\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\", \"keep_io\": true}]}");
    says("or not", "{\"steps\":[{\"keep_io\":false,\"step\":\"quantize\",\"scheme\":\"fp16\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\", \"keep_io\": false}]}");
    says("a key of int8",
         "{\"steps\": [{\"per_channel\": true, \"step\": \"quantize\", \"scheme\": \"fp16\"}]}",
         "recipe, step 1: the key \"per_channel\" is not known for a quantize step of scheme fp16");
    says("a key of fp16",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"keep_io\": true}]}",
         "recipe, step 1: the key \"keep_io\" is not known for a quantize step of scheme int8");
}

static void int4_has_two_forms(void)
{
    says("qdq has no accuracy",
         "{\"steps\":[{\"form\":\"qdq\",\"step\":\"quantize\",\"scheme\":\"int4\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"qdq\", "
         "\"block\": 32, \"symmetric\": true}]}");
    says("and is not asked for one",
         "{\"steps\":[{\"accuracy_level\":4,\"form\":\"qdq\",\"step\":\"quantize\",\"scheme\":"
         "\"int4\"}]}",
         "recipe, step 1: \"accuracy_level\" is for the form matmulnbits alone");
    says("tables are asked for",
         "{\"steps\":[{\"gather\":true,\"step\":\"quantize\",\"scheme\":\"int4\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"matmulnbits\", "
         "\"block\": 32, \"symmetric\": true, \"accuracy_level\": 4, \"gather\": true}]}");
    says("and not asked for, they leave the text as it was",
         "{\"steps\":[{\"gather\":false,\"step\":\"quantize\",\"scheme\":\"int4\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"matmulnbits\", "
         "\"block\": 32, \"symmetric\": true, \"accuracy_level\": 4}]}");
    says("qdq has none",
         "{\"steps\":[{\"gather\":true,\"form\":\"qdq\",\"step\":\"quantize\",\"scheme\":"
         "\"int4\"}]}",
         "recipe, step 1: \"gather\" is for the form matmulnbits alone");
    says("bf16 has no settings", "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"bf16\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"bf16\"}]}");
    says("not those of int4 either",
         "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"bf16\",\"gather\":true}]}",
         "recipe, step 1: the key \"gather\" is not known for a quantize step of scheme bf16");
    says("a form of int8",
         "{\"steps\":[{\"form\":\"dynamic\",\"step\":\"quantize\",\"scheme\":\"int4\"}]}",
         "recipe, step 1: \"form\" must be \"matmulnbits\" or \"qdq\"");
    says("a form of int4",
         "{\"steps\":[{\"form\":\"qdq\",\"step\":\"quantize\",\"scheme\":\"int8\"}]}",
         "recipe, step 1: \"form\" must be \"auto\", \"dynamic\" or \"weight-only\"");
}

static void float4_has_a_block(void)
{
    struct pare_error err = { 0 };
    struct pare_recipe *recipe = NULL;
    static const char text[] = "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"fp4\"}]}";
    static const char both[] =
        "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"fp4\"},{\"step\":\"quantize\",\"scheme\":"
        "\"int8\"},{\"step\":\"quantize\",\"scheme\":\"nf4\",\"include\":[\"a\"]}]}";
    says("nf4 has its block", "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"nf4\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"nf4\", \"block\": 64, "
         "\"double_quant\": true}]}");
    says("and fp4", "{\"steps\":[{\"block\":256,\"step\":\"quantize\",\"scheme\":\"fp4\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp4\", \"block\": 256, "
         "\"double_quant\": true}]}");
    says("and nothing else",
         "{\"steps\":[{\"symmetric\":true,\"step\":\"quantize\",\"scheme\":\"nf4\"}]}",
         "recipe, step 1: the key \"symmetric\" is not known for a quantize step of scheme nf4");
    says("a block that the operator does not take",
         "{\"steps\":[{\"block\":512,\"step\":\"quantize\",\"scheme\":\"nf4\"}]}",
         "recipe, step 1: \"block\" must be 16, 32, 64, 128 or 256");
    OK(pare_recipe_parse(text, strlen(text), &recipe, &err) &&
           strstr(pare_recipe_warning(recipe), "fp4 is slow on CPUs"),
       "they come with a warning");
    pare_recipe_free(recipe);
    OK(pare_recipe_parse(both, strlen(both), &recipe, &err) &&
           strstr(pare_recipe_warning(recipe), "nf4 and fp4 are slow on CPUs: ") ==
               pare_recipe_warning(recipe) &&
           !strstr(pare_recipe_warning(recipe), "; "),
       "that names both, once");
    pare_recipe_free(recipe);
}

static void a_match_has_its_own_keys(void)
{
    says("a match has one scale a tensor",
         "{\"steps\":[{\"match\":\"onnxruntime\",\"step\":\"quantize\",\"scheme\":\"int8\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"match\": \"onnxruntime\", "
         "\"per_channel\": false, \"reduce_range\": false, \"weight_type\": \"qint8\"}]}");
    says("or what it is told, in any order",
         "{\"steps\":[{\"weight_type\":\"quint8\",\"per_channel\":true,\"match\":\"onnxruntime\","
         "\"step\":\"quantize\",\"scheme\":\"int8\"}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"match\": \"onnxruntime\", "
         "\"per_channel\": true, \"reduce_range\": false, \"weight_type\": \"quint8\"}]}");
    says("only one peer is known",
         "{\"steps\":[{\"match\":\"other\",\"step\":\"quantize\",\"scheme\":\"int8\"}]}",
         "recipe, step 1: \"match\" must be \"onnxruntime\"");
    says("and a weight type is its own",
         "{\"steps\":[{\"weight_type\":\"qint8\",\"step\":\"quantize\",\"scheme\":\"int8\"}]}",
         "recipe, step 1: \"weight_type\" is possible only with \"match\"; without it int8 weights "
         "are qint8");
    says("a form is not",
         "{\"steps\":[{\"form\":\"dynamic\",\"step\":\"quantize\",\"scheme\":\"int8\",\"match\":"
         "\"onnxruntime\"}]}",
         "recipe, step 1: \"form\" is not possible with \"match\", where the form is onnxruntime's "
         "own; leave one of them out");
}

static void slips_are_named(void)
{
    says("no JSON", "nonsense", "recipe: not JSON: at byte 1 a value was expected");
    says("another document", "{\"recipe\": 1}", "recipe: the key \"recipe\" is not known");
    says("a list", "[]", "recipe: an object with \"steps\", a list of 0 to 64 steps, was expected");
    says("no list", "{\"steps\": 1}",
         "recipe: an object with \"steps\", a list of 0 to 64 steps, was expected");
    says("a step that is none", "{\"steps\": [3]}",
         "recipe, step 1: an object with the key \"step\" was expected");
    says("an unknown step", "{\"steps\": [{\"step\": \"shrink\"}]}",
         "recipe, step 1: the step \"shrink\" is not known; there are \"prune\", "
         "\"quantize\", \"keep\" and \"optimize\"");
    says("a key of a step that has none",
         "{\"steps\": [{\"step\": \"optimize\", \"include\": [\"a\"]}]}",
         "recipe, step 1: the key \"include\" is not known for an optimize step");
    says("optimize behind another", "{\"steps\": [{\"step\": \"keep\"}, {\"step\": \"optimize\"}]}",
         "recipe, step 2: optimize must come first");
    says("an unknown key",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"axis\": 1}]}",
         "recipe, step 1: the key \"axis\" is not known for a quantize step of scheme int8");
    says("a key of the other step",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"amount\": 0.5}]}",
         "recipe, step 1: the key \"amount\" is not known for a quantize step of scheme int8");
    says("a key of the other scheme",
         "{\"steps\": [{\"step\": \"quantize\", \"per_channel\": true, \"scheme\": \"int4\"}]}",
         "recipe, step 1: the key \"per_channel\" is not known for a quantize step of scheme int4");
    says("and of the third",
         "{\"steps\": [{\"step\": \"quantize\", \"block\": 32, \"scheme\": \"fp16\"}]}",
         "recipe, step 1: the key \"block\" is not known for a quantize step of scheme fp16");
    says("a block that is no power of two",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"block\": 48}]}",
         "recipe, step 1: \"block\" must be 16, 32, 64, 128 or 256");
    says("a block that is too small",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"block\": 8}]}",
         "recipe, step 1: \"block\" must be 16, 32, 64, 128 or 256");
    says("an accuracy that is none",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"accuracy_level\": 1.5}]}",
         "recipe, step 1: \"accuracy_level\" must be 1, 2, 3 or 4");
    says("no scheme", "{\"steps\": [{\"step\": \"quantize\"}]}",
         "recipe, step 1: the key \"scheme\" is missing");
    says("an unknown scheme", "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int3\"}]}",
         "recipe, step 1: scheme \"int3\" is not known; there is \"int8\", \"fp16\", \"bf16\", "
         "\"int4\", \"nf4\", \"fp4\"");
    says("no amount", "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\"}]}",
         "recipe, step 1: the key \"amount\" is missing");
    says("a share and a number",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 1, \"count\": 1}]}",
         "recipe, step 1: \"amount\" is a share and \"count\" a number of elements; leave one of "
         "them out");
    says("no whole number",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"count\": 0.5}]}",
         "recipe, step 1: \"count\" must be a whole number from 1 on, of the elements that go");
    says("an amount of 2:4",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"2:4\", \"amount\": 0.5}]}",
         "recipe, step 1: the method 2:4 takes two of four, so \"amount\" has no place; leave it "
         "out");
    says("a seed of l1",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0, \"seed\": 1}]}",
         "recipe, step 1: the key \"seed\" is not known for a prune step of method l1");
    says("a norm that there is not",
         "{\"steps\": [{\"step\": \"prune\", \"method\": \"ln\", \"amount\": 0, \"n\": 3}]}",
         "recipe, step 1: \"n\" must be 1 or 2, which norm of a channel counts");
    says("an unknown method", "{\"steps\": [{\"step\": \"prune\", \"method\": \"taylor\"}]}",
         "recipe, step 1: method \"taylor\" is not known; there is \"l1\", \"global-l1\", "
         "\"random\", \"ln\", \"2:4\", \"ffn\", \"heads\"");
    says("a yes that is no boolean",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"per_channel\": \"yes\"}]}",
         "recipe, step 1: \"per_channel\" must be true or false");
    says("an include of nothing",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"include\": []}]}",
         "recipe, step 1: \"include\" must be a list of 1 to 1024 patterns");
    says("prune after quantize",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\"}, {\"step\": \"prune\", "
         "\"method\": \"l1\", \"amount\": 0.5}]}",
         "recipe, step 2: prune must come before quantize");
}

static void amounts_have_bounds(void)
{
    static const char *const bad[] = { "-0.1", "1.01", "\"half\"", "1e400", "null" };
    bool ok = true;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[128];
        struct pare_error err;
        struct pare_recipe *recipe;
        snprintf(text, sizeof(text),
                 "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": %s}]}",
                 bad[i]);
        ok = ok && !pare_recipe_parse(text, strlen(text), &recipe, &err) &&
             strstr(err.text, "\"amount\" must be a number from 0 to 1");
    }
    OK(ok, "an amount is a number from 0 to 1, or named");
}

static void patterns_have_one_order(void)
{
    says("patterns are sorted, each once",
         "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"fp16\",\"ops\":[\"MatMul\",\"Conv\"],"
         "\"exclude\":[\"z\",\"a*\",\"z\"],\"include\":[\"?\",\"*\"]}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\", \"keep_io\": true, "
         "\"include\": "
         "[\"*\", \"?\"], \"exclude\": [\"a*\", \"z\"], \"ops\": [\"Conv\", \"MatMul\"]}]}");
    says("steps are not: a later one takes over",
         "{\"steps\":[{\"step\":\"quantize\",\"scheme\":\"fp16\"},{\"include\":[\"b\"],"
         "\"step\":\"keep\"},{\"step\":\"quantize\",\"scheme\":\"fp16\",\"include\":[\"a\"]}]}",
         "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\", \"keep_io\": true}, "
         "{\"step\": "
         "\"keep\", \"include\": [\"b\"]}, {\"step\": \"quantize\", \"scheme\": \"fp16\", "
         "\"keep_io\": true, \"include\": [\"a\"]}]}");
    says("a keep has no settings", "{\"steps\": [{\"step\": \"keep\", \"scheme\": \"int8\"}]}",
         "recipe, step 1: the key \"scheme\" is not known for a keep step");
    says("operators are patterns too", "{\"steps\": [{\"step\": \"keep\", \"ops\": [\"\"]}]}",
         "recipe, step 1: \"ops\" must be a list of patterns, each a text that is not empty");
}

int main(void)
{
    good_recipes_are_spelled_out();
    fp16_has_its_own_keys();
    int4_has_two_forms();
    float4_has_a_block();
    a_match_has_its_own_keys();
    slips_are_named();
    amounts_have_bounds();
    patterns_have_one_order();
    return tap_done();
}
