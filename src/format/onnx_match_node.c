/* SPDX-License-Identifier: MIT */
/*
 * A node that is made anew, as bytes. One with a graph in an attribute the peer makes of its
 * operator, name, operands and attributes in the order of their names, and so each node inside
 * that has a graph itself. In such graphs Gemms are taken apart, and initializers that nothing uses
 * are left out; the rest is copied.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx_build.h"
#include "format/onnx_match.h"

enum {
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_GRAPH = 6,
    ATTRIBUTE_GRAPHS = 11,
};

/* ---- attributes ---- */

static int by_name(const void *left, const void *right)
{
    const struct match_attribute *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static bool read_name(struct wire *node, const struct wire_field *field, struct arena *arena,
                      struct match_attribute *ret_attribute, struct pare_error *err)
{
    struct wire inner;
    struct wire_field f;
    *ret_attribute = (struct match_attribute){ "", field->at, field->end };
    if (!wire_enter(node, field, "an attribute", &inner, err))
        return false;
    for (bool more;;) {
        if (!wire_next(&inner, &f, &more, err))
            return false;
        if (!more)
            return true;
        if (f.number == 1 &&
            !wire_string(&inner, &f, "an attribute's name", arena, &ret_attribute->name, err))
            return false;
    }
}

bool match_read_attributes(const struct model *model, const struct onnx_node *node,
                           struct arena *arena, struct match_attribute **ret_list,
                           size_t *ret_count, struct pare_error *err)
{
    struct wire_reader *reader = malloc(sizeof(*reader));
    struct match_attribute *list = arena_array(arena, ONNX_VALUES_MAX, sizeof(*list));
    struct wire_field field;
    size_t count = 0;
    bool more = true, ok = (reader && list) || error_no_memory(err, sizeof(*reader));
    if (ok)
        wire_reader_init(reader, model->source, model->main_file);
    struct wire wire = wire_begin(reader, node->at, node->cut.end);
    while (ok && more && (ok = wire_next(&wire, &field, &more, err)) && more) {
        if (field.number != NODE_ATTRIBUTE)
            continue;
        ok = count < ONNX_VALUES_MAX ? read_name(&wire, &field, arena, &list[count++], err)
                                     : error_set(err, PARE_ERR_REFUSED, "too many attributes");
    }
    free(reader);
    if (count)
        qsort(list, count, sizeof(*list), by_name);
    *ret_list = list;
    *ret_count = count;
    return ok;
}

/* ---- parts of the source ---- */

/* Where a node's bytes come from and go to. */
struct remaking {
    const struct onnx_match *m;
    struct match_text *to;
};

static bool put_bytes(const struct remaking *r, int64_t at, int64_t end, struct pare_error *err)
{
    return match_text_copy(r->to, r->m->model, at, end, err);
}

/* Put a field of a message of the source, as it is or not. */
typedef bool put_field_fn(const struct remaking *r, const struct wire_field *field,
                          struct pare_error *err);

static bool put_fields(const struct remaking *r, int64_t at, int64_t end, put_field_fn *put,
                       struct pare_error *err)
{
    struct wire_reader *reader = malloc(sizeof(*reader));
    struct wire_field field;
    bool more = true, ok = reader || error_no_memory(err, sizeof(*reader));
    if (ok)
        wire_reader_init(reader, r->m->model->source, r->m->model->main_file);
    struct wire wire = wire_begin(reader, at, end);
    while (ok && more && (ok = wire_next(&wire, &field, &more, err)) && more)
        ok = put(r, &field, err);
    free(reader);
    return ok;
}

/* Put the field that `put` makes of a message of the source. */
static bool put_message(const struct remaking *r, const struct wire_field *field, put_field_fn *put,
                        struct pare_error *err)
{
    struct match_text inner;
    match_text_init(&inner);
    bool ok = put_fields(&(struct remaking){ r->m, &inner }, field->at, field->end, put, err) &&
              match_text_message(r->to, field->number, &inner, err);
    match_text_done(&inner);
    return ok;
}

/* ---- graphs in attributes ---- */

/* Nodes, tensors and graphs are numbered in the order of their places. */
static int by_node(const void *key, const void *item)
{
    const int64_t *at = key;
    const struct onnx_node *node = item;
    return (*at > node->cut.tag_at) - (*at < node->cut.tag_at);
}

static int by_tensor(const void *key, const void *item)
{
    const int64_t *at = key;
    const struct onnx_tensor *own = item;
    return (*at > own->cut.tag_at) - (*at < own->cut.tag_at);
}

static int by_apart(const void *key, const void *item)
{
    const size_t *node = key;
    const struct match_apart *apart = item;
    return (*node > apart->node) - (*node < apart->node);
}

/* The graph whose payload begins there. */
static size_t scope_at(const struct onnx *onnx, int64_t at)
{
    size_t low = 0, high = onnx->scope_count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (onnx->messages[onnx->scopes[middle].graph].at <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool put_node(const struct remaking *r, const struct match_node *node,
                     struct pare_error *err)
{
    struct match_text inner;
    match_text_init(&inner);
    bool ok = match_write_node(r->m, node, &inner, err) &&
              match_text_message(r->to, GRAPH_NODE, &inner, err);
    match_text_done(&inner);
    return ok;
}

/* What is in a Gemm's place. */
static bool put_apart(const struct remaking *r, const struct match_apart *apart,
                      struct pare_error *err)
{
    const struct onnx_match *m = r->m;
    size_t end = apart == &m->aparts[m->apart_count - 1] ? m->parts.count : apart[1].first;
    for (size_t i = apart->first; i < end; i++)
        if (!put_node(r, &m->parts.list[i], err))
            return false;
    return true;
}

static bool put_graph_node(const struct remaking *r, const struct wire_field *field,
                           struct pare_error *err)
{
    const struct onnx_match *m = r->m;
    const struct onnx *onnx = m->onnx;
    const struct onnx_node *node =
        bsearch(&field->tag_at, onnx->nodes, onnx->node_count, sizeof(*onnx->nodes), by_node);
    size_t index = node ? (size_t)(node - onnx->nodes) : SIZE_MAX;
    const struct match_apart *apart =
        m->apart_count ? bsearch(&index, m->aparts, m->apart_count, sizeof(*m->aparts), by_apart)
                       : NULL;
    if (apart)
        return put_apart(r, apart, err);
    if (!node || !node->has_graph)
        return put_bytes(r, field->tag_at, field->end, err);
    struct match_node made = match_made_anew(onnx, (int)index);
    return put_node(r, &made, err);
}

static bool put_graph_field(const struct remaking *r, const struct wire_field *field,
                            struct pare_error *err)
{
    const struct onnx *onnx = r->m->onnx;
    const struct onnx_tensor *own =
        field->number == GRAPH_INITIALIZER
            ? bsearch(&field->tag_at, onnx->tensors, r->m->model->tensor_count,
                      sizeof(*onnx->tensors), by_tensor)
            : NULL;
    if (own && r->m->match->dropped[own - onnx->tensors])
        return true;
    return field->number == GRAPH_NODE ? put_graph_node(r, field, err)
                                       : put_bytes(r, field->tag_at, field->end, err);
}

/* A weight turned around is one more initializer. */
static bool put_turn(const struct remaking *r, const struct match_turn *turn,
                     struct pare_error *err)
{
    size_t index = r->m->match->weights[turn->weight].tensor;
    const struct pare_tensor *shown = &r->m->model->tensors[index].shown;
    struct segment values = { .kind = SEGMENT_MATCHED,
                              .length = shown->size_bytes,
                              .tensor = turn->weight };
    build_initializer(
        &r->to->bytes,
        &(struct build_tensor){ .name = turn->name,
                                .data_type = shown->dtype == PARE_F16 ? ONNX_FLOAT16 : ONNX_FLOAT,
                                .rank = 2,
                                .dims = (int64_t[]){ shown->dims[1], shown->dims[0] } },
        values.length);
    return match_text_insert(r->to, &values, err);
}

static bool put_graph(const struct remaking *r, const struct wire_field *field,
                      struct pare_error *err)
{
    const struct onnx_match *m = r->m;
    struct match_text inner;
    match_text_init(&inner);
    struct remaking inside = { m, &inner };
    bool ok = put_fields(&inside, field->at, field->end, put_graph_field, err);
    size_t turn = m->turns_of[scope_at(m->onnx, field->at)].first;
    for (; ok && turn; turn = m->turns[turn - 1].next)
        ok = put_turn(&inside, &m->turns[turn - 1], err);
    ok = ok && match_text_message(r->to, field->number, &inner, err);
    match_text_done(&inner);
    return ok;
}

static bool put_attribute_field(const struct remaking *r, const struct wire_field *field,
                                struct pare_error *err)
{
    bool graph = field->number == ATTRIBUTE_GRAPH || field->number == ATTRIBUTE_GRAPHS;
    return graph ? put_graph(r, field, err) : put_bytes(r, field->tag_at, field->end, err);
}

/* ---- nodes ---- */

static bool put_attribute(const struct remaking *r, const struct match_attribute *from,
                          bool has_graph, struct pare_error *err)
{
    if (has_graph) {
        struct wire_field field = { .number = NODE_ATTRIBUTE, .at = from->at, .end = from->end };
        return put_message(r, &field, put_attribute_field, err);
    }
    wire_put_head(&r->to->bytes, NODE_ATTRIBUTE, from->end - from->at);
    return put_bytes(r, from->at, from->end, err);
}

/* Attributes as the source has them, in the order of their names. */
static bool put_attributes(const struct remaking *r, const struct match_node *from,
                           struct pare_error *err)
{
    if (from->source < 0)
        return true;
    const struct onnx_node *source = &r->m->onnx->nodes[from->source];
    struct match_attribute *list;
    struct arena arena = { 0 };
    size_t count = 0;
    bool ok = match_read_attributes(r->m->model, source, &arena, &list, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        if (!from->without || strcmp(list[i].name, from->without) != 0)
            ok = put_attribute(r, &list[i], source->has_graph, err);
    arena_done(&arena);
    return ok;
}

/* Everything but the operands. */
static bool put_rest(const struct remaking *r, const struct wire_field *field,
                     struct pare_error *err)
{
    return field->number == 1 || field->number == 2 || put_bytes(r, field->tag_at, field->end, err);
}

struct match_node match_made_anew(const struct onnx *onnx, int index)
{
    const struct onnx_node *node = &onnx->nodes[index];
    return (struct match_node){ .op = node->op,
                                .name = node->name,
                                .domain = "",
                                .inputs = node->inputs,
                                .outputs = node->outputs,
                                .input_count = node->input_count,
                                .output_count = node->output_count,
                                .source = index };
}

bool match_write_node(const struct onnx_match *m, const struct match_node *from,
                      struct match_text *to, struct pare_error *err)
{
    struct buf *text = &to->bytes;
    const struct remaking r = { m, to };
    for (int i = 0; i < from->input_count; i++)
        wire_put_text(text, 1, from->inputs[i]);
    for (int i = 0; i < from->output_count; i++)
        wire_put_text(text, 2, from->outputs[i]);
    if (from->keeps_rest) {
        const struct onnx_node *source = &m->onnx->nodes[from->source];
        return put_fields(&r, source->at, source->cut.end, put_rest, err) && buf_ok(text, err);
    }
    if (*from->name)
        wire_put_text(text, 3, from->name);
    wire_put_text(text, 4, from->op);
    if (!put_attributes(&r, from, err))
        return false;
    if (from->setting)
        build_setting(text, &(struct build_int){ from->setting, from->setting_value });
    if (*from->domain)
        wire_put_text(text, 7, from->domain);
    return buf_ok(text, err);
}
