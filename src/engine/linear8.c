/* SPDX-License-Identifier: MIT */
/*
 * int8 of a checkpoint, as bitsandbytes keeps it for LLM.int8(): format/linear8.h has the layout.
 *
 * A weight is rounded to float16 first, and so is the magnitude of its output; kernel.h has the
 * formula.
 */
#include "format/linear8.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "engine/scheme.h"

/* Elements of a part. */
enum { STRETCH = 1 << 17 };

/* ---- the plan ---- */

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    (void)step;
    if (t->no_int8)
        return t->no_int8;
    if (absmax >= FP16_OVERFLOW)
        return "its values are too large: it becomes float16 on the way, which ends at 65504";
    *ret_change =
        (struct change){ .kind = CHANGE_LINEAR8, .axis = 0, .scale_count = t->shown.dims[0] };
    return NULL;
}

static struct int8_layout channels_of(const struct tensor *t, const struct step *step)
{
    (void)step;
    return int8_layout(&t->shown, 0);
}

/* Rounding keeps the order, so the largest of an output stays the largest. */
static bool complete(const struct tensor *t, const struct step *step, const uint32_t *magnitudes,
                     struct arena *arena, struct change *io_change, struct pare_error *err)
{
    size_t count = (size_t)io_change->scale_count;
    float *absmax = arena_array(arena, count + 1, sizeof(*absmax));
    const struct kernel *kernel = kernel_best();
    (void)t;
    (void)step;
    if (!absmax)
        return error_no_memory(err, count * sizeof(*absmax));
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&absmax[i], &magnitudes[i], sizeof(*absmax));
        kernel->to_fp16(&absmax[i], 1, &half);
        kernel->of_fp16(&half, 1, &absmax[i]);
    }
    io_change->absmax = absmax;
    return true;
}

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    return t->shown.element_count + change->scale_count * (int64_t)sizeof(float) + 1;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    (void)arena;
    (void)step;
    (void)change;
    return "int8 per output, LLM.int8()";
}

/* ---- the writing ---- */

/* Output by output. */
static void make_step(const struct writing *w, const float *x, size_t start, size_t count,
                      int8_t *ret_q, struct kernel_error *io_error)
{
    size_t columns = (size_t)w->shown->dims[1];
    for (size_t at = 0, n; at < count; at += n) {
        n = MIN(columns - (start + at) % columns, count - at);
        w->kernel->linear8(x + at, n, w->change->absmax[(start + at) / columns], ret_q + at,
                           io_error);
    }
}

static void make_part(const struct writing *w, struct writing_part *io_part)
{
    size_t start = (size_t)io_part->place[0], count = (size_t)io_part->place[1];
    struct writing_room room;
    for (size_t done = 0, n; done < count; done += n) {
        n = MIN((size_t)WRITING_STEP, count - done);
        const float *x = writing_read(w, io_part, start + done, n, &room);
        if (!x)
            return;
        make_step(w, x, start + done, n, (int8_t *)io_part->room + done, &io_part->error);
    }
    io_part->bytes = count;
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .elements = STRETCH, .make = make_part };
    return writing_parts(w, &grid, sink, err);
}

const struct scheme scheme_linear8 = {
    .stretch_bytes = STRETCH,
    .by_element = true,
    .channels = channels_of,
    .complete = complete,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
};
