/* SPDX-License-Identifier: MIT */
/* What was found, as changes to the file. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx_build.h"
#include "format/onnx_optimize.h"
#include "format/source.h"

/* Numbers of a node's fields. */
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, TEXT_MAX = 64 << 20, IR_INPUTS_FREE = 4 };

/* An operand's field that gets another name; one that ends where it begins is put in. */
struct rename {
    int node, number;
    struct onnx_cut cut;
    const char *name;
};

struct writing {
    struct optimizer *o;
    struct onnx_patch patch;
    struct rename *renames;
    size_t rename_count;
    struct buf text;
};

static bool cut(struct writing *w, const struct onnx_cut *cut, struct pare_error *err)
{
    return onnx_patch_edit(&w->patch, cut->tag_at, cut->end - cut->tag_at, w->o->onnx->graph, err);
}

/* ---- nodes ---- */

static bool cut_nodes(struct writing *w, struct pare_error *err)
{
    const struct onnx *onnx = w->o->onnx;
    for (size_t i = 0; i < onnx->node_count; i++) {
        const struct opt_node *own = &w->o->nodes[i];
        if (onnx->nodes[i].scope != 0 || own->live)
            continue;
        if (!own->gone && strcmp(onnx->nodes[i].op, "Constant") != 0)
            w->o->found->unused_nodes++;
        if (!cut(w, &onnx->nodes[i].cut, err))
            return false;
    }
    return true;
}

/* The new third input of a convolution, in the place of the old one or behind the second. */
static void note_bias(struct writing *w, const struct onnx_mention *m)
{
    const struct onnx_node *n = &w->o->onnx->nodes[m->index];
    struct rename r = { m->index, NODE_INPUT, m->cut, w->o->nodes[m->index].bias };
    if (n->input_count == 2)
        r.cut.tag_at = r.cut.end;
    w->renames[w->rename_count++] = r;
}

static void note_renames(struct writing *w, const struct opt_value *value)
{
    const struct optimizer *o = w->o;
    const char *name = opt_root((struct opt_value *)value)->name;
    for (size_t i = value->first; i < value->end; i++) {
        const struct onnx_mention *m = &o->onnx->mentions[i];
        bool used = m->role == ONNX_USED, made = m->role == ONNX_MADE;
        if ((!used && !made) || m->index < 0 || o->onnx->nodes[m->index].scope != 0 ||
            !o->nodes[m->index].live)
            continue;
        bool biased = used && o->nodes[m->index].bias;
        if (biased && m->position == o->onnx->nodes[m->index].input_count - 1)
            note_bias(w, m);
        if (value->same && !(biased && m->position == 2))
            w->renames[w->rename_count++] =
                (struct rename){ m->index, used ? NODE_INPUT : NODE_OUTPUT, m->cut, name };
    }
}

static int by_place(const void *left, const void *right)
{
    const struct rename *a = left, *b = right;
    if (a->cut.tag_at != b->cut.tag_at)
        return a->cut.tag_at < b->cut.tag_at ? -1 : 1;
    return (a->cut.end > b->cut.end) - (a->cut.end < b->cut.end);
}

static bool copy_node(struct writing *w, int64_t at, int64_t end, struct pare_error *err)
{
    struct segment copy = {
        .kind = SEGMENT_COPY, .file = w->o->model->main_file, .offset = at, .length = end - at
    };
    return onnx_patch_literal(&w->patch, &w->text, err) && onnx_patch_add(&w->patch, &copy, err);
}

