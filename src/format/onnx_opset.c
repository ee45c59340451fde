/* SPDX-License-Identifier: MIT */
/*
 * Raising a model's opset. A node keeps its meaning when no opset on the way took one of its
 * operator's attributes away, gave one another default, wants more of it or deprecated it. Where
 * all that happened is that numbers moved from an attribute to an input, they are moved; what else
 * changed is said of the operator, whether this node uses it or not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx_rewrite.h"

enum { NODE_INPUT = 1, NODE_ATTRIBUTE = 5, ONNX_INT64 = 7 };

/* What can be done about it. */
enum raising {
    RAISE_NOT,
    RAISE_INPUT,  /* the attribute's numbers become the second input */
    RAISE_SPLIT,  /* so; without sizes there are num_outputs of them now */
    RAISE_RATIO,  /* of training alone: without it, and with one result, nothing is left of it */
    RAISE_SAME_AT /* along the last axis, -1, it is what it was */
};

/* The last opset up to 21, and after 7, that changed an operator so. */
static const struct operator_change {
    const char *op;
    int opset;
    enum raising how;
    const char *attribute;
} changed[] = {
    { "BatchNormalization", 9, RAISE_NOT, "" }, /* and 14, but for its outputs in training alone */
    { "Clip", 11, RAISE_NOT, "" },
    { "DFT", 20, RAISE_NOT, "" },
    { "Dropout", 12, RAISE_RATIO, "ratio" },
    { "GridSample", 20, RAISE_NOT, "" },
    { "GroupNormalization", 21, RAISE_NOT, "" },
    { "Hardmax", 13, RAISE_SAME_AT, "axis" },
    { "LogSoftmax", 13, RAISE_SAME_AT, "axis" },
    { "Pad", 11, RAISE_NOT, "" },
    { "ReduceL1", 18, RAISE_INPUT, "axes" },
    { "ReduceL2", 18, RAISE_INPUT, "axes" },
    { "ReduceLogSum", 18, RAISE_INPUT, "axes" },
    { "ReduceLogSumExp", 18, RAISE_INPUT, "axes" },
    { "ReduceMax", 18, RAISE_INPUT, "axes" },
    { "ReduceMean", 18, RAISE_INPUT, "axes" },
    { "ReduceMin", 18, RAISE_INPUT, "axes" },
    { "ReduceProd", 18, RAISE_INPUT, "axes" },
    { "ReduceSum", 13, RAISE_INPUT, "axes" },
    { "ReduceSumSquare", 18, RAISE_INPUT, "axes" },
    { "Resize", 11, RAISE_NOT, "" },
    { "RoiAlign", 16, RAISE_NOT, "" }, /* another default than what there was before */
    { "Scan", 9, RAISE_NOT, "" },
    { "Scatter", 11, RAISE_NOT, "" },
    { "Slice", 10, RAISE_NOT, "" },
    { "Softmax", 13, RAISE_SAME_AT, "axis" },
    { "Split", 18, RAISE_SPLIT, "split" },
    { "Squeeze", 13, RAISE_INPUT, "axes" },
    { "TopK", 10, RAISE_NOT, "" },
    { "Unsqueeze", 13, RAISE_INPUT, "axes" },
    { "Upsample", 10, RAISE_NOT, "" },
};

/* What changed for a node on the way from the model's opset, or NULL. */
static const struct operator_change *change_of(const struct onnx *onnx,
                                               const struct onnx_node *node, int opset)
{
    bool standard = !*node->domain || !strcmp(node->domain, "ai.onnx");
    for (size_t i = 0; standard && i < ARRAY_SIZE(changed); i++)
        if (!strcmp(node->op, changed[i].op))
            return changed[i].opset > onnx->opset && changed[i].opset <= opset ? &changed[i] : NULL;
    return NULL;
}

/* ---- one attribute of a node ---- */

