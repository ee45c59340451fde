/* SPDX-License-Identifier: MIT */
#include "engine/packed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_slice.h"

enum {
    NAME_ROOM = 4096,
    STATE_MAX = 4096,
    BLOCK_MIN = 16,
    BLOCK_MAX = 1 << 16,
    SCALES = 4096, /* read at a time */
    NESTED = SCALES / LINEAR4_NESTED_BLOCK + 2,
};

/* A weight while it is looked at. */
struct opening {
    struct packed packed;
    packed_find_fn *find;
    const void *data;
};

/* ---- what is beside ---- */

/* NAME less its last `cut` characters and with `suffix`: one part more, if it is as it should be. */
static const struct tensor *take_part(struct opening *o, size_t cut, const char *suffix,
                                      enum pare_dtype dtype, int64_t count)
{
    const char *name = o->packed.codes->shown.name;
    char room[NAME_ROOM];
    int kept = (int)MIN(strlen(name) - cut, (size_t)NAME_ROOM);
    if ((size_t)snprintf(room, sizeof(room), "%.*s%s", kept, name, suffix) >= sizeof(room))
        return NULL;
    const struct tensor *found = o->find(o->data, room);
    if (!found || found->shown.dtype != dtype || found->file_offset < 0 ||
        (count >= 0 && found->shown.element_count != count))
        return NULL;
    o->packed.parts[o->packed.part_count++] = found;
    o->packed.shown.size_bytes += found->shown.size_bytes;
    return found;
}

static bool read_floats(const struct packed *packed, const struct tensor *t, int64_t first,
                        size_t count, float *ret_values, struct pare_error *err)
{
    return model_read(packed->model, t, first * (int64_t)sizeof(float), count * sizeof(float),
                      ret_values, err);
}

/* ---- LLM.int8() ---- */

static bool open_int8(struct opening *o)
{
    struct packed *packed = &o->packed;
    const char *name = packed->shown.name, *end = strrchr(name, '.');
    if (packed->shown.dtype != PARE_I8 || packed->shown.rank != 2 || packed->shown.dims[1] < 1 ||
        !end || strcmp(end, ".weight") != 0)
        return false;
    packed->is_int8 = true;
    packed->block = packed->shown.dims[1];
    packed->scales = take_part(o, strlen("weight"), "SCB", PARE_F32, packed->shown.dims[0]);
    take_part(o, strlen("weight"), "weight_format", PARE_U8, 1);
    return packed->scales;
}

/* ---- nf4 and fp4 ---- */

static bool take_shape(struct pare_tensor *io_shown, const struct json_slice *shape)
{
    struct json_members members = json_members(shape);
    struct json_slice key, value;
    int64_t dim;
    io_shown->rank = 0;
    io_shown->element_count = 1;
    while (json_member(&members, &key, &value)) {
        if (io_shown->rank == PARE_RANK_MAX || value.kind != JSON_NUMBER)
            return false;
        if (!json_slice_int(&value, &dim) || dim < 1 ||
            __builtin_mul_overflow(io_shown->element_count, dim, &io_shown->element_count))
            return false;
        io_shown->dims[io_shown->rank++] = dim;
    }
    return true;
}

/* What the quant_state says; *ret_nested whether the magnitudes are quantized too. */
static bool take_state(struct packed *packed, const struct json_slice *state, bool *ret_nested)
{
    struct json_slice value;
    int64_t nested_block = 0;
    if (!json_slice_get(state, "blocksize", &value) || !json_slice_int(&value, &packed->block) ||
        packed->block < BLOCK_MIN || packed->block > BLOCK_MAX ||
        !json_slice_get(state, "shape", &value) || !take_shape(&packed->shown, &value))
        return false;
    *ret_nested = json_slice_get(state, "nested_offset", &value);
    if (!*ret_nested)
        return true;
    char digits[64];
    snprintf(digits, sizeof(digits), "%.*s", (int)MIN(value.length, sizeof(digits)), value.text);
    packed->offset = strtof(digits, NULL);
    return value.kind == JSON_NUMBER && isfinite(packed->offset) &&
           json_slice_get(state, "nested_blocksize", &value) &&
           json_slice_int(&value, &nested_block) && nested_block == LINEAR4_NESTED_BLOCK;
}

/* The state is bytes of a tensor; one that is no JSON makes no packed weight. */
static bool read_state(struct opening *o, const struct tensor *state, bool *ret_nested,
                       bool *ret_is, struct pare_error *err)
{
    char text[STATE_MAX + 1];
    size_t length = (size_t)state->shown.size_bytes;
    struct json_slice slice;
    struct pare_error ignored;
    *ret_is = false;
    if (state->shown.size_bytes > STATE_MAX)
        return true;
    if (!model_read(o->packed.model, state, 0, length, text, err))
        return false;
    text[length] = '\0';
    *ret_is =
        json_slice(text, length, &slice, &ignored) && take_state(&o->packed, &slice, ret_nested);
    return true;
}

