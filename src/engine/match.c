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
#include "engine/reading.h"
#include "engine/recipe.h"
#include "engine/scheme.h"
#include "format/format.h"
#include "format/sink.h"
#include "kernel/kernel.h"

enum { STEP = WRITING_STEP }; /* elements at a time */

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

static bool refuse_wild(const struct tensor *t, struct pare_error *err)
{
    return error_set(err, PARE_ERR_FORMAT,
                     "onnxruntime's output cannot be matched: the weight \"%.200s\" holds "
                     "infinities or NaNs",
                     t->shown.name);
}

/* Of unsigned numbers both ends count. */
static bool read_range(const struct reading *r, const struct tensor *t, struct int8_layout layout,
                       float *low, float *high, struct pare_error *err)
{
    const struct kernel *kernel = kernel_best();
    float x[STEP];
    uint16_t half[STEP];
    r->meter->tensor = t->shown.name;
    for (size_t at = 0, n; at < (size_t)t->shown.element_count; at += n) {
        n = int8_stretch(layout, at, STEP);
        struct piece piece = piece_of(layout, at, n);
        if (!reading_floats(r->model, t, at, n, half, x, err) ||
            !meter_add(r->meter, (int64_t)(n * reading_element_bytes(t)), err))
            return false;
        if (kernel->absmax(x, n) >= KERNEL_INFINITY)
            return refuse_wild(t, err);
        fold_range(kernel, x, &piece, layout.channels, low, high);
    }
    return true;
}

/* Of signed ones the larger. `high` is room for the bits, too. */
static bool read_magnitudes(const struct reading *r, const struct tensor *t,
                            struct int8_layout layout, float *ret_low, float *ret_high,
                            struct pare_error *err)
{
    uint32_t *bits = malloc(layout.channels * sizeof(*bits)), most = 0;
    bool ok = bits || error_no_memory(err, layout.channels * sizeof(*bits));
    ok = ok && reading_magnitudes(r, t, NULL, layout, bits, err);
    for (size_t i = 0; ok && i < layout.channels; i++)
        most = MAX(most, bits[i]);
    ok = ok && (most < KERNEL_INFINITY || refuse_wild(t, err));
    if (ok)
        memcpy(ret_high, bits, layout.channels * sizeof(*bits));
    for (size_t i = 0; ok && i < layout.channels; i++)
        ret_low[i] = -ret_high[i];
    free(bits);
    return ok;
}

/* ---- the plan ---- */

