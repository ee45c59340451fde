/* SPDX-License-Identifier: MIT */
/*
 * Small zip archives with stored members, made for tests and fuzzers; true, or with a lie of each
 * kind. The layout is that of format/zip.h.
 */
#ifndef PARE_TESTS_FORMAT_ARCHIVE_H
#define PARE_TESTS_FORMAT_ARCHIVE_H

#include <string.h>

#include "base/buf.h"
#include "format/zip.h"

enum { ARCHIVE_MAX = 1 << 20 };

/* What to say of a member that is not so. */
struct lie {
    unsigned flags, method;
    uint32_t crc, more_bytes;
};

static void archive_put(struct buf *buf, uint64_t number, int count)
{
    for (int i = 0; i < count; i++, number >>= 8)
        buf_char(buf, (char)number);
}

struct archive {
    struct buf file, directory;
    int count;
};

static void archive_init(struct archive *a)
{
    *a = (struct archive){ .count = 0 };
    buf_init(&a->file, ARCHIVE_MAX);
    buf_init(&a->directory, ARCHIVE_MAX);
}

static void archive_head(struct buf *buf, const char *name, uint32_t crc, size_t length,
                         const struct lie *lie)
{
    archive_put(buf, lie->flags, 2);
    archive_put(buf, lie->method, 2);
    archive_put(buf, 0, 4);
    archive_put(buf, crc ^ lie->crc, 4);
    archive_put(buf, length + lie->more_bytes, 4);
    archive_put(buf, length + lie->more_bytes, 4);
    archive_put(buf, strlen(name), 2);
    archive_put(buf, 0, 2);
}

static void archive_add(struct archive *a, const char *name, const void *bytes, size_t length,
                        const struct lie *lie)
{
    static const struct lie none;
    uint32_t crc = zip_crc(0, bytes, length);
    size_t at = a->file.length;
    lie = lie ? lie : &none;
    buf_add(&a->directory, "PK\1\2\0\0\24\0", 8);
    archive_head(&a->directory, name, crc, length, lie);
    archive_put(&a->directory, 0, 10);
    archive_put(&a->directory, at, 4);
    buf_text(&a->directory, name);
    buf_add(&a->file, "PK\3\4\24\0", 6);
    archive_head(&a->file, name, crc, length, lie);
    buf_text(&a->file, name);
    buf_add(&a->file, bytes, length);
    a->count++;
}

/* The directory goes to the end of the file. */
static void archive_end(struct archive *a)
{
    size_t at = a->file.length;
    buf_add(&a->file, buf_string(&a->directory), a->directory.length);
    buf_add(&a->file, "PK\5\6\0\0\0\0", 8);
    archive_put(&a->file, (uint64_t)a->count, 2);
    archive_put(&a->file, (uint64_t)a->count, 2);
    archive_put(&a->file, a->directory.length, 4);
    archive_put(&a->file, at, 4);
    archive_put(&a->file, 0, 2);
}

static void archive_done(struct archive *a)
{
    buf_done(&a->file);
    buf_done(&a->directory);
}

#endif
