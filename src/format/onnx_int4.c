/* SPDX-License-Identifier: MIT */
/*
 * 4-bit weights in a graph. The initializer W becomes W_Q4, W_scales and, unless
 * symmetric, W_zero_points, and every MatMul and Gemm of W becomes
 *
 *     o = MatMulNBits(x, W_Q4, W_scales [, W_zero_points]) [* alpha] [+ C [* beta]]
 *
 * with a Transpose of x where a Gemm asks for it. MatMulNBits is an operator of
 * ONNX Runtime's own, so the model then imports its domain.
 */
#include <string.h>

#include "format/int4.h"
#include "format/onnx_rewrite.h"

enum { CONTRIB_VERSION = 1, BITS = 4 };

static bool plan_weight(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct int4_layout l = int4_layout(shown, &p->plan->changes[index]);
    int64_t dims[3] = { l.n, l.blocks, l.block / 2 }, zero_dims[2] = { l.n, l.zero_bytes };
    const char *name = shown->name;
    struct build_tensor values = { rewrite_new_name(p, name, "_Q4"), ONNX_UINT8, 3, dims };
    struct build_tensor scales = { rewrite_new_name(p, name, "_scales"), ONNX_FLOAT, 2, dims };
    if (!rewrite_cut_tensor(p, index, err) ||
        !rewrite_put_beside(p, index, SEGMENT_VALUES, &values, l.n * l.value_bytes, err) ||
        !rewrite_put_beside(p, index, SEGMENT_SCALES, &scales,
                            l.n * l.blocks * (int64_t)sizeof(float), err))
        return false;
    if (!l.symmetric) {
        struct build_tensor zeros = { rewrite_new_name(p, name, "_zero_points"), ONNX_UINT8, 2,
                                      zero_dims };
        if (!rewrite_put_beside(p, index, SEGMENT_ZERO_POINTS, &zeros, l.n * l.zero_bytes, err))
            return false;
    }
    return onnx_patch_literal(&p->plan->patch, &p->text, err);
}

static void put_product(struct onnx_rewrite *p, const struct onnx_node *node, size_t weight,
                        const char *x, const char *result)
{
    const struct change *change = &p->plan->changes[weight];
    struct int4_layout l = int4_layout(&p->plan->model->tensors[weight].shown, change);
    const char *w = node->inputs[1];
    const char *name = *node->name ? arena_printf(p->arena, "%s_Q4", node->name) : result;
    p->no_memory = p->no_memory || !name;
    build_node(&p->text,
               &(struct build_node){
                   .op = "MatMulNBits",
                   .name = name ? name : "",
                   .domain = ONNX_CONTRIB,
                   .inputs = { x, rewrite_name(p, w, "_Q4"), rewrite_name(p, w, "_scales"),
                               l.symmetric ? NULL : rewrite_name(p, w, "_zero_points") },
                   .outputs = { result },
                   .ints = { { "K", l.k },
                             { "N", l.n },
                             { "accuracy_level", change->accuracy_level },
                             { "bits", BITS },
                             { "block_size", l.block } } });
}

/* The node, then what a Gemm does beside the product. */
static bool plan_product(struct onnx_rewrite *p, const struct onnx_node *node, size_t weight,
                         struct pare_error *err)
{
    const char *x = node->inputs[0], *o = node->outputs[0];
    if (!onnx_patch_edit(&p->plan->patch, node->cut.tag_at, node->cut.end - node->cut.tag_at,
                         p->plan->onnx->graph, err))
        return false;
    if (node->gemm && node->gemm->trans_a) {
        const char *turned = rewrite_new_name(p, o, "_input_transposed");
        rewrite_put_transpose(&p->text, x, turned);
        x = turned;
    }
    const char *bias = rewrite_put_bias(p, node, o);
    const char *alpha = NULL, *sum = bias ? rewrite_new_name(p, o, "_product") : o;
    if (node->gemm && node->gemm->alpha != 1)
        alpha = rewrite_put_constant(p, o, "_alpha", node->gemm->alpha);
    const char *product = alpha ? rewrite_new_name(p, o, "_product_unscaled") : sum;
    put_product(p, node, weight, x, product);
    if (alpha)
        rewrite_put2(&p->text, "Mul", product, alpha, sum);
    if (bias)
        rewrite_put2(&p->text, "Add", sum, bias, o);
    return onnx_patch_literal(&p->plan->patch, &p->text, err);
}

/* OperatorSetIdProto: domain 1, version 2. */
static bool import_domain(struct onnx_rewrite *p, struct pare_error *err)
{
    struct buf import;
    if (p->plan->onnx->has_contrib)
        return true;
    buf_init(&import, WIRE_STRING_MAX);
    wire_put_text(&import, 1, ONNX_CONTRIB);
    wire_put_int(&import, 2, CONTRIB_VERSION);
    bool ok = buf_ok(&import, err);
    wire_put_bytes(&p->text, MODEL_OPSET, buf_string(&import), import.length);
    buf_done(&import);
    return ok && onnx_patch_edit(&p->plan->patch, p->plan->onnx->file_end, 0, -1, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

bool rewrite_int4(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx_plan *plan = p->plan;
    bool any = false;
    for (size_t i = 0; i < plan->model->tensor_count; i++) {
        if (plan->changes[i].kind != CHANGE_INT4)
            continue;
        any = true;
        if (!plan_weight(p, i, err))
            return false;
    }
    for (size_t i = 0; any && i < plan->onnx->node_count; i++) {
        const struct onnx_node *node = &plan->onnx->nodes[i];
        int64_t weight = rewrite_weight_of(plan, node);
        if (weight >= 0 && plan->changes[weight].kind == CHANGE_INT4 &&
            !plan_product(p, node, (size_t)weight, err))
            return false;
    }
    return !any || import_domain(p, err);
}
