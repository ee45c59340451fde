/* SPDX-License-Identifier: MIT */
/*
 * A graph in float16 as bytes. A value that is F32 has up to two forms: the one that its maker
 * makes, and the other behind one Cast that all its uses share. Nodes change only in the names
 * of their operands, tensors become float16 initializers, what value_info says follows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx_fp16.h"
#include "format/onnx_rewrite.h"

enum { NODE_INPUT = 1, NODE_OUTPUT = 2 };

struct fp16_plan {
    struct onnx_rewrite *rewrite;
    struct onnx_plan *plan; /* the rewrite's */
    struct fp16_graph graph;
};

/* ---- tensors ---- */

static bool plan_tensor(struct fp16_plan *p, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    const struct fp16_value *value = fp16_value(&p->graph, shown->name);
    if (!value->made16)
        return error_set(err, PARE_ERR_FAILED, "tensor %.200s: nothing takes it as float16",
                         shown->name);
    const struct build_tensor tensor = { value->name16, ONNX_FLOAT16, shown->rank, shown->dims };
    return rewrite_cut_tensor(p->rewrite, index, err) &&
           rewrite_put_beside(p->rewrite, index, SEGMENT_VALUES, &tensor, 2 * shown->element_count,
                              err) &&
           onnx_patch_literal(&p->plan->patch, &p->rewrite->text, err);
}

/* ---- names ---- */

/* Whether the node is a Constant whose place an initializer takes. */
static bool is_gone(const struct fp16_plan *p, int node)
{
    int tensor = p->plan->onnx->nodes[node].tensor;
    return tensor >= 0 && p->plan->changes[tensor].kind == CHANGE_FP16;
}

/* An operand that goes by another name. */
static bool plan_name(struct fp16_plan *p, const struct onnx_mention *m,
                      const struct fp16_value *value, struct pare_error *err)
{
    bool made = m->role == ONNX_MADE;
    if ((m->role != ONNX_USED && !made) || m->index < 0 ||
        p->plan->onnx->nodes[m->index].scope != 0 || (made && is_gone(p, m->index)))
        return true;
    char letter = fp16_letter(&p->graph, m);
    bool half = letter == 'T' || (letter == 'A' && value->made16);
    const char *name = half ? value->name16 : value->name32;
    if (!strcmp(name, m->name))
        return true;
    wire_put_text(&p->rewrite->text, made ? NODE_OUTPUT : NODE_INPUT, name);
    return rewrite_in_node(p->rewrite, m->index, m->cut, &p->rewrite->text, err);
}

/* ---- borders ---- */

/* The other form of a value: behind its maker, or before all nodes. */
static bool plan_cast(struct fp16_plan *p, const struct fp16_value *value, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    bool widens = value->made16;
    if (widens ? !value->use32 : !value->use16)
        return true;
    bool first = value->maker < 0;
    rewrite_put_cast(first ? &p->rewrite->first : &p->rewrite->text,
                     widens ? value->name16 : value->name32, widens ? value->name32 : value->name16,
                     widens ? ONNX_FLOAT : ONNX_FLOAT16);
    return first || (onnx_patch_edit(&p->plan->patch, onnx->nodes[value->maker].cut.end, 0,
                                     onnx->graph, err) &&
                     onnx_patch_literal(&p->plan->patch, &p->rewrite->text, err));
}

/* What the graph says of the type of a name that means float16 now; or it says nothing more. */
static bool plan_type(struct fp16_plan *p, const struct onnx_mention *m,
                      const struct fp16_value *value, struct pare_error *err)
{
    const struct onnx_typed *typed = &p->plan->onnx->typed[m->index];
    bool exists = value->made16 || value->use16;
    if (!exists || strcmp(value->name16, m->name) != 0 ||
        (typed->field == GRAPH_INPUT && value->tensor >= 0))
        return true;
    if (!typed->elem_at && typed->field == GRAPH_VALUE)
        return onnx_patch_edit(&p->plan->patch, typed->cut.tag_at,
                               typed->cut.end - typed->cut.tag_at, p->plan->onnx->graph, err);
    if (!typed->elem_at)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "the type of %.200s is written in more than one byte", m->name);
    buf_char(&p->rewrite->text, ONNX_FLOAT16);
    return onnx_patch_edit(&p->plan->patch, typed->elem_at, 1, p->plan->onnx->graph, err) &&
           onnx_patch_literal(&p->plan->patch, &p->rewrite->text, err);
}

/* ---- all of it ---- */

static bool plan_values(struct fp16_plan *p, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    for (size_t i = 0; i < onnx->mention_count; i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        bool first = i == 0 || strcmp(m->name, m[-1].name) != 0;
        const struct fp16_value *value = fp16_value(&p->graph, m->name);
        if (value->dtype != PARE_F32 || !*m->name)
            continue;
        if ((first && !plan_cast(p, value, err)) ||
            (m->role == ONNX_TYPED && !plan_type(p, m, value, err)) || !plan_name(p, m, value, err))
            return false;
    }
    return true;
}

bool rewrite_fp16(struct onnx_rewrite *rewrite, struct pare_error *err)
{
    struct onnx_plan *plan = rewrite->plan;
    struct fp16_plan p = { .rewrite = rewrite, .plan = plan };
    bool any = false;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        any = any || plan->changes[i].kind == CHANGE_FP16;
    if (!any)
        return true;
    if (!fp16_decide(plan->model, plan->changes, rewrite->arena, &p.graph, err))
        return false;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        if (plan->changes[i].kind == CHANGE_FP16 && !plan_tensor(&p, i, err))
            return false;
    return plan_values(&p, err);
}
