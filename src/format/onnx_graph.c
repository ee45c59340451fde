/* SPDX-License-Identifier: MIT */
/* Graphs and their nodes, into the index. */
#include <string.h>

#include "base/error.h"
#include "format/onnx.h"

/* Numbers of an attribute's fields that hold tensors and graphs. */
enum {
    ATTRIBUTE_TENSOR = 5,
    ATTRIBUTE_GRAPH = 6,
    ATTRIBUTE_TENSORS = 10,
    ATTRIBUTE_GRAPHS = 11,
    ATTRIBUTE_SPARSE = 22,
    ATTRIBUTE_SPARSES = 23,
};

/* A node while its fields go by. */
struct node_reading {
    struct onnx_reader *reader;
    struct wire wire;
    struct wire_field field; /* the node itself */
    struct onnx_node node;
    int graph_message, message; /* message -1 until something inside needs it */
    int depth, index;
    size_t input_room, output_room;
    struct onnx_gemm gemm;
};

static bool note_operand(struct node_reading *n, const struct wire_field *field, bool input,
                         struct pare_error *err)
{
    struct model *model = n->reader->model;
    const char ***names = input ? &n->node.inputs : &n->node.outputs;
    int *count = input ? &n->node.input_count : &n->node.output_count;
    size_t *room = input ? &n->input_room : &n->output_room;
    const char *name;
    if (!wire_string(&n->wire, field, "a value's name", &model->arena, &name, err) ||
        !onnx_grow(model, names, (size_t)*count, room, sizeof(**names), ONNX_VALUES_MAX,
                   "inputs or outputs of one node", err))
        return false;
    (*names)[(*count)++] = name;
    if (!*name)
        return true;
    if (!onnx_mention(model, name, input ? ONNX_USED : ONNX_MADE, n->index, *count - 1, err))
        return false;
    struct onnx *onnx = n->reader->onnx;
    onnx->mentions[onnx->mention_count - 1].cut = (struct onnx_cut){ field->tag_at, field->end };
    return true;
}

/* The message of this node, numbered when first needed. */
static bool node_message(struct node_reading *n, struct pare_error *err)
{
    return n->message >= 0 ||
           onnx_message(n->reader->model, &n->field, n->graph_message, &n->message, err);
}

/* A matrix's shape on a tensor that holds its non-zero values: it is listed and never read. */
static void show_dense(struct tensor *t, const int64_t *dims, size_t rank)
{
    t->shown.rank = (int)rank;
    memcpy(t->shown.dims, dims, rank * sizeof(*dims));
    t->file_offset = -1;
    t->unreadable = "it is stored sparse";
}

/* Indices are no weight: they are listed where their values are elsewhere, as one row. */
static void show_flat(struct tensor *t)
{
    t->shown.rank = 1;
    t->shown.dims[0] = t->shown.element_count;
}

/* SparseTensorProto: values 1, indices 2, dims 3. `name` NULL: it has its values' name. */
static bool read_sparse(struct onnx_reader *reader, const struct wire *graph,
                        const struct wire_field *outer, int parent, const char *name,
                        struct pare_error *err)
{
    struct model *model = reader->model;
    struct wire wire;
    struct wire_field field;
    struct onnx_tensor own;
    int64_t dims[PARE_RANK_MAX] = { 0 };
    size_t rank = 0, values = SIZE_MAX;
    int message;
    bool kept;
    if (!wire_enter(graph, outer, "a sparse tensor", &wire, err) ||
        !onnx_message(model, outer, parent, &message, err))
        return false;
    for (bool more;;) {
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            break;
        if (field.number == 3 && !wire_ints(&wire, &field, "dims", dims, PARE_RANK_MAX, &rank, err))
            return false;
        if (field.number != 1 && field.number != 2)
            continue;
        if (!onnx_read_tensor(reader, &wire, &field, message,
                              field.number == 1 ? ONNX_KEEP_ALL : ONNX_KEEP_LARGE, &own, &kept,
                              err))
            return false;
        if (!kept)
            continue;
        size_t last = model->tensor_count - 1;
        reader->onnx->tensors[last].scope = ONNX_SCOPE_SPARSE;
        values = field.number == 1 ? last : values;
        if (field.number == 2)
            show_flat(&model->tensors[last]);
    }
    if (values == SIZE_MAX)
        return true;
    for (size_t i = 0; i < rank; i++)
        if (dims[i] < 0)
            return error_set(err, PARE_ERR_FORMAT, "dimension %zu of a sparse tensor is %lld", i,
                             (long long)dims[i]);
    struct tensor *t = &model->tensors[values];
    show_dense(t, dims, rank);
    if (!name)
        return onnx_mention(model, t->shown.name, ONNX_MADE, -1, 0, err);
    t->shown.name = name;
    return true;
}

