/* SPDX-License-Identifier: MIT */
/* Operators that move elements and compute nothing. */
#include <string.h>

#include "format/onnx_fold.h"

/* Elements of an input by the strides of the walk's first operand, in the result's order. */
static void gather_elements(const struct onnx_constant *from, struct fold_walk *walk, char *to)
{
    size_t width = onnx_constant_width(from->dtype);
    for (int64_t i = 0; i < walk->shape->count; i++) {
        memcpy(to, (const char *)from->bytes + (size_t)walk->places[0] * width, width);
        to += width;
        fold_step(walk);
    }
}

/* The same values under another shape, which must have as many. */
static bool view(struct fold *fold, int rank, const int64_t *dims, struct onnx_constant *ret_result)
{
    struct onnx_constant made;
    const struct onnx_constant *x = fold->inputs[0];
    if (!onnx_constant_shape(&made, x->dtype, rank, dims, fold->limit_bytes) ||
        made.count != x->count)
        return false;
    made.bytes = x->bytes;
    *ret_result = made;
    return true;
}

/* From an axis that may be counted from the end. */
static bool normal_axis(int64_t axis, int rank, int *ret_axis)
{
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
        return false;
    *ret_axis = (int)axis;
    return true;
}

bool fold_reshape(struct fold *fold, struct onnx_constant *ret_result)
{
    int64_t dims[ONNX_LIST_MAX], known = 1;
    size_t rank;
    int open = -1;
    const struct onnx_constant *x = fold->inputs[0];
    bool zeros = onnx_attribute_int(fold->attributes, "allowzero", 0) != 0;
    if (fold->input_count != 2 || !fold->inputs[1] || fold->inputs[1]->rank != 1 ||
        !fold_ints(fold->inputs[1], dims, &rank) || rank > PARE_RANK_MAX)
        return false;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] == 0 && !zeros && (int)i >= x->rank)
            return false;
        if (dims[i] == 0 && !zeros)
            dims[i] = x->dims[i];
        if (dims[i] == -1 && open < 0)
            open = (int)i;
        else if (dims[i] < 0 || __builtin_mul_overflow(known, dims[i], &known))
            return false;
    }
    if (open >= 0 && (known == 0 || x->count % known != 0))
        return false;
    if (open >= 0)
        dims[open] = x->count / known;
    return view(fold, (int)rank, dims, ret_result);
}

bool fold_flatten(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    int64_t axis = onnx_attribute_int(fold->attributes, "axis", 1), dims[2] = { 1, 1 };
    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis > x->rank)
        return false;
    for (int i = 0; i < x->rank; i++)
        dims[i >= axis] *= x->dims[i];
    return view(fold, 2, dims, ret_result);
}

/* Axes from the second input or from the attribute, as the opset has it; marks them. */
static bool marked_axes(const struct fold *fold, int rank, bool ret_marks[PARE_RANK_MAX],
                        size_t *ret_count)
{
    int64_t axes[ONNX_LIST_MAX];
    size_t count = 0;
    const struct onnx_attribute *attribute = onnx_attribute_find(fold->attributes, "axes");
    memset(ret_marks, 0, PARE_RANK_MAX * sizeof(*ret_marks));
    if (fold->input_count > 1 && fold->inputs[1]) {
        if (fold->opset < 13 || !fold_ints(fold->inputs[1], axes, &count))
            return false;
    } else if (attribute) {
        if (fold->opset >= 13)
            return false;
        count = attribute->int_count;
        memcpy(axes, attribute->ints, count * sizeof(*axes));
    }
    for (size_t i = 0; i < count; i++) {
        int axis;
        if (!normal_axis(axes[i], rank, &axis) || ret_marks[axis])
            return false;
        ret_marks[axis] = true;
    }
    *ret_count = count;
    return true;
}

bool fold_squeeze(struct fold *fold, struct onnx_constant *ret_result)
{
    bool marks[PARE_RANK_MAX];
    int64_t dims[PARE_RANK_MAX];
    size_t count;
    int rank = 0;
    const struct onnx_constant *x = fold->inputs[0];
    if (!marked_axes(fold, x->rank, marks, &count))
        return false;
    for (int i = 0; i < x->rank; i++) {
        if (marks[i] && x->dims[i] != 1)
            return false;
        if (count ? !marks[i] : x->dims[i] != 1)
            dims[rank++] = x->dims[i];
    }
    return view(fold, rank, dims, ret_result);
}

