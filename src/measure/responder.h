/* SPDX-License-Identifier: MIT */
/*
 * Versions of a model that answer one request at a time, each with a row of a dataset: what
 * traffic is driven with. A request that fails is an answer too, for it is one in production.
 */
#ifndef PARE_MEASURE_RESPONDER_H
#define PARE_MEASURE_RESPONDER_H

#include "base/base.h"

struct dataset;
struct pare_error;
struct responder;

enum { RESPONDER_VERSIONS_MAX = 2, RESPONDER_TEXT = 200, RESPONDER_WARMUPS = 5 };

/* The answer held against the row's label. */
enum response_verdict { RESPONSE_UNJUDGED, RESPONSE_RIGHT, RESPONSE_WRONG };

struct response {
    bool failed;
    char text[RESPONDER_TEXT]; /* "class 7", or the first values; of a failure why */
    enum response_verdict verdict;
    int64_t ns; /* within the runtime, our own copying excluded; of a failure until it showed */
};

/* Load ONNX Runtime, with `threads` for each version. The caller closes. */
MUST_CHECK bool responder_open(int threads, struct responder **ret_responder,
                               struct pare_error *err);
void responder_close(struct responder *responder); /* NULL is fine */

/*
 * Load the model file at `path` as the next version, which becomes number 0, 1, ... The dataset
 * is the caller's, outlives the responder and has to fit the model. A few answers, which nobody
 * gets, warm it up.
 */
MUST_CHECK bool responder_add(struct responder *responder, const char *path,
                              struct dataset *dataset, struct pare_error *err);

/*
 * Ask version `which` about a row of the dataset. A model that wants several rows at once gets
 * those beside it as well. Only integer labels are held against an answer, and only those that
 * are a class of it.
 */
void responder_ask(struct responder *responder, size_t which, int64_t row,
                   struct response *ret_response);

#endif
