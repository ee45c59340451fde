/* SPDX-License-Identifier: MIT */
/*
 * nf4 and fp4 of a checkpoint, as bitsandbytes keeps them: format/linear4.h has the layout.
 *
 * Weights are read, quantized and written stretch by stretch, so that a tensor is never whole in
 * memory. Where the blocks' magnitudes are quantized too, the plan has read them all: their mean,
 * and the largest distance of 256, stand in the file before the codes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/reading.h"
#include "engine/scheme.h"
#include "format/linear4.h"
#include "format/sink.h"

/* Elements of a part; its codes, or its scales, are half as many bytes and fewer. */
enum { STRETCH = 1 << 18, BLOCK_MIN = 16 };

/* ---- magnitudes of blocks, quantized ---- */

/* The code of the number nearest to v, halfway the lower one. */
static uint8_t nested_code(float v)
{
    int low = 0, high = LINEAR4_NESTED_CODES - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        float between = (linear4_nested_map[middle] + linear4_nested_map[middle + 1]) / 2;
        if (v > between)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint8_t)low;
}

static uint8_t code_of(const struct nested4 *nested, size_t block, float absmax)
{
    float most = nested->absmax[block / LINEAR4_NESTED_BLOCK];
    return most == 0 ? nested_code(0) : nested_code((absmax - nested->offset) / most);
}

static float decoded(const struct nested4 *nested, size_t block, float absmax)
{
    float most = nested->absmax[block / LINEAR4_NESTED_BLOCK];
    return linear4_nested_map[code_of(nested, block, absmax)] * most + nested->offset;
}

/* ---- the plan ---- */

static const char *weigh(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change)
{
    (void)absmax;
    if (t->no_blocks)
        return t->no_blocks;
    *ret_change = (struct change){ .kind = CHANGE_LINEAR4,
                                   .axis = 0,
                                   .block = step->block,
                                   .scale_count = linear4_blocks(&t->shown, step->block),
                                   .float4 = step->scheme == SCHEME_NF4 ? KERNEL_NF4 : KERNEL_FP4 };
    return NULL;
}

