/* SPDX-License-Identifier: MIT */
/* ONNX: what tensors feed, where their values are, and one clear sentence for what is no model. */
#include "format/format.h"

#include <stdlib.h>

#include "base/error.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "format/source.h"
#include "tap.h"

static struct model *open_file(const struct buf *file, struct pare_error *err)
{
    struct source *source;
    struct model *model = NULL;
    err->text[0] = '\0';
    if (!source_open_memory("m.onnx", buf_string(file), file->length, &source, err) ||
        !model_open(source, &model, err))
        return NULL;
    return model;
}

static struct model *open_made(struct maker *m, struct buf *file)
{
    struct pare_error err;
    maker_finish(m, file);
    struct model *model = open_file(file, &err);
    if (!model) {
        printf("# %s\n", err.text);
        abort();
    }
    return model;
}

static const struct tensor *find(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!strcmp(model->tensors[i].shown.name, name))
            return &model->tensors[i];
    return NULL;
}

static const int64_t matrix[2] = { 6, 4 };
static const int64_t kernel4[4] = { 8, 3, 3, 3 };

static void tensors_are_found(void)
{
    struct maker m;
    struct buf file;
    struct pare_error err;
    float value = 0;
    maker_init(&m);
    maker_weight(&m, "W", 2, matrix, 1);
    maker_node(&m, "MatMul", "product", "x", "W", "y");
    struct model *model = open_made(&m, &file);
    const struct tensor *t = find(model, "W");
    OK(t && t->shown.dtype == PARE_F32 && t->shown.rank == 2 && t->shown.dims[1] == 4 &&
           t->shown.element_count == 24 && t->shown.size_bytes == 96,
       "an initializer has its shape and size");
    IS(t->shown.op, "MatMul", "it knows the operator it feeds");
    IS(t->shown.node, "product", "and that node's name");
    OK(model_read(model, t, 4 * 5, 4, &value, &err) && value == maker_value(1, 5),
       "its values are read from the middle");
    OK(!model_read(model, t, 95, 4, &value, &err), "but not past its end");
    model_close(model);
    buf_done(&file);
}

/* One model of one weight and the nodes that `add` makes; what is W then? */
static struct tensor weigh(int64_t opset, int rank, const int64_t *dims,
                           void (*add)(struct maker *))
{
    struct maker m;
    struct buf file;
    maker_init(&m);
    m.opset = opset;
    maker_weight(&m, "W", rank, dims, 1);
    add(&m);
    struct model *model = open_made(&m, &file);
    struct tensor t = *find(model, "W");
    t.shown.name = t.shown.op = t.shown.node = NULL; /* they go with the model */
    model_close(model);
    buf_done(&file);
    return t;
}

static void add_matmul(struct maker *m)
{
    maker_node(m, "MatMul", "", "x", "W", "y");
}

static void add_left_matmul(struct maker *m)
{
    maker_node(m, "MatMul", "", "W", "x", "y");
}

static void add_conv(struct maker *m)
{
    maker_node(m, "Conv", "", "x", "W", "y");
}

static void add_gather(struct maker *m)
{
    maker_node(m, "Gather", "", "W", "i", "y");
}

static void add_matmul_and_gather(struct maker *m)
{
    add_gather(m);
    maker_node(m, "MatMul", "", "x", "W", "z");
}

static void add_transposed_matmul(struct maker *m)
{
    build_node(&m->graph, &(struct build_node){ .op = "Transpose",
                                                .name = "",
                                                .inputs = { "W" },
                                                .outputs = { "T" },
                                                .swap_matrix = true });
    maker_node(m, "MatMul", "", "x", "T", "y");
}

static void add_nothing(struct maker *m)
{
    maker_node(m, "Relu", "", "x", NULL, "y");
}

static void add_twice(struct maker *m)
{
    maker_weight(m, "W", 2, matrix, 2);
    add_matmul(m);
}

