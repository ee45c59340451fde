/* SPDX-License-Identifier: MIT */
#include "engine/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/format.h"
#include "kernel/kernel.h"

enum { STEP = 64 * 1024 }; /* elements, an even number */

/* How elements lie in the file; 0 bits: nothing here reads them. */
static const struct layout {
    int bits;
    bool is_integer, is_wide;
} layouts[] = {
    [PARE_BOOL] = { 8, true, false },   [PARE_I4] = { 4, true, false },
    [PARE_U4] = { 4, true, false },     [PARE_I8] = { 8, true, false },
    [PARE_U8] = { 8, true, false },     [PARE_I16] = { 16, true, false },
    [PARE_U16] = { 16, true, false },   [PARE_I32] = { 32, true, true },
    [PARE_U32] = { 32, true, true },    [PARE_I64] = { 64, true, true },
    [PARE_U64] = { 64, true, true },    [PARE_F16] = { 16, false, false },
    [PARE_BF16] = { 16, false, false }, [PARE_F32] = { 32, false, false },
    [PARE_F64] = { 64, false, true },   [PARE_STRING] = { 0, false, false },
};

static const struct layout *layout_of(const struct tensor *t)
{
    return &layouts[(size_t)t->shown.dtype < ARRAY_SIZE(layouts) ? t->shown.dtype : PARE_UNKNOWN];
}

/* Operators whose U8 inputs are two 4-bit numbers a byte. */
static bool is_packed(const struct tensor *t)
{
    static const char *const ops[] = { "MatMulNBits", "MatMulBnb4", "GatherBlockQuantized" };
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        if (t->shown.dtype == PARE_U8 && !strcmp(t->shown.op, ops[i]))
            return true;
    return false;
}

const char *values_refusal(const struct tensor *t)
{
    int64_t bits = layout_of(t)->bits;
    if (t->file_offset < 0)
        return t->unreadable;
    if (bits == 0)
        return "values of its type are no numbers that pare reads";
    if (is_packed(t))
        return "its bytes are packed blocks of 4-bit numbers";
    if (t->shown.element_count < 0 || t->shown.element_count > INT64_MAX / 64 ||
        (t->shown.element_count * bits + 7) / 8 != t->shown.size_bytes)
        return "its bytes are fewer or more than its shape asks for";
    return NULL;
}

/* ---- zero points ---- */

static size_t channel_of(const struct values *v, size_t element)
{
    return element / v->inner % v->channels;
}

/* One for all, or one for each channel; of any other number nothing is made. */
static bool read_zero_points(struct values *v, struct pare_error *err)
{
    const struct tensor *t = v->tensor;
    if (!t->stands_for || t->zero_point < 0)
        return true;
    const struct tensor *zero = &v->model->tensors[t->zero_point];
    bool each = t->scale_axis >= 0 && t->scale_axis < t->shown.rank &&
                zero->shown.element_count == t->shown.dims[t->scale_axis];
    if (zero->file_offset < 0 || zero->shown.dtype != t->shown.dtype ||
        zero->shown.size_bytes != zero->shown.element_count ||
        (zero->shown.element_count != 1 && !each))
        return true;
    size_t count = (size_t)zero->shown.element_count;
    unsigned char *bytes = malloc(count);
    v->zero_points = malloc(count * sizeof(*v->zero_points));
    bool ok = (bytes && v->zero_points) || error_no_memory(err, count * sizeof(int));
    ok = ok && model_read(v->model, zero, 0, count, bytes, err);
    for (size_t i = 0; ok && i < count; i++)
        v->zero_points[i] = zero->shown.dtype == PARE_U8 ? bytes[i] : (int8_t)bytes[i];
    free(bytes);
    v->channels = count;
    for (int i = t->shown.rank; count > 1 && i-- > 0 && i > t->scale_axis;)
        v->inner *= (size_t)MAX(t->shown.dims[i], 1);
    return ok;
}

/* ---- steps ---- */

