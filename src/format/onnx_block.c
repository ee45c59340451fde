/* SPDX-License-Identifier: MIT */
/* Which nodes are of a block: all that touch its values. */
#include "format/onnx_block.h"

#include <string.h>

#include "base/error.h"

#define TOO_MANY "the block has more operators than pare looks at"

static const struct {
    const char *op, *domain;
    enum block_kind kind;
} kinds[] = {
    { "Abs", "", BLOCK_KEEPS },
    { "Add", "", BLOCK_SUM },
    { "BiasGelu", ONNX_CONTRIB, BLOCK_BIASED },
    { "Cast", "", BLOCK_KEEPS },
    { "Celu", "", BLOCK_KEEPS },
    { "Clip", "", BLOCK_MOVES },
    { "Div", "", BLOCK_QUOTIENT },
    { "Dropout", "", BLOCK_KEEPS },
    { "Elu", "", BLOCK_KEEPS },
    { "Erf", "", BLOCK_KEEPS },
    { "Exp", "", BLOCK_MOVES },
    { "FastGelu", ONNX_CONTRIB, BLOCK_BIASED },
    { "Gelu", "", BLOCK_KEEPS },
    { "Gelu", ONNX_CONTRIB, BLOCK_KEEPS },
    { "HardSigmoid", "", BLOCK_MOVES },
    { "HardSwish", "", BLOCK_KEEPS },
    { "Identity", "", BLOCK_KEEPS },
    { "LeakyRelu", "", BLOCK_KEEPS },
    { "Mish", "", BLOCK_KEEPS },
    { "Mul", "", BLOCK_TIMES },
    { "Neg", "", BLOCK_KEEPS },
    { "Pow", "", BLOCK_POWER },
    { "QuickGelu", ONNX_CONTRIB, BLOCK_KEEPS },
    { "Relu", "", BLOCK_KEEPS },
    { "Selu", "", BLOCK_KEEPS },
    { "Sigmoid", "", BLOCK_MOVES },
    { "Softplus", "", BLOCK_MOVES },
    { "Softsign", "", BLOCK_KEEPS },
    { "Sqrt", "", BLOCK_KEEPS },
    { "Sub", "", BLOCK_SUM },
    { "Swish", "", BLOCK_KEEPS },
    { "Tanh", "", BLOCK_KEEPS },
};

static const char *domain_of(const struct onnx_node *node)
{
    return strcmp(node->domain, "ai.onnx") != 0 ? node->domain : "";
}

enum block_kind block_kind(const struct onnx_node *node)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(node->op, kinds[i].op) && !strcmp(domain_of(node), kinds[i].domain))
            return kinds[i].kind;
    return BLOCK_UNKNOWN;
}

bool block_is_product(const struct onnx_node *node)
{
    return !*domain_of(node) && node->input_count >= 2 && node->output_count == 1 &&
           (!strcmp(node->op, "MatMul") || (!strcmp(node->op, "Gemm") && node->gemm));
}

bool block_refuse(struct onnx_block *block, const char *why)
{
    block->whole = why;
    return false;
}

/* ---- tensors ---- */

/* Whether that is another mention of the name: some have very many. */
static bool is_of(const struct onnx *onnx, size_t mention, const char *name)
{
    return mention < onnx->mention_count && !strcmp(onnx->mentions[mention].name, name);
}

int64_t block_tensor(const struct onnx *onnx, const char *name)
{
    for (size_t i = onnx_find_first(onnx, name); is_of(onnx, i, name); i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        if (m->role > ONNX_MADE)
            return -1;
        if (m->role == ONNX_TENSOR)
            return m->index;
        if (m->role == ONNX_MADE && m->index >= 0 && onnx->nodes[m->index].tensor >= 0)
            return onnx->nodes[m->index].tensor;
    }
    return -1;
}

/* How often the name is taken, and how often it is made; 2 is as much as more. */
static int uses_of(const struct onnx *onnx, const char *name, int *ret_makers)
{
    int uses = 0;
    *ret_makers = 0;
    for (size_t i = onnx_find_first(onnx, name); uses < 2 && is_of(onnx, i, name); i++) {
        enum onnx_role role = onnx->mentions[i].role;
        *ret_makers += role == ONNX_TENSOR || role == ONNX_MADE;
        uses += role == ONNX_USED || role == ONNX_OUTPUT;
    }
    return uses;
}