bool fold_unsqueeze(struct fold *fold, struct onnx_constant *ret_result)
{
    bool marks[PARE_RANK_MAX];
    int64_t dims[PARE_RANK_MAX];
    size_t count;
    const struct onnx_constant *x = fold->inputs[0];
    const struct onnx_attribute *attribute = onnx_attribute_find(fold->attributes, "axes");
    int64_t ints[ONNX_LIST_MAX];
    size_t wanted = attribute ? attribute->int_count : 0;
    if (fold->input_count > 1 && fold->inputs[1] && !fold_ints(fold->inputs[1], ints, &wanted))
        return false;
    if (wanted == 0 || wanted + (size_t)x->rank > PARE_RANK_MAX)
        return false;
    int rank = x->rank + (int)wanted;
    if (!marked_axes(fold, rank, marks, &count) || count != wanted)
        return false;
    for (int i = 0, from = 0; i < rank; i++)
        dims[i] = marks[i] ? 1 : x->dims[from++];
    return view(fold, rank, dims, ret_result);
}

bool fold_transpose(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    const struct onnx_attribute *perm = onnx_attribute_find(fold->attributes, "perm");
    int64_t strides[PARE_RANK_MAX], dims[PARE_RANK_MAX];
    bool seen[PARE_RANK_MAX] = { false };
    struct fold_walk walk = { .shape = ret_result };
    void *values;
    if (perm && perm->int_count != (size_t)x->rank)
        return false;
    fold_strides(x, strides);
    for (int i = 0; i < x->rank; i++) {
        int64_t from = perm ? perm->ints[i] : x->rank - 1 - i;
        if (from < 0 || from >= x->rank || seen[from])
            return false;
        seen[from] = true;
        dims[i] = x->dims[from];
        walk.strides[0][i] = strides[from];
    }
    if (!fold_make(fold, x->dtype, x->rank, dims, ret_result, &values))
        return false;
    gather_elements(x, &walk, values);
    return true;
}

/* Sizes before, at and behind an axis. */
static int64_t product(const struct onnx_constant *x, int from, int to)
{
    int64_t n = 1;
    for (int i = from; i < to; i++)
        n *= x->dims[i];
    return n;
}

bool fold_concat(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *first = fold->inputs[0];
    const struct onnx_attribute *attribute = onnx_attribute_find(fold->attributes, "axis");
    int64_t dims[PARE_RANK_MAX];
    int axis;
    void *values;
    if (!attribute || !attribute->has_int || !normal_axis(attribute->i, first->rank, &axis))
        return false;
    memcpy(dims, first->dims, sizeof(dims));
    dims[axis] = 0;
    for (int i = 0; i < fold->input_count; i++) {
        const struct onnx_constant *x = fold->inputs[i];
        if (!x || x->dtype != first->dtype || x->rank != first->rank)
            return false;
        for (int k = 0; k < x->rank; k++)
            if (k != axis && x->dims[k] != first->dims[k])
                return false;
        dims[axis] += x->dims[axis];
    }
    if (!fold_make(fold, first->dtype, first->rank, dims, ret_result, &values))
        return false;
    size_t width = onnx_constant_width(first->dtype);
    int64_t outer = product(first, 0, axis), inner = product(first, axis + 1, first->rank);
    char *to = values;
    for (int64_t o = 0; o < outer; o++)
        for (int i = 0; i < fold->input_count; i++) {
            size_t n = (size_t)(fold->inputs[i]->dims[axis] * inner) * width;
            memcpy(to, (const char *)fold->inputs[i]->bytes + (size_t)o * n, n);
            to += n;
        }
    return true;
}

/* An index of a Gather; negative ones count from the end. */
static bool index_at(const struct onnx_constant *indices, int64_t i, int64_t dim, int64_t *ret_at)
{
    int64_t at = indices->dtype == PARE_I64 ? ((const int64_t *)indices->bytes)[i]
                                            : ((const int32_t *)indices->bytes)[i];
    at += at < 0 ? dim : 0;
    *ret_at = at;
    return at >= 0 && at < dim;
}

