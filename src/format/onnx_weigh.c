/* SPDX-License-Identifier: MIT */
/* What each tensor feeds, and so what it can become. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "format/onnx.h"

enum { HOPS_MAX = 4, USES_MAX = 1024 };

/* Products of more terms than this could overflow the int32 that they are summed in. */
#define TERMS_MAX (INT32_MAX / (255 * 128))

/* Opsets from which on the operators exist in the form that is written. */
enum { OPSET_BROADCAST = 7, OPSET_DYNAMIC = 11, OPSET_BF16 = 13 };

/* A tensor on its way to an operator, through operators that only move or retype it. */
struct view {
    int rank;                /* -1: not known */
    int axis[PARE_RANK_MAX]; /* of the tensor, or -1 */
    int64_t dims[PARE_RANK_MAX];
    int hops;
};

/* What all the uses of a tensor say together. */
struct verdict {
    const struct onnx *onnx;
    const struct tensor *tensor;
    int scope; /* of the tensor */
    int visited;
    bool weight;
    const char *op, *node;           /* of the first use; of the first product once there is one */
    const char *ops[TENSOR_OPS_MAX]; /* of all uses, each once */
    size_t op_count;
    int axis;
    bool all_products; /* every use is one of this very tensor, with what is computed */
    bool many_terms;   /* one has too many terms for int8 */
    int trans_b;       /* of those: -1 before the first */
};

static int by_name(const void *left, const void *right)
{
    const struct onnx_mention *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    if (order == 0)
        order = (a->role > b->role) - (a->role < b->role);
    if (order == 0)
        order = (a->index > b->index) - (a->index < b->index);
    return order ? order : (a->position > b->position) - (a->position < b->position);
}

