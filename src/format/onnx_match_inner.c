/* SPDX-License-Identifier: MIT */
/*
 * What the graphs in a graph define and use. There, too, the peer takes Gemms apart and lets
 * initializers go that nothing uses; everything else it leaves as it is.
 */
#include "base/error.h"
#include "format/onnx_match.h"

/* A definition that is no initializer. */
#define MADE (SIZE_MAX - 1)

static const char *key_of(struct onnx_match *m, struct arena *arena, int scope, const char *name)
{
    const char *key = arena_printf(arena, "%d %s", scope, name);
    if (!key)
        (void)error_no_memory(m->err, 64);
    return key;
}

/* Whether the graph `inner` is in the graph `outer`. */
static bool is_within(const struct onnx *onnx, int inner, int outer)
{
    int around = onnx->scopes[outer].graph, message = onnx->scopes[inner].graph;
    while (message > around)
        message = onnx->messages[message].parent;
    return message == around;
}

/* Graphs are numbered as they begin, so the one around is the graph before or around that. */
static bool read_parents(struct onnx_match *m)
{
    size_t count = m->onnx->scope_count;
    m->parents = arena_array(m->arena, count + 1, sizeof(*m->parents));
    if (!m->parents)
        return error_no_memory(m->err, count * sizeof(*m->parents));
    for (size_t i = 1; i < count; i++) {
        int parent = (int)i - 1;
        while (parent > 0 && !is_within(m->onnx, (int)i, parent))
            parent = m->parents[parent];
        m->parents[i] = parent;
    }
    return true;
}

/* The graph a mention is in. */
static int scope_of(const struct onnx *onnx, const struct onnx_mention *mention)
{
    if (mention->role == ONNX_TENSOR)
        return onnx->tensors[mention->index].scope;
    if (mention->role != ONNX_MADE && mention->role != ONNX_USED)
        return mention->index < 0 ? mention->position : 0;
    return mention->index < 0 ? mention->position : onnx->nodes[mention->index].scope;
}

bool match_read_inner(struct onnx_match *m)
{
    const struct onnx *onnx = m->onnx;
    if (!read_parents(m))
        return false;
    for (size_t i = 0; i < onnx->mention_count; i++) {
        const struct onnx_mention *mention = &onnx->mentions[i];
        bool tensor = mention->role == ONNX_TENSOR;
        int scope = scope_of(onnx, mention);
        if (scope <= 0 || (!tensor && mention->role != ONNX_MADE))
            continue;
        const char *key = key_of(m, m->arena, scope, mention->name);
        if (!key)
            return false;
        if (match_names_find(&m->inner, key) != SIZE_MAX)
            return match_refuse(m, "\"%.200s\" is defined twice in a subgraph", mention->name);
        if (!match_names_add(m, &m->inner, key, tensor ? (size_t)mention->index : MADE))
            return false;
    }
    return true;
}

bool match_tensor_of(struct onnx_match *m, int scope, const char *name, int64_t *ret_tensor)
{
    size_t found = SIZE_MAX;
    struct arena arena = { 0 };
    for (; scope > 0 && found == SIZE_MAX; scope = m->parents[scope]) {
        const char *key = key_of(m, &arena, scope, name);
        if (!key)
            break;
        found = match_names_find(&m->inner, key);
    }
    arena_done(&arena);
    if (scope > 0 && found == SIZE_MAX)
        return false; /* memory */
    const struct match_value *value = found == SIZE_MAX ? match_initializer_of(m, name) : NULL;
    *ret_tensor = value ? value->tensor : found >= MADE ? -1 : (int64_t)found;
    return true;
}

bool match_is_taken_apart(const struct onnx_node *node)
{
    const struct onnx_gemm *gemm = node->gemm;
    return gemm && gemm->alpha == 1 && gemm->beta == 1 && !gemm->trans_a;
}

bool match_is_turned(const struct onnx *onnx, const struct onnx_mention *mention)
{
    const struct onnx_node *node = mention->role == ONNX_USED ? &onnx->nodes[mention->index] : NULL;
    return node && mention->position == 1 && match_is_taken_apart(node) && node->gemm->trans_b;
}

/* The initializers that a subgraph's nodes name, or its outputs. */
static bool mark_used(struct onnx_match *m, bool *used)
{
    const struct onnx *onnx = m->onnx;
    for (size_t i = 0; i < onnx->mention_count; i++) {
        const struct onnx_mention *mention = &onnx->mentions[i];
        int scope = scope_of(onnx, mention);
        bool uses = mention->role == ONNX_USED || mention->role == ONNX_OUTPUT;
        int64_t tensor;
        if (scope <= 0 || !uses || match_is_turned(onnx, mention))
            continue;
        if (!match_tensor_of(m, scope, mention->name, &tensor))
            return false;
        if (tensor >= 0)
            used[tensor] = true;
    }
    return true;
}

bool match_clean_inner(struct onnx_match *m)
{
    bool *used = arena_array(m->arena, m->model->tensor_count + 1, sizeof(*used));
    if (!used)
        return error_no_memory(m->err, m->model->tensor_count);
    if (!mark_used(m, used))
        return false;
    for (size_t i = 0; i < m->model->tensor_count; i++) {
        const struct onnx_tensor *own = &m->onnx->tensors[i];
        if (own->scope > 0 && own->node < 0)
            m->match->dropped[i] = !used[i];
    }
    arena_drop(m->arena, used);
    return true;
}
