/* SPDX-License-Identifier: MIT */
#include "format/wire.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "format/source.h"

void wire_reader_init(struct wire_reader *reader, struct source *source, size_t file)
{
    reader->source = source;
    reader->file = file;
    reader->window_start = 0;
    reader->window_length = 0;
}

struct wire wire_begin(struct wire_reader *reader, int64_t at, int64_t end)
{
    return (struct wire){ .reader = reader, .at = at, .end = end };
}

/* Move the window so that it holds the byte at `at`. */
static bool look(struct wire_reader *reader, int64_t at, struct pare_error *err)
{
    if (at >= reader->window_start && at - reader->window_start < (int64_t)reader->window_length)
        return true;
    int64_t left = reader->source->files[reader->file].size_bytes - at;
    size_t n = (size_t)MIN((int64_t)WIRE_WINDOW, left);
    reader->window_length = 0;
    if (!source_read(reader->source, reader->file, at, reader->window, n, err))
        return false;
    reader->window_start = at;
    reader->window_length = n;
    return true;
}

static bool read_varint(struct wire *wire, uint64_t *ret_value, struct pare_error *err)
{
    int64_t start = wire->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (wire->at >= wire->end)
            return error_set(err, PARE_ERR_FORMAT,
                             "the number at byte %lld runs past the end of its message",
                             (long long)start);
        if (!look(wire->reader, wire->at, err))
            return false;
        unsigned char byte = wire->reader->window[wire->at - wire->reader->window_start];
        wire->at++;
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return error_set(err, PARE_ERR_FORMAT, "the number at byte %lld is longer than ten bytes",
                     (long long)start);
}

static bool read_fixed(struct wire *wire, int bytes, uint64_t *ret_value, struct pare_error *err)
{
    uint64_t value = 0;
    if (wire->end - wire->at < bytes)
        return error_set(err, PARE_ERR_FORMAT,
                         "the number at byte %lld runs past the end of its message",
                         (long long)wire->at);
    for (int i = 0; i < bytes; i++, wire->at++) {
        if (!look(wire->reader, wire->at, err))
            return false;
        uint64_t byte = wire->reader->window[wire->at - wire->reader->window_start];
        value |= byte << (8 * i);
    }
    *ret_value = value;
    return true;
}

static bool read_length(struct wire *wire, struct wire_field *field, struct pare_error *err)
{
    uint64_t length;
    field->length_at = wire->at;
    if (!read_varint(wire, &length, err))
        return false;
    if (length > (uint64_t)(wire->end - wire->at))
        return error_set(err, PARE_ERR_FORMAT,
                         "field %d at byte %lld claims %llu bytes, %lld are left", field->number,
                         (long long)field->tag_at, (unsigned long long)length,
                         (long long)(wire->end - wire->at));
    field->at = wire->at;
    wire->at += (int64_t)length;
    field->end = wire->at;
    return true;
}

bool wire_next(struct wire *wire, struct wire_field *ret_field, bool *ret_more,
               struct pare_error *err)
{
    struct wire_field field = { .tag_at = wire->at };
    uint64_t tag;
    *ret_more = wire->at < wire->end;
    if (!*ret_more)
        return true;
    if (!read_varint(wire, &tag, err))
        return false;
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return error_set(err, PARE_ERR_FORMAT, "at byte %lld a field was expected",
                         (long long)field.tag_at);
    field.number = (int)(tag >> 3);
    field.type = (enum wire_type)(tag & 7);
    field.at = wire->at;
    bool ok;
    switch (field.type) {
    case WIRE_VARINT:
        ok = read_varint(wire, &field.value, err);
        break;
    case WIRE_FIXED64:
        ok = read_fixed(wire, 8, &field.value, err);
        break;
    case WIRE_FIXED32:
        ok = read_fixed(wire, 4, &field.value, err);
        break;
    case WIRE_BYTES:
        ok = read_length(wire, &field, err);
        break;
    default:
        ok = error_set(err, PARE_ERR_FORMAT, "field %d at byte %lld is of the unknown kind %d",
                       field.number, (long long)field.tag_at, (int)field.type);
    }
    if (field.type != WIRE_BYTES)
        field.end = wire->at;
    if (ok)
        *ret_field = field;
    return ok;
}

static bool expect(const struct wire_field *field, enum wire_type type, const char *what,
                   struct pare_error *err)
{
    static const char *const names[] = { [WIRE_VARINT] = "a varint",
                                         [WIRE_FIXED64] = "a fixed64",
                                         [WIRE_BYTES] = "bytes",
                                         [WIRE_FIXED32] = "a fixed32" };
    if (field->type == type)
        return true;
    return error_set(err, PARE_ERR_FORMAT, "%s at byte %lld is %s, %s was expected", what,
                     (long long)field->tag_at, names[field->type], names[type]);
}

