/* SPDX-License-Identifier: MIT */
/*
 * A dataset seen through the inputs of one model: rows in, batches out.
 *
 * A batch is a stretch of the dataset's own memory, nothing is copied. An array
 * with as many axes as the input has rows on the first of them. An array with one
 * axis more holds a whole input in each row (for inputs without a batch axis, such
 * as a scalar or a recurrent state): such a model is fed one row at a time.
 */
#ifndef PARE_MEASURE_FEED_H
#define PARE_MEASURE_FEED_H

#include "base/base.h"
#include "runtime/session.h"

struct dataset;
struct pare_error;

struct feed_input {
    struct session_tensor row; /* one row as the model takes it, data at row 0; dims[0] is the
                                  batch unless whole */
    size_t row_bytes;
    bool whole;
};

struct feed {
    const struct dataset *dataset; /* the caller's, with the arrays */
    struct feed_input *inputs;     /* (count), owned here */
    size_t count;
    int64_t fixed_batch; /* the only batch the model takes; 0: any */
};

/*
 * Hold the dataset against what the session takes. A refusal names the array, its shape and
 * type, and what the model wants. The label of a .csv without a header is told apart here.
 */
MUST_CHECK bool feed_init(struct feed *feed, struct dataset *dataset, const struct session *session,
                          struct pare_error *err);
void feed_done(struct feed *feed); /* the zeroed struct is fine */

/* The batch that will be run when `wanted` is asked for, which is at least 1. */
MUST_CHECK bool feed_batch(const struct feed *feed, int64_t wanted, int64_t *ret_batch,
                           struct pare_error *err);

/* The inputs of rows [first, first + batch), valid as long as the dataset. (count) of them. */
void feed_rows(const struct feed *feed, int64_t first, int64_t batch,
               struct session_tensor *ret_inputs);

#endif
