/* SPDX-License-Identifier: MIT */
#include "jobs/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "format/source.h"
#include "jobs/job.h"
#include "registry/artifact.h"
#include "registry/version.h"

enum { PATH_ROOM = 4096, DEPTH_MAX = 8 };

/* Below one's own folder only: nothing here follows a link. */
static void remove_tree(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        unlinkat(parent, name, 0);
        return;
    }
    for (struct dirent *entry; depth < DEPTH_MAX && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_tree(dirfd(dir), entry->d_name, depth + 1);
    closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* Folders that nobody holds the lock of any more. */
static void sweep(const char *parent)
{
    DIR *dir = opendir(parent);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, "job-", 4) != 0)
            continue;
        CLEANUP(file_close)
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_tree(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

/* The user's own folder: 0700 and nobody else's, or it is not used. */
static bool own_folder(char *path, size_t room, struct pare_error *err)
{
    const char *base = getenv("TMPDIR");
    struct stat st;
    if (!base || base[0] != '/')
        base = "/tmp";
    if ((size_t)snprintf(path, room, "%s/pare-%u", base, (unsigned)geteuid()) >= room)
        return error_set(err, PARE_ERR_IO, "TMPDIR is longer than %zu bytes", room);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_errno(err, "cannot make the folder %s", path);
    if (lstat(path, &st) != 0)
        return error_errno(err, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s is not a folder of yours alone; remove it or set TMPDIR",
                         path);
    return true;
}

bool spool_open(struct spool *spool, struct pare_error *err)
{
    char parent[PATH_ROOM / 16];
    *spool = (struct spool){ .lock = -1 };
    if (!own_folder(parent, sizeof(parent), err))
        return false;
    /* One at a time: nobody sweeps a folder away between its making and its lock. */
    CLEANUP(file_close) int turn = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (turn < 0 || flock(turn, LOCK_EX) != 0)
        return error_errno(err, "cannot lock %s", parent);
    sweep(parent);
    snprintf(spool->path, sizeof(spool->path), "%s/job-XXXXXX", parent);
    if (!mkdtemp(spool->path))
        return error_errno(err, "cannot make a folder in %s", parent);
    spool->lock = open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->lock < 0 || flock(spool->lock, LOCK_EX | LOCK_NB) != 0) {
        error_errno(err, "cannot lock %s", spool->path);
        spool_close(spool);
        return false;
    }
    return true;
}

void spool_close(struct spool *spool)
{
    if (spool->path[0])
        remove_tree(AT_FDCWD, spool->path, 0);
    file_close(&spool->lock);
    *spool = (struct spool){ .lock = -1 };
}

/* ---- files out of the registry ---- */

struct writing {
    struct job_run *run;
    const char *folder;
    struct file_out file;
    int64_t done_bytes, total_bytes;
};

static bool begin_file(void *data, const struct artifact_file *file, struct pare_error *err)
{
    struct writing *w = data;
    char path[PATH_ROOM];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", w->folder, file->path) >= sizeof(path))
        return error_set(err, PARE_ERR_IO, "a path longer than %zu bytes", sizeof(path));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    if (!file_make_folders(path, 0700, err))
        return false;
    *slash = '/';
    bool ok = file_out_open(&w->file, path, err);
    w->file.sync = false;
    return ok;
}

static bool write_bytes(void *data, const void *bytes, size_t length, struct pare_error *err)
{
    struct writing *w = data;
    w->done_bytes += (int64_t)length;
    if (!job_tell(w->run,
                  w->run->reading_share * (double)w->done_bytes / (double)MAX(w->total_bytes, 1),
                  "reading"))
        return error_set(err, PARE_ERR_INTERRUPTED, "cancelled");
    return file_out_write(&w->file, bytes, length, err);
}

static bool end_file(void *data, const struct artifact_file *file, struct pare_error *err)
{
    struct writing *w = data;
    (void)file;
    bool ok = file_out_commit(&w->file, err);
    file_out_done(&w->file);
    return ok;
}

/* How surely a file of the artifact is what its model begins with: a graph names its other files. */
static int main_weight(const char *path)
{
    const char *suffix = strrchr(path, '.');
    enum source_main kind = source_main(path);
    return kind == SOURCE_MAIN_KNOWN || (suffix && !strcmp(suffix, ".onnx")) ? 2
           : kind == SOURCE_MAIN_LIKELY                                      ? 1
                                                                             : 0;
}

/* What the engine opens: the model's file, or the folder of a checkpoint as a whole. */
static const char *main_path(const struct artifact *artifact, const char *folder,
                             struct arena *arena)
{
    const struct artifact_file *file = &artifact->files[0];
    for (size_t i = 1; i < artifact->file_count; i++)
        if (main_weight(artifact->files[i].path) > main_weight(file->path))
            file = &artifact->files[i];
    const char *suffix = strrchr(file->path, '.');
    bool graph = suffix && !strcmp(suffix, ".onnx");
    return artifact->folder && !graph && main_weight(file->path)
               ? folder
               : arena_printf(arena, "%s/%s", folder, file->path);
}

static bool write_artifact(struct job_run *run, const struct artifact *artifact, const char *name,
                           struct arena *arena, struct spooled *ret_spooled, struct pare_error *err)
{
    struct writing w = { .run = run, .total_bytes = artifact->size_bytes, .file.fd = -1 };
    struct spooled spooled = { .folder = artifact->folder || artifact->file_count != 1 };
    w.folder = arena_printf(arena, "%s/%s", run->spool, name);
    spooled.path = w.folder ? main_path(artifact, w.folder, arena) : NULL;
    if (!w.folder || !spooled.path)
        return error_no_memory(err, PATH_ROOM);
    struct artifact_sink sink = { begin_file, write_bytes, end_file, &w };
    bool ok = artifact_read(run->registry, artifact, &sink, spooled.sha256, err);
    file_out_done(&w.file);
    if (ok)
        *ret_spooled = spooled;
    return ok;
}

bool spool_version(struct job_run *run, const struct version *version, const char *name,
                   struct arena *arena, struct spooled *ret_spooled, struct pare_error *err)
{
    struct artifact artifact;
    if (!artifact_get(run->registry, version, arena, &artifact, err))
        return err->code == PARE_ERR_NOT_FOUND /* names the version itself */
                   ? false
                   : error_prefix(err, "%s:%s", version->name, version->version);
    return write_artifact(run, &artifact, name, arena, ret_spooled, err) ||
           error_prefix(err, "%s:%s", version->name, version->version);
}

bool spool_artifact(struct job_run *run, int64_t artifact_id, const char *name, struct arena *arena,
                    struct spooled *ret_spooled, struct pare_error *err)
{
    struct artifact artifact;
    return artifact_get_kept(run->registry, artifact_id, arena, &artifact, err) &&
           write_artifact(run, &artifact, name, arena, ret_spooled, err);
}
