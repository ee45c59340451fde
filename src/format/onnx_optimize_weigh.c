/* SPDX-License-Identifier: MIT */
/*
 * Which of the values that were computed are worth their bytes: a result takes the place of
 * the constants that nobody needs any more, and where it is larger than they are together its
 * node stays. So the file grows by no more than a set amount, whatever is in it.
 */
#include <stdlib.h>

#include "base/error.h"
#include "format/onnx_optimize.h"

struct weighing {
    struct optimizer *o;
    struct opt_value **waiting; /* values to look at; each comes once a search */
    size_t search;
    int64_t growth_bytes; /* what may still come on top */
};

/* Bytes that go when a constant is replaced: of those that are stored and in no use. */
static bool set_budgets(struct optimizer *o, struct pare_error *err)
{
    const struct onnx_constant *constant;
    for (size_t i = 0; i < o->value_count; i++) {
        struct opt_value *value = &o->values[i];
        value->budget_bytes = 0;
        value->search = 0;
        if (value->live || value->computed || !value->asked)
            continue;
        if (!opt_constant(o, value, &constant, err))
            return false;
        value->budget_bytes = constant ? constant->size_bytes : 0;
    }
    return true;
}

static void wait_for(struct weighing *w, struct opt_value *value, size_t *io_count)
{
    if (value->search == w->search)
        return;
    value->search = w->search;
    w->waiting[(*io_count)++] = value;
}

/* Whether the constants behind a computed value pay for it; spends what they are worth. */
static bool is_worth(struct weighing *w, struct opt_value *value)
{
    struct optimizer *o = w->o;
    int64_t need = value->constant->size_bytes;
    size_t count = 0;
    w->search++;
    wait_for(w, value, &count);
    while (count > 0 && need > 0) {
        struct opt_value *next = w->waiting[--count];
        int64_t spent = MIN(need, next->budget_bytes);
        need -= spent;
        next->budget_bytes -= spent;
        if (!next->computed)
            continue;
        const struct onnx_node *node = &o->onnx->nodes[next->maker];
        for (int i = 0; i < node->input_count; i++)
            if (*node->inputs[i])
                wait_for(w, opt_find(o, node->inputs[i]), &count);
    }
    int64_t spent = MIN(need, w->growth_bytes);
    w->growth_bytes -= spent;
    return need == spent;
}

/* Nodes whose results are not worth it come back; *ret_more: so others may be none now. */
static bool weigh_once(struct weighing *w, bool *ret_more, struct pare_error *err)
{
    struct optimizer *o = w->o;
    *ret_more = false;
    w->growth_bytes = FOLD_GROWTH_BYTES;
    w->search = 0;
    if (!opt_mark(o, err) || !set_budgets(o, err))
        return false;
    for (size_t i = 0; i < o->value_count; i++) {
        struct opt_value *value = &o->values[i];
        if (!value->live || !value->computed || value->constant->size_bytes <= FOLD_FREE_BYTES ||
            is_worth(w, value))
            continue;
        value->computed = false;
        o->nodes[value->maker].gone = false;
        o->found->folded--;
        *ret_more = true;
    }
    return true;
}

bool opt_weigh(struct optimizer *o, struct pare_error *err)
{
    struct weighing w = { .o = o };
    w.waiting = calloc(o->value_count + 1, sizeof(struct opt_value *));
    bool ok = w.waiting || error_no_memory(err, o->value_count * sizeof(struct opt_value *));
    for (bool more = true; ok && more;)
        ok = weigh_once(&w, &more, err);
    free(w.waiting);
    return ok;
}
