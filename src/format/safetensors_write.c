/* SPDX-License-Identifier: MIT */
/*
 * Laying out a changed copy: the reference writer's order - types of many bits first, then names -
 * and its JSON to the byte.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json_slice.h"
#include "format/linear4.h"
#include "format/safetensors.h"
#include "format/source.h"

enum { HEADER_ALIGN = 8, DIGEST_CHARACTERS = 64, INDEX_MAX = 1 << 28, STATE_MAX = 4096 };

/* Tensors that one can become. */
enum { ITEMS_PER_TENSOR = 6 };

/* A tensor of the output and where its bytes come from. */
struct item {
    const char *name;
    int type; /* of safetensors_types */
    int rank;
    const int64_t *dims;
    struct segment from;
};

struct writing_shard {
    const struct model *model;
    const struct change *changes;
    const struct output_settings *settings;
    struct output *output;
    struct item *items;
    size_t item_count;
    struct buf header;
    size_t digest_at; /* in the header; SIZE_MAX: none */
    struct buf map;   /* members of the index */
    int64_t total_bytes;
    struct output_file *file;
};

/* ---- what becomes of a tensor ---- */

/* One more tensor, NAME and what follows it; of one dimension when `dim` is its size. */
static bool put_part(struct writing_shard *w, const char *name, const char *suffix,
                     enum pare_dtype dtype, int64_t dim, const struct segment *from,
                     struct pare_error *err)
{
    struct arena *arena = &w->output->arena;
    int64_t *dims = arena_alloc(arena, sizeof(*dims));
    struct item item = { .name = arena_printf(arena, "%s%s", name, suffix),
                         .type = safetensors_type(dtype),
                         .rank = dim >= 0,
                         .dims = dims,
                         .from = *from };
    if (!item.name || !dims)
        return error_no_memory(err, strlen(name));
    *dims = dim;
    w->items[w->item_count++] = item;
    return true;
}

/* The same of bytes that are known. */
static bool put_known(struct writing_shard *w, const char *name, const char *suffix,
                      enum pare_dtype dtype, int64_t dim, const void *bytes, size_t length,
                      struct pare_error *err)
{
    char *copy = arena_alloc(&w->output->arena, length + 1);
    const struct segment from = { .kind = SEGMENT_LITERAL,
                                  .length = (int64_t)length,
                                  .bytes = copy };
    if (!copy)
        return error_no_memory(err, length);
    memcpy(copy, bytes, length);
    return put_part(w, name, suffix, dtype, dim, &from, err);
}

static bool put_floats(struct writing_shard *w, const char *name, const char *suffix,
                       const float *x, size_t count, struct pare_error *err)
{
    return put_known(w, name, suffix, PARE_F32, (int64_t)count, x, count * sizeof(*x), err);
}

static bool put_state(struct writing_shard *w, size_t index, struct pare_error *err)
{
    const struct pare_tensor *shown = &w->model->tensors[index].shown;
    const struct change *change = &w->changes[index];
    struct buf state;
    buf_init(&state, STATE_MAX);
    linear4_put_state(&state, shown, change);
    bool ok = buf_ok(&state, err) &&
              put_known(w, shown->name,
                        change->float4 ? ".quant_state.bitsandbytes__nf4"
                                       : ".quant_state.bitsandbytes__fp4",
                        PARE_U8, (int64_t)state.length, state.data, state.length, err);
    buf_done(&state);
    return ok;
}

static bool put_linear4(struct writing_shard *w, size_t index, struct item item,
                        struct pare_error *err)
{
    const struct pare_tensor *shown = &w->model->tensors[index].shown;
    const struct change *change = &w->changes[index];
    const struct nested4 *nested = change->nested;
    int64_t *dims = arena_array(&w->output->arena, 2, sizeof(*dims));
    if (!dims)
        return error_no_memory(err, 2 * sizeof(*dims));
    dims[0] = item.from.length = linear4_value_bytes(shown);
    dims[1] = 1;
    item.type = safetensors_type(PARE_U8);
    item.rank = 2;
    item.dims = dims;
    w->items[w->item_count++] = item;
    const struct segment scales = { .kind = SEGMENT_SCALES,
                                    .length = change->scale_count * (nested ? 1 : 4),
                                    .tensor = index };
    return put_part(w, shown->name, ".absmax", nested ? PARE_U8 : PARE_F32, change->scale_count,
                    &scales, err) &&
           put_floats(w, shown->name, ".quant_map", linear4_map[change->float4], LINEAR4_CODES,
                      err) &&
           (!nested ||
            (put_floats(w, shown->name, ".nested_absmax", nested->absmax, nested->count, err) &&
             put_floats(w, shown->name, ".nested_quant_map", linear4_nested_map,
                        LINEAR4_NESTED_CODES, err))) &&
           put_state(w, index, err);
}

