/* SPDX-License-Identifier: MIT */
#include "engine/reading.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "engine/meter.h"
#include "format/format.h"
#include "format/source.h"
#include "kernel/kernel.h"

enum { STEP = 1 << 20, STEPS_MAX = 16, THREADS_DEFAULT_MAX = 8 };

/* Elements that are looked at before they leave the cache, and between two reports. */
enum { LOOK_STEP = 16 * 1024, LOOK_ROUND = 16 << 20 };

/* Channels of so many elements in a row are looked at in 16 bits, as they come. */
enum { ROW_MIN = 16 };

/* Steps that are read at a time, and what came of each. */
struct batch {
    const struct reading *r;
    const struct tensor *t;
    int64_t at;
    float *to; /* of the whole tensor */
    struct step_result {
        bool ok;
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
    size_t size = reading_element_bytes(b->t), count = step_bytes(b, index) / size;
    size_t start = ((size_t)b->at + index * STEP) / size;
    uint16_t half[LOOK_STEP];
    result->ok = true;
    for (size_t done = 0, n; result->ok && done < count; done += n) {
        n = size == sizeof(float) ? count : MIN((size_t)LOOK_STEP, count - done);
        result->ok = reading_floats(b->r->model, b->t, start + done, n, half, b->to + start + done,
                                    &result->err);
    }
}

static bool read_batch(struct batch *b, size_t count, struct pare_error *err)
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
        if (!meter_add(b->r->meter, (int64_t)step_bytes(b, i), err))
            return false;
    }
    return true;
}

bool reading_whole(const struct reading *r, const struct tensor *t, float *to,
                   struct pare_error *err)
{
    struct batch b = { .r = r, .t = t, .to = to };
    r->meter->tensor = t->shown.name;
    while (b.at < t->shown.size_bytes) {
        int64_t left = (t->shown.size_bytes - b.at + STEP - 1) / STEP;
        size_t count = (size_t)MIN(left, (int64_t)STEPS_MAX);
        if (!read_batch(&b, count, err))
            return false;
        b.at += (int64_t)count * STEP;
    }
    return true;
}

/* ---- values that are looked at and not kept ---- */

size_t reading_element_bytes(const struct tensor *t)
{
    bool half = t->shown.dtype == PARE_F16 || t->shown.dtype == PARE_BF16;
    return half ? sizeof(uint16_t) : sizeof(float);
}

bool reading_floats(const struct model *model, const struct tensor *t, size_t start, size_t count,
                    uint16_t *half, float *ret_x, struct pare_error *err)
{
    size_t size = reading_element_bytes(t);
    void *to = size == sizeof(float) ? (void *)ret_x : half;
    if (!model_read(model, t, (int64_t)(start * size), count * size, to, err))
        return false;
    if (t->shown.dtype == PARE_F16)
        kernel_best()->of_fp16(half, count, ret_x);
    else if (t->shown.dtype == PARE_BF16)
        kernel_best()->of_bf16(half, count, ret_x);
    return true;
}

/* Threads take stretches of a tensor until there are none, each with its own magnitudes. */
struct search {
    const struct reading *r;
    const struct tensor *t;
    const float *x;
    struct int8_layout layout;
    atomic_size_t next; /* the first element that nobody has taken */
    size_t end;         /* of this round */
    uint32_t *bits;     /* (threads, channels) */
    struct finder {
        bool ok;
        struct pare_error err;
    } * finders;
};

/* How many elements from *ret_start on are the caller's now; 0: the round is over. */
static size_t take_stretch(struct search *s, size_t *ret_start)
{
    size_t start = atomic_load(&s->next), total = (size_t)s->t->shown.element_count, count;
    do /* the last channel may be short */
        count = start < s->end ? MIN(int8_stretch(s->layout, start, LOOK_STEP), total - start) : 0;
    while (count && !atomic_compare_exchange_weak(&s->next, &start, start + count));
    *ret_start = start;
    return count;
}

