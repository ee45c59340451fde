/* SPDX-License-Identifier: MIT */
/* What a model's output says of a row: values as numbers, and the class where there is one in it. */
#ifndef PARE_MEASURE_OUTPUT_H
#define PARE_MEASURE_OUTPUT_H

#include "base/base.h"
#include "runtime/session.h"

enum { OUTPUT_NO_CLASS = -1 };

/* Element `i` as a double; of 64-bit integers beyond 2^53 the nearest one. */
double output_value(const struct session_tensor *tensor, size_t i);

bool output_is_integer(enum session_type type);

/*
 * Values of a row when there is a class in it: all of a float output whose row has one axis of
 * more than one value, 1 of an integer output with one value a row, else 0.
 */
size_t output_class_width(const struct session_tensor *result, int64_t batch);

/*
 * The class of the output's row `row`, `width` values wide: the index of the largest value, the
 * first one of equals, NaN never (all of them: OUTPUT_NO_CLASS); of width 1 the value itself.
 */
int64_t output_class(const struct session_tensor *result, size_t row, size_t width);

#endif
