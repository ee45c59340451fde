/* SPDX-License-Identifier: MIT */
/* Which nodes run in float16, and which of its two forms each value has. */
#include "format/onnx_fp16.h"

#include <string.h>

#include "base/error.h"

/* Constants of more elements are weights: the node that they feed is to run in float16. */
enum { FEW_ELEMENTS = 8, OPSET_FP16 = 7 };

struct fp16_value *fp16_value(const struct fp16_graph *graph, const char *name)
{
    return &graph->values[onnx_find_first(graph->onnx, name)];
}

static bool is_main(const struct fp16_graph *graph, const struct onnx_mention *m)
{
    return m->index >= 0 && graph->onnx->nodes[m->index].scope == 0;
}

static char input_letter(const struct fp16_node *node, int position)
{
    return node->signature ? onnx_letter(node->signature->inputs, position) : 0;
}

static char output_letter(const struct fp16_node *node, int position)
{
    return node->signature ? onnx_letter(node->signature->outputs, position) : 0;
}

char fp16_letter(const struct fp16_graph *graph, const struct onnx_mention *m)
{
    if (!is_main(graph, m))
        return '-';
    const struct fp16_node *node = &graph->nodes[m->index];
    char letter =
        m->role == ONNX_USED ? input_letter(node, m->position) : output_letter(node, m->position);
    if (letter == 'A')
        return 'A';
    bool becomes = node->state == FP16_NODE_RUNS && (letter == 'T' || letter == 'F');
    return becomes ? 'T' : '-';
}

/* ---- what a name stands for ---- */

static enum pare_dtype dtype_of(const struct fp16_graph *graph, const struct onnx_mention *m)
{
    switch (m->role) {
    case ONNX_TENSOR:
        return graph->model->tensors[m->index].shown.dtype;
    case ONNX_MADE:
        return is_main(graph, m) ? graph->onnx->nodes[m->index].made : PARE_UNKNOWN;
    case ONNX_TYPED:
        return graph->onnx->typed[m->index].dtype;
    default:
        return PARE_UNKNOWN;
    }
}

/* Tensors that another scheme takes: its nodes are written by it, and know only names. */
static bool is_foreign(const struct fp16_graph *graph, int64_t tensor)
{
    enum change_kind kind = tensor >= 0 ? graph->changes[tensor].kind : CHANGE_NONE;
    return kind != CHANGE_NONE && kind != CHANGE_VALUES && kind != CHANGE_FP16;
}

static void look_at_mention(const struct fp16_graph *graph, const struct onnx_mention *m,
                            struct fp16_value *value)
{
    const struct onnx *onnx = graph->onnx;
    if (value->dtype == PARE_UNKNOWN)
        value->dtype = dtype_of(graph, m);
    if (m->role == ONNX_TENSOR && onnx->tensors[m->index].scope == 0) {
        value->tensor = m->index;
    } else if (m->role == ONNX_MADE && is_main(graph, m)) {
        value->maker = m->index;
        if (onnx->nodes[m->index].tensor >= 0)
            value->tensor = onnx->nodes[m->index].tensor;
    } else if (m->role == ONNX_TENSOR ||
               ((m->role == ONNX_MADE || m->role == ONNX_USED) && !is_main(graph, m)) ||
               (m->role == ONNX_OUTPUT && m->index < 0)) {
        value->pinned = true;
    }
    value->pinned = value->pinned || is_foreign(graph, value->tensor);
}

static void look_at_values(struct fp16_graph *graph)
{
    const struct onnx *onnx = graph->onnx;
    for (size_t i = 0, end; i < onnx->mention_count; i = end) {
        struct fp16_value *value = &graph->values[i];
        end = i;
        *value = (struct fp16_value){ .maker = -1, .tensor = -1 };
        while (end < onnx->mention_count &&
               !strcmp(onnx->mentions[end].name, onnx->mentions[i].name))
            look_at_mention(graph, &onnx->mentions[end++], value);
        bool fp16 = value->tensor >= 0 && graph->changes[value->tensor].kind == CHANGE_FP16;
        graph->io16 = graph->io16 || (fp16 && graph->changes[value->tensor].io16);
    }
}

