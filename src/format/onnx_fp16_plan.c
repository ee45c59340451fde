/* SPDX-License-Identifier: MIT */
/*
 * A graph in float16 as bytes. A value that is F32 has up to two forms: the one that its maker
 * makes, and the other behind one Cast that all its uses share. Nodes change only in the names
 * of their operands, tensors become float16 initializers, what value_info says follows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx_build.h"
#include "format/onnx_fp16.h"

enum { TEXT_MAX = 64 << 20, IR_INPUTS_FREE = 4, NODE_INPUT = 1, NODE_OUTPUT = 2 };

/* An operand of a node that goes by another name. */
struct rename {
    int node, number; /* of the field */
    struct onnx_cut cut;
    const char *name;
};

struct fp16_plan {
    struct onnx_plan *plan;
    struct fp16_graph graph;
    struct buf text; /* fields of the graph under construction */
    struct rename *renames;
    size_t rename_count;
};

/* ---- tensors ---- */

/* An initializer that is listed among the inputs is one no more. */
static bool cut_input(struct fp16_plan *p, const char *name, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    size_t first, end = onnx_find(onnx, name, &first);
    for (size_t i = first; i < end; i++) {
        if (onnx->mentions[i].role != ONNX_INPUT)
            continue;
        const struct onnx_cut *cut = &onnx->inputs[onnx->mentions[i].index];
        if (!onnx_patch_edit(&p->plan->patch, cut->tag_at, cut->end - cut->tag_at, onnx->graph,
                             err))
            return false;
    }
    return true;
}

static bool put_tensor(struct fp16_plan *p, size_t index, const struct build_tensor *tensor,
                       struct pare_error *err)
{
    int64_t length = p->plan->model->tensors[index].shown.element_count * 2;
    struct segment values = { .kind = SEGMENT_VALUES, .length = length, .tensor = index };
    if (p->plan->onnx->ir_version < IR_INPUTS_FREE)
        build_input(&p->text, tensor);
    if (!p->plan->onnx->tensors[index].external) {
        build_initializer(&p->text, tensor, length);
        return onnx_patch_literal(&p->plan->patch, &p->text, err) &&
               onnx_patch_add(&p->plan->patch, &values, err);
    }
    struct buf entries;
    buf_init(&entries, 16 * 1024);
    bool ok = onnx_plan_external(p->plan, index, length, &entries, err) && buf_ok(&entries, err);
    if (ok)
        build_external(&p->text, tensor, &entries);
    buf_done(&entries);
    return ok && onnx_patch_literal(&p->plan->patch, &p->text, err);
}

static bool plan_tensor(struct fp16_plan *p, size_t index, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    const struct onnx_tensor *own = &onnx->tensors[index];
    const struct pare_tensor *shown = &p->plan->model->tensors[index].shown;
    const struct fp16_value *value = fp16_value(&p->graph, shown->name);
    const struct onnx_cut *cut = own->node >= 0 ? &onnx->nodes[own->node].cut : &own->cut;
    if (!value->made16)
        return error_set(err, PARE_ERR_FAILED, "tensor %.200s: nothing takes it as float16",
                         shown->name);
    const struct build_tensor tensor = { value->name16, ONNX_FLOAT16, shown->rank, shown->dims };
    return cut_input(p, shown->name, err) &&
           onnx_patch_edit(&p->plan->patch, cut->tag_at, cut->end - cut->tag_at, onnx->graph,
                           err) &&
           put_tensor(p, index, &tensor, err);
}

/* ---- names ---- */

/* Whether the node is a Constant whose place an initializer takes. */
static bool is_gone(const struct fp16_plan *p, int node)
{
    int tensor = p->plan->onnx->nodes[node].tensor;
    return tensor >= 0 && p->plan->changes[tensor].kind == CHANGE_FP16;
}

static void note_rename(struct fp16_plan *p, const struct onnx_mention *m,
                        const struct fp16_value *value)
{
    bool made = m->role == ONNX_MADE;
    if ((m->role != ONNX_USED && !made) || m->index < 0 ||
        p->plan->onnx->nodes[m->index].scope != 0 || (made && is_gone(p, m->index)))
        return;
    char letter = fp16_letter(&p->graph, m);
    bool half = letter == 'T' || (letter == 'A' && value->made16);
    const char *name = half ? value->name16 : value->name32;
    if (strcmp(name, m->name) != 0)
        p->renames[p->rename_count++] =
            (struct rename){ m->index, made ? NODE_OUTPUT : NODE_INPUT, m->cut, name };
}

