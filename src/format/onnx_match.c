/* SPDX-License-Identifier: MIT */
/*
 * Node after node. A quantized node asks for its operands in 8 bits, which happens once a value;
 * any other node that meets such a value has it turned back before it.
 */
#include "format/onnx_match.h"

#include <string.h>

#include "base/error.h"

/* ---- weights ---- */

bool match_put_initializer(struct onnx_match *m, const char *name, enum match_part part,
                           size_t weight)
{
    if (!match_new_value(m, name) || !match_grow(m, &m->initializers, m->initializer_count,
                                                 &m->initializer_room, sizeof(*m->initializers)))
        return false;
    m->initializers[m->initializer_count++] = (struct match_initializer){ name, part, weight };
    return true;
}

static struct match_form *new_form(struct onnx_match *m, const char *name)
{
    struct match_form *form = arena_alloc(m->arena, sizeof(*form));
    if (!form) {
        (void)error_no_memory(m->err, sizeof(*form));
        return NULL;
    }
    form->one_scale = true;
    form->quantized = match_join(m, name, "_quantized");
    form->scale = match_join(m, name, "_scale");
    form->zero_point = match_join(m, name, "_zero_point");
    return form->quantized && form->scale && form->zero_point ? form : NULL;
}

struct match_form *match_put_weight(struct onnx_match *m, struct match_value *value,
                                    const struct match_weight *weight)
{
    const struct tensor *t = &m->model->tensors[weight->tensor];
    size_t index = m->match->weight_count;
    if (t->shown.dtype != PARE_F32 && t->shown.dtype != PARE_F16)
        return match_refuse(m, "the weight \"%.200s\" is not F32 or F16", value->name), NULL;
    if (t->file_offset < 0)
        return match_refuse(m, "the weight \"%.200s\": %s", value->name, t->unreadable), NULL;
    if (t->shown.element_count == 0)
        return match_refuse(m, "the weight \"%.200s\" is empty", value->name), NULL;
    struct match_form *form = new_form(m, value->name);
    if (!form || !match_grow(m, &m->match->weights, index, &m->weight_room, sizeof(*weight)))
        return NULL;
    m->match->weights[m->match->weight_count++] = *weight;
    form->one_scale = weight->scale_count == 1;
    value->form = form;
    return form;
}

static bool put_parts(struct onnx_match *m, const struct match_form *form, size_t weight)
{
    return match_put_initializer(m, form->scale, MATCH_SCALE, weight) &&
           match_put_initializer(m, form->zero_point, MATCH_ZERO_POINT, weight) &&
           match_put_initializer(m, form->quantized, MATCH_VALUES, weight);
}

static const struct match_form *quantize_weight(struct onnx_match *m, struct match_value *value,
                                                enum match_use use)
{
    const struct pare_tensor *shown = &m->model->tensors[value->tensor].shown;
    bool channels = use == MATCH_CHANNELS && m->options->per_channel;
    bool activation = use == MATCH_ACTIVATION;
    struct match_weight weight = { .tensor = (size_t)value->tensor,
                                   .is_unsigned = activation || m->options->is_unsigned,
                                   .reduce_range = !activation && m->options->reduce_range,
                                   .transposed = value->transposed,
                                   .axis = -1,
                                   .scale_count = 1 };
    if (channels && shown->rank == 0)
        return match_refuse(m, "the weight \"%.200s\" has no channels", value->name), NULL;
    if (channels) {
        weight.axis = value->transposed ? 0 : shown->rank - 1;
        weight.scale_count = shown->dims[weight.axis];
    }
    size_t index = m->match->weight_count;
    struct match_form *form = match_put_weight(m, value, &weight);
    if (!form || !put_parts(m, form, index))
        return NULL;
    form->has_axis = channels;
    form->axis = -1;
    return form;
}

/* ---- other operands ---- */

static bool is_named(const struct onnx_match *m, const char *name)
{
    return match_named(&m->source, name) || match_named(&m->nodes, name);
}

static const struct match_form *quantize_value(struct onnx_match *m, struct match_value *value)
{
    const char *x = value->name, *name = match_join(m, x, "_QuantizeLinear");
    struct match_form *form = new_form(m, x);
    if (!form || !name)
        return NULL;
    if (is_named(m, name))
        return match_refuse(m, "a node \"%.200s\" is there already", name), NULL;
    if (!match_new_value(m, form->quantized) || !match_new_value(m, form->scale) ||
        !match_new_value(m, form->zero_point) ||
        !match_put(m, &m->nodes, "DynamicQuantizeLinear", name, (const char *[]){ x, NULL },
                   (const char *[]){ form->quantized, form->scale, form->zero_point, NULL }))
        return NULL;
    value->form = form;
    return form;
}