static bool put_linear8(struct writing_shard *w, size_t index, struct item item,
                        struct pare_error *err)
{
    const struct pare_tensor *shown = &w->model->tensors[index].shown;
    const struct change *change = &w->changes[index];
    item.type = safetensors_type(PARE_I8);
    item.from.length = shown->element_count;
    w->items[w->item_count++] = item;
    return put_floats(w, shown->node, ".SCB", change->absmax, (size_t)change->scale_count, err) &&
           put_known(w, shown->node, ".weight_format", PARE_U8, -1, "", 1, err);
}

static bool put_tensor(struct writing_shard *w, size_t index, struct pare_error *err)
{
    const struct tensor *t = &w->model->tensors[index];
    const struct change *change = &w->changes[index];
    struct item item = {
        .name = t->shown.name,
        .type = t->own_type,
        .rank = t->shown.rank,
        .dims = t->shown.dims,
        .from = { .kind = SEGMENT_VALUES, .length = t->shown.size_bytes, .tensor = index },
    };
    switch (change->kind) {
    case CHANGE_NONE:
        item.from.kind = SEGMENT_COPY;
        item.from.file = t->file;
        item.from.offset = t->file_offset;
        break;
    case CHANGE_VALUES:
        break;
    case CHANGE_FP16:
    case CHANGE_BF16:
        item.type = safetensors_type(change->kind == CHANGE_FP16 ? PARE_F16 : PARE_BF16);
        item.from.length = 2 * t->shown.element_count;
        break;
    case CHANGE_LINEAR4:
        return put_linear4(w, index, item, err);
    case CHANGE_LINEAR8:
        return put_linear8(w, index, item, err);
    default:
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "tensor %.200s: safetensors has no form for this change", t->shown.name);
    }
    w->items[w->item_count++] = item;
    return true;
}

/* Types of later places come first, then names. */
static int by_order(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    return left->type != right->type ? (left->type < right->type) - (left->type > right->type)
                                     : strcmp(left->name, right->name);
}

/* ---- the header ---- */

/* As the reference's JSON library does it: only what must be escaped is. */
static void put_string(struct buf *buf, const char *text)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    buf_char(buf, '"');
    for (; *text; text++) {
        const char *known = strchr(from, *text);
        if (known)
            buf_printf(buf, "\\%c", to[known - from]);
        else if ((unsigned char)*text < 0x20)
            buf_printf(buf, "\\u%04x", (unsigned char)*text);
        else
            buf_char(buf, *text);
    }
    buf_char(buf, '"');
}

static void put_pair(struct buf *buf, bool first, const char *key, const char *value)
{
    if (!first)
        buf_char(buf, ',');
    put_string(buf, key);
    buf_char(buf, ':');
    put_string(buf, value);
}

/* What the source says of itself, but for labels of ours, and the new labels. */
static bool put_metadata(struct writing_shard *w, const struct shard *shard, struct pare_error *err)
{
    struct arena arena = { 0 };
    struct json_members members = json_members(&shard->metadata);
    struct json_slice key, value;
    bool first = true, ok = true;
    buf_printf(&w->header, "\"%s\":{", SAFETENSORS_METADATA);
    while (ok && shard->metadata.text && json_member(&members, &key, &value)) {
        const char *name = json_slice_text(&key, &arena), *text = json_slice_text(&value, &arena);
        ok = (name && text) || error_no_memory(err, value.length);
        if (!ok || !strncmp(name, LABEL_PREFIX, strlen(LABEL_PREFIX)))
            continue;
        put_pair(&w->header, first, name, text);
        first = false;
    }
    for (size_t i = 0; i < w->settings->label_count; i++) {
        const struct label *label = &w->settings->labels[i];
        put_pair(&w->header, first, label->key, label->value);
        if (label->digest)
            w->digest_at = w->header.length - 1 - DIGEST_CHARACTERS;
        first = false;
    }
    buf_char(&w->header, '}');
    arena_done(&arena);
    return ok;
}

