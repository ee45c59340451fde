/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "format/onnx.h"
#include "format/source.h"

/* What is known of a TensorProto while its fields go by. */
struct reading {
    struct onnx_reader *reader;
    struct wire wire;
    struct tensor tensor;
    struct onnx_external external;
    size_t rank;
    int64_t data_type, location;
    int64_t at, end; /* of contiguous values, at -1 when there are none */
    int64_t tag_at;  /* of their field */
    bool pieces;     /* values in several fields or in varints */
    int64_t ints[ONNX_INTS_MAX];
    size_t int_count;
    bool ints_whole;
    const char *file;
    int64_t offset, length; /* in `file`; length -1 when not told */
};

enum pare_dtype onnx_dtype(int64_t data_type)
{
    /* By TensorProto.DataType. */
    static const unsigned char dtypes[] = {
        PARE_UNKNOWN, PARE_F32,  PARE_U8,  PARE_I8,  PARE_U16, PARE_I16, PARE_I32, PARE_I64,
        PARE_STRING,  PARE_BOOL, PARE_F16, PARE_F64, PARE_U32, PARE_U64, PARE_C64, PARE_C128,
        PARE_BF16,    PARE_F8,   PARE_F8,  PARE_F8,  PARE_F8,  PARE_U4,  PARE_I4,
    };
    bool known = data_type >= 0 && data_type < (int64_t)ARRAY_SIZE(dtypes);
    return known ? (enum pare_dtype)dtypes[data_type] : PARE_UNKNOWN;
}

static int dtype_bits(enum pare_dtype dtype)
{
    static const unsigned char bits[] = {
#define DTYPE_BITS(name, n) n,
        PARE_DTYPES(DTYPE_BITS)
#undef DTYPE_BITS
    };
    return bits[dtype];
}

/* Values in fields of their own kind: only the packed form is contiguous. */
static void note_values(struct reading *r, const struct wire_field *field, bool contiguous)
{
    bool empty = field->type == WIRE_BYTES && field->at == field->end;
    if (empty)
        return;
    if (r->at >= 0 || field->type != WIRE_BYTES || !contiguous)
        r->pieces = true;
    r->tag_at = field->tag_at;
    r->at = field->at;
    r->end = field->end;
}

static bool note_ints(struct reading *r, const struct wire_field *field, struct pare_error *err)
{
    note_values(r, field, false);
    r->ints_whole = r->ints_whole && field->end - field->at <= ONNX_INTS_MAX;
    return !r->ints_whole ||
           wire_ints(&r->wire, field, "int64_data", r->ints, ONNX_INTS_MAX, &r->int_count, err);
}

/* One key and value of external_data. */
static bool read_entry(struct reading *r, const struct wire_field *field, struct pare_error *err)
{
    struct wire wire;
    struct wire_field f;
    const char *key = "", *value = "";
    struct arena *arena = &r->reader->model->arena;
    if (!wire_enter(&r->wire, field, "external_data", &wire, err))
        return false;
    for (bool more;;) {
        if (!wire_next(&wire, &f, &more, err))
            return false;
        if (!more)
            break;
        if ((f.number == 1 && !wire_string(&wire, &f, "a key", arena, &key, err)) ||
            (f.number == 2 && !wire_string(&wire, &f, "a value", arena, &value, err)))
            return false;
    }
    int64_t *number = !strcmp(key, "offset")   ? &r->offset
                      : !strcmp(key, "length") ? &r->length
                                               : NULL;
    if (number && (!text_to_int64(value, number) || *number < 0))
        return error_set(err, PARE_ERR_FORMAT,
                         "the %s of external data is \"%.40s\", a number was expected", key, value);
    if (!strcmp(key, "location"))
        r->file = value;
    if (!number && strcmp(key, "location") != 0 && strcmp(key, "checksum") != 0)
        return true;
    if (r->external.entry_count == (int)ARRAY_SIZE(r->external.entries))
        return error_set(err, PARE_ERR_FORMAT, "external data with too many entries");
    r->external.entries[r->external.entry_count++] = (struct onnx_cut){ field->tag_at, field->end };
    return true;
}

