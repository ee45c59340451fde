/* SPDX-License-Identifier: MIT */
/*
 * The protobuf wire format (protobuf.dev, "Encoding"), read in place from a
 * source and built in a buffer.
 *
 * Reading never holds a message: a cursor walks the fields of a stretch of the
 * file and tells where each one's bytes are, so a tensor of gigabytes costs a
 * jump. Lengths are checked against the enclosing stretch before they are used.
 */
#ifndef PARE_FORMAT_WIRE_H
#define PARE_FORMAT_WIRE_H

#include "base/base.h"

struct arena;
struct buf;
struct pare_error;
struct source;

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum { WIRE_WINDOW = 64 * 1024, WIRE_STRING_MAX = 64 * 1024 };

/* A window onto a file. Embedded in something on the heap: it is large. */
struct wire_reader {
    struct source *source;
    size_t file;
    int64_t window_start;
    size_t window_length;
    unsigned char window[WIRE_WINDOW];
};

/* A walk over the fields of one message. */
struct wire {
    struct wire_reader *reader;
    int64_t at, end;
};

struct wire_field {
    int number;
    enum wire_type type;
    int64_t tag_at;    /* where the field begins */
    int64_t length_at; /* of bytes: where their length is */
    uint64_t value;    /* of a varint or a fixed number, as its bits */
    int64_t at, end;   /* of the payload */
};

void wire_reader_init(struct wire_reader *reader, struct source *source, size_t file);

/* The whole stretch as a message. */
struct wire wire_begin(struct wire_reader *reader, int64_t at, int64_t end);

/* The payload of a field as a message. A field that is none is an error that names `what`. */
MUST_CHECK bool wire_enter(const struct wire *wire, const struct wire_field *field,
                           const char *what, struct wire *ret_inner, struct pare_error *err);

/* Step to the next field; at the end *ret_more is false. */
MUST_CHECK bool wire_next(struct wire *wire, struct wire_field *ret_field, bool *ret_more,
                          struct pare_error *err);

/* The payload as a string in the arena: no zero byte, at most WIRE_STRING_MAX. */
MUST_CHECK bool wire_string(const struct wire *wire, const struct wire_field *field,
                            const char *what, struct arena *arena, const char **ret_text,
                            struct pare_error *err);

/* The payload as a number: a varint read as int64. */
MUST_CHECK bool wire_int(const struct wire_field *field, const char *what, int64_t *ret_value,
                         struct pare_error *err);

/* Float, from a fixed32. */
MUST_CHECK bool wire_float(const struct wire_field *field, const char *what, float *ret_value,
                           struct pare_error *err);

/*
 * A repeated int64, packed or not: append its numbers to values[*io_count]. More than `room`
 * is an error that names `what`.
 */
MUST_CHECK bool wire_ints(const struct wire *wire, const struct wire_field *field, const char *what,
                          int64_t *values, size_t room, size_t *io_count, struct pare_error *err);

/* ---- building ---- */

enum { WIRE_VARINT_MAX = 10 };

/* The bytes of a varint in `to`; returns how many. */
size_t wire_varint(uint64_t value, unsigned char to[WIRE_VARINT_MAX]);
size_t wire_varint_size(uint64_t value);

void wire_put_int(struct buf *buf, int number, int64_t value);
void wire_put_float(struct buf *buf, int number, float value);
void wire_put_bytes(struct buf *buf, int number, const void *bytes, size_t length);
void wire_put_text(struct buf *buf, int number, const char *text);
/* The head of a field whose `length` bytes of payload come from elsewhere. */
void wire_put_head(struct buf *buf, int number, int64_t length);

#endif
