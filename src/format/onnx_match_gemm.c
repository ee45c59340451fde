/* SPDX-License-Identifier: MIT */
/*
 * The list of nodes that quantizing begins with: a Gemm of alpha 1, beta 1 and no transA is a
 * MatMul and, with a bias, an Add. Where transB asks for it, a weight W is turned around into an
 * initializer W_Transposed, once for all its Gemms, and any other value by a Transpose.
 */
#include <string.h>

#include "base/error.h"
#include "format/onnx_match.h"

static const char **copy_names(struct onnx_match *m, const char *const *names, int *ret_count)
{
    int count = 0;
    while (names[count])
        count++;
    const char **copy = arena_array(m->arena, (size_t)count + 1, sizeof(*copy));
    if (!copy) {
        (void)error_no_memory(m->err, (size_t)count * sizeof(*copy));
        return NULL;
    }
    memcpy(copy, names, (size_t)count * sizeof(*copy));
    *ret_count = count;
    return copy;
}

bool match_put_same(struct onnx_match *m, struct match_nodes *to, const struct match_node *node)
{
    struct match_node copy = *node;
    if (!match_grow(m, &to->list, to->count, &to->room, sizeof(*to->list)) ||
        !match_names_add(m, &to->names, copy.name, to->count))
        return false;
    to->list[to->count++] = copy;
    return true;
}

struct match_node *match_put(struct onnx_match *m, struct match_nodes *to, const char *op,
                             const char *name, const char *const *inputs,
                             const char *const *outputs)
{
    struct match_node node = { .op = op, .name = name, .domain = "", .source = -1 };
    node.inputs = copy_names(m, inputs, &node.input_count);
    node.outputs = copy_names(m, outputs, &node.output_count);
    if (!name || !node.inputs || !node.outputs || !match_put_same(m, to, &node))
        return NULL;
    return &to->list[to->count - 1];
}

const struct match_node *match_named(const struct match_nodes *nodes, const char *name)
{
    size_t index = match_names_find(&nodes->names, name);
    return index == SIZE_MAX ? NULL : &nodes->list[index];
}

/* ---- Gemm ---- */

static bool is_free(const struct onnx_match *m, const char *name)
{
    static const char *const suffixes[] = { "", "_quantized", "_scale", "_zero_point" };
    char *full;
    struct arena arena = { 0 };
    bool ok = true;
    for (size_t i = 0; ok && i < ARRAY_SIZE(suffixes); i++) {
        full = arena_printf(&arena, "%s%s", name, suffixes[i]);
        ok = full && !match_find(m, full);
    }
    arena_done(&arena);
    return ok;
}

/* The name of the turned weight: the first that is free together with what derives from it. */
static const char *turned_name(struct onnx_match *m, const char *weight)
{
    const char *name = match_join(m, weight, "_Transposed");
    for (int i = 1; name && !is_free(m, name); i++) {
        name = arena_printf(m->arena, "%s_Transposed_%d", weight, i);
        if (!name)
            (void)error_no_memory(m->err, strlen(weight));
    }
    return name;
}

/* W_Transposed of a weight, made at its first Gemm. */
static const char *turn_weight(struct onnx_match *m, const struct match_value *weight,
                               const char **turned)
{
    const struct pare_tensor *shown = &m->model->tensors[weight->tensor].shown;
    const char **name = &turned[weight->tensor];
    if (*name)
        return *name;
    if (shown->rank != 2 || (weight->dtype != PARE_F32 && weight->dtype != PARE_F16)) {
        (void)match_refuse(m, "the Gemm weight \"%.200s\" is no matrix of F32 or F16", shown->name);
        return NULL;
    }
    struct match_value *value = match_new_value(m, turned_name(m, weight->name));
    if (!value)
        return NULL;
    value->tensor = weight->tensor;
    value->transposed = true;
    value->dtype = weight->dtype;
    return *name = value->name;
}

