/* SPDX-License-Identifier: MIT */
#include "cluster/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

double process_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void process_sleep(double seconds)
{
    struct timespec pause = { .tv_sec = (time_t)seconds };
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

/*
 * What of the environment PostgreSQL gets: not the caller's secrets, not PGPORT and the like, and
 * English words in its log.
 */
enum { ENVIRONMENT_MAX = 8 };

static void small_environment(char *ret_environment[ENVIRONMENT_MAX])
{
    static char locale[] = "LC_ALL=C";
    static const char *const keep[] = { "PATH=", "TZ=", "LD_LIBRARY_PATH=", "HOME=" };
    size_t count = 0;
    ret_environment[count++] = locale;
    for (char **entry = environ; *entry; entry++)
        for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
            if (strncmp(*entry, keep[i], strlen(keep[i])) == 0 && count < ENVIRONMENT_MAX - 1)
                ret_environment[count++] = *entry;
    ret_environment[count] = NULL;
}

/* Signals as a new program expects them, whatever this process does with its own. */
static int plain_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setsigmask(attributes, &none);
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attributes, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    return failed ? failed : posix_spawnattr_setflags(attributes, flags);
}

bool process_start(const char *const argv[], int output_fd, pid_t *ret_pid, struct pare_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *environment[ENVIRONMENT_MAX];
    small_environment(environment);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return error_no_memory(err, sizeof(actions));
    posix_spawnattr_init(&attributes);
    int failed = plain_signals(&attributes);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = 0;
    if (!failed)
        failed =
            posix_spawn(&pid, argv[0], &actions, &attributes, (char *const *)argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        errno = failed;
        return error_errno(err, "cannot run %s", argv[0]);
    }
    *ret_pid = pid;
    return true;
}

/* Room is kept for the newest: when the buffer is full its older half, or more, goes. */
static void add_newest(struct buf *output, const char *bytes, size_t length)
{
    if (length > output->ceiling) {
        bytes += length - output->ceiling;
        length = output->ceiling;
    }
    if (length > output->ceiling - output->length) {
        size_t keep = MIN(output->length / 2, output->ceiling - length);
        if (keep > 0)
            memmove(output->data, output->data + output->length - keep, keep);
        output->length = keep;
    }
    buf_add(output, bytes, length);
}

static void read_to_end(int fd, struct buf *output)
{
    char bytes[1024];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        add_newest(output, bytes, (size_t)n);
    }
}

bool process_run(const char *const argv[], struct buf *output, int *ret_exit,
                 struct pare_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(err, "cannot make a pipe");
    CLEANUP(file_close) int read_end = ends[0];
    pid_t pid;
    bool started = process_start(argv, ends[1], &pid, err);
    close(ends[1]);
    if (!started)
        return false;
    read_to_end(read_end, output);
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        continue;
    if (ended < 0)
        return error_errno(err, "cannot wait for %s", argv[0]);
    *ret_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}
