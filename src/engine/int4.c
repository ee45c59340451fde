/* SPDX-License-Identifier: MIT */
#include "engine/int4.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/int8.h"
#include "engine/scheme.h"
#include "format/sink.h"

/* Scales are gathered so many outputs at a time. */
enum { LINE = 16, LANES = KERNEL_INT4_COLUMNS };

bool int4_next(const struct int4_layout *l, struct int4_part *io_part)
{
    struct int4_part p = *io_part;
    int64_t whole = INT4_ROOM / l->value_bytes / LANES * LANES;
    p.block += p.blocks;
    if (p.block == l->blocks) {
        p.output += p.outputs;
        p.block = 0;
    }
    if (p.output == l->n)
        return false;
    p.outputs = whole ? MIN(whole, l->n - p.output) : 1;
    p.blocks = whole ? l->blocks : MIN(INT4_ROOM / (l->block / 2), l->blocks - p.block);
    *io_part = p;
    return true;
}

size_t int4_place(const struct int4_layout *l, int64_t output, int64_t block)
{
    int64_t input = block * l->block;
    return (size_t)(l->rows_are_inputs ? input * l->n + output : output * l->k + input);
}

void int4_load_tile(const float *x, const struct int4_layout *l, int64_t output, int64_t block,
                    size_t rows, size_t columns, float *ret_tile)
{
    const float *from = x + int4_place(l, output, block);
    size_t ahead = block + 1 < l->blocks ? rows * (size_t)l->n : 0; /* the next tile */
    if (columns % LANES)
        memset(ret_tile, 0, (columns + LANES) / LANES * LANES * rows * sizeof(*ret_tile));
    if (!l->rows_are_inputs) {
        for (size_t c = 0; c < columns; c++, from += l->k) {
            float *to = ret_tile + c / LANES * LANES * rows + c % LANES;
            for (size_t r = 0; r < rows; r++)
                to[r * LANES] = from[r];
        }
        return;
    }
    for (size_t r = 0; r < rows; r++, from += l->n) {
        size_t c = 0;
        for (; c + LANES <= columns; c += LANES) {
            __builtin_prefetch(from + c + ahead);
            memcpy(ret_tile + c * rows + r * LANES, from + c, LANES * sizeof(*from));
        }
        if (c < columns)
            memcpy(ret_tile + c * rows + r * LANES, from + c, (columns - c) * sizeof(*from));
    }
}

/* The four bits behind an odd last input, as the peer leaves them. */
static void repeat_last(const struct int4_layout *l, uint8_t *q, int64_t block)
{
    int64_t last = l->k - 1;
    if (last % 2 == 0 && last / l->block == block && last % (2 * l->block) != 0) {
        uint8_t *at = q + last % l->block / 2;
        *at |= at[-1] & 0xf0;
    }
}

/* One group of a tile to its places. `q` is that of its first output and of this block. */
static void store_group(const struct int4_layout *l, const struct kernel_int4 *group,
                        int64_t output, int64_t block, size_t columns, size_t stride, uint8_t *q,
                        uint8_t *zeros, float *x)
{
    size_t half = (size_t)l->block / 2, rows = (size_t)MIN(l->block, l->k - block * l->block);
    size_t made = (rows + 7) / 8 * 4;
    for (size_t c = 0; c < columns; c++, q += stride) {
        memcpy(q, group->q[c], made);
        memset(q + made, 0, half - made);
        repeat_last(l, q, block);
        x[int4_place(l, output + (int64_t)c, block)] = group->scale[c];
        if (zeros) {
            uint8_t *pair = zeros + (output + (int64_t)c) * l->zero_bytes + block / 2;
            *pair = block % 2 ? (uint8_t)((*pair & 0x0f) | group->zero[c] << 4)
                              : (uint8_t)(0x80 | group->zero[c]);
        }
    }
}

/* `columns` outputs of one block. */
static void quantize_tile(const struct kernel *kernel, float *x, const struct int4_layout *l,
                          const struct int4_part *part, int64_t output, int64_t block,
                          size_t columns, uint8_t *ret_q, uint8_t *zeros,
                          struct kernel_error *io_error, struct int4_counts *io_counts)
{
    float tile[INT4_TILE];
    size_t half = (size_t)l->block / 2, stride = (size_t)part->blocks * half;
    size_t rows = (size_t)MIN(l->block, l->k - block * l->block);
    uint8_t *q =
        ret_q + (size_t)(output - part->output) * stride + (size_t)(block - part->block) * half;
    int4_load_tile(x, l, output, block, rows, columns, tile);
    for (size_t c = 0; c < columns; c += LANES) {
        struct kernel_int4 group;
        size_t n = MIN((size_t)LANES, columns - c);
        io_counts->clipped +=
            kernel->int4(tile + c * rows, rows, n, l->symmetric, false, &group, io_error);
        store_group(l, &group, output + (int64_t)c, block, n, stride, q + c * stride, zeros, x);
    }
}

