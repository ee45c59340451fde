/* SPDX-License-Identifier: MIT */
#include "engine/match.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/int8.h"
#include "engine/meter.h"
#include "engine/plan.h"
#include "engine/recipe.h"
#include "format/format.h"
#include "format/sink.h"
#include "kernel/kernel.h"

enum { STEP = 64 * 1024 }; /* elements at a time */

bool match_asked(const struct pare_recipe *recipe)
{
    return recipe->step_count == 1 && recipe->steps[0].match;
}

/* ---- scales ---- */

/* By way of a float whose last bit stands for all behind it, so that it is rounded once. */
static uint16_t half_of(double x)
{
    float near = (float)x;
    uint32_t bits;
    uint16_t half;
    memcpy(&bits, &near, sizeof(bits));
    if ((double)near != x)
        bits = (bits - ((double)near > x)) | 1;
    memcpy(&near, &bits, sizeof(near));
    kernel_scalar()->to_fp16(&near, 1, &half);
    return half;
}

void match_scale(const struct match_weight *weight, bool half, float low, float high,
                 float *ret_scale, uint16_t *ret_half, uint8_t *ret_zero)
{
    double least = MIN((double)low, 0.0), most = MAX((double)high, 0.0);
    double levels = weight->is_unsigned ? 255 : 254;
    if (weight->reduce_range)
        levels = weight->is_unsigned ? 127 : 128;
    if (!weight->is_unsigned) {
        most = MAX(-least, most);
        least = -most;
    }
    double scale = (most - least) / levels;
    uint16_t as_half = half_of(scale);
    bool degenerate = half ? as_half == 0 : scale < (double)FLT_MIN;
    *ret_zero = degenerate || !weight->is_unsigned ? 0 : (uint8_t)nearbyint(0.0 - least / scale);
    *ret_half = degenerate ? 0x3c00 : as_half;
    *ret_scale = degenerate ? 1.0f : (float)scale;
    if (half)
        kernel_scalar()->of_fp16(ret_half, 1, ret_scale);
}

/* ---- stretches of a weight ---- */

static struct int8_layout layout_of(const struct pare_tensor *shown,
                                    const struct match_weight *weight)
{
    if (!weight->axis_pairs)
        return int8_layout(shown, weight->axis);
    return (struct int8_layout){ 1, (size_t)weight->scale_count,
                                 (size_t)(shown->element_count / weight->scale_count) };
}

static bool read_values(const struct match_room *room, const struct model *model,
                        const struct tensor *t, size_t at, size_t n, struct pare_error *err)
{
    if (t->shown.dtype == PARE_F32)
        return model_read(model, t, (int64_t)(at * sizeof(float)), n * sizeof(float), room->x, err);
    if (!model_read(model, t, (int64_t)(at * sizeof(uint16_t)), n * sizeof(uint16_t), room->half,
                    err))
        return false;
    kernel_best()->of_fp16(room->half, n, room->x);
    return true;
}

/* A part of one row, or whole rows, of a layout. */
struct piece {
    size_t channel; /* of its first element */
    size_t rows, columns;
    bool across; /* each column is a channel; else each row */
};

static struct piece piece_of(struct int8_layout layout, size_t at, size_t n)
{
    size_t row = layout.inner == 1 ? layout.channels : layout.inner;
    struct piece p = { .channel = at / layout.inner % layout.channels,
                       .columns = MIN(row, n),
                       .across = layout.inner == 1 };
    p.rows = n / p.columns;
    return p;
}

static void fold_range(const struct kernel *kernel, const float *x, const struct piece *p,
                       size_t channels, float *low, float *high)
{
    if (p->across) {
        kernel->range_columns(x, p->rows, p->columns, low + p->channel, high + p->channel);
        return;
    }
    for (size_t row = 0; row < p->rows; row++, x += p->columns) {
        size_t channel = (p->channel + row) % channels;
        struct kernel_range range = { .low = low[channel], .high = high[channel] };
        kernel->range(x, p->columns, &range);
        low[channel] = range.low;
        high[channel] = range.high;
    }
}

