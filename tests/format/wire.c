/* SPDX-License-Identifier: MIT */
/* The wire format: what is built reads back, and no length is believed. */
#include "format/wire.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "format/source.h"
#include "tap.h"

/* Bytes opened for reading. */
struct fixture {
    struct source *source;
    struct wire_reader *reader;
    struct wire wire;
    struct arena arena;
    struct pare_error err;
};

static void fixture_init(struct fixture *f, const void *bytes, size_t length)
{
    size_t file;
    *f = (struct fixture){ .reader = malloc(sizeof(*f->reader)) };
    if (!source_open_memory("m", bytes, length, &f->source, &f->err) ||
        !source_file(f->source, "m", &file, &f->err))
        abort();
    wire_reader_init(f->reader, f->source, file);
    f->wire = wire_begin(f->reader, 0, (int64_t)length);
}

static void fixture_done(struct fixture *f)
{
    source_close(f->source);
    free(f->reader);
    arena_done(&f->arena);
}

static void what_is_built_reads_back(void)
{
    struct buf b;
    struct fixture f;
    struct wire_field field;
    bool more, ok = true;
    float number = 0;
    const char *text = "";
    buf_init(&b, 1000);
    wire_put_int(&b, 1, -5);
    wire_put_float(&b, 2, 1.5f);
    wire_put_text(&b, 300, "name");
    fixture_init(&f, b.data, b.length);
    ok = wire_next(&f.wire, &field, &more, &f.err) && more && field.number == 1;
    OK(ok && (int64_t)field.value == -5, "a negative number is ten bytes and comes back");
    ok = wire_next(&f.wire, &field, &more, &f.err) && wire_float(&field, "f", &number, &f.err);
    OK(ok && number == 1.5f, "a float comes back");
    ok = wire_next(&f.wire, &field, &more, &f.err) && field.number == 300 &&
         wire_string(&f.wire, &field, "s", &f.arena, &text, &f.err);
    OK(ok && !strcmp(text, "name"), "a text under a large field number comes back");
    OK(wire_next(&f.wire, &field, &more, &f.err) && !more, "and then the message ends");
    fixture_done(&f);
    buf_done(&b);
}

static void varints_have_all_sizes(void)
{
    unsigned char bytes[WIRE_VARINT_MAX];
    bool ok = wire_varint(0, bytes) == 1 && wire_varint(127, bytes) == 1;
    ok = ok && wire_varint(128, bytes) == 2 && bytes[0] == 0x80 && bytes[1] == 1;
    ok = ok && wire_varint(UINT64_MAX, bytes) == WIRE_VARINT_MAX;
    OK(ok && wire_varint_size(UINT64_C(1) << 35) == 6, "a varint takes one byte for seven bits");
}

/* Walk all fields; the error's text, or "" when there is none. */
static void walk(const char *what, const char *expected, const void *bytes, size_t length)
{
    struct fixture f;
    struct wire_field field;
    bool more = true, ok = true;
    fixture_init(&f, bytes, length);
    while (ok && more)
        ok = wire_next(&f.wire, &field, &more, &f.err);
    IS(ok ? "" : f.err.text, expected, what);
    fixture_done(&f);
}

static void nothing_is_believed(void)
{
    walk("a length past the end is refused", "field 1 at byte 0 claims 100 bytes, 2 are left",
         "\x0a\x64xx", 4);
    walk("a length of nearly 2^64 is refused",
         "field 1 at byte 0 claims 18446744073709551615 bytes, 1 are left",
         "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 12);
    walk("a number without an end is refused",
         "the number at byte 1 runs past the end of its message", "\x08\xff", 2);
    walk("a number of eleven bytes is refused", "the number at byte 1 is longer than ten bytes",
         "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12);
    walk("field 0 is refused", "at byte 0 a field was expected", "\x00\x00", 2);
    walk("a group is refused", "field 1 at byte 0 is of the unknown kind 3", "\x0b\x0c", 2);
    walk("a cut fixed number is refused", "the number at byte 1 runs past the end of its message",
         "\x0d\x01\x02", 3);
    walk("no bytes are an empty message", "", "", 0);
}

static void strings_have_limits(void)
{
    struct fixture f;
    struct wire_field field;
    struct buf b;
    bool more;
    const char *text = NULL;
    buf_init(&b, 1 << 20);
    wire_put_bytes(&b, 1, "a\0b", 3);
    wire_put_head(&b, 2, WIRE_STRING_MAX + 1);
    for (int i = 0; i <= WIRE_STRING_MAX; i++)
        buf_char(&b, 'x');
    fixture_init(&f, b.data, b.length);
    bool ok = wire_next(&f.wire, &field, &more, &f.err) &&
              !wire_string(&f.wire, &field, "a name", &f.arena, &text, &f.err);
    IS(ok ? f.err.text : "", "a name at byte 2 holds a zero byte", "a zero byte in a text");
    ok = wire_next(&f.wire, &field, &more, &f.err) &&
         !wire_string(&f.wire, &field, "a name", &f.arena, &text, &f.err);
    OK(ok && strstr(f.err.text, "65537 bytes, 65536 are allowed"), "a text that is too long");
    fixture_done(&f);
    buf_done(&b);
}

static void integers_come_packed_or_not(void)
{
    static const unsigned char bytes[] = { 0x0a, 3, 1, 0x80, 1, 0x08, 7 };
    struct fixture f;
    struct wire_field field;
    bool more;
    int64_t values[3];
    size_t count = 0;
    fixture_init(&f, bytes, sizeof(bytes));
    bool ok = wire_next(&f.wire, &field, &more, &f.err) &&
              wire_ints(&f.wire, &field, "dims", values, 3, &count, &f.err) &&
              wire_next(&f.wire, &field, &more, &f.err) &&
              wire_ints(&f.wire, &field, "dims", values, 3, &count, &f.err);
    OK(ok && count == 3 && values[1] == 128 && values[2] == 7, "packed and unpacked together");
    OK(!wire_ints(&f.wire, &field, "dims", values, 3, &count, &f.err),
       "no more than there is room");
    fixture_done(&f);
}

int main(void)
{
    what_is_built_reads_back();
    varints_have_all_sizes();
    nothing_is_believed();
    strings_have_limits();
    integers_come_packed_or_not();
    return tap_done();
}
