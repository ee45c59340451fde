/* SPDX-License-Identifier: MIT */
/*
 * ONNX (onnx.proto3, IR version 3 to 13): the index that the onnx_*.c files share.
 *
 *   ModelProto   ir_version 1, producer_name 2, producer_version 3, graph 7,
 *                opset_import 8, metadata_props 14
 *   GraphProto   node 1, initializer 5, input 11, output 12, value_info 13,
 *                sparse_initializer 15
 *   NodeProto    input 1, output 2, name 3, op_type 4, attribute 5, domain 7
 *   Attribute    name 1, f 2, i 3, t 5, g 6, floats 7, ints 8, tensors 10, graphs 11,
 *                sparse_tensor 22, sparse_tensors 23
 *   ValueInfo    name 1, type 2 { tensor_type 1 { elem_type 1 } }
 *   TensorProto  dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8,
 *                raw_data 9, double_data 10, uint64_data 11, external_data 13, data_location 14
 *
 * The index keeps names and places, never values. The writer copies the file
 * and changes only what it must, so fields that are not listed here survive.
 */
#ifndef PARE_FORMAT_ONNX_H
#define PARE_FORMAT_ONNX_H

#include "format/format.h"
#include "format/wire.h"

enum {
    ONNX_NODES_MAX = 1 << 18,
    ONNX_TENSORS_MAX = 1 << 17,
    ONNX_VALUES_MAX = 1 << 12,  /* inputs or outputs of a node; labels */
    ONNX_DEPTH_MAX = 16,        /* of subgraphs in subgraphs */
    ONNX_INTS_MAX = 16,         /* of a shape or a permutation that is looked at */
    ONNX_INDEX_MAX = 256 << 20, /* bytes of the whole index */
    ONNX_IR_INPUTS_FREE = 4,    /* the IR version from which an initializer need be no input */
};
/* The domain of ONNX Runtime's own operators. */
#define ONNX_CONTRIB "com.microsoft"
#define ONNX_FILE_MAX INT64_C(0x7fffffff) /* protobuf's own limit for a message */

/* Numbers of fields that are written. */
enum {
    MODEL_OPSET = 8,
    MODEL_METADATA = 14,
    MODEL_FUNCTIONS = 25,
    GRAPH_NODE = 1,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_VALUE = 13,
    GRAPH_SPARSE = 15,
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    TENSOR_EXTERNAL = 13,
    TENSOR_LOCATION = 14,
};

/* TensorProto.DataType, as far as it is written. */
enum {
    ONNX_FLOAT = 1,
    ONNX_UINT8 = 2,
    ONNX_INT8 = 3,
    ONNX_FLOAT16 = 10,
    ONNX_BFLOAT16 = 16,
    ONNX_UINT4 = 21,
    ONNX_INT4 = 22
};

/* The opset in which DequantizeLinear takes 4-bit integers in blocks, and the first IR with them. */
enum { ONNX_OPSET_INT4 = 21, ONNX_IR_INT4 = 10 };

/* A message whose length may have to change, because something inside it does. */
struct onnx_message {
    int64_t length_at, at, end; /* its length's varint, and its payload */
    int parent;                 /* the message around it, always of a lower number; -1: the file */
};

/* A field that can be cut out. */
struct onnx_cut {
    int64_t tag_at, end;
};

struct onnx_gemm {
    float alpha, beta;
    bool trans_a, trans_b;
};

struct onnx_node {
    const char *name, *op, *domain;
    const char **inputs, **outputs; /* "" is an input left out */
    int input_count, output_count;
    int scope;           /* 0: the main graph; else the number of a subgraph */
    struct onnx_cut cut; /* the whole node */
    int64_t at;          /* its payload */
    int message;         /* -1: nothing inside can change */
    const struct onnx_gemm *gemm;
    const int64_t
        *ints; /* of a Transpose: perm; of an old Unsqueeze: axes; of a small Constant: values */
    int int_count;
    bool has_graph; /* in an attribute */
    int tensor;     /* of a Constant that is listed: its tensor; else -1 */
    int64_t axis;   /* of a Gather */
    /* The type that an attribute gives its result: of a Constant, a Cast or a ConstantOfShape. */
    enum pare_dtype made;
    uint32_t absmax; /* of floats in such an attribute: the bits of the largest magnitude */
};

struct onnx_external {
    struct onnx_cut entries[8]; /* location, offset, length, and a checksum when values change */
    int entry_count;
    int64_t offset; /* of the values in the tensor's file */
};

/* The scope of a tensor that is a node's setting, and no value of any graph. */
#define ONNX_SCOPE_ATTRIBUTE (-1)
/* The scope of the values and indices of a sparse tensor. */
#define ONNX_SCOPE_SPARSE (-2)