/* Its blocks, in a row. */
static struct int8_layout channels_of(const struct tensor *t, const struct step *step)
{
    return (struct int8_layout){ .outer = 1,
                                 .channels = (size_t)linear4_blocks(&t->shown, step->block),
                                 .inner = (size_t)step->block };
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static bool complete(const struct tensor *t, const struct step *step, const uint32_t *magnitudes,
                     struct arena *arena, struct change *io_change, struct pare_error *err)
{
    size_t count = (size_t)io_change->scale_count;
    size_t blocks = (count + LINEAR4_NESTED_BLOCK - 1) / LINEAR4_NESTED_BLOCK;
    (void)t;
    if (!step->double_quant)
        return true;
    struct nested4 *nested = arena_alloc(arena, sizeof(*nested));
    float *most = arena_array(arena, blocks + 1, sizeof(*most));
    double sum = 0;
    if (!nested || !most)
        return error_no_memory(err, blocks * sizeof(*most));
    for (size_t i = 0; i < count; i++)
        sum += float_of(magnitudes[i]);
    nested->offset = count ? (float)(sum / (double)count) : 0;
    for (size_t i = 0; i < count; i++) {
        float *here = &most[i / LINEAR4_NESTED_BLOCK];
        *here = fmaxf(*here, fabsf(float_of(magnitudes[i]) - nested->offset));
    }
    nested->absmax = most;
    nested->count = blocks;
    io_change->nested = nested;
    return true;
}

static int64_t bytes_of(const struct tensor *t, const struct change *change)
{
    int64_t scale = change->nested ? 1 : (int64_t)sizeof(float);
    int64_t nested = change->nested ? (int64_t)(change->nested->count + LINEAR4_NESTED_CODES) : 0;
    return linear4_value_bytes(&t->shown) + change->scale_count * scale +
           (nested + LINEAR4_CODES) * (int64_t)sizeof(float);
}

static const char *words(struct arena *arena, const struct step *step, const struct change *change)
{
    return arena_printf(arena, "%s in blocks of %d%s", step->choice->name, change->block,
                        change->nested ? ", their scales in 8 bits" : "");
}

/* ---- the writing ---- */

/* Place: the first element and how many. */
static bool next_part(const struct writing *w, int64_t io_place[4])
{
    int64_t start = io_place[0] + io_place[1];
    io_place[0] = start;
    io_place[1] = MIN((int64_t)STRETCH, w->shown->element_count - start);
    return io_place[1] > 0;
}

/* The errors of codes whose scales are not the magnitudes that they were found with. */
static void compare(const struct writing *w, const float *x, size_t n, size_t first,
                    const uint8_t *q, const float *absmax, struct kernel_error *io_error)
{
    const float *map = linear4_map[w->change->float4];
    size_t block = (size_t)w->change->block;
    float y[WRITING_STEP];
    for (size_t at = 0; at < n; at += block) {
        float scale = decoded(w->change->nested, first + at / block, absmax[at / block]);
        float scaled[LINEAR4_CODES];
        for (int k = 0; k < LINEAR4_CODES; k++)
            scaled[k] = map[k] * scale;
        for (size_t i = at; i < MIN(at + block, n); i++)
            y[i] = scaled[i % 2 ? q[i / 2] & 15 : q[i / 2] >> 4];
    }
    w->kernel->error(x, y, n, io_error);
}

/* `count` elements from `start` on, into their place among the part's codes. */
static void make_step(const struct writing *w, const float *x, size_t start, size_t count,
                      uint8_t *ret_q, struct kernel_error *io_error)
{
    const struct nested4 *nested = w->change->nested;
    size_t block = (size_t)w->change->block, first = start / block;
    float absmax[WRITING_STEP / BLOCK_MIN];
    struct kernel_error ignored = { 0 };
    w->kernel->float4(x, count, block, w->change->float4 ? KERNEL_NF4 : KERNEL_FP4_MEANS, ret_q,
                      absmax, nested ? &ignored : io_error);
    if (!nested)
        return;
    uint8_t *codes = (uint8_t *)*w->kept + first;
    for (size_t i = 0; i * block < count; i++)
        codes[i] = code_of(nested, first + i, absmax[i]);
    compare(w, x, count, first, ret_q, absmax, io_error);
}

static void make_part(const struct writing *w, struct writing_part *io_part)
{
    size_t start = (size_t)io_part->place[0], count = (size_t)io_part->place[1];
    struct writing_room room;
    for (size_t done = 0, n; done < count; done += n) {
        n = MIN((size_t)WRITING_STEP, count - done);
        const float *x = writing_read(w, io_part, start + done, n, &room);
        if (!x)
            return;
        make_step(w, x, start + done, n, (uint8_t *)io_part->room + done / 2, &io_part->error);
    }
    io_part->bytes = (count + 1) / 2;
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { next_part, make_part };
    if (w->change->nested && !*w->kept)
        *w->kept = malloc((size_t)w->change->scale_count + 1);
    if (w->change->nested && !*w->kept)
        return error_no_memory(err, (size_t)w->change->scale_count);
    return writing_parts(w, &grid, sink, err);
}

/* The magnitudes alone, in place of the codes. */
static void make_scales(const struct writing *w, struct writing_part *io_part)
{
    size_t start = (size_t)io_part->place[0], count = (size_t)io_part->place[1];
    size_t block = (size_t)w->change->block;
    float *to = io_part->room;
    struct writing_room room;
    for (size_t done = 0, n; done < count; done += n) {
        n = MIN((size_t)WRITING_STEP, count - done);
        const float *x = writing_read(w, io_part, start + done, n, &room);
        if (!x)
            return;
        for (size_t at = 0; at < n; at += block)
            *to++ = float_of(w->kernel->absmax(x + at, MIN(block, n - at)));
    }
    io_part->bytes = (size_t)(to - (float *)io_part->room) * sizeof(*to);
}

static bool write_scales(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { next_part, make_scales };
    if (!w->change->nested)
        return writing_parts(w, &grid, sink, err);
    return writing_put_kept(w, sink, (size_t)w->change->scale_count, err);
}

const struct scheme scheme_linear4 = {
    .stretch_bytes = STRETCH / 2,
    .by_element = true,
    .scales_by_element = true,
    .channels = channels_of,
    .complete = complete,
    .weigh = weigh,
    .bytes = bytes_of,
    .words = words,
    .values = write_values,
    .scales = write_scales,
};
