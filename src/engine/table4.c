/* SPDX-License-Identifier: MIT */
/*
 * int4 of a table whose rows a Gather takes. The arithmetic is that of onnxruntime's
 * MatMulNBitsQuantizer for a Gather, to the bit: another one than for a product, see kernel.h.
 *
 * Rows are quantized as they lie, block by block. A block's scale goes to the front of the tensor,
 * where what was is spent already; nothing grows with it but the zero points.
 */
#include "format/table4.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/int8.h"
#include "engine/scheme.h"
#include "format/int4.h"
#include "format/sink.h"

enum { STRETCH = 64 * 1024 };

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    struct table4_layout l = table4_layout(&t->shown, change);
    return table4_bytes(&l);
}

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    if (t->no_table)
        return t->no_table;
    if (!step->symmetric && !int8_fits(absmax))
        return "its values are too large: twice the largest is infinite";
    struct change change = {
        .kind = CHANGE_TABLE4, .axis = 0, .block = step->block, .symmetric = step->symmetric
    };
    struct table4_layout l = table4_layout(&t->shown, &change);
    change.scale_count = l.rows * l.blocks;
    if (t->shown.size_bytes - table4_bytes(&l) < SCHEME_SAVING_MIN)
        return "int4 would save less than its scales and nodes cost";
    *ret_change = change;
    return NULL;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    (void)step;
    return arena_printf(arena, "int4 in blocks of %d, %s, for GatherBlockQuantized", change->block,
                        change->symmetric ? "symmetric" : "with zero points");
}

/* Numbers [at, at + n) of a packed array; the byte of an odd `at` holds the one before it. */
static void put_numbers(uint8_t *packed, size_t at, const uint8_t *q, size_t n)
{
    size_t i = 0;
    if (at % 2)
        packed[at / 2] |= (uint8_t)(q[i++] << 4);
    for (; i + 2 <= n; i += 2)
        packed[(at + i) / 2] = (uint8_t)(q[i] | q[i + 1] << 4);
    if (i < n)
        packed[(at + i) / 2] = q[i];
}

/* What a table's writing has at hand. */
struct room {
    struct table4_layout l;
    uint8_t *zeros; /* all zero points, or NULL */
    size_t at;      /* numbers in the stretch */
};

/* The whole bytes go out, a half one to the front. */
static bool put_stretch(struct writing *w, struct room *room, struct sink *sink,
                        struct pare_error *err)
{
    uint8_t *packed = w->stretch;
    size_t bytes = room->at / 2;
    if (!writing_put(w, sink, packed, bytes, err))
        return false;
    packed[0] = packed[bytes];
    room->at %= 2;
    return true;
}

/* One block; the number of it is among all. */
static void quantize_block(struct writing *w, struct room *room, const float *x, size_t n,
                           size_t number)
{
    uint8_t q[INT4_BLOCK_MAX], zero;
    float scale;
    w->clipped += w->kernel->int4_row(x, n, w->change->symmetric, q, &scale, &zero, &w->error);
    put_numbers(w->stretch, room->at, q, n);
    room->at += n;
    w->x[number] = scale;
    if (room->zeros)
        put_numbers(room->zeros, number, &zero, 1);
}

static bool write_rows(struct writing *w, struct room *room, struct sink *sink,
                       struct pare_error *err)
{
    const struct table4_layout *l = &room->l;
    size_t number = 0;
    for (int64_t row = 0; row < l->rows; row++)
        for (int64_t at = 0; at < l->columns; at += l->block) {
            size_t n = (size_t)MIN(l->block, l->columns - at);
            if (room->at + n > 2 * (STRETCH - 1) && !put_stretch(w, room, sink, err))
                return false;
            quantize_block(w, room, w->x + row * l->columns + at, n, number++);
        }
    room->at += room->at % 2; /* behind an odd last number is 0 */
    return put_stretch(w, room, sink, err);
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct room room = { .l = table4_layout(w->shown, w->change) };
    size_t zero_bytes = (size_t)room.l.zero_bytes;
    if (zero_bytes && !(*w->kept = room.zeros = malloc(zero_bytes)))
        return error_no_memory(err, zero_bytes);
    return write_rows(w, &room, sink, err);
}

static bool write_scales(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct table4_layout l = table4_layout(w->shown, w->change);
    return writing_put(w, sink, w->x, (size_t)l.scale_bytes, err);
}

static bool write_zero_points(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct table4_layout l = table4_layout(w->shown, w->change);
    return writing_put_kept(w, sink, (size_t)l.zero_bytes, err);
}

const struct scheme scheme_table4 = {
    .stretch_bytes = STRETCH,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
    .scales = write_scales,
    .zero_points = write_zero_points,
};
