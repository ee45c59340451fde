/* SPDX-License-Identifier: MIT */
/*
 * Tables of 4-bit rows in a graph. The initializer W becomes W_Q4, W_scales and, unless symmetric,
 * W_zero_points, and every Gather of its rows
 *
 *     o = GatherBlockQuantized(W_Q4, indices, W_scales [, W_zero_points])
 *
 * Its tensors ask for an IR version that has 4-bit integers. They ask for no opset: the operator
 * is ONNX Runtime's own, so the model's stays.
 */
#include "format/onnx_rewrite.h"
#include "format/table4.h"

static bool put_table(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    const struct change *change = &p->plan->changes[index];
    struct table4_layout l = table4_layout(shown, change);
    int64_t type = change->symmetric ? ONNX_INT4 : ONNX_UINT4;
    int64_t dims[2] = { l.rows, l.columns }, block_dims[2] = { l.rows, l.blocks };
    const char *name = shown->name;
    struct build_tensor values = { rewrite_new_name(p, name, "_Q4"), type, 2, dims };
    struct build_tensor scales = { rewrite_new_name(p, name, "_scales"), ONNX_FLOAT, 2,
                                   block_dims };
    p->contrib = true;
    p->ir = ONNX_IR_INT4;
    if (!rewrite_cut_tensor(p, index, err) ||
        !rewrite_put_beside(p, index, SEGMENT_VALUES, &values, l.value_bytes, err) ||
        !rewrite_put_beside(p, index, SEGMENT_SCALES, &scales, l.scale_bytes, err))
        return false;
    if (!change->symmetric) {
        struct build_tensor zeros = { rewrite_new_name(p, name, "_zero_points"), type, 2,
                                      block_dims };
        if (!rewrite_put_beside(p, index, SEGMENT_ZERO_POINTS, &zeros, l.zero_bytes, err))
            return false;
    }
    return onnx_patch_literal(&p->plan->patch, &p->text, err);
}

static bool put_lookup(struct onnx_rewrite *p, const struct onnx_node *node,
                       const struct change *change, struct pare_error *err)
{
    const char *w = node->inputs[0], *o = node->outputs[0];
    build_node(
        &p->text,
        &(struct build_node){
            .op = "GatherBlockQuantized",
            .name = rewrite_node_name(p, node, "_Q4", o),
            .domain = ONNX_CONTRIB,
            .inputs = { rewrite_name(p, w, "_Q4"), node->inputs[1], rewrite_name(p, w, "_scales"),
                        change->symmetric ? NULL : rewrite_name(p, w, "_zero_points") },
            .outputs = { o },
            .ints = {
                { "block_size", change->block }, { "gather_axis", 0 }, { "quantize_axis", 1 } } });
    return onnx_patch_edit(&p->plan->patch, node->cut.tag_at, node->cut.end - node->cut.tag_at,
                           p->plan->onnx->graph, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

bool rewrite_table4(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx_plan *plan = p->plan;
    bool any = false;
    for (size_t i = 0; i < plan->model->tensor_count; i++) {
        if (plan->changes[i].kind != CHANGE_TABLE4)
            continue;
        any = true;
        if (!put_table(p, i, err))
            return false;
    }
    for (size_t i = 0; any && i < plan->onnx->node_count; i++) {
        const struct onnx_node *node = &plan->onnx->nodes[i];
        int64_t table = node->scope == 0 && onnx_is_gather(node)
                            ? rewrite_tensor_of(plan, node->inputs[0])
                            : -1;
        if (table >= 0 && plan->changes[table].kind == CHANGE_TABLE4 &&
            !put_lookup(p, node, &plan->changes[table], err))
            return false;
    }
    return true;
}
