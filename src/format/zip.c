/* SPDX-License-Identifier: MIT */
#include "format/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "format/source.h"

enum {
    END_BYTES = 22,
    COMMENT_MAX = 65535,
    LOCATOR_BYTES = 20,
    END64_BYTES = 56,
    CENTRAL_BYTES = 46,
    LOCAL_BYTES = 30,
    FLAG_ENCRYPTED = 1,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    EXTRA_ZIP64 = 1,
    READ_BYTES = 64 * 1024,
};

/* Signatures as little-endian words. */
static const uint32_t signature_end = 0x06054b50, signature_locator = 0x07064b50,
                      signature_end64 = 0x06064b50, signature_central = 0x02014b50,
                      signature_local = 0x04034b50;

/* Where the directory is, as the end record has it. */
struct directory {
    uint64_t count, size, offset;
    int64_t end; /* the byte after which it cannot reach */
};

struct zip_stream {
    struct source *source; /* the archive's */
    size_t file;
    bool deflated, inflating;
    uint32_t crc, crc_wanted;
    int64_t at, packed_left; /* next byte in the file, and how many are the member's */
    int64_t size_left;       /* unfolded bytes not yet given */
    z_stream z;
    unsigned char packed[READ_BYTES];
};

static uint16_t le16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const unsigned char *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t le64(const unsigned char *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* ---- the directory ---- */

/* The zip64 end record that the locator before `end_at` points to. */
static bool read_end64(const struct zip *zip, int64_t end_at, struct directory *directory,
                       struct pare_error *err)
{
    unsigned char locator[LOCATOR_BYTES], record[END64_BYTES];
    int64_t locator_at = end_at - LOCATOR_BYTES;
    if (locator_at < 0)
        return error_set(err, PARE_ERR_FORMAT, "the zip64 locator is missing");
    if (!source_read(zip->source, zip->file, locator_at, locator, sizeof(locator), err))
        return false;
    uint64_t record_at = le64(locator + 8);
    if (le32(locator) != signature_locator || locator_at < END64_BYTES ||
        record_at > (uint64_t)locator_at - END64_BYTES)
        return error_set(err, PARE_ERR_FORMAT, "the zip64 locator is missing or points nowhere");
    if (!source_read(zip->source, zip->file, (int64_t)record_at, record, sizeof(record), err))
        return false;
    if (le32(record) != signature_end64)
        return error_set(err, PARE_ERR_FORMAT, "the zip64 end record is missing");
    directory->count = le64(record + 32);
    directory->size = le64(record + 40);
    directory->offset = le64(record + 48);
    directory->end = (int64_t)record_at;
    return true;
}

/* The end record: the last signature whose comment reaches exactly to the end of the file. */
static bool find_end(const unsigned char *tail, size_t length, size_t *ret_at)
{
    for (size_t at = length - END_BYTES + 1; at-- > 0;) {
        if (le32(tail + at) == signature_end && at + END_BYTES + le16(tail + at + 20) == length) {
            *ret_at = at;
            return true;
        }
    }
    return false;
}

static bool read_end(const struct zip *zip, unsigned char *tail, struct directory *directory,
                     struct pare_error *err)
{
    int64_t file_bytes = zip->file_bytes;
    if (file_bytes < END_BYTES)
        return error_set(err, PARE_ERR_FORMAT, "%lld bytes are no zip archive",
                         (long long)file_bytes);
    size_t length = (size_t)MIN(file_bytes, (int64_t)END_BYTES + COMMENT_MAX), at;
    if (!source_read(zip->source, zip->file, file_bytes - (int64_t)length, tail, length, err))
        return false;
    if (!find_end(tail, length, &at))
        return error_set(err, PARE_ERR_FORMAT,
                         "no end of a zip archive: the file is cut short, or "
                         "is none");
    const unsigned char *end = tail + at;
    int64_t end_at = file_bytes - (int64_t)length + (int64_t)at;
    *directory = (struct directory){ le16(end + 10), le32(end + 12), le32(end + 16), end_at };
    if (le16(end + 4) == UINT16_MAX || directory->count == UINT16_MAX ||
        directory->size == UINT32_MAX || directory->offset == UINT32_MAX)
        return read_end64(zip, end_at, directory, err);
    if (le16(end + 4) != 0 || le16(end + 8) != directory->count)
        return error_set(err, PARE_ERR_UNSUPPORTED, "an archive in several parts");
    return true;
}

/* Put the 64-bit values of the extra field into what the 32-bit fields left full. */
static bool take_extra(const unsigned char *extra, size_t length, uint64_t *fields[3],
                       struct pare_error *err)
{
    while (length >= 4) {
        size_t size = le16(extra + 2);
        if (size > length - 4)
            break;
        if (le16(extra) == EXTRA_ZIP64) {
            const unsigned char *value = extra + 4, *end = value + size;
            for (int i = 0; i < 3; i++) {
                if (*fields[i] != UINT32_MAX)
                    continue;
                if (end - value < 8)
                    return error_set(err, PARE_ERR_FORMAT, "a zip64 field is cut short");
                *fields[i] = le64(value);
                value += 8;
            }
            return true;
        }
        extra += 4 + size;
        length -= 4 + size;
    }
    return true;
}

static bool check_entry(const struct zip_entry *entry, unsigned flags, unsigned method,
                        int64_t directory_at, struct pare_error *err)
{
    if (flags & FLAG_ENCRYPTED)
        return error_set(err, PARE_ERR_UNSUPPORTED, "%s is encrypted", entry->name);
    if (method != METHOD_STORED && method != METHOD_DEFLATED)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "%s is compressed by method %u: only stored and deflated members are read",
                         entry->name, method);
    if (entry->header_offset > directory_at - LOCAL_BYTES ||
        entry->packed_bytes > directory_at - LOCAL_BYTES - entry->header_offset)
        return error_set(err, PARE_ERR_FORMAT, "%s reaches past the end of the archive",
                         entry->name);
    if (!entry->deflated ? entry->size_bytes != entry->packed_bytes
                         : entry->size_bytes / ZIP_DEFLATE_RATIO_MAX > entry->packed_bytes)
        return error_set(err, PARE_ERR_FORMAT, "%s: %lld bytes cannot come out of %lld",
                         entry->name, (long long)entry->size_bytes, (long long)entry->packed_bytes);
    return true;
}