void int4_quantize(const struct kernel *kernel, float *x, const struct int4_layout *l,
                   const struct int4_part *part, uint8_t *ret_q, uint8_t *zeros,
                   struct kernel_error *io_error, struct int4_counts *io_counts)
{
    int64_t step = INT4_TILE / l->block, end = part->output + part->outputs;
    for (int64_t output = part->output; output < end; output += step)
        for (int64_t block = part->block; block < part->block + part->blocks; block++)
            quantize_tile(kernel, x, l, part, output, block, (size_t)MIN(step, end - output), ret_q,
                          zeros, io_error, io_counts);
}

size_t int4_scales(const float *x, const struct int4_layout *l, const struct int4_part *part,
                   float *ret_scales)
{
    for (int64_t from = 0; from < part->outputs; from += LINE)
        for (int64_t block = 0; block < part->blocks; block++)
            for (int64_t o = from; o < MIN(from + LINE, part->outputs); o++)
                ret_scales[o * part->blocks + block] =
                    x[int4_place(l, part->output + o, part->block + block)];
    return (size_t)(part->outputs * part->blocks);
}

/* ---- the scheme ---- */

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    struct int4_layout l = int4_layout(&t->shown, change);
    return l.n * int4_output_bytes(&l);
}

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    if (t->no_blocks)
        return t->no_blocks;
    if (!step->symmetric && !int8_fits(absmax))
        return "its values are too large: twice the largest is infinite";
    struct change change = { .kind = CHANGE_INT4,
                             .axis = t->channel_axis,
                             .block = step->block,
                             .symmetric = step->symmetric,
                             .accuracy_level = step->accuracy_level };
    struct int4_layout l = int4_layout(&t->shown, &change);
    change.scale_count = l.n * l.blocks;
    if (int4_output_bytes(&l) >= l.k * (int64_t)sizeof(float) ||
        t->shown.size_bytes - bytes_of(t, &change) < SCHEME_SAVING_MIN)
        return "int4 would save less than its scales and nodes cost";
    *ret_change = change;
    return NULL;
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    (void)step;
    return arena_printf(arena, "int4 in blocks of %d, %s", change->block,
                        change->symmetric ? "symmetric" : "with zero points");
}

static bool next_part(const struct writing *w, int64_t io_place[4])
{
    struct int4_layout l = int4_layout(w->shown, w->change);
    struct int4_part part = { io_place[0], io_place[1], io_place[2], io_place[3] };
    if (!int4_next(&l, &part))
        return false;
    io_place[0] = part.output;
    io_place[1] = part.outputs;
    io_place[2] = part.block;
    io_place[3] = part.blocks;
    return true;
}

static void make_part(const struct writing *w, struct writing_part *io_part)
{
    struct int4_layout l = int4_layout(w->shown, w->change);
    struct int4_part part = { io_part->place[0], io_part->place[1], io_part->place[2],
                              io_part->place[3] };
    struct int4_counts counts = { 0 };
    io_part->bytes = (size_t)(part.outputs * part.blocks * l.block / 2);
    int4_quantize(w->kernel, w->x, &l, &part, io_part->room, *w->kept, &io_part->error, &counts);
    io_part->clipped = counts.clipped;
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .next = next_part, .make = make_part };
    struct int4_layout l = int4_layout(w->shown, w->change);
    size_t zero_bytes = (size_t)(l.n * l.zero_bytes);
    if (!l.symmetric && !(*w->kept = malloc(zero_bytes)))
        return error_no_memory(err, zero_bytes);
    return writing_parts(w, &grid, sink, err);
}

/* They are where int4_quantize() left them: in the tensor. */
static bool write_scales(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct int4_layout l = int4_layout(w->shown, w->change);
    struct int4_part part = { 0 };
    while (int4_next(&l, &part)) {
        size_t count = int4_scales(w->x, &l, &part, w->stretch);
        if (!sink_write(sink, w->stretch, count * sizeof(float), err))
            return false;
    }
    return true;
}

static bool write_zero_points(struct writing *w, struct sink *sink, struct pare_error *err)
{
    struct int4_layout l = int4_layout(w->shown, w->change);
    return writing_put_kept(w, sink, (size_t)(l.n * l.zero_bytes), err);
}

const struct scheme scheme_int4 = {
    .stretch_bytes = INT4_ROOM,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
    .scales = write_scales,
    .zero_points = write_zero_points,
};
