/* SPDX-License-Identifier: MIT */
/*
 * A weight of a checkpoint that bitsandbytes has quantized, as the float32 values that it stands
 * for: nf4 and fp4, also where the blocks' magnitudes are quantized too (format/linear4.h), and
 * LLM.int8() with a magnitude for each output (format/linear8.h).
 *
 * What the tensors beside it say is not trusted: sizes that do not go together are no packed
 * weight. Memory is the same for any size, for values are made a step at a time.
 */
#ifndef PARE_ENGINE_PACKED_H
#define PARE_ENGINE_PACKED_H

#include "format/linear4.h"

enum {
    PACKED_STEP = 64 * 1024, /* elements that are made at a time, at most */
    PACKED_PARTS_MAX = 5,
};

/* The tensor of that name; NULL when there is none. */
typedef const struct tensor *packed_find_fn(const void *data, const char *name);

struct packed {
    const struct model *model;
    const struct tensor *codes, *scales, *nested; /* nested NULL: the scales are floats */
    const struct tensor *parts[PACKED_PARTS_MAX]; /* the tensors beside it */
    size_t part_count;
    struct pare_tensor shown; /* as it was: shape, elements; bytes with the parts */
    int64_t block;            /* of LLM.int8() a row */
    bool is_int8;
    float map[LINEAR4_CODES], nested_map[LINEAR4_NESTED_CODES], offset;
};

/* Whether `tensor` is such a weight; *ret_packed is written only if it is. */
MUST_CHECK bool packed_open(const struct model *model, const struct tensor *tensor,
                            packed_find_fn *find, const void *data, struct packed *ret_packed,
                            bool *ret_is, struct pare_error *err);

/* `count` values from an even `start` on, at most PACKED_STEP; `bytes` has room for as many. */
MUST_CHECK bool packed_read(const struct packed *packed, size_t start, size_t count,
                            unsigned char *bytes, float *ret_values, struct pare_error *err);

#endif