/* One record of the directory; *ret_used is its length. */
static bool read_central(const unsigned char *p, size_t left, struct arena *arena,
                         int64_t directory_at, struct zip_entry *entry, size_t *ret_used,
                         struct pare_error *err)
{
    if (left < CENTRAL_BYTES || le32(p) != signature_central)
        return error_set(err, PARE_ERR_FORMAT, "the zip directory is damaged");
    size_t name = le16(p + 28), extra = le16(p + 30), comment = le16(p + 32);
    size_t used = CENTRAL_BYTES + name + extra + comment;
    if (used > left || memchr(p + CENTRAL_BYTES, '\0', name))
        return error_set(err, PARE_ERR_FORMAT, "the zip directory is damaged");
    uint64_t packed = le32(p + 20), size = le32(p + 24), offset = le32(p + 42);
    if (!take_extra(p + CENTRAL_BYTES + name, extra, (uint64_t *[]){ &size, &packed, &offset },
                    err))
        return false;
    if (packed > INT64_MAX || size > INT64_MAX || offset > INT64_MAX)
        return error_set(err, PARE_ERR_FORMAT, "a size in the zip directory is impossible");
    unsigned method = le16(p + 10);
    *entry = (struct zip_entry){
        .name = arena_strndup(arena, (const char *)p + CENTRAL_BYTES, name),
        .deflated = method == METHOD_DEFLATED,
        .crc = le32(p + 16),
        .packed_bytes = (int64_t)packed,
        .size_bytes = (int64_t)size,
        .header_offset = (int64_t)offset,
    };
    if (!entry->name)
        return error_no_memory(err, name);
    *ret_used = used;
    return check_entry(entry, le16(p + 8), method, directory_at, err);
}

static int by_offset(const void *a, const void *b)
{
    const struct zip_entry *const *x = a, *const *y = b;
    return ((*x)->header_offset > (*y)->header_offset) -
           ((*x)->header_offset < (*y)->header_offset);
}