static bool read_field(struct reading *r, const struct wire_field *field, struct pare_error *err)
{
    struct pare_tensor *shown = &r->tensor.shown;
    switch (field->number) {
    case 1:
        return wire_ints(&r->wire, field, "dims", shown->dims, PARE_RANK_MAX, &r->rank, err);
    case 2:
        return wire_int(field, "data_type", &r->data_type, err);
    case 4:  /* float_data */
    case 10: /* double_data */
        note_values(r, field, true);
        return true;
    case 5:  /* int32_data */
    case 6:  /* string_data */
    case 11: /* uint64_data */
        note_values(r, field, false);
        return true;
    case 7:
        return note_ints(r, field, err);
    case 8:
        return wire_string(&r->wire, field, "a tensor's name", &r->reader->model->arena,
                           &shown->name, err);
    case 9:
        if (field->type != WIRE_BYTES)
            return error_set(err, PARE_ERR_FORMAT, "raw_data at byte %lld is no bytes",
                             (long long)field->tag_at);
        note_values(r, field, true);
        return true;
    case 13:
        return read_entry(r, field, err);
    case 14:
        return wire_int(field, "data_location", &r->location, err);
    default:
        return true;
    }
}

/* Elements and bytes from the dimensions, both below 2^62. */
static bool measure(struct reading *r, struct pare_error *err)
{
    struct pare_tensor *shown = &r->tensor.shown;
    int64_t count = 1, bits;
    shown->rank = (int)r->rank;
    shown->dtype = onnx_dtype(r->data_type);
    for (size_t i = 0; i < r->rank; i++)
        if (shown->dims[i] < 0)
            return error_set(err, PARE_ERR_FORMAT, "dimension %zu is %lld, a length was expected",
                             i, (long long)shown->dims[i]);
        else if (__builtin_mul_overflow(count, shown->dims[i], &count))
            return error_set(err, PARE_ERR_FORMAT,
                             "its dimensions multiply to more elements than can be counted");
    if (__builtin_mul_overflow(count, (int64_t)dtype_bits(shown->dtype), &bits))
        return error_set(err, PARE_ERR_FORMAT, "its dimensions multiply to %lld elements",
                         (long long)count);
    shown->element_count = count;
    shown->size_bytes = bits / 8 + (bits % 8 != 0);
    return true;
}

static bool check_length(const struct reading *r, int64_t length, struct pare_error *err)
{
    const struct pare_tensor *shown = &r->tensor.shown;
    if (length == shown->size_bytes)
        return true;
    return error_set(
        err, PARE_ERR_FORMAT, "it has %lld bytes of values, its dimensions as %s take %lld",
        (long long)length, pare_dtype_name(shown->dtype), (long long)shown->size_bytes);
}

static bool locate_external(struct reading *r, struct pare_error *err)
{
    struct model *model = r->reader->model;
    struct tensor *t = &r->tensor;
    if (!r->file)
        return error_set(err, PARE_ERR_FORMAT,
                         "its values are elsewhere, but no location is given");
    if (!source_file(model->source, r->file, &t->file, err)) {
        bool missing = err->code == PARE_ERR_NOT_FOUND;
        err->code = missing ? PARE_ERR_FORMAT : err->code; /* the model itself is there */
        return error_prefix(err, missing ? "its values are in another file, which belongs beside "
                                           "the model"
                                         : "its values are in another file");
    }
    int64_t file_bytes = model->source->files[t->file].size_bytes;
    int64_t length = r->length < 0 ? t->shown.size_bytes : r->length;
    if (r->offset > file_bytes || length > file_bytes - r->offset)
        return error_set(err, PARE_ERR_FORMAT,
                         "its values are %lld bytes at %lld of %.200s, which has %lld",
                         (long long)length, (long long)r->offset, r->file, (long long)file_bytes);
    if (dtype_bits(t->shown.dtype) && !check_length(r, length, err))
        return false;
    t->shown.size_bytes = length;
    t->file_offset = r->external.offset = r->offset;
    return true;
}

/* Where the values are, or why they cannot be had. */
static bool locate(struct reading *r, struct pare_error *err)
{
    struct tensor *t = &r->tensor;
    t->file = r->reader->model->main_file;
    t->file_offset = -1;
    if (r->location == 1)
        return locate_external(r, err);
    if (dtype_bits(t->shown.dtype) == 0) {
        t->unreadable =
            t->shown.dtype == PARE_STRING ? "it holds strings" : "its data type is not known";
    } else if (t->shown.size_bytes == 0) {
        t->file_offset = 0;
    } else if (r->at < 0) {
        t->unreadable = "it has no values in the file";
    } else if (r->pieces) {
        t->unreadable = "its values are stored one by one, not as one stretch of bytes";
    } else {
        t->file_offset = r->at;
        return check_length(r, r->end - r->at, err);
    }
    return true;
}

