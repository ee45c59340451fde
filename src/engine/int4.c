/* SPDX-License-Identifier: MIT */
#include "engine/int4.h"

#include <string.h>

#include "kernel/kernel.h"

/* Elements of a tile: what the first cache holds. Scales are gathered so many outputs at a time. */
enum { TILE = 8192, LINE = 16, LANES = KERNEL_INT4_COLUMNS };

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

/* Where an output's block begins in the tensor. */
static size_t place_of(const struct int4_layout *l, int64_t output, int64_t block)
{
    int64_t input = block * l->block;
    return (size_t)(l->rows_are_inputs ? input * l->n + output : output * l->k + input);
}

/* Up to TILE elements of one block as groups (rows, 8); columns past the last are zeros. */
static void load_tile(const float *x, const struct int4_layout *l, int64_t output, int64_t block,
                      size_t rows, size_t columns, float *ret_tile)
{
    const float *from = x + place_of(l, output, block);
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
        x[place_of(l, output + (int64_t)c, block)] = group->scale[c];
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
    float tile[TILE];
    size_t half = (size_t)l->block / 2, stride = (size_t)part->blocks * half;
    size_t rows = (size_t)MIN(l->block, l->k - block * l->block);
    uint8_t *q =
        ret_q + (size_t)(output - part->output) * stride + (size_t)(block - part->block) * half;
    load_tile(x, l, output, block, rows, columns, tile);
    for (size_t c = 0; c < columns; c += LANES) {
        struct kernel_int4 group;
        size_t n = MIN((size_t)LANES, columns - c);
        io_counts->clipped +=
            kernel->int4(tile + c * rows, rows, n, l->symmetric, &group, io_error);
        store_group(l, &group, output + (int64_t)c, block, n, stride, q + c * stride, zeros, x);
    }
}

void int4_quantize(const struct kernel *kernel, float *x, const struct int4_layout *l,
                   const struct int4_part *part, uint8_t *ret_q, uint8_t *zeros,
                   struct kernel_error *io_error, struct int4_counts *io_counts)
{
    int64_t step = TILE / l->block, end = part->output + part->outputs;
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
                    x[place_of(l, part->output + o, part->block + block)];
    return (size_t)(part->outputs * part->blocks);
}