struct setting {
    struct arena arena; /* names */
    struct onnx_cut cut;
    int times; /* that it is there */
    int64_t values[ONNX_VALUES_MAX];
    size_t value_count;
    int64_t inputs_end; /* behind the node's last input */
    struct wire_reader reader;
};

static struct setting *setting_new(const struct model *model, struct pare_error *err)
{
    struct setting *s = calloc(1, sizeof(*s));
    if (s)
        wire_reader_init(&s->reader, model->source, model->main_file);
    else
        (void)error_no_memory(err, sizeof(*s));
    return s;
}

static void setting_free(struct setting *s)
{
    if (s)
        arena_done(&s->arena);
    free(s);
}

/* AttributeProto: name 1, i 3, ints 8. */
static bool read_attribute(struct setting *s, const struct wire *node,
                           const struct wire_field *outer, const char *wanted,
                           struct pare_error *err)
{
    struct wire wire;
    struct wire_field field;
    const char *name = "";
    int64_t values[ONNX_VALUES_MAX];
    size_t count = 0;
    bool more = true, ok = wire_enter(node, outer, "an attribute", &wire, err);
    while (ok && more && (ok = wire_next(&wire, &field, &more, err)) && more) {
        if (field.number == 1)
            ok = wire_string(&wire, &field, "an attribute's name", &s->arena, &name, err);
        else if (field.number == 3 || field.number == 8)
            ok = wire_ints(&wire, &field, "an attribute", values, ONNX_VALUES_MAX, &count, err);
    }
    if (!ok || strcmp(name, wanted) != 0)
        return ok;
    s->cut = (struct onnx_cut){ outer->tag_at, outer->end };
    s->times++;
    s->value_count = count;
    if (count)
        memcpy(s->values, values, count * sizeof(*values));
    return true;
}

static bool read_setting(struct setting *s, const struct onnx_node *node, const char *name,
                         struct pare_error *err)
{
    struct wire_field field;
    bool more = true, ok = true;
    s->times = 0;
    s->value_count = 0;
    s->inputs_end = 0;
    struct wire wire = wire_begin(&s->reader, node->at, node->cut.end);
    while (ok && more && (ok = wire_next(&wire, &field, &more, err)) && more) {
        if (field.number == NODE_INPUT)
            s->inputs_end = field.end;
        else if (field.number == NODE_ATTRIBUTE)
            ok = read_attribute(s, &wire, &field, name, err);
    }
    arena_done(&s->arena);
    return ok;
}

/* ---- whether it can be raised ---- */

static bool can_raise(const struct setting *s, const struct onnx_node *node, enum raising how)
{
    bool one = node->input_count == 1 && node->output_count > 0;
    /* An input put in the attribute's place must be the last. */
    bool moves = one && s->times == 1 && s->value_count > 0 && s->cut.tag_at >= s->inputs_end;
    switch (how) {
    case RAISE_INPUT:
        return s->times == 0 || moves;
    case RAISE_SPLIT:
        return s->times == 0 ? node->input_count == 2 || one : moves;
    case RAISE_RATIO:
        return node->output_count == 1 && s->times <= 1;
    case RAISE_SAME_AT:
        return s->times == 1 && s->value_count == 1 && s->values[0] == -1;
    case RAISE_NOT:
        break;
    }
    return false;
}

static bool find_obstacle(const struct model *model, int opset, struct setting *s,
                          const struct operator_change **ret_change, struct pare_error *err)
{
    const struct onnx *onnx = model->own;
    *ret_change = NULL;
    for (size_t i = 0; i < onnx->node_count; i++) {
        const struct onnx_node *node = &onnx->nodes[i];
        const struct operator_change *change = change_of(onnx, node, opset);
        if (!change)
            continue;
        if (change->how != RAISE_NOT && !read_setting(s, node, change->attribute, err))
            return false;
        if (can_raise(s, node, change->how))
            continue;
        *ret_change = change;
        return true;
    }
    return true;
}