/* What goes with model->tensors[i]. */
struct onnx_tensor {
    struct onnx_cut cut; /* the whole initializer; of a Constant, the tensor alone */
    int message;         /* of the TensorProto */
    int node;            /* the Constant that makes it, or -1 */
    int scope;
    const struct onnx_external *external; /* NULL: its values are in the main file */
    struct onnx_cut values;               /* the field they are there; end 0: not one alone */
    const int64_t *ints;                  /* values of a short I64 vector */
    int int_count;
    bool trans_b; /* of a dynamic product: its rows are the output channels, for every use */
    enum pare_dtype dtype;
    uint32_t absmax; /* as a node's, of a few F32 values that are not listed */
};

/* A value of the main graph whose type the graph tells. */
struct onnx_typed {
    struct onnx_cut cut; /* the whole ValueInfoProto */
    int field;           /* GRAPH_INPUT, GRAPH_OUTPUT or GRAPH_VALUE */
    enum pare_dtype dtype;
    int64_t elem_at; /* the one byte of elem_type; 0: there is none */
};

/* One appearance of a value's name. Sorted by name, then by kind, then by node. */
enum onnx_role { ONNX_TENSOR, ONNX_INPUT, ONNX_MADE, ONNX_USED, ONNX_OUTPUT, ONNX_TYPED };

struct onnx_mention {
    const char *name;
    enum onnx_role role;
    int index;           /* the tensor, the graph input, the node, or the type; -1: of a subgraph */
    int position;        /* among the node's inputs, or its outputs; of a subgraph its scope */
    struct onnx_cut cut; /* of a node: the field that has the name */
};

/* One of the model's metadata_props. */
struct onnx_prop {
    const char *key;
    struct onnx_cut cut;
};

/* A graph: the main one, number 0, or a subgraph. */
struct onnx_scope {
    int graph;             /* its message */
    int64_t first_node_at; /* where nodes can be put before all others */
};

struct onnx {
    int64_t ir_version, opset;
    const char *opset_domain;          /* how the standard one is written: "" or "ai.onnx" */
    struct onnx_cut ir_cut, opset_cut; /* the fields that say so */
    bool has_contrib;                  /* the model imports com.microsoft */
    bool has_functions;                /* operators of its own, made of others */
    int64_t file_end;
    int graph; /* the main graph's message */
    struct onnx_message *messages;
    size_t message_count, message_room;
    struct onnx_node *nodes;
    size_t node_count, node_room;
    struct onnx_tensor *tensors;
    size_t tensor_room;
    struct onnx_cut *inputs; /* the main graph's input fields, by ONNX_INPUT's index */
    size_t input_count, input_room;
    struct onnx_typed *typed; /* by ONNX_TYPED's index */
    size_t typed_count, typed_room;
    struct onnx_cut *labels; /* metadata_props that begin with LABEL_PREFIX */
    size_t label_count, label_room;
    struct onnx_prop *props; /* all metadata_props */
    size_t prop_count, prop_room;
    struct onnx_cut producer, producer_version; /* end 0: there is none */
    struct onnx_mention *mentions;
    size_t mention_count, mention_room;
    size_t fact_room;
    struct onnx_scope *scopes;
    size_t scope_count, scope_room;
};

/* ---- reading ---- */

struct onnx_reader {
    struct model *model;
    struct onnx *onnx;
    struct wire_reader wire;
};

/* Make room for one more; `items` is the array's address. */
MUST_CHECK bool onnx_grow(struct model *model, void *items, size_t count, size_t *io_room,
                          size_t size, size_t limit, const char *what, struct pare_error *err);

MUST_CHECK bool onnx_mention(struct model *model, const char *name, enum onnx_role role, int index,
                             int position, struct pare_error *err);
MUST_CHECK bool onnx_fact(struct model *model, const char *key, const char *value,
                          struct pare_error *err);

/* Number the message of `field`. */
MUST_CHECK bool onnx_message(struct model *model, const struct wire_field *field, int parent,
                             int *ret_message, struct pare_error *err);

/* Which tensors are listed, beside those of two or more dimensions or in another file. */
enum onnx_keep { ONNX_KEEP_LARGE, ONNX_KEEP_FLOATS, ONNX_KEEP_ALL };

/* Index a TensorProto, the payload of `field`, into a new last tensor if it is to be kept. */
MUST_CHECK bool onnx_read_tensor(struct onnx_reader *reader, const struct wire *wire,
                                 const struct wire_field *field, int parent, enum onnx_keep keep,
                                 struct onnx_tensor *ret_own, bool *ret_kept,
                                 struct pare_error *err);

/* Index a GraphProto as the next scope. */
MUST_CHECK bool onnx_read_graph(struct onnx_reader *reader, struct wire graph, int message,
                                int depth, struct pare_error *err);