static int by_place(const void *left, const void *right)
{
    const struct rename *a = left, *b = right;
    return (a->cut.tag_at > b->cut.tag_at) - (a->cut.tag_at < b->cut.tag_at);
}

static bool copy_node(struct fp16_plan *p, int64_t at, int64_t end, struct pare_error *err)
{
    struct segment copy = {
        .kind = SEGMENT_COPY, .file = p->plan->model->main_file, .offset = at, .length = end - at
    };
    return onnx_patch_literal(&p->plan->patch, &p->text, err) &&
           onnx_patch_add(&p->plan->patch, &copy, err);
}

/* The node of these renames again: its head with the new length, its fields, some replaced. */
static bool rename_operands(struct fp16_plan *p, const struct rename *renames, size_t count,
                            struct pare_error *err)
{
    const struct onnx_node *node = &p->plan->onnx->nodes[renames->node];
    int64_t length = node->cut.end - node->at, at = node->at;
    for (size_t i = 0; i < count; i++) {
        uint64_t text = strlen(renames[i].name);
        length += (int64_t)(1 + wire_varint_size(text) + text) -
                  (renames[i].cut.end - renames[i].cut.tag_at);
    }
    wire_put_head(&p->text, GRAPH_NODE, length);
    if (!onnx_patch_edit(&p->plan->patch, node->cut.tag_at, node->cut.end - node->cut.tag_at,
                         p->plan->onnx->graph, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!copy_node(p, at, renames[i].cut.tag_at, err))
            return false;
        wire_put_text(&p->text, renames[i].number, renames[i].name);
        at = renames[i].cut.end;
    }
    return copy_node(p, at, node->cut.end, err);
}

static bool plan_renames(struct fp16_plan *p, struct pare_error *err)
{
    if (p->rename_count)
        qsort(p->renames, p->rename_count, sizeof(*p->renames), by_place);
    for (size_t i = 0, n; i < p->rename_count; i += n) {
        for (n = 1; i + n < p->rename_count && p->renames[i + n].node == p->renames[i].node;)
            n++;
        if (!rename_operands(p, p->renames + i, n, err))
            return false;
    }
    return true;
}

/* ---- borders ---- */

static int64_t first_node(const struct onnx *onnx)
{
    for (size_t i = 0; i < onnx->node_count; i++)
        if (onnx->nodes[i].scope == 0)
            return onnx->nodes[i].cut.tag_at;
    return onnx->messages[onnx->graph].end;
}

/* The other form of a value: behind its maker, or before all nodes. */
static bool plan_cast(struct fp16_plan *p, const struct fp16_value *value, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    bool widens = value->made16;
    if (widens ? !value->use32 : !value->use16)
        return true;
    const char *to = widens ? value->name32 : value->name16;
    build_node(&p->text, &(struct build_node){
                             .op = "Cast",
                             .name = to,
                             .inputs = { widens ? value->name16 : value->name32 },
                             .outputs = { to },
                             .to = widens ? ONNX_FLOAT : ONNX_FLOAT16,
                         });
    int64_t at = value->maker >= 0 ? onnx->nodes[value->maker].cut.end : first_node(onnx);
    return onnx_patch_edit(&p->plan->patch, at, 0, onnx->graph, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
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
    buf_char(&p->text, ONNX_FLOAT16);
    return onnx_patch_edit(&p->plan->patch, typed->elem_at, 1, p->plan->onnx->graph, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
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
            (m->role == ONNX_TYPED && !plan_type(p, m, value, err)))
            return false;
        note_rename(p, m, value);
    }
    return plan_renames(p, err);
}

bool onnx_plan_fp16(struct onnx_plan *plan, struct pare_error *err)
{
    struct fp16_plan p = { .plan = plan };
    bool any = false, ok = true;
    for (size_t i = 0; i < plan->model->tensor_count; i++)
        any = any || plan->changes[i].kind == CHANGE_FP16;
    if (!any)
        return true;
    struct arena *arena = &plan->output->arena;
    p.renames = arena_array(arena, plan->onnx->mention_count + 1, sizeof(*p.renames));
    if (!p.renames)
        return error_no_memory(err, plan->onnx->mention_count * sizeof(*p.renames));
    buf_init(&p.text, TEXT_MAX);
    ok = fp16_decide(plan->model, plan->changes, arena, &p.graph, err);
    for (size_t i = 0; ok && i < plan->model->tensor_count; i++)
        if (plan->changes[i].kind == CHANGE_FP16)
            ok = plan_tensor(&p, i, err);
    ok = ok && plan_values(&p, err);
    buf_done(&p.text);
    return ok;
}
