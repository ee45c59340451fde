/* SPDX-License-Identifier: MIT */
#include "format/zip_write.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/format.h"
#include "format/zip.h"

enum {
    LOCAL_BYTES = 30,
    FLAGS = 0x0808, /* sizes and CRC-32 are behind the bytes; names are UTF-8 */
    VERSION = 20,
    VERSION_ZIP64 = 45,
};

/* A member of the output. */
struct zip_member {
    const char *name;
    int64_t header_at, size_bytes;
    uint32_t crc;
    size_t sum; /* the number of its CRC-32, 0 when `crc` is it */
};

bool zip_writer_init(struct zip_writer *w, struct output *output, struct output_file *file,
                     size_t member_max, struct pare_error *err)
{
    *w = (struct zip_writer){ .output = output, .file = file };
    buf_init(&w->buf, ZIP_DIRECTORY_MAX);
    w->members = arena_array(&output->arena, member_max, sizeof(*w->members));
    return w->members || error_no_memory(err, member_max * sizeof(*w->members));
}

void zip_writer_done(struct zip_writer *w)
{
    buf_done(&w->buf);
}

static void put_number(struct buf *buf, uint64_t number, int count)
{
    for (int i = 0; i < count; i++, number >>= 8)
        buf_char(buf, (char)number);
}

bool zip_write_bytes(struct zip_writer *w, const void *bytes, size_t length, size_t sum,
                     struct pare_error *err)
{
    const struct segment segment = {
        .kind = SEGMENT_LITERAL,
        .length = (int64_t)length,
        .bytes = arena_strndup(&w->output->arena, bytes, length),
        .sum = sum,
    };
    return (segment.bytes || error_no_memory(err, length)) &&
           output_add(w->output, w->file, &segment, err);
}

/* What the buffer holds; it is empty then. */
static bool flush(struct zip_writer *w, struct pare_error *err)
{
    bool ok =
        buf_ok(&w->buf, err) && zip_write_bytes(w, buf_string(&w->buf), w->buf.length, 0, err);
    buf_clear(&w->buf);
    return ok;
}

static bool is_long(const struct zip_member *member)
{
    return member->size_bytes >= UINT32_MAX;
}

/* The CRC-32 into the buffer, or as a segment that is known when all before it is written. */
static bool put_crc(struct zip_writer *w, const struct zip_member *member, struct pare_error *err)
{
    const struct segment sum = { .kind = SEGMENT_SUM, .length = 4, .sum = member->sum };
    if (!member->sum) {
        put_number(&w->buf, member->crc, 4);
        return true;
    }
    return flush(w, err) && output_add(w->output, w->file, &sum, err);
}

/* Its header, as long as it must be for the bytes to begin at a multiple of 64. */
static bool put_header(struct zip_writer *w, const struct zip_member *member,
                       struct pare_error *err)
{
    struct buf *buf = &w->buf;
    size_t name = strlen(member->name), extra = is_long(member) ? 20 : 0;
    size_t at = (size_t)member->header_at + LOCAL_BYTES + name + extra + 4;
    size_t padding = (ZIP_WRITE_ALIGN - at % ZIP_WRITE_ALIGN) % ZIP_WRITE_ALIGN;
    uint32_t sizes = is_long(member) ? UINT32_MAX : 0;
    buf_add(buf, "PK\3\4", 4);
    put_number(buf, is_long(member) ? VERSION_ZIP64 : VERSION, 2);
    put_number(buf, FLAGS, 2);
    put_number(buf, 0, 10); /* stored, 1980, no CRC-32 yet */
    put_number(buf, sizes, 4);
    put_number(buf, sizes, 4);
    put_number(buf, name, 2);
    put_number(buf, extra + 4 + padding, 2);
    buf_text(buf, member->name);
    if (is_long(member)) {
        buf_add(buf, "\1\0\x10\0", 4);
        put_number(buf, (uint64_t)member->size_bytes, 8);
        put_number(buf, (uint64_t)member->size_bytes, 8);
    }
    buf_add(buf, "FB", 2);
    put_number(buf, padding, 2);
    for (size_t i = 0; i < padding; i++)
        buf_char(buf, 'Z');
    return flush(w, err);
}