static bool read_range(const struct match_room *room, const struct model *model,
                       const struct match_weight *weight, float *low, float *high,
                       struct meter *meter, struct pare_error *err)
{
    const struct tensor *t = &model->tensors[weight->tensor];
    const struct kernel *kernel = kernel_best();
    struct int8_layout layout = layout_of(&t->shown, weight);
    int64_t size = t->shown.dtype == PARE_F16 ? 2 : 4;
    for (size_t at = 0, n; at < (size_t)t->shown.element_count; at += n) {
        n = int8_stretch(layout, at, STEP);
        struct piece piece = piece_of(layout, at, n);
        if (!read_values(room, model, t, at, n, err) || !meter_add(meter, (int64_t)n * size, err))
            return false;
        if (kernel->absmax(room->x, n) >= KERNEL_INFINITY)
            return error_set(err, PARE_ERR_REFUSED,
                             "onnxruntime's output cannot be matched: the weight \"%.200s\" holds "
                             "infinities or NaNs",
                             t->shown.name);
        fold_range(kernel, room->x, &piece, layout.channels, low, high);
    }
    return true;
}

/* ---- the plan ---- */

static bool settle_weight(struct pare_plan *plan, const struct match_room *room,
                          struct match_weight *weight, struct meter *meter, struct pare_error *err)
{
    const struct model *model = plan->model->model;
    size_t n = (size_t)weight->scale_count;
    bool half = model->tensors[weight->tensor].shown.dtype == PARE_F16;
    float *low = calloc(n, sizeof(*low)), *high = calloc(n, sizeof(*high));
    weight->scales = arena_array(&plan->arena, n, sizeof(*weight->scales));
    uint16_t *halves = arena_array(&plan->arena, n, sizeof(*halves));
    weight->zeros = arena_array(&plan->arena, n, sizeof(*weight->zeros));
    bool ok = low && high && weight->scales && halves && weight->zeros;
    if (!ok)
        error_no_memory(err, n * sizeof(*low));
    meter->tensor = model->tensors[weight->tensor].shown.name;
    ok = ok && read_range(room, model, weight, low, high, meter, err);
    for (size_t i = 0; ok && i < n; i++)
        match_scale(weight, half, low[i], high[i], &weight->scales[i], &halves[i],
                    &weight->zeros[i]);
    weight->halves = half ? halves : NULL;
    free(low);
    free(high);
    return ok;
}

static const char *add_action(struct pare_plan *plan, const char *before,
                              const struct match_weight *weight)
{
    return arena_printf(&plan->arena, "%s%s%s per %s%s", before, *before ? " and " : "",
                        weight->is_unsigned ? "uint8" : "int8",
                        weight->axis >= 0 ? "channel" : "tensor",
                        weight->reduce_range ? " in reduced range" : "");
}

#define NONE SIZE_MAX

/* The weights of each tensor, in order: the first of a tensor, the next after a weight, or NONE. */
struct chains {
    size_t *first, *next;
};

static bool chain_weights(struct pare_plan *plan, struct chains *ret_chains, struct pare_error *err)
{
    size_t tensors = plan->model->model->tensor_count, weights = plan->match->weight_count;
    struct chains c = { arena_array(&plan->arena, tensors + 1, sizeof(size_t)),
                        arena_array(&plan->arena, weights + 1, sizeof(size_t)) };
    if (!c.first || !c.next)
        return error_no_memory(err, (tensors + weights) * sizeof(size_t));
    for (size_t i = 0; i < tensors; i++)
        c.first[i] = NONE;
    for (size_t i = weights; i-- > 0;) {
        c.next[i] = c.first[plan->match->weights[i].tensor];
        c.first[plan->match->weights[i].tensor] = i;
    }
    *ret_chains = c;
    return true;
}

