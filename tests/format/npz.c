/* SPDX-License-Identifier: MIT */
#include "format/npz.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "format/source.h"
#include "tap.h"

static struct pare_error err;

/* The bytes of a file of tests/data/measure. */
static void load(const char *name, struct buf *buf)
{
    char path[4096];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof(path), "%s/tests/data/measure/%s", top ? top : ".", name);
    buf_init(buf, 1 << 20);
    if (!file_read(path, buf, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

/* What reading all arrays of these bytes says: NULL when nothing is wrong. */
static const char *read_all(const void *bytes, size_t length)
{
    struct source *source;
    struct npz npz;
    size_t file;
    err.text[0] = '\0';
    if (!source_open_memory("x.npz", bytes, length, &source, &err))
        return err.text;
    bool ok =
        source_file(source, source->main_name, &file, &err) && npz_open(source, file, &npz, &err);
    for (size_t i = 0; ok && i < npz.count; i++) {
        const char *const *texts;
        void *data = NULL;
        bool text = npz.arrays[i].type == NPZ_TEXT;
        if (!(text ? npz_load_text(&npz, &npz.arrays[i], &npz.arena, &texts, &err)
                   : npz_load(&npz, &npz.arrays[i], &data, &err))) {
            npz_close(&npz);
            ok = false;
        }
        free(data);
    }
    if (ok)
        npz_close(&npz);
    source_close(source);
    return ok ? NULL : err.text;
}

static const char *read_file(const char *name)
{
    struct buf buf;
    load(name, &buf);
    const char *said = read_all(buf.data, buf.length);
    buf_done(&buf);
    return said;
}

static bool says(const char *said, const char *part)
{
    if (said && strstr(said, part))
        return true;
    printf("# said: %s\n", said ? said : "nothing");
    return false;
}

/* ---- what is read ---- */

static void *array(const struct npz *npz, const char *name, enum npz_type type)
{
    void *data = NULL;
    const struct npz_array *found = npz_find(npz, name);
    if (!found || found->type != type || found->rank != 1 || found->dims[0] != 2 ||
        !npz_load(npz, found, &data, &err))
        return NULL;
    return data;
}

#define HOLDS(name, type, ctype, first, second)                                                    \
    do {                                                                                           \
        const ctype *data = array(&npz, name, type);                                               \
        OK(data &&data[0] == (first) && data[1] == (second), "the type " name " is read");         \
        free((void *)data);                                                                        \
    } while (0)

static void test_types(void)
{
    struct buf buf;
    struct source *source;
    struct npz npz;
    size_t file;
    load("kinds.npz", &buf);
    bool ok = source_open_memory("kinds.npz", buf.data, buf.length, &source, &err) &&
              source_file(source, source->main_name, &file, &err) &&
              npz_open(source, file, &npz, &err);
    OK(ok, "an archive with an array of each type opens");
    if (!ok)
        return;
    HOLDS("f2", NPZ_F16, uint16_t, 0x3c00, 0xc000);
    HOLDS("f4", NPZ_F32, float, 1, -2);
    HOLDS("f8", NPZ_F64, double, 1, -2);
    HOLDS("i1", NPZ_I8, int8_t, 1, -2);
    HOLDS("i2", NPZ_I16, int16_t, 1, -2);
    HOLDS("i4", NPZ_I32, int32_t, 1, -2);
    HOLDS("i8", NPZ_I64, int64_t, 1, -2);
    HOLDS("u1", NPZ_U8, uint8_t, 1, 2);
    HOLDS("u2", NPZ_U16, uint16_t, 1, 2);
    HOLDS("u4", NPZ_U32, uint32_t, 1, 2);
    HOLDS("u8", NPZ_U64, uint64_t, 1, 2);
    HOLDS("b1", NPZ_BOOL, uint8_t, 1, 0);
    const char *const *texts = NULL;
    OK(npz_load_text(&npz, npz_find(&npz, "U5"), &npz.arena, &texts, &err), "text is read");
    IS(texts ? texts[0] : NULL, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
       "as UTF-8 of one to four bytes");
    IS(texts ? texts[1] : NULL, "", "and the padding is dropped");
    OK(npz_find(&npz, "scalar")->rank == 0 && npz_find(&npz, "scalar")->count == 1,
       "a single value has no axes");
    OK(npz_find(&npz, "none")->rank == 2 && npz_find(&npz, "none")->count == 0,
       "an array may be empty");
    void *data;
    OK(!npz_load(&npz, npz_find(&npz, "U5"), &data, &err) && says(err.text, "array U5"),
       "text is no numbers");
    OK(npz_find(&npz, "x") == NULL, "an array that is not there is not found");
    npz_close(&npz);
    source_close(source);
    buf_done(&buf);
}

static void test_refusals(void)
{
    OK(says(read_file("refused_big.npz"), "array array: its type >f4 is not read"),
       "big-endian numbers are refused by name and type");
    OK(says(read_file("refused_object.npz"), "type |O"), "pickled objects are refused");
    OK(says(read_file("refused_complex.npz"), "type <c8"), "complex numbers are refused");
    OK(says(read_file("refused_date.npz"), "type <M8[D]"), "dates are refused");
    OK(says(read_file("refused_bytes.npz"), "type |S2"), "byte strings are refused");
    OK(says(read_file("refused_record.npz"), "records"), "records are refused");
    OK(says(read_file("refused_fortran.npz"), "Fortran order"), "Fortran order is refused");
    OK(says(read_all("hello", 5), "no zip archive"), "a few bytes are no archive");
    OK(says(read_all("", 0), "no zip archive"), "nothing is no archive");
}

/* ---- damage ---- */

/* Where `needle` is in the bytes; exits when it is not there. */
static size_t find(const struct buf *buf, const void *needle, size_t length, size_t from)
{
    char *at = memmem(buf->data + from, buf->length - from, needle, length);
    if (!at) {
        printf("Bail out! the test's own data has changed\n");
        exit(1);
    }
    return (size_t)(at - buf->data);
}

/* The archive with `length` bytes at `at` replaced. */
static const char *read_patched(const struct buf *buf, size_t at, const void *with, size_t length)
{
    char *copy = malloc(buf->length);
    memcpy(copy, buf->data, buf->length);
    memcpy(copy + at, with, length);
    const char *said = read_all(copy, buf->length);
    free(copy);
    return said;
}

static void test_lies(void)
{
    struct buf buf;
    load("points.npz", &buf);
    size_t shape = find(&buf, "(60, 4)", 7, 0), magic = find(&buf, "\x93NUMPY", 6, 0);
    size_t central = find(&buf, "PK\1\2", 4, 0), end = find(&buf, "PK\5\6", 4, 0);
    OK(read_all(buf.data, buf.length) == NULL, "the archive is fine as it is");
    OK(says(read_patched(&buf, shape, "(61, 4)", 7), "promises 244 elements of 4 bytes"),
       "a shape larger than the member is refused");
    OK(says(read_patched(&buf, shape, "(9**9,)", 7), "malformed"), "a shape is no expression");
    OK(says(read_patched(&buf, shape, "(-1, 4)", 7), "malformed"), "no axis is negative");
    OK(says(read_patched(&buf, shape, "{60, 4)", 7), "malformed"), "a shape is a tuple");
    OK(says(read_patched(&buf, magic + 6, "\7", 1), "version 7"), "an unknown version is named");
    OK(says(read_patched(&buf, magic + 8, "\xff\xff", 2), "ends"),
       "a header longer than its member is refused");
    OK(says(read_patched(&buf, magic + 200, "\x55", 1), "CRC-32"), "a flipped byte is found");
    OK(says(read_patched(&buf, 30, "y", 1), "disagree"), "the two names of a member must agree");
    OK(says(read_patched(&buf, central + 8, "\1", 1), "encrypted"), "encryption is refused");
    OK(says(read_patched(&buf, central + 10, "\14", 1), "method 12"), "bzip2 is refused by number");
    OK(says(read_patched(&buf, central + 24, "\xff\xff\xff\x7f", 4), "cannot come out of"),
       "a stored member is as long as its bytes");
    OK(says(read_patched(&buf, end + 10, "\xff\x7f", 2), "parts") ||
           says(read_patched(&buf, end + 10, "\xff\x7f", 2), "directory"),
       "a directory of 32767 entries that are not there is refused");
    OK(says(read_patched(&buf, end + 16, "\xff\xff\xff\x7f", 4), "not where the end says"),
       "a directory past the end is refused");
    buf_done(&buf);
}

/* Two directory entries that point at the same member. */
static void test_overlap(void)
{
    struct buf buf;
    load("points.npz", &buf);
    size_t first = find(&buf, "PK\1\2", 4, 0), second = find(&buf, "PK\1\2", 4, first + 4);
    OK(says(read_patched(&buf, second + 42, buf.data + first + 42, 4), "overlap"),
       "members that overlap are refused");
    buf_done(&buf);
}

static void test_cut(void)
{
    struct buf buf;
    load("words.npz", &buf);
    OK(read_all(buf.data, buf.length) == NULL, "deflated members are read");
    bool all_refused = true;
    for (size_t length = 0; length < buf.length; length++)
        all_refused = all_refused && read_all(buf.data, length) != NULL;
    OK(all_refused, "cut off at any byte it is refused");
    size_t outcomes = 0;
    for (size_t at = 0; at < buf.length; at++) {
        char flipped = (char)(buf.data[at] ^ 0x10);
        outcomes += read_patched(&buf, at, &flipped, 1) != NULL;
    }
    OK(outcomes > buf.length / 2, "with any one byte changed it is refused or read, no more");
    buf_done(&buf);
}

/* A deflated member that says it unfolds into more than deflate can make. */
static void test_bomb(void)
{
    struct buf buf;
    load("words.npz", &buf);
    size_t central = find(&buf, "PK\1\2", 4, 0);
    OK(says(read_patched(&buf, central + 24, "\0\0\0\x70", 4), "cannot come out of"),
       "an impossible size is refused before memory is asked for");
    buf_done(&buf);
}

/* ---- zip64 ---- */

static void put(struct buf *buf, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_char(buf, (char)(value >> 8 * i));
}

/* One stored .npy of three bytes, with every size in 64-bit fields; `lie` is added to its size. */
static void make_zip64(struct buf *buf, uint64_t lie)
{
    static const char header[] = "{'shape': (3,), 'fortran_order': False, 'descr': \"|u1\"}\n";
    struct buf npy;
    buf_init(&npy, 4096);
    buf_add(&npy, "\x93NUMPY\2\0", 8);
    put(&npy, strlen(header), 4);
    buf_text(&npy, header);
    buf_add(&npy, "\1\2\3", 3);
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < npy.length; i++) {
        crc ^= (unsigned char)npy.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    buf_add(buf, "PK\3\4", 4), put(buf, 45, 2), put(buf, 0, 8), put(buf, ~crc, 4);
    put(buf, UINT32_MAX, 4), put(buf, UINT32_MAX, 4), put(buf, 5, 2), put(buf, 20, 2);
    buf_text(buf, "a.npy"), put(buf, 1, 2), put(buf, 16, 2);
    put(buf, npy.length, 8), put(buf, npy.length, 8);
    buf_add(buf, npy.data, npy.length);
    size_t central = buf->length;
    buf_add(buf, "PK\1\2", 4), put(buf, 45, 4), put(buf, 0, 8), put(buf, ~crc, 4);
    put(buf, UINT32_MAX, 4), put(buf, UINT32_MAX, 4), put(buf, 5, 2), put(buf, 28, 2);
    put(buf, 0, 8), put(buf, 0, 2), put(buf, UINT32_MAX, 4);
    buf_text(buf, "a.npy"), put(buf, 1, 2), put(buf, 24, 2);
    put(buf, npy.length + lie, 8), put(buf, npy.length + lie, 8), put(buf, 0, 8);
    size_t end64 = buf->length;
    buf_add(buf, "PK\6\6", 4), put(buf, 44, 8), put(buf, 45, 4), put(buf, 0, 8);
    put(buf, 1, 8), put(buf, 1, 8), put(buf, end64 - central, 8), put(buf, central, 8);
    buf_add(buf, "PK\6\7", 4), put(buf, 0, 4), put(buf, end64, 8), put(buf, 1, 4);
    buf_add(buf, "PK\5\6", 4), put(buf, 0, 4), put(buf, UINT16_MAX, 2), put(buf, UINT16_MAX, 2);
    put(buf, UINT32_MAX, 4), put(buf, UINT32_MAX, 4), put(buf, 0, 2);
    buf_done(&npy);
}

static void test_zip64(void)
{
    struct buf buf;
    buf_init(&buf, 4096);
    make_zip64(&buf, 0);
    OK(read_all(buf.data, buf.length) == NULL, "64-bit sizes and offsets are read");
    bool all_refused = true;
    for (size_t length = 0; length < buf.length; length++)
        all_refused = all_refused && read_all(buf.data, length) != NULL;
    OK(all_refused, "cut off at any byte it is refused");
    buf_clear(&buf);
    make_zip64(&buf, (uint64_t)1 << 62);
    OK(says(read_all(buf.data, buf.length), "past the end"), "a size of 2^62 is refused");
    buf_clear(&buf);
    make_zip64(&buf, (uint64_t)1 << 63);
    OK(says(read_all(buf.data, buf.length), "impossible"), "and one of 2^63");
    buf_done(&buf);
}

int main(void)
{
    test_types();
    test_refusals();
    test_lies();
    test_overlap();
    test_cut();
    test_bomb();
    test_zip64();
    return tap_done();
}