/* B of the MatMul, for a Gemm with transB. */
static const char *turn(struct onnx_match *m, const struct onnx_node *node, const char **turned)
{
    const char *b = node->inputs[1];
    const struct match_value *weight = match_initializer_of(m, b);
    if (weight)
        return turn_weight(m, weight, turned);
    const struct match_value *value = match_find(m, b);
    struct match_value *result = match_new_value(m, match_join(m, b, "_Transposed"));
    const char *name = *node->name ? match_join(m, node->name, "_Transpose") : "";
    if (!result || !name ||
        !match_put(m, &m->source, "Transpose", name, (const char *[]){ b, NULL },
                   (const char *[]){ result->name, NULL }))
        return NULL;
    result->dtype = value ? value->dtype : PARE_UNKNOWN;
    return result->name;
}

static bool put_gemm(struct onnx_match *m, const struct onnx_node *node, const char **turned)
{
    const char *x = node->inputs[0], *o = node->outputs[0];
    bool bias = node->input_count > 2;
    if (bias && !*node->inputs[2])
        return match_refuse(m, "Gemm \"%.200s\" has an empty third input", node->name);
    const char *b = node->gemm->trans_b ? turn(m, node, turned) : node->inputs[1];
    const char *name = *node->name ? match_join(m, node->name, "_MatMul") : "", *product = o;
    if (b && bias) {
        struct match_value *value = match_new_value(m, match_join(m, o, "_MatMul"));
        const struct match_value *left = match_find(m, x);
        if (!value)
            return false;
        value->dtype = left ? left->dtype : PARE_UNKNOWN;
        product = value->name;
    }
    if (!b || !match_put(m, &m->source, "MatMul", name, (const char *[]){ x, b, NULL },
                         (const char *[]){ product, NULL }))
        return false;
    if (!bias)
        return true;
    name = *node->name ? match_join(m, node->name, "_Add") : "";
    return match_put(m, &m->source, "Add", name, (const char *[]){ product, node->inputs[2], NULL },
                     (const char *[]){ o, NULL }) != NULL;
}

/* ---- all nodes ---- */

/* The peer goes by the operator's name alone; another domain's would be taken for one of these. */
static bool check_domain(struct onnx_match *m, const struct onnx_node *node)
{
    static const char *const standard[] = {
        "MatMul", "Gemm", "Conv", "Gather", "Transpose", "LSTM"
    };
    static const char *const contrib[] = { "Attention", "EmbedLayerNormalization" };
    bool plain = !*node->domain || !strcmp(node->domain, "ai.onnx");
    bool ok = true;
    for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
        ok = ok && (plain || strcmp(node->op, standard[i]) != 0);
    for (size_t i = 0; i < ARRAY_SIZE(contrib); i++)
        ok = ok && (!strcmp(node->domain, ONNX_CONTRIB) || strcmp(node->op, contrib[i]) != 0);
    return ok || match_refuse(m, "%.40s \"%.200s\" is of the domain \"%.100s\"", node->op,
                              node->name, node->domain);
}

static bool put_node(struct onnx_match *m, size_t index, const char **turned)
{
    const struct onnx_node *node = &m->onnx->nodes[index];
    const struct onnx_gemm *gemm = node->gemm;
    if (!check_domain(m, node))
        return false;
    bool product = !strcmp(node->op, "MatMul") || gemm || !strcmp(node->op, "Conv");
    if (product && (node->input_count < 2 || node->output_count != 1))
        return match_refuse(m, "%.40s \"%.200s\" lacks an operand", node->op, node->name);
    if (gemm && gemm->alpha == 1 && gemm->beta == 1 && !gemm->trans_a)
        return put_gemm(m, node, turned);
    struct match_node made = match_made_anew(m->onnx, (int)index);
    made.is_same = !node->has_graph;
    if (made.is_same)
        made.domain = node->domain;
    return match_put_same(m, &m->source, &made);
}

bool match_gemms(struct onnx_match *m)
{
    const char **turned = arena_array(m->arena, m->model->tensor_count + 1, sizeof(*turned));
    if (!turned)
        return error_no_memory(m->err, m->model->tensor_count * sizeof(*turned));
    for (size_t i = 0; i < m->onnx->node_count; i++)
        if (m->onnx->nodes[i].scope == 0 && !put_node(m, i, turned))
            return false;
    return true;
}
