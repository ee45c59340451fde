/* SPDX-License-Identifier: MIT */
/* One file, or the shards of an index, into a model. */
#include "format/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_slice.h"
#include "format/source.h"

enum { INDEX_MAX = 256 << 20 };

static bool add_shard(struct model *model, const char *name, struct pare_error *err)
{
    struct safetensors *own = model->own;
    struct shard *shard = &own->shards[own->shard_count];
    if (!safetensors_read(model, name, shard, err))
        return strcmp(name, model->source->main_name) == 0 ? false : error_prefix(err, "%s", name);
    own->shard_count++;
    return true;
}

/* ---- the index ---- */

/* What an index says of one tensor. */
struct mention {
    const char *tensor, *file;
};

static int by_tensor(const void *a, const void *b)
{
    return strcmp(((const struct mention *)a)->tensor, ((const struct mention *)b)->tensor);
}

static int by_file(const void *a, const void *b)
{
    return strcmp(((const struct mention *)a)->file, ((const struct mention *)b)->file);
}

static bool read_map(struct model *model, const struct json_slice *map, struct mention **ret_list,
                     size_t *ret_count, struct pare_error *err)
{
    struct json_members members = json_members(map);
    struct json_slice key, value;
    size_t count = 0;
    while (json_member(&members, &key, &value))
        count++;
    if (count > CHECKPOINT_TENSORS_MAX)
        return error_set(err, PARE_ERR_REFUSED, "more than %d tensors", CHECKPOINT_TENSORS_MAX);
    struct mention *list = arena_array(&model->arena, count + 1, sizeof(*list));
    if (!list)
        return error_no_memory(err, count * sizeof(*list));
    members = json_members(map);
    for (size_t i = 0; json_member(&members, &key, &value); i++) {
        if (value.kind != JSON_STRING)
            return error_set(err, PARE_ERR_FORMAT, "weight_map: %.*s is no file name",
                             (int)MIN(value.length, (size_t)100), value.text);
        list[i] = (struct mention){ json_slice_text(&key, &model->arena),
                                    json_slice_text(&value, &model->arena) };
        if (!list[i].tensor || !list[i].file)
            return error_no_memory(err, key.length + value.length);
    }
    *ret_list = list;
    *ret_count = count;
    return true;
}

static bool read_shards(struct model *model, struct mention *list, size_t count,
                        struct pare_error *err)
{
    struct safetensors *own = model->own;
    size_t files = 0;
    qsort(list, count, sizeof(*list), by_file);
    for (size_t i = 0; i < count; i++)
        files += i == 0 || strcmp(list[i].file, list[i - 1].file) != 0;
    if (files > SOURCE_FILES_MAX)
        return error_set(err, PARE_ERR_REFUSED, "a model of more than %d files", SOURCE_FILES_MAX);
    own->shards = arena_array(&model->arena, files, sizeof(*own->shards));
    if (!own->shards)
        return error_no_memory(err, files * sizeof(*own->shards));
    for (size_t i = 0; i < count; i++)
        if ((i == 0 || strcmp(list[i].file, list[i - 1].file) != 0) &&
            !add_shard(model, list[i].file, err))
            return false;
    return true;
}

/* Each tensor of the index is in the file that it names. */
static bool check_map(const struct model *model, struct mention *list, size_t count,
                      struct pare_error *err)
{
    qsort(list, count, sizeof(*list), by_tensor);
    size_t found = 0;
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tensor *t = &model->tensors[i];
        const struct mention wanted = { t->shown.name, NULL };
        struct mention *m = bsearch(&wanted, list, count, sizeof(*list), by_tensor);
        if (!m)
            continue;
        const char *file = model->source->files[t->file].name;
        if (strcmp(m->file, file) != 0)
            return error_set(err, PARE_ERR_FORMAT,
                             "the index has tensor %.200s in %.200s, but it is in %.200s",
                             m->tensor, m->file, file);
        m->file = ""; /* found */
        found++;
    }
    for (size_t i = 0; found < count && i < count; i++)
        if (*list[i].file)
            return error_set(err, PARE_ERR_FORMAT,
                             "the index has tensor %.200s in %.200s, which does not hold it",
                             list[i].tensor, list[i].file);
    return true;
}

static bool take_index(struct model *model, const struct json_slice *index, struct pare_error *err)
{
    struct json_slice map;
    struct mention *list;
    size_t count;
    if (!json_slice_get(index, "weight_map", &map) || map.kind != JSON_OBJECT)
        return error_set(err, PARE_ERR_FORMAT,
                         "not an index of safetensors: it has no \"weight_map\" of tensors");
    if (!read_map(model, &map, &list, &count, err))
        return false;
    if (count == 0)
        return error_set(err, PARE_ERR_FORMAT, "the index names no tensors");
    return read_shards(model, list, count, err) && check_map(model, list, count, err);
}

static bool open_index(struct model *model, struct pare_error *err)
{
    int64_t size = model->source->files[model->main_file].size_bytes;
    struct json_slice index;
    if (size > INDEX_MAX)
        return error_set(err, PARE_ERR_FORMAT, "an index of %lld bytes, %d are the most",
                         (long long)size, INDEX_MAX);
    char *text = malloc((size_t)size + 1);
    if (!text)
        return error_no_memory(err, (size_t)size);
    bool ok = source_read(model->source, model->main_file, 0, text, (size_t)size, err) &&
              json_slice(text, (size_t)size, &index, err) && take_index(model, &index, err);
    free(text);
    return ok;
}

/* ---- the model ---- */

static bool open_one(struct model *model, struct pare_error *err)
{
    struct safetensors *own = model->own;
    own->shards = arena_alloc(&model->arena, sizeof(*own->shards));
    return own->shards ? add_shard(model, model->source->main_name, err)
                       : error_no_memory(err, sizeof(*own->shards));
}

static bool open_safetensors(struct model *model, struct pare_error *err)
{
    unsigned char first;
    struct safetensors *own = arena_alloc(&model->arena, sizeof(*own));
    if (!own)
        return error_no_memory(err, sizeof(*own));
    model->own = own;
    if (!source_read(model->source, model->main_file, 0, &first, 1, err))
        return false;
    own->sharded = first == '{';
    return (own->sharded ? open_index(model, err) : open_one(model, err)) &&
           checkpoint_check_names(model, err) && checkpoint_take_others(model, err) &&
           checkpoint_read_config(model, err);
}

static bool is_safetensors(const char *name, const unsigned char *start, size_t length)
{
    static const char suffix[] = ".safetensors.index.json";
    size_t n = strlen(name), m = sizeof(suffix) - 1;
    return safetensors_sniff(start, length) ||
           (n >= m && !strcmp(name + n - m, suffix) && length > 0 && start[0] == '{');
}

const struct format format_safetensors = {
    .name = "safetensors",
    .sniff = is_safetensors,
    .open = open_safetensors,
    .plan = safetensors_plan,
};
