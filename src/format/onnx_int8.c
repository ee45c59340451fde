/* SPDX-License-Identifier: MIT */
/*
 * Int8 weights in a graph. The initializer W becomes W_quantized (int8) and
 * W_scale (float), and then one of
 *
 *   weight-only: W = Mul(Cast(W_quantized), W_scale). The result keeps W's name, so no use
 *   of W changes, inside subgraphs or out; a runtime folds both nodes when it loads.
 *
 *   dynamic: every MatMul and Gemm of W becomes
 *       x_quantized, x_scale, x_zero_point = DynamicQuantizeLinear(x)
 *       o = Cast(MatMulInteger(x_quantized, W_quantized, x_zero_point))
 *           * (x_scale * W_scale [* alpha]) [+ C [* beta]]
 *   with Transposes of the 8-bit sides where a Gemm asks for them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx.h"
#include "format/onnx_build.h"

enum { TEXT_MAX = 64 << 20, IR_INPUTS_FREE = 4 };

struct int8_plan {
    struct onnx_plan *plan;
    struct arena *arena;
    struct buf text;   /* graph fields under construction */
    struct buf first;  /* nodes that go before all others */
    const char **made; /* names of new values, to see that they differ */
    size_t made_count, made_room;
    bool no_memory;
};

/* ---- names ---- */

static bool is_free(const struct int8_plan *p, const char *name)
{
    size_t first;
    return onnx_find(p->plan->onnx, name, &first) == first;
}

/* The name of a new value, unlike any in the model; the same for the same arguments. */
static const char *name_of(struct int8_plan *p, const char *base, const char *suffix)
{
    char *name = arena_printf(p->arena, "%s%s", base, suffix);
    for (int i = 1; name && !is_free(p, name); i++)
        name = arena_printf(p->arena, "%s%s_%d", base, suffix, i);
    if (!name)
        p->no_memory = true;
    return name ? name : "";
}

/* name_of() for a value that is being defined now. */
static const char *new_name(struct int8_plan *p, const char *base, const char *suffix)
{
    const char *name = name_of(p, base, suffix);
    if (p->made_count == p->made_room) {
        size_t room = p->made_room ? 2 * p->made_room : 64;
        const char **made = arena_array(p->arena, room, sizeof(*made));
        if (!made) {
            p->no_memory = true;
            return name;
        }
        if (p->made_count)
            memcpy(made, p->made, p->made_count * sizeof(*made));
        p->made = made;
        p->made_room = room;
    }
    p->made[p->made_count++] = name;
    return name;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool names_differ(struct int8_plan *p, struct pare_error *err)
{
    if (p->made_count)
        qsort(p->made, p->made_count, sizeof(*p->made), by_text);
    for (size_t i = 1; i < p->made_count; i++)
        if (!strcmp(p->made[i - 1], p->made[i]))
            return error_set(err, PARE_ERR_REFUSED, "the new name \"%.200s\" would be needed twice",
                             p->made[i]);
    return true;
}

/* ---- nodes ---- */

static void put2(struct buf *to, const char *op, const char *a, const char *b, const char *result)
{
    build_node(to, &(struct build_node){
                       .op = op, .name = result, .inputs = { a, b }, .outputs = { result } });
}

static void put_cast(struct buf *to, const char *from, const char *result)
{
    build_node(to, &(struct build_node){ .op = "Cast",
                                         .name = result,
                                         .inputs = { from },
                                         .outputs = { result },
                                         .to = ONNX_FLOAT });
}

static void put_transpose(struct buf *to, const char *from, const char *result)
{
    build_node(to, &(struct build_node){ .op = "Transpose",
                                         .name = result,
                                         .inputs = { from },
                                         .outputs = { result },
                                         .swap_matrix = true });
}

/* ---- the weight ---- */

/* Old IR versions want every initializer among the inputs. */
static void put_old_input(struct int8_plan *p, const struct build_tensor *tensor)
{
    if (p->plan->onnx->ir_version < IR_INPUTS_FREE)
        build_input(&p->text, tensor);
}

static bool put_values(struct int8_plan *p, size_t tensor, enum segment_kind kind, int64_t length,
                       struct pare_error *err)
{
    struct segment segment = { .kind = kind, .length = length, .tensor = tensor };
    return onnx_patch_literal(&p->plan->patch, &p->text, err) &&
           onnx_patch_add(&p->plan->patch, &segment, err);
}

static bool put_weight(struct int8_plan *p, size_t index, const char *quantized,
                       struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    struct build_tensor tensor = { quantized, ONNX_INT8, shown->rank, shown->dims };
    put_old_input(p, &tensor);
    if (!p->plan->onnx->tensors[index].external) {
        build_initializer(&p->text, &tensor, shown->element_count);
        return put_values(p, index, SEGMENT_VALUES, shown->element_count, err);
    }
    struct buf entries;
    buf_init(&entries, 16 * 1024);
    bool ok = onnx_plan_external(p->plan, index, shown->element_count, &entries, err) &&
              buf_ok(&entries, err);
    if (ok)
        build_external(&p->text, &tensor, &entries);
    buf_done(&entries);
    return ok;
}

/* One number; or a vector for products' columns; or a shape that broadcasts along W's axis. */
static bool put_scale(struct int8_plan *p, size_t index, const char *scale, struct pare_error *err)
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
    put_old_input(p, &tensor);
    int64_t length = change->scale_count * (int64_t)sizeof(float);
    build_initializer(&p->text, &tensor, length);
    return put_values(p, index, SEGMENT_SCALES, length, err);
}

