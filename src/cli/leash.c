/* SPDX-License-Identifier: MIT */
#include "cli/leash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

enum { LOOK_EVERY_MS = 100, GRACE_MS = 2000 };

enum ending { ENDED_ITSELF, ENDED_TIMEOUT, ENDED_INTERRUPT, ENDED_TOO_MUCH };

struct running {
    const struct leash *leash;
    struct buf *output;
    pid_t pid; /* and its group */
    int pipe;  /* its standard output; -1: closed */
    int64_t started_ms, asked_ms;
    enum ending why; /* asked_ms ago it was asked to end */
};

/* ---- in the child ---- */

static void be_command(const struct leash *leash, int out, pid_t parent)
{
    bool names_it = strstr(leash->command, "PARE_MODEL") != NULL;
    const char *script = names_it ? "eval \"$1\"" : "eval \"$1\" '\"$2\"'";
    int nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    signal(SIGPIPE, SIG_DFL);
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    if (setenv("PARE_MODEL", leash->path, 1) == 0)
        execl("/bin/sh", "sh", "-c", script, "sh", leash->command, leash->path, (char *)NULL);
    _exit(127);
}

/* ---- watching it ---- */

static bool start(struct running *r, struct pare_error *err)
{
    int ends[2];
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(err, "cannot make a pipe");
    fflush(NULL);
    r->started_ms = clock_now_ms();
    r->pid = fork();
    if (r->pid == 0)
        be_command(r->leash, ends[1], self);
    close(ends[1]);
    r->pipe = ends[0];
    if (r->pid < 0) {
        error_errno(err, "cannot start %s", r->leash->command);
        close(ends[0]);
        return false;
    }
    setpgid(r->pid, r->pid); /* as the child does, whoever comes first */
    (void)!fcntl(r->pipe, F_SETFL, O_NONBLOCK);
    return true;
}

/* What has been printed so far. */
static void listen_to(struct running *r)
{
    char room[16 * 1024];
    while (r->pipe >= 0) {
        ssize_t n = read(r->pipe, room, sizeof(room));
        if (n > 0) {
            buf_add(r->output, room, (size_t)n);
            if (r->output->over_ceiling || r->output->no_memory)
                return;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            return;
        } else {
            close(r->pipe);
            r->pipe = -1;
        }
    }
}

static enum ending reason_to_end(const struct running *r)
{
    if (*r->leash->interrupt)
        return ENDED_INTERRUPT;
    if (r->output->over_ceiling || r->output->no_memory)
        return ENDED_TOO_MUCH;
    if ((clock_now_ms() - r->started_ms) / 1000 >= r->leash->timeout_seconds)
        return ENDED_TIMEOUT;
    return ENDED_ITSELF;
}

/* SIGTERM for the whole group when there is a reason, and after the grace SIGKILL. */
static void hold_it(struct running *r)
{
    if (r->asked_ms == 0) {
        r->why = reason_to_end(r);
        if (r->why == ENDED_ITSELF)
            return;
        kill(-r->pid, SIGTERM);
        r->asked_ms = clock_now_ms();
    } else if (clock_now_ms() - r->asked_ms > GRACE_MS || *r->leash->interrupt > 1) {
        kill(-r->pid, SIGKILL);
    }
}

/* The shell has ended; it is not waited for yet, so that the group's number stays its own. */
static bool has_ended(const struct running *r)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == r->pid;
}

/* Whoever was asked to end has the grace to clean up, also behind a shell that ended at once. */
static bool is_over(const struct running *r)
{
    bool graceful = r->asked_ms && r->pipe >= 0 && !r->output->over_ceiling &&
                    clock_now_ms() - r->asked_ms <= GRACE_MS;
    return has_ended(r) && !graceful;
}

static int watch(struct running *r)
{
    int status = 0;
    while (!is_over(r)) {
        bool full = r->output->over_ceiling || r->output->no_memory;
        struct pollfd fd = { .fd = full ? -1 : r->pipe, .events = POLLIN };
        poll(&fd, 1, LOOK_EVERY_MS);
        if (!full)
            listen_to(r);
        hold_it(r);
    }
    kill(-r->pid, SIGKILL); /* whom it left behind */
    listen_to(r);
    if (r->pipe >= 0)
        close(r->pipe);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static bool judge(const struct running *r, int status, struct pare_error *err)
{
    switch (r->why) {
    case ENDED_INTERRUPT:
        return error_set(err, PARE_ERR_INTERRUPTED, "interrupted");
    case ENDED_TIMEOUT:
        return error_set(err, PARE_ERR_FAILED,
                         "it ran longer than %lld s and was ended; give it more with --timeout",
                         (long long)r->leash->timeout_seconds);
    default:
        break;
    }
    if (!buf_ok(r->output, err))
        return error_prefix(err, "what it prints, one JSON object, is too much");
    if (!WIFEXITED(status))
        return error_set(err, PARE_ERR_FAILED, "it ended with signal %d (%s)", WTERMSIG(status),
                         strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return error_set(err, PARE_ERR_FAILED, "it ended with code %d", WEXITSTATUS(status));
    return true;
}

bool leash_run(const struct leash *leash, struct buf *output, double *ret_seconds,
               struct pare_error *err)
{
    struct running r = { .leash = leash, .output = output, .pipe = -1 };
    if (!start(&r, err))
        return false;
    int status = watch(&r);
    double seconds = (double)(clock_now_ms() - r.started_ms) / 1000;
    if (!judge(&r, status, err))
        return false;
    *ret_seconds = seconds;
    return true;
}
