/* SPDX-License-Identifier: MIT */
#include "format/onnx_build.h"

#include "base/buf.h"
#include "format/onnx.h"

enum { MESSAGE_MAX = 8 * WIRE_STRING_MAX };

/* AttributeProto.AttributeType */
enum { ATTRIBUTE_INT = 2, ATTRIBUTE_INTS = 7 };

/* A message inside another: appended as a field, its failure with it. */
static void put_message(struct buf *outer, int number, struct buf *inner)
{
    wire_put_bytes(outer, number, buf_string(inner), inner->length);
    outer->over_ceiling = outer->over_ceiling || inner->over_ceiling;
    outer->no_memory = outer->no_memory || inner->no_memory;
    buf_done(inner);
}

static void put_attribute(struct buf *node, const char *name, const int64_t *ints, int count,
                          bool list)
{
    struct buf attribute;
    buf_init(&attribute, MESSAGE_MAX);
    wire_put_text(&attribute, 1, name);
    for (int i = 0; i < count; i++)
        wire_put_int(&attribute, list ? 8 : 3, ints[i]);
    wire_put_int(&attribute, 20, list ? ATTRIBUTE_INTS : ATTRIBUTE_INT);
    put_message(node, 5, &attribute);
}

void build_setting(struct buf *node, const struct build_int *setting)
{
    put_attribute(node, setting->name, &setting->value, 1, false);
}

void build_node(struct buf *graph, const struct build_node *from)
{
    static const int64_t swapped[2] = { 1, 0 };
    struct buf node;
    buf_init(&node, MESSAGE_MAX);
    for (int i = 0; i < BUILD_OPERANDS_MAX && from->inputs[i]; i++)
        wire_put_text(&node, 1, from->inputs[i]);
    for (int i = 0; i < BUILD_OPERANDS_MAX && from->outputs[i]; i++)
        wire_put_text(&node, 2, from->outputs[i]);
    wire_put_text(&node, 3, from->name);
    wire_put_text(&node, 4, from->op);
    if (from->to)
        put_attribute(&node, "to", &from->to, 1, false);
    if (from->swap_matrix)
        put_attribute(&node, "perm", swapped, 2, true);
    for (int i = 0; i < BUILD_INTS_MAX && from->ints[i].name; i++)
        put_attribute(&node, from->ints[i].name, &from->ints[i].value, 1, false);
    if (from->domain)
        wire_put_text(&node, 7, from->domain);
    put_message(graph, GRAPH_NODE, &node);
}

static void put_tensor(struct buf *body, const struct build_tensor *tensor)
{
    for (int i = 0; i < tensor->rank; i++)
        wire_put_int(body, TENSOR_DIMS, tensor->dims[i]);
    wire_put_int(body, TENSOR_TYPE, tensor->data_type);
    wire_put_text(body, TENSOR_NAME, tensor->name);
}

void build_initializer(struct buf *graph, const struct build_tensor *tensor, int64_t length)
{
    struct buf body;
    buf_init(&body, MESSAGE_MAX);
    put_tensor(&body, tensor);
    wire_put_head(&body, TENSOR_RAW, length);
    wire_put_head(graph, GRAPH_INITIALIZER, (int64_t)body.length + length);
    buf_add(graph, buf_string(&body), body.length);
    graph->over_ceiling = graph->over_ceiling || body.over_ceiling;
    graph->no_memory = graph->no_memory || body.no_memory;
    buf_done(&body);
}

void build_external(struct buf *graph, const struct build_tensor *tensor, const struct buf *entries)
{
    struct buf body;
    buf_init(&body, MESSAGE_MAX);
    put_tensor(&body, tensor);
    buf_add(&body, buf_string(entries), entries->length);
    wire_put_int(&body, TENSOR_LOCATION, 1);
    put_message(graph, GRAPH_INITIALIZER, &body);
}

void build_input(struct buf *graph, const struct build_tensor *tensor)
{
    struct buf shape, dim, type, tensor_type, value;
    buf_init(&shape, MESSAGE_MAX);
    buf_init(&dim, MESSAGE_MAX);
    buf_init(&type, MESSAGE_MAX);
    buf_init(&tensor_type, MESSAGE_MAX);
    buf_init(&value, MESSAGE_MAX);
    wire_put_int(&tensor_type, 1, tensor->data_type);
    for (int i = 0; i < tensor->rank; i++) {
        wire_put_int(&dim, 1, tensor->dims[i]);
        put_message(&shape, 1, &dim);
    }
    put_message(&tensor_type, 2, &shape);
    put_message(&type, 1, &tensor_type);
    wire_put_text(&value, 1, tensor->name);
    put_message(&value, 2, &type);
    put_message(graph, GRAPH_INPUT, &value);
}
