/* SPDX-License-Identifier: MIT */
#include "cluster/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/place.h"
#include "cluster/process.h"

enum { PID_FILE_MAX = 4096, LOG_TAIL = 8 * 1024, GRACE_SECONDS = 5 };

/* ---- one process ---- */

/* proc(5): "pid (comm) state ..."; comm may itself hold parentheses. */
static bool is_living_postgres(pid_t pid)
{
    static const char name[] = "(postgres";
    char path[64], text[256];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (!place_read(path, text, sizeof(text)))
        return false;
    const char *comm = strchr(text, '('), *end = strrchr(text, ')');
    if (!comm || !end || (size_t)(end - comm) != strlen(name) || end[1] != ' ')
        return false;
    return strncmp(comm, name, strlen(name)) == 0 && !strchr("ZXx", end[2]);
}

/* stat() goes through the link, so that another name of the same folder is the same folder. */
static bool works_in_data(const struct cluster *cluster, pid_t pid)
{
    char path[64], data[CLUSTER_PATH_MAX];
    struct stat cwd, wanted;
    snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
    place_path(cluster, "data", data);
    return stat(path, &cwd) == 0 && stat(data, &wanted) == 0 && cwd.st_dev == wanted.st_dev &&
           cwd.st_ino == wanted.st_ino;
}

bool server_is_alive(const struct cluster *cluster, pid_t pid)
{
    if (access("/proc/self/stat", F_OK) != 0)
        return kill(pid, 0) == 0;
    return is_living_postgres(pid) && works_in_data(cluster, pid);
}

/* ---- postmaster.pid ---- */

/* The text's next line, cut off in place; NULL when there is none. */
static char *take_line(char **rest)
{
    char *line = *rest;
    if (!line)
        return NULL;
    char *end = strchr(line, '\n');
    if (end)
        *end++ = '\0';
    *rest = end;
    return line;
}

/*
 * PostgreSQL's src/include/utils/pidfile.h: pid, data folder, start time, port, first socket
 * folder, first address, shared memory key, status; a line each, later ones come later.
 */
bool server_find(const struct cluster *cluster, struct server *ret_server)
{
    enum { LINE_PID, LINE_SOCKET_FOLDER = 4, LINE_STATUS = 7, LINES };
    char path[CLUSTER_PATH_MAX], text[PID_FILE_MAX];
    place_path(cluster, "data/postmaster.pid", path);
    if (!place_read(path, text, sizeof(text)))
        return false;
    const char *lines[LINES] = { NULL };
    char *rest = text;
    for (size_t i = 0; i < LINES; i++)
        lines[i] = take_line(&rest);
    int64_t pid = 0;
    if (!text_to_int64(lines[LINE_PID], &pid) || pid <= 1 || pid > INT32_MAX ||
        !server_is_alive(cluster, (pid_t)pid))
        return false;
    struct server server = { .pid = (pid_t)pid };
    const char *folder = lines[LINE_SOCKET_FOLDER], *status = lines[LINE_STATUS];
    if (folder && folder[0] == '/' && place_fits_socket(folder))
        memcpy(server.socket_folder, folder, strlen(folder) + 1);
    server.ready = status && strncmp(status, "ready", 5) == 0;
    *ret_server = server;
    return true;
}

/* ---- what is left behind ---- */

/* Send `signal` (0: none) to every postgres that works in the data folder; how many, and one. */
static int signal_all(const struct cluster *cluster, int signal, pid_t *ret_one)
{
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(proc));) {
        int64_t pid;
        if (!text_to_int64(entry->d_name, &pid) || pid <= 1 || pid > INT32_MAX ||
            !server_is_alive(cluster, (pid_t)pid))
            continue;
        if (signal)
            kill((pid_t)pid, signal);
        *ret_one = (pid_t)pid;
        count++;
    }
    closedir(proc);
    return count;
}

static bool end_all(const struct cluster *cluster, int signal, pid_t *ret_one)
{
    double deadline = process_clock() + GRACE_SECONDS;
    int left = signal_all(cluster, signal, ret_one);
    while (left && process_clock() < deadline) {
        process_sleep(0.02);
        left = signal_all(cluster, 0, ret_one);
    }
    return left == 0;
}

bool server_sweep(const struct cluster *cluster, struct pare_error *err)
{
    pid_t one = 0;
    if (!end_all(cluster, SIGTERM, &one) && !end_all(cluster, SIGQUIT, &one))
        return error_set(err, PARE_ERR_FAILED,
                         "process %d of a server that was killed still works in %s/data and does "
                         "not end: end it with kill -9 %d, then try again",
                         (int)one, cluster->folder, (int)one);
    char path[CLUSTER_PATH_MAX];
    place_path(cluster, "data/postmaster.pid", path);
    unlink(path);
    snprintf(path, sizeof(path), "%s/.s.PGSQL.5432.lock", cluster->socket_folder);
    unlink(path);
    return true;
}

/* ---- the log ---- */

/* "2026-01-02 03:04:05.678 UTC [99] FATAL:  could not ..." -> "could not ..." */
static const char *without_level(const char *line, size_t length, size_t *ret_length,
                                 bool *ret_is_error)
{
    static const char *const levels[] = { "PANIC:", "FATAL:", "ERROR:", "error:", "LOG:" };
    *ret_is_error = false;
    *ret_length = length;
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        const char *at = memmem(line, length, levels[i], strlen(levels[i]));
        if (!at)
            continue;
        at += strlen(levels[i]);
        at += strspn(at, " ");
        *ret_is_error = i + 1 < ARRAY_SIZE(levels);
        *ret_length = (size_t)(line + length - at);
        return at;
    }
    return line;
}

void server_telling_line(const char *text, size_t length, char *to, size_t room)
{
    bool have_error = false;
    to[0] = '\0';
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t whole = end ? (size_t)(end - text) : length, short_length;
        bool is_error;
        const char *words = without_level(text, whole, &short_length, &is_error);
        if (short_length > 0 && (is_error || !have_error))
            text_clean(words, short_length, to, room);
        have_error |= is_error;
        whole += end != NULL;
        text += whole;
        length -= whole;
    }
}

int64_t server_log_size(const struct cluster *cluster)
{
    char path[CLUSTER_PATH_MAX];
    struct stat st;
    place_path(cluster, "log", path);
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

void server_log_line(const struct cluster *cluster, int64_t from, char *to, size_t room)
{
    char path[CLUSTER_PATH_MAX], text[LOG_TAIL];
    to[0] = '\0';
    place_path(cluster, "log", path);
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    int64_t start = MAX(from, server_log_size(cluster) - (int64_t)sizeof(text));
    ssize_t n = pread(fd, text, sizeof(text), start);
    if (n > 0)
        server_telling_line(text, (size_t)n, to, room);
}
