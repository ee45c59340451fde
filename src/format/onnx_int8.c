/* SPDX-License-Identifier: MIT */
/*
 * Int8 weights in a graph. The initializer W becomes W_quantized (int8) and
 * W_scale (float), and then one of
 *
 *   weight-only: W = Mul(Cast(W_quantized), W_scale). The result keeps W's name, so no use
 *   of W changes, inside subgraphs or out, and W itself may be in one; a runtime folds both nodes when it loads.
 *
 *   dynamic: every MatMul and Gemm of W becomes
 *       x_quantized, x_scale, x_zero_point = DynamicQuantizeLinear(x)
 *       o = Cast(MatMulInteger(x_quantized, W_quantized, x_zero_point))
 *           * (x_scale * W_scale [* alpha]) [+ C [* beta]]
 *   with Transposes of the 8-bit sides where a Gemm asks for them.
 *
 *   lookup: onnx_table.c.
 */
#include <string.h>

#include "format/onnx_rewrite.h"

/* ---- the weight ---- */

static bool put_weight(struct onnx_rewrite *p, size_t index, const char *quantized,
                       struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct build_tensor tensor = { quantized, ONNX_INT8, shown->rank, shown->dims };
    return rewrite_put_beside(p, index, SEGMENT_VALUES, &tensor, shown->element_count, err);
}

/* One number; or a vector for products' columns; or a shape that broadcasts along W's axis. */
static bool put_scale(struct onnx_rewrite *p, size_t index, const char *scale,
                      struct pare_error *err)
{
    const struct change *change = &p->plan->changes[index];
    struct build_tensor tensor = { .name = scale, .data_type = ONNX_FLOAT };
    int64_t dims[PARE_RANK_MAX];
    if (change->axis >= 0) {
        bool vector = change->form == INT8_DYNAMIC;
        int rank = vector ? 1 : p->plan->model->tensors[index].shown.rank;
        for (int i = 0; i < rank; i++)
            dims[i] = vector || i == change->axis ? change->scale_count : 1;
        tensor.rank = rank;
    }
    tensor.dims = dims;
    int64_t length = change->scale_count * (int64_t)sizeof(float);
    return rewrite_put_inline(p, index, SEGMENT_SCALES, &tensor, length, err);
}

static bool plan_weight(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const char *name = p->plan->model->tensors[index].shown.name;
    const char *quantized = rewrite_new_name(p, name, "_quantized");
    const char *scale = rewrite_new_name(p, name, "_scale");
    if (!rewrite_cut_tensor(p, index, err) || !put_weight(p, index, quantized, err) ||
        !put_scale(p, index, scale, err))
        return false;
    if (!onnx_patch_literal(&p->plan->patch, &p->text, err))
        return false;
    if (p->plan->changes[index].form == INT8_WEIGHT_ONLY) {
        const char *wide = rewrite_new_name(p, name, "_float");
        rewrite_put_cast(&p->text, quantized, wide, ONNX_FLOAT);
        rewrite_put2(&p->text, "Mul", wide, scale, name);
    } else if (p->plan->onnx->tensors[index].trans_b) {
        rewrite_put_transpose(&p->text, quantized, rewrite_new_name(p, name, "_transposed"));
    }
    return rewrite_put_first(p, index, &p->text, err);
}

/* ---- the products ---- */

/* The dynamic int8 weight that a node multiplies by, or -1. */
static int64_t weight_of(const struct onnx_plan *plan, const struct onnx_node *node)
{
    int64_t tensor = rewrite_weight_of(plan, node);
    bool dynamic = tensor >= 0 && plan->changes[tensor].kind == CHANGE_INT8 &&
                   plan->changes[tensor].form == INT8_DYNAMIC;
    return dynamic ? tensor : -1;
}

