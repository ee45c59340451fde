/* SPDX-License-Identifier: MIT */
/* The archive: its members, its pickle, its storages. */
#include "format/pytorch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_slice.h"
#include "format/checkpoint_index.h"
#include "format/safetensors.h"
#include "format/source.h"

#define UNTYPED "torch.storage UntypedStorage"

/* X(dtype, storage, ours, bytes of an element, in safetensors) */
#define TYPES(X)                                                                                   \
    X("float32", "torch FloatStorage", F32, 4, "F32")                                              \
    X("float64", "torch DoubleStorage", F64, 8, "F64")                                             \
    X("float16", "torch HalfStorage", F16, 2, "F16")                                               \
    X("bfloat16", "torch BFloat16Storage", BF16, 2, "BF16")                                        \
    X("uint8", "torch ByteStorage", U8, 1, "U8")                                                   \
    X("int8", "torch CharStorage", I8, 1, "I8")                                                    \
    X("int16", "torch ShortStorage", I16, 2, "I16")                                                \
    X("int32", "torch IntStorage", I32, 4, "I32")                                                  \
    X("int64", "torch LongStorage", I64, 8, "I64")                                                 \
    X("bool", "torch BoolStorage", BOOL, 1, "BOOL")                                                \
    X("complex64", "torch ComplexFloatStorage", C64, 8, "C64")                                     \
    X("complex128", "torch ComplexDoubleStorage", C128, 16, NULL)                                  \
    X("uint16", UNTYPED, U16, 2, "U16")                                                            \
    X("uint32", UNTYPED, U32, 4, "U32")                                                            \
    X("uint64", UNTYPED, U64, 8, "U64")                                                            \
    X("float8_e4m3fn", UNTYPED, F8, 1, "F8_E4M3")                                                  \
    X("float8_e5m2", UNTYPED, F8, 1, "F8_E5M2")                                                    \
    X("float8_e4m3fnuz", UNTYPED, F8, 1, "F8_E4M3FNUZ")                                            \
    X("float8_e5m2fnuz", UNTYPED, F8, 1, "F8_E5M2FNUZ")                                            \
    X("float8_e8m0fnu", UNTYPED, F8, 1, "F8_E8M0")

static const struct pytorch_type types[] = {
#define TYPE_ROW(dtype, storage, shown, bytes, safe)                                               \
    { "torch " dtype, storage, PARE_##shown, bytes, safe },
    TYPES(TYPE_ROW)
#undef TYPE_ROW
};

/* All that a pickle may name. */
static const char *const allowed[] = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor_v3",
    "torch._utils _rebuild_parameter",
    "torch Size",
    "torch device",
#define TYPE_NAMES(dtype, storage, shown, bytes, safe) "torch " dtype, storage,
    TYPES(TYPE_NAMES)
#undef TYPE_NAMES
        NULL,
};

const struct pytorch_type *pytorch_type(const char *global)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (!strcmp(types[i].dtype, global) ||
            (!strcmp(types[i].storage, global) && strcmp(global, UNTYPED) != 0))
            return &types[i];
    return NULL;
}

const struct pytorch_type *pytorch_type_of(enum pare_dtype dtype)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (types[i].shown == dtype)
            return &types[i];
    return NULL;
}

const struct pytorch_type *pytorch_type_like(int type)
{
    for (size_t i = 0; type >= 0 && i < ARRAY_SIZE(types); i++)
        if (types[i].safe && !strcmp(types[i].safe, safetensors_type_name(type)))
            return &types[i];
    return NULL;
}

bool pytorch_is_untyped(const struct pytorch_type *type)
{
    return !strcmp(type->storage, UNTYPED);
}

/* ---- members ---- */

static int by_name(const void *a, const void *b)
{
    const struct pytorch_record *left = a, *right = b;
    return strcmp(left->entry->name, right->entry->name);
}

/* The member NAME/`name`; NULL when there is none. */
static struct pytorch_record *find_record(const struct pytorch_archive *own, const char *folder,
                                          const char *name)
{
    char path[512];
    int length = snprintf(path, sizeof(path), "%s/%s%s", own->prefix, folder, name);
    const struct zip_entry entry = { .name = path };
    const struct pytorch_record wanted = { .entry = &entry };
    if (length < 0 || (size_t)length >= sizeof(path))
        return NULL;
    return bsearch(&wanted, own->records, own->zip.count, sizeof(wanted), by_name);
}