static bool check_overlap(const struct zip_entry *entries, size_t count, struct arena *arena,
                          struct pare_error *err)
{
    const struct zip_entry **sorted = arena_array(arena, count + 1, sizeof(*sorted));
    if (!sorted)
        return error_no_memory(err, count * sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &entries[i];
    qsort(sorted, count, sizeof(*sorted), by_offset);
    for (size_t i = 1; i < count; i++)
        if (sorted[i - 1]->header_offset + LOCAL_BYTES + sorted[i - 1]->packed_bytes >
            sorted[i]->header_offset)
            return error_set(err, PARE_ERR_FORMAT, "the members %s and %s overlap",
                             sorted[i - 1]->name, sorted[i]->name);
    return true;
}

static bool read_directory(struct zip *zip, const struct directory *directory, struct arena *arena,
                           struct pare_error *err)
{
    if (directory->size > ZIP_DIRECTORY_MAX || directory->size > (uint64_t)directory->end ||
        directory->offset > (uint64_t)directory->end - directory->size ||
        directory->count > directory->size / CENTRAL_BYTES)
        return error_set(err, PARE_ERR_FORMAT, "the zip directory is not where the end says");
    size_t size = (size_t)directory->size, count = (size_t)directory->count;
    unsigned char *bytes = arena_alloc(arena, size + 1);
    struct zip_entry *entries = arena_array(arena, count + 1, sizeof(*entries));
    if (!bytes || !entries)
        return error_no_memory(err, size + count * sizeof(*entries));
    if (!source_read(zip->source, zip->file, (int64_t)directory->offset, bytes, size, err))
        return false;
    for (size_t i = 0, at = 0, used = 0; i < count; i++, at += used)
        if (!read_central(bytes + at, size - at, arena, (int64_t)directory->offset, &entries[i],
                          &used, err))
            return false;
    zip->entries = entries;
    zip->count = count;
    return check_overlap(entries, count, arena, err);
}

bool zip_open(struct source *source, size_t file, struct arena *arena, struct zip *ret_zip,
              struct pare_error *err)
{
    unsigned char *tail = malloc(END_BYTES + COMMENT_MAX);
    if (!tail)
        return error_no_memory(err, END_BYTES + COMMENT_MAX);
    struct directory directory = { 0 };
    struct zip zip = { source, file, source->files[file].size_bytes, NULL, 0 };
    bool ok = read_end(&zip, tail, &directory, err) && read_directory(&zip, &directory, arena, err);
    free(tail);
    if (ok)
        *ret_zip = zip;
    return ok;
}

/* ---- a member ---- */

/* The member's own header says again who it is, and how far its bytes are. */
bool zip_payload(const struct zip *zip, const struct zip_entry *entry, int64_t *ret_at,
                 struct pare_error *err)
{
    unsigned char header[LOCAL_BYTES];
    char name[256];
    size_t length = strlen(entry->name);
    if (!source_read(zip->source, zip->file, entry->header_offset, header, sizeof(header), err))
        return false;
    if (le32(header) != signature_local || le16(header + 26) != length || length > sizeof(name))
        return error_set(err, PARE_ERR_FORMAT, "the directory and the member %s disagree",
                         entry->name);
    int64_t name_at = entry->header_offset + LOCAL_BYTES;
    if (!source_read(zip->source, zip->file, name_at, name, length, err))
        return false;
    if (memcmp(name, entry->name, length) != 0)
        return error_set(err, PARE_ERR_FORMAT, "the directory and the member %s disagree",
                         entry->name);
    *ret_at = name_at + (int64_t)length + le16(header + 28);
    if (*ret_at > zip->file_bytes || entry->packed_bytes > zip->file_bytes - *ret_at)
        return error_set(err, PARE_ERR_FORMAT, "%s reaches past the end of the file", entry->name);
    return true;
}

uint32_t zip_crc(uint32_t crc, const void *bytes, size_t length)
{
    return (uint32_t)crc32_z(crc, bytes, length);
}

bool zip_begin(const struct zip *zip, const struct zip_entry *entry, struct zip_stream **ret_stream,
               struct pare_error *err)
{
    int64_t at;
    if (!zip_payload(zip, entry, &at, err))
        return false;
    struct zip_stream *stream = malloc(sizeof(*stream));
    if (!stream)
        return error_no_memory(err, sizeof(*stream));
    stream->source = zip->source;
    stream->file = zip->file;
    stream->deflated = stream->inflating = entry->deflated;
    stream->crc = 0;
    stream->crc_wanted = entry->crc;
    stream->at = at;
    stream->packed_left = entry->packed_bytes;
    stream->size_left = entry->size_bytes;
    stream->z = (z_stream){ 0 };
    if (stream->deflated && inflateInit2(&stream->z, -MAX_WBITS) != Z_OK) {
        free(stream);
        return error_no_memory(err, READ_BYTES);
    }
    *ret_stream = stream;
    return true;
}

static bool refill(struct zip_stream *stream, struct pare_error *err)
{
    size_t n = (size_t)MIN(stream->packed_left, (int64_t)READ_BYTES);
    if (!source_read(stream->source, stream->file, stream->at, stream->packed, n, err))
        return false;
    stream->at += (int64_t)n;
    stream->packed_left -= (int64_t)n;
    stream->z.next_in = stream->packed;
    stream->z.avail_in = (uInt)n;
    return true;
}

/* Unfold as much as fits into z.next_out; a step that cannot go on is an error. */
static bool inflate_step(struct zip_stream *stream, struct pare_error *err)
{
    if (!stream->z.avail_in && stream->packed_left && !refill(stream, err))
        return false;
    int status = stream->inflating ? inflate(&stream->z, Z_NO_FLUSH) : Z_BUF_ERROR;
    if (status == Z_STREAM_END)
        stream->inflating = false;
    else if (status != Z_OK)
        return error_set(err, PARE_ERR_FORMAT, "deflated data is damaged or ends early");
    return true;
}

static bool read_deflated(struct zip_stream *stream, unsigned char *to, size_t length,
                          struct pare_error *err)
{
    while (length > 0) {
        size_t step = MIN(length, (size_t)1 << 30);
        stream->z.next_out = to;
        stream->z.avail_out = (uInt)step;
        if (!inflate_step(stream, err))
            return false;
        size_t done = step - stream->z.avail_out;
        to += done;
        length -= done;
    }
    return true;
}

static bool read_stored(struct zip_stream *stream, unsigned char *to, size_t length,
                        struct pare_error *err)
{
    if (!source_read(stream->source, stream->file, stream->at, to, length, err))
        return false;
    stream->at += (int64_t)length;
    stream->packed_left -= (int64_t)length;
    return true;
}

bool zip_read(struct zip_stream *stream, void *bytes, size_t length, struct pare_error *err)
{
    if ((uint64_t)length > (uint64_t)stream->size_left)
        return error_set(err, PARE_ERR_FORMAT, "the member ends %lld bytes early",
                         (long long)((int64_t)length - stream->size_left));
    bool ok = stream->deflated ? read_deflated(stream, bytes, length, err)
                               : read_stored(stream, bytes, length, err);
    if (!ok)
        return false;
    stream->size_left -= (int64_t)length;
    stream->crc = zip_crc(stream->crc, bytes, length);
    return true;
}

bool zip_finish(struct zip_stream *stream, struct pare_error *err)
{
    unsigned char beyond;
    while (stream->inflating) {
        stream->z.next_out = &beyond;
        stream->z.avail_out = 1;
        if (!inflate_step(stream, err))
            return false;
        if (!stream->z.avail_out)
            break;
    }
    if (stream->size_left || stream->inflating || stream->packed_left || stream->z.avail_in)
        return error_set(err, PARE_ERR_FORMAT, "the member is longer than the directory says");
    if (stream->crc != stream->crc_wanted)
        return error_set(err, PARE_ERR_FORMAT, "the bytes do not match their CRC-32");
    return true;
}

void zip_end(struct zip_stream *stream)
{
    if (!stream)
        return;
    if (stream->deflated)
        inflateEnd(&stream->z);
    free(stream);
}