/* Whether this node is the first to want its input 0 quantized. */
static bool is_first(const struct onnx_plan *plan, const struct onnx_node *node)
{
    size_t first, end = onnx_find(plan->onnx, node->inputs[0], &first);
    for (size_t i = first; i < end; i++) {
        const struct onnx_mention *m = &plan->onnx->mentions[i];
        if (m->role == ONNX_USED && m->position == 0 &&
            weight_of(plan, &plan->onnx->nodes[m->index]) >= 0)
            return &plan->onnx->nodes[m->index] == node;
    }
    return true;
}

static void put_quantizer(struct onnx_rewrite *p, const char *x)
{
    const char *quantized = rewrite_new_name(p, x, "_quantized");
    build_node(&p->text,
               &(struct build_node){ .op = "DynamicQuantizeLinear",
                                     .name = quantized,
                                     .inputs = { x },
                                     .outputs = { quantized, rewrite_new_name(p, x, "_scale"),
                                                  rewrite_new_name(p, x, "_zero_point") } });
}

/* x_scale * W_scale, times alpha. */
static const char *put_rescale(struct onnx_rewrite *p, const struct onnx_node *node, const char *w,
                               const char *o)
{
    const char *rescale = rewrite_new_name(p, o, "_rescale");
    rewrite_put2(&p->text, "Mul", rewrite_name(p, node->inputs[0], "_scale"),
                 rewrite_name(p, w, "_scale"), rescale);
    if (!node->gemm || node->gemm->alpha == 1)
        return rescale;
    const char *alpha = rewrite_put_constant(p, o, "_alpha", node->gemm->alpha);
    const char *product = rewrite_new_name(p, o, "_rescale_alpha");
    rewrite_put2(&p->text, "Mul", rescale, alpha, product);
    return product;
}

static bool plan_product(struct onnx_rewrite *p, const struct onnx_node *node, int64_t weight,
                         struct pare_error *err)
{
    const char *x = node->inputs[0], *w = node->inputs[1], *o = node->outputs[0];
    bool trans_b = p->plan->onnx->tensors[weight].trans_b;
    if (!onnx_patch_edit(&p->plan->patch, node->cut.tag_at, node->cut.end - node->cut.tag_at,
                         p->plan->onnx->graph, err))
        return false;
    if (is_first(p->plan, node))
        put_quantizer(p, x);
    const char *left = rewrite_name(p, x, "_quantized");
    if (node->gemm && node->gemm->trans_a) {
        const char *turned = rewrite_new_name(p, o, "_input_transposed");
        rewrite_put_transpose(&p->text, left, turned);
        left = turned;
    }
    const char *integer = rewrite_new_name(p, o, "_integer"),
               *wide = rewrite_new_name(p, o, "_float");
    build_node(&p->text,
               &(struct build_node){
                   .op = "MatMulInteger",
                   .name = *node->name ? node->name : integer,
                   .inputs = { left, rewrite_name(p, w, trans_b ? "_transposed" : "_quantized"),
                               rewrite_name(p, x, "_zero_point") },
                   .outputs = { integer } });
    rewrite_put_cast(&p->text, integer, wide, ONNX_FLOAT);
    const char *rescale = put_rescale(p, node, w, o);
    const char *bias = rewrite_put_bias(p, node, o);
    const char *product = bias ? rewrite_new_name(p, o, "_product") : o;
    rewrite_put2(&p->text, "Mul", wide, rescale, product);
    if (bias)
        rewrite_put2(&p->text, "Add", product, bias, o);
    return onnx_patch_literal(&p->plan->patch, &p->text, err);
}

bool rewrite_int8(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx_plan *plan = p->plan;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        if (plan->changes[i].kind == CHANGE_INT8 && !plan_weight(p, i, err))
            return false;
    for (size_t i = 0; i < plan->onnx->node_count; i++) {
        int64_t weight = weight_of(plan, &plan->onnx->nodes[i]);
        if (weight >= 0 && !plan_product(p, &plan->onnx->nodes[i], weight, err))
            return false;
    }
    return true;
}
