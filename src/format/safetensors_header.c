/* SPDX-License-Identifier: MIT */
/* One file's header into tensors. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json_slice.h"
#include "format/checkpoint.h"
#include "format/safetensors.h"
#include "format/source.h"

enum { LENGTH_BYTES = 8, VALUE_MAX = 4096 };

static const struct dtype {
    const char *name;
    enum pare_dtype dtype;
    int bits;
} dtypes[] = {
    { "BOOL", PARE_BOOL, 8 },      { "F4", PARE_F4, 4 },          { "F6_E2M3", PARE_F6, 6 },
    { "F6_E3M2", PARE_F6, 6 },     { "U8", PARE_U8, 8 },          { "I8", PARE_I8, 8 },
    { "F8_E5M2", PARE_F8, 8 },     { "F8_E4M3", PARE_F8, 8 },     { "F8_E8M0", PARE_F8, 8 },
    { "F8_E4M3FNUZ", PARE_F8, 8 }, { "F8_E5M2FNUZ", PARE_F8, 8 }, { "I16", PARE_I16, 16 },
    { "U16", PARE_U16, 16 },       { "F16", PARE_F16, 16 },       { "BF16", PARE_BF16, 16 },
    { "I32", PARE_I32, 32 },       { "U32", PARE_U32, 32 },       { "F32", PARE_F32, 32 },
    { "C64", PARE_C64, 64 },       { "F64", PARE_F64, 64 },       { "I64", PARE_I64, 64 },
    { "U64", PARE_U64, 64 },
};

bool safetensors_sniff(const unsigned char *start, size_t length)
{
    uint64_t header = 0;
    for (size_t i = LENGTH_BYTES; length > LENGTH_BYTES && i-- > 0;)
        header = header << 8 | start[i];
    return header >= 2 && header <= SAFETENSORS_HEADER_MAX && start[LENGTH_BYTES] == '{';
}

int safetensors_type(enum pare_dtype dtype)
{
    int type = 0;
    while (dtypes[type].dtype != dtype)
        type++;
    return type;
}

const char *safetensors_type_name(int type)
{
    return dtypes[type].name;
}

int safetensors_type_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(dtypes); i++)
        if (!strcmp(dtypes[i].name, name))
            return (int)i;
    return -1;
}

/* ---- one tensor ---- */

static bool bad_tensor(const char *name, const char *what, struct pare_error *err)
{
    return error_set(err, PARE_ERR_FORMAT, "tensor %.200s: %s", name, what);
}

static bool read_dtype(const struct json_slice *value, const char *name,
                       const struct dtype **ret_dtype, struct pare_error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(dtypes); i++)
        if (json_slice_is(value, dtypes[i].name)) {
            *ret_dtype = &dtypes[i];
            return true;
        }
    return error_set(err, PARE_ERR_UNSUPPORTED, "tensor %.200s: the dtype %.*s is not known", name,
                     (int)MIN(value->length, (size_t)40), value->text);
}

static bool read_shape(const struct json_slice *value, struct pare_tensor *io_shown,
                       struct pare_error *err)
{
    struct json_members members = json_members(value);
    struct json_slice key, dim;
    io_shown->element_count = 1;
    if (value->kind != JSON_ARRAY)
        return bad_tensor(io_shown->name, "its shape is no array", err);
    while (json_member(&members, &key, &dim)) {
        int64_t n;
        if (!json_slice_int(&dim, &n) || n < 0)
            return bad_tensor(io_shown->name, "its shape holds something that is no size", err);
        if (io_shown->rank == PARE_RANK_MAX)
            return bad_tensor(io_shown->name, "it has more than 16 dimensions", err);
        io_shown->dims[io_shown->rank++] = n;
    }
    for (int i = 0; i < io_shown->rank; i++)
        if (__builtin_mul_overflow(io_shown->element_count, io_shown->dims[i],
                                   &io_shown->element_count))
            return bad_tensor(io_shown->name, "its shape is larger than any file", err);
    return true;
}