const struct match_form *match_quantize(struct onnx_match *m, const char *name, enum match_use use)
{
    static const struct match_form none = { .quantized = "", .scale = "", .zero_point = "" };
    struct match_value *value = match_find(m, name);
    if (!*name)
        return &none;
    if (!value)
        return match_refuse(m, "nothing makes \"%.200s\"", name), NULL;
    if (value->form)
        return value->form;
    return value->tensor >= 0 ? quantize_weight(m, value, use) : quantize_value(m, value);
}

bool match_dequantize(struct onnx_match *m, const char *name)
{
    const struct match_value *value = match_find(m, name);
    if (!value || !value->form || value->is_generated)
        return true;
    const struct match_form *form = value->form;
    if (!form->has_axis && !form->one_scale)
        return match_refuse(m, "the peer fails at \"%.200s\", which has several scales and no axis",
                            name);
    const char *named = match_join(m, name, "_DequantizeLinear");
    const struct match_node *there = named ? match_named(&m->nodes, named) : NULL;
    if (there && there->source < 0 && !strcmp(there->outputs[0], name))
        return true;
    if (named && is_named(m, named))
        return match_refuse(m, "a node \"%.200s\" is there already", named);
    struct match_node *node =
        match_put(m, &m->nodes, "DequantizeLinear", named,
                  (const char *[]){ form->quantized, form->scale, form->zero_point, NULL },
                  (const char *[]){ name, NULL });
    if (node && form->has_axis) {
        node->setting = "axis";
        node->setting_value = form->axis;
    }
    return node != NULL;
}

bool match_keep(struct onnx_match *m, const struct match_node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (!match_dequantize(m, node->inputs[i]))
            return false;
    return match_put_same(m, &m->nodes, node);
}

/* ---- MatMul and Conv ---- */

/* The type that a product is cast to: that of its result. */
static bool put_cast(struct onnx_match *m, const struct match_node *node, const char *integer,
                     const char *wide)
{
    const char *o = node->outputs[0];
    bool is_float;
    if (!match_is_float(m, node, o, &is_float))
        return false;
    if (!is_float)
        return match_refuse(m, "\"%.200s\" is not F32 or F16", o);
    struct match_node *cast =
        match_put(m, &m->nodes, "Cast", match_join(m, integer, "_cast"),
                  (const char *[]){ integer, NULL }, (const char *[]){ wide, NULL });
    if (!cast)
        return false;
    cast->setting = "to";
    cast->setting_value = match_find(m, o)->dtype == PARE_F16 ? ONNX_FLOAT16 : ONNX_FLOAT;
    return true;
}

/* The product of both scales; one for all unnamed products of the same two. */
static const char *put_scales(struct onnx_match *m, const char *named, const struct match_form *a,
                              const struct match_form *b)
{
    const char *name = *named ? match_join(m, named, "_scales_mul")
                              : arena_printf(m->arena, "%s_%s_mul", a->scale, b->scale);
    const struct match_node *there = name ? match_named(&m->nodes, name) : NULL;
    if (there)
        return there->outputs[0];
    const char *result = name ? match_join(m, name, ":0") : NULL;
    if (!result || !match_new_value(m, result) ||
        !match_put(m, &m->nodes, "Mul", name, (const char *[]){ a->scale, b->scale, NULL },
                   (const char *[]){ result, NULL }))
        return NULL;
    return result;
}

/* A Conv's bias, shaped to broadcast along the channels. */
static bool put_bias(struct onnx_match *m, const struct match_node *node, const char *sum)
{
    const char *o = node->outputs[0];
    const char *shape = match_join(m, o, "_bias_reshape_shape");
    const char *shaped = match_join(m, o, "_bias_reshape_output");
    const struct match_value *weight = match_initializer_of(m, node->inputs[1]);
    if (!weight || !*node->inputs[2])
        return match_refuse(m, "Conv \"%.200s\" has a bias and no initializer as its weight",
                            node->name);
    size_t rank = (size_t)m->model->tensors[weight->tensor].shown.rank;
    return match_put_initializer(m, shape, MATCH_SHAPE, rank) && match_new_value(m, shaped) &&
           match_put(m, &m->nodes, "Reshape", "", (const char *[]){ node->inputs[2], shape, NULL },
                     (const char *[]){ shaped, NULL }) &&
           match_put(m, &m->nodes, "Add", match_join(m, o, "_bias_add"),
                     (const char *[]){ sum, shaped, NULL }, (const char *[]){ o, NULL });
}