static bool take_scales(struct opening *o, bool nested, const struct tensor **ret_map)
{
    struct packed *packed = &o->packed;
    const struct pare_tensor *codes = &packed->codes->shown;
    int64_t blocks = (packed->shown.element_count - 1) / packed->block + 1;
    if (codes->size_bytes != packed->shown.element_count / 2 + packed->shown.element_count % 2)
        return false;
    packed->scales = take_part(o, 0, ".absmax", nested ? PARE_U8 : PARE_F32, blocks);
    if (nested) {
        packed->nested =
            take_part(o, 0, ".nested_absmax", PARE_F32, (blocks - 1) / LINEAR4_NESTED_BLOCK + 1);
        *ret_map = take_part(o, 0, ".nested_quant_map", PARE_F32, LINEAR4_NESTED_CODES);
    }
    return packed->scales && (!nested || (packed->nested && *ret_map));
}

static bool open_float4(struct opening *o, bool *ret_is, struct pare_error *err)
{
    struct packed *packed = &o->packed;
    const struct tensor *nested_map = NULL;
    bool nested = false;
    *ret_is = false;
    if (packed->shown.dtype != PARE_U8)
        return true;
    const struct tensor *state = take_part(o, 0, ".quant_state.bitsandbytes__nf4", PARE_U8, -1);
    if (!state)
        state = take_part(o, 0, ".quant_state.bitsandbytes__fp4", PARE_U8, -1);
    const struct tensor *map =
        state ? take_part(o, 0, ".quant_map", PARE_F32, LINEAR4_CODES) : NULL;
    bool is;
    if (!map)
        return true;
    if (!read_state(o, state, &nested, &is, err))
        return false;
    if (!is || !take_scales(o, nested, &nested_map))
        return true;
    *ret_is = true;
    return read_floats(packed, map, 0, LINEAR4_CODES, packed->map, err) &&
           (!nested ||
            read_floats(packed, nested_map, 0, LINEAR4_NESTED_CODES, packed->nested_map, err));
}

bool packed_open(const struct model *model, const struct tensor *tensor, packed_find_fn *find,
                 const void *data, struct packed *ret_packed, bool *ret_is, struct pare_error *err)
{
    struct opening o = { .packed = { .model = model, .codes = tensor, .shown = tensor->shown },
                         .find = find,
                         .data = data };
    bool is = false;
    if (tensor->file_offset >= 0 && tensor->shown.element_count > 0) {
        is = open_int8(&o);
        if (!is && !open_float4(&o, &is, err))
            return false;
    }
    if (is)
        *ret_packed = o.packed;
    *ret_is = is;
    return true;
}

/* ---- values ---- */

/* The scales of `count` blocks from `first` on, at most SCALES. */
static bool read_scales(const struct packed *packed, int64_t first, size_t count, float *ret_scales,
                        struct pare_error *err)
{
    uint8_t codes[SCALES];
    float most[NESTED];
    if (!packed->nested)
        return read_floats(packed, packed->scales, first, count, ret_scales, err);
    int64_t group = first / LINEAR4_NESTED_BLOCK;
    int64_t last = (first + (int64_t)count - 1) / LINEAR4_NESTED_BLOCK;
    if (!model_read(packed->model, packed->scales, first, count, codes, err) ||
        !read_floats(packed, packed->nested, group, (size_t)(last - group + 1), most, err))
        return false;
    for (size_t i = 0; i < count; i++)
        ret_scales[i] = packed->nested_map[codes[i]] *
                            most[(first + (int64_t)i) / LINEAR4_NESTED_BLOCK - group] +
                        packed->offset;
    return true;
}

/* Element i of the step in the map's numbers. */
static float unscaled(const struct packed *packed, const unsigned char *bytes, size_t i)
{
    if (packed->is_int8)
        return (float)(int8_t)bytes[i] / 127;
    return packed->map[i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4];
}

bool packed_read(const struct packed *packed, size_t start, size_t count, unsigned char *bytes,
                 float *ret_values, struct pare_error *err)
{
    size_t length = packed->is_int8 ? count : (count + 1) / 2, block = (size_t)packed->block;
    int64_t offset = (int64_t)(packed->is_int8 ? start : start / 2);
    float scales[SCALES];
    if (!model_read(packed->model, packed->codes, offset, length, bytes, err))
        return false;
    for (size_t at = 0, n; at < count; at += n) {
        size_t first = (start + at) / block;
        size_t blocks = MIN((start + count - 1) / block - first + 1, (size_t)SCALES);
        n = MIN((first + blocks) * block - (start + at), count - at);
        if (!read_scales(packed, (int64_t)first, blocks, scales, err))
            return false;
        for (size_t i = at; i < at + n; i++)
            ret_values[i] = unscaled(packed, bytes, i) * scales[(start + i) / block - first];
    }
    return true;
}
