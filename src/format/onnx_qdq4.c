/* SPDX-License-Identifier: MIT */
/*
 * 4-bit weights in a graph, with standard operators. The initializer W becomes W_DQ_Q4,
 * W_DQ_scales and, unless symmetric, W_DQ_zero_points, then
 *
 *     W_DQ_Q4_output = DequantizeLinear(W_DQ_Q4, W_DQ_scales [, W_DQ_zero_points])
 *
 * and every MatMul and Gemm of W
 *
 *     o = MatMul(x, W_DQ_Q4_output) [* alpha] [+ C [* beta]]
 *
 * which ONNX Runtime makes one product of again. The model's opset and IR version are raised to
 * those that have such tensors.
 */
#include "format/onnx_product.h"
#include "format/qdq4.h"

static const char *put_constant(struct onnx_rewrite *p, size_t index, enum segment_kind kind,
                                const char *suffix, int64_t type, int64_t rows, int64_t bytes,
                                bool *io_ok, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct int4_layout l = int4_layout(shown, &p->plan->changes[index]);
    int64_t dims[2] = { rows, l.n };
    struct build_tensor tensor = { rewrite_new_name(p, shown->name, suffix), type, 2, dims };
    *io_ok = *io_ok && rewrite_put_beside(p, index, kind, &tensor, bytes, err);
    return tensor.name;
}

static bool put_weight(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct int4_layout l = int4_layout(shown, &p->plan->changes[index]);
    int64_t type = l.symmetric ? ONNX_INT4 : ONNX_UINT4;
    bool ok = true;
    const char *q =
        put_constant(p, index, SEGMENT_VALUES, "_DQ_Q4", type, l.k, qdq4_value_bytes(&l), &ok, err);
    const char *scales = put_constant(p, index, SEGMENT_SCALES, "_DQ_scales", ONNX_FLOAT, l.blocks,
                                      l.blocks * l.n * (int64_t)sizeof(float), &ok, err);
    const char *zeros = NULL;
    if (!l.symmetric)
        zeros = put_constant(p, index, SEGMENT_ZERO_POINTS, "_DQ_zero_points", type, l.blocks,
                             qdq4_zero_bytes(&l), &ok, err);
    const char *result = rewrite_new_name(p, shown->name, "_DQ_Q4_output");
    build_node(&p->first,
               &(struct build_node){ .op = "DequantizeLinear",
                                     .name = result,
                                     .inputs = { q, scales, zeros },
                                     .outputs = { result },
                                     .ints = { { "axis", 0 }, { "block_size", l.block } } });
    p->opset = ONNX_OPSET_INT4;
    p->ir = ONNX_IR_INT4;
    return ok;
}

static void put_product(struct onnx_rewrite *p, const struct onnx_node *node, size_t weight,
                        const char *x, const char *result)
{
    (void)weight;
    build_node(&p->text, &(struct build_node){
                             .op = "MatMul",
                             .name = rewrite_node_name(p, node, "_matmul_Q4", result),
                             .inputs = { x, rewrite_name(p, node->inputs[1], "_DQ_Q4_output") },
                             .outputs = { result } });
}

bool rewrite_qdq4(struct onnx_rewrite *p, struct pare_error *err)
{
    static const struct onnx_product product = { CHANGE_QDQ4, false, put_weight, put_product };
    return rewrite_products(p, &product, err);
}