static bool put_integer(struct onnx_match *m, const struct match_node *node, const char *named,
                        const struct match_form *a, const struct match_form *b, const char *result)
{
    bool conv = !strcmp(node->op, "Conv");
    struct match_node *product = match_put(
        m, &m->nodes, conv ? "ConvInteger" : "MatMulInteger", named,
        (const char *[]){ a->quantized, b->quantized, a->zero_point, b->zero_point, NULL },
        (const char *[]){ result, NULL });
    if (product && conv)
        product->source = node->source;
    return product != NULL;
}

static bool put_product(struct onnx_match *m, const struct match_node *node)
{
    bool conv = !strcmp(node->op, "Conv"), bias = conv && node->input_count == 3;
    const char *o = node->outputs[0];
    const struct match_form *a = match_quantize(m, node->inputs[0], MATCH_ACTIVATION);
    const struct match_form *b =
        a ? match_quantize(m, node->inputs[1], conv ? MATCH_WEIGHT : MATCH_CHANNELS) : NULL;
    const char *integer = match_join(m, o, "_output_quantized");
    const char *named = *node->name ? match_join(m, node->name, "_quant") : "";
    const char *last = *node->name ? match_join(m, node->name, "_quant_output_scale_mul") : "";
    const char *wide = match_join(m, o, "_output_quantized_cast_output");
    const char *result = bias ? match_join(m, o, "quant_scaled_output") : o;
    if (!b || !named || !last || !match_new_value(m, integer) || !match_new_value(m, wide) ||
        !result || (bias && !match_new_value(m, result)) ||
        !put_integer(m, node, named, a, b, integer) || !put_cast(m, node, integer, wide))
        return false;
    const char *scales = put_scales(m, named, a, b);
    return scales &&
           match_put(m, &m->nodes, "Mul", last, (const char *[]){ wide, scales, NULL },
                     (const char *[]){ result, NULL }) &&
           (!bias || put_bias(m, node, result));
}

static bool put_matmul(struct onnx_match *m, const struct match_node *node)
{
    const struct match_value *b = match_initializer_of(m, node->inputs[1]);
    bool is_float = b && (b->dtype == PARE_F32 || b->dtype == PARE_F16);
    if (b && !is_float && !match_is_float(m, node, node->inputs[0], &is_float))
        return false;
    return is_float ? put_product(m, node) : match_keep(m, node);
}

static bool put_conv(struct onnx_match *m, const struct match_node *node)
{
    bool is_float;
    if (!match_is_float(m, node, node->inputs[0], &is_float))
        return false;
    return is_float ? put_product(m, node) : match_keep(m, node);
}

/* ---- what moves 8-bit values ---- */

/* The node on the 8-bit input 0; its result is known by the name that it had. */
static bool put_mover(struct onnx_match *m, const struct match_node *node,
                      const struct match_form *from)
{
    struct match_value *result = match_find(m, node->outputs[0]);
    struct match_form *form = new_form(m, node->outputs[0]);
    if (!result || !form || !match_new_value(m, form->quantized))
        return false;
    form->scale = from->scale;
    form->zero_point = from->zero_point;
    form->one_scale = from->one_scale;
    result->form = form;
    struct match_node moved = *node;
    moved.inputs = arena_array(m->arena, (size_t)node->input_count + 1, sizeof(*moved.inputs));
    moved.outputs = arena_array(m->arena, 1, sizeof(*moved.outputs));
    if (!moved.inputs || !moved.outputs)
        return error_no_memory(m->err, (size_t)node->input_count * sizeof(*moved.inputs));
    memcpy(moved.inputs, node->inputs, (size_t)node->input_count * sizeof(*moved.inputs));
    moved.inputs[0] = from->quantized;
    moved.outputs[0] = form->quantized;
    moved.is_same = false;
    moved.keeps_rest = node->source >= 0;
    return match_put_same(m, &m->nodes, &moved);
}

static bool put_gather(struct onnx_match *m, const struct match_node *node)
{
    const struct match_value *table = match_initializer_of(m, node->inputs[0]);
    if (!table || (table->dtype != PARE_F32 && table->dtype != PARE_F16))
        return match_keep(m, node);
    const struct match_form *form = match_quantize(m, node->inputs[0], MATCH_ACTIVATION);
    return form && put_mover(m, node, form);
}