/* A node with a matrix among its attributes, whose output has the name of no weight. */
static void add_attribute_tensor(struct maker *m)
{
    struct buf tensor, attribute, node;
    buf_init(&tensor, 1000);
    buf_init(&attribute, 1000);
    buf_init(&node, 1000);
    for (int i = 0; i < 2; i++)
        wire_put_int(&tensor, TENSOR_DIMS, 1);
    wire_put_int(&tensor, TENSOR_TYPE, ONNX_FLOAT);
    wire_put_bytes(&tensor, TENSOR_RAW, "\0\0\0\0", 4);
    wire_put_text(&attribute, 1, "table");
    wire_put_bytes(&attribute, 10, tensor.data, tensor.length);
    wire_put_text(&node, 2, "made");
    wire_put_text(&node, 4, "Custom");
    wire_put_bytes(&node, 5, attribute.data, attribute.length);
    wire_put_bytes(&m->graph, GRAPH_NODE, node.data, node.length);
    maker_node(m, "MatMul", "", "made", "W", "y");
    buf_done(&tensor);
    buf_done(&attribute);
    buf_done(&node);
}

static void weights_are_weighed(void)
{
    struct tensor t = weigh(17, 2, matrix, add_matmul);
    OK(t.weight && t.int8 == INT8_DYNAMIC && t.channel_axis == 1,
       "a MatMul's weight can be dynamic int8, its channels are the columns");
    t = weigh(10, 2, matrix, add_matmul);
    OK(t.weight && t.int8 == INT8_WEIGHT_ONLY, "before opset 11 it is weight-only");
    t = weigh(6, 2, matrix, add_matmul);
    OK(t.weight && t.int8 == INT8_NONE && t.no_int8, "before opset 7 there is no int8");
    t = weigh(17, 2, matrix, add_left_matmul);
    OK(t.weight && t.int8 == INT8_WEIGHT_ONLY && t.channel_axis == 0,
       "on the left its channels are the rows, and it is weight-only");
    t = weigh(17, 4, kernel4, add_conv);
    OK(t.weight && t.int8 == INT8_WEIGHT_ONLY && t.channel_axis == 0,
       "a Conv's weight is weight-only, its channels are the first axis");
    t = weigh(17, 2, matrix, add_gather);
    OK(!t.weight && !strcmp(t.no_weight, "it feeds no MatMul, Gemm, Conv or the like") &&
           t.int8 == INT8_LOOKUP,
       "a Gather's table is no weight, and the reason says so; int8 has a form for it");
    t = weigh(17, 2, matrix, add_matmul_and_gather);
    OK(t.weight && t.int8 == INT8_WEIGHT_ONLY, "shared with a Gather it is weight-only");
    t = weigh(17, 2, matrix, add_transposed_matmul);
    OK(t.weight && t.int8 == INT8_WEIGHT_ONLY && t.channel_axis == 0,
       "behind a Transpose the axis is followed back");
    t = weigh(17, 2, matrix, add_nothing);
    OK(!t.weight && !strcmp(t.no_weight, "no operator uses it"), "unused is said so");
    t = weigh(17, 2, matrix, add_twice);
    OK(!t.weight && !strcmp(t.no_weight, "its name is defined more than once"),
       "a name with two meanings is left alone");
    static const int64_t vector[1] = { 24 };
    t = weigh(17, 1, vector, add_matmul);
    OK(!t.weight && t.no_weight, "a vector is no weight");
    t = weigh(17, 1, vector, add_conv);
    OK(!t.weight && t.no_weight, "not even a Conv's");
    static const int64_t tall[2] = { 70000, 2 };
    t = weigh(17, 2, tall, add_matmul);
    OK(t.weight && t.int8 == INT8_WEIGHT_ONLY,
       "a product of more terms than an int32 sum holds is not dynamic");
    t = weigh(17, 2, matrix, add_attribute_tensor);
    OK(t.weight && t.int8 == INT8_DYNAMIC, "a tensor that is a node's setting is nobody's input");
}

