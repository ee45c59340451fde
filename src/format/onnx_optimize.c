/* SPDX-License-Identifier: MIT */
#include "format/onnx_optimize.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/source.h"

/* Numbers of fields whose meaning hangs on names and is not looked into. */
enum { MODEL_TRAINING = 20, GRAPH_ANNOTATION = 14, OPSET_MIN = 7 };

/* ---- values ---- */

struct opt_value *opt_root(struct opt_value *value)
{
    while (value->same)
        value = value->same;
    return value;
}

struct opt_value *opt_own(const struct optimizer *o, const char *name)
{
    return o->by_mention[onnx_find_first(o->onnx, name)];
}

struct opt_value *opt_find(const struct optimizer *o, const char *name)
{
    return opt_root(opt_own(o, name));
}

bool opt_standard(const struct onnx_node *node)
{
    return node->scope == 0 && (!*node->domain || !strcmp(node->domain, "ai.onnx"));
}

bool opt_is(const struct optimizer *o, int node, const char *op)
{
    return node >= 0 && opt_standard(&o->onnx->nodes[node]) && !strcmp(o->onnx->nodes[node].op, op);
}

/* What one mention says of a value; gives how many definitions it is. */
static int note_mention(const struct optimizer *o, const struct onnx_mention *m,
                        struct opt_value *value)
{
    bool inside = m->index < 0 || (m->role != ONNX_TENSOR && o->onnx->nodes[m->index].scope != 0);
    switch (m->role) {
    case ONNX_TENSOR:
        value->tensor = m->index;
        return o->onnx->tensors[m->index].scope == 0 ? 1 : 2;
    case ONNX_INPUT:
        return 2;
    case ONNX_MADE:
        if (inside)
            return 2;
        value->maker = m->index;
        value->tensor = o->onnx->nodes[m->index].tensor;
        return 1;
    case ONNX_USED:
        value->fixed = value->fixed || inside;
        return 0;
    case ONNX_OUTPUT:
        value->fixed = true;
        value->output = value->output || m->index >= 0;
        return 0;
    default:
        return 0;
    }
}

static void note_value(struct optimizer *o, struct opt_value *value)
{
    int made = 0;
    value->maker = -1;
    value->tensor = -1;
    for (size_t i = value->first; i < value->end; i++)
        made = MIN(made + note_mention(o, &o->onnx->mentions[i], value), 2);
    value->plain = made == 1;
    if (!value->plain) {
        value->maker = -1;
        value->tensor = -1;
        value->fixed = true;
    }
}

static bool gather_values(struct optimizer *o, struct pare_error *err)
{
    const struct onnx *onnx = o->onnx;
    size_t n = onnx->mention_count;
    o->values = arena_array(o->arena, n + 1, sizeof(*o->values));
    o->by_mention = arena_array(o->arena, n + 1, sizeof(*o->by_mention));
    o->nodes = arena_array(o->arena, onnx->node_count + 1, sizeof(*o->nodes));
    if (!o->values || !o->by_mention || !o->nodes)
        return error_no_memory(err, n * sizeof(*o->values));
    for (size_t i = 0, end; i < n; i = end) {
        struct opt_value *value = &o->values[o->value_count++];
        for (end = i; end < n && !strcmp(onnx->mentions[end].name, onnx->mentions[i].name);)
            o->by_mention[end++] = value;
        *value = (struct opt_value){ .name = onnx->mentions[i].name, .first = i, .end = end };
        note_value(o, value);
    }
    for (size_t i = 0, outer = 0; i < onnx->node_count; i++) {
        if (onnx->nodes[i].scope == 0)
            outer = i;
        else
            o->nodes[outer].branches = true;
    }
    o->base_bytes = o->arena->used_bytes;
    return true;
}

/* ---- constants ---- */

bool opt_is_full(const struct optimizer *o)
{
    return o->arena->used_bytes - o->base_bytes > FOLD_TOTAL_BYTES;
}

/* A Constant that is not listed as a tensor: a small one, or a number in an attribute. */
static bool node_constant(struct optimizer *o, const struct onnx_node *node,
                          struct onnx_constant *constant, bool *ret_known, struct pare_error *err)
{
    struct onnx_attributes attributes;
    const struct onnx_attribute *a = &attributes.list[0];
    const void *values = NULL;
    *ret_known = false;
    if (!onnx_attributes_read(o->reader, node, o->arena, &attributes, err))
        return false;
    int64_t count = (int64_t)a->int_count;
    if (attributes.count != 1 || !attributes.whole)
        return true;
    if (a->has_tensor && !strcmp(a->name, "value"))
        return onnx_constant_read(o->reader, a->tensor_at, a->tensor_end, FOLD_LARGE_BYTES,
                                  o->arena, constant, ret_known, err);
    if (a->has_int && !strcmp(a->name, "value_int"))
        values = onnx_constant_shape(constant, PARE_I64, 0, NULL, INT64_MAX) ? &a->i : NULL;
    else if (a->has_float && !strcmp(a->name, "value_float"))
        values = onnx_constant_shape(constant, PARE_F32, 0, NULL, INT64_MAX) ? &a->f : NULL;
    else if (count && !strcmp(a->name, "value_ints"))
        values = onnx_constant_shape(constant, PARE_I64, 1, &count, INT64_MAX) ? a->ints : NULL;
    if (!values)
        return true;
    void *copy = arena_alloc(o->arena, (size_t)constant->size_bytes);
    if (!copy)
        return error_no_memory(err, (size_t)constant->size_bytes);
    constant->bytes = memcpy(copy, values, (size_t)constant->size_bytes);
    *ret_known = true;
    return true;
}

