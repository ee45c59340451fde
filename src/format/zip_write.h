/* SPDX-License-Identifier: MIT */
/*
 * Laying out a zip archive as torch.save() writes it: members are stored, their bytes begin at
 * multiples of 64, sizes and CRC-32 follow them, the end is in 64 bits too. The layout is that of
 * format/zip.h; a CRC-32 that is known only when the output is written is a segment of its own.
 */
#ifndef PARE_FORMAT_ZIP_WRITE_H
#define PARE_FORMAT_ZIP_WRITE_H

#include "base/base.h"
#include "base/buf.h"

struct output;
struct output_file;
struct pare_error;
struct zip_member;

enum { ZIP_WRITE_ALIGN = 64 };

struct zip_writer {
    struct output *output; /* the caller's, and its file */
    struct output_file *file;
    struct zip_member *members; /* in the output's arena */
    size_t member_count;
    struct buf buf;
};

/* For at most `member_max` members. zip_writer_done() also after a failure. */
MUST_CHECK bool zip_writer_init(struct zip_writer *w, struct output *output,
                                struct output_file *file, size_t member_max,
                                struct pare_error *err);
void zip_writer_done(struct zip_writer *w);

/*
 * Begin a member; the caller adds segments of exactly `size_bytes` and ends it. Without a `crc`
 * they go into the CRC-32 *ret_sum; else that is 0.
 */
MUST_CHECK bool zip_write_begin(struct zip_writer *w, const char *name, int64_t size_bytes,
                                const uint32_t *crc, size_t *ret_sum, struct pare_error *err);
MUST_CHECK bool zip_write_bytes(struct zip_writer *w, const void *bytes, size_t length, size_t sum,
                                struct pare_error *err);
MUST_CHECK bool zip_write_end(struct zip_writer *w, struct pare_error *err);

/* The central directory and the end of the archive. */
MUST_CHECK bool zip_write_directory(struct zip_writer *w, struct pare_error *err);

#endif
