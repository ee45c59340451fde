/* SPDX-License-Identifier: MIT */
#include "engine/bnb4.h"

#include "engine/scheme.h"
#include "format/sink.h"

/* Inputs whose rows are turned at once: as many pages as the processor keeps at hand. */
enum { ROWS = 32 };

/* Where an element lies in the tensor. */
static size_t place_of(const struct bnb4_layout *l, int64_t element)
{
    return (size_t)(l->rows_are_inputs ? element % l->k * l->n + element / l->k : element);
}

/* Elements [start, end) of a tensor (inputs, outputs) in the order (outputs, inputs). */
static void turn(const float *x, const struct bnb4_layout *l, int64_t start, int64_t end,
                 float *ret_x)
{
    for (int64_t row = 0; row < l->k; row += ROWS)
        for (int64_t output = start / l->k; output * l->k < end; output++) {
            int64_t first = MAX(output * l->k + row, start);
            int64_t last = MIN(output * l->k + MIN(row + ROWS, l->k), end);
            const float *from = x + place_of(l, first);
            for (int64_t i = first; i < last; i++, from += l->n)
                ret_x[i - start] = *from;
        }
}

void bnb4_quantize(const struct kernel *kernel, float *x, const struct bnb4_layout *l, int float4,
                   int64_t start, int64_t count, struct bnb4_room *room,
                   struct kernel_error *io_error)
{
    const float *from = l->rows_are_inputs ? room->x : x + start;
    if (l->rows_are_inputs)
        turn(x, l, start, start + count, room->x);
    kernel->float4(from, (size_t)count, (size_t)l->block, (enum kernel_float4)float4, NULL, room->q,
                   room->absmax, io_error);
    for (int64_t at = 0; at < count; at += l->block)
        x[place_of(l, start + at)] = room->absmax[at / l->block];
}

size_t bnb4_scales(const float *x, const struct bnb4_layout *l, int64_t start, int64_t count,
                   struct bnb4_room *room)
{
    size_t made = 0;
    for (int64_t at = 0; at < count; at += l->block)
        room->absmax[made++] = x[place_of(l, start + at)];
    return made;
}

/* ---- the schemes ---- */

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    struct bnb4_layout l = bnb4_layout(&t->shown, change);
    return l.value_bytes + l.blocks * (int64_t)sizeof(float);
}

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    (void)absmax;
    if (t->no_blocks)
        return t->no_blocks;
    if (t->shown.element_count > BNB4_ELEMENTS_MAX)
        return "4-bit floats are for weights of fewer than 2^31 elements";
    *ret_change = (struct change){ .kind = CHANGE_BNB4,
                                   .axis = t->channel_axis,
                                   .block = step->block,
                                   .float4 = step->scheme == SCHEME_NF4 ? KERNEL_NF4 : KERNEL_FP4 };
    ret_change->scale_count = bnb4_layout(&t->shown, ret_change).blocks;
    return t->shown.size_bytes - bytes_of(t, ret_change) < SCHEME_SAVING_MIN
               ? "4-bit floats would save less than their scales and nodes cost"
               : NULL;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    return arena_printf(arena, "%s in blocks of %d", step->choice->name, change->block);
}

/* Place: the first element, in the order of the layout, and how many. */
static bool next_part(const struct writing *w, int64_t io_place[4])
{
    int64_t start = io_place[0] + io_place[1];
    io_place[0] = start;
    io_place[1] = MIN((int64_t)BNB4_STRETCH, w->shown->element_count - start);
    return io_place[1] > 0;
}

/* The room's bytes begin with the values. */
static void make_part(const struct writing *w, struct writing_part *io_part)
{
    struct bnb4_layout l = bnb4_layout(w->shown, w->change);
    io_part->bytes = (size_t)(io_part->place[1] + 1) / 2;
    bnb4_quantize(w->kernel, w->x, &l, w->change->float4, io_part->place[0], io_part->place[1],
                  io_part->room, &io_part->error);
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .next = next_part, .make = make_part };
    return writing_parts(w, &grid, sink, err);
}

static bool write_scales(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct bnb4_layout l = bnb4_layout(w->shown, w->change);
    struct bnb4_room *room = w->stretch;
    int64_t total = w->shown->element_count;
    for (int64_t at = 0, n; at < total; at += n) {
        n = MIN((int64_t)BNB4_STRETCH, total - at);
        size_t count = bnb4_scales(w->x, &l, at, n, room);
        if (!sink_write(sink, room->absmax, count * sizeof(*room->absmax), err))
            return false;
    }
    return true;
}

/* The figures are in tests/bench/README. */
#define FLOAT4_SCHEME                                                                              \
    {                                                                                              \
        .warning = "slow on CPUs: ONNX Runtime took 3.3 times as long as for fp32, where int4 "    \
                   "took 0.4 times",                                                               \
        .stretch_bytes = sizeof(struct bnb4_room), .weigh = weigh, .bytes = bytes_of,              \
        .words = words, .values = write_values, .scales = write_scales,                            \
    }

const struct scheme scheme_nf4 = FLOAT4_SCHEME, scheme_fp4 = FLOAT4_SCHEME;