static void refused(const char *what, const void *bytes, size_t length, const char *expected)
{
    struct buf file;
    struct pare_error err;
    buf_init(&file, MAKER_MAX);
    buf_add(&file, bytes, length);
    struct model *model = open_file(&file, &err);
    IS(model ? "it opened" : err.text, expected, what);
    model_close(model);
    buf_done(&file);
}

static void what_is_no_model_is_named(void)
{
    refused("an empty file", "", 0, "m.onnx: the file is empty, a model was expected");
    refused("a Git LFS pointer", "version https://git-lfs.github.com/spec/v1", 42,
            "m.onnx: not an ONNX model: it is a Git LFS pointer; fetch the model itself with git "
            "lfs pull");
    refused("a PyTorch zip, cut short", "PK\003\004....", 8, "m.onnx: 8 bytes are no zip archive");
    refused("text", "hello, world", 12,
            "m.onnx: not an ONNX model, or a damaged one: field 13 at byte 2 is of the unknown "
            "kind 4");
    refused("a message without a graph", "\x08\x08", 2,
            "m.onnx: not an ONNX model: there is no graph in it");
    refused("a graph without a version", "\x3a\x00", 2,
            "m.onnx: not an ONNX model: it has no ir_version");
    refused("two graphs", "\x08\x08\x3a\x00\x3a\x00", 6,
            "m.onnx: a second graph at byte 4; a model with one was expected");
}

static void every_truncation_is_refused(void)
{
    struct maker m;
    struct buf file, cut;
    struct pare_error err;
    maker_init(&m);
    maker_weight(&m, "W", 2, matrix, 1);
    maker_node(&m, "MatMul", "product", "x", "W", "y");
    maker_finish(&m, &file);
    bool ok = true, said = false;
    /* The graph ends before the opset: from there on a shorter file is a whole one. */
    for (size_t n = 0; n + 5 < file.length; n++) {
        buf_init(&cut, MAKER_MAX);
        buf_add(&cut, file.data, n);
        struct model *model = open_file(&cut, &err);
        ok = ok && !model && err.text[0];
        said = said || strstr(err.text, "damaged or cut short");
        model_close(model);
        buf_done(&cut);
    }
    OK(ok, "a file cut anywhere is refused with a sentence");
    OK(said, "which says that it is cut short");
    buf_done(&file);
}

/* A model whose one TensorProto is what `put` writes. */
static void refused_tensor(const char *what, void (*put)(struct buf *), const char *expected)
{
    struct maker m;
    struct buf tensor, file;
    struct pare_error err;
    maker_init(&m);
    buf_init(&tensor, 10000);
    put(&tensor);
    wire_put_bytes(&m.graph, GRAPH_INITIALIZER, tensor.data, tensor.length);
    buf_done(&tensor);
    maker_finish(&m, &file);
    struct model *model = open_file(&file, &err);
    OK(!model && strstr(err.text, expected), what);
    if (model || !strstr(err.text, expected))
        printf("#  got: %s\n# want: %s\n", model ? "it opened" : err.text, expected);
    model_close(model);
    buf_done(&file);
}

static void put_float_tensor(struct buf *to, const int64_t *dims, int rank)
{
    for (int i = 0; i < rank; i++)
        wire_put_int(to, TENSOR_DIMS, dims[i]);
    wire_put_int(to, TENSOR_TYPE, ONNX_FLOAT);
    wire_put_text(to, TENSOR_NAME, "W");
}

static void put_short(struct buf *to)
{
    put_float_tensor(to, matrix, 2);
    wire_put_bytes(to, TENSOR_RAW, "1234", 4);
}

static void put_negative(struct buf *to)
{
    put_float_tensor(to, (const int64_t[]){ -1, 4 }, 2);
}

static void put_overflow(struct buf *to)
{
    put_float_tensor(to, (const int64_t[]){ INT64_C(1) << 40, INT64_C(1) << 40 }, 2);
}

static void put_deep(struct buf *to)
{
    int64_t dims[PARE_RANK_MAX + 1] = { 0 };
    put_float_tensor(to, dims, PARE_RANK_MAX + 1);
}

