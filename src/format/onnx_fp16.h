/* SPDX-License-Identifier: MIT */
/*
 * A graph in float16, operator by operator.
 *
 * There is no shape inference here. What is known of types comes from initializers, from
 * Constants and from what the graph says of its values, and travels along operators whose
 * signature is in a table. An operator that is not in it, or whose types stay unknown, keeps
 * float32 with a Cast at each of its borders: that is always right, and at worst slower. So
 * do subgraphs, operators that a constant keeps from float16 (and what its number reaches: an
 * epsilon the Sqrt behind the Add, a mask the Softmax), and operators without weights
 * whose results are only wanted in float32, such as what computes the scales of a Resize.
 */
#ifndef PARE_FORMAT_ONNX_FP16_H
#define PARE_FORMAT_ONNX_FP16_H

#include "format/onnx.h"

/*
 * Letters say of each operand, the last one of all that follow where a star stands behind it:
 *   T  the type that becomes float16; all T of a node are of one type
 *   F  float16 where it is float32, whatever T is
 *   A  taken as it comes
 *   -  stays as it is
 */
struct onnx_signature {
    const char *domain, *op; /* domain "": the standard's */
    int since;               /* the opset; of one operator the newest comes first */
    bool float32;            /* its types are known, and it stays in float32 */
    const char *inputs, *outputs;
};

/* Of the node at this opset, or NULL. */
const struct onnx_signature *onnx_signature(const struct onnx_node *node, int64_t opset);

/* The letter of operand `position`; 0: there is no such operand. */
char onnx_letter(const char *letters, int position);

/* How a node runs, and why not in float16. */
enum fp16_node_state {
    FP16_NODE_STAYS, /* its operator does, or its types are not known */
    FP16_NODE_BARRED,
    FP16_NODE_UNWANTED,
    FP16_NODE_READY, /* passing: nobody has wanted its result yet */
    FP16_NODE_RUNS,
};

struct fp16_node {
    const struct onnx_signature *signature; /* NULL in subgraphs */
    enum fp16_node_state state;
    const char *barred_by; /* the name of the constant that keeps it in float32 */
    bool carries;          /* that is a number, and may show in the result */
};

/* One value: all mentions of a name. Of values that are not F32 only the type counts. */
struct fp16_value {
    enum pare_dtype dtype;
    int maker;      /* the main graph's node that makes it, or -1 */
    int64_t tensor; /* that holds it, or -1 */
    bool pinned;    /* the name must go on to mean float32 */
    bool made16;    /* what makes it makes float16 */
    bool use16, use32;
    const char *name16, *name32; /* of its two forms, as far as they exist */
};

struct fp16_graph {
    const struct model *model;
    const struct onnx *onnx;
    const struct change *changes;
    bool io16;
    struct fp16_value *values; /* by the first mention of the name */
    struct fp16_node *nodes;
};

/* Which nodes run in float16, and so which values there are. All in `arena`. */
MUST_CHECK bool fp16_decide(const struct model *model, const struct change *changes,
                            struct arena *arena, struct fp16_graph *ret_graph,
                            struct pare_error *err);

/* The value of a name that the model mentions. */
struct fp16_value *fp16_value(const struct fp16_graph *graph, const char *name);

/* The letter by which a node of the main graph takes or makes a mention; '-' where it stays. */
char fp16_letter(const struct fp16_graph *graph, const struct onnx_mention *mention);

/* Whether the value is one of the graph's inputs or outputs that become float16. */
bool fp16_is_border(const struct fp16_graph *graph, const struct onnx_mention *mention);

#endif
