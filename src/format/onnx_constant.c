/* SPDX-License-Identifier: MIT */
#include "format/onnx_constant.h"

#include <string.h>

#include "base/error.h"
#include "format/source.h"

/* Numbers of the fields that hold values one by one. */
enum { FLOATS = 4, INT32S = 5, INT64S = 7, DOUBLES = 10, UINT64S = 11 };

enum { NUMBERS_MAX = 1 << 16 };

/* By pare_dtype: the number in a TensorProto, and bytes an element; 0: not handled. */
static const struct {
    unsigned char type, width;
} types[] = {
    [PARE_F32] = { 1, 4 },   [PARE_U8] = { 2, 1 },   [PARE_I8] = { 3, 1 },   [PARE_U16] = { 4, 2 },
    [PARE_I16] = { 5, 2 },   [PARE_I32] = { 6, 4 },  [PARE_I64] = { 7, 8 },  [PARE_BOOL] = { 9, 1 },
    [PARE_F16] = { 10, 2 },  [PARE_F64] = { 11, 8 }, [PARE_U32] = { 12, 4 }, [PARE_U64] = { 13, 8 },
    [PARE_BF16] = { 16, 2 },
};

size_t onnx_constant_width(enum pare_dtype dtype)
{
    return (size_t)dtype < ARRAY_SIZE(types) ? types[dtype].width : 0;
}

int64_t onnx_constant_type(enum pare_dtype dtype)
{
    return types[dtype].type;
}

bool onnx_constant_shape(struct onnx_constant *constant, enum pare_dtype dtype, int rank,
                         const int64_t *dims, int64_t limit_bytes)
{
    int64_t size = (int64_t)onnx_constant_width(dtype);
    if (size == 0 || rank < 0 || rank > PARE_RANK_MAX)
        return false;
    struct onnx_constant made = { .dtype = dtype, .rank = rank };
    for (int i = 0; i < rank; i++) {
        made.dims[i] = dims[i];
        if (dims[i] < 0 || __builtin_mul_overflow(size, dims[i], &size))
            return false;
    }
    if (size > limit_bytes)
        return false;
    made.size_bytes = size;
    made.count = size / (int64_t)onnx_constant_width(dtype);
    *constant = made;
    return true;
}

/* ---- a TensorProto ---- */

struct filling {
    const struct wire *wire;
    const struct onnx_constant *constant;
    char *bytes;
    struct arena *arena;
    int64_t *numbers; /* room for all elements, where they are varints */
    size_t count;     /* elements so far */
    bool odd;         /* stored in a way that is not expected */
};

/* One element from the low bytes of a number. */
static void put_bits(struct filling *f, uint64_t bits)
{
    size_t width = onnx_constant_width(f->constant->dtype);
    if ((int64_t)f->count < f->constant->count)
        memcpy(f->bytes + f->count * width, &bits, width);
    f->count++;
}

/* Bytes as they are in the file: raw_data, or packed numbers of the type itself. */
static bool put_stretch(struct filling *f, const struct wire_field *field, struct pare_error *err)
{
    size_t width = onnx_constant_width(f->constant->dtype);
    size_t length = (size_t)(field->end - field->at), done = f->count * width;
    if (length > (size_t)f->constant->size_bytes - MIN(done, (size_t)f->constant->size_bytes)) {
        f->odd = true;
        return true;
    }
    f->count += length / width;
    f->odd = f->odd || length % width != 0;
    return source_read(f->wire->reader->source, f->wire->reader->file, field->at, f->bytes + done,
                       length, err);
}

/* Varints, packed or single. */
static bool put_varints(struct filling *f, const struct wire_field *field, struct pare_error *err)
{
    size_t room = (size_t)f->constant->count, at = f->count;
    f->odd = f->odd || room > NUMBERS_MAX || at > room;
    if (f->odd)
        return true;
    if (!f->numbers)
        f->numbers = arena_array(f->arena, room + 1, sizeof(*f->numbers));
    if (!f->numbers)
        return error_no_memory(err, room * sizeof(*f->numbers));
    if (!wire_ints(f->wire, field, "a tensor's values", f->numbers, room, &at, err))
        return false;
    while (f->count < at)
        put_bits(f, (uint64_t)f->numbers[f->count]);
    return true;
}

static bool put_field(struct filling *f, const struct wire_field *field, struct pare_error *err)
{
    enum pare_dtype dtype = f->constant->dtype;
    bool empty = field->type == WIRE_BYTES && field->at == field->end;
    if (empty)
        return true;
    switch (field->number) {
    case TENSOR_RAW:
        return put_stretch(f, field, err);
    case FLOATS:
    case DOUBLES:
        f->odd = f->odd || dtype != (field->number == FLOATS ? PARE_F32 : PARE_F64);
        if (f->odd || field->type == WIRE_BYTES)
            return f->odd || put_stretch(f, field, err);
        put_bits(f, field->value);
        return true;
    case INT32S:
    case INT64S:
    case UINT64S:
        f->odd = f->odd || dtype == PARE_F32 || dtype == PARE_F64;
        return f->odd || put_varints(f, field, err);
    default:
        return true;
    }
}