static void put_info(struct buf *buf, const struct item *item, int64_t begin)
{
    put_string(buf, item->name);
    buf_printf(buf, ":{\"dtype\":\"%s\",\"shape\":[", safetensors_type_name(item->type));
    for (int i = 0; i < item->rank; i++)
        buf_printf(buf, "%s%lld", i ? "," : "", (long long)item->dims[i]);
    buf_printf(buf, "],\"data_offsets\":[%lld,%lld]}", (long long)begin,
               (long long)(begin + item->from.length));
}

static bool put_header(struct writing_shard *w, const struct shard *shard, struct pare_error *err)
{
    struct buf *buf = &w->header;
    int64_t at = 0;
    char length[HEADER_ALIGN];
    buf_add(buf, "\0\0\0\0\0\0\0\0{", 9);
    bool metadata = shard->metadata.text || w->settings->label_count > 0;
    if (metadata && !put_metadata(w, shard, err))
        return false;
    for (size_t i = 0; i < w->item_count; i++) {
        if (metadata || i > 0)
            buf_char(buf, ',');
        put_info(buf, &w->items[i], at);
        at += w->items[i].from.length;
    }
    buf_char(buf, '}');
    while (buf->length % HEADER_ALIGN && !buf->over_ceiling && !buf->no_memory)
        buf_char(buf, ' ');
    if (!buf_ok(buf, err))
        return false;
    for (size_t i = 0; i < sizeof(length); i++)
        length[i] = (char)((buf->length - HEADER_ALIGN) >> 8 * i);
    memcpy(buf->data, length, sizeof(length));
    return true;
}

/* ---- the file ---- */

static bool add_literal(struct writing_shard *w, struct output_file *file, size_t start, size_t end,
                        struct pare_error *err)
{
    struct segment segment = { .kind = SEGMENT_LITERAL, .length = (int64_t)(end - start) };
    char *bytes = arena_alloc(&w->output->arena, end - start + 1);
    if (!bytes)
        return error_no_memory(err, end - start);
    memcpy(bytes, w->header.data + start, end - start);
    segment.bytes = bytes;
    return output_add(w->output, file, &segment, err);
}

static bool add_segments(struct writing_shard *w, struct output_file *file, struct pare_error *err)
{
    const struct segment digest = { .kind = SEGMENT_DIGEST, .length = DIGEST_CHARACTERS };
    size_t length = w->header.length, cut = MIN(w->digest_at, length);
    if (!add_literal(w, file, 0, cut, err))
        return false;
    if (cut < length && (!output_add(w->output, file, &digest, err) ||
                         !add_literal(w, file, cut + DIGEST_CHARACTERS, length, err)))
        return false;
    for (size_t i = 0; i < w->item_count; i++)
        if (!output_add(w->output, file, &w->items[i].from, err))
            return false;
    return true;
}

/* The file's tensors into the index. */
static void map_items(struct writing_shard *w, const char *name)
{
    for (size_t i = 0; i < w->item_count; i++) {
        buf_text(&w->map, w->map.length ? ",\n    " : "\n    ");
        put_string(&w->map, w->items[i].name);
        buf_text(&w->map, ": ");
        put_string(&w->map, name);
        w->total_bytes += w->items[i].from.length;
    }
}

static bool write_shard(struct writing_shard *w, const struct shard *shard,
                        struct output_file *file, struct pare_error *err)
{
    w->item_count = 0;
    w->digest_at = SIZE_MAX;
    buf_init(&w->header, SAFETENSORS_HEADER_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < shard->count; i++)
        ok = put_tensor(w, shard->first + i, err);
    if (ok && w->item_count)
        qsort(w->items, w->item_count, sizeof(*w->items), by_order);
    ok = ok && put_header(w, shard, err) && add_segments(w, file, err);
    map_items(w, file->name);
    buf_done(&w->header);
    return ok;
}

