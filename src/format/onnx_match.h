/* SPDX-License-Identifier: MIT */
/*
 * quantize_dynamic of onnxruntime 1.32 as rules on the index:
 *
 *   onnx_match_values.c  names: what is known of each value, and its type
 *   onnx_match_gemm.c    Gemm becomes MatMul and Add; the list of nodes to begin with
 *   onnx_match.c         node after node, its quantized form or itself
 *   onnx_match_sort.c    unused initializers go, nodes get the peer's order
 *   onnx_match_inner.c   what graphs in a graph define and use
 *   onnx_match_text.c    bytes that are partly the source's
 *   onnx_match_node.c    a node as bytes, and the graphs in it
 *   onnx_match_write.c   all of it as bytes
 *
 * Names, their order and the order of nodes follow from one another, so the
 * rules are carried out in the peer's order, on lists like the peer's.
 */
#ifndef PARE_FORMAT_ONNX_MATCH_H
#define PARE_FORMAT_ONNX_MATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "format/match.h"
#include "format/onnx.h"

enum { MATCH_OPSET_MIN = 11 };
/* The label that the peer's shape inference leaves, and its value. */
#define MATCH_INFER_KEY "onnx.infer"
#define MATCH_INFER_VALUE "onnxruntime.quant"

/* How a value exists in 8 bits. */
struct match_form {
    const char *quantized, *scale, *zero_point;
    bool has_axis; /* what turns it back to float says along which axis */
    int64_t axis;
    bool one_scale; /* false: there are several */
};

struct match_value {
    const char *name;
    int64_t tensor;                /* the initializer, or the one whose transpose it is; -1 */
    bool transposed;               /* it stands for a Gemm's weight turned around */
    enum pare_dtype dtype;         /* as the peer's shape inference tells it; PARE_UNKNOWN */
    bool is_generated;             /* a list entry makes it, or it is an input of the graph */
    bool is_inner;                 /* defined in a subgraph */
    bool is_new;                   /* the source has no such name */
    bool is_wanted, is_made;       /* by the new graph */
    const struct match_form *form; /* NULL: not quantized so far */
};

/* A node of the new graph. */
struct match_node {
    const char *op, *name, *domain;
    const char **inputs, **outputs;
    int input_count, output_count;
    int source;          /* the node whose attributes it has, -1: none */
    bool is_same;        /* that node as it is */
    bool keeps_rest;     /* that node with other operands; else attributes alone, sorted */
    const char *without; /* one attribute that is left out, or NULL */
    const char *setting; /* one more, a whole number, or NULL */
    int64_t setting_value;
};

enum match_part { MATCH_SCALE, MATCH_ZERO_POINT, MATCH_VALUES, MATCH_SHAPE };

/* An initializer that is added. */
struct match_initializer {
    const char *name;
    enum match_part part;
    size_t weight; /* of struct match; of MATCH_SHAPE the length of 1, -1, 1, ... */
};

/* A table from names to numbers. */
struct match_name {
    const char *name; /* NULL: free */
    size_t index;
};

struct match_names {
    struct match_name *slots;
    size_t count, room;
    uint64_t seed; /* of the hash: a file's author must not know it */
};

struct match_nodes {
    struct match_node *list;
    size_t count, room;
    struct match_names names; /* the first node of each */
};

/* A weight that a Gemm has turned around, in its own graph. */
struct match_turn {
    const char *name;
    size_t weight; /* of struct match, in a subgraph */
    size_t next;   /* + 1 the next one of the same subgraph; 0: none */
};

/* Those of a subgraph, + 1; 0: none. */
struct match_turns {
    size_t first, last;
};

/* A Gemm of a subgraph: the first of the nodes in its place. */
struct match_apart {
    size_t node, first;
};