/* All of them stored, no two of a name; the first one tells what they are below. */
static bool sort_records(struct model *model, struct pytorch_archive *own, struct pare_error *err)
{
    size_t count = own->zip.count;
    own->records = arena_array(&model->arena, count + 1, sizeof(*own->records));
    if (!own->records)
        return error_no_memory(err, count * sizeof(*own->records));
    const char *first = count ? own->zip.entries[0].name : "";
    own->prefix = arena_strndup(&model->arena, first, strcspn(first, "/"));
    if (!own->prefix)
        return error_no_memory(err, strlen(first));
    for (size_t i = 0; i < count; i++)
        own->records[i] = (struct pytorch_record){ &own->zip.entries[i], -1 };
    if (count)
        qsort(own->records, count, sizeof(*own->records), by_name);
    if (!find_record(own, "", "data.pkl"))
        return error_set(err, PARE_ERR_FORMAT,
                         "a zip file that torch.save() did not write: it holds no data.pkl");
    for (size_t i = 0; i < count; i++) {
        const char *name = own->records[i].entry->name;
        if (own->records[i].entry->deflated)
            return error_set(err, PARE_ERR_UNSUPPORTED,
                             "%.200s is compressed, and torch.save() stores: load it with torch "
                             "and save it again",
                             name);
        if (i > 0 && !strcmp(own->records[i - 1].entry->name, name))
            return error_set(err, PARE_ERR_FORMAT, "there are two members %.200s", name);
    }
    return true;
}

/* A small member whole, its CRC-32 looked at. The caller frees. */
static bool read_record(const struct pytorch_archive *own, const struct pytorch_record *record,
                        int64_t bytes_max, char **ret_bytes, struct pare_error *err)
{
    const struct zip_entry *entry = record->entry;
    struct zip_stream *stream;
    if (entry->size_bytes > bytes_max)
        return error_set(err, PARE_ERR_REFUSED, "%.200s takes %lld bytes, %lld are the most",
                         entry->name, (long long)entry->size_bytes, (long long)bytes_max);
    size_t length = (size_t)entry->size_bytes;
    char *bytes = malloc(length + 1);
    if (!bytes)
        return error_no_memory(err, length);
    bool ok = zip_begin(&own->zip, entry, &stream, err);
    if (ok) {
        ok = zip_read(stream, bytes, length, err) && zip_finish(stream, err);
        zip_end(stream);
        if (!ok)
            error_prefix(err, "%.200s", entry->name);
    }
    if (!ok) {
        free(bytes);
        return false;
    }
    bytes[length] = '\0';
    *ret_bytes = bytes;
    return true;
}

static bool check_order(const struct pytorch_archive *own, struct pare_error *err)
{
    const struct pytorch_record *record = find_record(own, "", "byteorder");
    char *text;
    if (!record)
        return true;
    if (!read_record(own, record, 64, &text, err))
        return false;
    bool little = !strcmp(text, "little");
    free(text);
    return little || error_set(err, PARE_ERR_UNSUPPORTED,
                               "its numbers are not little-endian: load it with torch on such a "
                               "machine and save it again");
}

/* ---- what pare said of it ---- */

static bool take_note(struct model *model, const char *text, size_t length, struct pare_error *err)
{
    struct json_slice note, key, value;
    if (!json_slice(text, length, &note, err))
        return false;
    struct json_members members = json_members(&note);
    while (json_member(&members, &key, &value)) {
        if (value.kind != JSON_STRING)
            continue;
        const char *name = json_slice_text(&key, &model->arena);
        const char *says = json_slice_text(&value, &model->arena);
        if (!name || !says)
            return error_no_memory(err, value.length);
        if (!checkpoint_fact(model, name, says, err))
            return false;
    }
    return true;
}

/* That of the first archive speaks for all. */
static bool read_note(struct model *model, const struct pytorch_archive *own,
                      struct pare_error *err)
{
    const struct pytorch_record *record = find_record(own, "", PYTORCH_NOTE);
    char *text;
    if (!record || own->first > 0)
        return true;
    if (!read_record(own, record, PYTORCH_NOTE_MAX, &text, err))
        return false;
    bool ok = take_note(model, text, (size_t)record->entry->size_bytes, err) ||
              error_prefix(err, "%.200s", record->entry->name);
    free(text);
    return ok;
}

/* ---- storages ---- */

/* ("storage", class, key, location, element count) */
static bool is_storage(const struct pickle_value *id)
{
    static const enum pickle_kind kinds[] = { PICKLE_TEXT, PICKLE_GLOBAL, PICKLE_TEXT, PICKLE_TEXT,
                                              PICKLE_INT };
    if (id->kind != PICKLE_TUPLE || id->count != ARRAY_SIZE(kinds))
        return false;
    for (size_t i = 0; i < id->count; i++)
        if (id->items[i]->kind != kinds[i])
            return false;
    const struct pickle_value *class = id->items[1], *count = id->items[4];
    return !strcmp(id->items[0]->text, "storage") && !count->text && count->number >= 0 &&
           (pickle_is_global(class, UNTYPED) ||
            (pytorch_type(class->text) && strstr(class->text, "Storage")));
}

