/* SPDX-License-Identifier: MIT */
/* Nodes that pass a value on, and nodes on constants. */
#include <string.h>

#include "base/error.h"
#include "format/onnx_fold.h"
#include "format/onnx_optimize.h"

enum { FOLD_INPUTS_MAX = 256 };

/* The value a node makes as its n-th output, under its own name; NULL: it makes none. */
static struct opt_value *made_by(const struct optimizer *o, const struct onnx_node *node, int n)
{
    if (n >= node->output_count || !*node->outputs[n])
        return NULL;
    return opt_own(o, node->outputs[n]);
}

static bool is_used(const struct optimizer *o, const struct opt_value *value)
{
    for (size_t i = value->first; i < value->end; i++)
        if (o->onnx->mentions[i].role == ONNX_USED)
            return true;
    return value->fixed;
}

/*
 * Take out a node that makes `y` of its first input. The users of y go to x; where y's name must
 * stay, x gets it, if x's may go.
 */
static void pass_on(struct optimizer *o, int node)
{
    const struct onnx_node *n = &o->onnx->nodes[node];
    struct opt_value *y = made_by(o, n, 0);
    if (!y || !y->plain || y->same || n->input_count < 1 || !*n->inputs[0])
        return;
    struct opt_value *x = opt_find(o, n->inputs[0]);
    if (x == y)
        return;
    if (!y->fixed) {
        y->same = x;
    } else if (x->plain && !x->fixed && x->maker >= 0 && !x->computed && !o->nodes[x->maker].gone &&
               !opt_is(o, x->maker, "Constant")) {
        x->same = y;
        y->maker = x->maker;
    } else {
        return;
    }
    o->nodes[node].gone = true;
    o->found->passed++;
}

/* A Dropout passes its input on unless it trains; its mask must be wanted by nobody. */
static bool pass_dropout(struct optimizer *o, int node, struct pare_error *err)
{
    const struct onnx_node *n = &o->onnx->nodes[node];
    const struct opt_value *mask = made_by(o, n, 1);
    const struct onnx_constant *training = NULL;
    if (mask && is_used(o, mask))
        return true;
    if (n->input_count > 2 && *n->inputs[2]) {
        if (!opt_load(o, opt_find(o, n->inputs[2]), &training, err))
            return false;
        if (!training || training->count != 1 || *(const unsigned char *)training->bytes)
            return true;
    }
    pass_on(o, node);
    return true;
}

/* The operands, all of them constants; *ret_known false: they are not. */
static bool gather_operands(struct optimizer *o, const struct onnx_node *n, struct fold *fold,
                            bool *ret_known, struct pare_error *err)
{
    bool values;
    *ret_known = false;
    if (!fold_knows(n->op, &values) || n->input_count < 1 || n->input_count > FOLD_INPUTS_MAX ||
        !*n->inputs[0])
        return true;
    for (int i = 0; i < n->input_count; i++) {
        if (!*n->inputs[i])
            continue;
        struct opt_value *x = opt_find(o, n->inputs[i]);
        if (!opt_constant(o, x, &fold->inputs[i], err))
            return false;
        if (!fold->inputs[i] || (values && fold->inputs[i]->size_bytes > FOLD_LARGE_BYTES))
            return true;
    }
    for (int i = 0; values && i < n->input_count; i++) {
        if (!*n->inputs[i])
            continue;
        if (!opt_load(o, opt_find(o, n->inputs[i]), &fold->inputs[i], err))
            return false;
        if (!fold->inputs[i])
            return true;
    }
    *ret_known = true;
    return true;
}

/* A tensor in an attribute. */
static bool read_value(struct optimizer *o, struct fold *fold, struct onnx_constant *room,
                       bool *ret_usable, struct pare_error *err)
{
    const struct onnx_attribute *value = onnx_attribute_find(fold->attributes, "value");
    *ret_usable = fold->attributes->whole;
    if (!value || !value->has_tensor || !*ret_usable)
        return true;
    fold->value = room;
    return onnx_constant_read(o->reader, value->tensor_at, value->tensor_end, FOLD_LARGE_BYTES,
                              o->arena, room, ret_usable, err);
}

static bool fold_one(struct optimizer *o, int node, struct opt_value *y, struct pare_error *err)
{
    const struct onnx_node *n = &o->onnx->nodes[node];
    const struct onnx_constant *inputs[FOLD_INPUTS_MAX] = { NULL };
    struct onnx_attributes attributes;
    struct onnx_constant value, result;
    struct fold fold = { .op = n->op,
                         .opset = o->onnx->opset,
                         .attributes = &attributes,
                         .inputs = inputs,
                         .input_count = n->input_count,
                         .arena = o->arena,
                         .limit_bytes = FOLD_LARGE_BYTES };
    bool usable;
    if (!gather_operands(o, n, &fold, &usable, err))
        return false;
    if (!usable || opt_is_full(o))
        return true;
    if (!onnx_attributes_read(o->reader, n, o->arena, &attributes, err) ||
        !read_value(o, &fold, &value, &usable, err))
        return false;
    if (!usable || !fold_node(&fold, &result))
        return !fold.no_memory || error_no_memory(err, (size_t)fold.limit_bytes);
    struct onnx_constant *kept = arena_alloc(o->arena, sizeof(*kept));
    if (!kept)
        return error_no_memory(err, sizeof(*kept));
    *kept = result;
    y->constant = kept;
    y->computed = y->asked = y->loaded = true;
    y->tensor = -1;
    o->nodes[node].gone = true;
    o->found->folded++;
    return true;
}

bool opt_pass(struct optimizer *o, struct pare_error *err)
{
    for (size_t i = 0; i < o->onnx->node_count; i++) {
        if (o->nodes[i].gone)
            continue;
        if (opt_is(o, (int)i, "Identity"))
            pass_on(o, (int)i);
        if (opt_is(o, (int)i, "Dropout") && !pass_dropout(o, (int)i, err))
            return false;
    }
    return true;
}

static bool simplify_node(struct optimizer *o, int node, struct pare_error *err)
{
    const struct onnx_node *n = &o->onnx->nodes[node];
    if (!opt_standard(n))
        return true;
    if (!strcmp(n->op, "Identity"))
        pass_on(o, node);
    if (!strcmp(n->op, "Dropout"))
        return pass_dropout(o, node, err);
    struct opt_value *y = made_by(o, n, 0);
    if (o->nodes[node].gone || n->output_count != 1 || !y || !y->plain || y->same || y->output)
        return true;
    return fold_one(o, node, y, err);
}

bool opt_simplify(struct optimizer *o, struct pare_error *err)
{
    for (size_t i = 0; i < o->onnx->node_count; i++)
        if (!simplify_node(o, (int)i, err))
            return false;
    return true;
}
