/* SPDX-License-Identifier: MIT */
/*
 * The new graph as edits: initializers that go and all nodes are cut out, and at the end of the
 * graph stand the new list of nodes, as copies where they did not change, and what is added to
 * the initializers. Metadata, producer and opsets become the peer's.
 */
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx_match.h"
#include "format/onnx_rewrite.h"

enum {
    TEXT_MAX = 256 << 20,
    ENTRIES_MAX = 16 * 1024, /* as onnx_rewrite.c has them */
    CONTRIB_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    ONNX_INT64 = 7,
};

/* ---- nodes ---- */

struct match_writing {
    struct onnx_plan *plan;
    const struct onnx_match *m;
    struct buf text;
};

static bool write_node(struct match_writing *w, const struct match_node *node,
                       struct pare_error *err)
{
    const struct onnx_cut *cut = node->is_same ? &w->m->onnx->nodes[node->source].cut : NULL;
    struct match_text bytes;
    if (cut) {
        struct segment copy = { .kind = SEGMENT_COPY,
                                .length = cut->end - cut->tag_at,
                                .offset = cut->tag_at,
                                .file = w->plan->model->main_file };
        return onnx_patch_literal(&w->plan->patch, &w->text, err) &&
               onnx_patch_add(&w->plan->patch, &copy, err);
    }
    match_text_init(&bytes);
    bool ok = match_write_node(w->m, node, &bytes, err);
    wire_put_head(&w->text, GRAPH_NODE, match_text_length(&bytes));
    ok = ok && match_text_put(&bytes, &w->plan->patch, &w->text, err);
    match_text_done(&bytes);
    return ok;
}

/* ---- initializers ---- */

static bool put_shape(struct match_writing *w, const struct match_initializer *from,
                      struct pare_error *err)
{
    int64_t rank = (int64_t)from->weight;
    struct build_tensor tensor = { from->name, ONNX_INT64, 1, &rank };
    build_initializer(&w->text, &tensor, rank * (int64_t)sizeof(int64_t));
    for (int64_t i = 0; i < rank; i++) {
        int64_t value = i == 1 ? -1 : 1;
        buf_add(&w->text, &value, sizeof(value));
    }
    return buf_ok(&w->text, err);
}

/* One number, a vector of channels, or the gates of each direction of an LSTM. */
static bool put_numbers(struct match_writing *w, const struct match_initializer *from,
                        struct pare_error *err)
{
    const struct match_weight *weight = &w->m->match->weights[from->weight];
    const struct pare_tensor *shown = &w->plan->model->tensors[weight->tensor].shown;
    bool zeros = from->part == MATCH_ZERO_POINT, half = shown->dtype == PARE_F16;
    struct build_tensor tensor = { .name = from->name, .dims = shown->dims };
    int64_t size = zeros ? 1 : half ? 2 : 4;
    if (weight->axis_pairs)
        tensor.rank = 2;
    else if (weight->axis >= 0) {
        tensor.rank = 1;
        tensor.dims = &weight->scale_count;
    }
    tensor.data_type = zeros  ? weight->is_unsigned ? ONNX_UINT8 : ONNX_INT8
                       : half ? ONNX_FLOAT16
                              : ONNX_FLOAT;
    build_initializer(&w->text, &tensor, weight->scale_count * size);
    for (int64_t i = 0; !zeros && half && i < weight->scale_count; i++)
        buf_add(&w->text, &weight->halves[i], sizeof(weight->halves[i]));
    if (zeros || !half)
        buf_add(&w->text, zeros ? (const void *)weight->zeros : weight->scales,
                (size_t)(weight->scale_count * size));
    return buf_ok(&w->text, err);
}

static bool put_beside(struct match_writing *w, const struct build_tensor *tensor,
                       const struct segment *values, struct pare_error *err)
{
    struct buf entries;
    buf_init(&entries, ENTRIES_MAX);
    bool ok = onnx_plan_external(w->plan, values, &entries, err) && buf_ok(&entries, err);
    if (ok)
        build_external(&w->text, tensor, &entries);
    buf_done(&entries);
    return ok && buf_ok(&w->text, err);
}

static bool put_values(struct match_writing *w, const struct match_initializer *from,
                       struct pare_error *err)
{
    const struct match_weight *weight = &w->m->match->weights[from->weight];
    const struct pare_tensor *shown = &w->plan->model->tensors[weight->tensor].shown;
    int64_t dims[PARE_RANK_MAX];
    struct build_tensor tensor = { from->name, weight->is_unsigned ? ONNX_UINT8 : ONNX_INT8,
                                   shown->rank, dims };
    memcpy(dims, shown->dims, sizeof(dims));
    if (weight->transposed) {
        dims[shown->rank - 2] = shown->dims[shown->rank - 1];
        dims[shown->rank - 1] = shown->dims[shown->rank - 2];
    }
    struct segment values = { .kind = SEGMENT_MATCHED,
                              .length = shown->element_count,
                              .tensor = from->weight };
    if (onnx_plan_moves(w->plan, values.length))
        return put_beside(w, &tensor, &values, err);
    build_initializer(&w->text, &tensor, values.length);
    return onnx_patch_literal(&w->plan->patch, &w->text, err) &&
           onnx_patch_add(&w->plan->patch, &values, err);
}

