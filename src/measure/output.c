/* SPDX-License-Identifier: MIT */
#include "measure/output.h"

#include <math.h>

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                  : exponent == 0 ? ldexp(fraction, -24)
                                  : ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -size : size;
}

double output_value(const struct session_tensor *tensor, size_t i)
{
    const void *data = tensor->data;
    switch (tensor->type) {
    case SESSION_TYPE_F32:
        return (double)((const float *)data)[i];
    case SESSION_TYPE_F64:
        return ((const double *)data)[i];
    case SESSION_TYPE_F16:
        return half_value(((const uint16_t *)data)[i]);
    case SESSION_TYPE_I8:
        return ((const int8_t *)data)[i];
    case SESSION_TYPE_I16:
        return ((const int16_t *)data)[i];
    case SESSION_TYPE_I32:
        return ((const int32_t *)data)[i];
    case SESSION_TYPE_I64:
        return (double)((const int64_t *)data)[i];
    case SESSION_TYPE_U8:
    case SESSION_TYPE_BOOL:
        return ((const uint8_t *)data)[i];
    case SESSION_TYPE_U16:
        return ((const uint16_t *)data)[i];
    case SESSION_TYPE_U32:
        return ((const uint32_t *)data)[i];
    case SESSION_TYPE_U64:
        return (double)((const uint64_t *)data)[i];
    case SESSION_TYPE_OTHER:
        break;
    }
    return (double)NAN;
}

bool output_is_integer(enum session_type type)
{
    return type != SESSION_TYPE_F32 && type != SESSION_TYPE_F64 && type != SESSION_TYPE_F16 &&
           type != SESSION_TYPE_OTHER;
}

size_t output_class_width(const struct session_tensor *result, int64_t batch)
{
    int axis = result->rank > 0 && result->dims[0] == batch;
    int64_t width = result->rank > axis ? result->dims[axis] : 1;
    for (int i = axis + 1; i < result->rank; i++)
        if (result->dims[i] != 1)
            return 0;
    return (width == 1) == output_is_integer(result->type) ? (size_t)width : 0;
}

int64_t output_class(const struct session_tensor *result, size_t row, size_t width)
{
    if (width == 1)
        return (int64_t)output_value(result, row);
    int64_t best = OUTPUT_NO_CLASS;
    double best_value = 0;
    for (size_t i = 0; i < width; i++) {
        double value = output_value(result, row * width + i);
        if (isnan(value) || (best != OUTPUT_NO_CLASS && value <= best_value))
            continue;
        best = (int64_t)i;
        best_value = value;
    }
    return best;
}