struct onnx_match {
    const struct model *model;
    const struct onnx *onnx;
    const struct match_options *options;
    struct arena *arena;
    struct match *match;
    struct match_names names; /* of values */
    struct match_value **values;
    size_t value_count, value_room;
    const char **outputs; /* of the graph, in order */
    size_t output_count;
    struct match_nodes source; /* after the Gemms */
    struct match_nodes nodes;  /* the new graph's */
    size_t weight_room;
    struct match_initializer *initializers;
    size_t initializer_count, initializer_room;
    int *parents;              /* of each graph the one around it */
    struct match_names inner;  /* what subgraphs define: graph and name, to the tensor */
    struct match_names turned; /* graph and tensor, to turns */
    struct match_names bases;  /* names of weights, to suffixes */
    size_t *suffixes;
    size_t suffix_count, suffix_room;
    struct match_turn *turns;
    size_t turn_count, turn_room;
    struct match_turns *turns_of; /* by graph */
    struct match_apart *aparts;
    size_t apart_count, apart_room;
    struct match_nodes parts; /* of them all */
    bool uses_contrib;        /* a node is of com.microsoft */
    struct pare_error *err;
};

MUST_CHECK bool match_grow(struct onnx_match *m, void *items, size_t count, size_t *io_room,
                           size_t size);

/* "a" and "b" together, in the arena; NULL, and the error is set, when memory ends. */
const char *match_join(struct onnx_match *m, const char *a, const char *b);

/* Now and then, of `number` things, ask whether to go on. */
MUST_CHECK bool match_poll(struct onnx_match *m, size_t number);