/* A tensor in an attribute. A Constant's is a value of the graph; another node's is its own. */
static bool read_attribute_tensor(struct node_reading *n, const struct wire *attribute,
                                  const struct wire_field *field, int message,
                                  struct pare_error *err)
{
    struct model *model = n->reader->model;
    struct onnx_tensor own;
    bool kept, constant = !strcmp(n->node.op, "Constant") && field->number == ATTRIBUTE_TENSOR;
    if (!onnx_read_tensor(n->reader, attribute, field, message,
                          constant ? ONNX_KEEP_FLOATS : ONNX_KEEP_LARGE, &own, &kept, err))
        return false;
    if (constant || !strcmp(n->node.op, "ConstantOfShape")) {
        n->node.made = own.dtype;
        n->node.absmax = own.absmax;
    }
    if (constant) {
        n->node.ints = own.ints;
        n->node.int_count = own.int_count;
    }
    if (!kept)
        return true;
    size_t last = model->tensor_count - 1;
    model->tensors[last].shown.name = n->node.output_count && constant ? n->node.outputs[0] : "";
    n->reader->onnx->tensors[last].scope = constant ? n->node.scope : ONNX_SCOPE_ATTRIBUTE;
    n->reader->onnx->tensors[last].node = n->index;
    if (constant)
        n->node.tensor = (int)last;
    return true;
}

/* Tensors and graphs in an attribute; other values are looked at where the operator is known. */
static bool read_inner(struct node_reading *n, const struct wire *attribute,
                       const struct wire_field *outer, const struct wire_field *field,
                       struct pare_error *err)
{
    struct model *model = n->reader->model;
    struct wire graph;
    int message, graph_message;
    if (!node_message(n, err) || !onnx_message(model, outer, n->message, &message, err))
        return false;
    if (field->number == ATTRIBUTE_TENSOR || field->number == ATTRIBUTE_TENSORS)
        return read_attribute_tensor(n, attribute, field, message, err);
    if (field->number == ATTRIBUTE_SPARSE || field->number == ATTRIBUTE_SPARSES) {
        bool constant = !strcmp(n->node.op, "Constant") && n->node.output_count;
        return read_sparse(n->reader, attribute, field, message, constant ? n->node.outputs[0] : "",
                           err);
    }
    n->node.has_graph = true;
    return wire_enter(attribute, field, "a subgraph", &graph, err) &&
           onnx_message(model, field, message, &graph_message, err) &&
           onnx_read_graph(n->reader, graph, graph_message, n->depth + 1, err);
}

/* A number, a text or a list of them as a Constant's value. */
static void note_constant(struct node_reading *n, const struct wire_field *field)
{
    static const unsigned char types[] = { [2] = PARE_F32, [3] = PARE_I64, [4] = PARE_STRING,
                                           [7] = PARE_F32, [8] = PARE_I64, [9] = PARE_STRING };
    if (field->number >= (int)ARRAY_SIZE(types) || !types[field->number])
        return;
    uint32_t bits = field->type == WIRE_FIXED32 ? (uint32_t)field->value & INT32_MAX : UINT32_MAX;
    n->node.made = (enum pare_dtype)types[field->number];
    n->node.absmax = MAX(n->node.absmax, bits);
}

static bool note_number(struct node_reading *n, const char *name, int64_t i, float f)
{
    if (!strcmp(name, "to"))
        n->node.made = onnx_dtype(i);
    else if (!strcmp(name, "alpha"))
        n->gemm.alpha = f;
    else if (!strcmp(name, "beta"))
        n->gemm.beta = f;
    else if (!strcmp(name, "transA"))
        n->gemm.trans_a = i != 0;
    else if (!strcmp(name, "transB"))
        n->gemm.trans_b = i != 0;
    else if (!strcmp(name, "axis"))
        n->node.axis = i;
    return true;
}

