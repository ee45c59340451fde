/* SPDX-License-Identifier: MIT */
#include "engine/reading.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/pool.h"
#include "engine/meter.h"
#include "format/format.h"
#include "format/source.h"
#include "kernel/kernel.h"

enum { STEP = 1 << 20, STEPS_MAX = 16, THREADS_DEFAULT_MAX = 8 };

/* Steps that are read at a time, and what came of each. */
struct batch {
    const struct reading *r;
    const struct tensor *t;
    int64_t at;
    char *to;      /* of the first; the others follow */
    size_t stride; /* bytes from one step's floats to the next one's */
    size_t width;  /* bytes of an element in the file */
    bool measure;
    struct step_result {
        bool ok;
        uint32_t absmax;
        struct pare_error err;
    } results[STEPS_MAX];
};

bool reading_pool(int threads, struct pool **ret_pool, struct pare_error *err)
{
    int all = MIN(pool_processors(), THREADS_DEFAULT_MAX);
    if (threads < 0 || threads > POOL_THREADS_MAX)
        return error_set(err, PARE_ERR_USAGE, "%d threads: 1 to %d were expected", threads,
                         POOL_THREADS_MAX);
    return pool_open(threads ? threads : all, ret_pool, err);
}

static size_t step_bytes(const struct batch *b, size_t index)
{
    return (size_t)MIN((int64_t)STEP, b->t->shown.size_bytes - b->at - (int64_t)index * STEP);
}

/* The values stand in the upper half of the room of the floats, which never overtake them. */
static void widen(enum pare_dtype dtype, const uint16_t *h, size_t n, float *ret_x)
{
    const struct kernel *kernel = kernel_best();
    if (dtype == PARE_F16)
        kernel->of_fp16(h, n, ret_x);
    else
        kernel->of_bf16(h, n, ret_x);
}

static void read_step(void *data, size_t index)
{
    struct batch *b = data;
    struct step_result *result = &b->results[index];
    char *to = b->to + index * b->stride;
    size_t n = step_bytes(b, index), count = n / b->width;
    char *raw = to + (b->stride == STEP ? 0 : n);
    result->ok = model_read(b->r->model, b->t, b->at + (int64_t)index * STEP, n, raw, &result->err);
    result->absmax = 0;
    if (result->ok && b->t->widens)
        widen(b->t->shown.dtype, (const uint16_t *)raw, count, (float *)to);
    if (result->ok && b->measure)
        result->absmax = kernel_best()->absmax((const float *)to, count);
}

static bool read_batch(struct batch *b, size_t count, uint32_t *io_absmax, struct pare_error *err)
{
    if (b->r->model->source->ops->read_by_many)
        pool_run(b->r->pool, read_step, b, count);
    else
        for (size_t i = 0; i < count; i++)
            read_step(b, i);
    for (size_t i = 0; i < count; i++) {
        if (!b->results[i].ok) {
            *err = b->results[i].err;
            return false;
        }
        *io_absmax = MAX(*io_absmax, b->results[i].absmax);
        if (!meter_add(b->r->meter, (int64_t)step_bytes(b, i), err))
            return false;
    }
    return true;
}

/* `to` has room for all of it, or, where it is only measured, for `steps_max` steps. */
static bool read_all(struct batch *b, size_t steps_max, uint32_t *io_absmax, struct pare_error *err)
{
    b->r->meter->tensor = b->t->shown.name;
    while (b->at < b->t->shown.size_bytes) {
        int64_t left = (b->t->shown.size_bytes - b->at + STEP - 1) / STEP;
        size_t count = (size_t)MIN(left, (int64_t)steps_max);
        if (!read_batch(b, count, io_absmax, err))
            return false;
        b->at += (int64_t)count * STEP;
        if (!b->measure)
            b->to += count * b->stride;
    }
    return true;
}

static struct batch batch_of(const struct reading *r, const struct tensor *t)
{
    return (struct batch){
        .r = r,
        .t = t,
        .stride = t->widens ? 2 * STEP : STEP,
        .width = t->widens ? sizeof(uint16_t) : sizeof(float),
    };
}

bool reading_whole(const struct reading *r, const struct tensor *t, float *to,
                   struct pare_error *err)
{
    struct batch b = batch_of(r, t);
    b.to = (char *)to;
    uint32_t ignored = 0;
    return read_all(&b, STEPS_MAX, &ignored, err);
}

bool reading_absmax(const struct reading *r, const struct tensor *t, uint32_t *ret_bits,
                    struct pare_error *err)
{
    struct batch b = batch_of(r, t);
    size_t steps = (size_t)MIN(pool_threads(r->pool), (int)STEPS_MAX);
    char *room = b.to = malloc(steps * b.stride);
    uint32_t bits = 0;
    b.measure = true;
    if (!room)
        return error_no_memory(err, steps * b.stride);
    bool ok = read_all(&b, steps, &bits, err);
    free(room);
    if (ok)
        *ret_bits = bits;
    return ok;
}