static bool find_constant(struct optimizer *o, struct opt_value *value, struct pare_error *err)
{
    struct onnx_constant constant;
    bool known = false;
    if (value->tensor >= 0) {
        const struct pare_tensor *shown = &o->model->tensors[value->tensor].shown;
        known = onnx_constant_shape(&constant, shown->dtype, shown->rank, shown->dims, INT64_MAX);
    } else if (value->maker >= 0 && !opt_is_full(o)) {
        value->loaded = true;
        if (!node_constant(o, &o->onnx->nodes[value->maker], &constant, &known, err))
            return false;
    }
    if (!known)
        return true;
    struct onnx_constant *kept = arena_alloc(o->arena, sizeof(*kept));
    if (!kept)
        return error_no_memory(err, sizeof(*kept));
    *kept = constant;
    value->constant = kept;
    return true;
}

bool opt_constant(struct optimizer *o, struct opt_value *value,
                  const struct onnx_constant **ret_constant, struct pare_error *err)
{
    bool stored = value->plain && (value->maker < 0 || opt_is(o, value->maker, "Constant"));
    if (stored && !value->asked) {
        value->asked = true;
        if (!find_constant(o, value, err))
            return false;
    }
    *ret_constant = value->constant;
    return true;
}

/* The values of a listed tensor. */
static bool load_tensor(struct optimizer *o, struct opt_value *value, struct pare_error *err)
{
    const struct tensor *t = &o->model->tensors[value->tensor];
    const struct onnx_message *message =
        &o->onnx->messages[o->onnx->tensors[value->tensor].message];
    struct onnx_constant *loaded = arena_alloc(o->arena, sizeof(*loaded));
    bool known = true;
    if (!loaded)
        return error_no_memory(err, sizeof(*loaded));
    *loaded = *value->constant;
    if (t->file_offset < 0) {
        if (!onnx_constant_read(o->reader, message->at, message->end, FOLD_LARGE_BYTES, o->arena,
                                loaded, &known, err))
            return false;
    } else {
        void *bytes = arena_alloc(o->arena, (size_t)loaded->size_bytes + 1);
        if (!bytes)
            return error_no_memory(err, (size_t)loaded->size_bytes);
        loaded->bytes = bytes;
        if (!model_read(o->model, t, 0, (size_t)loaded->size_bytes, bytes, err))
            return false;
    }
    if (known)
        value->constant = loaded;
    return true;
}

bool opt_load(struct optimizer *o, struct opt_value *value,
              const struct onnx_constant **ret_constant, struct pare_error *err)
{
    const struct onnx_constant *constant;
    *ret_constant = NULL;
    if (!opt_constant(o, value, &constant, err))
        return false;
    if (constant && !constant->bytes && !value->loaded && value->tensor >= 0 && !opt_is_full(o) &&
        constant->size_bytes <= FOLD_LARGE_BYTES) {
        value->loaded = true;
        if (!load_tensor(o, value, err))
            return false;
    }
    if (value->constant && value->constant->bytes)
        *ret_constant = value->constant;
    return true;
}

/* ---- what the outputs need ---- */

struct marking {
    struct optimizer *o;
    int *waiting; /* nodes to look at; each comes once */
    size_t count;
};

static void mark_node(struct marking *m, int node)
{
    struct opt_node *n = &m->o->nodes[node];
    if (n->gone || n->live)
        return;
    n->live = true;
    m->waiting[m->count++] = node;
}

static void mark_value(struct marking *m, struct opt_value *value)
{
    value->live = true;
    /* What normalizations pass on is made by the node before them. */
    if (value->maker >= 0 && !value->computed)
        mark_node(m, value->maker);
}

/* Nodes that stay whoever uses them: of other domains, with subgraphs, of doubtful names. */
static bool is_root(const struct optimizer *o, int node)
{
    const struct onnx_node *n = &o->onnx->nodes[node];
    bool named = false;
    if (!opt_standard(n) || o->nodes[node].branches)
        return true;
    for (int i = 0; i < n->output_count; i++) {
        if (!*n->outputs[i])
            continue;
        named = true;
        if (!opt_own(o, n->outputs[i])->plain)
            return true;
    }
    return !named;
}

