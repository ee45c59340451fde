/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum { READ_STEP = 256 * 1024, WALK_DEPTH_MAX = 32, WALK_FILES_MAX = 100000 };

void file_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* The file is put in place by its name, which would take a device's or a folder's away. */
static bool is_replaceable(const char *path, struct pare_error *err)
{
    struct stat st;
    return stat(path, &st) != 0 || S_ISREG(st.st_mode) ||
           error_set(err, PARE_ERR_USAGE,
                     "%s is %s, which is not written over; choose the name of a file", path,
                     S_ISDIR(st.st_mode) ? "a folder" : "a device, a pipe or a socket");
}

bool file_out_open(struct file_out *out, const char *path, struct pare_error *err)
{
    *out = (struct file_out){ .fd = -1, .sync = true };
    size_t length = strlen(path);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return error_set(err, PARE_ERR_IO, "cannot write %s: it is a folder", path);
    out->path = strdup(path);
    out->temporary = malloc(length + 16);
    if (!out->path || !out->temporary) {
        file_out_done(out);
        return error_no_memory(err, length);
    }
    out->temporary[0] = '\0';
    if (!is_replaceable(path, err)) {
        file_out_done(out);
        return false;
    }
    snprintf(out->temporary, length + 16, "%s.part-XXXXXX", path);
    out->fd = mkostemp(out->temporary, O_CLOEXEC);
    if (out->fd < 0) {
        error_errno(err, "cannot create %s", path);
        out->temporary[0] = '\0';
        file_out_done(out);
        return false;
    }
    mode_t mask = umask(0);
    umask(mask);
    (void)!fchmod(out->fd, 0666 & ~mask);
    return true;
}

bool file_out_reserve(struct file_out *out, int64_t size_bytes, struct pare_error *err)
{
    if (size_bytes <= 0 || fallocate(out->fd, 0, 0, size_bytes) == 0)
        return true;
    return (errno != ENOSPC && errno != EDQUOT && errno != EFBIG) ||
           error_errno(err, "cannot write %s", out->path);
}

bool file_out_write(struct file_out *out, const void *bytes, size_t length, struct pare_error *err)
{
    const char *from = bytes;
    while (length > 0) {
        ssize_t n = write(out->fd, from, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot write %s", out->path);
        from += n;
        length -= (size_t)n;
    }
    return true;
}

/* So that the new name survives a power cut too; a folder that cannot be synced is no failure. */
static void sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)MAX(slash - path, 1)) : strdup(".");
    CLEANUP(file_close) int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0)
        (void)!fsync(fd);
    free(folder);
}

bool file_out_settle(struct file_out *out, struct pare_error *err)
{
    if (out->fd < 0)
        return true;
    if (out->sync && fsync(out->fd) != 0)
        return error_errno(err, "cannot write %s", out->path);
    int fd = out->fd;
    out->fd = -1;
    return close(fd) == 0 || error_errno(err, "cannot write %s", out->path);
}

bool file_out_commit(struct file_out *out, struct pare_error *err)
{
    if (!file_out_settle(out, err))
        return false;
    if (rename(out->temporary, out->path) != 0)
        return error_errno(err, "cannot put %s in place", out->path);
    out->temporary[0] = '\0';
    if (out->sync)
        sync_folder_of(out->path);
    return true;
}

void file_out_done(struct file_out *out)
{
    if (out->temporary) {
        if (out->fd >= 0)
            close(out->fd);
        if (out->temporary[0])
            unlink(out->temporary);
    }
    free(out->path);
    free(out->temporary);
    *out = (struct file_out){ .fd = -1 };
}

