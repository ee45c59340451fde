/* SPDX-License-Identifier: MIT */
/*
 * Members of a zip archive, read as streams: stored or deflated, zip64 or not.
 * The door to zlib.
 *
 * Layout (PKWARE APPNOTE 6.3.10), from the end backwards:
 *   end record           PK 05 06: entries, size and offset of the directory, comment
 *   zip64 locator        PK 06 07: where the zip64 end record is; only when a field above is full
 *   zip64 end record     PK 06 06: the same fields in 64 bits
 *   central directory    PK 01 02 for each member: method, CRC-32, sizes, name, offset
 *   member               PK 03 04, name, extra field, then the bytes
 *
 * Nothing in a file is believed: offsets and sizes are held against the file's own size,
 * members may not overlap (so a small file cannot unfold into the same bytes many times),
 * and deflated sizes beyond what deflate can do are refused before any memory is asked for.
 */
#ifndef PARE_FORMAT_ZIP_H
#define PARE_FORMAT_ZIP_H

#include "base/base.h"

struct arena;
struct pare_error;
struct source;
struct zip_stream;

/* The most that one byte can unfold into (zlib's technical notes: 1032:1). */
enum { ZIP_DIRECTORY_MAX = 64 << 20, ZIP_DEFLATE_RATIO_MAX = 1032 };

struct zip_entry {
    const char *name;                 /* as in the archive, uncleaned; lives in the arena */
    bool deflated;                    /* else stored */
    uint32_t crc;                     /* CRC-32 of the member's bytes */
    int64_t packed_bytes, size_bytes; /* in the file, and unfolded */
    int64_t header_offset;
};

struct zip {
    struct source *source; /* the caller's */
    size_t file;           /* the archive among its files */
    int64_t file_bytes;
    const struct zip_entry *entries; /* (count), in the directory's order; in the arena */
    size_t count;
};

/* Read the directory of a file of `source`, which must outlive the struct. */
MUST_CHECK bool zip_open(struct source *source, size_t file, struct arena *arena,
                         struct zip *ret_zip, struct pare_error *err);

/* Where in the archive the member's bytes begin, which its own header tells. */
MUST_CHECK bool zip_payload(const struct zip *zip, const struct zip_entry *entry, int64_t *ret_at,
                            struct pare_error *err);

/* Continue a CRC-32, of nothing 0. */
uint32_t zip_crc(uint32_t crc, const void *bytes, size_t length);

/* Start to read one member. The caller ends the stream, also after a failure of a read. */
MUST_CHECK bool zip_begin(const struct zip *zip, const struct zip_entry *entry,
                          struct zip_stream **ret_stream, struct pare_error *err);

/* Exactly the next `length` bytes; fewer in the member is an error. */
MUST_CHECK bool zip_read(struct zip_stream *stream, void *bytes, size_t length,
                         struct pare_error *err);

/* Nothing is left over and the CRC-32 is right. */
MUST_CHECK bool zip_finish(struct zip_stream *stream, struct pare_error *err);

void zip_end(struct zip_stream *stream); /* NULL is fine */

#endif