/* An initializer that is listed among the inputs is one no more. */
static bool cut_input(struct int8_plan *p, const char *name, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    size_t first, end = onnx_find(onnx, name, &first);
    for (size_t i = first; i < end; i++) {
        if (onnx->mentions[i].role != ONNX_INPUT)
            continue;
        const struct onnx_cut *cut = &onnx->inputs[onnx->mentions[i].index];
        if (!onnx_patch_edit(&p->plan->patch, cut->tag_at, cut->end - cut->tag_at, onnx->graph,
                             err))
            return false;
    }
    return true;
}

static bool plan_weight(struct int8_plan *p, size_t index, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    const struct onnx_tensor *own = &onnx->tensors[index];
    const char *name = p->plan->model->tensors[index].shown.name;
    const char *quantized = new_name(p, name, "_quantized");
    const char *scale = new_name(p, name, "_scale");
    struct onnx_cut cut = own->node >= 0 ? onnx->nodes[own->node].cut : own->cut;
    if (!cut_input(p, name, err) ||
        !onnx_patch_edit(&p->plan->patch, cut.tag_at, cut.end - cut.tag_at, onnx->graph, err) ||
        !put_weight(p, index, quantized, err) || !put_scale(p, index, scale, err))
        return false;
    if (p->plan->changes[index].form == INT8_WEIGHT_ONLY) {
        const char *wide = new_name(p, name, "_float");
        put_cast(&p->first, quantized, wide);
        put2(&p->first, "Mul", wide, scale, name);
    } else if (own->trans_b) {
        put_transpose(&p->first, quantized, new_name(p, name, "_transposed"));
    }
    return onnx_patch_literal(&p->plan->patch, &p->text, err);
}

/* ---- the products ---- */

