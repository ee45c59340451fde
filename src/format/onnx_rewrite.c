/* SPDX-License-Identifier: MIT */
#include "format/onnx_rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { TEXT_MAX = 64 << 20, ENTRIES_MAX = 16 * 1024, CONTRIB_VERSION = 1 };

/* ---- names ---- */

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool list_nodes(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    p->nodes = arena_array(p->arena, onnx->node_count + 1, sizeof(*p->nodes));
    if (!p->nodes)
        return error_no_memory(err, onnx->node_count * sizeof(*p->nodes));
    for (size_t i = 0; i < onnx->node_count; i++)
        if (*onnx->nodes[i].name)
            p->nodes[p->node_count++] = onnx->nodes[i].name;
    qsort(p->nodes, p->node_count, sizeof(*p->nodes), by_text);
    return true;
}

static bool is_node(const struct onnx_rewrite *p, const char *name)
{
    return p->node_count &&
           bsearch(&name, p->nodes, p->node_count, sizeof(*p->nodes), by_text) != NULL;
}

/* New nodes are named after their results, and no two nodes may have one name. */
static bool is_free(const struct onnx_rewrite *p, const char *name)
{
    size_t first = onnx_find_first(p->plan->onnx, name);
    return (first == p->plan->onnx->mention_count ||
            strcmp(p->plan->onnx->mentions[first].name, name) != 0) &&
           !is_node(p, name);
}

const char *rewrite_node_name(struct onnx_rewrite *p, const struct onnx_node *node,
                              const char *suffix, const char *result)
{
    if (!*node->name)
        return result;
    char *name = arena_printf(p->arena, "%s%s", node->name, suffix);
    for (int i = 1; name && is_node(p, name); i++)
        name = arena_printf(p->arena, "%s%s_%d", node->name, suffix, i);
    if (!name)
        p->no_memory = true;
    return name ? name : "";
}

const char *rewrite_name(struct onnx_rewrite *p, const char *base, const char *suffix)
{
    char *name = arena_printf(p->arena, "%s%s", base, suffix);
    for (int i = 1; name && !is_free(p, name); i++)
        name = arena_printf(p->arena, "%s%s_%d", base, suffix, i);
    if (!name)
        p->no_memory = true;
    return name ? name : "";
}

const char *rewrite_new_name(struct onnx_rewrite *p, const char *base, const char *suffix)
{
    const char *name = rewrite_name(p, base, suffix);
    if (p->made_count == p->made_room) {
        size_t room = p->made_room ? 2 * p->made_room : 64;
        const char **made = arena_array(p->arena, room, sizeof(*made));
        if (!made) {
            p->no_memory = true;
            return name;
        }
        if (p->made_count)
            memcpy(made, p->made, p->made_count * sizeof(*made));
        p->made = made;
        p->made_room = room;
    }
    p->made[p->made_count++] = name;
    return name;
}

static bool names_differ(struct onnx_rewrite *p, struct pare_error *err)
{
    if (p->made_count)
        qsort(p->made, p->made_count, sizeof(*p->made), by_text);
    for (size_t i = 1; i < p->made_count; i++)
        if (!strcmp(p->made[i - 1], p->made[i]))
            return error_set(err, PARE_ERR_REFUSED, "the new name \"%.200s\" would be needed twice",
                             p->made[i]);
    return true;
}

/* ---- nodes ---- */

void rewrite_put2(struct buf *to, const char *op, const char *a, const char *b, const char *result)
{
    build_node(to, &(struct build_node){
                       .op = op, .name = result, .inputs = { a, b }, .outputs = { result } });
}

void rewrite_put_cast(struct buf *to, const char *from, const char *result, int64_t data_type)
{
    build_node(to, &(struct build_node){ .op = "Cast",
                                         .name = result,
                                         .inputs = { from },
                                         .outputs = { result },
                                         .to = data_type });
}

void rewrite_put_transpose(struct buf *to, const char *from, const char *result)
{
    build_node(to, &(struct build_node){ .op = "Transpose",
                                         .name = result,
                                         .inputs = { from },
                                         .outputs = { result },
                                         .swap_matrix = true });
}

/* ---- initializers ---- */

/* Old IR versions want every initializer among the inputs. */
static void put_input(struct onnx_rewrite *p, const struct build_tensor *tensor)
{
    if (p->plan->onnx->ir_version < ONNX_IR_INPUTS_FREE)
        build_input(&p->text, tensor);
}

static bool put_values(struct onnx_rewrite *p, size_t index, enum segment_kind kind, int64_t length,
                       struct pare_error *err)
{
    struct segment segment = { .kind = kind, .length = length, .tensor = index };
    return onnx_patch_literal(&p->plan->patch, &p->text, err) &&
           onnx_patch_add(&p->plan->patch, &segment, err);
}

bool rewrite_put_inline(struct onnx_rewrite *p, size_t index, enum segment_kind kind,
                        const struct build_tensor *tensor, int64_t length, struct pare_error *err)
{
    put_input(p, tensor);
    build_initializer(&p->text, tensor, length);
    return put_values(p, index, kind, length, err);
}

bool rewrite_put_beside(struct onnx_rewrite *p, size_t index, enum segment_kind kind,
                        const struct build_tensor *tensor, int64_t length, struct pare_error *err)
{
    const struct segment values = { .kind = kind, .length = length, .tensor = index };
    struct buf entries;
    if (kind == SEGMENT_VALUES)
        p->beside = p->plan->onnx->tensors[index].external || onnx_plan_moves(p->plan, length);
    if (!p->beside)
        return rewrite_put_inline(p, index, kind, tensor, length, err);
    buf_init(&entries, ENTRIES_MAX);
    bool ok = onnx_plan_external(p->plan, &values, &entries, err) && buf_ok(&entries, err);
    if (ok) {
        put_input(p, tensor);
        build_external(&p->text, tensor, &entries);
    }
    buf_done(&entries);
    return ok;
}

