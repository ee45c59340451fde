/* SPDX-License-Identifier: MIT */
#include "format/checkpoint_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_slice.h"
#include "format/checkpoint_output.h"
#include "format/source.h"

enum { INDEX_MAX = 256 << 20 };

bool checkpoint_is_index(const char *name, const char *suffix, const unsigned char *start,
                         size_t length)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && !strcmp(name + n - m, suffix) && length > 0 && start[0] == '{';
}

/* ---- reading ---- */

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

static bool read_shards(struct model *model, const struct index_reader *reader,
                        struct mention *list, size_t count, struct pare_error *err)
{
    size_t files = 0;
    qsort(list, count, sizeof(*list), by_file);
    for (size_t i = 0; i < count; i++)
        files += i == 0 || strcmp(list[i].file, list[i - 1].file) != 0;
    if (files > SOURCE_FILES_MAX)
        return error_set(err, PARE_ERR_REFUSED, "a model of more than %d files", SOURCE_FILES_MAX);
    if (!reader->begin(model, files, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if ((i == 0 || strcmp(list[i].file, list[i - 1].file) != 0) &&
            !reader->add(model, list[i].file, err))
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

static bool take_index(struct model *model, const struct index_reader *reader,
                       const struct json_slice *index, struct pare_error *err)
{
    struct json_slice map;
    struct mention *list;
    size_t count;
    if (!json_slice_get(index, "weight_map", &map) || map.kind != JSON_OBJECT)
        return error_set(err, PARE_ERR_FORMAT,
                         "not an index of shards: it has no \"weight_map\" of tensors");
    if (!read_map(model, &map, &list, &count, err))
        return false;
    if (count == 0)
        return error_set(err, PARE_ERR_FORMAT, "the index names no tensors");
    return read_shards(model, reader, list, count, err) && check_map(model, list, count, err);
}

bool checkpoint_open_index(struct model *model, const struct index_reader *reader,
                           struct pare_error *err)
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
              json_slice(text, (size_t)size, &index, err) && take_index(model, reader, &index, err);
    free(text);
    return ok;
}

/* ---- writing ---- */

void checkpoint_index_init(struct checkpoint_index *index)
{
    *index = (struct checkpoint_index){ 0 };
    buf_init(&index->map, INDEX_MAX);
}

void checkpoint_index_done(struct checkpoint_index *index)
{
    buf_done(&index->map);
}

/* As the reference's JSON library does it: only what must be escaped is. */
void checkpoint_put_string(struct buf *buf, const char *text)
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

void checkpoint_index_add(struct checkpoint_index *index, const char *tensor, const char *file,
                          int64_t size_bytes)
{
    buf_text(&index->map, index->map.length ? ",\n    " : "\n    ");
    checkpoint_put_string(&index->map, tensor);
    buf_text(&index->map, ": ");
    checkpoint_put_string(&index->map, file);
    index->total_bytes += size_bytes;
}

bool checkpoint_index_put(const struct checkpoint_index *index, const struct model *model,
                          struct output *output, struct pare_error *err)
{
    struct buf text;
    buf_init(&text, INDEX_MAX);
    buf_printf(&text, "{\n  \"metadata\": {\n    \"total_size\": %lld\n  },\n  \"weight_map\": {",
               (long long)index->total_bytes);
    buf_add(&text, buf_string(&index->map), index->map.length);
    buf_text(&text, "\n  }\n}\n");
    bool ok = buf_ok(&index->map, err) && buf_ok(&text, err) &&
              checkpoint_put_text(output, model->source->main_name, &text, err);
    buf_done(&text);
    return ok;
}