static const char *why_no_part(const struct onnx_block *b, size_t tensor)
{
    const struct tensor *t = &b->model->tensors[tensor];
    int makers;
    if (b->onnx->tensors[tensor].scope != 0)
        return "it is inside a subgraph";
    if (uses_of(b->onnx, t->shown.name, &makers) != 1 || makers != 1)
        return "it has more than one use";
    if (t->shown.dtype != PARE_F32 && t->shown.dtype != PARE_F16 && t->shown.dtype != PARE_BF16)
        return "it is not F32, F16 or BF16";
    if (t->shown.element_count == 0)
        return "it is empty";
    return t->file_offset < 0 ? t->unreadable : NULL;
}

bool block_add_part(struct onnx_block *block, const char *name, int axis, int source, bool first)
{
    int64_t tensor = block_tensor(block->onnx, name);
    const char *why = why_no_part(block, (size_t)tensor);
    if (why)
        return block_refuse(block, arena_printf(block->arena, "\"%.100s\": %s", name, why));
    if (block->part_count == BLOCK_MAX)
        return block_refuse(block, "the block has more tensors than pare looks at");
    block->parts[block->part_count++] = (struct block_part){ (size_t)tensor, axis, source, first };
    return true;
}

/* ---- what touches its values ---- */

/* The value of that name, a new one if need be; NULL when there are too many. */
static struct block_value *add_value(struct onnx_block *b, const char *name)
{
    for (size_t i = 0; i < b->value_count; i++)
        if (!strcmp(b->values[i].name, name))
            return &b->values[i];
    if (b->value_count == BLOCK_MAX) {
        block_refuse(b, TOO_MANY);
        return NULL;
    }
    b->values[b->value_count] = (struct block_value){ .name = name };
    return &b->values[b->value_count++];
}

/* The tensor of two dimensions that a product multiplies by; -1: it is no such. */
static int64_t matrix_of(const struct onnx_block *b, const struct onnx_node *node)
{
    int64_t tensor = block_tensor(b->onnx, node->inputs[1]);
    return tensor >= 0 && b->model->tensors[tensor].shown.rank == 2 ? tensor : -1;
}

/* What a Gemm adds: nothing, the same to all channels, or a number to each. */
static bool add_bias(struct onnx_block *b, const struct onnx_node *node, struct block_value *made,
                     int source)
{
    if (!node->gemm || node->input_count < 3 || !*node->inputs[2])
        return true;
    int64_t tensor = block_tensor(b->onnx, node->inputs[2]);
    const struct pare_tensor *shown = tensor < 0 ? NULL : &b->model->tensors[tensor].shown;
    int64_t last = !shown ? 0 : shown->rank == 0 ? 1 : shown->dims[shown->rank - 1];
    if (last == b->count)
        return block_add_part(b, node->inputs[2], shown->rank - 1, source, false);
    if (last != 1)
        return block_refuse(b, arena_printf(b->arena,
                                            "Gemm \"%.100s\" adds \"%.100s\", which is no "
                                            "constant of as many channels",
                                            node->name, node->inputs[2]));
    made->zero_by = 0;
    return true;
}

/* A product that makes the block's channels. */
static bool add_maker(struct onnx_block *b, int index)
{
    const struct onnx_node *node = &b->onnx->nodes[index];
    int64_t tensor = matrix_of(b, node);
    int axis = !(node->gemm && node->gemm->trans_b), source = b->source_count;
    for (size_t i = 0; i < b->maker_count; i++)
        if (b->makers[i] == index)
            return true;
    if (tensor < 0)
        return block_refuse(b, arena_printf(b->arena,
                                            "\"%.100s\" comes from a %s without a "
                                            "constant matrix",
                                            node->outputs[0], node->op));
    int64_t count = b->model->tensors[tensor].shown.dims[axis];
    if (b->count && count != b->count)
        return block_refuse(b,
                            arena_printf(b->arena, "\"%.100s\" has %lld channels, not %lld",
                                         node->outputs[0], (long long)count, (long long)b->count));
    b->count = count;
    if (count < 2 || count > INT32_MAX)
        return block_refuse(b, count < 2 ? "it has fewer than two channels"
                                         : "it has more channels than pare counts");
    if (!block_add_part(b, node->inputs[1], axis, source, true))
        return false;
    b->makers[b->maker_count++] = index;
    b->source_count++;
    struct block_value *made = add_value(b, node->outputs[0]);
    if (!made)
        return false;
    made->made_of = made->zero_by = (uint64_t)1 << source;
    return add_bias(b, node, made, source);
}