bool wire_enter(const struct wire *wire, const struct wire_field *field, const char *what,
                struct wire *ret_inner, struct pare_error *err)
{
    if (!expect(field, WIRE_BYTES, what, err))
        return false;
    *ret_inner = wire_begin(wire->reader, field->at, field->end);
    return true;
}

bool wire_string(const struct wire *wire, const struct wire_field *field, const char *what,
                 struct arena *arena, const char **ret_text, struct pare_error *err)
{
    if (!expect(field, WIRE_BYTES, what, err))
        return false;
    int64_t length = field->end - field->at;
    if (length > WIRE_STRING_MAX)
        return error_set(err, PARE_ERR_FORMAT, "%s at byte %lld has %lld bytes, %d are allowed",
                         what, (long long)field->at, (long long)length, WIRE_STRING_MAX);
    char *text = arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return error_no_memory(err, (size_t)length + 1);
    /* Names are short and close together: through the window, not one read each. */
    for (int64_t i = 0; i < length;) {
        struct wire_reader *reader = wire->reader;
        if (!look(reader, field->at + i, err))
            return false;
        size_t start = (size_t)(field->at + i - reader->window_start);
        size_t n = MIN(reader->window_length - start, (size_t)(length - i));
        memcpy(text + i, reader->window + start, n);
        i += (int64_t)n;
    }
    if (memchr(text, 0, (size_t)length))
        return error_set(err, PARE_ERR_FORMAT, "%s at byte %lld holds a zero byte", what,
                         (long long)field->at);
    *ret_text = text;
    return true;
}

bool wire_int(const struct wire_field *field, const char *what, int64_t *ret_value,
              struct pare_error *err)
{
    if (!expect(field, WIRE_VARINT, what, err))
        return false;
    *ret_value = (int64_t)field->value;
    return true;
}

bool wire_float(const struct wire_field *field, const char *what, float *ret_value,
                struct pare_error *err)
{
    if (!expect(field, WIRE_FIXED32, what, err))
        return false;
    uint32_t bits = (uint32_t)field->value;
    memcpy(ret_value, &bits, sizeof(bits));
    return true;
}

bool wire_ints(const struct wire *wire, const struct wire_field *field, const char *what,
               int64_t *values, size_t room, size_t *io_count, struct pare_error *err)
{
    struct wire packed = wire_begin(wire->reader, field->at, field->end);
    if (field->type != WIRE_VARINT && field->type != WIRE_BYTES)
        return expect(field, WIRE_VARINT, what, err);
    while (packed.at < packed.end) {
        uint64_t value;
        if (!read_varint(&packed, &value, err))
            return false;
        if (*io_count == room)
            return error_set(err, PARE_ERR_FORMAT, "%s at byte %lld has more than %zu numbers",
                             what, (long long)field->at, room);
        values[(*io_count)++] = (int64_t)value;
    }
    return true;
}

/* ---- building ---- */

size_t wire_varint(uint64_t value, unsigned char to[WIRE_VARINT_MAX])
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        to[n++] = (unsigned char)(value | 0x80);
    to[n++] = (unsigned char)value;
    return n;
}

size_t wire_varint_size(uint64_t value)
{
    unsigned char bytes[WIRE_VARINT_MAX];
    return wire_varint(value, bytes);
}

static void put_varint(struct buf *buf, uint64_t value)
{
    unsigned char bytes[WIRE_VARINT_MAX];
    buf_add(buf, bytes, wire_varint(value, bytes));
}

static void put_tag(struct buf *buf, int number, enum wire_type type)
{
    put_varint(buf, (uint64_t)number << 3 | type);
}

void wire_put_int(struct buf *buf, int number, int64_t value)
{
    put_tag(buf, number, WIRE_VARINT);
    put_varint(buf, (uint64_t)value);
}

void wire_put_float(struct buf *buf, int number, float value)
{
    unsigned char bytes[4];
    memcpy(bytes, &value, sizeof(bytes));
    put_tag(buf, number, WIRE_FIXED32);
    buf_add(buf, bytes, sizeof(bytes));
}

void wire_put_head(struct buf *buf, int number, int64_t length)
{
    put_tag(buf, number, WIRE_BYTES);
    put_varint(buf, (uint64_t)length);
}

void wire_put_bytes(struct buf *buf, int number, const void *bytes, size_t length)
{
    wire_put_head(buf, number, (int64_t)length);
    buf_add(buf, bytes, length);
}

void wire_put_text(struct buf *buf, int number, const char *text)
{
    wire_put_bytes(buf, number, text, strlen(text));
}
