/* SPDX-License-Identifier: MIT */
#include "format/onnx_fold.h"

#include <string.h>

static const struct {
    const char *op;
    fold_rule *rule;
    bool values; /* of its inputs are looked at */
} rules[] = {
    { "Add", fold_arithmetic, true },
    { "Cast", fold_cast, true },
    { "Ceil", fold_unary, true },
    { "Concat", fold_concat, true },
    { "ConstantOfShape", fold_constant_of_shape, true },
    { "Div", fold_arithmetic, true },
    { "Equal", fold_equal, true },
    { "Expand", fold_expand, true },
    { "Flatten", fold_flatten, true },
    { "Floor", fold_unary, true },
    { "Gather", fold_gather, true },
    { "Mul", fold_arithmetic, true },
    { "Neg", fold_unary, true },
    { "Not", fold_unary, true },
    { "Range", fold_range, true },
    { "Reciprocal", fold_unary, true },
    { "Reshape", fold_reshape, true },
    { "Shape", fold_shape, false },
    { "Size", fold_size, false },
    { "Slice", fold_slice, true },
    { "Sqrt", fold_unary, true },
    { "Squeeze", fold_squeeze, true },
    { "Sub", fold_arithmetic, true },
    { "Transpose", fold_transpose, true },
    { "Unsqueeze", fold_unsqueeze, true },
    { "Where", fold_where, true },
};

static size_t find(const char *op)
{
    size_t i = 0;
    while (i < ARRAY_SIZE(rules) && strcmp(rules[i].op, op) != 0)
        i++;
    return i;
}

bool fold_knows(const char *op, bool *ret_values)
{
    size_t i = find(op);
    if (i == ARRAY_SIZE(rules))
        return false;
    *ret_values = rules[i].values;
    return true;
}

bool fold_node(struct fold *fold, struct onnx_constant *ret_result)
{
    size_t i = find(fold->op);
    return i < ARRAY_SIZE(rules) && rules[i].rule(fold, ret_result);
}

bool fold_make(struct fold *fold, enum pare_dtype dtype, int rank, const int64_t *dims,
               struct onnx_constant *ret_result, void **ret_values)
{
    struct onnx_constant made;
    if (!onnx_constant_shape(&made, dtype, rank, dims, fold->limit_bytes))
        return false;
    void *values = arena_alloc(fold->arena, (size_t)made.size_bytes + 1);
    if (!values) {
        fold->no_memory = true;
        return false;
    }
    made.bytes = *ret_values = values;
    *ret_result = made;
    return true;
}

bool fold_ints(const struct onnx_constant *constant, int64_t ret_ints[ONNX_LIST_MAX],
               size_t *ret_count)
{
    bool wide = constant->dtype == PARE_I64;
    if ((!wide && constant->dtype != PARE_I32) || constant->rank > 1 ||
        constant->count > ONNX_LIST_MAX)
        return false;
    for (int64_t i = 0; i < constant->count; i++)
        ret_ints[i] =
            wide ? ((const int64_t *)constant->bytes)[i] : ((const int32_t *)constant->bytes)[i];
    *ret_count = (size_t)constant->count;
    return true;
}

void fold_strides(const struct onnx_constant *constant, int64_t ret_strides[PARE_RANK_MAX])
{
    int64_t stride = 1;
    for (int i = constant->rank - 1; i >= 0; i--) {
        ret_strides[i] = stride;
        stride *= constant->dims[i];
    }
}

bool fold_broadcast(const struct onnx_constant *a, const struct onnx_constant *b,
                    struct onnx_constant *ret_shape)
{
    struct onnx_constant shape = { .rank = MAX(a->rank, b->rank) };
    for (int i = 0; i < shape.rank; i++) {
        int ia = i - (shape.rank - a->rank), ib = i - (shape.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
        if (da != db && da != 1 && db != 1)
            return false;
        shape.dims[i] = da == 1 ? db : da;
    }
    *ret_shape = shape;
    return true;
}

void fold_stretch(const struct onnx_constant *from, const struct onnx_constant *to,
                  int64_t ret_strides[PARE_RANK_MAX])
{
    int64_t own[PARE_RANK_MAX];
    fold_strides(from, own);
    for (int i = 0; i < to->rank; i++) {
        int inner = i - (to->rank - from->rank);
        ret_strides[i] = inner < 0 || from->dims[inner] == 1 ? 0 : own[inner];
    }
}

void fold_step(struct fold_walk *walk)
{
    for (int i = walk->shape->rank - 1; i >= 0; i--) {
        bool over = ++walk->at[i] == walk->shape->dims[i];
        for (int k = 0; k < FOLD_OPERANDS; k++)
            walk->places[k] +=
                over ? -walk->strides[k][i] * (walk->shape->dims[i] - 1) : walk->strides[k][i];
        if (!over)
            return;
        walk->at[i] = 0;
    }
}