/* What all forms of a tensor take. */
static bool list_tensor(struct pare_plan *plan, size_t index, const struct chains *chains,
                        struct pare_error *err)
{
    const struct pare_tensor *shown = &plan->model->model->tensors[index].shown;
    const struct match *match = plan->match;
    bool dropped = match->dropped[index];
    const char *action = "", *reason = "onnxruntime leaves it as it is";
    int64_t bytes = dropped ? 0 : shown->size_bytes;
    for (size_t i = chains->first[index]; action && i != NONE; i = chains->next[i]) {
        const struct match_weight *weight = &match->weights[i];
        reason = "";
        action = add_action(plan, action, weight);
        bytes += shown->element_count + weight->scale_count * (weight->halves ? 3 : 5);
    }
    if (action && *action)
        action = arena_printf(&plan->arena, "%s, as onnxruntime", action);
    if (!action)
        return error_no_memory(err, 64);
    plan->changed_count += *action != 0;
    if (dropped && !*action) {
        action = "removed";
        reason = "nothing uses it";
    }
    if (shown->rank < 2)
        return true;
    plan->workpieces[plan->entry_count] = index;
    plan->entries[plan->entry_count++] =
        (struct pare_plan_entry){ .tensor = index,
                                  .name = shown->name,
                                  .action = action,
                                  .reason = reason,
                                  .before_bytes = shown->size_bytes,
                                  .after_bytes = bytes };
    return true;
}

bool match_plan(struct pare_plan *plan, struct meter *meter, struct pare_error *err)
{
    const struct model *model = plan->model->model;
    const struct step *step = &plan->recipe->steps[0];
    struct match_options options = { step->per_channel, step->reduce_range, step->is_unsigned };
    struct match_room room = { 0 };
    if (!model_match(model, &options, &plan->arena, &plan->match, err))
        return false;
    for (size_t i = 0; i < plan->match->weight_count; i++)
        meter->total_bytes += model->tensors[plan->match->weights[i].tensor].shown.size_bytes;
    bool ok = match_room_init(&room, model, plan->match, err);
    for (size_t i = 0; ok && i < plan->match->weight_count; i++)
        ok = settle_weight(plan, &room, &plan->match->weights[i], meter, err);
    match_room_done(&room);
    struct chains chains = { 0 };
    ok = ok && chain_weights(plan, &chains, err);
    for (size_t i = 0; ok && i < model->tensor_count; i++) {
        plan->changes[i].match = plan->match;
        ok = list_tensor(plan, i, &chains, err);
    }
    meter->tensor = "";
    return ok && meter_add(meter, meter->total_bytes, err);
}

/* ---- the values ---- */

bool match_room_init(struct match_room *room, const struct model *model, const struct match *match,
                     struct pare_error *err)
{
    size_t most = 1;
    for (size_t i = 0; i < match->weight_count; i++)
        if (match->weights[i].transposed)
            most = MAX(most, (size_t)model->tensors[match->weights[i].tensor].shown.element_count);
    *room = (struct match_room){ .x = malloc(STEP * sizeof(*room->x)),
                                 .half = malloc(STEP * sizeof(*room->half)),
                                 .y = malloc(STEP * sizeof(*room->y)),
                                 .q = malloc(STEP),
                                 .turned = malloc(most) };
    if (room->x && room->half && room->y && room->q && room->turned)
        return true;
    match_room_done(room);
    return error_no_memory(err, most);
}

void match_room_done(struct match_room *room)
{
    free(room->x);
    free(room->half);
    free(room->y);
    free(room->q);
    free(room->turned);
    *room = (struct match_room){ 0 };
}

static size_t quantize(const struct kernel *kernel, const struct match_weight *weight,
                       const struct piece *p, size_t channels, struct match_room *room)
{
    size_t clipped = 0, n = p->columns;
    const float *x = room->x, *scale = weight->scales + p->channel;
    const uint8_t *zero = weight->zeros + p->channel;
    uint8_t *q = room->q;
    if (p->across && weight->is_unsigned)
        return kernel->uint8_columns(x, p->rows, n, scale, zero, q);
    if (p->across)
        return kernel->int8_columns(x, p->rows, n, scale, (int8_t *)q);
    for (size_t row = 0; row < p->rows; row++, x += n, q += n) {
        size_t c = (p->channel + row) % channels;
        clipped += weight->is_unsigned ? kernel->uint8(x, n, weight->scales[c], weight->zeros[c], q)
                                       : kernel->int8(x, n, weight->scales[c], (int8_t *)q);
    }
    return clipped;
}

