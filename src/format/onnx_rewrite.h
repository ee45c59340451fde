/* SPDX-License-Identifier: MIT */
/*
 * What the schemes have in common when they put other nodes and initializers
 * in the place of a graph's own: new names, small nodes, and the weight's place.
 *
 * Graph fields gather in `text` and go to the patch's last edit as literals; a
 * failure to name or to gather sticks, and onnx_rewrite() reports it at the end.
 */
#ifndef PARE_FORMAT_ONNX_REWRITE_H
#define PARE_FORMAT_ONNX_REWRITE_H

#include "base/buf.h"
#include "format/onnx.h"
#include "format/onnx_build.h"

struct rewrite_part;

struct onnx_rewrite {
    struct onnx_plan *plan;
    struct arena *arena;
    struct buf text;    /* graph fields under construction */
    struct buf first;   /* nodes that go before all others of the main graph */
    const char **nodes; /* the names that nodes have, sorted */
    size_t node_count;
    const char **made; /* names of new values, to see that they differ */
    size_t made_count, made_room;
    int opset;                  /* that the new nodes need; 0: any */
    int ir;                     /* the same of the IR version */
    struct rewrite_part *parts; /* of nodes; on the heap */
    size_t part_count, part_room;
    bool contrib; /* there are operators of ONNX Runtime's own */
    bool beside;  /* the values put last are in the data file */
    bool no_memory;
};

/* The name of a new value, unlike any in the model; the same for the same arguments. */
const char *rewrite_name(struct onnx_rewrite *p, const char *base, const char *suffix);

/* rewrite_name() for a value that is being defined now. */
const char *rewrite_new_name(struct onnx_rewrite *p, const char *base, const char *suffix);

/* A name for what stands in a node's place, unlike any node's; of one without a name its result. */
const char *rewrite_node_name(struct onnx_rewrite *p, const struct onnx_node *node,
                              const char *suffix, const char *result);

/* Nodes named after their result; a Cast is to `data_type`. */
void rewrite_put2(struct buf *to, const char *op, const char *a, const char *b, const char *result);
void rewrite_put_cast(struct buf *to, const char *from, const char *result, int64_t data_type);
void rewrite_put_transpose(struct buf *to, const char *from, const char *result);

/* A number as an initializer; gives its name. */
const char *rewrite_put_constant(struct onnx_rewrite *p, const char *base, const char *suffix,
                                 float value);

/* What a Gemm whose output is `o` adds, times beta; NULL for nothing. */
const char *rewrite_put_bias(struct onnx_rewrite *p, const struct onnx_node *node, const char *o);

/* The initializer or Constant of this name: its tensor, or -1. */
int64_t rewrite_tensor_of(const struct onnx_plan *plan, const char *name);

/* The weight that a MatMul or a Gemm of the main graph multiplies by: its tensor, or -1. */
int64_t rewrite_weight_of(const struct onnx_plan *plan, const struct onnx_node *node);

/* Begin the edit that puts something in a tensor's place, which also leaves the graph's inputs. */
MUST_CHECK bool rewrite_cut_tensor(struct onnx_rewrite *p, size_t index, struct pare_error *err);

/* Nodes before all others of the tensor's graph; `nodes` is emptied. */
MUST_CHECK bool rewrite_put_first(struct onnx_rewrite *p, size_t index, struct buf *nodes,
                                  struct pare_error *err);

/* An initializer in that edit: `length` bytes that the filler gives as `kind` of tensor `index`. */
MUST_CHECK bool rewrite_put_inline(struct onnx_rewrite *p, size_t index, enum segment_kind kind,
                                   const struct build_tensor *tensor, int64_t length,
                                   struct pare_error *err);

/*
 * The same, in the data file when the tensor's own values are in another file or the output keeps
 * values of that size there. Scales and zero points go where the values before them went.
 */
MUST_CHECK bool rewrite_put_beside(struct onnx_rewrite *p, size_t index, enum segment_kind kind,
                                   const struct build_tensor *tensor, int64_t length,
                                   struct pare_error *err);

/* Put other fields, and empty their buffer, in the place of a part of a node that else stays. */
MUST_CHECK bool rewrite_in_node(struct onnx_rewrite *p, int node, struct onnx_cut part,
                                struct buf *fields, struct pare_error *err);

/* The edits of all nodes that have such parts. */
MUST_CHECK bool rewrite_nodes(struct onnx_rewrite *p, struct pare_error *err);

/* Raise the model's opset and IR version to what the new nodes need. */
MUST_CHECK bool rewrite_opset(struct onnx_rewrite *p, struct pare_error *err);

/* All that a change of the kind asks for. */
MUST_CHECK bool rewrite_fp16(struct onnx_rewrite *p, struct pare_error *err);
MUST_CHECK bool rewrite_int8(struct onnx_rewrite *p, struct pare_error *err);
MUST_CHECK bool rewrite_lookups(struct onnx_rewrite *p, struct pare_error *err); /* of int8 */
MUST_CHECK bool rewrite_int4(struct onnx_rewrite *p, struct pare_error *err);
MUST_CHECK bool rewrite_bnb4(struct onnx_rewrite *p, struct pare_error *err);
MUST_CHECK bool rewrite_qdq4(struct onnx_rewrite *p, struct pare_error *err);
MUST_CHECK bool rewrite_table4(struct onnx_rewrite *p, struct pare_error *err);
MUST_CHECK bool rewrite_bf16(struct onnx_rewrite *p, struct pare_error *err);
MUST_CHECK bool rewrite_cut(struct onnx_rewrite *p, struct pare_error *err);

#endif