static bool read_offsets(const struct json_slice *value, const char *name, int64_t *ret_begin,
                         int64_t *ret_end, struct pare_error *err)
{
    struct json_members members = json_members(value);
    struct json_slice key, item;
    int64_t offsets[2];
    size_t count = 0;
    bool ok = value->kind == JSON_ARRAY;
    while (ok && json_member(&members, &key, &item))
        ok = count < 2 && json_slice_int(&item, &offsets[count++]);
    if (!ok || count != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
        return bad_tensor(name, "its data_offsets are not two places, begin and end", err);
    *ret_begin = offsets[0];
    *ret_end = offsets[1];
    return true;
}

/* The bytes that dtype and shape take, against those it has. */
static bool check_bytes(const struct pare_tensor *shown, const struct dtype *dtype,
                        struct pare_error *err)
{
    int64_t bits;
    if (__builtin_mul_overflow(shown->element_count, dtype->bits, &bits) || bits % 8)
        return bad_tensor(shown->name, "its elements do not fill whole bytes", err);
    if (bits / 8 != shown->size_bytes)
        return error_set(err, PARE_ERR_FORMAT,
                         "tensor %.200s: its dtype and shape take %lld bytes, its data_offsets "
                         "%lld",
                         shown->name, (long long)(bits / 8), (long long)shown->size_bytes);
    return true;
}

static bool read_tensor(struct model *model, const struct json_slice *key,
                        const struct json_slice *value, const struct shard *shard,
                        struct tensor *ret_tensor, struct pare_error *err)
{
    struct tensor t = { .file = shard->file, .channel_axis = -1, .scale = -1, .zero_point = -1 };
    struct json_slice dtype, shape, offsets;
    const struct dtype *found;
    int64_t begin, end;
    t.shown.name = json_slice_text(key, &model->arena);
    t.shown.op = t.shown.node = "";
    t.shown.place = "tensor";
    if (!t.shown.name)
        return error_no_memory(err, key->length);
    if (!json_slice_get(value, "dtype", &dtype) || !json_slice_get(value, "shape", &shape) ||
        !json_slice_get(value, "data_offsets", &offsets))
        return bad_tensor(t.shown.name, "it lacks one of dtype, shape and data_offsets", err);
    if (!read_dtype(&dtype, t.shown.name, &found, err) || !read_shape(&shape, &t.shown, err) ||
        !read_offsets(&offsets, t.shown.name, &begin, &end, err))
        return false;
    t.shown.dtype = found->dtype;
    t.own_type = (int)(found - dtypes);
    t.shown.size_bytes = end - begin;
    t.file_offset = shard->values_at + begin;
    if (__builtin_add_overflow(shard->values_at, end, &end))
        return bad_tensor(t.shown.name, "it ends behind any file", err);
    *ret_tensor = t;
    return check_bytes(&t.shown, found, err) && checkpoint_judge(model, ret_tensor, err);
}

/* ---- the whole ---- */

static int by_place(const void *a, const void *b)
{
    const struct tensor *left = a, *right = b;
    if (left->file_offset != right->file_offset)
        return left->file_offset < right->file_offset ? -1 : 1;
    return (left->shown.size_bytes > right->shown.size_bytes) -
           (left->shown.size_bytes < right->shown.size_bytes);
}

/* The values from the first byte to the last, without hole or overlap. */
static bool check_places(struct model *model, const struct shard *shard, struct pare_error *err)
{
    struct tensor *tensors = shard->count ? model->tensors + shard->first : NULL;
    const struct source_file *file = &model->source->files[shard->file];
    int64_t at = shard->values_at;
    if (shard->count)
        qsort(tensors, shard->count, sizeof(*tensors), by_place);
    for (size_t i = 0; i < shard->count; i++) {
        if (tensors[i].file_offset != at)
            return error_set(
                err, PARE_ERR_FORMAT, "tensor %.200s begins at byte %lld, %s %lld",
                tensors[i].shown.name, (long long)(tensors[i].file_offset - shard->values_at),
                tensors[i].file_offset > at ? "there is a hole from" : "another one goes on to",
                (long long)(at - shard->values_at));
        at += tensors[i].shown.size_bytes;
    }
    if (at > file->size_bytes)
        return error_set(err, PARE_ERR_FORMAT,
                         "the file is cut off: its values end at byte %lld, the file at %lld; "
                         "fetch it again",
                         (long long)at, (long long)file->size_bytes);
    if (at < file->size_bytes)
        return error_set(err, PARE_ERR_FORMAT, "%lld bytes follow the last tensor",
                         (long long)(file->size_bytes - at));
    return true;
}

/* Strings of the file about itself; long ones are somebody's data, not facts. */
static bool read_metadata(struct model *model, const struct json_slice *value,
                          struct shard *io_shard, struct pare_error *err)
{
    struct json_members members = json_members(value);
    struct json_slice key, item;
    if (value->kind != JSON_OBJECT)
        return error_set(err, PARE_ERR_FORMAT, SAFETENSORS_METADATA " is no object");
    while (json_member(&members, &key, &item)) {
        if (item.kind != JSON_STRING)
            return error_set(err, PARE_ERR_FORMAT,
                             SAFETENSORS_METADATA " holds something that is no string, %.*s",
                             (int)MIN(item.length, (size_t)40), item.text);
        if (item.length > VALUE_MAX)
            continue;
        const char *name = json_slice_text(&key, &model->arena);
        const char *text = json_slice_text(&item, &model->arena);
        if (!name || !text)
            return error_no_memory(err, item.length);
        if (!checkpoint_fact(model, name, text, err))
            return false;
    }
    io_shard->metadata = *value;
    io_shard->metadata.text = arena_strndup(&model->arena, value->text, value->length);
    return io_shard->metadata.text || error_no_memory(err, value->length);
}

static bool read_members(struct model *model, const struct json_slice *header,
                         struct shard *io_shard, struct pare_error *err)
{
    struct json_members members = json_members(header);
    struct json_slice key, value;
    if (header->kind != JSON_OBJECT)
        return error_set(err, PARE_ERR_FORMAT, "the header is no JSON object");
    while (json_member(&members, &key, &value)) {
        struct tensor t;
        if (json_slice_is(&key, SAFETENSORS_METADATA)) {
            if (!read_metadata(model, &value, io_shard, err))
                return false;
            continue;
        }
        if (!read_tensor(model, &key, &value, io_shard, &t, err) || !checkpoint_add(model, &t, err))
            return false;
        io_shard->count++;
    }
    return check_places(model, io_shard, err);
}

static bool read_length(struct model *model, size_t file, int64_t *ret_length,
                        struct pare_error *err)
{
    unsigned char bytes[LENGTH_BYTES];
    int64_t size = model->source->files[file].size_bytes;
    uint64_t length = 0;
    struct safetensors *own = model->own;
    if (size < LENGTH_BYTES)
        return error_set(err, PARE_ERR_FORMAT, "%lld bytes are no safetensors file",
                         (long long)size);
    if (!source_read(model->source, file, 0, bytes, sizeof(bytes), err))
        return false;
    for (size_t i = LENGTH_BYTES; i-- > 0;)
        length = length << 8 | bytes[i];
    if (length > SAFETENSORS_HEADER_MAX)
        return error_set(err, PARE_ERR_FORMAT,
                         "not safetensors: its header would take %llu bytes, 100 000 000 are the "
                         "most",
                         (unsigned long long)length);
    if ((int64_t)length > size - LENGTH_BYTES)
        return error_set(err, PARE_ERR_FORMAT,
                         "the file is cut off: its header takes %llu bytes, the file has %lld; "
                         "fetch it again",
                         (unsigned long long)length, (long long)size);
    own->header_bytes += (int64_t)length;
    if (own->header_bytes > SAFETENSORS_HEADERS_MAX)
        return error_set(err, PARE_ERR_REFUSED, "the headers of all files take more than %d MiB",
                         SAFETENSORS_HEADERS_MAX >> 20);
    *ret_length = (int64_t)length;
    return true;
}

bool safetensors_read(struct model *model, const char *name, struct shard *ret_shard,
                      struct pare_error *err)
{
    struct shard shard = { .first = model->tensor_count };
    struct json_slice header;
    int64_t length;
    if (!source_file(model->source, name, &shard.file, err) ||
        !read_length(model, shard.file, &length, err))
        return false;
    shard.values_at = LENGTH_BYTES + length;
    char *text = malloc((size_t)length + 1);
    if (!text)
        return error_no_memory(err, (size_t)length);
    bool ok = source_read(model->source, shard.file, LENGTH_BYTES, text, (size_t)length, err);
    if (ok && (length == 0 || text[0] != '{'))
        ok = error_set(err, PARE_ERR_FORMAT, "the header does not begin with {");
    ok = ok && (json_slice(text, (size_t)length, &header, err) || error_prefix(err, "its header"));
    ok = ok && read_members(model, &header, &shard, err);
    free(text);
    if (ok)
        *ret_shard = shard;
    return ok;
}
