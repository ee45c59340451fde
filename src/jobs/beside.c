/* SPDX-License-Identifier: MIT */
#include "jobs/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "jobs/job.h"
#include "pare.h"
#include "pg/pg.h"
#include "registry/catalog.h"

/* The starter has closed its end: set while a server that does not answer is waited for, too. */
static volatile sig_atomic_t left_alone;

static void look_at_socket(int number)
{
    int before = errno;
    struct pollfd fd = { .fd = BESIDE_SOCKET };
    (void)number;
    if (poll(&fd, 1, 0) > 0 && fd.revents & POLLHUP)
        left_alone = 1;
    errno = before;
}

/* Whatever happens on the socket is told by a signal, which ends waits. */
static void watch_socket(void)
{
    signal(SIGIO, look_at_socket);
    fcntl(BESIDE_SOCKET, F_SETOWN, getpid());
    fcntl(BESIDE_SOCKET, F_SETFL, fcntl(BESIDE_SOCKET, F_GETFL) | O_ASYNC);
    look_at_socket(SIGIO); /* it may have been closed before that */
}

/* Nothing of the starter's is kept: no terminal, no connection, no signal handler. */
static void become(int fd, beside_fn *serve, const struct beside_source *source)
{
    int nowhere = open("/dev/null", O_RDWR);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    dup2(fd, BESIDE_SOCKET);
    for (int each = 0; each < BESIDE_SOCKET && nowhere >= 0; each++)
        dup2(nowhere, each);
    close_range(BESIDE_SOCKET + 1, ~0U, 0);
    watch_socket();
    serve(source);
    _exit(0);
}

bool beside_start(beside_fn *serve, const struct beside_source *source, int *ret_fd,
                  struct pare_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, "cannot make a pair of sockets");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0)
            become(ends[1], serve, source);
        _exit(0); /* so that nobody has to wait for it */
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return error_errno(err, "cannot start a process beside this one");
    }
    waitpid(child, NULL, 0);
    *ret_fd = ends[0];
    return true;
}

/* ---- in the process ---- */

void beside_put_text(char *packet, size_t *length, const char *text)
{
    text = text ? text : "";
    *length += text_clean(text, strlen(text), packet + *length, BESIDE_TEXT_MAX) + 1;
}

static bool find(const struct beside_source *source, struct beside_copy *copy, const char **report,
                 struct pare_error *err)
{
    if (!catalog_find(&copy->registry, source->name, source->version, &copy->arena, &copy->version,
                      err))
        return false;
    if (!report)
        return true;
    *report = NULL;
    return registry_is_guest(&copy->registry) ||
           catalog_report(&copy->registry, copy->version.id, &copy->arena, report, err);
}

bool beside_read(const struct beside_source *source, volatile sig_atomic_t *over,
                 void (*told)(void *data, const struct job_news *news), void *data,
                 const char **report, struct beside_copy *ret_copy, struct pare_error *err)
{
    const struct pg_options options = { .conninfo = source->conninfo,
                                        .read_only = source->read_only,
                                        .interrupt = &left_alone };
    struct beside_copy *copy = ret_copy;
    struct pg *pg = NULL;
    *copy = (struct beside_copy){ .spool.lock = -1 };
    struct job_run run = { .registry = &copy->registry,
                           .cancelled = over,
                           .reading_share = 1,
                           .told = told,
                           .data = data };
    bool ok = pg_open(&options, &pg, err) &&
              registry_init(&copy->registry, pg, source->read_only, err) &&
              find(source, copy, report, err) && spool_open(&copy->spool, err);
    run.spool = copy->spool.path;
    ok = ok && spool_version(&run, &copy->version, "version", &copy->arena, &copy->bytes, err) &&
         pare_model_open(copy->bytes.path, &copy->model, err);
    registry_done(&copy->registry);
    pg_close(pg); /* what is looked at is a copy */
    return ok;
}

void beside_close(struct beside_copy *copy)
{
    pare_model_close(copy->model);
    spool_close(&copy->spool);
    arena_done(&copy->arena);
}

/* ---- in the starter ---- */

ssize_t beside_receive(int fd, char *packet, size_t room)
{
    for (;;) {
        ssize_t got = recv(fd, packet, room, MSG_DONTWAIT);
        if (got > 0)
            return got;
        /* Reset: it ended without having read all, which is told once, before what it said last. */
        if (got < 0 && (errno == EINTR || errno == ECONNRESET))
            continue;
        return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
    }
}

bool beside_texts(const char *at, const char *end, const char **ret_texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ret_texts[i] = at;
        at = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (!at++)
            return false;
    }
    return true;
}