/* Errors of what DequantizeLinear would give, of one scale or of one a column. */
static void measure_unsigned(const struct kernel *kernel, const struct match_weight *weight,
                             const struct piece *p, size_t row, size_t channel,
                             struct match_room *room, struct kernel_error *io_error)
{
    const float *scale = weight->scales + channel;
    const uint8_t *zero = weight->zeros + channel, *q = room->q + row * p->columns;
    size_t step = p->across;
    for (size_t i = 0; i < p->columns; i++)
        room->y[i] = (float)(q[i] - zero[i * step]) * scale[i * step];
    kernel->error(room->x + row * p->columns, room->y, p->columns, io_error);
}

static void measure(const struct kernel *kernel, const struct match_weight *weight,
                    const struct piece *p, size_t channels, struct match_room *room,
                    struct kernel_error *io_error)
{
    if (p->across && !weight->is_unsigned) {
        kernel->error_int8_columns(room->x, (int8_t *)room->q, p->rows, p->columns,
                                   weight->scales + p->channel, io_error);
        return;
    }
    for (size_t row = 0; row < p->rows; row++) {
        size_t channel = (p->channel + (p->across ? 0 : row)) % channels, at = row * p->columns;
        if (weight->is_unsigned)
            measure_unsigned(kernel, weight, p, row, channel, room, io_error);
        else
            kernel->error_int8(room->x + at, (int8_t *)room->q + at, p->columns,
                               weight->scales[channel], io_error);
    }
}

/* The quantized matrices with rows and columns exchanged, as much of a column as there is room. */
static bool write_turned(struct match_room *room, const struct pare_tensor *shown,
                         struct sink *sink, struct meter *meter, struct pare_error *err)
{
    size_t rows = (size_t)shown->dims[shown->rank - 2];
    size_t columns = (size_t)shown->dims[shown->rank - 1], matrix = rows * columns;
    size_t high = MIN(rows, (size_t)STEP), wide = MAX((size_t)STEP / rows, (size_t)1);
    for (size_t start = 0; start < (size_t)shown->element_count; start += matrix)
        for (size_t c = 0; c < columns; c += wide)
            for (size_t r = 0; r < rows; r += high) {
                size_t width = MIN(wide, columns - c), height = MIN(high, rows - r);
                for (size_t i = 0; i < height; i++)
                    for (size_t k = 0; k < width; k++)
                        room->q[k * height + i] = room->turned[start + (r + i) * columns + c + k];
                if (!sink_write(sink, room->q, width * height, err) || !meter_add(meter, 0, err))
                    return false;
            }
    return true;
}

bool match_write(struct match_room *room, const struct model *model,
                 const struct match_weight *weight, struct sink *sink, struct meter *meter,
                 struct kernel_error *io_error, uint64_t *io_clipped, struct pare_error *err)
{
    const struct tensor *t = &model->tensors[weight->tensor];
    const struct kernel *kernel = kernel_best();
    struct int8_layout layout = layout_of(&t->shown, weight);
    int64_t size = t->shown.dtype == PARE_F16 ? 2 : 4;
    meter->tensor = t->shown.name;
    for (size_t at = 0, n; at < (size_t)t->shown.element_count; at += n) {
        n = int8_stretch(layout, at, STEP);
        struct piece piece = piece_of(layout, at, n);
        if (!read_values(room, model, t, at, n, err))
            return false;
        *io_clipped += quantize(kernel, weight, &piece, layout.channels, room);
        measure(kernel, weight, &piece, layout.channels, room, io_error);
        if (weight->transposed)
            memcpy(room->turned + at, room->q, n);
        if ((!weight->transposed && !sink_write(sink, room->q, n, err)) ||
            !meter_add(meter, (int64_t)n * size, err))
            return false;
    }
    return !weight->transposed || write_turned(room, &t->shown, sink, meter, err);
}