bool fold_gather(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    const struct onnx_constant *indices = fold->input_count == 2 ? fold->inputs[1] : NULL;
    int64_t dims[PARE_RANK_MAX], at;
    int axis, rank = 0;
    void *values;
    if (!indices || (indices->dtype != PARE_I64 && indices->dtype != PARE_I32) ||
        x->rank + indices->rank - 1 > PARE_RANK_MAX ||
        !normal_axis(onnx_attribute_int(fold->attributes, "axis", 0), x->rank, &axis))
        return false;
    for (int i = 0; i < axis; i++)
        dims[rank++] = x->dims[i];
    for (int i = 0; i < indices->rank; i++)
        dims[rank++] = indices->dims[i];
    for (int i = axis + 1; i < x->rank; i++)
        dims[rank++] = x->dims[i];
    for (int64_t i = 0; i < indices->count; i++)
        if (!index_at(indices, i, x->dims[axis], &at))
            return false;
    if (!fold_make(fold, x->dtype, rank, dims, ret_result, &values))
        return false;
    size_t row = (size_t)product(x, axis + 1, x->rank) * onnx_constant_width(x->dtype);
    char *to = values;
    for (int64_t o = 0; o < product(x, 0, axis); o++)
        for (int64_t i = 0; i < indices->count && index_at(indices, i, x->dims[axis], &at); i++) {
            memcpy(to, (const char *)x->bytes + (size_t)(o * x->dims[axis] + at) * row, row);
            to += row;
        }
    return true;
}

/* What a Slice takes. */
struct slice {
    int64_t starts[ONNX_LIST_MAX], ends[ONNX_LIST_MAX], axes[ONNX_LIST_MAX], steps[ONNX_LIST_MAX];
    size_t count;
};

/* List `input` of the node, or the attribute of that name in old opsets; absent: `count` 0. */
static bool slice_list(const struct fold *fold, int input, const char *name, int64_t *ret_list,
                       size_t *ret_count)
{
    const struct onnx_attribute *attribute = onnx_attribute_find(fold->attributes, name);
    *ret_count = 0;
    if (fold->opset >= 10)
        return input >= fold->input_count || !fold->inputs[input] ||
               fold_ints(fold->inputs[input], ret_list, ret_count);
    if (attribute) {
        memcpy(ret_list, attribute->ints, attribute->int_count * sizeof(*ret_list));
        *ret_count = attribute->int_count;
    }
    return true;
}

static bool read_slice(const struct fold *fold, struct slice *slice)
{
    size_t ends, axes, steps;
    if (!slice_list(fold, 1, "starts", slice->starts, &slice->count) ||
        !slice_list(fold, 2, "ends", slice->ends, &ends) || ends != slice->count ||
        !slice_list(fold, 3, "axes", slice->axes, &axes) || (axes != 0 && axes != slice->count) ||
        !slice_list(fold, 4, "steps", slice->steps, &steps) ||
        (steps != 0 && steps != slice->count))
        return false;
    for (size_t i = 0; i < slice->count; i++) {
        slice->axes[i] = axes ? slice->axes[i] : (int64_t)i;
        slice->steps[i] = steps ? slice->steps[i] : 1;
    }
    return true;
}

/* Where the i-th cut begins and how many it takes of a dimension. */
static bool cut_range(const struct slice *slice, size_t i, int64_t dim, int64_t *ret_start,
                      int64_t *ret_count)
{
    int64_t start = slice->starts[i], end = slice->ends[i], step = slice->steps[i];
    if (step == 0 || step == INT64_MIN || (step < 0 && dim == 0))
        return false;
    start += start < 0 ? dim : 0;
    end += end < 0 ? dim : 0;
    start = MAX(0, MIN(start, step > 0 ? dim : dim - 1));
    end = step > 0 ? MAX(0, MIN(end, dim)) : MAX(-1, MIN(end, dim - 1));
    int64_t span = step > 0 ? end - start : start - end, size = step > 0 ? step : -step;
    *ret_start = start;
    *ret_count = span <= 0 ? 0 : (span - 1) / size + 1;
    return true;
}