static void mark_inputs(struct marking *m, int node)
{
    const struct onnx_node *n = &m->o->onnx->nodes[node];
    const struct opt_node *own = &m->o->nodes[node];
    for (int i = 0; i < n->input_count; i++) {
        if (!*n->inputs[i] || (own->bias && i == 2))
            continue;
        struct opt_value *value = opt_find(m->o, n->inputs[i]);
        value->uses++;
        mark_value(m, value);
    }
}

bool opt_mark(struct optimizer *o, struct pare_error *err)
{
    struct marking m = { .o = o };
    m.waiting = malloc((o->onnx->node_count + 1) * sizeof(*m.waiting));
    if (!m.waiting)
        return error_no_memory(err, o->onnx->node_count * sizeof(*m.waiting));
    for (size_t i = 0; i < o->value_count; i++) {
        o->values[i].live = false;
        o->values[i].uses = 0;
    }
    for (size_t i = 0; i < o->onnx->node_count; i++)
        o->nodes[i].live = false;
    for (size_t i = 0; i < o->value_count; i++)
        if (o->values[i].fixed)
            mark_value(&m, &o->values[i]);
    for (size_t i = 0; i < o->onnx->node_count; i++)
        if (o->onnx->nodes[i].scope == 0 && is_root(o, (int)i))
            mark_node(&m, (int)i);
    while (m.count > 0)
        mark_inputs(&m, m.waiting[--m.count]);
    free(m.waiting);
    return true;
}

/* ---- the whole ---- */

static bool has_field(struct optimizer *o, int64_t at, int64_t end, const int *numbers,
                      bool *ret_has, struct pare_error *err)
{
    struct wire wire = wire_begin(o->reader, at, end);
    struct wire_field field;
    *ret_has = false;
    for (bool more;;) {
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            return true;
        for (const int *number = numbers; *number; number++)
            *ret_has = *ret_has || field.number == *number;
    }
}

/* Names count in places that are not indexed: functions, training, annotations. */
static bool check_model(struct optimizer *o, struct pare_error *err)
{
    static const int of_model[] = { MODEL_TRAINING, MODEL_FUNCTIONS, 0 };
    static const int of_graph[] = { GRAPH_ANNOTATION, 0 };
    const struct onnx_message *graph = &o->onnx->messages[o->onnx->graph];
    bool functions, annotations;
    if (!has_field(o, 0, o->onnx->file_end, of_model, &functions, err) ||
        !has_field(o, graph->at, graph->end, of_graph, &annotations, err))
        return false;
    if (functions || annotations)
        return error_set(err, PARE_ERR_REFUSED,
                         "the model has %s, which the step optimize does not look into; leave the "
                         "step out",
                         annotations ? "quantization annotations"
                                     : "functions or training of its own");
    if (o->onnx->opset < OPSET_MIN)
        return error_set(err, PARE_ERR_REFUSED,
                         "the model has opset %lld, the step optimize wants %d or newer; convert "
                         "the model or leave the step out",
                         (long long)o->onnx->opset, OPSET_MIN);
    return true;
}

static bool run(struct optimizer *o, struct pare_error *err)
{
    return check_model(o, err) && gather_values(o, err) && opt_simplify(o, err) &&
           opt_weigh(o, err) && opt_pass(o, err) && opt_mark(o, err) && opt_fuse(o, err) &&
           opt_merge(o, err) && opt_mark(o, err) && opt_write(o, err);
}

bool onnx_optimize(const struct model *model, struct arena *arena, struct optimized *ret_found,
                   struct source **ret_source, struct pare_error *err)
{
    struct optimized found = { 0 };
    struct optimizer o = { .model = model, .onnx = model->own, .found = &found };
    found.fates = arena_array(arena, model->tensor_count + 1, sizeof(*found.fates));
    o.output = calloc(1, sizeof(*o.output));
    o.reader = malloc(sizeof(*o.reader));
    bool ok = (found.fates && o.output && o.reader) || error_no_memory(err, sizeof(*o.reader));
    if (ok) {
        o.arena = &o.output->arena;
        o.output->model = model;
        wire_reader_init(o.reader, model->source, model->main_file);
        ok = run(&o, err);
    }
    free(o.reader);
    for (size_t i = 0; ok && i < model->tensor_count; i++) {
        found.fates[i].text = arena_strdup(arena, found.fates[i].text);
        ok = found.fates[i].text || error_no_memory(err, 64);
    }
    if (!ok) {
        output_free(o.output);
        return false;
    }
    *ret_found = found;
    const struct output_file *file = &o.output->files[0];
    if (file->segment_count == 1 && file->segments[0].kind == SEGMENT_COPY) {
        output_free(o.output);
        *ret_source = NULL;
        return true;
    }
    return overlay_open(model->source, o.output, o.scalings, ret_source, err);
}
