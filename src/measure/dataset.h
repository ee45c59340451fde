/* SPDX-License-Identifier: MIT */
/*
 * What models are measured on: rows of inputs, perhaps with the right answers.
 *
 * A dataset is a .npz with one array per model input, whose first axis is the
 * rows, and optionally `label` (integers, or text) and `query` (text); or a .csv
 * for a model with one float input. Which of the two is told by the bytes, not by
 * the name. Values reach the model as they are: pare never preprocesses.
 */
#ifndef PARE_MEASURE_DATASET_H
#define PARE_MEASURE_DATASET_H

#include "base/arena.h"
#include "base/base.h"
#include "base/digest.h"
#include "runtime/session.h"

struct pare_error;

enum { DATASET_CSV_MAX = 1 << 30 };

struct dataset {
    struct arena arena;            /* names and texts */
    char digest[DIGEST_HEX];       /* SHA-256 of the file */
    int64_t rows;                  /* at least 1 */
    struct session_tensor *arrays; /* (array_count), each (rows, ...); their data are owned here */
    size_t array_count;
    int64_t *labels;                /* (rows), owned here; NULL when there are none or text */
    const char *const *label_texts; /* (rows), in the arena; NULL when there are none or integers */
    const char *const *queries;     /* (rows), in the arena; NULL when there are none */
    bool is_csv;
    bool last_may_be_label; /* of a .csv without a header, whose columns are all numbers */
};

/* Read the file at `path` whole. The caller closes. */
MUST_CHECK bool dataset_open(const char *path, struct dataset *ret_dataset, struct pare_error *err);
void dataset_close(struct dataset *dataset); /* the zeroed struct is fine */

/* The array of that name; NULL when there is none. A .csv has one, called "". */
const struct session_tensor *dataset_find(const struct dataset *dataset, const char *name);

/*
 * Take the last column of a .csv without a header for the label, as a model shows that wants
 * one column fewer. False when it holds something other than integers.
 */
MUST_CHECK bool dataset_split_label(struct dataset *dataset, struct pare_error *err);

#endif
