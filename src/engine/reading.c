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
    char *to; /* of the first; the others follow, STEP bytes each */
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

static void read_step(void *data, size_t index)
{
    struct batch *b = data;
    struct step_result *result = &b->results[index];
    char *to = b->to + index * STEP;
    size_t n = step_bytes(b, index);
    result->ok = model_read(b->r->model, b->t, b->at + (int64_t)index * STEP, n, to, &result->err);
    result->absmax = 0;
    if (result->ok && b->measure)
        result->absmax = kernel_best()->absmax((const float *)to, n / sizeof(float));
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
            b->to += count * STEP;
    }
    return true;
}

bool reading_whole(const struct reading *r, const struct tensor *t, void *to,
                   struct pare_error *err)
{
    struct batch b = { .r = r, .t = t, .to = to };
    uint32_t ignored = 0;
    return read_all(&b, STEPS_MAX, &ignored, err);
}

bool reading_absmax(const struct reading *r, const struct tensor *t, uint32_t *ret_bits,
                    struct pare_error *err)
{
    struct batch b = { .r = r, .t = t, .measure = true };
    size_t steps = (size_t)MIN(pool_threads(r->pool), (int)STEPS_MAX);
    char *room = b.to = malloc(steps * STEP);
    uint32_t bits = 0;
    if (!room)
        return error_no_memory(err, steps * STEP);
    bool ok = read_all(&b, steps, &bits, err);
    free(room);
    if (ok)
        *ret_bits = bits;
    return ok;
}
