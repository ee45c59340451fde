/* SPDX-License-Identifier: MIT */
/* Which tensors a recipe means, by names alone, and why not the others. */
#include "engine/choice.h"

#include "base/arena.h"
#include "base/error.h"
#include "engine/recipe.h"
#include "format/format.h"
#include "pare.h"
#include "tap.h"

#define QUANTIZE(scheme, more) "{\"step\": \"quantize\", \"scheme\": \"" scheme "\"" more "}"
#define PRUNE(amount, more) "{\"step\": \"prune\", \"method\": \"l1\", \"amount\": " amount more "}"
#define STEPS(steps) "{\"steps\": [" steps "]}"

static struct pare_error err;

/* `ops` is for one tensor or several, and one operator; "" is none. */
static struct tensor fed(const char *name, const char *node, const char **ops)
{
    return (struct tensor){ .shown = { .name = name, .node = node, .op = *ops },
                            .ops = ops,
                            .op_count = **ops != 0 };
}

static void globs_choose(void)
{
    const char *a[] = { "enc*", "*.weight" }, *b[] = { "*head*" }, *c[] = { "Conv", "MatMul" };
    const struct step step = { .include = { a, 2 }, .exclude = { b, 1 } };
    const struct step ops = { .ops = { c, 2 } }, all = { 0 };
    const char *none[] = { "" }, *conv[] = { "Conv" }, *turned[] = { "ConvTranspose" };
    const char *two[] = { "Gather", "MatMul" };
    const struct tensor encoder = fed("encoder", "", none), dot = fed("x.weight", "n", none);
    const struct tensor decoder = fed("decoder", "n", none), head = fed("head.weight", "", none);
    const struct tensor under_head = fed("encoder", "lm_head", conv);
    const struct tensor by_node = fed("w", "encoder_1", turned);
    struct tensor tied = fed("w", "n", two);
    OK(step_covers(&step, &encoder) && step_covers(&step, &dot), "any of the includes");
    OK(!step_covers(&step, &decoder), "and nothing else");
    OK(!step_covers(&step, &head) && !step_covers(&step, &under_head),
       "an exclude wins, by the tensor's or the node's name");
    OK(step_covers(&step, &by_node), "a node's name includes its weight");
    OK(step_covers(&all, &decoder), "no include is everything");
    OK(step_covers(&ops, &under_head) && !step_covers(&ops, &by_node) &&
           !step_covers(&ops, &encoder),
       "ops choose by the whole of an operator's name");
    OK(!step_covers(&ops, &tied), "a first operator that is not among them");
    tied.op_count = 2;
    OK(step_covers(&ops, &tied), "any of several operators will do");
}

/* What a recipe means for a MatMul's weight called "w", of a node "n", in words. */
static const char *decided(const char *text)
{
    static char words[512];
    struct arena arena = { 0 };
    struct pare_recipe *recipe;
    struct decision d;
    const char *matmul[] = { "MatMul" };
    const struct tensor t = fed("w", "n", matmul);
    if (!pare_recipe_parse(text, strlen(text), &recipe, &err) ||
        !choice_make(recipe, &t, &arena, &d, &err))
        return err.text;
    snprintf(words, sizeof(words), "%.4g %s; %s", d.prune ? d.prune->amount : 0,
             d.quantize ? d.quantize->choice->name : "-", d.why ? d.why : "");
    arena_done(&arena);
    pare_recipe_free(recipe);
    return words;
}

#define W ", \"include\": [\"w\"]"
#define NOT_W ", \"exclude\": [\"w\"]"

static void later_steps_take_over(void)
{
    IS(decided(STEPS(QUANTIZE("int8", "") ", " QUANTIZE("int4", W))), "0 int4; ",
       "a later quantize takes over");
    IS(decided(STEPS(QUANTIZE("int4", W) ", " QUANTIZE("int8", ""))), "0 int8; ",
       "whichever it is");
    IS(decided(STEPS(QUANTIZE("int8", "") ", " QUANTIZE("int4", NOT_W))), "0 int8; ",
       "one that does not cover the tensor does not");
    IS(decided(STEPS(QUANTIZE("int8", "") ", {\"step\": \"keep\"" W "}")), "0 -; kept by \"w\"",
       "a keep takes back");
    IS(decided(STEPS(QUANTIZE("int8", "") ", {\"step\": \"keep\"" W "}, " QUANTIZE("fp16", W))),
       "0 fp16; ", "until the next step");
    IS(decided(STEPS(PRUNE("0.5", "") ", {\"step\": \"keep\", \"ops\": [\"MatMul\"]}")),
       "0 -; kept by a step of the recipe", "also a pruning");
    IS(decided(STEPS(PRUNE("0.7", "") ", " PRUNE("0.5", "") ", " QUANTIZE("int8", ""))),
       "0.7 int8; ", "of prunings the largest counts");
}

static void reasons_name_what_did_it(void)
{
    IS(decided(STEPS(QUANTIZE("int8", NOT_W))), "0 -; excluded by \"w\"", "an exclude");
    IS(decided(STEPS(QUANTIZE("int8", ", \"exclude\": [\"a\", \"n\"]"))), "0 -; excluded by \"n\"",
       "the pattern that did it");
    IS(decided(STEPS(QUANTIZE("int8", ", \"include\": [\"a\"]"))),
       "0 -; no pattern of \"include\" matches it", "no include");
    IS(decided(STEPS(QUANTIZE("int8", ", \"ops\": [\"Conv\"]"))),
       "0 -; it feeds MatMul, which is not among \"ops\"", "another operator");
    IS(decided(STEPS(QUANTIZE("int8", NOT_W) ", " QUANTIZE("int4", ", \"include\": [\"a\"]"))),
       "0 -; excluded by \"w\"", "of several misses the one that tells most");
    IS(decided(STEPS(PRUNE("0.5", "") ", " QUANTIZE("int8", NOT_W))), "0.5 -; excluded by \"w\"",
       "a part of the recipe that passes by has its reason beside the other's action");
    IS(decided(STEPS(PRUNE("0.5", "") ", " PRUNE("0.7", NOT_W))), "0.5 -; ",
       "a tensor that is pruned is not missed by another pruning");
    IS(decided(STEPS(PRUNE("0.5", "") ", " QUANTIZE("int8", ", \"include\": [\"a\"]"))), "0.5 -; ",
       "nor by a quantizing of others");
    IS(decided(STEPS(PRUNE("0.5", NOT_W))), "0 -; excluded by \"w\"", "a pruning's exclude");
}

int main(void)
{
    globs_choose();
    later_steps_take_over();
    reasons_name_what_did_it();
    return tap_done();
}
