/* SPDX-License-Identifier: MIT */
#include "format/onnx_product.h"

static bool put_weight(struct onnx_rewrite *p, const struct onnx_product *product, size_t index,
                       struct pare_error *err)
{
    return rewrite_cut_tensor(p, index, err) && product->weight(p, index, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

static bool put_product(struct onnx_rewrite *p, const struct onnx_product *product,
                        const struct onnx_node *node, size_t weight, struct pare_error *err)
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
    const char *result = alpha ? rewrite_new_name(p, o, "_product_unscaled") : sum;
    product->product(p, node, weight, x, result);
    if (alpha)
        rewrite_put2(&p->text, "Mul", result, alpha, sum);
    if (bias)
        rewrite_put2(&p->text, "Add", sum, bias, o);
    return onnx_patch_literal(&p->plan->patch, &p->text, err);
}

bool rewrite_products(struct onnx_rewrite *p, const struct onnx_product *product,
                      struct pare_error *err)
{
    const struct onnx_plan *plan = p->plan;
    bool any = false;
    for (size_t i = 0; i < plan->model->tensor_count; i++) {
        if (plan->changes[i].kind != product->kind)
            continue;
        any = true;
        if (!put_weight(p, product, i, err))
            return false;
    }
    for (size_t i = 0; any && i < plan->onnx->node_count; i++) {
        const struct onnx_node *node = &plan->onnx->nodes[i];
        int64_t weight = rewrite_weight_of(plan, node);
        if (weight >= 0 && plan->changes[weight].kind == product->kind &&
            !put_product(p, product, node, (size_t)weight, err))
            return false;
    }
    p->contrib = p->contrib || (any && product->contrib);
    return true;
}
