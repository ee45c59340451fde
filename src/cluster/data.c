/* SPDX-License-Identifier: MIT */
#include "cluster/data.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cluster/place.h"
#include "cluster/process.h"
#include "cluster/server.h"

enum { OUTPUT_MAX = 16 * 1024, SETTINGS_MAX = 4 * 1024, STARTUP_PROGRESS_SINCE = 15 };
enum { REMOVE_TRIES = 50, REMOVE_STEP_MS = 100 };

static const char NEW_DATA[] = "data.new.";

/* Run to the end; on failure the sentence carries the program's own last words. */
static bool run(const char *const argv[], const char *what, struct pare_error *err)
{
    struct buf output;
    buf_init(&output, OUTPUT_MAX);
    int code = 0;
    bool ok = process_run(argv, &output, &code, err);
    if (ok && code != 0) {
        char line[512];
        server_telling_line(buf_string(&output), output.length, line, sizeof(line));
        ok = error_set(err, PARE_ERR_IO, "%s: %s", what,
                       line[0] ? line : "the program ended without a word");
    }
    buf_done(&output);
    return ok;
}

/*
 * An orphan of a killed initdb may still write into the folder while it is removed: rm then finds it
 * not empty. It does not outlive that by long.
 */
static bool remove_folder(const char *path, struct pare_error *err)
{
    const char *argv[] = { "/bin/rm", "-rf", "--", path, NULL };
    const struct timespec step = { .tv_nsec = REMOVE_STEP_MS * 1000000L };
    bool ok = false;
    for (int tries = 0; !ok && tries < REMOVE_TRIES; tries++) {
        if (tries)
            nanosleep(&step, NULL);
        ok = run(argv, "cannot remove what an interrupted initdb left", err);
    }
    return ok;
}

/* What killed initdbs left. One may still run: it has a folder of its own, and loses it. */
static bool remove_leftovers(const struct cluster *cluster, struct pare_error *err)
{
    char path[CLUSTER_PATH_MAX + 256];
    DIR *folder = opendir(cluster->folder);
    if (!folder)
        return error_errno(err, "cannot open the folder %s", cluster->folder);
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(folder));) {
        if (strncmp(entry->d_name, NEW_DATA, strlen(NEW_DATA)) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", cluster->folder, entry->d_name);
        ok = remove_folder(path, err);
    }
    closedir(folder);
    return ok;
}

/*
 * Locale C: names sort by their bytes, the same on every machine, as strcmp() in pare sorts them,
 * and no update of libc's collations can break an index. What it costs: upper(), lower() and ILIKE
 * fold ASCII only.
 */
static bool run_initdb(const struct cluster *cluster, const struct binaries *binaries,
                       const char *folder, struct pare_error *err)
{
    char program[CLUSTER_PATH_MAX + 16], what[CLUSTER_PATH_MAX + 64];
    snprintf(program, sizeof(program), "%s/initdb", binaries->folder);
    snprintf(what, sizeof(what), "cannot make the private PostgreSQL in %s", cluster->folder);
    const char *argv[] = {
        program,
        "-D",
        folder,
        "-U",
        cluster->role,
        "--encoding",
        "UTF8",
        "--locale=C",
        "--data-checksums",
        "--auth-local=peer",
        "--auth-host=reject",
        "--no-instructions",
        NULL,
    };
    return run(argv, what, err);
}

static bool write_file(const char *folder, const char *name, const char *text,
                       struct pare_error *err)
{
    char path[CLUSTER_PATH_MAX + 64];
    struct file_out out;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!file_out_open(&out, path, err))
        return false;
    bool ok = file_out_write(&out, text, strlen(text), err) && file_out_commit(&out, err);
    file_out_done(&out);
    return ok;
}

static bool append_file(const char *folder, const char *name, const char *text,
                        struct pare_error *err)
{
    char path[CLUSTER_PATH_MAX + 64];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    CLEANUP(file_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return error_errno(err, "cannot open %s", path);
    if (!file_pwrite(fd, text, strlen(text), st.st_size, err))
        return error_prefix(err, "%s", path);
    return fsync(fd) == 0 || error_errno(err, "cannot write %s", path);
}

/* "name" as the server's configuration files quote it. */
static void put_quoted(struct buf *buf, const char *name)
{
    buf_char(buf, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_char(buf, '"');
        buf_char(buf, *name);
    }
    buf_char(buf, '"');
}

static void put_user(struct buf *buf, const char *system_user, const char *role)
{
    buf_text(buf, "pare ");
    put_quoted(buf, system_user);
    buf_char(buf, ' ');
    put_quoted(buf, role);
    buf_char(buf, '\n');
}

/*
 * Who comes in: the user who made the cluster, as the superuser of the same name; and the account
 * that runs the server, which owns the files anyhow, for the keeper, which counts the clients.
 */
static bool write_access(const struct cluster *cluster, const char *folder, struct pare_error *err)
{
    static const char hba[] =
        "# Written by pare: the socket only, and only whom pg_ident.conf names.\n"
        "local all         all peer map=pare\n"
        "local replication all peer map=pare\n";
    struct buf ident;
    buf_init(&ident, SETTINGS_MAX);
    buf_text(&ident, "# Written by pare: map, user of the machine, role of the database.\n");
    put_user(&ident, cluster->role, cluster->role);
    if (strcmp(cluster->account, cluster->role) != 0)
        put_user(&ident, cluster->account, cluster->role);
    bool ok = buf_ok(&ident, err) && write_file(folder, "pg_hba.conf", hba, err) &&
              write_file(folder, "pg_ident.conf", buf_string(&ident), err);
    buf_done(&ident);
    return ok;
}

/* max_wal_size bounds the recovery after a crash: 2 seconds at 1 GB, 43 at 8 GB. */
static bool write_settings(const struct binaries *binaries, const char *folder,
                           struct pare_error *err)
{
    static const char settings[] = "\n# Added by pare.\n"
                                   "max_wal_size = 1GB\n";
    if (!append_file(folder, "postgresql.conf", settings, err))
        return false;
    if (strtol(binaries->major, NULL, 10) < STARTUP_PROGRESS_SINCE)
        return true;
    return append_file(folder, "postgresql.conf", "log_startup_progress_interval = 2s\n", err);
}

static bool put_in_place(const struct cluster *cluster, const char *from, struct pare_error *err)
{
    char to[CLUSTER_PATH_MAX];
    place_path(cluster, "data", to);
    if (rename(from, to) != 0)
        return error_errno(err, "cannot put %s in place", to);
    CLEANUP(file_close) int fd = open(cluster->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)!fsync(fd);
    return true;
}

bool data_make(const struct cluster *cluster, const struct binaries *binaries,
               struct pare_error *err)
{
    char name[32], folder[CLUSTER_PATH_MAX];
    struct pare_error ignored;
    snprintf(name, sizeof(name), "%s%d", NEW_DATA, (int)getpid());
    place_path(cluster, name, folder);
    if (!remove_leftovers(cluster, err))
        return false;
    if (run_initdb(cluster, binaries, folder, err) && write_access(cluster, folder, err) &&
        write_settings(binaries, folder, err) && put_in_place(cluster, folder, err))
        return true;
    return remove_folder(folder, &ignored) ? false : error_prefix(err, "%s is left behind", folder);
}
