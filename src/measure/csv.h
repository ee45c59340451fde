/* SPDX-License-Identifier: MIT */
/*
 * A table of numbers out of comma-separated text: the small way to bring a dataset.
 *
 * A line is a row, its fields are separated by commas, blanks around a field do
 * not count, a field in double quotes may hold commas ("" is a quote), empty
 * lines are skipped. The first line is a header when one of its fields but the
 * last is no number, or the last one is the word label. A column headed `label`,
 * or without a header a last column that is no number, is the rows' label.
 */
#ifndef PARE_MEASURE_CSV_H
#define PARE_MEASURE_CSV_H

#include "base/base.h"

struct arena;
struct pare_error;

enum { CSV_COLUMNS_MAX = 1 << 20 };

struct csv {
    size_t rows, columns; /* without the label's column */
    float *values;        /* (rows, columns), the caller's to free() */
    const char **labels;  /* (rows), in the arena; NULL when there is no such column */
    bool has_header;
};

/* Read `text`, which is changed meanwhile and must end in a zero. Errors name line and column. */
MUST_CHECK bool csv_read(char *text, struct arena *arena, struct csv *ret_csv,
                         struct pare_error *err);

#endif
