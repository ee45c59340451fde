/* SPDX-License-Identifier: MIT */
/* Operators that have a quantized twin: Attention, EmbedLayerNormalization and LSTM. */
#include <string.h>

#include "base/error.h"
#include "format/onnx_match.h"

enum { FUSED_OPERANDS_MAX = 20 };

/* "twin" with the attributes of the node, of ONNX Runtime's domain. */
static struct match_node *put_twin(struct onnx_match *m, const struct match_node *node,
                                   const char *op, const char *const *inputs)
{
    const char *outputs[FUSED_OPERANDS_MAX + 1] = { NULL };
    if (node->output_count > FUSED_OPERANDS_MAX) {
        (void)match_refuse(m, "%.40s \"%.200s\" has too many results", node->op, node->name);
        return NULL;
    }
    memcpy(outputs, node->outputs, (size_t)node->output_count * sizeof(*outputs));
    const char *name = *node->name ? match_join(m, node->name, "_quant") : "";
    struct match_node *twin = match_put(m, &m->nodes, op, name, inputs, outputs);
    if (twin) {
        twin->domain = ONNX_CONTRIB;
        twin->source = node->source;
    }
    return twin;
}

static const char *input(const struct match_node *node, int position)
{
    return position < node->input_count ? node->inputs[position] : "";
}

static bool lacks(struct onnx_match *m, const struct match_node *node, int inputs)
{
    if (node->input_count < inputs)
        (void)match_refuse(m, "%.40s \"%.200s\" lacks an operand", node->op, node->name);
    return node->input_count < inputs;
}

/* ---- Attention ---- */

/* Query, key and value of different sizes have no quantized form. */
static bool has_sizes(struct onnx_match *m, const struct match_node *node, bool *ret_has)
{
    struct match_attribute *list;
    struct arena arena = { 0 };
    size_t count = 0;
    *ret_has = false;
    bool ok = match_read_attributes(m->model, &m->onnx->nodes[node->source], &arena, &list, &count,
                                    m->err);
    for (size_t i = 0; ok && i < count; i++)
        *ret_has = *ret_has || !strcmp(list[i].name, "qkv_hidden_sizes");
    arena_done(&arena);
    return ok;
}

static bool put_attention(struct onnx_match *m, const struct match_node *node)
{
    bool sizes;
    if (!has_sizes(m, node, &sizes))
        return false;
    if (sizes)
        return match_keep(m, node);
    if (lacks(m, node, 3))
        return false;
    const struct match_form *x = match_quantize(m, node->inputs[0], MATCH_ACTIVATION);
    const struct match_form *w = x ? match_quantize(m, node->inputs[1], MATCH_CHANNELS) : NULL;
    return w && put_twin(m, node, "QAttention",
                         (const char *[]){ x->quantized, w->quantized, node->inputs[2], x->scale,
                                           w->scale, input(node, 3), x->zero_point, w->zero_point,
                                           input(node, 4), NULL });
}

/* ---- EmbedLayerNormalization ---- */

static bool put_embedding(struct onnx_match *m, const struct match_node *node)
{
    enum { FIRST = 2, TABLES = 5 };
    const char *inputs[FUSED_OPERANDS_MAX + 1] = { NULL };
    if (node->output_count > 2)
        return match_keep(m, node);
    if (lacks(m, node, FIRST + TABLES))
        return false;
    inputs[0] = node->inputs[0];
    inputs[1] = node->inputs[1];
    for (int i = 0; i < TABLES; i++) {
        const struct match_form *form =
            match_quantize(m, node->inputs[FIRST + i], MATCH_ACTIVATION);
        if (!form)
            return false;
        inputs[FIRST + i] = form->quantized;
        inputs[FIRST + TABLES + 1 + i] = form->scale;
        inputs[FIRST + 2 * TABLES + 1 + i] = form->zero_point;
    }
    inputs[FIRST + TABLES] = input(node, FIRST + TABLES);
    return put_twin(m, node, "QEmbedLayerNormalization", inputs) != NULL;
}

/* ---- LSTM ---- */

static bool used_once(const struct onnx_match *m, const char *name)
{
    size_t first, end = onnx_find(m->onnx, name, &first);
    int uses = 0;
    for (size_t i = first; i < end; i++)
        uses += m->onnx->mentions[i].role == ONNX_USED || m->onnx->mentions[i].role == ONNX_OUTPUT;
    return uses == 1;
}

/* (directions, 4 hidden, inputs) becomes (directions, inputs, 4 hidden); always int8. */
static const struct match_form *put_gates(struct onnx_match *m, struct match_value *value,
                                          size_t *ret_weight)
{
    const struct pare_tensor *shown = &m->model->tensors[value->tensor].shown;
    bool channels = m->options->per_channel;
    struct match_weight weight = { .tensor = (size_t)value->tensor,
                                   .reduce_range = m->options->reduce_range,
                                   .transposed = true,
                                   .axis = 0,
                                   .axis_pairs = channels,
                                   .scale_count =
                                       shown->dims[0] * (channels ? shown->dims[1] : 1) };
    if (!used_once(m, value->name))
        return match_refuse(m, "the LSTM weight \"%.200s\" has another use", value->name), NULL;
    *ret_weight = m->match->weight_count;
    const struct match_form *form = match_put_weight(m, value, &weight);
    if (!form || !match_put_initializer(m, form->scale, MATCH_SCALE, *ret_weight) ||
        !match_put_initializer(m, form->zero_point, MATCH_ZERO_POINT, *ret_weight))
        return NULL;
    return form;
}

static struct match_value *gates_of(const struct onnx_match *m, const struct match_node *node,
                                    int position)
{
    struct match_value *value = match_initializer_of(m, node->inputs[position]);
    bool fits = value && (value->dtype == PARE_F32 || value->dtype == PARE_F16) &&
                m->model->tensors[value->tensor].shown.rank == 3;
    return fits ? value : NULL;
}

static bool put_lstm(struct onnx_match *m, const struct match_node *node)
{
    bool is_float;
    size_t w_index, r_index;
    if (lacks(m, node, 3) || !match_is_float(m, node, node->inputs[0], &is_float))
        return false;
    struct match_value *w = gates_of(m, node, 1), *r = gates_of(m, node, 2);
    if (!is_float || !w || !r)
        return match_keep(m, node);
    const struct match_form *wq = put_gates(m, w, &w_index);
    const struct match_form *rq = wq ? put_gates(m, r, &r_index) : NULL;
    if (!rq || !match_put_initializer(m, wq->quantized, MATCH_VALUES, w_index) ||
        !match_put_initializer(m, rq->quantized, MATCH_VALUES, r_index))
        return false;
    struct match_node *twin =
        put_twin(m, node, "DynamicQuantizeLSTM",
                 (const char *[]){ node->inputs[0], wq->quantized, rq->quantized, input(node, 3),
                                   input(node, 4), input(node, 5), input(node, 6), input(node, 7),
                                   wq->scale, wq->zero_point, rq->scale, rq->zero_point, NULL });
    if (twin)
        twin->without = "layout";
    return twin && match_dequantize(m, node->inputs[0]);
}

bool match_fused(struct onnx_match *m, const struct match_node *node, bool *ret_done)
{
    *ret_done = true;
    if (!strcmp(node->op, "Attention"))
        return put_attention(m, node);
    if (!strcmp(node->op, "EmbedLayerNormalization"))
        return put_embedding(m, node);
    if (!strcmp(node->op, "LSTM"))
        return put_lstm(m, node);
    *ret_done = false;
    return true;
}
