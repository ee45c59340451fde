/* SPDX-License-Identifier: MIT */
/*
 * How right a version is: against labels, and against the version it was made from.
 *
 * Both run on the same rows, in the same batches. The batch is part of the
 * conditions and never adapted to the machine: with dynamic quantization a row's
 * result depends on the rows beside it.
 */
#ifndef PARE_MEASURE_ACCURACY_H
#define PARE_MEASURE_ACCURACY_H

#include "base/base.h"
#include "measure/interval.h"

struct dataset;
struct pare_error;
struct session;
struct watch;

struct accuracy_options {
    int batch;                  /* rows at once, at least 1 */
    const char *output;         /* the output to judge; NULL: the first */
    const char *const *classes; /* (class_count): what class 0, 1, ... is called; for text labels */
    size_t class_count;
};

/*
 * What a row's class is: the index of the largest value of the output's row, the first one of
 * equals, NaN never; or the value itself of an integer output with one value a row. Outputs of
 * other shapes (an embedding per token, a single score) have none: has_class is false, and only
 * the comparison of values remains.
 */
struct accuracy {
    int64_t rows, batch;
    bool has_class, has_labels, has_parent;

    /* With has_labels. */
    int64_t right;
    double accuracy; /* right / rows */

    /* With has_parent and has_class. */
    int64_t agreed;
    double agreement; /* share of rows with the parent's class */

    /* With has_parent and has_labels. */
    int64_t parent_right, broken, fixed; /* broken: the parent was right and this is not */
    double parent_accuracy;
    double change;                   /* accuracy - parent_accuracy */
    struct interval change_interval; /* 95 %, see interval_of_change() */

    /* With has_parent. Over all values x of the parent's output and y of this one's. */
    double sqnr_db;     /* 10 log10(sum x^2 / sum (x - y)^2); infinity when they are equal,
                            minus infinity when y is not finite somewhere where x is */
    double max_abs;     /* max |x - y| */
    int64_t not_finite; /* values of y that are NaN or infinite */
};

/*
 * Run all rows through `session` and, unless NULL, through `parent`. Labels of the dataset are
 * used when there are any; one that is no class of the model is refused with its row.
 */
MUST_CHECK bool accuracy_measure(struct session *session, struct session *parent,
                                 struct dataset *dataset, const struct accuracy_options *options,
                                 struct watch *watch, struct accuracy *ret_accuracy,
                                 struct pare_error *err);

#endif
