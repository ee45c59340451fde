/* SPDX-License-Identifier: MIT */
#include "format/checkpoint_output.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/channels.h"
#include "format/linear4.h"
#include "format/source.h"

enum { CONFIG_TEXT_MAX = 1 << 28, STATE_MAX = 4096 };

/* A tensor's parts while they are put together. */
struct taking_apart {
    struct arena *arena;
    const struct pare_tensor *shown;
    const struct change *change;
    size_t index;
    struct checkpoint_part *parts;
    size_t *count;
    struct pare_error *err;
};

/* ---- parts ---- */

/* One more, of one dimension; of none where `dim` is negative. */
static bool add_part(struct taking_apart *a, const char *suffix, enum pare_dtype dtype, int64_t dim,
                     const struct segment *from)
{
    int64_t *dims = arena_alloc(a->arena, sizeof(*dims));
    if (!dims)
        return error_no_memory(a->err, sizeof(*dims));
    *dims = dim;
    a->parts[(*a->count)++] = (struct checkpoint_part){ .suffix = suffix,
                                                        .beside = *suffix != '.',
                                                        .dtype = dtype,
                                                        .rank = dim >= 0,
                                                        .dims = dims,
                                                        .from = *from };
    return true;
}

/* The same of bytes that are known. */
static bool add_known(struct taking_apart *a, const char *suffix, enum pare_dtype dtype,
                      int64_t dim, const void *bytes, size_t length)
{
    char *copy = arena_alloc(a->arena, length + 1);
    const struct segment from = { .kind = SEGMENT_LITERAL,
                                  .length = (int64_t)length,
                                  .bytes = copy };
    if (!copy)
        return error_no_memory(a->err, length);
    memcpy(copy, bytes, length);
    return add_part(a, suffix, dtype, dim, &from);
}

static bool add_floats(struct taking_apart *a, const char *suffix, const float *x, size_t count)
{
    return add_known(a, suffix, PARE_F32, (int64_t)count, x, count * sizeof(*x));
}

static bool add_state(struct taking_apart *a)
{
    struct buf state;
    buf_init(&state, STATE_MAX);
    linear4_put_state(&state, a->shown, a->change);
    bool ok = buf_ok(&state, a->err) &&
              add_known(a,
                        a->change->float4 ? ".quant_state.bitsandbytes__nf4"
                                          : ".quant_state.bitsandbytes__fp4",
                        PARE_U8, (int64_t)state.length, state.data, state.length);
    buf_done(&state);
    return ok;
}

static bool take_linear4(struct taking_apart *a)
{
    const struct nested4 *nested = a->change->nested;
    int64_t *dims = arena_array(a->arena, 2, sizeof(*dims));
    if (!dims)
        return error_no_memory(a->err, 2 * sizeof(*dims));
    dims[0] = a->parts->from.length = linear4_value_bytes(a->shown);
    dims[1] = 1;
    a->parts->dtype = PARE_U8;
    a->parts->rank = 2;
    a->parts->dims = dims;
    const struct segment scales = { .kind = SEGMENT_SCALES,
                                    .length = a->change->scale_count * (nested ? 1 : 4),
                                    .tensor = a->index };
    return add_part(a, ".absmax", nested ? PARE_U8 : PARE_F32, a->change->scale_count, &scales) &&
           add_floats(a, ".quant_map", linear4_map[a->change->float4], LINEAR4_CODES) &&
           (!nested ||
            (add_floats(a, ".nested_absmax", nested->absmax, nested->count) &&
             add_floats(a, ".nested_quant_map", linear4_nested_map, LINEAR4_NESTED_CODES))) &&
           add_state(a);
}

static bool take_linear8(struct taking_apart *a)
{
    a->parts->dtype = PARE_I8;
    a->parts->from.length = a->shown->element_count;
    return add_floats(a, "SCB", a->change->absmax, (size_t)a->change->scale_count) &&
           add_known(a, "weight_format", PARE_U8, -1, "", 1);
}

static bool take_cut(struct taking_apart *a)
{
    int64_t *dims = arena_array(a->arena, PARE_RANK_MAX, sizeof(*dims));
    if (!dims)
        return error_no_memory(a->err, PARE_RANK_MAX * sizeof(*dims));
    a->parts->same_type = true;
    a->parts->from.length = channel_cut_shape(a->change->cut, a->shown, dims);
    a->parts->dims = dims;
    return true;
}

