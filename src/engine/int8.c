/* SPDX-License-Identifier: MIT */
#include "engine/int8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
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

void int8_scales(const struct kernel *kernel, const float *x, struct int8_layout layout,
                 bool reduce_range, uint32_t *bits, float *ret_scales)
{
    memset(bits, 0, layout.channels * sizeof(*bits));
    if (layout.inner == 1) {
        kernel->absmax_columns(x, layout.outer, layout.channels, bits);
    } else {
        for (size_t row = 0; row < layout.outer * layout.channels; row++, x += layout.inner) {
            size_t channel = row % layout.channels;
            bits[channel] = MAX(bits[channel], kernel->absmax(x, layout.inner));
        }
    }
    for (size_t i = 0; i < layout.channels; i++)
        ret_scales[i] = int8_scale(bits[i], reduce_range);
}

size_t int8_stretch(struct int8_layout layout, size_t start, size_t room)
{
    size_t total = layout.outer * layout.channels * layout.inner;
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

/* The scales are kept: other tensors may come before they are written. */
static bool make_scales(struct writing *w, struct int8_layout layout, struct pare_error *err)
{
    size_t bytes = layout.channels * sizeof(float);
    float *scales = *w->kept = malloc(bytes);
    uint32_t *bits = malloc(layout.channels * sizeof(*bits));
    bool ok = scales && bits;
    if (ok)
        int8_scales(w->kernel, w->x, layout, w->step->reduce_range, bits, scales);
    free(bits);
    return ok || error_no_memory(err, bytes);
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct int8_layout layout = int8_layout(w->shown, w->change->axis);
    struct int8_counts counts = { 0 };
    int8_t *q = w->stretch;
    if (!make_scales(w, layout, err))
        return false;
    for (size_t at = 0, n; at < (size_t)w->shown->element_count; at += n) {
        n = int8_stretch(layout, at, STRETCH);
        int8_quantize(w->kernel, w->x, layout, *w->kept, at, n, q, &w->error, &counts);
        if (!writing_put(w, sink, q, n, err))
            return false;
    }
    w->clipped = counts.clipped;
    return true;
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