/* An operator between; its other operands are of the block too, or constants. */
static bool add_node(struct onnx_block *b, int index)
{
    const struct onnx_node *node = &b->onnx->nodes[index];
    int makers;
    for (size_t i = 0; i < b->node_count; i++)
        if (b->nodes[i] == index)
            return true;
    if (block_kind(node) == BLOCK_UNKNOWN || node->output_count < 1)
        return block_refuse(b, arena_printf(b->arena,
                                            "%.50s \"%.100s\" is not known to work on "
                                            "each channel alone",
                                            node->op, node->name));
    if (node->output_count > 1 && *node->outputs[1] && uses_of(b->onnx, node->outputs[1], &makers))
        return block_refuse(
            b, arena_printf(b->arena, "%s \"%.100s\" gives a mask too", node->op, node->name));
    if (b->node_count == BLOCK_MAX)
        return block_refuse(b, TOO_MANY);
    b->nodes[b->node_count++] = index;
    return add_value(b, node->outputs[0]) != NULL;
}

/* A product that takes all channels. */
static bool add_taker(struct onnx_block *b, const struct onnx_node *node, int position)
{
    int64_t tensor = position == 0 ? matrix_of(b, node) : -1;
    int axis = node->gemm && node->gemm->trans_b;
    bool turned = node->gemm && node->gemm->trans_a;
    if (tensor < 0 || turned || b->model->tensors[tensor].shown.dims[axis] != b->count)
        return block_refuse(b, arena_printf(b->arena,
                                            "%s \"%.100s\" does not multiply it by a "
                                            "constant matrix",
                                            node->op, node->name));
    return block_add_part(b, node->inputs[1], axis, -1, false);
}

static bool visit_use(struct onnx_block *b, const struct onnx_mention *m)
{
    const struct onnx_node *node = &b->onnx->nodes[m->index];
    if (node->scope != 0)
        return block_refuse(b, arena_printf(b->arena, "\"%.100s\" is used in a subgraph", m->name));
    if (!block_is_product(node))
        return add_node(b, m->index);
    return add_taker(b, node, m->position);
}

/* What makes a value that an operator of the block takes. */
static bool visit_maker(struct onnx_block *b, const struct onnx_mention *m)
{
    const struct onnx_node *node = m->index < 0 ? NULL : &b->onnx->nodes[m->index];
    if (!node || node->scope != 0)
        return block_refuse(b, arena_printf(b->arena, "\"%.100s\" is of a subgraph", m->name));
    return block_is_product(node) ? add_maker(b, m->index) : add_node(b, m->index);
}

static bool visit_value(struct onnx_block *b, const char *name)
{
    int makers = 0;
    for (size_t i = onnx_find_first(b->onnx, name); is_of(b->onnx, i, name); i++) {
        const struct onnx_mention *m = &b->onnx->mentions[i];
        makers += m->role == ONNX_MADE || m->role == ONNX_INPUT || m->role == ONNX_TENSOR;
        if (m->role == ONNX_INPUT || m->role == ONNX_OUTPUT || makers > 1)
            return block_refuse(b,
                                arena_printf(b->arena, "\"%.100s\" is %s", name,
                                             makers > 1              ? "made twice"
                                             : m->role == ONNX_INPUT ? "an input of the model"
                                                                     : "an output of the model"));
        if ((m->role == ONNX_MADE && !visit_maker(b, m)) ||
            (m->role == ONNX_USED && !visit_use(b, m)))
            return false;
    }
    return true;
}

/* The operands of an operator between that are no constants. */
static bool visit_operands(struct onnx_block *b, const struct onnx_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const char *name = node->inputs[i];
        if (!*name)
            continue;
        const struct onnx_mention *m = &b->onnx->mentions[onnx_find_first(b->onnx, name)];
        bool constant =
            block_tensor(b->onnx, name) >= 0 || (m->role == ONNX_MADE && m->index >= 0 &&
                                                 !strcmp(b->onnx->nodes[m->index].op, "Constant"));
        if (!constant && !add_value(b, name))
            return false;
    }
    return true;
}

static bool explore(struct onnx_block *b, int node)
{
    if (!add_maker(b, node))
        return false;
    for (size_t value = 0, between = 0; value < b->value_count || between < b->node_count;)
        if (between < b->node_count ? !visit_operands(b, &b->onnx->nodes[b->nodes[between++]])
                                    : !visit_value(b, b->values[value++].name))
            return false;
    for (size_t i = 0; i < b->part_count; i++)
        if (b->parts[i].source < 0)
            return true;
    return block_refuse(b, "no product takes its channels");
}

bool block_find(struct onnx_block *block, int node, struct pare_error *err)
{
    if ((explore(block, node) && block_evaluate(block, err)) || block->whole)
        return true;
    return !block->failed && error_no_memory(err, WIRE_STRING_MAX);
}
