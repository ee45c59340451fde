/* SPDX-License-Identifier: MIT */
/*
 * Weights without some of their channels in a graph. The initializer W stays under its name with
 * smaller dimensions; a Constant becomes such an initializer. What the graph tells of the values
 * between, whose shapes change too, goes: runtimes find it again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/channels.h"
#include "format/onnx_constant.h"
#include "format/onnx_rewrite.h"

static bool put_weight(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    int64_t dims[PARE_RANK_MAX];
    int64_t length = channel_cut_shape(p->plan->changes[index].cut, shown, dims);
    struct build_tensor values = { shown->name, onnx_constant_type(shown->dtype), shown->rank,
                                   dims };
    return rewrite_cut_tensor(p, index, err) &&
           rewrite_put_beside(p, index, SEGMENT_VALUES, &values, length, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

/* ---- the values between ---- */

static bool is_cut(const struct onnx_plan *plan, int64_t tensor, int axis)
{
    if (tensor < 0 || plan->changes[tensor].kind != CHANGE_CUT)
        return false;
    const struct channel_cut *cut = plan->changes[tensor].cut;
    return cut->axis == axis || (cut->outer && cut->outer->axis == axis);
}

/* Whether what the node gives has fewer channels. `less` is by first mention of a value. */
static bool gives_less(const struct onnx_plan *plan, const struct onnx_node *node, const bool *less)
{
    bool product = !strcmp(node->op, "MatMul") || !strcmp(node->op, "Gemm");
    if (product)
        return is_cut(plan, rewrite_weight_of(plan, node), !(node->gemm && node->gemm->trans_b));
    for (int i = 0; i < node->input_count; i++)
        if (*node->inputs[i] && less[onnx_find_first(plan->onnx, node->inputs[i])])
            return true;
    return false;
}

/* Whether that is news. */
static bool mark(const struct onnx *onnx, const char *name, bool *less)
{
    size_t at = onnx_find_first(onnx, name);
    if (!*name || less[at])
        return false;
    less[at] = true;
    return true;
}

/* Follow the smaller values through the main graph, whatever the order of its nodes. */
static void follow(const struct onnx_plan *plan, bool *less)
{
    const struct onnx *onnx = plan->onnx;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < onnx->node_count; i++) {
            const struct onnx_node *node = &onnx->nodes[i];
            if (node->scope != 0 || !gives_less(plan, node, less))
                continue;
            for (int k = 0; k < node->output_count; k++)
                more = mark(onnx, node->outputs[k], less) || more;
        }
    }
}

static bool drop_type(struct onnx_rewrite *p, const struct onnx_typed *typed,
                      struct pare_error *err)
{
    return typed->field != GRAPH_VALUE ||
           onnx_patch_edit(&p->plan->patch, typed->cut.tag_at, typed->cut.end - typed->cut.tag_at,
                           p->plan->onnx->graph, err);
}

static bool drop_types(struct onnx_rewrite *p, bool *less, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    size_t first = 0;
    follow(p->plan, less);
    for (size_t i = 0; i < onnx->mention_count; i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        if (strcmp(m->name, onnx->mentions[first].name) != 0)
            first = i;
        if (less[first] && m->role == ONNX_TYPED && !drop_type(p, &onnx->typed[m->index], err))
            return false;
    }
    return true;
}

/* ---- all of it ---- */

bool rewrite_cut(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx_plan *plan = p->plan;
    bool any = false, *less = calloc(plan->onnx->mention_count + 1, sizeof(*less));
    bool ok = less || error_no_memory(err, plan->onnx->mention_count);
    for (size_t i = 0; ok && i < plan->model->tensor_count; i++) {
        if (plan->changes[i].kind != CHANGE_CUT)
            continue;
        any = true;
        less[onnx_find_first(plan->onnx, plan->model->tensors[i].shown.name)] = true;
        ok = put_weight(p, i, err);
    }
    ok = ok && (!any || drop_types(p, less, err));
    free(less);
    return ok;
}
