/* SPDX-License-Identifier: MIT */
/*
 * 4-bit weights in a graph. The initializer W becomes W_Q4, W_scales and, unless
 * symmetric, W_zero_points, and every MatMul and Gemm of W becomes
 *
 *     o = MatMulNBits(x, W_Q4, W_scales [, W_zero_points]) [* alpha] [+ C [* beta]]
 */
#include "format/int4.h"
#include "format/onnx_product.h"

enum { BITS = 4 };

static bool put_weight(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct int4_layout l = int4_layout(shown, &p->plan->changes[index]);
    int64_t dims[3] = { l.n, l.blocks, l.block / 2 }, zero_dims[2] = { l.n, l.zero_bytes };
    const char *name = shown->name;
    struct build_tensor values = { rewrite_new_name(p, name, "_Q4"), ONNX_UINT8, 3, dims };
    struct build_tensor scales = { rewrite_new_name(p, name, "_scales"), ONNX_FLOAT, 2, dims };
    if (!rewrite_put_beside(p, index, SEGMENT_VALUES, &values, l.n * l.value_bytes, err) ||
        !rewrite_put_beside(p, index, SEGMENT_SCALES, &scales,
                            l.n * l.blocks * (int64_t)sizeof(float), err))
        return false;
    if (l.symmetric)
        return true;
    struct build_tensor zeros = { rewrite_new_name(p, name, "_zero_points"), ONNX_UINT8, 2,
                                  zero_dims };
    return rewrite_put_beside(p, index, SEGMENT_ZERO_POINTS, &zeros, l.n * l.zero_bytes, err);
}

static void put_product(struct onnx_rewrite *p, const struct onnx_node *node, size_t weight,
                        const char *x, const char *result)
{
    const struct change *change = &p->plan->changes[weight];
    struct int4_layout l = int4_layout(&p->plan->model->tensors[weight].shown, change);
    const char *w = node->inputs[1];
    build_node(&p->text,
               &(struct build_node){
                   .op = "MatMulNBits",
                   .name = rewrite_node_name(p, node, "_Q4", result),
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

bool rewrite_int4(struct onnx_rewrite *p, struct pare_error *err)
{
    static const struct onnx_product product = { CHANGE_INT4, true, put_weight, put_product };
    return rewrite_products(p, &product, err);
}