/* A shape or the like: a short vector of int64, typed or raw. */
static bool copy_ints(struct reading *r, struct onnx_tensor *own, struct pare_error *err)
{
    const struct tensor *t = &r->tensor;
    size_t count = (size_t)t->shown.element_count;
    if (t->shown.dtype != PARE_I64 || t->shown.rank > 1 || t->shown.element_count > ONNX_INTS_MAX)
        return true;
    bool raw = t->file_offset >= 0 && r->location != 1;
    if (!raw && (!r->ints_whole || r->int_count != count))
        return true;
    if (raw && !source_read(r->reader->model->source, t->file, t->file_offset, r->ints,
                            count * sizeof(int64_t), err))
        return false;
    int64_t *ints = arena_array(&r->reader->model->arena, count + 1, sizeof(*ints));
    if (!ints)
        return error_no_memory(err, count * sizeof(*ints));
    memcpy(ints, r->ints, count * sizeof(*ints));
    own->ints = ints;
    own->int_count = (int)count;
    return true;
}

/* What is as small as an attribute of a ConstantOfShape is looked at here and now. */
static bool note_magnitude(struct reading *r, struct onnx_tensor *own, struct pare_error *err)
{
    const struct tensor *t = &r->tensor;
    uint32_t bits[ONNX_INTS_MAX];
    size_t count = (size_t)t->shown.element_count;
    if (t->shown.dtype != PARE_F32 || t->file_offset < 0 || count > ARRAY_SIZE(bits)) {
        own->absmax = UINT32_MAX;
        return true;
    }
    if (count && !source_read(r->reader->model->source, t->file, t->file_offset, bits,
                              count * sizeof(*bits), err))
        return false;
    for (size_t i = 0; i < count; i++)
        own->absmax = MAX(own->absmax, bits[i] & INT32_MAX);
    return true;
}

static bool keep_tensor(struct reading *r, struct onnx_tensor *own, struct pare_error *err)
{
    struct model *model = r->reader->model;
    struct onnx *onnx = r->reader->onnx;
    size_t n = model->tensor_count, room = onnx->tensor_room;
    if (r->location == 1) {
        struct onnx_external *external = arena_alloc(&model->arena, sizeof(*external));
        if (!external)
            return error_no_memory(err, sizeof(*external));
        *external = r->external;
        own->external = external;
    }
    if (!onnx_grow(model, &onnx->tensors, n, &room, sizeof(*onnx->tensors), ONNX_TENSORS_MAX,
                   "tensors", err) ||
        !onnx_grow(model, &model->tensors, n, &onnx->tensor_room, sizeof(*model->tensors),
                   ONNX_TENSORS_MAX, "tensors", err))
        return false;
    /* Entries that point elsewhere although the values are here would come to life. */
    if (r->location != 1 && r->tensor.file_offset > 0 && r->external.entry_count == 0)
        own->values = (struct onnx_cut){ r->tag_at, r->end };
    model->tensors[n] = r->tensor;
    onnx->tensors[n] = *own;
    model->tensor_count = n + 1;
    return true;
}

static bool read_tensor(struct reading *r, struct onnx_tensor *own, struct pare_error *err)
{
    struct wire_field field;
    for (bool more;;) {
        if (!wire_next(&r->wire, &field, &more, err))
            return false;
        if (!more)
            break;
        if (!read_field(r, &field, err))
            return false;
    }
    return measure(r, err) && locate(r, err) && copy_ints(r, own, err);
}

bool onnx_read_tensor(struct onnx_reader *reader, const struct wire *wire,
                      const struct wire_field *field, int parent, enum onnx_keep keep,
                      struct onnx_tensor *ret_own, bool *ret_kept, struct pare_error *err)
{
    struct reading r = { .reader = reader, .at = -1, .length = -1, .ints_whole = true };
    struct onnx_tensor own = { .cut = { field->tag_at, field->end }, .node = -1 };
    r.tensor.shown.name = "";
    if (!wire_enter(wire, field, "a tensor", &r.wire, err) ||
        !onnx_message(reader->model, field, parent, &own.message, err))
        return false;
    if (!read_tensor(&r, &own, err))
        return error_prefix(err, "tensor %.200s at byte %lld",
                            *r.tensor.shown.name ? r.tensor.shown.name : "(no name)",
                            (long long)field->tag_at);
    own.dtype = r.tensor.shown.dtype;
    *ret_kept = keep == ONNX_KEEP_ALL || r.location == 1 || r.rank >= 2 ||
                (keep == ONNX_KEEP_FLOATS && own.dtype == PARE_F32);
    if (!(*ret_kept ? keep_tensor(&r, &own, err) : note_magnitude(&r, &own, err)))
        return false;
    *ret_own = own;
    return true;
}
