/* SPDX-License-Identifier: MIT */
/*
 * int4 in standard form. Rows of the output are rows of the weight: the blocks that the same
 * inputs have in all outputs are made tile by tile, each number put to its place, and go out
 * together. The scales go where the block was in the tensor.
 */
#include "format/qdq4.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/int4.h"
#include "engine/int8.h"
#include "engine/scheme.h"
#include "format/sink.h"

enum { LANES = KERNEL_INT4_COLUMNS, STRETCH = 64 * 1024 };

/* How much may go out together; beside the tensor itself, what grows with it. */
#define ROW_BYTES_MAX INT64_C(0x2000000)

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    struct int4_layout l = int4_layout(&t->shown, change);
    return qdq4_value_bytes(&l) + l.blocks * l.n * (int64_t)sizeof(float) + qdq4_zero_bytes(&l);
}

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    if (t->no_qdq4)
        return t->no_qdq4;
    if (!step->symmetric && !int8_fits(absmax))
        return "its values are too large: twice the largest is infinite";
    struct change change = { .kind = CHANGE_QDQ4,
                             .axis = t->channel_axis,
                             .block = step->block,
                             .symmetric = step->symmetric };
    struct int4_layout l = int4_layout(&t->shown, &change);
    change.scale_count = l.n * l.blocks;
    if (qdq4_row_bytes(&l) > ROW_BYTES_MAX)
        return "its blocks side by side take more than 32 MiB; smaller ones, or the form "
               "matmulnbits, do not";
    if (t->shown.size_bytes - bytes_of(t, &change) < SCHEME_SAVING_MIN)
        return "int4 would save less than its scales and nodes cost";
    *ret_change = change;
    return NULL;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    (void)step;
    return arena_printf(arena, "int4 in blocks of %d, %s, for DequantizeLinear", change->block,
                        change->symmetric ? "symmetric" : "with zero points");
}

/* Number `at` of a packed array that began as zeros. */
static void put_number(uint8_t *packed, size_t at, unsigned number)
{
    packed[at / 2] |= (uint8_t)(number << 4 * (at % 2));
}

/* What a tensor's writing has at hand. */
struct room {
    struct int4_layout l;
    uint8_t *q;     /* the values of one block of every output */
    uint8_t *zeros; /* all zero points, or NULL */
    float tile[INT4_TILE];
};

/* Eight outputs' block to its places. In signed form the zero point is 0, not 8. */
static void store_group(struct writing *w, struct room *room, const struct kernel_int4 *group,
                        int64_t output, int64_t block, size_t rows, size_t columns)
{
    const struct int4_layout *l = &room->l;
    unsigned sign = l->symmetric ? 8 : 0;
    for (size_t c = 0; c < columns; c++) {
        size_t o = (size_t)output + c;
        w->x[int4_place(l, (int64_t)o, block)] = group->scale[c];
        if (room->zeros)
            put_number(room->zeros, (size_t)(block * l->n) + o, group->zero[c]);
        for (size_t r = 0; r < rows; r++)
            put_number(room->q, r * (size_t)l->n + o,
                       (group->q[c][r / 2] >> 4 * (r % 2) & 15U) ^ sign);
    }
}

static void quantize_block(struct writing *w, struct room *room, int64_t block)
{
    const struct int4_layout *l = &room->l;
    size_t rows = (size_t)MIN(l->block, l->k - block * l->block);
    int64_t step = INT4_TILE / l->block;
    memset(room->q, 0, (size_t)qdq4_row_bytes(l));
    for (int64_t output = 0; output < l->n; output += step) {
        size_t columns = (size_t)MIN(step, l->n - output);
        int4_load_tile(w->x, l, output, block, rows, columns, room->tile);
        for (size_t c = 0; c < columns; c += LANES) {
            struct kernel_int4 group;
            size_t n = MIN((size_t)LANES, columns - c);
            w->clipped += w->kernel->int4(room->tile + c * rows, rows, n, l->symmetric, true,
                                          &group, &w->error);
            store_group(w, room, &group, output + (int64_t)c, block, rows, n);
        }
    }
}

static bool write_blocks(struct writing *w, struct room *room, struct sink *sink,
                         struct pare_error *err)
{
    const struct int4_layout *l = &room->l;
    for (int64_t block = 0; block < l->blocks; block++) {
        int64_t rows = MIN(l->block, l->k - block * l->block);
        quantize_block(w, room, block);
        if (!writing_put(w, sink, room->q, (size_t)(rows * l->n + 1) / 2, err))
            return false;
    }
    return true;
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct room room = { .l = int4_layout(w->shown, w->change) };
    size_t row_bytes = (size_t)qdq4_row_bytes(&room.l);
    room.q = malloc(row_bytes);
    if (!room.l.symmetric)
        *w->kept = room.zeros = calloc(1, (size_t)qdq4_zero_bytes(&room.l));
    bool ok = (room.q && (room.l.symmetric || room.zeros)) || error_no_memory(err, row_bytes);
    ok = ok && write_blocks(w, &room, sink, err);
    free(room.q);
    return ok;
}

static bool write_scales(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct int4_layout l = int4_layout(w->shown, w->change);
    float *scales = w->stretch;
    size_t room = STRETCH / sizeof(*scales), count = 0;
    for (int64_t i = 0; i < l.blocks * l.n; i++) {
        scales[count++] = w->x[int4_place(&l, i % l.n, i / l.n)];
        if (count < room && i + 1 < l.blocks * l.n)
            continue;
        if (!sink_write(sink, scales, count * sizeof(*scales), err))
            return false;
        count = 0;
    }
    return true;
}

static bool write_zero_points(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct int4_layout l = int4_layout(w->shown, w->change);
    return writing_put_kept(w, sink, (size_t)qdq4_zero_bytes(&l), err);
}

const struct scheme scheme_qdq4 = {
    .stretch_bytes = STRETCH,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
    .scales = write_scales,
    .zero_points = write_zero_points,
};
