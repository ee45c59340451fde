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

static void round_stretch(struct writing *w, const float *x, size_t n, uint16_t *ret_h)
{
    float wide[CHUNK];
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t step = MIN((size_t)CHUNK, n - at);
        w->kernel->to_bf16(x + at, step, ret_h + at);
        w->kernel->of_bf16(ret_h + at, step, wide);
        w->kernel->error(x + at, wide, step, &w->error);
    }
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    uint16_t *h = w->stretch;
    size_t count = (size_t)w->shown->element_count;
    for (size_t at = 0, n; at < count; at += n) {
        n = MIN(STRETCH / sizeof(*h), count - at);
        round_stretch(w, w->x + at, n, h);
        if (!writing_put(w, sink, h, n * sizeof(*h), err))
            return false;
    }
    return true;
}

const struct scheme scheme_bf16 = {
    .stretch_bytes = STRETCH,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
};