size_t onnx_find_first(const struct onnx *onnx, const char *name)
{
    size_t low = 0, high = onnx->mention_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(onnx->mentions[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t onnx_find(const struct onnx *onnx, const char *name, size_t *ret_first)
{
    size_t high = *ret_first = onnx_find_first(onnx, name);
    while (high < onnx->mention_count && !strcmp(onnx->mentions[high].name, name))
        high++;
    return high;
}

static bool is_op(const struct onnx_node *node, const char *op)
{
    return !strcmp(node->op, op) && (!*node->domain || !strcmp(node->domain, "ai.onnx"));
}

/* The short vector of integers that a value is known to be, or NULL. */
static const int64_t *known_ints(const struct onnx *onnx, const char *name, int *ret_count)
{
    size_t first, end = onnx_find(onnx, name, &first);
    for (size_t i = first; i < end; i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        if (m->role == ONNX_TENSOR && onnx->tensors[m->index].ints) {
            *ret_count = onnx->tensors[m->index].int_count;
            return onnx->tensors[m->index].ints;
        }
        if (m->role == ONNX_MADE && m->index >= 0 && is_op(&onnx->nodes[m->index], "Constant")) {
            *ret_count = onnx->nodes[m->index].int_count;
            return onnx->nodes[m->index].ints;
        }
    }
    return NULL;
}

/* Whether a value is an initializer or a Constant's. */
static bool is_constant(const struct onnx *onnx, const char *name)
{
    size_t first = onnx_find_first(onnx, name); /* of what may be very many */
    const struct onnx_mention *m = &onnx->mentions[first];
    bool there = first < onnx->mention_count && !strcmp(m->name, name);
    return there && (m->role == ONNX_TENSOR ||
                     (m->role == ONNX_MADE && m->index >= 0 && onnx->nodes[m->index].tensor >= 0));
}

static bool through_transpose(const struct onnx_node *node, struct view *view)
{
    struct view before = *view;
    for (int i = 0; i < view->rank; i++) {
        int64_t from = node->int_count ? 0 : view->rank - 1 - i;
        if (node->int_count == view->rank)
            from = node->ints[i];
        if (from < 0 || from >= view->rank || (node->int_count && node->int_count != view->rank))
            return false;
        view->axis[i] = before.axis[from];
        view->dims[i] = before.dims[from];
    }
    return view->rank >= 0;
}

/* The first and the last axis survive when their lengths do; those between are forgotten. */
static void through_reshape(const struct onnx *onnx, const struct onnx_node *node,
                            struct view *view)
{
    struct view before = *view;
    int count = 0;
    const int64_t *dims = node->input_count > 1 ? known_ints(onnx, node->inputs[1], &count) : NULL;
    view->rank = dims && count > 0 ? count : -1;
    for (int i = 0; i < view->rank; i++) {
        view->dims[i] = dims[i];
        view->axis[i] = -1;
    }
    if (view->rank <= 0 || before.rank <= 0)
        return;
    if (dims[0] > 0 && dims[0] == before.dims[0])
        view->axis[0] = before.axis[0];
    if (dims[count - 1] > 0 && dims[count - 1] == before.dims[before.rank - 1])
        view->axis[count - 1] = before.axis[before.rank - 1];
}

/* One axis more in front, or others that then are not known. */
static void through_unsqueeze(const struct onnx *onnx, const struct onnx_node *node,
                              struct view *view)
{
    struct view before = *view;
    int count = node->int_count;
    const int64_t *axes =
        node->input_count > 1 ? known_ints(onnx, node->inputs[1], &count) : node->ints;
    view->rank =
        axes && count == 1 && axes[0] == 0 && before.rank < PARE_RANK_MAX ? before.rank + 1 : -1;
    for (int i = 0; i < view->rank; i++) {
        view->axis[i] = i ? before.axis[i - 1] : -1;
        view->dims[i] = i ? before.dims[i - 1] : 1;
    }
    if (before.rank < 0)
        view->rank = -1;
}

/* Parts of a weight are put together anew, as exporters order the gates of an LSTM. */
static void through_parts(struct view *view)
{
    for (int i = 0; i < view->rank; i++)
        view->dims[i] = 0;
}

/* Whether the node only moves, cuts or retypes what comes in at that position. */
static bool pass_through(const struct verdict *v, const struct onnx_node *node, int position,
                         struct view *view)
{
    bool whole = v->tensor->shown.dtype == PARE_I8 || v->tensor->shown.dtype == PARE_U8;
    bool concat = is_op(node, "Concat");
    if ((position != 0 && !concat) || node->output_count != 1 || ++view->hops > HOPS_MAX)
        return false;
    if (is_op(node, "Transpose"))
        return through_transpose(node, view);
    if (concat || is_op(node, "Slice"))
        through_parts(view);
    else if (is_op(node, "Reshape"))
        through_reshape(v->onnx, node, view);
    else if (is_op(node, "Unsqueeze"))
        through_unsqueeze(v->onnx, node, view);
    else if (!is_op(node, "Identity") && !is_op(node, "Cast") &&
             !(whole && (is_op(node, "Mul") || is_op(node, "DequantizeLinear"))))
        return false;
    return true;
}

/* The axis of the output channels among the view's; -2: this use is no product of weights. */
static int product_axis(const struct onnx_node *node, int position, int rank)
{
    if (is_op(node, "MatMul") && rank != 1)
        return position == 1 ? MAX(rank - 1, -1) : MAX(rank - 2, -1);
    bool matrix = rank == 2 || rank == -1;
    if (is_op(node, "Gemm") && node->gemm && position == 1 && matrix)
        return node->gemm->trans_b ? 0 : 1;
    if (is_op(node, "Gemm") && node->gemm && position == 0 && matrix)
        return node->gemm->trans_a ? 1 : 0;
    if (is_op(node, "Conv") && position == 1)
        return 0;
    if (is_op(node, "ConvTranspose") && position == 1)
        return 1;
    bool recurrent = is_op(node, "LSTM") || is_op(node, "GRU") || is_op(node, "RNN");
    return recurrent && (position == 1 || position == 2) ? 1 : -2;
}

/* Whether the use is a product of the very tensor with something that is computed. */
static bool is_plain_product(struct verdict *v, const struct onnx_mention *use,
                             const struct view *view, int axis)
{
    const struct onnx_node *node = &v->onnx->nodes[use->index];
    bool product = is_op(node, "MatMul") || is_op(node, "Gemm");
    if (!product || axis < 0 || view->hops > 0 || node->scope != 0 || v->scope != 0 ||
        use->position != 1 || node->output_count != 1 || is_constant(v->onnx, node->inputs[0]))
        return false;
    int64_t terms = view->dims[axis == view->rank - 1 ? view->rank - 2 : view->rank - 1];
    v->many_terms = v->many_terms || terms > TERMS_MAX;
    return true;
}

static void note_op(struct verdict *v, const char *op)
{
    for (size_t i = 0; i < v->op_count; i++)
        if (!strcmp(v->ops[i], op))
            return;
    if (v->op_count < TENSOR_OPS_MAX)
        v->ops[v->op_count++] = op;
}

static void visit(struct verdict *v, const char *name, const struct view *view);

static void visit_use(struct verdict *v, const struct onnx_mention *use, const struct view *view)
{
    const struct onnx_node *node = &v->onnx->nodes[use->index];
    int axis = product_axis(node, use->position, view->rank);
    struct view beyond = *view;
    bool plain = is_plain_product(v, use, view, axis);
    int trans_b = node->gemm && node->gemm->trans_b;
    note_op(v, node->op);
    if (axis == -2 && pass_through(v, node, use->position, &beyond)) {
        v->all_products = false;
        visit(v, node->outputs[0], &beyond);
        return;
    }
    v->all_products = v->all_products && plain && (v->trans_b < 0 || v->trans_b == trans_b);
    v->trans_b = trans_b;
    if (!v->op || (axis != -2 && !v->weight)) {
        v->op = node->op;
        v->node = node->name;
    }
    if (axis == -2 || v->weight)
        return;
    v->weight = true;
    v->axis = axis >= 0 && axis < view->rank ? view->axis[axis] : -1;
}

static void visit(struct verdict *v, const char *name, const struct view *view)
{
    size_t first, end = onnx_find(v->onnx, name, &first);
    for (size_t i = first; i < end; i++) {
        const struct onnx_mention *m = &v->onnx->mentions[i];
        if (m->role == ONNX_OUTPUT)
            v->all_products = false;
        if (m->role != ONNX_USED)
            continue;
        if (++v->visited > USES_MAX) {
            v->all_products = false;
            return;
        }
        visit_use(v, m, view);
    }
}

/* Whether the tensor is all that its name stands for. */
static bool defined_once(const struct onnx *onnx, const char *name)
{
    size_t first, end = onnx_find(onnx, name, &first);
    int definitions = 0;
    for (size_t i = first; i < end && definitions < 2; i++)
        definitions += onnx->mentions[i].role == ONNX_TENSOR || onnx->mentions[i].role == ONNX_MADE;
    return definitions == 1;
}

/* Why the tensor is nothing that a graph's operators compute with, or NULL. */
static const char *why_no_value(const struct model *model, const struct verdict *v, size_t index)
{
    const struct onnx_tensor *own = &v->onnx->tensors[index];
    const struct tensor *t = &model->tensors[index];
    if (own->scope == ONNX_SCOPE_ATTRIBUTE)
        return "it is an attribute of a node";
    if (own->scope == ONNX_SCOPE_SPARSE)
        return "it is stored sparse";
    if (!*t->shown.name)
        return "it has no name";
    if (!defined_once(v->onnx, t->shown.name))
        return "its name is defined more than once";
    return NULL;
}

static const char *why_no_fp16(const struct model *model, const struct verdict *v, size_t index)
{
    const char *why = why_no_value(model, v, index);
    if (!why && v->scope != 0)
        return "it is inside a subgraph";
    return !why && v->onnx->opset < OPSET_BROADCAST ? "fp16 needs opset 7 or newer" : why;
}

/* A vector's half is too little to round a norm's scale or a bias for. */
static const char *why_no_bf16(const struct model *model, const struct verdict *v, size_t index)
{
    const char *why = why_no_value(model, v, index);
    if (why)
        return why;
    if (model->tensors[index].shown.rank < 2)
        return "it has fewer than two dimensions";
    if (v->scope != 0 && v->onnx->ir_version < ONNX_IR_INPUTS_FREE)
        return "it is inside a subgraph, and the model's IR version is below 4";
    return v->onnx->opset < OPSET_BF16 ? "bf16 needs opset 13 or newer, for its Cast" : NULL;
}

static const char *why_no_weight(const struct model *model, const struct verdict *v, size_t index)
{
    const struct tensor *t = &model->tensors[index];
    const char *why = why_no_value(model, v, index);
    if (why)
        return why;
    if (t->shown.rank < 2)
        return "it has fewer than two dimensions";
    if (!v->op)
        return "no operator uses it";
    if (v->scope != 0 && v->onnx->ir_version < ONNX_IR_INPUTS_FREE)
        return "it is inside a subgraph, and the model's IR version is below 4";
    return v->weight ? NULL : "it feeds no MatMul, Gemm, Conv or the like";
}

/* Of a weight: why it cannot be 4-bit blocks, or NULL. */
static const char *why_no_blocks(const struct verdict *v)
{
    if (v->scope != 0)
        return "it is inside a subgraph";
    if (v->onnx->opset < OPSET_BROADCAST)
        return "4-bit blocks need opset 7 or newer";
    if (v->tensor->shown.rank != 2)
        return "4-bit blocks are for weights of two dimensions";
    return v->all_products && v->axis >= 0
               ? NULL
               : "4-bit blocks are for weights on the right of a MatMul "
                 "or Gemm and of no other use";
}

static const char *place_of(const struct onnx_tensor *own)
{
    if (own->scope == ONNX_SCOPE_ATTRIBUTE)
        return "attribute";
    if (own->scope == ONNX_SCOPE_SPARSE)
        return "sparse";
    if (own->scope != 0)
        return "subgraph";
    return own->node >= 0 ? "constant" : "initializer";
}

static bool weigh_tensor(struct model *model, size_t index, struct pare_error *err)
{
    struct onnx *onnx = model->own;
    struct tensor *t = &model->tensors[index];
    struct onnx_tensor *own = &onnx->tensors[index];
    struct verdict v = { .onnx = onnx,
                         .tensor = t,
                         .scope = own->scope,
                         .axis = -1,
                         .all_products = true,
                         .trans_b = -1 };
    struct view view = { .rank = t->shown.rank };
    for (int i = 0; i < view.rank; i++) {
        view.axis[i] = i;
        view.dims[i] = t->shown.dims[i];
    }
    visit(&v, t->shown.name, &view);
    t->shown.op = v.op ? v.op : "";
    t->shown.node = v.node ? v.node : "";
    t->op_count = v.op_count;
    t->ops = arena_array(&model->arena, v.op_count + 1, sizeof(*t->ops));
    if (!t->ops)
        return error_no_memory(err, sizeof(v.ops));
    memcpy(t->ops, v.ops, v.op_count * sizeof(*t->ops));
    t->shown.place = place_of(own);
    t->no_weight = why_no_weight(model, &v, index);
    t->weight = !t->no_weight;
    t->channel_axis = t->weight ? v.axis : -1;
    if (!t->weight)
        t->no_int8 = t->no_weight;
    else if (onnx->opset < OPSET_BROADCAST)
        t->no_int8 = "int8 needs opset 7 or newer";
    else
        t->int8 = v.all_products && !v.many_terms && onnx->opset >= OPSET_DYNAMIC
                      ? INT8_DYNAMIC
                      : INT8_WEIGHT_ONLY;
    t->no_fp16 = why_no_fp16(model, &v, index);
    t->no_blocks = t->weight ? why_no_blocks(&v) : t->no_weight;
    t->no_bf16 = why_no_bf16(model, &v, index);
    t->table = onnx_is_table(onnx, t->shown.name);
    t->no_table = why_no_value(model, &v, index);
    if (!t->no_table && own->scope != 0)
        t->no_table = "it is inside a subgraph";
    if (!t->no_table)
        t->no_table = onnx_why_no_table(onnx, &t->shown);
    if (!t->weight && t->table && t->no_table)
        t->no_int8 = t->no_table;
    else if (!t->weight && t->table && onnx->opset < OPSET_BROADCAST)
        t->no_int8 = "int8 needs opset 7 or newer";
    else if (!t->weight && t->table)
        t->int8 = INT8_LOOKUP;
    own->trans_b = v.trans_b > 0;
    return true;
}

bool onnx_weigh(struct model *model, struct pare_error *err)
{
    struct onnx *onnx = model->own;
    if (onnx->mention_count)
        qsort(onnx->mentions, onnx->mention_count, sizeof(*onnx->mentions), by_name);
    const char *no_opset;
    if (!onnx_why_no_opset(model, ONNX_OPSET_INT4, &no_opset, err))
        return false;
    for (size_t i = 0; i < model->tensor_count; i++) {
        struct tensor *t = &model->tensors[i];
        if (!weigh_tensor(model, i, err))
            return false;
        t->no_qdq4 = t->no_blocks ? t->no_blocks : no_opset;
    }
    return onnx_pair(model, err);
}
