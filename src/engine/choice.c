/* SPDX-License-Identifier: MIT */
#include "engine/choice.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/recipe.h"
#include "engine/structure.h"
#include "format/format.h"

/* How a step passes a tensor by; what is said last tells most. */
enum miss_kind { MISS_NONE, MISS_INCLUDE, MISS_OPS, MISS_EXCLUDE, MISS_KEEP };

struct miss {
    enum miss_kind kind;
    const char *pattern; /* the one that did it, or NULL */
};

/* The first pattern that matches, or NULL. */
static const char *name_match(const struct globs *globs, const struct tensor *t)
{
    for (size_t i = 0; i < globs->count; i++)
        if (text_glob(globs->patterns[i], t->shown.name) ||
            (*t->shown.node && text_glob(globs->patterns[i], t->shown.node)))
            return globs->patterns[i];
    return NULL;
}

/* The same for any of the operators that take it. */
static const char *op_match(const struct globs *globs, const struct tensor *t)
{
    for (size_t i = 0; i < globs->count; i++)
        for (size_t k = 0; k < t->op_count; k++)
            if (text_glob(globs->patterns[i], t->ops[k]))
                return globs->patterns[i];
    return NULL;
}

/* ---- patterns that match nothing ---- */

typedef const char *match_fn(const struct globs *globs, const struct tensor *t);

static bool any_hit(const struct model *model, const char *pattern, match_fn *match)
{
    const struct globs one = { &pattern, 1 };
    for (size_t i = 0; i < model->tensor_count; i++)
        if (match(&one, &model->tensors[i]))
            return true;
    return false;
}

bool choice_hits_name(const struct model *model, const char *pattern)
{
    return any_hit(model, pattern, name_match);
}

bool choice_hits_op(const struct model *model, const char *pattern)
{
    return any_hit(model, pattern, op_match);
}

/* The first pattern without a hit, or NULL. */
static const char *find_idle(const struct model *model, const struct globs *globs, match_fn *match)
{
    for (size_t i = 0; i < globs->count; i++)
        if (!any_hit(model, globs->patterns[i], match))
            return globs->patterns[i];
    return NULL;
}

static bool check_step(const struct model *model, const struct step *step, size_t number,
                       struct pare_error *err)
{
    const char *include = find_idle(model, &step->include, name_match);
    const char *exclude = find_idle(model, &step->exclude, name_match);
    const char *op = find_idle(model, &step->ops, op_match);
    if (include || exclude)
        return error_set(err, PARE_ERR_USAGE,
                         "\"%.200s\" matches no tensor and no node of the model; look at --%s and "
                         "--tensor, or in a recipe at \"%s\" of step %zu",
                         include ? include : exclude, include ? "include" : "exclude",
                         include ? "include" : "exclude", number);
    if (op)
        return error_set(
            err, PARE_ERR_USAGE,
            "no tensor of the model feeds an operator \"%.200s\"; look at --ops, or in "
            "a recipe at \"ops\" of step %zu",
            op, number);
    return true;
}

bool choice_check(const struct model *model, const struct pare_recipe *recipe,
                  struct pare_error *err)
{
    for (size_t i = 0; i < recipe->step_count; i++)
        if (!check_step(model, &recipe->steps[i], i + 1, err))
            return false;
    return true;
}

/* ---- a decision ---- */

static struct miss judge(const struct step *step, const struct tensor *t)
{
    const char *excluded = name_match(&step->exclude, t);
    if (excluded)
        return (struct miss){ MISS_EXCLUDE, excluded };
    if (step->ops.count && !op_match(&step->ops, t))
        return (struct miss){ MISS_OPS, NULL };
    bool included = step->include.count == 0 || name_match(&step->include, t);
    return (struct miss){ included ? MISS_NONE : MISS_INCLUDE, NULL };
}

bool step_covers(const struct step *step, const struct tensor *tensor)
{
    return judge(step, tensor).kind == MISS_NONE;
}

/* "it feeds MatMul and Gather, of which none is among "ops""; NULL when memory ends. */
static const char *ops_text(const struct tensor *t, struct arena *arena)
{
    const char *list = "";
    if (t->op_count == 0)
        return "it feeds no operator, so none among \"ops\"";
    for (size_t i = 0; list && i < t->op_count; i++)
        list = arena_printf(arena, "%s%s%.100s", list,
                            i == 0                ? ""
                            : i + 1 < t->op_count ? ", "
                                                  : " and ",
                            t->ops[i]);
    return list ? arena_printf(arena, "it feeds %s, %s among \"ops\"", list,
                               t->op_count > 1 ? "of which none is" : "which is not")
                : NULL;
}

/* NULL when memory ends. */
static const char *miss_text(const struct miss *miss, const struct tensor *t, struct arena *arena)
{
    switch (miss->kind) {
    case MISS_KEEP:
        return miss->pattern ? arena_printf(arena, "kept by \"%.200s\"", miss->pattern)
                             : "kept by a step of the recipe";
    case MISS_EXCLUDE:
        return arena_printf(arena, "excluded by \"%.200s\"", miss->pattern);
    case MISS_OPS:
        return ops_text(t, arena);
    default:
        return "no pattern of \"include\" matches it";
    }
}

/* Of two shares by one method the larger, else the later step. */
static bool takes_more(const struct step *later, const struct step *before)
{
    bool alike = later->method == before->method && !later->count && !before->count;
    return !alike || later->amount > before->amount;
}

/* What one step more does to a decision and to how the steps of each kind missed. */
static void follow(const struct step *step, const struct tensor *t, struct decision *io_d,
                   struct miss io_missed[])
{
    struct miss miss = judge(step, t);
    if (step->kind == STEP_OPTIMIZE || structure_is_step(step))
        return;
    if (step->kind == STEP_KEEP && miss.kind == MISS_NONE) {
        *io_d = (struct decision){ 0 };
        io_missed[STEP_QUANTIZE] = (struct miss){ MISS_KEEP, name_match(&step->include, t) };
    } else if (step->kind == STEP_QUANTIZE && miss.kind == MISS_NONE) {
        io_d->quantize = step;
    } else if (step->kind == STEP_PRUNE && miss.kind == MISS_NONE) {
        if (!io_d->prune || takes_more(step, io_d->prune))
            io_d->prune = step;
    } else if (step->kind != STEP_KEEP && miss.kind > io_missed[step->kind].kind) {
        io_missed[step->kind] = miss;
    }
}

bool choice_make(const struct pare_recipe *recipe, const struct tensor *tensor, struct arena *arena,
                 struct decision *ret_decision, struct pare_error *err)
{
    struct decision d = { 0 };
    struct miss missed[] = { [STEP_PRUNE] = { 0 }, [STEP_QUANTIZE] = { 0 } };
    for (size_t i = 0; i < recipe->step_count; i++)
        follow(&recipe->steps[i], tensor, &d, missed);
    const struct miss *miss = &missed[STEP_QUANTIZE];
    if (miss->kind == MISS_NONE && !d.prune)
        miss = &missed[STEP_PRUNE];
    /* A tensor that is pruned lacks nothing for an include that means others. */
    if (!d.quantize && miss->kind > (d.prune ? MISS_INCLUDE : MISS_NONE)) {
        d.why = miss_text(miss, tensor, arena);
        if (!d.why)
            return error_no_memory(err, 256);
    }
    *ret_decision = d;
    return true;
}
