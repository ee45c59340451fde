/* SPDX-License-Identifier: MIT */
#include "engine/int8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "engine/scheme.h"
#include "format/sink.h"

/* Elements that one call of a kernel sums up: fixed, so that sums are too. */
enum { CHUNK = 4096, STRETCH = 256 * 1024 };

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

/* Of elements [start, start + count): where a channel has one element a row, of whole rows. */
static void fold_magnitudes(const struct kernel *kernel, const float *x, struct int8_layout layout,
                            size_t start, size_t count, uint32_t *io_bits)
{
    if (layout.inner == 1) {
        kernel->absmax_columns(x + start, count / layout.channels, layout.channels, io_bits);
        return;
    }
    for (size_t at = start, n; at < start + count; at += n) {
        uint32_t *bits = &io_bits[at / layout.inner % layout.channels];
        n = MIN(layout.inner - at % layout.inner, start + count - at);
        *bits = MAX(*bits, kernel->absmax(x + at, n));
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
    fold_magnitudes(kernel, x, layout, 0, count_of(layout), bits);
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
    x += start;
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
    bool dynamic = t->int8 == INT8_DYNAMIC && step->form != FORM_WEIGHT_ONLY;
    struct change change = { .kind = CHANGE_INT8,
                             .form = dynamic ? INT8_DYNAMIC : INT8_WEIGHT_ONLY,
                             .axis = step->per_channel ? t->channel_axis : -1,
                             .scale_count = 1 };
    if (change.axis >= 0)
        change.scale_count = t->shown.dims[change.axis];
    return change;
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
    if (t->shown.size_bytes - bytes_of(t, ret_change) < SCHEME_SAVING_MIN)
        return "int8 would save less than its scales and nodes cost";
    return NULL;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    return arena_printf(arena, "int8 per %s%s, %s", change->axis >= 0 ? "channel" : "tensor",
                        step->reduce_range ? " in reduced range" : "",
                        change->form == INT8_DYNAMIC ? "dynamic" : "weight-only");
}

/* Magnitudes that each thread finds in its share of a tensor. */
struct search {
    const struct writing *w;
    struct int8_layout layout;
    size_t share;   /* elements of each */
    uint32_t *bits; /* (threads, channels), zeros at first */
};

static void search_share(void *data, size_t thread)
{
    struct search *search = data;
    size_t total = count_of(search->layout), start = thread * search->share;
    if (start < total)
        fold_magnitudes(search->w->kernel, search->w->x, search->layout, start,
                        MIN(search->share, total - start),
                        search->bits + thread * search->layout.channels);
}

/* The scales are kept: other tensors may come before they are written. */
static bool make_scales(struct writing *w, struct int8_layout layout, struct pare_error *err)
{
    size_t threads = (size_t)pool_threads(w->pool), channels = layout.channels;
    size_t row = layout.inner == 1 ? channels : 1, rows = count_of(layout) / row;
    struct search search = { w, layout, (rows + threads - 1) / threads * row,
                             calloc(threads * channels, sizeof(uint32_t)) };
    float *scales = *w->kept = malloc(channels * sizeof(*scales));
    bool ok = scales && search.bits;
    if (ok)
        pool_run(w->pool, search_share, &search, threads);
    for (size_t i = 0; ok && i < channels; i++) {
        uint32_t most = 0;
        for (size_t thread = 0; thread < threads; thread++)
            most = MAX(most, search.bits[thread * channels + i]);
        scales[i] = int8_scale(most, w->step->reduce_range);
    }
    free(search.bits);
    return ok || error_no_memory(err, threads * channels * sizeof(uint32_t));
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
    struct int8_counts counts = { 0 };
    io_part->bytes = (size_t)io_part->place[1];
    int8_quantize(w->kernel, w->x, int8_layout(w->shown, w->change->axis), *w->kept,
                  (size_t)io_part->place[0], io_part->bytes, io_part->room, &io_part->error,
                  &counts);
    io_part->clipped = counts.clipped;
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { next_part, make_part };
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

const struct scheme scheme_int8 = {
    .stretch_bytes = STRETCH,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
    .scales = write_scales,
};