/* What must be known before the values. */
struct head {
    int64_t dims[PARE_RANK_MAX], type, location;
    size_t rank;
};

static bool read_head(struct wire wire, struct head *head, struct pare_error *err)
{
    struct wire_field field;
    for (bool more;;) {
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            return true;
        if ((field.number == TENSOR_DIMS &&
             !wire_ints(&wire, &field, "dims", head->dims, PARE_RANK_MAX, &head->rank, err)) ||
            (field.number == TENSOR_TYPE && !wire_int(&field, "data_type", &head->type, err)) ||
            (field.number == TENSOR_LOCATION &&
             !wire_int(&field, "data_location", &head->location, err)))
            return false;
    }
}

bool onnx_constant_read(struct wire_reader *reader, int64_t at, int64_t end, int64_t limit_bytes,
                        struct arena *arena, struct onnx_constant *ret_constant, bool *ret_known,
                        struct pare_error *err)
{
    struct head head = { 0 };
    struct onnx_constant constant;
    struct wire wire = wire_begin(reader, at, end);
    struct wire_field field;
    *ret_known = false;
    if (!read_head(wire, &head, err))
        return false;
    if (head.location != 0 || !onnx_constant_shape(&constant, onnx_dtype(head.type), (int)head.rank,
                                                   head.dims, limit_bytes))
        return true;
    struct filling f = { .wire = &wire, .constant = &constant, .arena = arena };
    f.bytes = arena_alloc(arena, (size_t)constant.size_bytes + 1);
    if (!f.bytes)
        return error_no_memory(err, (size_t)constant.size_bytes);
    for (bool more; !f.odd;) {
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            break;
        if (!put_field(&f, &field, err))
            return false;
    }
    if (f.odd || (int64_t)f.count != constant.count)
        return true;
    constant.bytes = f.bytes;
    *ret_constant = constant;
    *ret_known = true;
    return true;
}

/* ---- attributes ---- */

/* A list that is longer than there is room for is no error: the node is left alone. */
static bool read_list(const struct wire *wire, const struct wire_field *field,
                      struct onnx_attribute *attribute, bool *io_whole, struct pare_error *err)
{
    int64_t most = field->type == WIRE_BYTES ? field->end - field->at : 1;
    if ((int64_t)attribute->int_count + most > ONNX_LIST_MAX) {
        *io_whole = false;
        return true;
    }
    return wire_ints(wire, field, "ints", attribute->ints, ONNX_LIST_MAX, &attribute->int_count,
                     err);
}

/* AttributeProto: name 1, f 2, i 3, t 5, ints 8. */
static bool read_attribute(struct wire wire, struct arena *arena, struct onnx_attribute *attribute,
                           bool *io_whole, struct pare_error *err)
{
    struct wire_field field;
    attribute->name = "";
    for (bool more;;) {
        bool ok = true;
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            return true;
        if (field.number == 1) {
            ok = wire_string(&wire, &field, "an attribute's name", arena, &attribute->name, err);
        } else if (field.number == 2) {
            attribute->has_float = true;
            ok = wire_float(&field, "an attribute", &attribute->f, err);
        } else if (field.number == 3) {
            attribute->has_int = true;
            ok = wire_int(&field, "an attribute", &attribute->i, err);
        } else if (field.number == 5) {
            attribute->has_tensor = field.type == WIRE_BYTES;
            attribute->tensor_at = field.at;
            attribute->tensor_end = field.end;
        } else if (field.number == 8) {
            ok = read_list(&wire, &field, attribute, io_whole, err);
        }
        if (!ok)
            return false;
    }
}

bool onnx_attributes_read(struct wire_reader *reader, const struct onnx_node *node,
                          struct arena *arena, struct onnx_attributes *ret_attributes,
                          struct pare_error *err)
{
    struct wire wire = wire_begin(reader, node->at, node->cut.end), inner;
    struct wire_field field;
    memset(ret_attributes, 0, sizeof(*ret_attributes));
    ret_attributes->whole = true;
    for (bool more;;) {
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            return true;
        if (field.number != 5)
            continue;
        if (ret_attributes->count == ONNX_ATTRIBUTES_MAX) {
            ret_attributes->whole = false;
            return true;
        }
        if (!wire_enter(&wire, &field, "an attribute", &inner, err) ||
            !read_attribute(inner, arena, &ret_attributes->list[ret_attributes->count++],
                            &ret_attributes->whole, err))
            return false;
    }
}

const struct onnx_attribute *onnx_attribute_find(const struct onnx_attributes *attributes,
                                                 const char *name)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (!strcmp(attributes->list[i].name, name))
            return &attributes->list[i];
    return NULL;
}

int64_t onnx_attribute_int(const struct onnx_attributes *attributes, const char *name,
                           int64_t otherwise)
{
    const struct onnx_attribute *attribute = onnx_attribute_find(attributes, name);
    return attribute && attribute->has_int ? attribute->i : otherwise;
}