bool pytorch_storage(const struct pytorch_archive *own, const struct pickle_value *value,
                     struct pytorch_storage *ret_storage, struct pare_error *err)
{
    if (value->kind != PICKLE_PERSISTENT || !is_storage(value->items[0]))
        return error_set(err, PARE_ERR_FORMAT, "its pickle refers to something that is no storage");
    struct pickle_value *const *id = value->items[0]->items;
    const char *key = id[2]->text;
    struct pytorch_record *record = find_record(own, "data/", key);
    const struct pytorch_type *type = pytorch_type(id[1]->text);
    int64_t count = id[4]->number, bytes;
    if (!record || strlen(key) != id[2]->length)
        return error_set(err, PARE_ERR_FORMAT, "the storage data/%.100s is missing", key);
    if (__builtin_mul_overflow(count, type ? type->bytes : 1, &bytes) ||
        bytes != record->entry->size_bytes)
        return error_set(err, PARE_ERR_FORMAT,
                         "the storage data/%.100s is said to hold %lld elements of %s, but takes "
                         "%lld bytes",
                         key, (long long)count, type ? type->dtype + 6 : "1 byte",
                         (long long)record->entry->size_bytes);
    if (record->values_at < 0 && !zip_payload(&own->zip, record->entry, &record->values_at, err))
        return false;
    *ret_storage = (struct pytorch_storage){ type, (size_t)(record - own->records), count,
                                             id[3]->text, id[1]->text };
    return true;
}

/* ---- the model ---- */

/* The first pickle of the form before 1.6: the number 0x1950a86a20f9469cfc6c. */
static const char legacy[] = "\x80\x02\x8a\nl\xfc\x9c"
                             "F\xf9 j\xa8P\x19.";

static bool is_legacy(const unsigned char *start, size_t length)
{
    return length >= sizeof(legacy) - 1 && !memcmp(start, legacy, sizeof(legacy) - 1);
}

static bool refuse_legacy(struct model *model, size_t file, struct pare_error *err)
{
    unsigned char start[sizeof(legacy) - 1];
    int64_t size = model->source->files[file].size_bytes;
    size_t n = (size_t)MIN(size, (int64_t)sizeof(start));
    if (!source_read(model->source, file, 0, start, n, err))
        return false;
    return !is_legacy(start, n) ||
           error_set(err, PARE_ERR_UNSUPPORTED,
                     "the form that PyTorch wrote before 1.6: load it with torch and save it "
                     "again, or as safetensors");
}

static bool read_objects(struct model *model, struct pytorch_archive *own, struct pare_error *err)
{
    const struct pytorch_record *record = find_record(own, "", "data.pkl");
    char *bytes;
    if (!read_record(own, record, PICKLE_BYTES_MAX, &bytes, err))
        return false;
    bool ok = pickle_read((const unsigned char *)bytes, (size_t)record->entry->size_bytes, allowed,
                          &model->arena, &own->objects, err);
    free(bytes);
    return ok;
}

static bool read_archive(struct model *model, struct pytorch_archive *own, struct pare_error *err)
{
    return refuse_legacy(model, own->file, err) &&
           zip_open(model->source, own->file, &model->arena, &own->zip, err) &&
           sort_records(model, own, err) && check_order(own, err) && read_note(model, own, err) &&
           read_objects(model, own, err) && pytorch_add_tensors(model, own, err);
}

/* ---- the model ---- */

static bool begin_archives(struct model *model, size_t count, struct pare_error *err)
{
    struct pytorch *own = model->own;
    own->archives = arena_array(&model->arena, count, sizeof(*own->archives));
    return own->archives || error_no_memory(err, count * sizeof(*own->archives));
}

static bool add_archive(struct model *model, const char *name, struct pare_error *err)
{
    struct pytorch *own = model->own;
    struct pytorch_archive *archive = &own->archives[own->archive_count];
    *archive = (struct pytorch_archive){ .first = model->tensor_count };
    if (!source_file(model->source, name, &archive->file, err))
        return false;
    if (!read_archive(model, archive, err))
        return archive->file == model->main_file ? false : error_prefix(err, "%s", name);
    archive->count = model->tensor_count - archive->first;
    own->archive_count++;
    return true;
}

static bool open_pytorch(struct model *model, struct pare_error *err)
{
    static const struct index_reader reader = { begin_archives, add_archive };
    unsigned char first;
    struct pytorch *own = arena_alloc(&model->arena, sizeof(*own));
    if (!own)
        return error_no_memory(err, sizeof(*own));
    model->own = own;
    if (!source_read(model->source, model->main_file, 0, &first, 1, err))
        return false;
    own->sharded = first == '{';
    bool ok = own->sharded ? checkpoint_open_index(model, &reader, err)
                           : begin_archives(model, 1, err) &&
                                 add_archive(model, model->source->main_name, err);
    return ok && checkpoint_check_names(model, err) && checkpoint_take_others(model, err) &&
           checkpoint_read_config(model, err) && checkpoint_find_quantized(model, err);
}

static bool is_pytorch(const char *name, const unsigned char *start, size_t length)
{
    return is_legacy(start, length) || (length >= 4 && !memcmp(start, "PK\003\004", 4)) ||
           checkpoint_is_index(name, ".bin.index.json", start, length);
}

const struct format format_pytorch = {
    .name = "pytorch",
    .sniff = is_pytorch,
    .open = open_pytorch,
    .plan = pytorch_plan,
};
