/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/progress.h"
#include "cli/visit.h"
#include "registry/artifact.h"
#include "registry/catalog.h"

enum { BEHIND_BYTES = 8 << 20 };

/* One file is written beside its place and renamed; a folder likewise, as a whole. */
struct target {
    const char *path;
    const char *folder; /* the temporary one; NULL for a single file */
    struct file_out file;
    struct progress progress;
    int64_t written, started; /* bytes of the file under way; those the disk was told to take */
};

static bool begin_file(void *data, const struct artifact_file *file, struct pare_error *err)
{
    struct target *t = data;
    char path[4096];
    t->written = t->started = 0;
    if (!t->folder)
        return file_out_open(&t->file, t->path, err);
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", t->folder, file->path) >= sizeof(path))
        return error_set(err, PARE_ERR_IO, "a path longer than %zu bytes: %.80s...", sizeof(path),
                         file->path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    if (!file_make_folders(path, 0777, err))
        return false;
    *slash = '/';
    return file_out_open(&t->file, path, err);
}

static bool write_bytes(void *data, const void *bytes, size_t length, struct pare_error *err)
{
    struct target *t = data;
    progress_add(&t->progress, (int64_t)length);
    if (!file_out_write(&t->file, bytes, length, err))
        return false;
    t->written += (int64_t)length;
    if (t->written - t->started < BEHIND_BYTES)
        return true;
    /* The disk works while more comes, so that the sync at the end is short. */
    (void)!sync_file_range(t->file.fd, t->started, t->written - t->started, SYNC_FILE_RANGE_WRITE);
    t->started = t->written;
    return true;
}

static bool end_file(void *data, const struct artifact_file *file, struct pare_error *err)
{
    struct target *t = data;
    (void)file;
    /* A single file is put in place only after the whole has been checked. */
    if (!t->folder)
        return true;
    bool ok = file_out_commit(&t->file, err);
    file_out_done(&t->file);
    return ok;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    (void)!remove(path);
    return 0;
}

static void remove_folder(const char *folder)
{
    (void)!nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool make_target(const char *path, bool folder, struct arena *arena, struct target *target,
                        struct pare_error *err)
{
    struct stat st;
    target->path = path;
    target->file.fd = -1;
    if (!folder) {
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            return error_set(err, PARE_ERR_USAGE, "-o %s is a folder, the version is one file",
                             path);
        return true;
    }
    if (lstat(path, &st) == 0)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s is there already; the version is a folder and would replace "
                         "it",
                         path);
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    char *temporary = arena_printf(arena, "%.*s.part-XXXXXX", (int)length, path);
    if (!temporary)
        return error_no_memory(err, strlen(path));
    if (!mkdtemp(temporary))
        return error_errno(err, "cannot make the folder %s", path);
    target->folder = temporary;
    return true;
}

static bool put_in_place(struct target *target, struct pare_error *err)
{
    if (!target->folder)
        return file_out_commit(&target->file, err);
    chmod(target->folder, 0755);
    if (rename(target->folder, target->path) != 0)
        return error_errno(err, "cannot put %s in place", target->path);
    target->folder = NULL;
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct version version;
    struct artifact artifact;
    struct target target = { .file.fd = -1 };
    char sha256[DIGEST_HEX], size[32];
    if (!cli_has(cli, "o"))
        return error_set(err, PARE_ERR_USAGE, "export wants -o PATH");
    if (!visit_open(cli, &visit, err) ||
        !visit_find_operand(cli, &visit, 0, &cli->arena, &version, err) ||
        !artifact_get(&visit.registry, &version, &cli->arena, &artifact, err))
        return false;
    if (cli_has(cli, "changed-too")) {
        artifact.sha256 = NULL;
        for (size_t i = 0; i < artifact.file_count; i++)
            artifact.files[i].sha256 = NULL;
    }
    if (!make_target(cli_option(cli, "o"), artifact.folder, &cli->arena, &target, err))
        return false;
    struct artifact_sink sink = { begin_file, write_bytes, end_file, &target };
    progress_init(&target.progress, "exporting", artifact.size_bytes);
    bool ok = artifact_read(&visit.registry, &artifact, &sink, sha256, err);
    progress_done(&target.progress);
    ok =
        ok ? put_in_place(&target, err) : error_prefix(err, "%s:%s", version.name, version.version);
    file_out_done(&target.file);
    if (target.folder)
        remove_folder(target.folder);
    if (!ok)
        return false;
    text_size(artifact.size_bytes, size, sizeof(size));
    cli_say("exported %s:%s to %s (%s, sha256 %.16s..., %s)", version.name, version.version,
            target.path, size, sha256, artifact.sha256 ? "as recorded" : "none on record");
    return true;
}

static const struct option_spec options[] = {
    { "o", "PATH", "where to; a version of many files becomes a folder" },
    { "changed-too", NULL, "also bytes that were changed outside pare since they were stored" },
    { "name", "N", "instead of REF, with --version" },
    { "version", "V", "instead of REF, with --name" },
    { NULL, NULL, NULL },
};

const struct command command_export = {
    .name = "export",
    .operands = "REF",
    .summary = "write a version's bytes to a file or folder, checked",
    .options = options,
    .operands_max = 1,
    .run = run,
};