static bool take_apart(struct taking_apart *a)
{
    switch (a->change->kind) {
    case CHANGE_NONE:
    case CHANGE_VALUES:
        a->parts->same_type = true;
        return true;
    case CHANGE_CUT:
        return take_cut(a);
    case CHANGE_FP16:
    case CHANGE_BF16:
        a->parts->dtype = a->change->kind == CHANGE_FP16 ? PARE_F16 : PARE_BF16;
        a->parts->from.length = 2 * a->shown->element_count;
        return true;
    case CHANGE_LINEAR4:
        return take_linear4(a);
    case CHANGE_LINEAR8:
        return take_linear8(a);
    default:
        return error_set(a->err, PARE_ERR_UNSUPPORTED,
                         "tensor %.200s: a checkpoint has no form for this change", a->shown->name);
    }
}

bool checkpoint_parts(const struct model *model, const struct change *changes, size_t index,
                      struct output *output, struct checkpoint_part *ret_parts, size_t *ret_count,
                      struct pare_error *err)
{
    const struct tensor *t = &model->tensors[index];
    struct taking_apart a = { &output->arena, &t->shown, &changes[index], index, ret_parts,
                              ret_count,      err };
    *ret_count = 1;
    *ret_parts = (struct checkpoint_part){
        .suffix = "",
        .dtype = t->shown.dtype,
        .rank = t->shown.rank,
        .dims = t->shown.dims,
        .from = { .kind = SEGMENT_VALUES, .length = t->shown.size_bytes, .tensor = index },
    };
    if (a.change->kind == CHANGE_NONE) {
        ret_parts->from.kind = SEGMENT_COPY;
        ret_parts->from.file = t->file;
        ret_parts->from.offset = t->file_offset;
    }
    return take_apart(&a);
}

const char *checkpoint_part_name(struct arena *arena, const struct checkpoint_part *part,
                                 const char *name)
{
    size_t kept = strlen(name), cut = part->beside ? sizeof("weight") - 1 : 0;
    return arena_printf(arena, "%.*s%s", (int)(kept - MIN(cut, kept)), name, part->suffix);
}

/* ---- files ---- */

bool checkpoint_begin_file(struct output *output, const char *name, struct output_file **ret_file,
                           struct pare_error *err)
{
    struct output_file *file = &output->files[output->file_count];
    file->name = arena_strdup(&output->arena, name);
    if (!file->name)
        return error_no_memory(err, strlen(name));
    output->file_count++;
    *ret_file = file;
    return true;
}

bool checkpoint_put_text(struct output *output, const char *name, const struct buf *text,
                         struct pare_error *err)
{
    struct output_file *file;
    char *bytes = arena_alloc(&output->arena, text->length + 1);
    const struct segment all = { .kind = SEGMENT_LITERAL,
                                 .length = (int64_t)text->length,
                                 .bytes = bytes };
    if (!bytes)
        return error_no_memory(err, text->length);
    memcpy(bytes, buf_string(text), text->length);
    return checkpoint_begin_file(output, name, &file, err) && output_add(output, file, &all, err);
}

static bool copy_other(const struct model *model, size_t number, struct output *output,
                       struct pare_error *err)
{
    const struct source_file *from = &model->source->files[number];
    const struct segment all = { .kind = SEGMENT_COPY, .length = from->size_bytes, .file = number };
    struct output_file *file;
    return checkpoint_begin_file(output, from->name, &file, err) &&
           output_add(output, file, &all, err);
}

static bool put_config(const struct model *model, const struct change *changes,
                       struct output *output, struct pare_error *err)
{
    const struct checkpoint *own = model->own;
    struct buf text;
    buf_init(&text, CONFIG_TEXT_MAX);
    bool ok = checkpoint_put_config(model, changes, &text, err);
    ok = ok && (text.length ? checkpoint_put_text(output, model->source->files[own->config].name,
                                                  &text, err)
                            : copy_other(model, own->config, output, err));
    buf_done(&text);
    return ok;
}

bool checkpoint_put_others(const struct model *model, const struct change *changes,
                           struct output *output, struct pare_error *err)
{
    const struct checkpoint *own = model->own;
    for (size_t i = 0; i < own->other_count; i++) {
        bool config = own->has_config && own->others[i] == own->config;
        if (!(config ? put_config(model, changes, output, err)
                     : copy_other(model, own->others[i], output, err)))
            return false;
    }
    return true;
}
