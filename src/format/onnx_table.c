/* SPDX-License-Identifier: MIT */
/*
 * Tables whose rows a Gather takes, and those of int8. The initializer W becomes W_quantized (int8)
 * and W_scale (float, one a row or one for all), and every Gather of its rows
 *
 *     o = Cast(Gather(W_quantized, indices)) * Gather(W_scale, indices)
 *
 * A runtime cannot fold this, so the table stays int8 in memory too; what is multiplied back is the
 * rows that are taken. With one scale for all, W_scale stands in the place of its Gather.
 */
#include <string.h>

#include "format/onnx_rewrite.h"

/* ---- which ---- */

bool onnx_is_gather(const struct onnx_node *node)
{
    bool standard = !*node->domain || !strcmp(node->domain, "ai.onnx");
    return standard && !strcmp(node->op, "Gather") && node->input_count == 2 &&
           node->output_count == 1;
}

static bool is_lookup(const struct onnx *onnx, const struct onnx_mention *m)
{
    return m->role == ONNX_USED && m->position == 0 && onnx_is_gather(&onnx->nodes[m->index]);
}

bool onnx_is_table(const struct onnx *onnx, const char *name)
{
    size_t first, end = onnx_find(onnx, name, &first);
    for (size_t i = first; i < end; i++)
        if (is_lookup(onnx, &onnx->mentions[i]))
            return true;
    return false;
}

const char *onnx_why_no_table(const struct onnx *onnx, const struct pare_tensor *shown)
{
    size_t first, end = onnx_find(onnx, shown->name, &first);
    if (shown->rank != 2)
        return "it is a table of other than two dimensions";
    for (size_t i = first; i < end; i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        int64_t axis = m->role == ONNX_USED ? onnx->nodes[m->index].axis : 0;
        if (m->role == ONNX_OUTPUT)
            return "it is an output of the model, or of a subgraph";
        if (m->role == ONNX_USED && onnx->nodes[m->index].scope != 0)
            return "a subgraph uses it";
        if (m->role == ONNX_USED && !is_lookup(onnx, m))
            return "it feeds a Gather and something else, which wants it as float";
        if (axis != 0 && axis != -shown->rank)
            return "a Gather takes it along another axis than its rows";
    }
    return NULL;
}

/* ---- int8 ---- */

static bool put_lookup(struct onnx_rewrite *p, const struct onnx_node *node,
                       const struct change *change, struct pare_error *err)
{
    const char *w = node->inputs[0], *indices = node->inputs[1], *o = node->outputs[0];
    const char *rows = rewrite_new_name(p, o, "_rows"),
               *wide = rewrite_new_name(p, o, "_rows_float");
    const char *scale = rewrite_name(p, w, "_scale");
    build_node(&p->text,
               &(struct build_node){ .op = "Gather",
                                     .name = *node->name ? node->name : rows,
                                     .inputs = { rewrite_name(p, w, "_quantized"), indices },
                                     .outputs = { rows } });
    rewrite_put_cast(&p->text, rows, wide, ONNX_FLOAT);
    if (change->axis >= 0) {
        const char *scales = rewrite_new_name(p, o, "_row_scales");
        rewrite_put2(&p->text, "Gather", scale, indices, scales);
        scale = scales;
    }
    rewrite_put2(&p->text, "Mul", wide, scale, o);
    return onnx_patch_edit(&p->plan->patch, node->cut.tag_at, node->cut.end - node->cut.tag_at,
                           p->plan->onnx->graph, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

bool rewrite_lookups(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx_plan *plan = p->plan;
    for (size_t i = 0; i < plan->onnx->node_count; i++) {
        const struct onnx_node *node = &plan->onnx->nodes[i];
        int64_t table = node->scope == 0 && onnx_is_gather(node)
                            ? rewrite_tensor_of(plan, node->inputs[0])
                            : -1;
        const struct change *change = table >= 0 ? &plan->changes[table] : NULL;
        if (change && change->kind == CHANGE_INT8 && change->form == INT8_LOOKUP &&
            !put_lookup(p, node, change, err))
            return false;
    }
    return true;
}