static bool write_initializer(struct match_writing *w, const struct match_initializer *from,
                              struct pare_error *err)
{
    if (from->part == MATCH_SHAPE)
        return put_shape(w, from, err);
    return from->part == MATCH_VALUES ? put_values(w, from, err) : put_numbers(w, from, err);
}

/* ---- the graph ---- */

static bool cut(struct match_writing *w, const struct onnx_cut *cut, int message,
                struct pare_error *err)
{
    return onnx_patch_edit(&w->plan->patch, cut->tag_at, cut->end - cut->tag_at, message, err);
}

static bool cut_old(struct match_writing *w, struct pare_error *err)
{
    const struct onnx *onnx = w->m->onnx;
    struct onnx_rewrite rewrite = { .plan = w->plan };
    for (size_t i = 0; i < w->plan->model->tensor_count; i++)
        if (w->m->match->dropped[i] && onnx->tensors[i].scope == 0 &&
            !rewrite_cut_tensor(&rewrite, i, err))
            return false;
    for (size_t i = 0; i < onnx->node_count; i++)
        if (onnx->nodes[i].scope == 0 && !cut(w, &onnx->nodes[i].cut, onnx->graph, err))
            return false;
    return true;
}

static bool put_new_graph(struct match_writing *w, struct pare_error *err)
{
    const struct onnx *onnx = w->m->onnx;
    if (!onnx_patch_edit(&w->plan->patch, onnx->messages[onnx->graph].end, 0, onnx->graph, err))
        return false;
    for (size_t i = 0; i < w->m->nodes.count; i++)
        if (!write_node(w, &w->m->nodes.list[i], err))
            return false;
    for (size_t i = 0; i < w->m->initializer_count; i++)
        if (!write_initializer(w, &w->m->initializers[i], err))
            return false;
    return onnx_patch_literal(&w->plan->patch, &w->text, err);
}

/* ---- the model ---- */

static void put_label(struct buf *to, const char *key, const char *value)
{
    struct buf label;
    buf_init(&label, WIRE_STRING_MAX);
    wire_put_text(&label, 1, key);
    wire_put_text(&label, 2, value);
    wire_put_bytes(to, MODEL_METADATA, buf_string(&label), label.length);
    to->no_memory = to->no_memory || label.no_memory;
    buf_done(&label);
}

static bool needs_domain(const struct onnx_match *m)
{
    bool needs = false;
    for (size_t i = 0; !m->onnx->has_contrib && i < m->nodes.count; i++)
        needs = needs || !strcmp(m->nodes.list[i].domain, ONNX_CONTRIB);
    return needs;
}

/* Who made it, what shape inference left, and the domain that twins are of. */
static bool put_model_fields(struct match_writing *w, struct pare_error *err)
{
    const struct onnx *onnx = w->m->onnx;
    struct buf import;
    if ((onnx->producer.end && !cut(w, &onnx->producer, -1, err)) ||
        (onnx->producer_version.end && !cut(w, &onnx->producer_version, -1, err)))
        return false;
    wire_put_text(&w->text, MODEL_PRODUCER, "onnx.quantize");
    wire_put_text(&w->text, MODEL_PRODUCER_VERSION, "0.1.0");
    if (needs_domain(w->m)) {
        buf_init(&import, WIRE_STRING_MAX);
        wire_put_text(&import, 1, ONNX_CONTRIB);
        wire_put_int(&import, 2, CONTRIB_VERSION);
        wire_put_bytes(&w->text, MODEL_OPSET, buf_string(&import), import.length);
        buf_done(&import);
    }
    return onnx_patch_edit(&w->plan->patch, onnx->file_end, 0, -1, err) &&
           onnx_patch_literal(&w->plan->patch, &w->text, err);
}

/* "onnx.infer" comes first, with the value that it may have. */
static bool put_infer(struct match_writing *w, struct pare_error *err)
{
    const struct onnx *onnx = w->m->onnx;
    int64_t at = onnx->prop_count ? onnx->props[0].cut.tag_at : onnx->file_end;
    const struct onnx_prop *there = NULL;
    for (size_t i = 0; i < onnx->prop_count; i++)
        if (!strcmp(onnx->props[i].key, MATCH_INFER_KEY))
            there = &onnx->props[i];
    if (there == onnx->props && there)
        return true;
    if (!onnx_patch_edit(&w->plan->patch, at, 0, -1, err))
        return false;
    if (!there) {
        put_label(&w->text, MATCH_INFER_KEY, MATCH_INFER_VALUE);
        return onnx_patch_literal(&w->plan->patch, &w->text, err);
    }
    struct segment copy = { .kind = SEGMENT_COPY,
                            .length = there->cut.end - there->cut.tag_at,
                            .offset = there->cut.tag_at,
                            .file = w->plan->model->main_file };
    return onnx_patch_add(&w->plan->patch, &copy, err) && cut(w, &there->cut, -1, err);
}

bool onnx_match_write(struct onnx_plan *plan, const struct match *match, struct pare_error *err)
{
    struct match_writing w = { .plan = plan, .m = match->own };
    buf_init(&w.text, TEXT_MAX);
    bool ok = cut_old(&w, err) && put_new_graph(&w, err) && put_infer(&w, err) &&
              put_model_fields(&w, err);
    buf_done(&w.text);
    return ok;
}