/* ---- all files ---- */

static bool begin_file(struct writing_shard *w, const char *name, struct output_file **ret_file,
                       struct pare_error *err)
{
    struct output_file *file = &w->output->files[w->output->file_count];
    file->name = arena_strdup(&w->output->arena, name);
    if (!file->name)
        return error_no_memory(err, strlen(name));
    w->output->file_count++;
    *ret_file = file;
    return true;
}

/* A lone file goes by the name it is given; in a folder all keep theirs. */
static const char *shard_name(const struct writing_shard *w, const struct shard *shard)
{
    const struct safetensors *own = w->model->own;
    return own->sharded || w->model->source->is_folder ? w->model->source->files[shard->file].name
                                                       : w->settings->name;
}

static bool copy_other(struct writing_shard *w, size_t number, struct pare_error *err)
{
    const struct source_file *from = &w->model->source->files[number];
    const struct segment all = { .kind = SEGMENT_COPY, .length = from->size_bytes, .file = number };
    struct output_file *file;
    return begin_file(w, from->name, &file, err) && output_add(w->output, file, &all, err);
}

/* One file of bytes that are known. */
static bool write_text(struct writing_shard *w, const char *name, const struct buf *text,
                       struct pare_error *err)
{
    struct output_file *file;
    char *bytes = arena_alloc(&w->output->arena, text->length + 1);
    const struct segment all = { .kind = SEGMENT_LITERAL,
                                 .length = (int64_t)text->length,
                                 .bytes = bytes };
    if (!bytes)
        return error_no_memory(err, text->length);
    memcpy(bytes, buf_string(text), text->length);
    return begin_file(w, name, &file, err) && output_add(w->output, file, &all, err);
}

/* config.json tells how the weights are kept, so it may change with them. */
static bool write_other(struct writing_shard *w, size_t number, struct pare_error *err)
{
    const struct checkpoint *own = w->model->own;
    struct buf text;
    if (!own->has_config || number != own->config)
        return copy_other(w, number, err);
    buf_init(&text, INDEX_MAX);
    bool ok = checkpoint_put_config(w->model, w->changes, &text, err);
    ok = ok && (text.length ? write_text(w, w->model->source->files[number].name, &text, err)
                            : copy_other(w, number, err));
    buf_done(&text);
    return ok;
}

/* As transformers writes it. */
static bool write_index(struct writing_shard *w, struct pare_error *err)
{
    struct buf text;
    buf_init(&text, INDEX_MAX);
    buf_printf(&text, "{\n  \"metadata\": {\n    \"total_size\": %lld\n  },\n  \"weight_map\": {",
               (long long)w->total_bytes);
    buf_add(&text, buf_string(&w->map), w->map.length);
    buf_text(&text, "\n  }\n}\n");
    bool ok = buf_ok(&w->map, err) && buf_ok(&text, err) &&
              write_text(w, w->model->source->main_name, &text, err);
    buf_done(&text);
    return ok;
}

bool safetensors_plan(const struct model *model, const struct change *changes,
                      const struct output_settings *settings, struct output *output,
                      struct pare_error *err)
{
    const struct safetensors *own = model->own;
    struct writing_shard w = {
        .model = model, .changes = changes, .settings = settings, .output = output
    };
    size_t count = own->checkpoint.other_count + own->shard_count + own->sharded;
    w.items =
        arena_array(&output->arena, ITEMS_PER_TENSOR * model->tensor_count + 1, sizeof(*w.items));
    if (!w.items)
        return error_no_memory(err, model->tensor_count * sizeof(*w.items));
    if (!output_files(output, count, err))
        return false;
    for (size_t i = 0; i < own->checkpoint.other_count; i++)
        if (!write_other(&w, own->checkpoint.others[i], err))
            return false;
    buf_init(&w.map, INDEX_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < own->shard_count; i++)
        ok = begin_file(&w, shard_name(&w, &own->shards[i]), &w.file, err) &&
             write_shard(&w, &own->shards[i], w.file, err);
    ok = ok && (!own->sharded || write_index(&w, err));
    buf_done(&w.map);
    return ok;
}
