/* SPDX-License-Identifier: MIT */
#include "cluster/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cluster/binaries.h"
#include "cluster/data.h"
#include "cluster/place.h"
#include "cluster/process.h"
#include "cluster/server.h"
#include "cluster/watch.h"

enum { QUIET_SECONDS_MAX = 120, LOG_BYTES_MAX = 1 << 20, REPORT_FD = 3 };
static const double POLL_SECONDS = 0.02;

struct keeper {
    const struct cluster *cluster;
    int report_fd;    /* to whoever waits; -1 when everything is said */
    int64_t log_from; /* older lines are no news */
    char news[CLUSTER_NEWS_MAX];
    double news_at;
};

/* ---- seen by the users of the server ---- */

/* A file of the folder, to be locked; -1 when it is not there. */
static int open_to_lock(const struct cluster *cluster, const char *name, int flags)
{
    char path[CLUSTER_PATH_MAX];
    place_path(cluster, name, path);
    return open(path, O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
}

bool keeper_is_there(const struct cluster *cluster)
{
    CLEANUP(file_close) int fd = open_to_lock(cluster, "lock", O_RDONLY);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
}

bool keeper_note_use(const struct cluster *cluster)
{
    struct server server;
    CLEANUP(file_close) int fd = open_to_lock(cluster, "ready", O_RDONLY);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0 && futimens(fd, NULL) == 0 &&
           keeper_is_there(cluster) && server_find(cluster, &server) && server.ready;
}

/* ---- what the keeper says ---- */

static void say(struct keeper *keeper, enum keeper_word word, const struct pare_error *err,
                const char *text)
{
    char packet[PARE_ERROR_TEXT_MAX + 2] = { (char)word, (char)(err ? err->code : 0) };
    size_t before = word == KEEPER_FAILED ? 2 : 1;
    snprintf(packet + before, sizeof(packet) - before, "%s", err ? err->text : text);
    if (keeper->report_fd < 0)
        return;
    send(keeper->report_fd, packet, before + strlen(packet + before), MSG_NOSIGNAL);
    if (word == KEEPER_NEWS)
        return;
    close(keeper->report_fd);
    keeper->report_fd = -1;
}

static void say_news(struct keeper *keeper, const char *text)
{
    if (text[0] == '\0' || strcmp(text, keeper->news) == 0)
        return;
    snprintf(keeper->news, sizeof(keeper->news), "%s", text);
    keeper->news_at = process_clock();
    say(keeper, KEEPER_NEWS, NULL, text);
}

/* Pass the log's news on. False, and `err` set, when there has been none for too long. */
static bool pass_news_on(struct keeper *keeper, struct pare_error *err)
{
    char line[CLUSTER_NEWS_MAX];
    server_log_line(keeper->cluster, keeper->log_from, line, sizeof(line));
    say_news(keeper, line);
    if (process_clock() - keeper->news_at < QUIET_SECONDS_MAX)
        return true;
    return error_set(err, PARE_ERR_NO_DATABASE,
                     "the private PostgreSQL in %s is still not ready after %d seconds without "
                     "news: try again later, and see its log there; the last was: %s",
                     keeper->cluster->folder, QUIET_SECONDS_MAX, keeper->news);
}

static bool somebody_waits(const struct keeper *keeper)
{
    char byte;
    return recv(keeper->report_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

/* ---- starting the server ---- */

static bool find_binaries(const struct cluster *cluster, struct binaries *ret_binaries,
                          struct pare_error *err)
{
    char major[16];
    struct binaries_sources sources = binaries_sources();
    place_data_major(cluster, major);
    return binaries_find(&sources, cluster, major, ret_binaries, err);
}

static int open_log(struct keeper *keeper, struct pare_error *err)
{
    char path[CLUSTER_PATH_MAX], old[CLUSTER_PATH_MAX];
    place_path(keeper->cluster, "log", path);
    place_path(keeper->cluster, "log.old", old);
    if (server_log_size(keeper->cluster) > LOG_BYTES_MAX)
        rename(path, old);
    keeper->log_from = server_log_size(keeper->cluster);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        error_errno(err, "cannot write %s", path);
    return fd;
}

/*
 * Options on the command line win over every file: the socket stays the only way in, the log is
 * where it is read, and the statement of a client that was killed ends and holds no server up.
 */
static bool spawn_server(struct keeper *keeper, const struct binaries *binaries, pid_t *ret_pid,
                         struct pare_error *err)
{
    char program[CLUSTER_PATH_MAX + 16], data[CLUSTER_PATH_MAX], sockets[CLUSTER_SOCKET_MAX + 32];
    snprintf(program, sizeof(program), "%s/postgres", binaries->folder);
    place_path(keeper->cluster, "data", data);
    snprintf(sockets, sizeof(sockets), "--unix_socket_directories=%s",
             keeper->cluster->socket_folder);
    const char *argv[] = {
        program,
        "-D",
        data,
        sockets,
        "--unix_socket_permissions=0700",
        "--listen_addresses=",
        "--port=5432",
        "--logging_collector=off",
        "--log_destination=stderr",
        "--client_connection_check_interval=2s",
        NULL,
    };
    CLEANUP(file_close) int log = open_log(keeper, err);
    return log >= 0 && process_start(argv, log, ret_pid, err);
}

static bool refuse_ended(const struct keeper *keeper, struct pare_error *err)
{
    char line[512];
    server_log_line(keeper->cluster, keeper->log_from, line, sizeof(line));
    return error_set(err, PARE_ERR_NO_DATABASE,
                     "the private PostgreSQL did not start: %s (its log is %s/log)",
                     line[0] ? line : "it ended without a word", keeper->cluster->folder);
}

/* However long the server takes; only whoever asked for it does not wait for ever. */
static bool wait_ready(struct keeper *keeper, pid_t pid, struct pare_error *err)
{
    struct server server;
    struct pare_error slow;
    while (!server_find(keeper->cluster, &server) || server.pid != pid || !server.ready) {
        if (watch_has_ended(keeper->cluster, pid))
            return refuse_ended(keeper, err);
        if (keeper->report_fd >= 0 && !pass_news_on(keeper, &slow))
            say(keeper, KEEPER_FAILED, &slow, NULL);
        process_sleep(POLL_SECONDS);
    }
    return true;
}

static bool start_server(struct keeper *keeper, pid_t *ret_pid, struct pare_error *err)
{
    struct binaries binaries;
    char major[16];
    if (!find_binaries(keeper->cluster, &binaries, err) || !server_sweep(keeper->cluster, err))
        return false;
    place_data_major(keeper->cluster, major);
    if (!major[0]) {
        say_news(keeper, "making the private PostgreSQL, once");
        if (!data_make(keeper->cluster, &binaries, err))
            return false;
    }
    say_news(keeper, "starting the private PostgreSQL");
    return spawn_server(keeper, &binaries, ret_pid, err) && wait_ready(keeper, *ret_pid, err);
}

/* ---- the keeper's life ---- */

/* The lock, or *ret_served when another keeper's server got ready while we waited for it. */
static bool take_lock(struct keeper *keeper, int *ret_lock, bool *ret_served,
                      struct pare_error *err)
{
    int fd = open_to_lock(keeper->cluster, "lock", O_RDWR | O_CREAT);
    if (fd < 0)
        return error_errno(err, "cannot open %s/lock", keeper->cluster->folder);
    *ret_served = false;
    while (!*ret_served && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        *ret_served = keeper_note_use(keeper->cluster);
        if (!somebody_waits(keeper))
            _exit(0);
        if (!pass_news_on(keeper, err)) {
            close(fd);
            return false;
        }
        process_sleep(POLL_SECONDS);
    }
    *ret_lock = fd;
    return true;
}

/* Under the lock: a server, running already (its keeper was killed) or started; then until its end. */
static bool keep(struct keeper *keeper, struct pare_error *err)
{
    char ready[CLUSTER_PATH_MAX];
    place_path(keeper->cluster, "ready", ready);
    unlink(ready);
    struct server server = { .pid = 0 };
    pid_t started = 0;
    struct watch watch;
    bool ok = server_find(keeper->cluster, &server) ? wait_ready(keeper, server.pid, err)
                                                    : start_server(keeper, &started, err);
    ok = ok && watch_open(&watch, keeper->cluster, started ? started : server.pid, err);
    if (!ok) {
        if (started && !watch_has_ended(keeper->cluster, started))
            kill(started, SIGINT);
        return false;
    }
    watch.ready_fd = open_to_lock(keeper->cluster, "ready", O_RDWR | O_CREAT);
    if (watch.ready_fd < 0)
        error_errno(err, "cannot write %s", ready);
    else
        say(keeper, KEEPER_READY, NULL, "");
    watch_run(&watch);
    watch_close(&watch);
    unlink(ready);
    return watch.ready_fd >= 0;
}

/* Nothing is made before it is known that a server can run. */
static bool live(struct keeper *keeper, struct pare_error *err)
{
    const struct cluster *cluster = keeper->cluster;
    struct binaries binaries;
    if (access(cluster->folder, F_OK) != 0 && !find_binaries(cluster, &binaries, err))
        return false;
    if (!place_make(cluster, err))
        return false;
    umask(077);
    if (!place_become_account(cluster, err))
        return false;
    keeper->log_from = server_log_size(cluster);
    keeper->news_at = process_clock();
    int lock = -1;
    bool served = false;
    if (!take_lock(keeper, &lock, &served, err))
        return false;
    if (!served)
        return keep(keeper, err);
    say(keeper, KEEPER_READY, NULL, "");
    return true;
}

/* Away from the caller: its session, signals, descriptors, folder and mask. */
static void detach(int report_fd)
{
    struct sigaction plain = { .sa_handler = SIG_DFL };
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &plain, NULL);
    dup2(report_fd, REPORT_FD);
    fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
    close_range(REPORT_FD + 1, ~0U, 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < REPORT_FD; fd++)
        dup2(null, fd);
    close(null);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    prctl(PR_SET_NAME, "pare-keeper");
    if (chdir("/") != 0)
        _exit(1);
}

/* Twice forked: nobody's child and no session's leader. */
static _Noreturn void become_keeper(const struct cluster *cluster, int report_fd)
{
    setsid();
    if (fork() != 0)
        _exit(0);
    detach(report_fd);
    struct keeper keeper = { .cluster = cluster, .report_fd = REPORT_FD };
    struct pare_error err;
    bool ok = live(&keeper, &err);
    if (!ok)
        say(&keeper, KEEPER_FAILED, &err, NULL);
    _exit(!ok);
}

bool keeper_start(const struct cluster *cluster, int *ret_fd, struct pare_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, "cannot make a socket pair");
    sigset_t all, before; /* no handler of the caller's may run in the child */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t child = fork();
    if (child == 0)
        become_keeper(cluster, ends[1]);
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        errno = failed;
        return error_errno(err, "cannot start the keeper of the private PostgreSQL");
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    *ret_fd = ends[0];
    return true;
}