bool fold_slice(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    struct slice slice;
    struct fold_walk walk = { .shape = ret_result };
    int64_t dims[PARE_RANK_MAX], strides[PARE_RANK_MAX];
    bool seen[PARE_RANK_MAX] = { false };
    void *values;
    if (!read_slice(fold, &slice))
        return false;
    fold_strides(x, strides);
    memcpy(dims, x->dims, sizeof(dims));
    memcpy(walk.strides[0], strides, sizeof(strides));
    for (size_t i = 0; i < slice.count; i++) {
        int64_t start;
        int axis;
        if (!normal_axis(slice.axes[i], x->rank, &axis) || seen[axis] ||
            !cut_range(&slice, i, x->dims[axis], &start, &dims[axis]))
            return false;
        seen[axis] = true;
        walk.places[0] += start * strides[axis];
        /* A step that is longer than the axis takes one element and goes nowhere. */
        walk.strides[0][axis] = dims[axis] > 1 ? slice.steps[i] * strides[axis] : 0;
    }
    if (!fold_make(fold, x->dtype, x->rank, dims, ret_result, &values))
        return false;
    gather_elements(x, &walk, values);
    return true;
}

bool fold_expand(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    struct onnx_constant wanted = { 0 }, shape;
    int64_t dims[ONNX_LIST_MAX];
    size_t rank;
    void *values;
    struct fold_walk walk = { .shape = ret_result };
    if (fold->input_count != 2 || !fold->inputs[1] || !fold_ints(fold->inputs[1], dims, &rank) ||
        rank > PARE_RANK_MAX)
        return false;
    wanted.rank = (int)rank;
    memcpy(wanted.dims, dims, rank * sizeof(*dims));
    if (!fold_broadcast(x, &wanted, &shape) ||
        !fold_make(fold, x->dtype, shape.rank, shape.dims, ret_result, &values))
        return false;
    fold_stretch(x, ret_result, walk.strides[0]);
    gather_elements(x, &walk, values);
    return true;
}

bool fold_constant_of_shape(struct fold *fold, struct onnx_constant *ret_result)
{
    static const float zero = 0;
    static const struct onnx_constant otherwise = {
        .dtype = PARE_F32, .count = 1, .size_bytes = sizeof(zero), .bytes = &zero
    };
    const struct onnx_constant *value = fold->value ? fold->value : &otherwise;
    int64_t dims[ONNX_LIST_MAX];
    size_t rank;
    void *values;
    if (value->count != 1 || !fold_ints(fold->inputs[0], dims, &rank) || rank > PARE_RANK_MAX ||
        !fold_make(fold, value->dtype, (int)rank, dims, ret_result, &values))
        return false;
    size_t width = onnx_constant_width(value->dtype);
    for (int64_t i = 0; i < ret_result->count; i++)
        memcpy((char *)values + (size_t)i * width, value->bytes, width);
    return true;
}

/* From an axis of a Shape, clamped to the rank. */
static int64_t clamped_axis(const struct fold *fold, const char *name, int rank, int64_t otherwise)
{
    int64_t axis = onnx_attribute_int(fold->attributes, name, otherwise);
    axis += axis < 0 ? rank : 0;
    return MAX(0, MIN(axis, rank));
}

bool fold_shape(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    int64_t start = clamped_axis(fold, "start", x->rank, 0);
    int64_t end = clamped_axis(fold, "end", x->rank, x->rank);
    int64_t count = MAX(end - start, 0);
    void *values;
    if (!fold_make(fold, PARE_I64, 1, &count, ret_result, &values))
        return false;
    memcpy(values, x->dims + start, (size_t)count * sizeof(*x->dims));
    return true;
}

bool fold_size(struct fold *fold, struct onnx_constant *ret_result)
{
    void *values;
    if (!fold_make(fold, PARE_I64, 0, NULL, ret_result, &values))
        return false;
    memcpy(values, &fold->inputs[0]->count, sizeof(fold->inputs[0]->count));
    return true;
}