/* False, and the error says that this cannot be matched. */
bool match_refuse(struct onnx_match *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The number of a name, SIZE_MAX when it has none. */
size_t match_names_find(const struct match_names *names, const char *name);

/* Give a name its number, if it has none. */
MUST_CHECK bool match_names_add(struct onnx_match *m, struct match_names *names, const char *name,
                                size_t index);

/* Empty it, and give its memory back. */
void match_names_done(struct onnx_match *m, struct match_names *names);

/* ---- values ---- */

/* All that the main graph knows. */
MUST_CHECK bool match_read_values(struct onnx_match *m);

/* The value of that name, NULL when there is none. */
struct match_value *match_find(const struct onnx_match *m, const char *name);

/* A value that is to be new: a name that the model uses is refused. NULL on failure. */
struct match_value *match_new_value(struct onnx_match *m, const char *name);

/* Whether it is float or float16. A value whose type is not known is refused: for `node`. */
MUST_CHECK bool match_is_float(struct onnx_match *m, const struct match_node *node,
                               const char *name, bool *ret_float);

/* Whether a name is an initializer (or a Gemm's turned one), and which value. */
struct match_value *match_initializer_of(const struct onnx_match *m, const char *name);

/* ---- nodes ---- */

/* Append; operands are copied, NULL ends a list. The node is valid until the next one. */
struct match_node *match_put(struct onnx_match *m, struct match_nodes *to, const char *op,
                             const char *name, const char *const *inputs,
                             const char *const *outputs);

/* A copy of a node as it is. */
MUST_CHECK bool match_put_same(struct onnx_match *m, struct match_nodes *to,
                               const struct match_node *node);

/* The first of that name, or NULL. */
const struct match_node *match_named(const struct match_nodes *nodes, const char *name);

/* The main graph's nodes, Gemms taken apart; those of subgraphs, too. */
MUST_CHECK bool match_gemms(struct onnx_match *m);

/* Put what turns a quantized value back to float before its first such use. */
MUST_CHECK bool match_dequantize(struct onnx_match *m, const char *name);

/* The node as it is, its quantized operands turned back. */
MUST_CHECK bool match_keep(struct onnx_match *m, const struct match_node *node);

/* How a weight is quantized, beside what the options say. */
enum match_use {
    MATCH_ACTIVATION, /* as the peer takes activations: uint8, one scale */
    MATCH_WEIGHT,
    MATCH_CHANNELS, /* a scale for each of the last axis, if the options say so */
};

/* An operand in 8 bits: an initializer anew, another value by a node that is put; as before
 * when it is there. "" gives a form of empty names. NULL on failure. */
const struct match_form *match_quantize(struct onnx_match *m, const char *name, enum match_use use);

/* Note a weight: *io_weight is completed, names follow. NULL on failure. */
struct match_form *match_put_weight(struct onnx_match *m, struct match_value *value,
                                    const struct match_weight *weight);

/* One more initializer. */
MUST_CHECK bool match_put_initializer(struct onnx_match *m, const char *name, enum match_part part,
                                      size_t weight);

/* Attention, EmbedLayerNormalization and LSTM. */
MUST_CHECK bool match_fused(struct onnx_match *m, const struct match_node *node, bool *ret_done);

/* Which initializers stay, and the order of nodes. */
MUST_CHECK bool match_clean(struct onnx_match *m);
MUST_CHECK bool match_sort(struct onnx_match *m);

/* ---- graphs in the graph ---- */

/* What they define. */
MUST_CHECK bool match_read_inner(struct onnx_match *m);

/* The initializer that a name means in a graph; -1 when it means another value. */
MUST_CHECK bool match_tensor_of(struct onnx_match *m, int scope, const char *name,
                                int64_t *ret_tensor);

/* Whether it is a Gemm that becomes MatMul and Add. */
bool match_is_taken_apart(const struct onnx_node *node);

/* Whether a weight that is named there is not used itself, but turned around. */
bool match_is_turned(const struct onnx *onnx, const struct onnx_mention *mention);

/* Which of their initializers go. */
MUST_CHECK bool match_clean_inner(struct onnx_match *m);

/* ---- bytes ---- */

/* What stands in a text, before the byte `at` of its own. */
struct match_insert {
    size_t at;
    struct segment segment;
};

struct match_text {
    struct buf bytes;
    struct match_insert *inserts; /* on the heap */
    size_t count, room;
    int64_t inserted_bytes;
};

void match_text_init(struct match_text *text);
void match_text_done(struct match_text *text);
int64_t match_text_length(const struct match_text *text);

/* Append. A failure of the text's own bytes sticks to them until buf_ok(). */
MUST_CHECK bool match_text_insert(struct match_text *to, const struct segment *segment,
                                  struct pare_error *err);
MUST_CHECK bool match_text_copy(struct match_text *to, const struct model *model, int64_t at,
                                int64_t end, struct pare_error *err);
MUST_CHECK bool match_text_message(struct match_text *to, int number,
                                   const struct match_text *inner, struct pare_error *err);

/* To the patch's last edit, after what `text` has; `text` keeps what follows the last insert. */
MUST_CHECK bool match_text_put(const struct match_text *from, struct onnx_patch *patch,
                               struct buf *text, struct pare_error *err);

/* ---- attributes ---- */

struct match_attribute {
    const char *name;
    int64_t at, end; /* its payload in the main file */
};

/* Those of a node of the source, sorted by name, as make_node sorts them. */
MUST_CHECK bool match_read_attributes(const struct model *model, const struct onnx_node *node,
                                      struct arena *arena, struct match_attribute **ret_list,
                                      size_t *ret_count, struct pare_error *err);

/* ---- the result ---- */

/* A node of the source as the peer makes it anew: of its operator, name, operands and attributes
 * alone. */
struct match_node match_made_anew(const struct onnx *onnx, int index);

/* Append the fields of a NodeProto, which is no copy as a whole. */
MUST_CHECK bool match_write_node(const struct onnx_match *m, const struct match_node *node,
                                 struct match_text *to, struct pare_error *err);

MUST_CHECK bool onnx_match(const struct model *model, const struct match_options *options,
                           struct arena *arena, struct match **ret_match, struct pare_error *err);

/* The edits that make the new graph. */
MUST_CHECK bool onnx_match_write(struct onnx_plan *plan, const struct match *match,
                                 struct pare_error *err);

#endif
