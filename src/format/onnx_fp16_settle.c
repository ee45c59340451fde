/* SPDX-License-Identifier: MIT */
/* Which tensors no node wants in float16, and why. */
#include <string.h>

#include "base/error.h"
#include "format/onnx_fp16.h"

/* Why the node that uses the tensor takes it as float32. */
static const char *why_node(const struct fp16_graph *graph, const struct onnx_mention *use,
                            struct arena *arena)
{
    const struct onnx_node *from = &graph->onnx->nodes[use->index];
    const struct fp16_node *node = &graph->nodes[use->index];
    if (from->scope != 0)
        return "only a subgraph uses it, and those stay in float32";
    if (node->state == FP16_NODE_BARRED)
        return arena_printf(arena, "it feeds %s, which stays in float32 because of %s", from->op,
                            node->barred_by);
    if (node->state == FP16_NODE_UNWANTED)
        return arena_printf(arena, "it feeds %s, whose result is wanted in float32", from->op);
    return arena_printf(arena, "it feeds %s, which stays in float32", from->op);
}

static const char *why_left(const struct fp16_graph *graph, const char *name, struct arena *arena)
{
    size_t first, end = onnx_find(graph->onnx, name, &first);
    for (size_t i = first; i < end; i++)
        if (graph->onnx->mentions[i].role == ONNX_USED)
            return why_node(graph, &graph->onnx->mentions[i], arena);
    return "no operator uses it";
}

bool onnx_fp16_settle(const struct model *model, struct change *io_changes, struct arena *arena,
                      const char **ret_reasons, struct pare_error *err)
{
    struct arena own = { 0 };
    struct fp16_graph graph;
    bool ok = fp16_decide(model, io_changes, &own, &graph, err);
    for (size_t i = 0; ok && i < model->tensor_count; i++) {
        if (io_changes[i].kind != CHANGE_FP16)
            continue;
        io_changes[i].io16 = graph.io16;
        const char *name = model->tensors[i].shown.name;
        if (fp16_value(&graph, name)->use16)
            continue;
        ret_reasons[i] = why_left(&graph, name, arena);
        ok = ret_reasons[i] || error_no_memory(err, 64);
    }
    for (size_t i = 0; ok && i < model->tensor_count; i++)
        if (ret_reasons[i] && io_changes[i].kind == CHANGE_FP16)
            io_changes[i] = (struct change){ .kind = CHANGE_NONE, .axis = -1 };
    arena_done(&own);
    return ok;
}
