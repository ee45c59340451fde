/* SPDX-License-Identifier: MIT */
/*
 * Files that appear whole or not at all, and reads with a ceiling.
 *
 * A written file is a sibling temporary first; file_out_commit() syncs and
 * renames it, file_out_done() without a commit removes it.
 */
#ifndef PARE_BASE_FILE_H
#define PARE_BASE_FILE_H

#include "base/base.h"

struct arena;
struct buf;
struct pare_error;

/* A file being written. The zeroed struct is done already. */
struct file_out {
    int fd;     /* -1 when closed */
    char *path; /* where it will be, owned here */
    char *temporary;
    bool sync; /* fsync before the rename: on by default */
};

/* Start `path`, in its own folder. An existing file stays untouched until the commit. */
MUST_CHECK bool file_out_open(struct file_out *out, const char *path, struct pare_error *err);
/*
 * Take the room for that many bytes now: then it cannot end later, and a rename over an old file
 * need not wait for it to be found (ext4 does so). Where it cannot be taken it is no failure.
 */
MUST_CHECK bool file_out_reserve(struct file_out *out, int64_t size_bytes, struct pare_error *err);
MUST_CHECK bool file_out_write(struct file_out *out, const void *bytes, size_t length,
                               struct pare_error *err);
/* All that can fail for want of room; the commit does it where it has not been done. */
MUST_CHECK bool file_out_settle(struct file_out *out, struct pare_error *err);
MUST_CHECK bool file_out_commit(struct file_out *out, struct pare_error *err);
void file_out_done(struct file_out *out);

/* Write or read all `length` bytes at `offset` of fd, whatever the system call returns. */
MUST_CHECK bool file_pwrite(int fd, const void *bytes, size_t length, int64_t offset,
                            struct pare_error *err);
MUST_CHECK bool file_pread(int fd, void *bytes, size_t length, int64_t offset,
                           struct pare_error *err);

/* The whole file appended to `buf`, whose ceiling is the limit. */
MUST_CHECK bool file_read(const char *path, struct buf *buf, struct pare_error *err);

/* mkdir -p with `mode` for the folders made. */
MUST_CHECK bool file_make_folders(const char *path, unsigned mode, struct pare_error *err);

/* Files below `folder` (not links to folders), paths relative to it, in byte order. */
MUST_CHECK bool file_walk(const char *folder, struct arena *arena, const char *const **ret_paths,
                          size_t *ret_count, struct pare_error *err);

/* CLEANUP(file_close) int fd = open(...): closes when not negative. */
void file_close(const int *fd);

#endif