static bool put_transpose(struct onnx_match *m, const struct match_node *node)
{
    const struct match_value *value = match_find(m, node->inputs[0]);
    bool is_float;
    if (!value || !value->form)
        return match_keep(m, node);
    if (!match_is_float(m, node, node->inputs[0], &is_float))
        return false;
    return is_float ? put_mover(m, node, value->form) : match_keep(m, node);
}

/* ---- the whole ---- */

static bool put_node(struct onnx_match *m, const struct match_node *node)
{
    bool mover = !strcmp(node->op, "Gather") || !strcmp(node->op, "Transpose");
    bool done = false;
    if (mover && (node->input_count < 1 || node->output_count != 1))
        return match_refuse(m, "%.40s \"%.200s\" lacks an operand", node->op, node->name);
    if (!strcmp(node->op, "MatMul"))
        return put_matmul(m, node);
    if (!strcmp(node->op, "Conv"))
        return put_conv(m, node);
    if (!strcmp(node->op, "Gather"))
        return put_gather(m, node);
    if (!strcmp(node->op, "Transpose"))
        return put_transpose(m, node);
    return match_fused(m, node, &done) && (done || match_keep(m, node));
}

static bool put_nodes(struct onnx_match *m)
{
    for (size_t i = 0; i < m->source.count; i++) {
        struct match_node node = m->source.list[i];
        size_t first = m->nodes.count;
        if (!match_poll(m, i) || !put_node(m, &node))
            return false;
        for (size_t k = first; k < m->nodes.count; k++)
            for (int o = 0; o < m->nodes.list[k].output_count; o++) {
                struct match_value *made = match_find(m, m->nodes.list[k].outputs[o]);
                if (made)
                    made->is_generated = true;
            }
    }
    for (size_t i = 0; i < m->output_count; i++)
        if (!match_dequantize(m, m->outputs[i]))
            return false;
    return true;
}

/* Metadata are a table for the peer. */
static bool check_labels(struct onnx_match *m)
{
    struct match_names keys = { 0 };
    for (size_t i = 0; i < m->onnx->prop_count; i++) {
        const char *key = m->onnx->props[i].key;
        if (match_names_find(&keys, key) != SIZE_MAX)
            return match_refuse(m, "metadata_props has the key \"%.200s\" twice", key);
        if (!match_names_add(m, &keys, key, i))
            return false;
    }
    return true;
}

/* What is in a subgraph is copied, and so stays in the main file. */
static bool check_subgraphs(struct onnx_match *m)
{
    for (size_t i = 0; i < m->model->tensor_count; i++) {
        const struct onnx_tensor *own = &m->onnx->tensors[i];
        const char *name = m->model->tensors[i].shown.name;
        if (own->scope == ONNX_SCOPE_SPARSE)
            return match_refuse(m, "the model has sparse initializers");
        if (own->external && (own->node >= 0 || own->scope != 0))
            return match_refuse(m, "the values of \"%.200s\", in a node, are in another file",
                                name);
    }
    return true;
}

/* What no rule here is about. */
static bool check_model(struct onnx_match *m)
{
    if (m->onnx->opset < MATCH_OPSET_MIN)
        return match_refuse(m, "the opset is %lld, 11 or newer was expected",
                            (long long)m->onnx->opset);
    return check_labels(m) && check_subgraphs(m);
}

/* What only the way to the new nodes wants; many weights make it large. */
static void forget_source(struct onnx_match *m)
{
    match_names_done(m, &m->source.names);
    match_names_done(m, &m->nodes.names);
    arena_drop(m->arena, m->source.list);
    m->source = (struct match_nodes){ 0 };
}

bool onnx_match(const struct model *model, const struct match_options *options, struct arena *arena,
                struct match **ret_match, struct pare_error *err)
{
    struct match *match = arena_alloc(arena, sizeof(*match));
    struct onnx_match *m = arena_alloc(arena, sizeof(*m));
    if (!match || !m)
        return error_no_memory(err, sizeof(*m));
    *m = (struct onnx_match){ .model = model,
                              .onnx = model->own,
                              .options = options,
                              .arena = arena,
                              .match = match,
                              .err = err };
    match->own = m;
    match->dropped = arena_array(arena, model->tensor_count + 1, sizeof(*match->dropped));
    if (!match->dropped)
        return error_no_memory(err, model->tensor_count);
    if (!check_model(m) || !match_read_inner(m) || !match_read_values(m) || !match_gemms(m) ||
        !put_nodes(m) || !match_clean(m))
        return false;
    forget_source(m);
    if (!match_sort(m))
        return false;
    match_names_done(m, &m->names);
    m->err = NULL;
    m->options = NULL;
    *ret_match = match;
    return true;
}
