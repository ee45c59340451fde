/* SPDX-License-Identifier: MIT */
/* A new folder that appears as a whole: filled under another name beside it, then renamed. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "format/sink.h"

enum { FOLDER_MODE = 0777, OPEN_FOLDERS = 16 };

struct new_folder {
    struct sink sink;
    struct arena arena;
    char *path, *temporary;
    struct sink *inner; /* into `temporary` */
    bool done;
};

static bool new_begin(struct sink *sink, const char *name, int64_t size_bytes,
                      struct pare_error *err)
{
    struct new_folder *folder = (struct new_folder *)sink;
    const char *slash = strrchr(name, '/');
    if (slash) {
        char *below =
            arena_printf(&folder->arena, "%s/%.*s", folder->temporary, (int)(slash - name), name);
        if (!below)
            return error_no_memory(err, strlen(name));
        if (!file_make_folders(below, FOLDER_MODE, err))
            return false;
    }
    return sink_begin(folder->inner, name, size_bytes, err);
}

static bool new_write(struct sink *sink, const void *bytes, size_t length, struct pare_error *err)
{
    return sink_write(((struct new_folder *)sink)->inner, bytes, length, err);
}

static bool new_end(struct sink *sink, struct pare_error *err)
{
    return sink_end(((struct new_folder *)sink)->inner, err);
}

/* mkdtemp() made it for one user alone; the mask decides, as for any folder. */
static bool open_to_others(const char *path, struct pare_error *err)
{
    mode_t mask = umask(0);
    umask(mask);
    return chmod(path, FOLDER_MODE & ~mask) == 0 || error_errno(err, "cannot open %s up", path);
}

static bool new_commit(struct sink *sink, struct pare_error *err)
{
    struct new_folder *folder = (struct new_folder *)sink;
    if (!sink_commit(folder->inner, err) || !open_to_others(folder->temporary, err))
        return false;
    if (rename(folder->temporary, folder->path) != 0)
        return error_errno(err, "cannot put the new folder at %s", folder->path);
    folder->done = true;
    return true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)!remove(path);
    return 0;
}

static void new_close(struct sink *sink)
{
    struct new_folder *folder = (struct new_folder *)sink;
    sink_close(folder->inner);
    if (!folder->done)
        nftw(folder->temporary, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    arena_done(&folder->arena);
    free(folder);
}

static bool is_empty(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;
    while (dir && count <= 2 && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return dir && count <= 2; /* . and .. */
}

static size_t without_slashes(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

/* Nothing, or an empty folder, which the rename replaces. */
static bool check_free(const char *path, struct pare_error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT || error_errno(err, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, PARE_ERR_REFUSED,
                         "%s is a file, and a folder makes a folder: name one that is not there",
                         path);
    return is_empty(path) ||
           error_set(err, PARE_ERR_REFUSED,
                     "the folder %s is there already and not empty; name a new one", path);
}

bool sink_check_folder(const char *folder, struct pare_error *err)
{
    struct stat st;
    if (stat(folder, &st) != 0)
        return error_errno(err, "cannot write into the folder %s", folder);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, PARE_ERR_IO, "%s is no folder", folder);
    return access(folder, W_OK | X_OK) == 0 ||
           error_errno(err, "cannot write into the folder %s", folder);
}

/* "a/b//" is in a, "b" in the folder at hand. */
bool sink_check_new_folder(const char *path, struct pare_error *err)
{
    struct arena arena = { 0 };
    size_t length = without_slashes(path), parent = length;
    while (parent > 0 && path[parent - 1] != '/')
        parent--;
    const char *self = arena_strndup(&arena, path, length);
    const char *above = parent ? arena_strndup(&arena, path, parent) : ".";
    bool ok = (self && above) || error_no_memory(err, length);
    ok = ok && check_free(self, err) && sink_check_folder(above, err);
    arena_done(&arena);
    return ok;
}

bool sink_open_new_folder(const char *path, bool sync, struct sink **ret_sink,
                          struct pare_error *err)
{
    static const struct sink_ops ops = {
        new_begin, new_write, new_end, new_commit, new_close, NULL
    };
    size_t length = without_slashes(path);
    struct new_folder *folder = calloc(1, sizeof(*folder));
    if (!folder)
        return error_no_memory(err, sizeof(*folder));
    folder->sink.ops = &ops;
    folder->done = true; /* nothing to remove yet */
    folder->path = arena_strndup(&folder->arena, path, length);
    folder->temporary = arena_printf(&folder->arena, "%.*s.pare-XXXXXX", (int)length, path);
    bool ok = (folder->path && folder->temporary) || error_no_memory(err, length);
    ok = ok && check_free(folder->path, err);
    if (ok && !mkdtemp(folder->temporary))
        ok = error_errno(err, "cannot make a folder beside %s", folder->path);
    folder->done = !ok;
    ok = ok && sink_open_folder(folder->temporary, sync, &folder->inner, err);
    if (ok)
        *ret_sink = &folder->sink;
    else
        new_close(&folder->sink);
    return ok;
}