/* Whole rows from `start` on, or a part of one: only the largest of each becomes a float. */
static void fold_halves(const struct search *s, const uint16_t *half, size_t start, size_t n,
                        uint32_t *io_bits)
{
    const struct kernel *kernel = kernel_best();
    uint16_t most[LOOK_STEP / ROW_MIN];
    float x[LOOK_STEP / ROW_MIN];
    size_t block = MIN(s->layout.inner, n), count = (n + block - 1) / block;
    kernel->absmax_halves(half, n, block, most);
    if (s->t->shown.dtype == PARE_F16)
        kernel->of_fp16(most, count, x);
    else
        kernel->of_bf16(most, count, x);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits, *to = &io_bits[(start / s->layout.inner + i) % s->layout.channels];
        memcpy(&bits, &x[i], sizeof(bits));
        *to = MAX(*to, bits);
    }
}

static bool look_at(const struct search *s, size_t start, size_t n, uint32_t *io_bits,
                    struct pare_error *err)
{
    float x[LOOK_STEP];
    uint16_t half[LOOK_STEP];
    size_t size = reading_element_bytes(s->t);
    if (s->x) {
        int8_fold(kernel_best(), s->x + start, s->layout, start, n, io_bits);
    } else if (size == sizeof(*half) && s->layout.inner >= ROW_MIN) {
        if (!model_read(s->r->model, s->t, (int64_t)(start * size), n * size, half, err))
            return false;
        fold_halves(s, half, start, n, io_bits);
    } else {
        if (!reading_floats(s->r->model, s->t, start, n, half, x, err))
            return false;
        int8_fold(kernel_best(), x, s->layout, start, n, io_bits);
    }
    return true;
}

static void search_stretches(void *data, size_t thread)
{
    struct search *s = data;
    struct finder *finder = &s->finders[thread];
    uint32_t *bits = s->bits + thread * s->layout.channels;
    size_t start;
    for (size_t n; finder->ok && (n = take_stretch(s, &start)) > 0;)
        finder->ok = look_at(s, start, n, bits, &finder->err);
}

/* A round of the search, and what it cost told. */
static bool search_round(struct search *s, size_t threads, struct pare_error *err)
{
    size_t before = s->next, total = (size_t)s->t->shown.element_count;
    s->end = MIN(before + LOOK_ROUND, total);
    pool_run(s->r->pool, search_stretches, s, threads);
    for (size_t i = 0; i < threads; i++)
        if (!s->finders[i].ok) {
            *err = s->finders[i].err;
            return false;
        }
    size_t bytes = s->x ? 0 : (s->next - before) * reading_element_bytes(s->t);
    return meter_add(s->r->meter, (int64_t)bytes, err);
}

bool reading_magnitudes(const struct reading *r, const struct tensor *t, const float *x,
                        struct int8_layout layout, uint32_t *ret_bits, struct pare_error *err)
{
    bool alone = !x && !r->model->source->ops->read_by_many;
    size_t threads = alone ? 1 : (size_t)pool_threads(r->pool), channels = layout.channels;
    struct search s = { .r = r,
                        .t = t,
                        .x = x,
                        .layout = layout,
                        .bits = calloc(threads * channels, sizeof(uint32_t)),
                        .finders = calloc(threads, sizeof(struct finder)) };
    bool ok = s.bits && s.finders;
    if (!ok)
        error_no_memory(err, threads * channels * sizeof(uint32_t));
    r->meter->tensor = t->shown.name;
    for (size_t i = 0; ok && i < threads; i++)
        s.finders[i].ok = true;
    while (ok && s.next < (size_t)t->shown.element_count)
        ok = search_round(&s, threads, err);
    for (size_t i = 0; ok && i < channels; i++) {
        ret_bits[i] = 0;
        for (size_t thread = 0; thread < threads; thread++)
            ret_bits[i] = MAX(ret_bits[i], s.bits[thread * channels + i]);
    }
    free(s.bits);
    free(s.finders);
    return ok;
}