static bool read_attribute(struct node_reading *n, const struct wire_field *outer,
                           struct pare_error *err)
{
    struct wire wire;
    struct wire_field field;
    struct arena *arena = &n->reader->model->arena;
    const char *name = "";
    int64_t i = 0, ints[ONNX_INTS_MAX];
    size_t int_count = 0;
    float f = 0;
    bool gemm = !strcmp(n->node.op, "Gemm"),
         ints_wanted = !strcmp(n->node.op, "Transpose") || !strcmp(n->node.op, "Unsqueeze");
    bool cast = !strcmp(n->node.op, "Cast"), constant = !strcmp(n->node.op, "Constant");
    bool gather = !strcmp(n->node.op, "Gather");
    if (!wire_enter(&n->wire, outer, "an attribute", &wire, err))
        return false;
    for (bool more;;) {
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            break;
        bool ok = true;
        if (field.number == ATTRIBUTE_TENSOR || field.number == ATTRIBUTE_GRAPH ||
            field.number == ATTRIBUTE_TENSORS || field.number == ATTRIBUTE_GRAPHS ||
            field.number == ATTRIBUTE_SPARSE || field.number == ATTRIBUTE_SPARSES)
            ok = read_inner(n, &wire, outer, &field, err);
        else if (field.number == 1 && (gemm || cast || gather))
            ok = wire_string(&wire, &field, "an attribute's name", arena, &name, err);
        else if (field.number == 2 && gemm)
            ok = wire_float(&field, "an attribute", &f, err);
        else if (field.number == 3 && (gemm || cast || gather))
            ok = wire_int(&field, "an attribute", &i, err);
        else if (field.number == 8 && ints_wanted)
            ok = wire_ints(&wire, &field, "an attribute", ints, ONNX_INTS_MAX, &int_count, err);
        else if (constant)
            note_constant(n, &field);
        if (!ok)
            return false;
    }
    if (int_count) {
        int64_t *copy = arena_array(arena, int_count, sizeof(*copy));
        if (!copy)
            return error_no_memory(err, int_count * sizeof(*copy));
        n->node.ints = memcpy(copy, ints, int_count * sizeof(*copy));
        n->node.int_count = (int)int_count;
    }
    return note_number(n, name, i, f);
}

static bool read_node_field(struct node_reading *n, const struct wire_field *field,
                            struct pare_error *err)
{
    struct arena *arena = &n->reader->model->arena;
    switch (field->number) {
    case 1:
    case 2:
        return note_operand(n, field, field->number == 1, err);
    case 3:
        return wire_string(&n->wire, field, "a node's name", arena, &n->node.name, err);
    case 4:
        return wire_string(&n->wire, field, "an operator", arena, &n->node.op, err);
    case 7:
        return wire_string(&n->wire, field, "a domain", arena, &n->node.domain, err);
    default:
        return true;
    }
}

/* Once for the names, and, when the operator is known, once for the attributes. */
static bool read_node_fields(struct node_reading *n, bool attributes, struct pare_error *err)
{
    struct wire_field field;
    n->wire = wire_begin(n->wire.reader, n->field.at, n->field.end);
    for (bool more;;) {
        if (!wire_next(&n->wire, &field, &more, err))
            return false;
        if (!more)
            return true;
        if (attributes ? field.number == 5 && !read_attribute(n, &field, err)
                       : !read_node_field(n, &field, err))
            return false;
    }
}

static bool finish_node(struct node_reading *n, struct pare_error *err)
{
    struct model *model = n->reader->model;
    if (!strcmp(n->node.op, "Gemm")) {
        struct onnx_gemm *gemm = arena_alloc(&model->arena, sizeof(*gemm));
        if (!gemm)
            return error_no_memory(err, sizeof(*gemm));
        *gemm = n->gemm;
        n->node.gemm = gemm;
    }
    if (!strcmp(n->node.op, "ConstantOfShape") && n->node.made == PARE_UNKNOWN)
        n->node.made = PARE_F32;
    n->node.message = n->message;
    n->reader->onnx->nodes[n->index] = n->node;
    return true;
}

static bool read_node(struct onnx_reader *reader, const struct wire *graph,
                      const struct wire_field *field, int message, int scope, int depth,
                      struct pare_error *err)
{
    struct onnx *onnx = reader->onnx;
    struct node_reading n = { .reader = reader,
                              .field = *field,
                              .graph_message = message,
                              .message = -1,
                              .depth = depth,
                              .index = (int)onnx->node_count,
                              .gemm = { .alpha = 1, .beta = 1 } };
    n.node = (struct onnx_node){ .name = "", .op = "", .domain = "", .scope = scope, .tensor = -1 };
    n.node.cut = (struct onnx_cut){ field->tag_at, field->end };
    n.node.at = field->at;
    if (!wire_enter(graph, field, "a node", &n.wire, err) ||
        !onnx_grow(reader->model, &onnx->nodes, onnx->node_count, &onnx->node_room,
                   sizeof(*onnx->nodes), ONNX_NODES_MAX, "nodes", err))
        return false;
    /* Its place first: nodes of a subgraph inside come after it. */
    onnx->nodes[onnx->node_count++] = n.node;
    if (!read_node_fields(&n, false, err) || !read_node_fields(&n, true, err))
        /* Of nodes in nodes the outermost says where. */
        return depth == 0 && error_prefix(err, "node \"%.200s\" at byte %lld", n.node.name,
                                          (long long)field->tag_at);
    return finish_node(&n, err);
}

