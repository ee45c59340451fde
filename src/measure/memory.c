/* SPDX-License-Identifier: MIT */
#include "measure/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/error.h"
#include "base/file.h"
#include "measure/dataset.h"
#include "measure/feed.h"
#include "measure/watch.h"
#include "runtime/ort.h"
#include "runtime/session.h"

/* What the child sends, in one write. */
struct answer {
    bool ok;
    int64_t peak_bytes;
    struct pare_error err;
};

/* ---- in the child ---- */

/* "VmHWM:" or "VmRSS:" of this process in bytes. */
static bool read_status(const char *key, int64_t *ret_bytes, struct pare_error *err)
{
    char text[8192];
    CLEANUP(file_close) int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return error_errno(err, "cannot read /proc/self/status");
    text[n] = '\0';
    const char *line = strstr(text, key);
    long long kib;
    if (!line || sscanf(line + strlen(key), " %lld", &kib) != 1)
        return error_set(err, PARE_ERR_UNSUPPORTED, "/proc/self/status has no %s", key);
    *ret_bytes = kib * 1024;
    return true;
}

/* Let the high-water mark start anew. Where that is not allowed it stands a little too high. */
static void reset_mark(void)
{
    CLEANUP(file_close) int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, "5", 1);
}

static bool run_some(struct session *session, struct dataset *dataset, int wanted_batch,
                     struct pare_error *err)
{
    struct feed feed;
    int64_t batch;
    if (!feed_init(&feed, dataset, session, err))
        return false;
    struct session_tensor *inputs = calloc(feed.count + 1, sizeof(*inputs));
    const struct session_tensor *outputs;
    bool ok = inputs || error_no_memory(err, feed.count * sizeof(*inputs));
    ok = ok && feed_batch(&feed, wanted_batch, &batch, err);
    for (int i = 0; ok && i < MEMORY_RUNS; i++) {
        feed_rows(&feed, i % (dataset->rows / batch) * batch, batch, inputs);
        ok = session_run(session, inputs, &outputs, err);
    }
    free(inputs);
    feed_done(&feed);
    return ok;
}

static bool measure_here(const char *path, struct dataset *dataset,
                         const struct memory_options *options, int64_t *ret_peak_bytes,
                         struct pare_error *err)
{
    struct runtime *runtime;
    struct session *session;
    int64_t before, peak;
    if (!runtime_open(options->runtime_path, &runtime, err))
        return false;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    if (!read_status("VmRSS:", &before, err))
        return false;
    reset_mark();
    if (!session_open(runtime, path, options->threads, &session, err) ||
        !run_some(session, dataset, options->batch, err) || !read_status("VmHWM:", &peak, err))
        return false;
    *ret_peak_bytes = MAX(peak - before, 0);
    return true;
}

/* What it opened goes with the process. */
static _Noreturn void child(int fd, pid_t parent, const char *path, struct dataset *dataset,
                            const struct memory_options *options)
{
    struct answer answer = { 0 };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        answer.ok = measure_here(path, dataset, options, &answer.peak_bytes, &answer.err);
    (void)!write(fd, &answer, sizeof(answer));
    _exit(0);
}

/* ---- in the parent ---- */

/* Wait for the answer, looking at the watch meanwhile. Nothing came: the child died. */
static bool receive(int fd, struct watch *watch, struct answer *answer, bool *ret_came,
                    struct pare_error *err)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    for (;;) {
        if (!watch_step(watch, "memory", 0, err))
            return false;
        int n = poll(&ready, 1, WATCH_STEP_MS);
        if (n < 0 && errno != EINTR)
            return error_errno(err, "cannot wait for the process that measures memory");
        if (n > 0)
            break;
    }
    *ret_came = read(fd, answer, sizeof(*answer)) == (ssize_t)sizeof(*answer);
    return true;
}

static bool take_answer(const struct answer *answer, bool came, int status, int64_t *ret_peak_bytes,
                        struct pare_error *err)
{
    if (!came && WIFSIGNALED(status))
        return error_set(err, PARE_ERR_FAILED,
                         "the process that loaded the model to measure its memory was ended by "
                         "signal %d, %s",
                         WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (!came)
        return error_set(err, PARE_ERR_FAILED,
                         "the process that loaded the model to measure its memory ended early");
    if (!answer->ok) {
        *err = answer->err;
        return false;
    }
    *ret_peak_bytes = answer->peak_bytes;
    return true;
}

bool memory_measure(const char *path, struct dataset *dataset, const struct memory_options *options,
                    struct watch *watch, int64_t *ret_peak_bytes, struct pare_error *err)
{
    int ends[2], status = 0;
    struct answer answer = { 0 };
    bool came = false;
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(err, "cannot make a pipe");
    pid_t pid = fork();
    if (pid == 0)
        child(ends[1], self, path, dataset, options);
    close(ends[1]);
    bool ok = pid > 0 ? receive(ends[0], watch, &answer, &came, err)
                      : error_errno(err, "cannot start a process");
    close(ends[0]);
    if (pid > 0 && !came)
        kill(pid, SIGKILL);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return ok && take_answer(&answer, came, status, ret_peak_bytes, err);
}
