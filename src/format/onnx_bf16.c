/* SPDX-License-Identifier: MIT */
/*
 * bfloat16 weights in a graph. The initializer W becomes W_bf16, and a node ahead of all others of its graph
 *
 *     W = Cast(W_bf16)
 *
 * so that whatever used W uses it still. Runtimes that fold constants do that once, at load.
 */
#include "format/onnx_rewrite.h"

static bool put_weight(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct build_tensor values = { rewrite_new_name(p, shown->name, "_bf16"), ONNX_BFLOAT16,
                                   shown->rank, shown->dims };
    if (!rewrite_cut_tensor(p, index, err) ||
        !rewrite_put_beside(p, index, SEGMENT_VALUES, &values, shown->size_bytes / 2, err) ||
        !onnx_patch_literal(&p->plan->patch, &p->text, err))
        return false;
    rewrite_put_cast(&p->text, values.name, shown->name, ONNX_FLOAT);
    return rewrite_put_first(p, index, &p->text, err);
}

bool rewrite_bf16(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx_plan *plan = p->plan;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        if (plan->changes[i].kind == CHANGE_BF16 && !put_weight(p, i, err))
            return false;
    return true;
}
