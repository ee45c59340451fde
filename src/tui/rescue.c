/* SPDX-License-Identifier: MIT */
#include "tui/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { CRASH_STACK_BYTES = 64 * 1024 };

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL };

/*
 * A handler has no other way to reach its facts than file scope: written before the
 * handlers are set, read by them only.
 */
static struct {
    int pipe[2];
    struct sigaction before[ARRAY_SIZE(caught)], crash_before[ARRAY_SIZE(crashes)];
    void (*pipe_before)(int);
    volatile sig_atomic_t armed;
    int terminal;
    char bytes[RESCUE_BYTES_MAX];
    size_t length;
    struct termios modes;
    _Alignas(16) char stack[CRASH_STACK_BYTES]; /* as the ABI wants a stack to be */
} rescue;

static void on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    if (write(rescue.pipe[1], &byte, 1) != 1)
        byte = 0; /* a full pipe wakes the loop as well */
    errno = saved;
}

static void on_crash(int number)
{
    if (rescue.armed) {
        rescue.armed = 0;
        if (write(rescue.terminal, rescue.bytes, rescue.length) >= 0)
            tcsetattr(rescue.terminal, TCSANOW, &rescue.modes);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static bool open_pipe(struct pare_error *err)
{
    if (pipe2(rescue.pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return error_errno(err, "cannot make a pipe");
    return true;
}

bool rescue_open(int *ret_fd, struct pare_error *err)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    struct sigaction crash = { .sa_handler = on_crash, .sa_flags = SA_ONSTACK | SA_NODEFER };
    stack_t stack = { .ss_sp = rescue.stack, .ss_size = sizeof(rescue.stack) };
    if (!open_pipe(err))
        return false;
    sigaltstack(&stack, NULL);
    rescue.pipe_before =
        signal(SIGPIPE, SIG_IGN); /* what is written to nobody fails, that is all */
    for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
        sigaction(caught[i], &action, &rescue.before[i]);
    for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
        sigaction(crashes[i], &crash, &rescue.crash_before[i]);
    *ret_fd = rescue.pipe[0];
    return true;
}

void rescue_close(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
        sigaction(caught[i], &rescue.before[i], NULL);
    for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
        sigaction(crashes[i], &rescue.crash_before[i], NULL);
    signal(SIGPIPE, rescue.pipe_before);
    close(rescue.pipe[0]);
    close(rescue.pipe[1]);
}

int rescue_next(int fd)
{
    unsigned char byte;
    return read(fd, &byte, 1) == 1 ? byte : 0;
}

void rescue_arm(int fd, const char *bytes, size_t length, const struct termios *modes)
{
    rescue.armed = 0;
    rescue.terminal = fd;
    rescue.length = MIN(length, sizeof(rescue.bytes));
    memcpy(rescue.bytes, bytes, rescue.length);
    rescue.modes = *modes;
    rescue.armed = 1;
}

void rescue_disarm(void)
{
    rescue.armed = 0;
}
