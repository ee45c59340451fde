/* SPDX-License-Identifier: MIT */
/*
 * bfloat16: the upper half of a float, with all of its range and 8 bits of precision. Weights are
 * stored so and computed with as float32, so the rounding of the weights is all that changes.
 */
#include "engine/scheme.h"

/* Elements that one call of a kernel sums up: fixed, so that sums are too. */
enum { CHUNK = 4096, STRETCH = 256 * 1024 };

/* Magnitudes, by the bits of a float: from the one on bfloat16 is infinite, up to the other 0. */
#define OVERFLOW 0x7f7f8000u
#define UNDERFLOW 0x8000u /* 2^-134 */

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    (void)change;
    return t->shown.element_count * (int64_t)sizeof(uint16_t);
}

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    (void)step;
    if (t->no_bf16)
        return t->no_bf16;
    if (t->shown.dtype == PARE_BF16)
        return "it is BF16 already";
    if (!t->alone && t->shown.size_bytes - bytes_of(t, NULL) < SCHEME_SAVING_MIN)
        return "bf16 would save less than its node costs";
    if (absmax >= OVERFLOW)
        return "its values are too large: bfloat16 ends at 3.39e38";
    if (absmax > 0 && absmax <= UNDERFLOW)
        return "its values are too small: bfloat16 would make all of them 0";
    *ret_change = (struct change){ .kind = CHANGE_BF16, .axis = -1 };
    return NULL;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    (void)arena;
    (void)step;
    (void)change;
    return "bf16";
}

static void round_step(const struct kernel *kernel, const float *x, size_t n, uint16_t *ret_h,
                       struct kernel_error *io_error)
{
    float wide[CHUNK];
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t step = MIN((size_t)CHUNK, n - at);
        kernel->to_bf16(x + at, step, ret_h + at);
        kernel->of_bf16(ret_h + at, step, wide);
        kernel->error(x + at, wide, step, io_error);
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
        round_step(w->kernel, x, n, (uint16_t *)io_part->room + done, &io_part->error);
    }
    io_part->bytes = count * sizeof(uint16_t);
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .elements = STRETCH / sizeof(uint16_t),
                                              .make = make_part };
    return writing_parts(w, &grid, sink, err);
}

const struct scheme scheme_bf16 = {
    .stretch_bytes = STRETCH,
    .by_element = true,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
};
