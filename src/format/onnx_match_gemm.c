/* SPDX-License-Identifier: MIT */
/*
 * The list of nodes that quantizing begins with: a Gemm of alpha 1, beta 1 and no transA is a
 * MatMul and, with a bias, an Add. Where transB asks for it, a weight W is turned around into an
 * initializer W_Transposed, once for all its Gemms in a graph, and any other value by a Transpose.
 * In subgraphs that is all that happens: the nodes in a Gemm's place are kept until it is written.
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

/* The number to go on with after a weight's name; those before are taken, and stay so. */
static size_t *suffix_of(struct onnx_match *m, const char *weight)
{
    size_t known = match_names_find(&m->bases, weight);
    if (known != SIZE_MAX)
        return &m->suffixes[known];
    known = m->suffix_count;
    if (!match_grow(m, &m->suffixes, known, &m->suffix_room, sizeof(*m->suffixes)) ||
        !match_names_add(m, &m->bases, weight, known))
        return NULL;
    m->suffixes[m->suffix_count++] = 0;
    return &m->suffixes[known];
}

/* The name of the turned weight: the first that is free together with what derives from it. */
static const char *turned_name(struct onnx_match *m, const char *weight)
{
    size_t *suffix = suffix_of(m, weight);
    for (; suffix; (*suffix)++) {
        const char *name = *suffix ? arena_printf(m->arena, "%s_Transposed_%zu", weight, *suffix)
                                   : arena_printf(m->arena, "%s_Transposed", weight);
        if (!name)
            return (void)error_no_memory(m->err, strlen(weight)), NULL;
        if (is_free(m, name))
            return name;
    }
    return NULL;
}

/* The main graph's is a weight to be quantized. */
static void turn_outer(const struct pare_tensor *shown, int64_t tensor, struct match_value *value)
{
    value->tensor = tensor;
    value->transposed = true;
    value->dtype = shown->dtype;
}

/* A subgraph's is one more initializer there. */
static bool turn_inner(struct onnx_match *m, int scope, int64_t tensor, struct match_turn *turn)
{
    const struct tensor *t = &m->model->tensors[tensor];
    struct match *match = m->match;
    if (t->file_offset < 0 || t->shown.element_count == 0)
        return match_refuse(m, "the Gemm weight \"%.200s\", in a subgraph: %s", t->shown.name,
                            t->unreadable ? t->unreadable : "it is empty");
    if (!match_grow(m, &match->weights, match->weight_count, &m->weight_room,
                    sizeof(*match->weights)))
        return false;
    struct match_turns *turns = &m->turns_of[scope];
    if (turns->last)
        m->turns[turns->last - 1].next = m->turn_count + 1;
    else
        turns->first = m->turn_count + 1;
    turns->last = m->turn_count + 1;
    turn->weight = match->weight_count;
    match->weights[match->weight_count++] = (struct match_weight){
        .tensor = (size_t)tensor, .transposed = true, .is_plain = true, .axis = -1
    };
    return true;
}

/* W_Transposed of a weight, made at its first Gemm in that graph. */
static const char *turn_weight(struct onnx_match *m, int scope, int64_t tensor)
{
    const struct pare_tensor *shown = &m->model->tensors[tensor].shown;
    const char *key = arena_printf(m->arena, "%d %lld", scope, (long long)tensor);
    size_t there = key ? match_names_find(&m->turned, key) : SIZE_MAX;
    if (there != SIZE_MAX)
        return m->turns[there].name;
    if (shown->rank != 2 || (shown->dtype != PARE_F32 && shown->dtype != PARE_F16)) {
        (void)match_refuse(m, "the Gemm weight \"%.200s\" is no matrix of F32 or F16", shown->name);
        return NULL;
    }
    struct match_value *value = match_new_value(m, turned_name(m, shown->name));
    if (!key || !value ||
        !match_grow(m, &m->turns, m->turn_count, &m->turn_room, sizeof(*m->turns)))
        return NULL;
    struct match_turn turn = { .name = value->name };
    if (scope == 0)
        turn_outer(shown, tensor, value);
    if ((scope > 0 && !turn_inner(m, scope, tensor, &turn)) ||
        !match_names_add(m, &m->turned, key, m->turn_count))
        return NULL;
    m->turns[m->turn_count++] = turn;
    return turn.name;
}