bool onnx_why_no_opset(struct model *model, int opset, const char **ret_why, struct pare_error *err)
{
    const struct onnx *onnx = model->own;
    const struct operator_change *change = NULL;
    const char *why = NULL;
    if (onnx->opset < opset && onnx->has_functions) {
        *ret_why = "it needs a newer opset, which could change what the model's own functions "
                   "compute";
        return true;
    }
    struct setting *s = setting_new(model, err);
    bool ok = s && find_obstacle(model, opset, s, &change, err);
    setting_free(s);
    if (!ok)
        return false;
    if (change && !(why = arena_printf(&model->arena,
                                       "it needs opset %d, this model has %lld, and opset %d "
                                       "changed %s; another exporter or converter can raise it",
                                       opset, (long long)onnx->opset, change->opset, change->op)))
        return error_no_memory(err, 64);
    *ret_why = why;
    return true;
}

/* ---- raising it ---- */

/* The attribute's numbers as an initializer, and its name as an input in the attribute's place. */
static void put_input(struct onnx_rewrite *p, const struct setting *s, const struct onnx_node *node,
                      const char *attribute)
{
    char suffix[16];
    snprintf(suffix, sizeof(suffix), "_%s", attribute);
    const int64_t count = (int64_t)s->value_count;
    const char *name = rewrite_new_name(p, node->outputs[0], suffix);
    const struct build_tensor tensor = { name, ONNX_INT64, 1, &count };
    build_initializer(&p->first, &tensor, count * (int64_t)sizeof(*s->values));
    buf_add(&p->first, s->values, s->value_count * sizeof(*s->values));
    wire_put_text(&p->text, NODE_INPUT, name);
}

static bool raise_node(struct onnx_rewrite *p, const struct setting *s, int index,
                       const struct operator_change *change, struct pare_error *err)
{
    const struct onnx_node *node = &p->plan->onnx->nodes[index];
    struct onnx_cut place = s->cut;
    if (change->how == RAISE_SAME_AT)
        return true;
    if (s->times == 0) {
        if (change->how != RAISE_SPLIT || node->input_count != 1)
            return true;
        place = (struct onnx_cut){ node->cut.end, node->cut.end };
        build_setting(&p->text, &(struct build_int){ "num_outputs", node->output_count });
    } else if (change->how != RAISE_RATIO) {
        put_input(p, s, node, change->attribute);
    }
    return rewrite_in_node(p, index, place, &p->text, err);
}

static bool raise_nodes(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    struct setting *s = setting_new(p->plan->model, err);
    bool ok = s != NULL;
    for (size_t i = 0; ok && i < onnx->node_count; i++) {
        const struct operator_change *change = change_of(onnx, &onnx->nodes[i], p->opset);
        ok = !change || (read_setting(s, &onnx->nodes[i], change->attribute, err) &&
                         raise_node(p, s, (int)i, change, err));
    }
    setting_free(s);
    return ok;
}

static bool replace(struct onnx_rewrite *p, const struct onnx_cut *cut, struct pare_error *err)
{
    return onnx_patch_edit(&p->plan->patch, cut->tag_at, cut->end - cut->tag_at, -1, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

/* ModelProto: ir_version 1; OperatorSetIdProto: domain 1, version 2. */
bool rewrite_opset(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    if (onnx->ir_version < p->ir) {
        wire_put_int(&p->text, 1, p->ir);
        if (!replace(p, &onnx->ir_cut, err))
            return false;
    }
    if (p->opset <= onnx->opset)
        return true;
    struct buf import;
    buf_init(&import, WIRE_STRING_MAX);
    if (*onnx->opset_domain)
        wire_put_text(&import, 1, onnx->opset_domain);
    wire_put_int(&import, 2, p->opset);
    bool ok = buf_ok(&import, err);
    wire_put_bytes(&p->text, MODEL_OPSET, buf_string(&import), import.length);
    buf_done(&import);
    return ok && replace(p, &onnx->opset_cut, err) && raise_nodes(p, err);
}