static bool read_initializer(struct onnx_reader *reader, const struct wire *graph,
                             const struct wire_field *field, int message, int scope,
                             struct pare_error *err)
{
    struct onnx_tensor own;
    bool kept;
    if (!onnx_read_tensor(reader, graph, field, message, ONNX_KEEP_ALL, &own, &kept, err))
        return false;
    size_t last = reader->model->tensor_count - 1;
    const char *name = reader->model->tensors[last].shown.name;
    reader->onnx->tensors[last].scope = scope;
    return onnx_mention(reader->model, name, ONNX_TENSOR, (int)last, 0, err);
}

/* What the main graph tells of a value's type. */
static bool note_type(struct onnx_reader *reader, const struct wire *graph,
                      const struct wire_field *field, struct pare_error *err)
{
    struct onnx *onnx = reader->onnx;
    struct onnx_typed typed;
    const char *name;
    if (!onnx_read_type(reader, graph, field, &name, &typed, err) ||
        !onnx_grow(reader->model, &onnx->typed, onnx->typed_count, &onnx->typed_room,
                   sizeof(*onnx->typed), 2 * ONNX_NODES_MAX, "values with a type", err))
        return false;
    onnx->typed[onnx->typed_count++] = typed;
    return onnx_mention(reader->model, name, ONNX_TYPED, (int)onnx->typed_count - 1, 0, err);
}

/* The main graph's inputs and outputs are facts of the model. */
static bool read_value(struct onnx_reader *reader, const struct wire *graph,
                       const struct wire_field *field, int scope, struct pare_error *err)
{
    struct onnx *onnx = reader->onnx;
    const char *name, *words;
    bool input = field->number == GRAPH_INPUT;
    if (!onnx_read_value(reader, graph, field, &name, &words, err))
        return false;
    if (scope != 0)
        return onnx_mention(reader->model, name, input ? ONNX_MADE : ONNX_OUTPUT, -1, scope, err);
    if (input) {
        if (!onnx_grow(reader->model, &onnx->inputs, onnx->input_count, &onnx->input_room,
                       sizeof(*onnx->inputs), ONNX_TENSORS_MAX, "inputs of the graph", err))
            return false;
        onnx->inputs[onnx->input_count++] = (struct onnx_cut){ field->tag_at, field->end };
    }
    return note_type(reader, graph, field, err) &&
           onnx_mention(reader->model, name, input ? ONNX_INPUT : ONNX_OUTPUT,
                        input ? (int)onnx->input_count - 1 : 0, 0, err) &&
           onnx_fact(reader->model, input ? "input" : "output", words, err);
}

static bool read_graph_field(struct onnx_reader *reader, const struct wire *graph,
                             const struct wire_field *field, int message, int scope, int depth,
                             struct pare_error *err)
{
    struct onnx *onnx = reader->onnx;
    switch (field->number) {
    case GRAPH_NODE:
        if (onnx->scopes[scope].first_node_at < 0)
            onnx->scopes[scope].first_node_at = field->tag_at;
        return read_node(reader, graph, field, message, scope, depth, err);
    case GRAPH_INITIALIZER:
        return read_initializer(reader, graph, field, message, scope, err);
    case GRAPH_SPARSE:
        return read_sparse(reader, graph, field, message, NULL, err);
    case GRAPH_INPUT:
    case GRAPH_OUTPUT:
        return read_value(reader, graph, field, scope, err);
    case GRAPH_VALUE:
        return scope != 0 || note_type(reader, graph, field, err);
    default:
        return true;
    }
}

bool onnx_read_graph(struct onnx_reader *reader, struct wire graph, int message, int depth,
                     struct pare_error *err)
{
    struct onnx *onnx = reader->onnx;
    int scope = (int)onnx->scope_count;
    struct wire_field field;
    if (depth > ONNX_DEPTH_MAX)
        return error_set(err, PARE_ERR_FORMAT, "subgraphs nested deeper than %d", ONNX_DEPTH_MAX);
    if (!onnx_grow(reader->model, &onnx->scopes, onnx->scope_count, &onnx->scope_room,
                   sizeof(*onnx->scopes), ONNX_NODES_MAX, "graphs", err))
        return false;
    onnx->scopes[onnx->scope_count++] = (struct onnx_scope){ message, -1 };
    for (bool more;;) {
        if (!wire_next(&graph, &field, &more, err))
            return false;
        if (!more)
            break;
        if (!read_graph_field(reader, &graph, &field, message, scope, depth, err))
            return false;
    }
    if (onnx->scopes[scope].first_node_at < 0)
        onnx->scopes[scope].first_node_at = onnx->messages[message].end;
    return true;
}
