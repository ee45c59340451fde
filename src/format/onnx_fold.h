/* SPDX-License-Identifier: MIT */
/*
 * Nodes whose inputs are all constants, computed as ONNX Runtime would, to the bit.
 *
 * These are the operators that exporters leave behind on shapes and weights. What is
 * not certain is not folded: an overflow of a cast, a division by zero, an index out
 * of bounds stay for the runtime to judge.
 */
#ifndef PARE_FORMAT_ONNX_FOLD_H
#define PARE_FORMAT_ONNX_FOLD_H

#include "format/onnx_constant.h"

struct fold {
    const char *op;
    int64_t opset;
    const struct onnx_attributes *attributes;
    const struct onnx_constant **inputs; /* NULL: left out */
    int input_count;
    const struct onnx_constant *value; /* of a ConstantOfShape: its attribute, or NULL */
    struct arena *arena;               /* for the result */
    int64_t limit_bytes;               /* of the result */
    bool no_memory;
};

/* Whether there is a rule for the operator, and whether it wants to see values. */
bool fold_knows(const char *op, bool *ret_values);

/* False: it stays as it is, or, with no_memory, memory ended. */
bool fold_node(struct fold *fold, struct onnx_constant *ret_result);

/* ---- for the rules ---- */

/* A result of this shape with zeroed room for its values; it is *ret_values. */
bool fold_make(struct fold *fold, enum pare_dtype dtype, int rank, const int64_t *dims,
               struct onnx_constant *ret_result, void **ret_values);

/* The numbers of an I64 or I32 vector or scalar. */
bool fold_ints(const struct onnx_constant *constant, int64_t ret_ints[ONNX_LIST_MAX],
               size_t *ret_count);

/* Elements from one to the next along each axis, row-major. */
void fold_strides(const struct onnx_constant *constant, int64_t ret_strides[PARE_RANK_MAX]);

/* The shape that two broadcast to. */
bool fold_broadcast(const struct onnx_constant *a, const struct onnx_constant *b,
                    struct onnx_constant *ret_shape);

/* The strides by which `from` is read as if it had the shape `to`. */
void fold_stretch(const struct onnx_constant *from, const struct onnx_constant *to,
                  int64_t ret_strides[PARE_RANK_MAX]);

/* A walk over the elements of a shape in order, with a place in up to three operands. */
enum { FOLD_OPERANDS = 3 };
struct fold_walk {
    const struct onnx_constant *shape;
    int64_t strides[FOLD_OPERANDS][PARE_RANK_MAX];
    int64_t places[FOLD_OPERANDS]; /* elements */
    int64_t at[PARE_RANK_MAX];
};
void fold_step(struct fold_walk *walk);

typedef bool fold_rule(struct fold *fold, struct onnx_constant *ret_result);
fold_rule fold_cast, fold_arithmetic, fold_unary, fold_equal, fold_where, fold_range;
fold_rule fold_reshape, fold_flatten, fold_squeeze, fold_unsqueeze, fold_transpose, fold_concat;
fold_rule fold_gather, fold_slice, fold_expand, fold_constant_of_shape, fold_shape, fold_size;

#endif
