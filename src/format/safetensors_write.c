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
#include "format/checkpoint_index.h"
#include "format/checkpoint_output.h"
#include "format/safetensors.h"
#include "format/source.h"

enum { HEADER_ALIGN = 8, DIGEST_CHARACTERS = 64 };

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
    struct checkpoint_index index;
    struct output_file *file;
    bool sharded;  /* an index names the files */
    bool converts; /* the model is in another format */
};

/* ---- what becomes of a tensor ---- */

static bool put_item(struct writing_shard *w, const struct tensor *t,
                     const struct checkpoint_part *part, struct pare_error *err)
{
    struct item item = {
        .name = checkpoint_part_name(&w->output->arena, part, t->shown.name),
        .type = part->same_type ? t->own_type : safetensors_type(part->dtype),
        .rank = part->rank,
        .dims = part->dims,
        .from = part->from,
    };
    if (!item.name)
        return error_no_memory(err, strlen(t->shown.name));
    w->items[w->item_count++] = item;
    return true;
}

/* What is in another format may be there in a form that this one has not. */
static bool check_form(const struct tensor *t, const struct change *change, struct pare_error *err)
{
    const char *name = t->shown.name;
    if (t->file_offset < 0)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "tensor %.200s: %s; load it with torch and save it as it is with "
                         ".contiguous()",
                         name, t->unreadable);
    if (t->own_type < 0)
        return error_set(err, PARE_ERR_UNSUPPORTED, "tensor %.200s: safetensors has no %s", name,
                         pare_dtype_name(t->shown.dtype));
    if (t->shares && (change->kind == CHANGE_LINEAR4 || change->kind == CHANGE_LINEAR8))
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "tensor %.200s shares its values with another, and safetensors shares "
                         "nothing: convert first, then quantize",
                         name);
    return true;
}

static bool put_tensor(struct writing_shard *w, size_t index, struct pare_error *err)
{
    const struct tensor *t = &w->model->tensors[index];
    struct checkpoint_part parts[CHECKPOINT_PARTS_MAX];
    size_t count, lead = t->shares ? t->shares_with : index;
    if (!check_form(t, &w->changes[lead], err) ||
        !checkpoint_parts(w->model, w->changes, lead, w->output, parts, &count, err))
        return false;
    parts->rank = t->shares ? t->shown.rank : parts->rank;
    parts->dims = t->shares ? t->shown.dims : parts->dims;
    for (size_t i = 0; i < count; i++)
        if (!put_item(w, t, &parts[i], err))
            return false;
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

static void put_pair(struct buf *buf, bool first, const char *key, const char *value)
{
    if (!first)
        buf_char(buf, ',');
    checkpoint_put_string(buf, key);
    buf_char(buf, ':');
    checkpoint_put_string(buf, value);
}

/* What the source says of itself, but for labels of ours, and the new labels. */
static bool put_metadata(struct writing_shard *w, const struct shard *shard, struct pare_error *err)
{
    struct arena arena = { 0 };
    struct json_members members = json_members(&shard->metadata);
    struct json_slice key, value;
    bool first = !w->converts, ok = true;
    buf_printf(&w->header, "\"%s\":{", SAFETENSORS_METADATA);
    if (w->converts) /* transformers asks for it */
        put_pair(&w->header, true, "format", "pt");
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
    checkpoint_put_string(buf, item->name);
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
    bool metadata = shard->metadata.text || w->settings->label_count > 0 || w->converts;
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
    for (size_t i = 0; i < w->item_count; i++)
        checkpoint_index_add(&w->index, w->items[i].name, name, w->items[i].from.length);
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

/* A lone file goes by the name it is given; in a folder all keep theirs. */
static const char *shard_name(const struct writing_shard *w, const struct shard *shard)
{
    const struct source *source = w->model->source;
    if (w->converts)
        return source->is_folder ? SAFETENSORS_MAIN : w->settings->name;
    return w->sharded || source->is_folder ? source->files[shard->file].name : w->settings->name;
}

static bool write_shards(struct writing_shard *w, const struct shard *shards, size_t count,
                         struct pare_error *err)
{
    checkpoint_index_init(&w->index);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = checkpoint_begin_file(w->output, shard_name(w, &shards[i]), &w->file, err) &&
             write_shard(w, &shards[i], w->file, err);
    ok = ok && (!w->sharded || checkpoint_index_put(&w->index, w->model, w->output, err));
    checkpoint_index_done(&w->index);
    return ok;
}

/* What is no safetensors becomes one file. */
bool safetensors_plan(const struct model *model, const struct change *changes,
                      const struct output_settings *settings, struct output *output,
                      struct pare_error *err)
{
    const struct safetensors *own = model->own;
    const struct shard all = { .count = model->tensor_count };
    struct writing_shard w = { .model = model,
                               .changes = changes,
                               .settings = settings,
                               .output = output,
                               .converts = model->format != &format_safetensors };
    const struct shard *shards = w.converts ? &all : own->shards;
    size_t count = w.converts ? 1 : own->shard_count;
    w.sharded = !w.converts && own->sharded;
    w.items = arena_array(&output->arena, CHECKPOINT_PARTS_MAX * model->tensor_count + 1,
                          sizeof(*w.items));
    if (!w.items)
        return error_no_memory(err, model->tensor_count * sizeof(*w.items));
    size_t others = ((const struct checkpoint *)model->own)->other_count;
    return output_files(output, others + count + w.sharded, err) &&
           checkpoint_put_others(model, changes, output, err) &&
           write_shards(&w, shards, count, err);
}