static void pin_operands(const struct fp16_graph *graph, const struct onnx_node *node)
{
    bool foreign = false;
    for (int i = 0; i < node->input_count; i++)
        foreign = foreign || (*node->inputs[i] &&
                              is_foreign(graph, fp16_value(graph, node->inputs[i])->tensor));
    for (int i = 0; foreign && i < node->input_count; i++)
        if (*node->inputs[i])
            fp16_value(graph, node->inputs[i])->pinned = true;
    for (int i = 0; foreign && i < node->output_count; i++)
        if (*node->outputs[i])
            fp16_value(graph, node->outputs[i])->pinned = true;
}

/* ---- types ---- */

/* The type of a node's T, from the first operand that tells; the others take it on. */
static enum pare_dtype spread_type(const struct fp16_graph *graph, const struct onnx_node *from,
                                   const struct fp16_node *node)
{
    enum pare_dtype type = PARE_UNKNOWN;
    int count = from->input_count + from->output_count;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++) {
            bool input = i < from->input_count;
            int position = input ? i : i - from->input_count;
            const char *name = input ? from->inputs[position] : from->outputs[position];
            char letter = input ? input_letter(node, position) : output_letter(node, position);
            if (letter != 'T' || !*name)
                continue;
            struct fp16_value *value = fp16_value(graph, name);
            if (type == PARE_UNKNOWN)
                type = value->dtype;
            else if (pass && value->dtype == PARE_UNKNOWN)
                value->dtype = type;
        }
    return type;
}

static bool fits(uint32_t absmax)
{
    return absmax < FP16_OVERFLOW && (absmax == 0 || absmax > FP16_UNDERFLOW);
}

/* Whether the value is a constant that cannot be had in float16. */
static bool is_bar(const struct fp16_graph *graph, const struct fp16_value *value)
{
    if (value->tensor >= 0)
        return graph->changes[value->tensor].kind != CHANGE_FP16;
    return value->maker >= 0 && !fits(graph->onnx->nodes[value->maker].absmax);
}

static bool is_weight(const struct fp16_graph *graph, const struct fp16_value *value)
{
    if (value->tensor < 0)
        return false;
    const struct pare_tensor *shown = &graph->model->tensors[value->tensor].shown;
    return shown->rank >= 2 || shown->element_count > FEW_ELEMENTS;
}

static bool has_weight(const struct fp16_graph *graph, const struct onnx_node *from,
                       const struct fp16_node *node)
{
    for (int i = 0; i < from->input_count; i++)
        if (*from->inputs[i] && input_letter(node, i) == 'T' &&
            is_weight(graph, fp16_value(graph, from->inputs[i])))
            return true;
    return false;
}

/* Whether the operator hands on a number that float16 does not have. */
static bool is_carrier(const char *op)
{
    static const char *const ops[] = { "Add",   "Concat", "Expand",  "Identity",  "Mul",
                                       "Neg",   "Pad",    "Reshape", "Slice",     "Squeeze",
                                       "Sub",   "Tile",   "Gather",  "Transpose", "Unsqueeze",
                                       "Where", "Div" };
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        if (!strcmp(op, ops[i]))
            return true;
    return false;
}

/* A number too large or too small for float16 bars what computes with it, not its maker alone. */
static void inherit_bar(const struct fp16_graph *graph, const struct onnx_node *from,
                        struct fp16_node *node)
{
    for (int i = 0; i < from->input_count; i++) {
        int maker = *from->inputs[i] ? fp16_value(graph, from->inputs[i])->maker : -1;
        if (maker < 0 || !graph->nodes[maker].carries || input_letter(node, i) != 'T')
            continue;
        node->state = FP16_NODE_BARRED;
        node->barred_by = graph->nodes[maker].barred_by;
        node->carries = is_carrier(from->op);
        return;
    }
}