bool file_pwrite(int fd, const void *bytes, size_t length, int64_t offset, struct pare_error *err)
{
    const char *from = bytes;
    while (length > 0) {
        ssize_t n = pwrite(fd, from, length, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot write at byte %lld", (long long)offset);
        from += n;
        offset += n;
        length -= (size_t)n;
    }
    return true;
}

bool file_pread(int fd, void *bytes, size_t length, int64_t offset, struct pare_error *err)
{
    char *to = bytes;
    while (length > 0) {
        ssize_t n = pread(fd, to, length, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read at byte %lld", (long long)offset);
        if (n == 0)
            return error_set(err, PARE_ERR_FORMAT, "the file ends at byte %lld, %zu bytes early",
                             (long long)offset, length);
        to += n;
        offset += n;
        length -= (size_t)n;
    }
    return true;
}

bool file_read(const char *path, struct buf *buf, struct pare_error *err)
{
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open %s", path);
    for (;;) {
        size_t before = buf->length;
        size_t step = MIN((size_t)READ_STEP, buf->ceiling - before);
        char *room = step ? buf_grow(buf, step) : NULL;
        char beyond;
        ssize_t n = read(fd, room ? room : &beyond, room ? step : 1);
        buf->length = before + (room && n > 0 ? (size_t)n : 0);
        if (buf->data)
            buf->data[buf->length] = '\0';
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read %s", path);
        if (n == 0)
            return buf_ok(buf, err) || error_prefix(err, "%s", path);
        if (!room)
            return error_set(err, PARE_ERR_FORMAT, "%s: larger than the limit of %zu bytes", path,
                             buf->ceiling);
    }
}

bool file_make_folders(const char *path, unsigned mode, struct pare_error *err)
{
    char *copy = strdup(path);
    if (!copy)
        return error_no_memory(err, strlen(path));
    bool ok = true;
    for (char *p = copy + 1; ok; p++) {
        char kept = *p;
        if (kept != '/' && kept != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            ok = error_errno(err, "cannot make the folder %s", copy);
        *p = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    return ok;
}

struct walk {
    struct arena *arena;
    const char **paths;
    size_t count, room;
};

static bool walk_add(struct walk *walk, const char *path, struct pare_error *err)
{
    if (walk->count == walk->room) {
        size_t room = walk->room ? 2 * walk->room : 64;
        if (room > 2 * WALK_FILES_MAX)
            return error_set(err, PARE_ERR_REFUSED, "more than %d files", WALK_FILES_MAX);
        const char **paths = arena_array(walk->arena, room, sizeof(*paths));
        if (!paths)
            return error_no_memory(err, room * sizeof(*paths));
        if (walk->count)
            memcpy(paths, walk->paths, walk->count * sizeof(*paths));
        walk->paths = paths;
        walk->room = room;
    }
    walk->paths[walk->count++] = path;
    return true;
}

static bool walk_folder(struct walk *walk, const char *folder, const char *prefix, int depth,
                        struct pare_error *err)
{
    if (depth > WALK_DEPTH_MAX)
        return error_set(err, PARE_ERR_REFUSED, "%s: folders nested deeper than %d", folder,
                         WALK_DEPTH_MAX);
    DIR *dir = opendir(folder);
    if (!dir)
        return error_errno(err, "cannot open the folder %s", folder);
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        char *full = arena_printf(walk->arena, "%s/%s", folder, entry->d_name);
        char *inner = arena_printf(walk->arena, "%s%s", prefix, entry->d_name);
        struct stat st, target;
        if (!full || !inner)
            ok = error_no_memory(err, 256);
        else if (lstat(full, &st) != 0 || stat(full, &target) != 0)
            ok = error_errno(err, "cannot read %s", full);
        else if (S_ISDIR(st.st_mode)) {
            char *next = arena_printf(walk->arena, "%s/", inner);
            ok = next ? walk_folder(walk, full, next, depth + 1, err) : error_no_memory(err, 256);
        } else if (S_ISREG(target.st_mode))
            ok = walk_add(walk, inner, err);
    }
    closedir(dir);
    return ok;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool file_walk(const char *folder, struct arena *arena, const char *const **ret_paths,
               size_t *ret_count, struct pare_error *err)
{
    struct walk walk = { .arena = arena };
    if (!walk_folder(&walk, folder, "", 0, err))
        return false;
    if (walk.count)
        qsort(walk.paths, walk.count, sizeof(*walk.paths), by_bytes);
    *ret_paths = walk.paths;
    *ret_count = walk.count;
    return true;
}