static bool settle_weight(struct pare_plan *plan, const struct reading *r,
                          struct match_weight *weight, struct pare_error *err)
{
    const struct tensor *t = &r->model->tensors[weight->tensor];
    struct int8_layout layout = layout_of(&t->shown, weight);
    size_t n = (size_t)weight->scale_count;
    bool half = t->shown.dtype == PARE_F16;
    float *low = calloc(n, sizeof(*low)), *high = calloc(n, sizeof(*high));
    weight->scales = arena_array(&plan->arena, n, sizeof(*weight->scales));
    uint16_t *halves = arena_array(&plan->arena, n, sizeof(*halves));
    weight->zeros = arena_array(&plan->arena, n, sizeof(*weight->zeros));
    bool ok = low && high && weight->scales && halves && weight->zeros;
    if (!ok)
        error_no_memory(err, n * sizeof(*low));
    ok = ok && (weight->is_unsigned ? read_range(r, t, layout, low, high, err)
                                    : read_magnitudes(r, t, layout, low, high, err));
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
    if (weight->is_plain)
        return arena_printf(&plan->arena, "%s%stransposed", before, *before ? " and " : "");
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

/* The operators of which the peer quantizes something; Transpose and Gather among them. */
static bool is_known(const char *op)
{
    static const char *const known[] = { "Attention", "Conv",     "EmbedLayerNormalization",
                                         "Gather",    "Gemm",     "LSTM",
                                         "MatMul",    "Transpose" };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (!strcmp(op, known[i]))
            return true;
    return false;
}

/* Why the peer leaves a tensor as it is; NULL when memory ends. */
static const char *why_left(struct pare_plan *plan, const struct tensor *t)
{
    const struct pare_tensor *shown = &t->shown;
    if (!strcmp(shown->place, "attribute"))
        return "it is an attribute of a node";
    if (shown->dtype != PARE_F32 && shown->dtype != PARE_F16)
        return "it is not F32 or F16";
    if (!strcmp(shown->place, "constant"))
        return "onnxruntime leaves what a Constant node holds";
    if (!strcmp(shown->place, "subgraph"))
        return "onnxruntime leaves what is inside a subgraph";
    if (t->op_count == 0)
        return "no operator uses it";
    if (!is_known(shown->op))
        return arena_printf(&plan->arena, "onnxruntime quantizes nothing of %.100s", shown->op);
    if (!t->weight)
        return arena_printf(&plan->arena, "onnxruntime leaves this operand of %.100s", shown->op);
    if (!strcmp(shown->op, "Gemm"))
        return "onnxruntime quantizes a Gemm's second operand, where alpha and beta are 1 and "
               "there "
               "is no transA";
    return arena_printf(&plan->arena,
                        "onnxruntime takes a weight of %.100s only in its own place, with nothing "
                        "in between",
                        shown->op);
}

/* What all forms of a tensor take. */
static bool list_tensor(struct pare_plan *plan, size_t index, const struct chains *chains,
                        struct pare_error *err)
{
    const struct pare_tensor *shown = &plan->model->model->tensors[index].shown;
    const struct match *match = plan->match;
    bool dropped = match->dropped[index];
    const char *action = "", *reason = "";
    int64_t bytes = dropped ? 0 : shown->size_bytes;
    for (size_t i = chains->first[index]; action && i != NONE; i = chains->next[i]) {
        const struct match_weight *weight = &match->weights[i];
        action = add_action(plan, action, weight);
        bytes += weight->is_plain
                     ? shown->size_bytes
                     : shown->element_count + weight->scale_count * (weight->halves ? 3 : 5);
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
    if (!*action && !(reason = why_left(plan, &plan->model->model->tensors[index])))
        return error_no_memory(err, 64);
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

static bool poll(void *meter, struct pare_error *err)
{
    return meter_add(meter, 0, err);
}

bool match_plan(struct pare_plan *plan, struct pool *pool, struct meter *meter,
                struct pare_error *err)
{
    const struct model *model = plan->model->model;
    const struct step *step = &plan->recipe->steps[0];
    struct match_options options = { .per_channel = step->per_channel,
                                     .reduce_range = step->reduce_range,
                                     .is_unsigned = step->is_unsigned,
                                     .poll = poll,
                                     .data = meter };
    struct reading reading = { model, pool, meter };
    bool ok = true;
    meter->total_bytes = 1; /* so that nothing is done yet */
    if (!model_match(model, &options, &plan->arena, &plan->match, err))
        return false;
    meter->total_bytes = 0;
    for (size_t i = 0; i < plan->match->weight_count; i++)
        if (!plan->match->weights[i].is_plain)
            meter->total_bytes += model->tensors[plan->match->weights[i].tensor].shown.size_bytes;
    for (size_t i = 0; ok && i < plan->match->weight_count; i++)
        ok = plan->match->weights[i].is_plain ||
             settle_weight(plan, &reading, &plan->match->weights[i], err);
    struct chains chains = { 0 };
    ok = ok && chain_weights(plan, &chains, err);
    for (size_t i = 0; ok && i < model->tensor_count; i++) {
        plan->changes[i].match = plan->match;
        ok = list_tensor(plan, i, &chains, err) && (i % 256 || poll(meter, err));
    }
    meter->tensor = "";
    return ok && meter_add(meter, meter->total_bytes, err);
}

/* ---- the values ---- */

static size_t turned_bytes(const struct pare_tensor *shown, const struct match_weight *weight)
{
    return (size_t)(weight->is_plain ? shown->size_bytes : shown->element_count);
}

size_t match_turned_bytes(const struct model *model, const struct match *match)
{
    size_t most = 1;
    for (size_t i = 0; i < match->weight_count; i++)
        if (match->weights[i].transposed)
            most = MAX(most, turned_bytes(&model->tensors[match->weights[i].tensor].shown,
                                          &match->weights[i]));
    return most;
}

/* What the parts of a weight know. */
struct form {
    const struct match_weight *weight;
    struct int8_layout layout;
    uint8_t *turned; /* all values before they are written; NULL: they go out as they come */
};

static size_t quantize_unsigned(const struct kernel *kernel, const struct form *form,
                                const struct piece *p, const float *x, uint8_t *ret_q)
{
    const float *scales = form->weight->scales;
    const uint8_t *zeros = form->weight->zeros;
    size_t clipped = 0, n = p->columns;
    if (p->across)
        return kernel->uint8_columns(x, p->rows, n, scales + p->channel, zeros + p->channel, ret_q);
    for (size_t row = 0; row < p->rows; row++, x += n, ret_q += n) {
        size_t c = (p->channel + row) % form->layout.channels;
        clipped += kernel->uint8(x, n, scales[c], zeros[c], ret_q);
    }
    return clipped;
}

/* Errors of what DequantizeLinear would give, of one scale or of one a column. */
static void measure_unsigned(const struct kernel *kernel, const struct form *form,
                             const struct piece *p, const float *x, const uint8_t *q,
                             struct kernel_error *io_error)
{
    float y[STEP];
    for (size_t row = 0; row < p->rows; row++, x += p->columns, q += p->columns) {
        size_t channel = (p->channel + (p->across ? 0 : row)) % form->layout.channels;
        const float *scale = form->weight->scales + channel;
        const uint8_t *zero = form->weight->zeros + channel;
        size_t step = p->across;
        for (size_t i = 0; i < p->columns; i++)
            y[i] = (float)(q[i] - zero[i * step]) * scale[i * step];
        kernel->error(x, y, p->columns, io_error);
    }
}

/* Place: the first element and how many. */
static bool next_part(const struct writing *w, int64_t io_place[4])
{
    const struct form *form = w->own;
    int64_t start = io_place[0] + io_place[1];
    io_place[0] = start;
    io_place[1] = 0;
    if (start == w->shown->element_count)
        return false;
    io_place[1] = (int64_t)int8_stretch(form->layout, (size_t)start, scheme_int8.stretch_bytes);
    return true;
}

static void make_part(const struct writing *w, struct writing_part *io_part)
{
    const struct form *form = w->own;
    size_t start = (size_t)io_part->place[0], count = (size_t)io_part->place[1];
    uint8_t *q = form->turned ? form->turned + start : io_part->room;
    struct int8_counts counts = { 0 };
    struct writing_room room;
    for (size_t done = 0, n; done < count; done += n) {
        n = MIN(int8_stretch(form->layout, start + done, STEP), count - done);
        const float *x = writing_read(w, io_part, start + done, n, &room);
        if (!x)
            return;
        if (form->weight->is_unsigned) {
            struct piece piece = piece_of(form->layout, start + done, n);
            counts.clipped += quantize_unsigned(w->kernel, form, &piece, x, q + done);
            measure_unsigned(w->kernel, form, &piece, x, q + done, &io_part->error);
        } else {
            int8_quantize(w->kernel, x, form->layout, form->weight->scales, start + done, n,
                          (int8_t *)q + done, &io_part->error, &counts);
        }
    }
    io_part->bytes = form->turned ? 0 : count;
    io_part->clipped = counts.clipped;
}

static void move(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size == 1)
        *to = *from;
    else
        memcpy(to, from, size);
}

/* Matrices with rows and columns exchanged, as much of a column as there is room. */
static bool write_turned(struct writing *w, const uint8_t *turned, size_t size, struct sink *sink,
                         struct pare_error *err)
{
    const struct pare_tensor *shown = w->shown;
    size_t rows = (size_t)shown->dims[shown->rank - 2], room = scheme_int8.stretch_bytes / size;
    size_t columns = (size_t)shown->dims[shown->rank - 1], matrix = rows * columns;
    size_t high = MIN(rows, room), wide = MAX(room / rows, (size_t)1);
    uint8_t *q = w->stretch;
    for (size_t start = 0; start < (size_t)shown->element_count; start += matrix)
        for (size_t c = 0; c < columns; c += wide)
            for (size_t r = 0; r < rows; r += high) {
                size_t width = MIN(wide, columns - c), height = MIN(high, rows - r);
                for (size_t i = 0; i < height; i++)
                    for (size_t k = 0; k < width; k++)
                        move(q + (k * height + i) * size,
                             turned + (start + (r + i) * columns + c + k) * size, size);
                if (!writing_put(w, sink, q, width * height * size, err))
                    return false;
            }
    return true;
}

bool match_write(struct writing *w, const struct match_weight *weight, uint8_t *turned,
                 struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .next = next_part, .make = make_part };
    size_t size = turned_bytes(w->shown, weight) / (size_t)w->shown->element_count;
    struct form form = { .weight = weight };
    if (weight->is_plain)
        return model_read(w->model, w->tensor, 0, (size_t)w->shown->size_bytes, turned, err) &&
               write_turned(w, turned, size, sink, err);
    form.layout = layout_of(w->shown, weight);
    form.turned = weight->transposed ? turned : NULL;
    w->own = &form;
    return writing_parts(w, &grid, sink, err) &&
           (!weight->transposed || write_turned(w, turned, size, sink, err));
}
