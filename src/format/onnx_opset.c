/* SPDX-License-Identifier: MIT */
/*
 * Raising a model's opset. A node keeps its meaning when no opset on the way took one of its
 * operator's attributes away, gave one another default, wants more of it or deprecated it; that
 * is said of the operator, whether this node uses what changed or not.
 */
#include <string.h>

#include "format/onnx_rewrite.h"

/* The last opset up to 21, and after 7, that changed an operator so. */
static const struct {
    const char *op;
    int opset;
} changed[] = {
    { "BatchNormalization", 9 }, /* and 14, but for its outputs in training alone */
    { "Clip", 11 },
    { "DFT", 20 },
    { "Dropout", 12 },
    { "GridSample", 20 },
    { "GroupNormalization", 21 },
    { "Hardmax", 13 },
    { "LogSoftmax", 13 },
    { "Pad", 11 },
    { "ReduceL1", 18 },
    { "ReduceL2", 18 },
    { "ReduceLogSum", 18 },
    { "ReduceLogSumExp", 18 },
    { "ReduceMax", 18 },
    { "ReduceMean", 18 },
    { "ReduceMin", 18 },
    { "ReduceProd", 18 },
    { "ReduceSum", 13 },
    { "ReduceSumSquare", 18 },
    { "Resize", 11 },
    { "RoiAlign", 16 }, /* another default than what there was before */
    { "Scan", 9 },
    { "Scatter", 11 },
    { "Slice", 10 },
    { "Softmax", 13 },
    { "Split", 18 }, /* num_outputs, where no sizes are given */
    { "Squeeze", 13 },
    { "TopK", 10 },
    { "Unsqueeze", 13 },
    { "Upsample", 10 },
};

static int changed_in(const struct onnx_node *node)
{
    for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
        if (!strcmp(node->op, changed[i].op))
            return changed[i].opset;
    return 0;
}

const char *onnx_why_no_opset(struct model *model, int opset, bool *ret_no_memory)
{
    const struct onnx *onnx = model->own;
    *ret_no_memory = false;
    if (onnx->has_functions && onnx->opset < opset)
        return "it needs a newer opset, which could change what the model's own functions compute";
    for (size_t i = 0; i < onnx->node_count; i++) {
        const struct onnx_node *node = &onnx->nodes[i];
        bool standard = !*node->domain || !strcmp(node->domain, "ai.onnx");
        int since = standard ? changed_in(node) : 0;
        if (since <= onnx->opset || since > opset)
            continue;
        const char *why = arena_printf(&model->arena,
                                       "it needs opset %d, this model has %lld, and opset %d "
                                       "changed %s; another exporter or converter can raise it",
                                       opset, (long long)onnx->opset, since, node->op);
        *ret_no_memory = !why;
        return why;
    }
    return NULL;
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
    return ok && replace(p, &onnx->opset_cut, err);
}
