/* SPDX-License-Identifier: MIT */
#include "engine/int8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/reading.h"
#include "engine/scheme.h"
#include "format/sink.h"

/* Elements that one call of a kernel sums up: fixed, so that sums are too. */
enum { CHUNK = 4096, STRETCH = 256 * 1024 };

/* Below this saving a table is not worth what its lookups take longer. */
enum { LOOKUP_SAVING_MIN = 64 * 1024 };

struct int8_layout int8_layout(const struct pare_tensor *tensor, int axis)
{
    struct int8_layout layout = { 1, 1, 1 };
    for (int i = 0; i < tensor->rank; i++) {
        size_t *side = i < axis ? &layout.outer : i == axis ? &layout.channels : &layout.inner;
        *side *= (size_t)tensor->dims[i];
    }
    return layout;
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

float int8_scale(uint32_t absmax_bits, bool reduce_range)
{
    float absmax = from_bits(absmax_bits);
    float span = absmax - -absmax;
    double scale = (double)span / (reduce_range ? 128.0 : 254.0);
    return scale < (double)FLT_MIN ? 1.0f : (float)scale;
}

bool int8_fits(uint32_t absmax_bits)
{
    return absmax_bits < KERNEL_INFINITY && isfinite(2 * from_bits(absmax_bits));
}

void int8_fold(const struct kernel *kernel, const float *x, struct int8_layout layout, size_t start,
               size_t count, uint32_t *io_bits)
{
    if (layout.inner == 1 && layout.channels > 1) {
        size_t columns = MIN(count, layout.channels);
        kernel->absmax_columns(x, count / columns, columns, io_bits + start % layout.channels);
        return;
    }
    for (size_t done = 0, n; done < count; done += n) {
        size_t at = start + done;
        uint32_t *bits = &io_bits[at / layout.inner % layout.channels];
        n = MIN(layout.inner - at % layout.inner, count - done);
        *bits = MAX(*bits, kernel->absmax(x + done, n));
    }
}

static size_t count_of(struct int8_layout layout)
{
    return layout.outer * layout.channels * layout.inner;
}

void int8_scales(const struct kernel *kernel, const float *x, struct int8_layout layout,
                 bool reduce_range, uint32_t *bits, float *ret_scales)
{
    memset(bits, 0, layout.channels * sizeof(*bits));
    int8_fold(kernel, x, layout, 0, count_of(layout), bits);
    for (size_t i = 0; i < layout.channels; i++)
        ret_scales[i] = int8_scale(bits[i], reduce_range);
}

size_t int8_stretch(struct int8_layout layout, size_t start, size_t room)
{
    size_t total = count_of(layout);
    size_t row = layout.inner == 1 ? layout.channels : layout.inner;
    size_t left_in_row = row - start % row;
    if (left_in_row < row || row > room)
        return MIN(left_in_row, room);
    return MIN(room / row * row, total - start);
}

/* One row or a part of it: one scale. */
static void quantize_row(const struct kernel *kernel, const float *x, size_t count, float scale,
                         int8_t *ret_q, struct kernel_error *io_error,
                         struct int8_counts *io_counts)
{
    for (size_t at = 0; at < count; at += CHUNK) {
        size_t n = MIN((size_t)CHUNK, count - at);
        io_counts->clipped += kernel->int8(x + at, n, scale, ret_q + at);
        kernel->error_int8(x + at, ret_q + at, n, scale, io_error);
    }
}

/* Rows of one element a channel, or a part of one such row that begins at `channel`. */
static void quantize_columns(const struct kernel *kernel, const float *x, size_t count,
                             size_t channel, size_t channels, const float *scales, int8_t *ret_q,
                             struct kernel_error *io_error, struct int8_counts *io_counts)
{
    size_t columns = count < channels ? count : channels;
    size_t rows = count / columns, step = MAX(CHUNK / columns, (size_t)1);
    for (size_t row = 0; row < rows; row += step) {
        size_t n = MIN(step, rows - row), at = row * columns;
        io_counts->clipped +=
            kernel->int8_columns(x + at, n, columns, scales + channel, ret_q + at);
        kernel->error_int8_columns(x + at, ret_q + at, n, columns, scales + channel, io_error);
    }
}

void int8_quantize(const struct kernel *kernel, const float *x, struct int8_layout layout,
                   const float *scales, size_t start, size_t count, int8_t *ret_q,
                   struct kernel_error *io_error, struct int8_counts *io_counts)
{
    if (layout.inner == 1) {
        quantize_columns(kernel, x, count, start % layout.channels, layout.channels, scales, ret_q,
                         io_error, io_counts);
        return;
    }
    for (size_t done = 0; done < count;) {
        size_t at = start + done;
        size_t n = MIN(layout.inner - at % layout.inner, count - done);
        size_t channel = at / layout.inner % layout.channels;
        quantize_row(kernel, x + done, n, scales[channel], ret_q + done, io_error, io_counts);
        done += n;
    }
}

/* ---- the scheme ---- */

static struct change change_of(const struct tensor *t, const struct step *step)
{
    bool folded = t->int8 == INT8_DYNAMIC && step->form == FORM_WEIGHT_ONLY;
    struct change change = { .kind = CHANGE_INT8,
                             .form = folded ? INT8_WEIGHT_ONLY : t->int8,
                             .axis = t->int8 == INT8_LOOKUP ? 0 : t->channel_axis,
                             .scale_count = 1 };
    if (!step->per_channel)
        change.axis = -1;
    if (change.axis >= 0)
        change.scale_count = t->shown.dims[change.axis];
    return change;
}

/* A narrower range is for 8-bit products; a weight that is made float again would but lose. */
static bool is_narrow(const struct step *step, const struct change *change)
{
    return step->reduce_range && change->form == INT8_DYNAMIC;
}

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    return t->shown.element_count + change->scale_count * (int64_t)sizeof(float);
}

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    if (t->int8 == INT8_NONE)
        return t->no_int8;
    if (step->form == FORM_DYNAMIC && t->int8 != INT8_DYNAMIC)
        return "there is no dynamic form for all of its uses";
    if (!int8_fits(absmax))
        return "its values are too large: twice the largest is infinite";
    *ret_change = change_of(t, step);
    int64_t saving = t->shown.size_bytes - bytes_of(t, ret_change);
    if (t->int8 == INT8_LOOKUP && saving < LOOKUP_SAVING_MIN)
        return "int8 would save less than 64 KiB, too little for three nodes more a lookup";
    if (saving < SCHEME_SAVING_MIN)
        return "int8 would save less than its scales and nodes cost";
    return NULL;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    static const char *const forms[] = {
        [INT8_WEIGHT_ONLY] = "weight-only", [INT8_DYNAMIC] = "dynamic", [INT8_LOOKUP] = "looked up"
    };
    const char *channel = change->form == INT8_LOOKUP ? "row" : "channel";
    return arena_printf(arena, "int8 per %s%s, %s", change->axis >= 0 ? channel : "tensor",
                        is_narrow(step, change) ? " in reduced range" : "", forms[change->form]);
}