/* Describe a ValueInfoProto in words: "x F32[N,2048]". */
MUST_CHECK bool onnx_read_value(struct onnx_reader *reader, const struct wire *wire,
                                const struct wire_field *field, const char **ret_name,
                                const char **ret_words, struct pare_error *err);

/* What a ValueInfoProto says of its value's type; PARE_UNKNOWN when it is no tensor. */
MUST_CHECK bool onnx_read_type(struct onnx_reader *reader, const struct wire *wire,
                               const struct wire_field *field, const char **ret_name,
                               struct onnx_typed *ret_typed, struct pare_error *err);

enum pare_dtype onnx_dtype(int64_t data_type);

/* ---- understanding ---- */

/* Sort the mentions and say of each tensor what it feeds and can become. */
MUST_CHECK bool onnx_weigh(struct model *model, struct pare_error *err);

/* Say of each tensor which other one's values it holds. */
MUST_CHECK bool onnx_pair(struct model *model, struct pare_error *err);

/* The first mention of a name, or where it would be. */
size_t onnx_find_first(const struct onnx *onnx, const char *name);

/* The mentions of a name: [*ret_first, end). */
size_t onnx_find(const struct onnx *onnx, const char *name, size_t *ret_first);

/*
 * Why the model's opset cannot be raised to another one, in the model's arena; NULL when it can or
 * is as high already.
 */
MUST_CHECK bool onnx_why_no_opset(struct model *model, int opset, const char **ret_why,
                                  struct pare_error *err);

/* Whether it is the standard's Gather. */
bool onnx_is_gather(const struct onnx_node *node);

/* Whether a Gather takes rows of the tensor. */
bool onnx_is_table(const struct onnx *onnx, const char *name);

/* Why a table of rows cannot be one of fewer bits, or NULL. */
const char *onnx_why_no_table(const struct onnx *onnx, const struct pare_tensor *shown);

/* format_onnx's check. */
MUST_CHECK bool onnx_check(const struct model *model, struct pare_error *err);

/* ---- writing ---- */

/* One change of the main file: cut `remove` bytes at `at`, put segments in their place. */
struct onnx_edit {
    int64_t at, remove;
    int message; /* the innermost message around it; -1: the file */
    int order;   /* among edits at one place */
    size_t first_segment, segment_count;
};

struct onnx_patch {
    const struct model *model;
    struct output *output; /* its arena holds everything */
    struct onnx_edit *edits;
    size_t edit_count, edit_room;
    struct output_file pieces; /* segments of all edits, one after the other */
};

/* Cut and put. After this, onnx_patch_add() appends segments to the edit. */
MUST_CHECK bool onnx_patch_edit(struct onnx_patch *patch, int64_t at, int64_t remove, int message,
                                struct pare_error *err);
MUST_CHECK bool onnx_patch_add(struct onnx_patch *patch, const struct segment *segment,
                               struct pare_error *err);
/* A copy of the buffer's bytes as a literal; the buffer is emptied. */
MUST_CHECK bool onnx_patch_literal(struct onnx_patch *patch, struct buf *bytes,
                                   struct pare_error *err);
/* Correct all lengths and lay the file out. */
MUST_CHECK bool onnx_patch_apply(struct onnx_patch *patch, struct output_file *file,
                                 struct pare_error *err);

/* What the writing of one output needs at hand. */
struct onnx_plan {
    const struct model *model;
    const struct onnx *onnx;
    const struct change *changes;
    struct output *output;
    struct onnx_patch patch;
    struct output_file *data;  /* the file of external values, or NULL */
    bool data_used;            /* something is there */
    int64_t external_bytes;    /* values from this size on go there in any case; 0: none */
    const struct match *match; /* what the graph becomes as a whole, or NULL */
};

/* Whether values of so many bytes go to the data file, whatever their source. */
bool onnx_plan_moves(const struct onnx_plan *plan, int64_t length);

/* Values that live in the data file: place them there and give offset and length as entries. */
MUST_CHECK bool onnx_plan_external(struct onnx_plan *plan, const struct segment *values,
                                   struct buf *entries, struct pare_error *err);

/* format_onnx's plan. */
MUST_CHECK bool onnx_plan(const struct model *model, const struct change *changes,
                          const struct output_settings *settings, struct output *output,
                          struct pare_error *err);

/* format_onnx's settle_fp16. */
MUST_CHECK bool onnx_fp16_settle(const struct model *model, struct change *io_changes,
                                 struct arena *arena, const char **ret_reasons,
                                 struct pare_error *err);

/* All that changes of other types ask for. */
MUST_CHECK bool onnx_rewrite(struct onnx_plan *plan, struct pare_error *err);

#endif
