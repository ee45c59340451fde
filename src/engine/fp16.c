/* SPDX-License-Identifier: MIT */
#include "engine/fp16.h"

#include "engine/scheme.h"

/* Elements that one call of a kernel sums up: fixed, so that sums are too. */
enum { CHUNK = 4096, STRETCH = 256 * 1024 };

const char *fp16_why_not(uint32_t absmax_bits)
{
    if (absmax_bits >= FP16_OVERFLOW)
        return "its values are too large: float16 ends at 65504";
    if (absmax_bits > 0 && absmax_bits <= FP16_UNDERFLOW)
        return "its values are too small: float16 would make all of them 0";
    return NULL;
}

void fp16_round(const struct kernel *kernel, const float *x, size_t n, uint16_t *ret_h,
                struct kernel_error *io_error)
{
    float wide[CHUNK];
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t step = MIN((size_t)CHUNK, n - at);
        kernel->to_fp16(x + at, step, ret_h + at);
        kernel->of_fp16(ret_h + at, step, wide);
        kernel->error(x + at, wide, step, io_error);
    }
}

/* ---- the scheme ---- */

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    if (t->shown.dtype == PARE_F16)
        return "it is F16 already";
    *ret_change = (struct change){ .kind = CHANGE_FP16, .axis = -1, .io16 = !step->keep_io };
    return fp16_why_not(absmax);
}

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    (void)change;
    return t->shown.element_count * (int64_t)sizeof(uint16_t);
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    (void)arena;
    (void)step;
    (void)change;
    return "fp16";
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
        fp16_round(w->kernel, x, n, (uint16_t *)io_part->room + done, &io_part->error);
    }
    io_part->bytes = count * sizeof(uint16_t);
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .elements = STRETCH / sizeof(uint16_t),
                                              .make = make_part };
    return writing_parts(w, &grid, sink, err);
}

const struct scheme scheme_fp16 = {
    .stretch_bytes = STRETCH,
    .by_element = true,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
};
