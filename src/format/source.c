/* SPDX-License-Identifier: MIT */
#include "format/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

enum { NAME_MAX_BYTES = 1024 };

bool source_name_ok(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX_BYTES || strchr(name, '\\'))
        return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/' && part != name;
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && !strncmp(part, "..", 2)))
            return false;
    }
    return true;
}

/* ---- what all sources share ---- */

static bool add_file(struct source *source, const char *name, int64_t **ret_size,
                     struct pare_error *err)
{
    if (source->file_count == SOURCE_FILES_MAX)
        return error_set(err, PARE_ERR_REFUSED, "a model of more than %d files", SOURCE_FILES_MAX);
    size_t bytes = (source->file_count + 1) * sizeof(*source->files);
    struct source_file *files = realloc(source->files, bytes);
    if (files)
        source->files = files;
    char *copy = files ? strdup(name) : NULL;
    if (!copy)
        return error_no_memory(err, bytes);
    files[source->file_count] = (struct source_file){ .name = copy };
    *ret_size = &files[source->file_count].size_bytes;
    return true;
}

bool source_file(struct source *source, const char *name, size_t *ret_file, struct pare_error *err)
{
    for (size_t i = 0; i < source->file_count; i++)
        if (!strcmp(source->files[i].name, name)) {
            *ret_file = i;
            return true;
        }
    if (!source_name_ok(name))
        return error_set(err, PARE_ERR_FORMAT,
                         "the file name \"%.200s\" is not a plain path below the model's folder",
                         name);
    int64_t *size = NULL;
    if (!add_file(source, name, &size, err))
        return false;
    if (!source->ops->open(source, name, source->file_count, size, err)) {
        free(source->files[source->file_count].name);
        return false;
    }
    *ret_file = source->file_count++;
    return true;
}

bool source_read(struct source *source, size_t file, int64_t offset, void *to, size_t length,
                 struct pare_error *err)
{
    const struct source_file *f = &source->files[file];
    if (offset < 0 || offset > f->size_bytes || (int64_t)length > f->size_bytes - offset)
        return error_set(err, PARE_ERR_FORMAT, "%s: %zu bytes at %lld were asked for, it has %lld",
                         f->name, length, (long long)offset, (long long)f->size_bytes);
    return length == 0 || source->ops->read(source, file, offset, to, length, err) ||
           error_prefix(err, "%s", f->name);
}

bool source_is_path(const struct source *source, const char *path)
{
    return source->ops->is_path && source->ops->is_path(source, path);
}

void source_close(struct source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->file_count; i++)
        free(source->files[i].name);
    free(source->files);
    source->ops->close(source);
}

/* ---- a folder on disk ---- */

struct folder {
    struct source source;
    int fd; /* of the folder */
    char *path;
    char *real[2]; /* where it is, and where its main file is if that is a link; or NULL */
    char *main_name;
    int *files; /* descriptors, by number */
    size_t file_count;
};

/* NULL: there is no such file, or memory ended. */
static char *real_path(const char *folder, const char *name)
{
    struct arena arena = { 0 };
    char *path = arena_printf(&arena, "%s/%s", folder, name);
    char *real = path ? realpath(path, NULL) : NULL;
    arena_done(&arena);
    return real;
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = folder ? strlen(folder) : 0;
    return n > 0 && !strncmp(path, folder, n) && (path[n] == '/' || folder[n - 1] == '/');
}

/*
 * A downloaded folder must not take in any file of this machine by way of a link. The folder where
 * the main file really is counts too: a cache has links to both there. ONNX Runtime's rule.
 */
static bool check_inside(const struct folder *folder, const char *name, struct pare_error *err)
{
    if (!strcmp(name, folder->main_name))
        return true;
    char *real = real_path(folder->path, name);
    if (!real)
        return error_set(err, PARE_ERR_IO, "cannot find out where %s really is", name);
    bool inside = is_below(real, folder->real[0]) || is_below(real, folder->real[1]);
    if (!inside)
        error_set(err, PARE_ERR_FORMAT,
                  "%s is a link that leads out of the model's folder, to %.300s; put the file "
                  "itself there",
                  name, real);
    free(real);
    return inside;
}

static bool folder_open(struct source *source, const char *name, size_t file,
                        int64_t *ret_size_bytes, struct pare_error *err)
{
    struct folder *folder = (struct folder *)source;
    int *files = realloc(folder->files, (file + 1) * sizeof(*files));
    if (!files)
        return error_no_memory(err, (file + 1) * sizeof(*files));
    folder->files = files;
    /* A pipe must not block the open: it is refused below. */
    int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return error_set(err, PARE_ERR_NOT_FOUND, "there is no file %s", name);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(err, "cannot open %s", name);
        file_close(&fd);
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return error_set(err, PARE_ERR_FORMAT, "%s is %s, a regular file was expected", name,
                         S_ISDIR(st.st_mode) ? "a folder" : "a device or a pipe");
    }
    if (!check_inside(folder, name, err)) {
        close(fd);
        return false;
    }
    folder->files[file] = fd;
    folder->file_count = file + 1;
    *ret_size_bytes = st.st_size;
    return true;
}

