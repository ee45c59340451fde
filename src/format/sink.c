/* SPDX-License-Identifier: MIT */
#include "format/sink.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

bool sink_begin(struct sink *sink, const char *name, int64_t size_bytes, struct pare_error *err)
{
    sink->left_bytes = size_bytes;
    return sink->ops->begin(sink, name, size_bytes, err);
}

bool sink_write(struct sink *sink, const void *bytes, size_t length, struct pare_error *err)
{
    if (length > (uint64_t)sink->left_bytes)
        return error_set(err, PARE_ERR_FAILED, "the output has more bytes than were planned");
    sink->left_bytes -= (int64_t)length;
    return sink->ops->write(sink, bytes, length, err);
}

bool sink_cut(struct sink *sink, struct pare_error *err)
{
    return !sink->ops->cut || sink->ops->cut(sink, err);
}

bool sink_end(struct sink *sink, struct pare_error *err)
{
    if (sink->left_bytes != 0)
        return error_set(err, PARE_ERR_FAILED, "the output has %lld bytes less than were planned",
                         (long long)sink->left_bytes);
    return sink->ops->end(sink, err);
}

bool sink_commit(struct sink *sink, struct pare_error *err)
{
    return sink->ops->commit(sink, err);
}

void sink_close(struct sink *sink)
{
    if (sink)
        sink->ops->close(sink);
}

/* ---- a folder on disk ---- */

struct folder {
    struct sink sink;
    char *path;
    bool sync;
    struct file_out *files;
    size_t file_count;
};

static bool folder_begin(struct sink *sink, const char *name, int64_t size_bytes,
                         struct pare_error *err)
{
    struct folder *folder = (struct folder *)sink;
    struct file_out *files = realloc(folder->files, (folder->file_count + 1) * sizeof(*files));
    if (!files)
        return error_no_memory(err, (folder->file_count + 1) * sizeof(*files));
    folder->files = files;
    size_t room = strlen(folder->path) + strlen(name) + 2;
    char *path = malloc(room);
    if (!path)
        return error_no_memory(err, room);
    bool here = !strcmp(folder->path, ".");
    snprintf(path, room, "%s%s%s", here ? "" : folder->path, here ? "" : "/", name);
    struct file_out *out = &folder->files[folder->file_count];
    bool ok = file_out_open(out, path, err);
    free(path);
    if (!ok)
        return false;
    out->sync = folder->sync;
    folder->file_count++;
    return file_out_reserve(out, size_bytes, err);
}

static bool folder_write(struct sink *sink, const void *bytes, size_t length,
                         struct pare_error *err)
{
    struct folder *folder = (struct folder *)sink;
    return file_out_write(&folder->files[folder->file_count - 1], bytes, length, err);
}

static bool folder_end(struct sink *sink, struct pare_error *err)
{
    (void)sink;
    (void)err;
    return true;
}

static bool put_in_place(struct folder *folder, struct pare_error *err)
{
    for (size_t i = 0; i < folder->file_count; i++)
        if (!file_out_commit(&folder->files[i], err))
            return false;
    return true;
}

/*
 * Two files cannot be replaced at once. So that no main file is ever seen with another one's
 * values, an old one steps aside first, and comes back if its successor cannot take its place.
 */
static bool replace_all(struct folder *folder, struct pare_error *err)
{
    const char *path = folder->files[folder->file_count - 1].path;
    size_t room = strlen(path) + 16;
    char *aside = malloc(room);
    if (!aside)
        return error_no_memory(err, room);
    snprintf(aside, room, "%s.old-XXXXXX", path);
    int fd = mkostemp(aside, O_CLOEXEC);
    file_close(&fd);
    bool moved = fd >= 0 && rename(path, aside) == 0;
    bool ok = put_in_place(folder, err);
    if (moved && !ok)
        (void)!rename(aside, path);
    else if (fd >= 0)
        unlink(aside);
    free(aside);
    return ok;
}

static bool folder_commit(struct sink *sink, struct pare_error *err)
{
    struct folder *folder = (struct folder *)sink;
    for (size_t i = 0; i < folder->file_count; i++)
        if (!file_out_settle(&folder->files[i], err))
            return false;
    return folder->file_count > 1 ? replace_all(folder, err) : put_in_place(folder, err);
}

static void folder_close(struct sink *sink)
{
    struct folder *folder = (struct folder *)sink;
    for (size_t i = 0; i < folder->file_count; i++)
        file_out_done(&folder->files[i]);
    free(folder->files);
    free(folder->path);
    free(folder);
}

bool sink_open_folder(const char *path, bool sync, struct sink **ret_sink, struct pare_error *err)
{
    static const struct sink_ops ops = { folder_begin,  folder_write, folder_end,
                                         folder_commit, folder_close, NULL };
    struct folder *folder = calloc(1, sizeof(*folder));
    char *copy = strdup(path);
    if (!folder || !copy) {
        free(folder);
        free(copy);
        return error_no_memory(err, sizeof(*folder));
    }
    folder->sink.ops = &ops;
    folder->path = copy;
    folder->sync = sync;
    *ret_sink = &folder->sink;
    return true;
}

/* ---- nowhere ---- */

static bool nowhere_begin(struct sink *sink, const char *name, int64_t size_bytes,
                          struct pare_error *err)
{
    (void)sink;
    (void)name;
    (void)size_bytes;
    (void)err;
    return true;
}

static bool nowhere_write(struct sink *sink, const void *bytes, size_t length,
                          struct pare_error *err)
{
    (void)sink;
    (void)bytes;
    (void)length;
    (void)err;
    return true;
}

static bool nowhere_end(struct sink *sink, struct pare_error *err)
{
    (void)sink;
    (void)err;
    return true;
}

static void nowhere_close(struct sink *sink)
{
    free(sink);
}

bool sink_open_nowhere(struct sink **ret_sink, struct pare_error *err)
{
    static const struct sink_ops ops = { nowhere_begin, nowhere_write, nowhere_end,
                                         nowhere_end,   nowhere_close, NULL };
    struct sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return error_no_memory(err, sizeof(*sink));
    sink->ops = &ops;
    *ret_sink = sink;
    return true;
}