bool values_open(const struct model *model, const struct tensor *tensor, struct values *ret_values,
                 struct pare_error *err)
{
    const char *refusal = values_refusal(tensor);
    *ret_values = (struct values){ .model = model, .tensor = tensor, .channels = 1, .inner = 1 };
    if (refusal)
        return error_set(err, PARE_ERR_UNSUPPORTED, "tensor %.200s, %s: %s", tensor->shown.name,
                         pare_dtype_name(tensor->shown.dtype), refusal);
    const struct layout *layout = layout_of(tensor);
    ret_values->is_integer = layout->is_integer;
    ret_values->is_wide = layout->is_wide;
    ret_values->numbers = malloc(STEP * sizeof(double));
    ret_values->bytes = malloc(STEP * sizeof(double));
    ret_values->floats = malloc(STEP * sizeof(float));
    if (!ret_values->numbers || !ret_values->bytes || !ret_values->floats)
        return error_no_memory(err, STEP * sizeof(double));
    return read_zero_points(ret_values, err);
}

void values_close(struct values *v)
{
    free(v->numbers);
    free(v->bytes);
    free(v->floats);
    free(v->zero_points);
    *v = (struct values){ 0 };
}

void values_rewind(struct values *v)
{
    v->next = 0;
    v->count = 0;
    v->zero_count = 0;
}

int64_t values_step_bytes(const struct values *v)
{
    return ((int64_t)v->count * layout_of(v->tensor)->bits + 7) / 8;
}

/* The even element is in the low four bits. */
static void read_nibbles(struct values *v, bool is_signed)
{
    for (size_t i = 0; i < v->count; i++) {
        int q = i % 2 ? v->bytes[i / 2] >> 4 : v->bytes[i / 2] & 15;
        v->numbers[i] = is_signed && q > 7 ? q - 16 : q;
    }
}

#define READ_AS(type)                                                                              \
    do {                                                                                           \
        const type *from = (const type *)(const void *)v->bytes;                                   \
        for (size_t i = 0; i < v->count; i++)                                                      \
            v->numbers[i] = (double)from[i];                                                       \
    } while (0)

static void read_floats(struct values *v)
{
    const uint16_t *halves = (const uint16_t *)(const void *)v->bytes;
    if (v->tensor->shown.dtype == PARE_F16)
        kernel_best()->of_fp16(halves, v->count, v->floats);
    else
        kernel_best()->of_bf16(halves, v->count, v->floats);
    for (size_t i = 0; i < v->count; i++)
        v->numbers[i] = (double)v->floats[i];
}

static void read_numbers(struct values *v)
{
    switch (v->tensor->shown.dtype) {
    case PARE_I4:
    case PARE_U4:
        read_nibbles(v, v->tensor->shown.dtype == PARE_I4);
        break;
    case PARE_I8:
        READ_AS(int8_t);
        break;
    case PARE_I16:
        READ_AS(int16_t);
        break;
    case PARE_U16:
        READ_AS(uint16_t);
        break;
    case PARE_I32:
        READ_AS(int32_t);
        break;
    case PARE_U32:
        READ_AS(uint32_t);
        break;
    case PARE_I64:
        READ_AS(int64_t);
        break;
    case PARE_U64:
        READ_AS(uint64_t);
        break;
    case PARE_F16:
    case PARE_BF16:
        read_floats(v);
        break;
    case PARE_F32:
        READ_AS(float);
        break;
    case PARE_F64:
        READ_AS(double);
        break;
    default: /* PARE_BOOL, PARE_U8 */
        READ_AS(uint8_t);
        break;
    }
}

static void count_zeros(struct values *v)
{
    int64_t zeros = 0;
    double same = v->zero_points ? v->zero_points[0] : 0;
    size_t first = (size_t)v->next;
    if (v->channels == 1)
        for (size_t i = 0; i < v->count; i++)
            zeros += v->numbers[i] == same;
    else
        for (size_t i = 0; i < v->count; i++)
            zeros += v->numbers[i] == v->zero_points[channel_of(v, first + i)];
    v->zero_count = zeros;
}

bool values_next(struct values *v, struct pare_error *err)
{
    int bits = layout_of(v->tensor)->bits;
    v->count = (size_t)MIN((int64_t)STEP, v->tensor->shown.element_count - v->next);
    v->zero_count = 0;
    if (v->count == 0)
        return true;
    if (!model_read(v->model, v->tensor, v->next * bits / 8, (size_t)values_step_bytes(v), v->bytes,
                    err))
        return false;
    read_numbers(v);
    count_zeros(v);
    v->next += (int64_t)v->count;
    return true;
}