static bool folder_read(struct source *source, size_t file, int64_t offset, void *to, size_t length,
                        struct pare_error *err)
{
    return file_pread(((struct folder *)source)->files[file], to, length, offset, err);
}

static bool folder_list(const struct source *source, struct arena *arena,
                        const char *const **ret_names, size_t *ret_count, struct pare_error *err)
{
    return file_walk(((const struct folder *)source)->path, arena, ret_names, ret_count, err);
}

static bool folder_is_path(const struct source *source, const char *path)
{
    const struct folder *folder = (const struct folder *)source;
    struct stat there, here;
    if (stat(path, &there) != 0)
        return false;
    for (size_t i = 0; i < folder->file_count; i++)
        if (fstat(folder->files[i], &here) == 0 && here.st_dev == there.st_dev &&
            here.st_ino == there.st_ino)
            return true;
    return false;
}

static void folder_close(struct source *source)
{
    struct folder *folder = (struct folder *)source;
    for (size_t i = 0; i < folder->file_count; i++)
        close(folder->files[i]);
    file_close(&folder->fd);
    free(folder->files);
    free(folder->main_name);
    free(folder->path);
    free(folder->real[0]);
    free(folder->real[1]);
    free(folder);
}

/* Without memory there is none, and then no file is inside. */
static void find_real(struct folder *folder)
{
    folder->real[0] = realpath(folder->path, NULL);
    folder->real[1] = real_path(folder->path, folder->main_name);
    if (folder->real[1])
        *strrchr(folder->real[1], '/') = '\0';
}

/* `parent` is taken over. */
static bool open_folder(char *parent, const char *name, struct source **ret_source,
                        struct pare_error *err)
{
    static const struct source_ops ops = {
        .open = folder_open,
        .read = folder_read,
        .is_path = folder_is_path,
        .close = folder_close,
        .read_by_many = true,
        .list = folder_list,
    };
    struct folder *folder = calloc(1, sizeof(*folder));
    if (folder)
        *folder = (struct folder){
            .source.ops = &ops, .fd = -1, .main_name = strdup(name), .path = parent
        };
    bool ok = folder && parent && folder->main_name;
    if (!ok)
        error_no_memory(err, sizeof(*folder));
    if (ok) {
        folder->source.main_name = folder->main_name;
        folder->fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ok = folder->fd >= 0;
        if (!ok && errno == ENOENT)
            error_set(err, PARE_ERR_NOT_FOUND, "there is no folder %s", parent);
        else if (!ok)
            error_errno(err, "cannot open the folder %s", parent);
    }
    if (ok) {
        find_real(folder);
        *ret_source = &folder->source;
    } else if (folder) {
        folder_close(&folder->source);
    } else {
        free(parent);
    }
    return ok;
}

static bool open_whole(const char *path, struct source **ret_source, struct pare_error *err)
{
    struct arena arena = { 0 };
    const char *name;
    bool ok = source_find_main(path, &arena, &name, err) &&
              open_folder(strdup(path), name, ret_source, err);
    arena_done(&arena);
    if (ok)
        (*ret_source)->is_folder = true;
    return ok;
}

bool source_open_path(const char *path, struct source **ret_source, struct pare_error *err)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return open_whole(path, ret_source, err);
    if (!*name || !source_name_ok(name))
        return error_set(err, PARE_ERR_USAGE, "\"%.200s\" does not name a file", path);
    char *parent = slash ? strndup(path, (size_t)MAX(slash - path, 1)) : strdup(".");
    return open_folder(parent, name, ret_source, err);
}

/* ---- memory ---- */

struct memory {
    struct source source;
    char *name;
    const char *bytes;
    size_t length;
};

static bool memory_open(struct source *source, const char *name, size_t file,
                        int64_t *ret_size_bytes, struct pare_error *err)
{
    const struct memory *memory = (const struct memory *)source;
    if (file != 0 || strcmp(name, memory->name) != 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "there is no file %s", name);
    *ret_size_bytes = (int64_t)memory->length;
    return true;
}

static bool memory_read(struct source *source, size_t file, int64_t offset, void *to, size_t length,
                        struct pare_error *err)
{
    (void)file;
    (void)err;
    memcpy(to, ((const struct memory *)source)->bytes + offset, length);
    return true;
}

static void memory_close(struct source *source)
{
    free(((struct memory *)source)->name);
    free(source);
}

bool source_open_memory(const char *name, const void *bytes, size_t length,
                        struct source **ret_source, struct pare_error *err)
{
    static const struct source_ops ops = {
        .open = memory_open,
        .read = memory_read,
        .close = memory_close,
        .read_by_many = true,
    };
    struct memory *memory = calloc(1, sizeof(*memory));
    char *copy = strdup(name);
    if (!memory || !copy) {
        free(memory);
        free(copy);
        return error_no_memory(err, sizeof(*memory));
    }
    *memory = (struct memory){
        .source = { .ops = &ops, .main_name = copy }, .name = copy, .bytes = bytes, .length = length
    };
    *ret_source = &memory->source;
    return true;
}
