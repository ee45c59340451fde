/* SPDX-License-Identifier: MIT */
/* Operators that compute: in the type of their inputs, one rounding a step, as written. */
#include <math.h>
#include <string.h>

#include "format/onnx_fold.h"

/* ---- Cast ---- */

/* Room between the largest float64 below 2^63 and the range of int64. */
#define INT64_END 9223372036854775808.0

/* A number as the widest of its kind. */
struct number {
    bool whole;
    int64_t i;
    double f;
};

static bool read_number(const struct onnx_constant *x, int64_t at, struct number *ret_number)
{
    switch (x->dtype) {
    case PARE_F32:
        *ret_number = (struct number){ .f = (double)((const float *)x->bytes)[at] };
        return true;
    case PARE_F64:
        *ret_number = (struct number){ .f = ((const double *)x->bytes)[at] };
        return true;
    case PARE_I64:
        *ret_number = (struct number){ .whole = true, .i = ((const int64_t *)x->bytes)[at] };
        return true;
    case PARE_I32:
        *ret_number = (struct number){ .whole = true, .i = ((const int32_t *)x->bytes)[at] };
        return true;
    case PARE_BOOL:
        *ret_number = (struct number){ .whole = true, .i = ((const uint8_t *)x->bytes)[at] != 0 };
        return true;
    default:
        return false;
    }
}

/* False where the value has no place in the type. */
static bool write_number(const struct number *n, enum pare_dtype dtype, void *values, int64_t at)
{
    double low = dtype == PARE_I32 ? (double)INT32_MIN : -INT64_END;
    double high = dtype == PARE_I32 ? (double)INT32_MAX + 1 : INT64_END;
    double cut = n->whole ? 0 : trunc(n->f);
    switch (dtype) {
    case PARE_F32:
        ((float *)values)[at] = n->whole ? (float)n->i : (float)n->f;
        return true;
    case PARE_F64:
        ((double *)values)[at] = n->whole ? (double)n->i : n->f;
        return true;
    case PARE_BOOL:
        ((uint8_t *)values)[at] = n->whole ? n->i != 0 : n->f != 0;
        return true;
    case PARE_I64:
    case PARE_I32:
        if (!n->whole && !(cut >= low && cut < high))
            return false;
        if (dtype == PARE_I64)
            ((int64_t *)values)[at] = n->whole ? n->i : (int64_t)cut;
        else
            ((int32_t *)values)[at] = (int32_t)(uint32_t)(n->whole ? n->i : (int64_t)cut);
        return true;
    default:
        return false;
    }
}

bool fold_cast(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    enum pare_dtype to = onnx_dtype(onnx_attribute_int(fold->attributes, "to", 0));
    struct number number;
    void *values;
    if (!fold_make(fold, to, x->rank, x->dims, ret_result, &values))
        return false;
    if (to == x->dtype) {
        memcpy(values, x->bytes, (size_t)x->size_bytes);
        return true;
    }
    for (int64_t i = 0; i < x->count; i++)
        if (!read_number(x, i, &number) || !write_number(&number, to, values, i))
            return false;
    return true;
}

/* ---- Add, Sub, Mul, Div ---- */

/* By the first letter of the operator. */
enum sign { ADD = 'A', SUB = 'S', MUL = 'M', DIV = 'D' };

#define FLOAT_SIGN(type)                                                                           \
    static type sign_##type(enum sign sign, type a, type b)                                        \
    {                                                                                              \
        return sign == ADD ? a + b : sign == SUB ? a - b : sign == MUL ? a * b : a / b;            \
    }
FLOAT_SIGN(float)
FLOAT_SIGN(double)

/* Whole numbers wrap, as the processor's do; a quotient that has no value is not computed. */
static bool sign_whole(enum sign sign, int64_t a, int64_t b, int64_t lowest, int64_t *ret_value)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    if (sign == DIV) {
        if (b == 0 || (a == lowest && b == -1))
            return false;
        *ret_value = a / b;
        return true;
    }
    *ret_value = (int64_t)(sign == ADD ? ua + ub : sign == SUB ? ua - ub : ua * ub);
    return true;
}

static bool compute(enum sign sign, const struct onnx_constant *a, const struct onnx_constant *b,
                    const int64_t places[], void *values, int64_t at)
{
    const int64_t *wide[2] = { a->bytes, b->bytes };
    const int32_t *narrow[2] = { a->bytes, b->bytes };
    int64_t whole;
    switch (a->dtype) {
    case PARE_F32:
        ((float *)values)[at] = sign_float(sign, ((const float *)a->bytes)[places[0]],
                                           ((const float *)b->bytes)[places[1]]);
        return true;
    case PARE_F64:
        ((double *)values)[at] = sign_double(sign, ((const double *)a->bytes)[places[0]],
                                             ((const double *)b->bytes)[places[1]]);
        return true;
    case PARE_I64:
        return sign_whole(sign, wide[0][places[0]], wide[1][places[1]], INT64_MIN,
                          (int64_t *)values + at);
    case PARE_I32:
        if (!sign_whole(sign, narrow[0][places[0]], narrow[1][places[1]], INT32_MIN, &whole))
            return false;
        ((int32_t *)values)[at] = (int32_t)(uint32_t)whole;
        return true;
    default:
        return false;
    }
}