/* Whether all operands have a letter and, where it is T, are F32 and no bar. */
static enum fp16_node_state judge_operands(const struct fp16_graph *graph,
                                           const struct onnx_node *from, struct fp16_node *node)
{
    for (int i = 0; i < from->output_count; i++)
        if (*from->outputs[i] &&
            (!output_letter(node, i) || (output_letter(node, i) == 'T' &&
                                         fp16_value(graph, from->outputs[i])->dtype != PARE_F32)))
            return FP16_NODE_STAYS;
    for (int i = 0; i < from->input_count; i++) {
        if (!*from->inputs[i])
            continue;
        char letter = input_letter(node, i);
        const struct fp16_value *value = fp16_value(graph, from->inputs[i]);
        if (!letter || (letter == 'T' && value->dtype != PARE_F32))
            return FP16_NODE_STAYS;
        bool becomes = letter == 'T' || (letter == 'F' && value->dtype == PARE_F32);
        if (becomes && is_bar(graph, value)) {
            node->barred_by = from->inputs[i];
            node->carries = !is_weight(graph, value);
            return FP16_NODE_BARRED;
        }
    }
    return FP16_NODE_READY;
}

static void judge_node(const struct fp16_graph *graph, size_t index)
{
    const struct onnx_node *from = &graph->onnx->nodes[index];
    struct fp16_node *node = &graph->nodes[index];
    if (from->scope != 0)
        return;
    pin_operands(graph, from);
    node->signature = onnx_signature(from, graph->onnx->opset);
    if (!node->signature || graph->onnx->opset < OPSET_FP16)
        return;
    if (spread_type(graph, from, node) == PARE_F32 && !node->signature->float32)
        node->state = judge_operands(graph, from, node);
    if (node->state == FP16_NODE_READY && !has_weight(graph, from, node))
        inherit_bar(graph, from, node);
}

/* ---- who wants what ---- */

bool fp16_is_border(const struct fp16_graph *graph, const struct onnx_mention *m)
{
    const struct fp16_value *value = fp16_value(graph, m->name);
    bool border = m->role == ONNX_INPUT || (m->role == ONNX_OUTPUT && m->index >= 0);
    return graph->io16 && border && value->dtype == PARE_F32 && !value->pinned;
}

static void wish_borders(const struct fp16_graph *graph)
{
    for (size_t i = 0; i < graph->onnx->mention_count; i++) {
        const struct onnx_mention *m = &graph->onnx->mentions[i];
        if (fp16_is_border(graph, m) && m->role == ONNX_OUTPUT)
            fp16_value(graph, m->name)->use16 = true;
        else if (fp16_is_border(graph, m) && fp16_value(graph, m->name)->tensor < 0)
            fp16_value(graph, m->name)->made16 = true;
    }
}

static bool is_wanted(const struct fp16_graph *graph, const struct onnx_node *from,
                      const struct fp16_node *node)
{
    for (int i = 0; i < from->output_count; i++)
        if (*from->outputs[i] && output_letter(node, i) == 'T' &&
            fp16_value(graph, from->outputs[i])->use16)
            return true;
    return has_weight(graph, from, node);
}

static void run_node(const struct fp16_graph *graph, const struct onnx_node *from,
                     struct fp16_node *node)
{
    node->state = FP16_NODE_RUNS;
    for (int i = 0; i < from->input_count; i++) {
        char letter = input_letter(node, i);
        struct fp16_value *value = *from->inputs[i] ? fp16_value(graph, from->inputs[i]) : NULL;
        if (value && (letter == 'T' || (letter == 'F' && value->dtype == PARE_F32)))
            value->use16 = true;
    }
    for (int i = 0; i < from->output_count; i++)
        if (*from->outputs[i] && output_letter(node, i) == 'T')
            fp16_value(graph, from->outputs[i])->made16 = true;
}