static void put_external(struct buf *to, const char *location, const char *offset)
{
    struct buf entry;
    put_float_tensor(to, matrix, 2);
    for (int i = 0; i < 2; i++) {
        buf_init(&entry, 5000);
        wire_put_text(&entry, 1, i ? "offset" : "location");
        wire_put_text(&entry, 2, i ? offset : location);
        wire_put_bytes(to, TENSOR_EXTERNAL, entry.data, entry.length);
        buf_done(&entry);
    }
    wire_put_int(to, TENSOR_LOCATION, 1);
}

static void put_outside(struct buf *to)
{
    put_external(to, "../../etc/passwd", "0");
}

static void put_absolute(struct buf *to)
{
    put_external(to, "/etc/passwd", "0");
}

static void put_missing(struct buf *to)
{
    put_external(to, "weights.bin", "0");
}

static void put_past_the_end(struct buf *to)
{
    put_external(to, "m.onnx", "99999999");
}

static void put_bad_offset(struct buf *to)
{
    put_external(to, "m.onnx", "12x");
}

static void hostile_tensors_are_refused(void)
{
    refused_tensor("too few values", put_short,
                   "it has 4 bytes of values, its dimensions as F32 take 96");
    refused_tensor("a negative dimension", put_negative, "dimension 0 is -1");
    refused_tensor("dimensions that overflow", put_overflow,
                   "its dimensions multiply to more elements than can be counted");
    refused_tensor("too many dimensions", put_deep, "has more than 16 numbers");
    refused_tensor("external values outside the folder", put_outside, "not a plain path");
    refused_tensor("external values at an absolute path", put_absolute, "not a plain path");
    refused_tensor("external values in a missing file", put_missing,
                   "its values are in another file, which belongs beside the model: there is no "
                   "file weights.bin");
    refused_tensor("external values past the end", put_past_the_end,
                   "its values are 96 bytes at 99999999 of m.onnx");
    refused_tensor("an offset that is no number", put_bad_offset, "a number was expected");
}

/* If in If in If ...: message 5 attribute, 6 graph. */
static void nesting_has_a_limit(void)
{
    struct maker m;
    struct buf file, graph, node, attribute;
    struct pare_error err;
    maker_init(&m);
    buf_init(&graph, MAKER_MAX);
    for (int i = 0; i < 40; i++) {
        buf_init(&attribute, MAKER_MAX);
        wire_put_text(&attribute, 1, "then_branch");
        wire_put_bytes(&attribute, 6, buf_string(&graph), graph.length);
        buf_init(&node, MAKER_MAX);
        wire_put_text(&node, 4, "If");
        wire_put_bytes(&node, 5, attribute.data, attribute.length);
        buf_clear(&graph);
        wire_put_bytes(&graph, GRAPH_NODE, node.data, node.length);
        buf_done(&attribute);
        buf_done(&node);
    }
    buf_add(&m.graph, graph.data, graph.length);
    buf_done(&graph);
    maker_finish(&m, &file);
    OK(!open_file(&file, &err) && strstr(err.text, "nested deeper than 16"),
       "subgraphs in subgraphs end somewhere");
    buf_done(&file);
}

static void names_may_be_long_or_odd(void)
{
    struct maker m;
    struct buf file, name;
    buf_init(&name, 20000);
    buf_text(&name, "\033[31mred\n");
    for (int i = 0; i < 10000; i++)
        buf_char(&name, 'n');
    maker_init(&m);
    maker_weight(&m, name.data, 2, matrix, 1);
    maker_node(&m, "MatMul", "", "x", name.data, "y");
    struct model *model = open_made(&m, &file);
    OK(model->tensors[0].weight && !strcmp(model->tensors[0].shown.name, name.data),
       "a name of 10 kB with control bytes is a name like any other");
    model_close(model);
    buf_done(&file);
    buf_done(&name);
}

int main(void)
{
    tensors_are_found();
    weights_are_weighed();
    what_is_no_model_is_named();
    every_truncation_is_refused();
    hostile_tensors_are_refused();
    nesting_has_a_limit();
    names_may_be_long_or_odd();
    return tap_done();
}