bool fold_arithmetic(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *a = fold->inputs[0];
    const struct onnx_constant *b = fold->input_count == 2 ? fold->inputs[1] : NULL;
    struct onnx_constant shape;
    struct fold_walk walk = { .shape = ret_result };
    void *values;
    if (!b || a->dtype != b->dtype || !fold_broadcast(a, b, &shape) ||
        !fold_make(fold, a->dtype, shape.rank, shape.dims, ret_result, &values))
        return false;
    fold_stretch(a, ret_result, walk.strides[0]);
    fold_stretch(b, ret_result, walk.strides[1]);
    for (int64_t i = 0; i < ret_result->count; i++) {
        if (!compute((enum sign) * fold->op, a, b, walk.places, values, i))
            return false;
        fold_step(&walk);
    }
    return true;
}

/* ---- of one operand ---- */

static bool float_unary(const char *op, float x, float *ret_value)
{
    switch (*op) {
    case 'N': /* Neg */
        *ret_value = -x;
        return op[1] == 'e';
    case 'S':
        *ret_value = sqrtf(x);
        return true;
    case 'R':
        *ret_value = 1 / x;
        return true;
    case 'F':
        *ret_value = floorf(x);
        return true;
    default:
        *ret_value = ceilf(x);
        return true;
    }
}

bool fold_unary(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *x = fold->inputs[0];
    bool negate = !strcmp(fold->op, "Neg"), invert = !strcmp(fold->op, "Not");
    void *values;
    if (!fold_make(fold, x->dtype, x->rank, x->dims, ret_result, &values))
        return false;
    for (int64_t i = 0; i < x->count; i++) {
        if (x->dtype == PARE_F32) {
            if (!float_unary(fold->op, ((const float *)x->bytes)[i], (float *)values + i))
                return false;
        } else if (x->dtype == PARE_I64 && negate) {
            ((int64_t *)values)[i] = (int64_t)(0 - ((const uint64_t *)x->bytes)[i]);
        } else if (x->dtype == PARE_BOOL && invert) {
            ((uint8_t *)values)[i] = !((const uint8_t *)x->bytes)[i];
        } else {
            return false;
        }
    }
    return true;
}

/* ---- Equal, Where, Range ---- */

bool fold_equal(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *a = fold->inputs[0];
    const struct onnx_constant *b = fold->input_count == 2 ? fold->inputs[1] : NULL;
    struct onnx_constant shape;
    struct number left, right;
    struct fold_walk walk = { .shape = ret_result };
    void *values;
    if (!b || a->dtype != b->dtype || !fold_broadcast(a, b, &shape) ||
        !fold_make(fold, PARE_BOOL, shape.rank, shape.dims, ret_result, &values))
        return false;
    fold_stretch(a, ret_result, walk.strides[0]);
    fold_stretch(b, ret_result, walk.strides[1]);
    for (int64_t i = 0; i < ret_result->count; i++) {
        if (!read_number(a, walk.places[0], &left) || !read_number(b, walk.places[1], &right))
            return false;
        ((uint8_t *)values)[i] = left.whole ? left.i == right.i : left.f == right.f;
        fold_step(&walk);
    }
    return true;
}

bool fold_where(struct fold *fold, struct onnx_constant *ret_result)
{
    const struct onnx_constant *const *in = fold->inputs;
    struct onnx_constant shape, all;
    struct fold_walk walk = { .shape = ret_result };
    void *values;
    if (fold->input_count != 3 || !in[1] || !in[2] || in[0]->dtype != PARE_BOOL ||
        in[1]->dtype != in[2]->dtype || !fold_broadcast(in[0], in[1], &shape) ||
        !fold_broadcast(&shape, in[2], &all) ||
        !fold_make(fold, in[1]->dtype, all.rank, all.dims, ret_result, &values))
        return false;
    size_t width = onnx_constant_width(in[1]->dtype);
    for (int k = 0; k < 3; k++)
        fold_stretch(in[k], ret_result, walk.strides[k]);
    for (int64_t i = 0; i < ret_result->count; i++) {
        int k = ((const uint8_t *)in[0]->bytes)[walk.places[0]] ? 1 : 2;
        memcpy((char *)values + (size_t)i * width,
               (const char *)in[k]->bytes + (size_t)walk.places[k] * width, width);
        fold_step(&walk);
    }
    return true;
}

/* Of whole numbers; how ONNX Runtime counts the steps between floats is its own affair. */
bool fold_range(struct fold *fold, struct onnx_constant *ret_result)
{
    int64_t ends[3], count;
    size_t n;
    void *values;
    if (fold->input_count != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        const struct onnx_constant *x = fold->inputs[i];
        int64_t ints[ONNX_LIST_MAX];
        if (!x || x->dtype != PARE_I64 || !fold_ints(x, ints, &n) || n != 1 ||
            ints[0] > INT32_MAX || ints[0] < INT32_MIN)
            return false;
        ends[i] = ints[0];
    }
    int64_t span = ends[2] > 0 ? ends[1] - ends[0] : ends[0] - ends[1];
    int64_t step = ends[2] > 0 ? ends[2] : -ends[2];
    if (step == 0)
        return false;
    count = span <= 0 ? 0 : (span - 1) / step + 1;
    if (!fold_make(fold, PARE_I64, 1, &count, ret_result, &values))
        return false;
    for (int64_t i = 0; i < count; i++)
        ((int64_t *)values)[i] = ends[0] + i * ends[2];
    return true;
}
