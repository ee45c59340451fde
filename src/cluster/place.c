/* SPDX-License-Identifier: MIT */
#include "cluster/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

enum { PASSWD_ROOM = 16 * 1024, IDLE_SECONDS = 60, IDLE_SECONDS_MAX = 365 * 24 * 3600 };

static const char ROOTS_ACCOUNT[] = "postgres";
static const char ROOTS_FOLDER[] = "/var/lib/pare";

void place_path(const struct cluster *cluster, const char *name, char ret_path[CLUSTER_PATH_MAX])
{
    snprintf(ret_path, CLUSTER_PATH_MAX, "%s/%s", cluster->folder, name);
}

bool place_read(const char *path, char *to, size_t room)
{
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    while (length < room - 1) {
        ssize_t n = read(fd, to + length, room - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    to[length] = '\0';
    return true;
}

void place_data_major(const struct cluster *cluster, char ret_major[16])
{
    char path[CLUSTER_PATH_MAX], text[16];
    place_path(cluster, "data/PG_VERSION", path);
    ret_major[0] = '\0';
    if (!place_read(path, text, sizeof(text)))
        return;
    text[strcspn(text, "\r\n")] = '\0';
    text_clean(text, strlen(text), ret_major, 16);
    if (ret_major[0] == '\0')
        snprintf(ret_major, 16, "?"); /* an empty file: some data that no server will take */
}

/* ---- who ---- */

static bool copy_name(const char *name, char to[CLUSTER_NAME_MAX], struct pare_error *err)
{
    if (strlen(name) >= CLUSTER_NAME_MAX || name[0] == '/' || !text_is_clean(name, strlen(name)))
        return error_set(err, PARE_ERR_REFUSED,
                         "the user name \"%s\" cannot be a database role: name a database with "
                         "--db or PARE_DB",
                         name);
    snprintf(to, CLUSTER_NAME_MAX, "%s", name);
    return true;
}

/* The caller's name and home. */
static bool find_caller(struct cluster *cluster, char home[CLUSTER_PATH_MAX],
                        struct pare_error *err)
{
    struct passwd entry, *found = NULL;
    char room[PASSWD_ROOM];
    uid_t uid = geteuid();
    if (getpwuid_r(uid, &entry, room, sizeof(room), &found) != 0 || !found)
        return error_set(err, PARE_ERR_NO_DATABASE,
                         "the user id %u has no name on this machine, and the private PostgreSQL "
                         "knows its user by name: name a database with --db or PARE_DB",
                         (unsigned)uid);
    cluster->account_uid = uid;
    cluster->account_gid = getegid();
    const char *from = getenv("HOME");
    snprintf(home, CLUSTER_PATH_MAX, "%s", from && from[0] == '/' ? from : found->pw_dir);
    return copy_name(found->pw_name, cluster->role, err) &&
           copy_name(found->pw_name, cluster->account, err);
}

static bool find_roots_account(struct cluster *cluster, struct pare_error *err)
{
    struct passwd entry, *found = NULL;
    char room[PASSWD_ROOM];
    if (getpwnam_r(ROOTS_ACCOUNT, &entry, room, sizeof(room), &found) != 0 || !found)
        return error_set(err, PARE_ERR_NO_DATABASE,
                         "PostgreSQL does not run as root and this machine has no user %s to run "
                         "it: install PostgreSQL (its package makes the user), run pare as another "
                         "user, or name a database with --db",
                         ROOTS_ACCOUNT);
    cluster->account_uid = found->pw_uid;
    cluster->account_gid = found->pw_gid;
    return copy_name(found->pw_name, cluster->account, err);
}

/* ---- where ---- */

static void path_hash(const char *path, char ret_hash[17])
{
    unsigned char sum[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    digest_of(path, strlen(path), sum);
    digest_hex(sum, hex);
    snprintf(ret_hash, 17, "%.16s", hex);
}

static bool may_enter(const struct cluster *cluster, const char *folder)
{
    struct stat st;
    if (stat(folder, &st) != 0)
        return false;
    if (st.st_uid == cluster->account_uid)
        return st.st_mode & S_IXUSR;
    return st.st_mode & (st.st_gid == cluster->account_gid ? S_IXGRP : S_IXOTH);
}

/* Cut the last part of an absolute path off; "/" stays. */
static void cut_to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    slash[slash == path] = '\0';
}

/*
 * Whether the account gets to the folder's parent, or to the deepest one that exists. By the mode
 * bits: the account has no other group here, and where an access list knows better the folder
 * under /var/lib/pare serves as well.
 */
static bool account_reaches(const struct cluster *cluster, const char *folder)
{
    char parent[CLUSTER_PATH_MAX * 2], real[PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", folder);
    do
        cut_to_parent(parent);
    while (!realpath(parent, real) && errno == ENOENT && parent[1]);
    if (!realpath(parent, real))
        return false;
    for (; real[1]; cut_to_parent(real))
        if (!may_enter(cluster, real))
            return false;
    return may_enter(cluster, "/");
}

static bool find_folder(struct cluster *cluster, const char *home, struct pare_error *err)
{
    char wanted[CLUSTER_PATH_MAX * 2];
    const char *data_home = getenv("XDG_DATA_HOME"); /* the standard: ignored unless absolute */
    if (data_home && data_home[0] == '/')
        snprintf(wanted, sizeof(wanted), "%s/pare/cluster", data_home);
    else
        snprintf(wanted, sizeof(wanted), "%s/.local/share/pare/cluster", home);
    if (wanted[0] != '/' || strlen(wanted) >= CLUSTER_FOLDER_MAX)
        return error_set(err, PARE_ERR_NO_DATABASE,
                         "the private PostgreSQL needs a home folder whose path is absolute and "
                         "shorter than %d bytes: set XDG_DATA_HOME",
                         CLUSTER_FOLDER_MAX - 32);
    char hash[17];
    path_hash(wanted, hash);
    if (geteuid() == 0 && !account_reaches(cluster, wanted))
        snprintf(cluster->folder, sizeof(cluster->folder), "%s/%s", ROOTS_FOLDER, hash);
    else
        memcpy(cluster->folder, wanted, strlen(wanted) + 1);
    return true;
}

/* Not somebody else's. Root's own is one that root is about to hand to the account. */
static bool check_owner(const struct cluster *cluster, struct pare_error *err)
{
    struct stat st;
    if (stat(cluster->folder, &st) != 0)
        return errno == ENOENT || error_errno(err, "cannot look at %s", cluster->folder);
    if (st.st_uid == cluster->account_uid || (geteuid() == 0 && st.st_uid == 0))
        return true;
    return error_set(err, PARE_ERR_REFUSED,
                     "the private PostgreSQL in %s belongs to user id %u, not to %s: run pare as "
                     "that user, or set XDG_DATA_HOME or HOME to a folder of your own",
                     cluster->folder, (unsigned)st.st_uid, cluster->account);
}

/* libpq takes a comma for the end of a host, and the server's list quotes with ". */
bool place_fits_socket(const char *folder)
{
    size_t length = strlen(folder);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)folder[i] < ' ' || strchr(",\"'\\\177", folder[i]))
            return false;
    return length < CLUSTER_SOCKET_MAX;
}

/* In the folder, else in the session's runtime folder, else in /tmp; root's in /var/lib/pare. */
static void find_socket_folder(struct cluster *cluster)
{
    char hash[17], path[CLUSTER_PATH_MAX];
    path_hash(cluster->folder, hash);
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct stat st;
    snprintf(path, sizeof(path), "%s", cluster->folder);
    if (!place_fits_socket(path)) {
        bool usable = runtime && runtime[0] == '/' && stat(runtime, &st) == 0 &&
                      st.st_uid == geteuid() && S_ISDIR(st.st_mode);
        if (geteuid() == 0)
            snprintf(path, sizeof(path), "%s/%s", ROOTS_FOLDER, hash);
        else if (usable)
            snprintf(path, sizeof(path), "%s/pare-%s", runtime, hash);
    }
    if (place_fits_socket(path))
        memcpy(cluster->socket_folder, path, strlen(path) + 1);
    else
        snprintf(cluster->socket_folder, sizeof(cluster->socket_folder), "/tmp/pare-%u-%s",
                 (unsigned)geteuid(), hash);
}

static bool find_idle_seconds(struct cluster *cluster, struct pare_error *err)
{
    const char *text = getenv("PARE_IDLE_SECONDS");
    int64_t seconds = IDLE_SECONDS;
    if (text && text[0] &&
        (!text_to_int64(text, &seconds) || seconds < 1 || seconds > IDLE_SECONDS_MAX))
        return error_set(err, PARE_ERR_USAGE,
                         "PARE_IDLE_SECONDS is \"%s\": a whole number from 1 to %d was expected",
                         text, IDLE_SECONDS_MAX);
    cluster->idle_seconds = (int)seconds;
    return true;
}

bool place_find(struct cluster *ret_cluster, struct pare_error *err)
{
    struct cluster cluster = { 0 };
    char home[CLUSTER_PATH_MAX];
    if (!find_caller(&cluster, home, err) || !find_idle_seconds(&cluster, err))
        return false;
    if (geteuid() == 0 && !find_roots_account(&cluster, err))
        return false;
    if (!find_folder(&cluster, home, err) || !check_owner(&cluster, err))
        return false;
    find_socket_folder(&cluster);
    *ret_cluster = cluster;
    return true;
}

/* libpq: a value in '...', with \ before ' and \. */
static void put_keyword(struct buf *buf, const char *keyword, const char *value)
{
    buf_printf(buf, "%s='", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_char(buf, '\\');
        buf_char(buf, *value);
    }
    buf_text(buf, "' ");
}

/* An empty hostaddr keeps PGHOSTADDR out; requirepeer refuses anybody else's server. */
void place_conninfo(const struct cluster *cluster, const char *database, struct buf *buf)
{
    put_keyword(buf, "host", cluster->socket_folder);
    put_keyword(buf, "hostaddr", "");
    put_keyword(buf, "port", "5432");
    put_keyword(buf, "dbname", database);
    put_keyword(buf, "user", cluster->role);
    put_keyword(buf, "requirepeer", cluster->account);
}

/* ---- making it ---- */

static bool make_parents(const char *path, struct pare_error *err)
{
    char parent[CLUSTER_PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", path);
    cut_to_parent(parent);
    return file_make_folders(parent, geteuid() == 0 ? 0755 : 0700, err);
}

/* A folder of the account's that nobody else enters. In /tmp anybody may have put something. */
static bool make_own(const struct cluster *cluster, const char *path, int open_flags,
                     struct pare_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_errno(err, "cannot make the folder %s", path);
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | open_flags);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return error_errno(err, "cannot use the folder %s", path);
    if (st.st_uid == 0 && geteuid() == 0 && cluster->account_uid != 0) {
        if (fchown(fd, cluster->account_uid, cluster->account_gid) != 0)
            return error_errno(err, "cannot give the folder %s to %s", path, cluster->account);
    } else if (st.st_uid != cluster->account_uid) {
        return error_set(err, PARE_ERR_REFUSED,
                         "the folder %s belongs to user id %u, not to %s: pare does not use it",
                         path, (unsigned)st.st_uid, cluster->account);
    }
    if ((st.st_mode & 0777) != 0700 && fchmod(fd, 0700) != 0)
        return error_errno(err, "cannot close the folder %s to others", path);
    return true;
}

bool place_make(const struct cluster *cluster, struct pare_error *err)
{
    if (!make_parents(cluster->folder, err) || !make_own(cluster, cluster->folder, 0, err))
        return false;
    if (strcmp(cluster->folder, cluster->socket_folder) == 0)
        return true;
    return make_parents(cluster->socket_folder, err) &&
           make_own(cluster, cluster->socket_folder, O_NOFOLLOW, err);
}

bool place_become_account(const struct cluster *cluster, struct pare_error *err)
{
    if (geteuid() != 0)
        return true;
    if (setgroups(1, &cluster->account_gid) != 0 || setgid(cluster->account_gid) != 0 ||
        setuid(cluster->account_uid) != 0)
        return error_errno(err, "cannot become the user %s", cluster->account);
    if (geteuid() == 0 || setuid(0) == 0)
        return error_set(err, PARE_ERR_REFUSED,
                         "the user %s is root under another name: PostgreSQL does not run as root",
                         cluster->account);
    return true;
}