/* The dynamic int8 weight that a node multiplies by, or -1. */
static int64_t weight_of(const struct onnx_plan *plan, const struct onnx_node *node)
{
    bool product = !strcmp(node->op, "MatMul") || !strcmp(node->op, "Gemm");
    if (!product || node->scope != 0 || node->input_count < 2)
        return -1;
    size_t first, end = onnx_find(plan->onnx, node->inputs[1], &first);
    for (size_t i = first; i < end; i++) {
        const struct onnx_mention *m = &plan->onnx->mentions[i];
        int64_t tensor = m->role == ONNX_TENSOR ? m->index
                         : m->role == ONNX_MADE && m->index >= 0
                             ? plan->onnx->nodes[m->index].tensor
                             : -1;
        if (tensor >= 0)
            return plan->changes[tensor].kind == CHANGE_INT8 &&
                           plan->changes[tensor].form == INT8_DYNAMIC
                       ? tensor
                       : -1;
    }
    return -1;
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

static void put_quantizer(struct int8_plan *p, const char *x)
{
    const char *quantized = new_name(p, x, "_quantized");
    build_node(&p->text, &(struct build_node){ .op = "DynamicQuantizeLinear",
                                               .name = quantized,
                                               .inputs = { x },
                                               .outputs = { quantized, new_name(p, x, "_scale"),
                                                            new_name(p, x, "_zero_point") } });
}

/* A number as an initializer. */
static const char *put_constant(struct int8_plan *p, const char *base, const char *suffix,
                                float value)
{
    struct build_tensor tensor = { .name = new_name(p, base, suffix), .data_type = ONNX_FLOAT };
    put_old_input(p, &tensor);
    build_initializer(&p->text, &tensor, sizeof(value));
    buf_add(&p->text, &value, sizeof(value));
    return tensor.name;
}

/* What a Gemm adds, times beta; NULL for nothing. */
static const char *put_bias(struct int8_plan *p, const struct onnx_node *node, const char *o)
{
    if (!node->gemm || node->input_count < 3 || !*node->inputs[2] || node->gemm->beta == 0)
        return NULL;
    if (node->gemm->beta == 1)
        return node->inputs[2];
    const char *beta = put_constant(p, o, "_beta", node->gemm->beta);
    const char *bias = new_name(p, o, "_bias");
    put2(&p->text, "Mul", node->inputs[2], beta, bias);
    return bias;
}

/* x_scale * W_scale, times alpha. */
static const char *put_rescale(struct int8_plan *p, const struct onnx_node *node, const char *w,
                               const char *o)
{
    const char *rescale = new_name(p, o, "_rescale");
    put2(&p->text, "Mul", name_of(p, node->inputs[0], "_scale"), name_of(p, w, "_scale"), rescale);
    if (!node->gemm || node->gemm->alpha == 1)
        return rescale;
    const char *alpha = put_constant(p, o, "_alpha", node->gemm->alpha);
    const char *product = new_name(p, o, "_rescale_alpha");
    put2(&p->text, "Mul", rescale, alpha, product);
    return product;
}

static bool plan_product(struct int8_plan *p, const struct onnx_node *node, int64_t weight,
                         struct pare_error *err)
{
    const char *x = node->inputs[0], *w = node->inputs[1], *o = node->outputs[0];
    bool trans_b = p->plan->onnx->tensors[weight].trans_b;
    if (!onnx_patch_edit(&p->plan->patch, node->cut.tag_at, node->cut.end - node->cut.tag_at,
                         p->plan->onnx->graph, err))
        return false;
    if (is_first(p->plan, node))
        put_quantizer(p, x);
    const char *left = name_of(p, x, "_quantized");
    if (node->gemm && node->gemm->trans_a) {
        const char *turned = new_name(p, o, "_input_transposed");
        put_transpose(&p->text, left, turned);
        left = turned;
    }
    const char *integer = new_name(p, o, "_integer"), *wide = new_name(p, o, "_float");
    build_node(&p->text,
               &(struct build_node){
                   .op = "MatMulInteger",
                   .name = *node->name ? node->name : integer,
                   .inputs = { left, name_of(p, w, trans_b ? "_transposed" : "_quantized"),
                               name_of(p, x, "_zero_point") },
                   .outputs = { integer } });
    put_cast(&p->text, integer, wide);
    const char *rescale = put_rescale(p, node, w, o);
    const char *bias = put_bias(p, node, o);
    const char *product = bias ? new_name(p, o, "_product") : o;
    put2(&p->text, "Mul", wide, rescale, product);
    if (bias)
        put2(&p->text, "Add", product, bias, o);
    return onnx_patch_literal(&p->plan->patch, &p->text, err);
}

/* ---- all of it ---- */

static bool plan_first_nodes(struct int8_plan *p, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    int64_t at = onnx->messages[onnx->graph].end;
    for (size_t i = 0; i < onnx->node_count; i++)
        if (onnx->nodes[i].scope == 0) {
            at = onnx->nodes[i].cut.tag_at;
            break;
        }
    if (p->first.length == 0)
        return buf_ok(&p->first, err);
    return onnx_patch_edit(&p->plan->patch, at, 0, onnx->graph, err) &&
           onnx_patch_literal(&p->plan->patch, &p->first, err);
}

bool onnx_plan_int8(struct onnx_plan *plan, struct pare_error *err)
{
    struct int8_plan p = { .plan = plan, .arena = &plan->output->arena };
    bool ok = true;
    buf_init(&p.text, TEXT_MAX);
    buf_init(&p.first, TEXT_MAX);
    for (size_t i = 0; ok && i < plan->model->tensor_count; i++)
        if (plan->changes[i].kind == CHANGE_INT8)
            ok = plan_weight(&p, i, err);
    for (size_t i = 0; ok && i < plan->onnx->node_count; i++) {
        int64_t weight = weight_of(plan, &plan->onnx->nodes[i]);
        if (weight >= 0)
            ok = plan_product(&p, &plan->onnx->nodes[i], weight, err);
    }
    ok = ok && plan_first_nodes(&p, err);
    if (ok && p.no_memory)
        ok = error_no_memory(err, p.text.capacity);
    ok = ok && names_differ(&p, err);
    buf_done(&p.text);
    buf_done(&p.first);
    return ok;
}