/* The scales are kept: other tensors may come before they are written. */
static bool make_scales(struct writing *w, struct int8_layout layout, struct pare_error *err)
{
    uint32_t *bits = w->magnitudes ? NULL : malloc(layout.channels * sizeof(*bits));
    const uint32_t *found = w->magnitudes ? w->magnitudes : bits;
    float *scales = *w->kept = malloc(layout.channels * sizeof(*scales));
    struct reading reading = { w->model, w->pool, w->meter };
    bool ok = scales && found;
    if (!ok)
        error_no_memory(err, layout.channels * sizeof(*scales));
    if (ok && !w->magnitudes)
        ok = reading_magnitudes(&reading, w->tensor, w->x, layout, bits, err);
    for (size_t i = 0; ok && i < layout.channels; i++)
        scales[i] = int8_scale(found[i], is_narrow(w->step, w->change));
    free(bits);
    return ok;
}

/* Place: the first element and how many. */
static bool next_part(const struct writing *w, int64_t io_place[4])
{
    int64_t start = io_place[0] + io_place[1];
    if (start == w->shown->element_count)
        return false;
    io_place[0] = start;
    io_place[1] =
        (int64_t)int8_stretch(int8_layout(w->shown, w->change->axis), (size_t)start, STRETCH);
    return true;
}

static void make_part(const struct writing *w, struct writing_part *io_part)
{
    struct int8_layout layout = int8_layout(w->shown, w->change->axis);
    struct int8_counts counts = { 0 };
    struct writing_room room;
    size_t start = (size_t)io_part->place[0], count = (size_t)io_part->place[1];
    for (size_t done = 0, n; done < count; done += n) {
        n = MIN(int8_stretch(layout, start + done, WRITING_STEP), count - done);
        const float *x = writing_read(w, io_part, start + done, n, &room);
        if (!x)
            return;
        int8_quantize(w->kernel, x, layout, *w->kept, start + done, n,
                      (int8_t *)io_part->room + done, &io_part->error, &counts);
    }
    io_part->bytes = count;
    io_part->clipped = counts.clipped;
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .next = next_part, .make = make_part };
    return make_scales(w, int8_layout(w->shown, w->change->axis), err) &&
           writing_parts(w, &grid, sink, err);
}

static bool write_scales(struct writing *w, struct sink *sink, struct pare_error *err)
{
    bool ok = sink_write(sink, *w->kept, (size_t)w->change->scale_count * sizeof(float), err);
    free(*w->kept);
    *w->kept = NULL;
    return ok;
}

static struct int8_layout channels_of(const struct tensor *t, const struct step *step)
{
    return int8_layout(&t->shown, change_of(t, step).axis);
}

const struct scheme scheme_int8 = {
    .stretch_bytes = STRETCH,
    .by_element = true,
    .channels = channels_of,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
    .scales = write_scales,
};
