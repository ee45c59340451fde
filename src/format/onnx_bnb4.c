/* SPDX-License-Identifier: MIT */
/*
 * 4-bit floats in a graph. The initializer W becomes W_Bnb4 and W_absmax, and every MatMul and
 * Gemm of W
 *
 *     o = MatMulBnb4(x, W_Bnb4, W_absmax) [* alpha] [+ C [* beta]]
 */
#include "format/bnb4.h"
#include "format/onnx_product.h"

static bool put_weight(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct bnb4_layout l = bnb4_layout(shown, &p->plan->changes[index]);
    struct build_tensor values = { rewrite_new_name(p, shown->name, "_Bnb4"), ONNX_UINT8, 1,
                                   &l.value_bytes };
    struct build_tensor absmax = { rewrite_new_name(p, shown->name, "_absmax"), ONNX_FLOAT, 1,
                                   &l.blocks };
    return rewrite_put_beside(p, index, SEGMENT_VALUES, &values, l.value_bytes, err) &&
           rewrite_put_beside(p, index, SEGMENT_SCALES, &absmax, l.blocks * (int64_t)sizeof(float),
                              err);
}

static void put_product(struct onnx_rewrite *p, const struct onnx_node *node, size_t weight,
                        const char *x, const char *result)
{
    const struct change *change = &p->plan->changes[weight];
    struct bnb4_layout l = bnb4_layout(&p->plan->model->tensors[weight].shown, change);
    const char *w = node->inputs[1];
    build_node(&p->text, &(struct build_node){ .op = "MatMulBnb4",
                                               .name = rewrite_node_name(p, node, "_Bnb4", result),
                                               .domain = ONNX_CONTRIB,
                                               .inputs = { x, rewrite_name(p, w, "_Bnb4"),
                                                           rewrite_name(p, w, "_absmax") },
                                               .outputs = { result },
                                               .ints = { { "K", l.k },
                                                         { "N", l.n },
                                                         { "block_size", l.block },
                                                         { "quant_type", change->float4 } } });
}

bool rewrite_bnb4(struct onnx_rewrite *p, struct pare_error *err)
{
    static const struct onnx_product product = { CHANGE_BNB4, true, put_weight, put_product };
    return rewrite_products(p, &product, err);
}