/* The node of these renames again: its head with the new length, its fields, some replaced. */
static bool rename_operands(struct writing *w, const struct rename *renames, size_t count,
                            struct pare_error *err)
{
    const struct onnx_node *node = &w->o->onnx->nodes[renames->node];
    int64_t length = node->cut.end - node->at, at = node->at;
    for (size_t i = 0; i < count; i++) {
        uint64_t text = strlen(renames[i].name);
        length += (int64_t)(1 + wire_varint_size(text) + text) -
                  (renames[i].cut.end - renames[i].cut.tag_at);
    }
    wire_put_head(&w->text, GRAPH_NODE, length);
    if (!cut(w, &node->cut, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!copy_node(w, at, renames[i].cut.tag_at, err))
            return false;
        wire_put_text(&w->text, renames[i].number, renames[i].name);
        at = renames[i].cut.end;
    }
    return copy_node(w, at, node->cut.end, err);
}

static bool write_renames(struct writing *w, struct pare_error *err)
{
    const struct optimizer *o = w->o;
    w->renames = calloc(2 * o->onnx->mention_count + 1, sizeof(*w->renames));
    if (!w->renames)
        return error_no_memory(err, o->onnx->mention_count * sizeof(*w->renames));
    for (size_t i = 0; i < o->value_count; i++)
        note_renames(w, &o->values[i]);
    if (w->rename_count)
        qsort(w->renames, w->rename_count, sizeof(*w->renames), by_place);
    for (size_t i = 0, n; i < w->rename_count; i += n) {
        for (n = 1; i + n < w->rename_count && w->renames[i + n].node == w->renames[i].node;)
            n++;
        if (!rename_operands(w, w->renames + i, n, err))
            return false;
    }
    return true;
}

/* ---- tensors ---- */

/* A new initializer whose values are a segment of that kind. */
static bool put_initializer(struct writing *w, const char *name, const struct onnx_constant *shape,
                            const struct segment *values, struct pare_error *err)
{
    const struct optimizer *o = w->o;
    struct build_tensor tensor = { name, onnx_constant_type(shape->dtype), shape->rank,
                                   shape->dims };
    if (o->onnx->ir_version < IR_INPUTS_FREE)
        build_input(&w->text, &tensor);
    build_initializer(&w->text, &tensor, shape->size_bytes);
    return onnx_patch_edit(&w->patch, o->onnx->messages[o->onnx->graph].end, 0, o->onnx->graph,
                           err) &&
           onnx_patch_literal(&w->patch, &w->text, err) && onnx_patch_add(&w->patch, values, err);
}

static bool put_literal(struct writing *w, const char *name, const struct onnx_constant *constant,
                        struct pare_error *err)
{
    struct segment values = { .kind = SEGMENT_LITERAL,
                              .length = constant->size_bytes,
                              .bytes = constant->bytes };
    return put_initializer(w, name, constant, &values, err);
}

/* Scaled weights go where the old ones were, or, from another file, into this one. */
static bool put_scaled(struct writing *w, const struct opt_value *value, struct pare_error *err)
{
    const struct optimizer *o = w->o;
    const struct onnx_tensor *own = &o->onnx->tensors[value->tensor];
    const struct tensor *t = &o->model->tensors[value->tensor];
    struct segment values = { .kind = SEGMENT_VALUES,
                              .length = t->shown.size_bytes,
                              .tensor = (size_t)(value->scaling - o->scalings) };
    if (own->external)
        return cut(w, own->node >= 0 ? &o->onnx->nodes[own->node].cut : &own->cut, err) &&
               put_initializer(w, value->name, value->constant, &values, err);
    return onnx_patch_edit(&w->patch, t->file_offset, t->shown.size_bytes, own->message, err) &&
           onnx_patch_add(&w->patch, &values, err);
}

static bool write_biases(struct writing *w, struct pare_error *err)
{
    const struct optimizer *o = w->o;
    for (size_t i = 0; i < o->onnx->node_count; i++) {
        const struct opt_node *own = &o->nodes[i];
        struct onnx_constant bias;
        if (!own->bias || !own->live)
            continue;
        if (!onnx_constant_shape(&bias, PARE_F32, 1, &own->bias_count, INT64_MAX))
            return error_set(err, PARE_ERR_FAILED, "a bias of no shape");
        bias.bytes = own->bias_values;
        if (!put_literal(w, own->bias, &bias, err))
            return false;
    }
    return true;
}

