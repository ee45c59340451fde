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

/* Between neighbours of the codes' numbers: a code is how many of these are below. */
struct nested_codes {
    float between[LINEAR4_NESTED_CODES];
};

static void list_between(struct nested_codes *ret_codes)
{
    const float *map = linear4_nested_map;
    for (int i = 0; i + 1 < LINEAR4_NESTED_CODES; i++)
        ret_codes->between[i] = (map[i] + map[i + 1]) / 2;
}

/* The code of the number nearest to v, halfway the lower one. No branch depends on v. */
static uint8_t nested_code(const struct nested_codes *codes, float v)
{
    unsigned code = 0;
    for (unsigned step = LINEAR4_NESTED_CODES / 2; step > 0; step /= 2)
        code += v > codes->between[code + step - 1] ? step : 0;
    return (uint8_t)code;
}

/* A block's code, and in *ret_scale what it stands for. */
static uint8_t code_of(const struct nested4 *nested, const struct nested_codes *codes, size_t block,
                       float absmax, float *ret_scale)
{
    float most = nested->absmax[block / LINEAR4_NESTED_BLOCK];
    uint8_t code = nested_code(codes, most == 0 ? 0 : (absmax - nested->offset) / most);
    *ret_scale = linear4_nested_map[code] * most + nested->offset;
    return code;
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

/* Codes of the magnitudes of elements from `start` on, kept, and the scales that they stand for. */
static void make_scale_codes(const struct writing *w, const struct nested_codes *codes,
                             const float *x, size_t start, size_t count, float *ret_scales)
{
    size_t block = (size_t)w->change->block, first = start / block;
    uint8_t *kept = (uint8_t *)*w->kept + first;
    uint32_t bits[WRITING_STEP / BLOCK_MIN];
    w->kernel->absmax_blocks(x, count, block, bits);
    for (size_t i = 0; i * block < count; i++)
        kept[i] = code_of(w->change->nested, codes, first + i, float_of(bits[i]), &ret_scales[i]);
}

/* `codes` NULL: the scales are the magnitudes. */
static void make_step(const struct writing *w, const struct nested_codes *codes, const float *x,
                      size_t start, size_t count, uint8_t *ret_q, struct kernel_error *io_error)
{
    float absmax[WRITING_STEP / BLOCK_MIN], scales[WRITING_STEP / BLOCK_MIN];
    if (codes)
        make_scale_codes(w, codes, x, start, count, scales);
    w->kernel->float4(x, count, (size_t)w->change->block,
                      w->change->float4 ? KERNEL_NF4 : KERNEL_FP4_MEANS, codes ? scales : NULL,
                      ret_q, absmax, io_error);
}

static void make_part(const struct writing *w, struct writing_part *io_part)
{
    size_t start = (size_t)io_part->place[0], count = (size_t)io_part->place[1];
    const struct nested_codes *nested = NULL;
    struct nested_codes codes;
    struct writing_room room;
    if (w->change->nested) {
        list_between(&codes);
        nested = &codes;
    }
    for (size_t done = 0, n; done < count; done += n) {
        n = MIN((size_t)WRITING_STEP, count - done);
        const float *x = writing_read(w, io_part, start + done, n, &room);
        if (!x)
            return;
        make_step(w, nested, x, start + done, n, (uint8_t *)io_part->room + done / 2,
                  &io_part->error);
    }
    io_part->bytes = (count + 1) / 2;
}

static bool write_values(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .elements = STRETCH, .make = make_part };
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
    uint32_t *to = io_part->room; /* bits of floats */
    struct writing_room room;
    for (size_t done = 0, n; done < count; done += n) {
        n = MIN((size_t)WRITING_STEP, count - done);
        const float *x = writing_read(w, io_part, start + done, n, &room);
        if (!x)
            return;
        w->kernel->absmax_blocks(x, n, block, to);
        to += (n + block - 1) / block;
    }
    io_part->bytes = (size_t)(to - (uint32_t *)io_part->room) * sizeof(*to);
}

static bool write_scales(struct writing *w, struct sink *sink, struct pare_error *err)
{
    static const struct writing_grid grid = { .elements = STRETCH, .make = make_scales };
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