bool zip_write_begin(struct zip_writer *w, const char *name, int64_t size_bytes,
                     const uint32_t *crc, size_t *ret_sum, struct pare_error *err)
{
    struct zip_member *member = &w->members[w->member_count++];
    *member = (struct zip_member){
        .name = arena_strdup(&w->output->arena, name),
        .header_at = w->file->size_bytes,
        .size_bytes = size_bytes,
        .crc = crc ? *crc : 0,
        .sum = crc ? 0 : ++w->file->sum_count,
    };
    if (!member->name)
        return error_no_memory(err, strlen(name));
    *ret_sum = member->sum;
    return put_header(w, member, err);
}

bool zip_write_end(struct zip_writer *w, struct pare_error *err)
{
    struct buf *buf = &w->buf;
    const struct zip_member *member = &w->members[w->member_count - 1];
    int width = is_long(member) ? 8 : 4;
    buf_add(buf, "PK\7\10", 4);
    if (!put_crc(w, member, err))
        return false;
    put_number(buf, (uint64_t)member->size_bytes, width);
    put_number(buf, (uint64_t)member->size_bytes, width);
    return flush(w, err);
}

/* ---- the directory ---- */

static bool put_central(struct zip_writer *w, const struct zip_member *member,
                        struct pare_error *err)
{
    struct buf *buf = &w->buf;
    bool far = member->header_at >= UINT32_MAX;
    uint64_t size = (uint64_t)member->size_bytes, offset = (uint64_t)member->header_at;
    uint64_t shown = is_long(member) ? UINT32_MAX : size;
    int extra = 16 * is_long(member) + 8 * far;
    buf_add(buf, "PK\1\2", 4);
    put_number(buf, 0, 2);
    put_number(buf, extra ? VERSION_ZIP64 : VERSION, 2);
    put_number(buf, FLAGS, 2);
    put_number(buf, 0, 6);
    if (!put_crc(w, member, err))
        return false;
    put_number(buf, shown, 4);
    put_number(buf, shown, 4);
    put_number(buf, strlen(member->name), 2);
    put_number(buf, extra ? (uint64_t)extra + 4 : 0, 2);
    put_number(buf, 0, 8); /* no comment; one part; no attributes */
    put_number(buf, 0, 2);
    put_number(buf, far ? UINT32_MAX : offset, 4);
    buf_text(buf, member->name);
    if (extra) {
        put_number(buf, 1, 2);
        put_number(buf, (uint64_t)extra, 2);
    }
    if (is_long(member)) {
        put_number(buf, size, 8);
        put_number(buf, size, 8);
    }
    if (far)
        put_number(buf, offset, 8);
    return true;
}

/* The end in 64 bits, always, and in 32 as far as they reach: so does torch. */
static void put_end(struct buf *buf, uint64_t count, uint64_t directory_at, uint64_t end_at)
{
    uint64_t size = end_at - directory_at;
    buf_add(buf, "PK\6\6", 4);
    put_number(buf, 44, 8);
    put_number(buf, VERSION_ZIP64, 2);
    put_number(buf, VERSION_ZIP64, 2);
    put_number(buf, 0, 8);
    put_number(buf, count, 8);
    put_number(buf, count, 8);
    put_number(buf, size, 8);
    put_number(buf, directory_at, 8);
    buf_add(buf, "PK\6\7", 4);
    put_number(buf, 0, 4);
    put_number(buf, end_at, 8);
    put_number(buf, 1, 4);
    buf_add(buf, "PK\5\6", 4);
    put_number(buf, 0, 4);
    put_number(buf, MIN(count, (uint64_t)UINT16_MAX), 2);
    put_number(buf, MIN(count, (uint64_t)UINT16_MAX), 2);
    put_number(buf, MIN(size, (uint64_t)UINT32_MAX), 4);
    put_number(buf, MIN(directory_at, (uint64_t)UINT32_MAX), 4);
    put_number(buf, 0, 2);
}

bool zip_write_directory(struct zip_writer *w, struct pare_error *err)
{
    int64_t start = w->file->size_bytes;
    for (size_t i = 0; i < w->member_count; i++)
        if (!put_central(w, &w->members[i], err))
            return false;
    if (!flush(w, err))
        return false;
    put_end(&w->buf, w->member_count, (uint64_t)start, (uint64_t)w->file->size_bytes);
    return flush(w, err);
}
