/* SPDX-License-Identifier: MIT */
/*
 * A tensor's values on their way in, read by several threads where the source allows it. What
 * comes of it is the same for any number of them.
 */
#ifndef PARE_ENGINE_READING_H
#define PARE_ENGINE_READING_H

#include "base/base.h"
#include "engine/int8.h"

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

/* Of a tensor of F32, F16 or BF16. */
size_t reading_element_bytes(const struct tensor *t);

/* Elements [start, start + count) as float32; `half` is room for as many. By any thread. */
MUST_CHECK bool reading_floats(const struct model *model, const struct tensor *t, size_t start,
                               size_t count, uint16_t *half, float *ret_x, struct pare_error *err);

/*
 * The bits of the largest magnitude of each channel of a tensor of F32, F16 or BF16; of x where the
 * tensor is in memory, else it is read and nothing of it kept.
 */
MUST_CHECK bool reading_magnitudes(const struct reading *r, const struct tensor *t, const float *x,
                                   struct int8_layout layout, uint32_t *ret_bits,
                                   struct pare_error *err);

#endif
