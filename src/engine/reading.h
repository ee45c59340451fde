/* SPDX-License-Identifier: MIT */
/*
 * A tensor's values on their way in, read by several threads where the source allows it. What
 * comes of it is the same for any number of them.
 */
#ifndef PARE_ENGINE_READING_H
#define PARE_ENGINE_READING_H

#include "base/base.h"

struct meter;
struct model;
struct pare_error;
struct pool;
struct tensor;

struct reading {
    const struct model *model;
    struct pool *pool;
    struct meter *meter; /* told of every byte */
};

/* What `threads` of options means: 0 as many as there are processors, 8 at most. */
MUST_CHECK bool reading_pool(int threads, struct pool **ret_pool, struct pare_error *err);

/* All of it as float32 into `to`, which has room for element_count of them. */
MUST_CHECK bool reading_whole(const struct reading *r, const struct tensor *t, float *to,
                              struct pare_error *err);

/* The bits of a tensor's largest magnitude, keeping nothing. */
MUST_CHECK bool reading_absmax(const struct reading *r, const struct tensor *t, uint32_t *ret_bits,
                               struct pare_error *err);

#endif