const char *rewrite_put_constant(struct onnx_rewrite *p, const char *base, const char *suffix,
                                 float value)
{
    struct build_tensor tensor = { .name = rewrite_new_name(p, base, suffix),
                                   .data_type = ONNX_FLOAT };
    put_input(p, &tensor);
    build_initializer(&p->text, &tensor, sizeof(value));
    buf_add(&p->text, &value, sizeof(value));
    return tensor.name;
}

const char *rewrite_put_bias(struct onnx_rewrite *p, const struct onnx_node *node, const char *o)
{
    if (!node->gemm || node->input_count < 3 || !*node->inputs[2] || node->gemm->beta == 0)
        return NULL;
    if (node->gemm->beta == 1)
        return node->inputs[2];
    const char *beta = rewrite_put_constant(p, o, "_beta", node->gemm->beta);
    const char *bias = rewrite_new_name(p, o, "_bias");
    rewrite_put2(&p->text, "Mul", node->inputs[2], beta, bias);
    return bias;
}

/* ---- a tensor ---- */

/* An initializer that is listed among the inputs is one no more. */
static bool cut_input(struct onnx_rewrite *p, const char *name, struct pare_error *err)
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

bool rewrite_cut_tensor(struct onnx_rewrite *p, size_t index, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    const struct onnx_tensor *own = &onnx->tensors[index];
    struct onnx_cut cut = own->node >= 0 ? onnx->nodes[own->node].cut : own->cut;
    return cut_input(p, p->plan->model->tensors[index].shown.name, err) &&
           onnx_patch_edit(&p->plan->patch, cut.tag_at, cut.end - cut.tag_at,
                           onnx->scopes[own->scope].graph, err);
}

bool rewrite_put_first(struct onnx_rewrite *p, size_t index, struct buf *nodes,
                       struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    const struct onnx_scope *scope = &onnx->scopes[onnx->tensors[index].scope];
    return onnx_patch_edit(&p->plan->patch, scope->first_node_at, 0, scope->graph, err) &&
           onnx_patch_literal(&p->plan->patch, nodes, err);
}

int64_t rewrite_tensor_of(const struct onnx_plan *plan, const char *name)
{
    size_t first, end = onnx_find(plan->onnx, name, &first);
    for (size_t i = first; i < end; i++) {
        const struct onnx_mention *m = &plan->onnx->mentions[i];
        int64_t tensor = m->role == ONNX_TENSOR ? m->index
                         : m->role == ONNX_MADE && m->index >= 0
                             ? plan->onnx->nodes[m->index].tensor
                             : -1;
        if (tensor >= 0)
            return tensor;
    }
    return -1;
}

int64_t rewrite_weight_of(const struct onnx_plan *plan, const struct onnx_node *node)
{
    bool product = !strcmp(node->op, "MatMul") || !strcmp(node->op, "Gemm");
    if (!product || node->scope != 0 || node->input_count < 2)
        return -1;
    return rewrite_tensor_of(plan, node->inputs[1]);
}

/* ---- all of it ---- */

static bool plan_first_nodes(struct onnx_rewrite *p, struct pare_error *err)
{
    const struct onnx *onnx = p->plan->onnx;
    if (p->first.length == 0)
        return buf_ok(&p->first, err);
    return onnx_patch_edit(&p->plan->patch, onnx->scopes[0].first_node_at, 0, onnx->graph, err) &&
           onnx_patch_literal(&p->plan->patch, &p->first, err);
}

/* OperatorSetIdProto: domain 1, version 2. */
static bool import_contrib(struct onnx_rewrite *p, struct pare_error *err)
{
    struct buf import;
    if (!p->contrib || p->plan->onnx->has_contrib)
        return true;
    buf_init(&import, WIRE_STRING_MAX);
    wire_put_text(&import, 1, ONNX_CONTRIB);
    wire_put_int(&import, 2, CONTRIB_VERSION);
    bool ok = buf_ok(&import, err);
    wire_put_bytes(&p->text, MODEL_OPSET, buf_string(&import), import.length);
    buf_done(&import);
    return ok && onnx_patch_edit(&p->plan->patch, p->plan->onnx->file_end, 0, -1, err) &&
           onnx_patch_literal(&p->plan->patch, &p->text, err);
}

bool onnx_rewrite(struct onnx_plan *plan, struct pare_error *err)
{
    struct onnx_rewrite p = { .plan = plan, .arena = &plan->output->arena };
    buf_init(&p.text, TEXT_MAX);
    buf_init(&p.first, TEXT_MAX);
    bool ok = list_nodes(&p, err) && rewrite_cut(&p, err) && rewrite_bf16(&p, err) &&
              rewrite_fp16(&p, err) && rewrite_int8(&p, err) && rewrite_lookups(&p, err) &&
              rewrite_int4(&p, err) && rewrite_bnb4(&p, err) && rewrite_qdq4(&p, err) &&
              rewrite_table4(&p, err) && rewrite_opset(&p, err) && rewrite_nodes(&p, err) &&
              import_contrib(&p, err) && plan_first_nodes(&p, err);
    if (ok && p.no_memory)
        ok = error_no_memory(err, p.text.capacity);
    ok = ok && names_differ(&p, err);
    buf_done(&p.text);
    buf_done(&p.first);
    free(p.parts);
    return ok;
}