/* An initializer that nobody needs goes, and so does what the graph tells of the type. */
static bool cut_value(struct writing *w, const struct opt_value *value, struct pare_error *err)
{
    const struct onnx *onnx = w->o->onnx;
    for (size_t i = value->first; i < value->end; i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        if (m->role == ONNX_TENSOR && !cut(w, &onnx->tensors[m->index].cut, err))
            return false;
        if (m->role == ONNX_TYPED && onnx->typed[m->index].field == GRAPH_VALUE &&
            !cut(w, &onnx->typed[m->index].cut, err))
            return false;
    }
    return true;
}

static bool write_values(struct writing *w, struct pare_error *err)
{
    struct optimizer *o = w->o;
    for (size_t i = 0; i < o->value_count; i++) {
        const struct opt_value *value = &o->values[i];
        bool ok = true;
        if (value->plain && !value->live)
            ok = cut_value(w, value, err);
        else if (value->live && value->computed)
            ok = put_literal(w, value->name, value->constant, err);
        else if (value->live && value->scaling)
            ok = put_scaled(w, value, err);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- what became of each tensor ---- */

static bool is_used(const struct optimizer *o, const struct opt_value *value)
{
    for (size_t i = value->first; i < value->end; i++)
        if (o->onnx->mentions[i].role == ONNX_USED)
            return true;
    return false;
}

static bool tell_fate(struct optimizer *o, const struct opt_value *value, struct pare_error *err)
{
    struct fate *fate = &o->found->fates[value->tensor];
    if (value->live) {
        fate->text = value->scaling ? "scaled by a batch normalization" : "";
        return true;
    }
    fate->gone = true;
    if (value->same)
        fate->text =
            arena_printf(o->arena, "merged with %s", opt_root((struct opt_value *)value)->name);
    else
        fate->text = is_used(o, value) ? "folded" : "unused, removed";
    o->found->unused_tensors += !value->same;
    return fate->text || error_no_memory(err, strlen(value->name));
}

/* Of a sparse Constant, which is no tensor that is worked on. */
static bool is_dead(const struct optimizer *o, const char *name)
{
    size_t first;
    if (onnx_find(o->onnx, name, &first) == first)
        return false;
    return o->by_mention[first]->plain && !o->by_mention[first]->live;
}

static bool tell_fates(struct optimizer *o, struct pare_error *err)
{
    for (size_t i = 0; i < o->model->tensor_count; i++) {
        int node = o->onnx->tensors[i].node;
        bool cut = node >= 0 && o->onnx->nodes[node].scope == 0 && !o->nodes[node].live;
        if (o->onnx->tensors[i].scope == ONNX_SCOPE_SPARSE)
            cut = is_dead(o, o->model->tensors[i].shown.name);
        o->found->fates[i] = (struct fate){ cut ? "removed with its node" : "", cut };
    }
    for (size_t i = 0; i < o->value_count; i++)
        if (o->values[i].plain && o->values[i].tensor >= 0 && !o->values[i].computed &&
            !tell_fate(o, &o->values[i], err))
            return false;
    return true;
}

bool opt_write(struct optimizer *o, struct pare_error *err)
{
    struct writing w = { .o = o, .patch = { .model = o->model, .output = o->output } };
    if (!output_files(o->output, 1, err))
        return false;
    struct output_file *file = &o->output->files[o->output->file_count++];
    buf_init(&w.text, TEXT_MAX);
    bool ok = tell_fates(o, err) && cut_nodes(&w, err) && write_renames(&w, err) &&
              write_biases(&w, err) && write_values(&w, err) &&
              onnx_patch_apply(&w.patch, file, err);
    buf_done(&w.text);
    free(w.renames);
    return ok;
}