/* Nodes stand behind what they use, so backwards each is met behind all that use it. */
static void choose_nodes(const struct fp16_graph *graph)
{
    for (size_t i = graph->onnx->node_count; i-- > 0;) {
        const struct onnx_node *from = &graph->onnx->nodes[i];
        struct fp16_node *node = &graph->nodes[i];
        if (node->state != FP16_NODE_READY)
            continue;
        if (is_wanted(graph, from, node))
            run_node(graph, from, node);
        else
            node->state = FP16_NODE_UNWANTED;
    }
}

/* ---- forms ---- */

static bool wants32(const struct fp16_graph *graph, const struct onnx_mention *m)
{
    if (m->role == ONNX_OUTPUT)
        return !fp16_is_border(graph, m);
    return m->role == ONNX_USED && fp16_letter(graph, m) == '-';
}

/* A name like no other in the model. Bases differ, so what is made of them does. */
static const char *name_of(const struct fp16_graph *graph, struct arena *arena, const char *base,
                           const char *suffix)
{
    size_t first;
    char *name = arena_printf(arena, "%s%s", base, suffix);
    for (int i = 1; name && onnx_find(graph->onnx, name, &first) != first; i++)
        name = arena_printf(arena, "%s%s_%d", base, suffix, i);
    return name;
}

/* The form that is made, or that the graph's border tells of, keeps the name. */
static bool name_forms(const struct fp16_graph *graph, struct arena *arena, const char *name,
                       bool output32, bool output16, struct fp16_value *value)
{
    bool tensor16 = value->tensor >= 0 && graph->changes[value->tensor].kind == CHANGE_FP16;
    value->made16 = value->made16 || (tensor16 && value->use16);
    bool keeps16 = output16 || (value->made16 && !value->pinned && !output32);
    value->name16 = keeps16                         ? name
                    : value->made16 || value->use16 ? name_of(graph, arena, name, "_fp16")
                                                    : name;
    value->name32 = !keeps16 ? name : name_of(graph, arena, name, "_fp32");
    return value->name16 && value->name32;
}

static bool choose_forms(const struct fp16_graph *graph, struct arena *arena)
{
    const struct onnx *onnx = graph->onnx;
    for (size_t i = 0, end; i < onnx->mention_count; i = end) {
        struct fp16_value *value = &graph->values[i];
        const char *name = onnx->mentions[i].name;
        bool output32 = false, output16 = false;
        for (end = i; end < onnx->mention_count && !strcmp(onnx->mentions[end].name, name); end++) {
            const struct onnx_mention *m = &onnx->mentions[end];
            bool wants = wants32(graph, m);
            value->use32 = value->use32 || wants;
            output32 = output32 || (wants && m->role == ONNX_OUTPUT);
            output16 = output16 || (m->role == ONNX_OUTPUT && fp16_is_border(graph, m));
        }
        value->use32 = value->use32 || value->pinned;
        if (value->dtype == PARE_F32 && !name_forms(graph, arena, name, output32, output16, value))
            return false;
    }
    return true;
}

bool fp16_decide(const struct model *model, const struct change *changes, struct arena *arena,
                 struct fp16_graph *ret_graph, struct pare_error *err)
{
    const struct onnx *onnx = model->own;
    struct fp16_graph graph = { .model = model, .onnx = onnx, .changes = changes };
    graph.values = arena_array(arena, onnx->mention_count + 1, sizeof(*graph.values));
    graph.nodes = arena_array(arena, onnx->node_count + 1, sizeof(*graph.nodes));
    if (!graph.values || !graph.nodes)
        return error_no_memory(err, onnx->mention_count * sizeof(*graph.values));
    look_at_values(&graph);
    for (size_t i = 0; i < onnx->node_count; i++)
        judge_node(&graph, i);
    wish_borders(&graph);
    choose_nodes(&graph);
    if (!choose_forms(&graph, arena))
        return error_no_memory(err, 64);
    *ret_graph = graph;
    return true;
}