/* B of the MatMul, for a Gemm with transB. */
static const char *turn(struct onnx_match *m, const struct onnx_node *node, struct match_nodes *to)
{
    const char *b = node->inputs[1];
    int64_t tensor;
    if (!match_tensor_of(m, node->scope, b, &tensor))
        return NULL;
    if (tensor >= 0)
        return turn_weight(m, node->scope, tensor);
    const struct match_value *value = match_find(m, b);
    struct match_value *result = match_new_value(m, match_join(m, b, "_Transposed"));
    const char *name = *node->name ? match_join(m, node->name, "_Transpose") : "";
    if (!result || !name ||
        !match_put(m, to, "Transpose", name, (const char *[]){ b, NULL },
                   (const char *[]){ result->name, NULL }))
        return NULL;
    result->dtype = value ? value->dtype : PARE_UNKNOWN;
    return result->name;
}

/* The product before its bias. Branches that exclude one another may use one name. */
static struct match_value *product_value(struct onnx_match *m, const struct onnx_node *node)
{
    const char *name = match_join(m, node->outputs[0], "_MatMul");
    struct match_value *there = name ? match_find(m, name) : NULL;
    bool shared = node->scope > 0 && there && there->is_new && there->is_inner;
    struct match_value *value = shared ? there : match_new_value(m, name);
    if (value && node->scope > 0)
        value->is_inner = true;
    return value;
}

static bool put_gemm(struct onnx_match *m, const struct onnx_node *node, struct match_nodes *to)
{
    const char *x = node->inputs[0], *o = node->outputs[0];
    bool bias = node->input_count > 2;
    if (bias && !*node->inputs[2])
        return match_refuse(m, "Gemm \"%.200s\" has an empty third input", node->name);
    const char *b = node->gemm->trans_b ? turn(m, node, to) : node->inputs[1];
    const char *name = *node->name ? match_join(m, node->name, "_MatMul") : "", *product = o;
    if (b && bias) {
        struct match_value *value = product_value(m, node);
        const struct match_value *left = match_find(m, x);
        if (!value)
            return false;
        value->dtype = left ? left->dtype : PARE_UNKNOWN;
        product = value->name;
    }
    if (!b || !match_put(m, to, "MatMul", name, (const char *[]){ x, b, NULL },
                         (const char *[]){ product, NULL }))
        return false;
    if (!bias)
        return true;
    name = *node->name ? match_join(m, node->name, "_Add") : "";
    return match_put(m, to, "Add", name, (const char *[]){ product, node->inputs[2], NULL },
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

static bool check_operands(struct onnx_match *m, const struct onnx_node *node)
{
    bool product = !strcmp(node->op, "MatMul") || node->gemm || !strcmp(node->op, "Conv");
    bool lacks = product && (node->input_count < 2 || node->output_count != 1);
    return !lacks || match_refuse(m, "%.40s \"%.200s\" lacks an operand", node->op, node->name);
}

static bool put_node(struct onnx_match *m, size_t index)
{
    const struct onnx_node *node = &m->onnx->nodes[index];
    if (!check_domain(m, node) || !check_operands(m, node))
        return false;
    if (match_is_taken_apart(node))
        return put_gemm(m, node, &m->source);
    struct match_node made = match_made_anew(m->onnx, (int)index);
    made.is_same = !node->has_graph;
    if (made.is_same)
        made.domain = node->domain;
    return match_put_same(m, &m->source, &made);
}

/* A subgraph's: a Gemm's parts are kept for when its graph is written. */
static bool put_inner(struct onnx_match *m, size_t index)
{
    const struct onnx_node *node = &m->onnx->nodes[index];
    if (!node->gemm)
        return true;
    if (!check_domain(m, node) || !check_operands(m, node))
        return false;
    if (!match_is_taken_apart(node))
        return true;
    if (!match_grow(m, &m->aparts, m->apart_count, &m->apart_room, sizeof(*m->aparts)))
        return false;
    m->aparts[m->apart_count++] = (struct match_apart){ index, m->parts.count };
    return put_gemm(m, node, &m->parts);
}

/* Nodes of a subgraph come between those around it, as the peer takes them. */
bool match_gemms(struct onnx_match *m)
{
    m->turns_of = arena_array(m->arena, m->onnx->scope_count + 1, sizeof(*m->turns_of));
    if (!m->turns_of)
        return error_no_memory(m->err, m->onnx->scope_count * sizeof(*m->turns_of));
    for (size_t i = 0; i < m->onnx->node_count; i++)
        if (!(m->onnx->nodes[i].scope == 0 ? put_node(m, i) : put_inner(m, i)))
            return false;
    return true;
}
