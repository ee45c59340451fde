/* SPDX-License-Identifier: MIT */
/*
 * Where a model's bytes go: named files, one after the other, whose sizes are
 * known beforehand. A folder on disk is here; a registry brings its own.
 *
 * Nothing appears before the commit; a sink that is closed without one leaves
 * no trace.
 */
#ifndef PARE_FORMAT_SINK_H
#define PARE_FORMAT_SINK_H

#include "base/base.h"

struct pare_error;
struct sink;

struct sink_ops {
    bool (*begin)(struct sink *sink, const char *name, int64_t size_bytes, struct pare_error *err);
    bool (*write)(struct sink *sink, const void *bytes, size_t length, struct pare_error *err);
    bool (*end)(struct sink *sink, struct pare_error *err);
    bool (*commit)(struct sink *sink, struct pare_error *err);
    void (*close)(struct sink *sink);                       /* frees the sink itself */
    bool (*cut)(struct sink *sink, struct pare_error *err); /* NULL: it makes no difference */
};

/* The head of every sink; an implementation's struct begins with it. */
struct sink {
    const struct sink_ops *ops;
    int64_t left_bytes; /* of the file that is open: promised and not yet written */
};

/* Files in `folder` ("." for here). `sync` waits for the disk before files appear. */
MUST_CHECK bool sink_open_folder(const char *folder, bool sync, struct sink **ret_sink,
                                 struct pare_error *err);

/*
 * The new folder `path`, with folders below it as the names want them. It appears as a whole; what
 * is there already must be empty.
 */
MUST_CHECK bool sink_open_new_folder(const char *path, bool sync, struct sink **ret_sink,
                                     struct pare_error *err);

/* Whether the two could, as far as can be told without making anything. */
MUST_CHECK bool sink_check_folder(const char *folder, struct pare_error *err);
MUST_CHECK bool sink_check_new_folder(const char *path, struct pare_error *err);

/* Throws bytes away and counts them. */
MUST_CHECK bool sink_open_nowhere(struct sink **ret_sink, struct pare_error *err);

void sink_close(struct sink *sink); /* NULL is fine */

MUST_CHECK bool sink_begin(struct sink *sink, const char *name, int64_t size_bytes,
                           struct pare_error *err);
/* More than was promised is a failure, and so is less at the end. */
MUST_CHECK bool sink_write(struct sink *sink, const void *bytes, size_t length,
                           struct pare_error *err);
/* The next byte begins or follows a large tensor: a sink that keeps chunks begins one there. */
MUST_CHECK bool sink_cut(struct sink *sink, struct pare_error *err);
MUST_CHECK bool sink_end(struct sink *sink, struct pare_error *err);
/* The files appear, in the order in which they were begun. */
MUST_CHECK bool sink_commit(struct sink *sink, struct pare_error *err);

#endif
