/* SPDX-License-Identifier: MIT */
#include "jobs/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "pg/pg.h"
#include "registry/queue.h"
#include "registry/registry.h"
#include "registry/rollup.h"

enum {
    IDLE_POLL_MS = 500,
    CHILD_POLL_MS = 200,
    RENEW_EVERY_MS = 1000,
    GRACE_MS = 5000,
    LOST_MAX_MS = 60 * 1000,
};

struct worker {
    const struct worker_options *options;
    struct pg *pg;
    struct registry registry;
    char name[320]; /* host and process: who holds the lease */
    int lease_seconds;
    struct rollup rollup;
    int64_t roll_ms, upkeep_ms; /* when it is due again */
};

/* ---- the child ---- */

static volatile sig_atomic_t child_cancelled;

static void on_term(int number)
{
    (void)number;
    child_cancelled = 1;
}

/* Trying again mends what the surroundings did, not what the job is. */
static bool is_worth_another_try(enum pare_error_code code)
{
    return code == PARE_ERR_NO_DATABASE || code == PARE_ERR_IO || code == PARE_ERR_MEMORY ||
           code == PARE_ERR_FAILED;
}

static bool run_in_child(const struct worker_options *options, struct job_run *run,
                         struct pare_error *err)
{
    struct pg *pg = NULL;
    struct registry registry = { 0 };
    struct spool spool = { .lock = -1 };
    const struct pg_options connection = { .conninfo = options->conninfo,
                                           .interrupt = &child_cancelled };
    const struct job_kind *kind = job_kind_find(run->job->kind);
    if (!kind)
        return error_set(err, PARE_ERR_UNSUPPORTED, "this pare knows no job of the kind %s",
                         run->job->kind);
    bool ok = pg_open(&connection, &pg, err) && registry_init(&registry, pg, false, err) &&
              spool_open(&spool, err);
    if (ok) {
        run->registry = &registry;
        run->spool = spool.path;
        ok = kind->run(run, err);
    }
    spool_close(&spool);
    registry_done(&registry);
    pg_close(pg);
    return ok;
}

/* A full pipe loses nothing that the next word does not tell. */
static void tell_supervisor(void *data, const struct job_news *news)
{
    (void)!write(*(const int *)data, news, sizeof(*news));
}

/* Never returns. The parent's connection is open here too and is left alone. */
static void be_child(const struct worker *worker, const struct job *job, int pipe, pid_t parent)
{
    struct pare_error err = { 0 };
    struct job_run run = {
        .job = job, .cancelled = &child_cancelled, .told = tell_supervisor, .data = &pipe
    };
    struct sigaction term = { .sa_handler = on_term };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    sigaction(SIGTERM, &term, NULL);
    signal(SIGINT, SIG_IGN); /* the terminal's Ctrl-C is the supervisor's affair */
    if (run_in_child(worker->options, &run, &err))
        _exit(0);
    struct job_news news = { .is_failure = true,
                             .again = is_worth_another_try(err.code),
                             .code = (int)err.code };
    snprintf(news.words, sizeof(news.words), "%s", err.text);
    (void)!write(pipe, &news, sizeof(news));
    _exit(1);
}

/* ---- the supervisor ---- */

struct child {
    pid_t pid;
    int pipe;
    struct job_news news; /* the newest progress */
    struct job_news failure;
    bool asked_to_stop;
    int64_t asked_ms, renewed_ms;
    int status;
};

static bool start_child(const struct worker *worker, const struct job *job, struct child *child,
                        struct pare_error *err)
{
    int ends[2];
    pid_t self = getpid();
    *child = (struct child){ .renewed_ms = clock_now_ms() };
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return error_errno(err, "cannot make a pipe");
    fflush(NULL);
    child->pid = fork();
    if (child->pid == 0) {
        close(ends[0]);
        be_child(worker, job, ends[1], self);
    }
    close(ends[1]);
    child->pipe = ends[0];
    if (child->pid < 0) {
        close(ends[0]);
        return error_errno(err, "cannot start a process for the job");
    }
    return true;
}

static void read_news(struct child *child)
{
    struct job_news news;
    while (read(child->pipe, &news, sizeof(news)) == (ssize_t)sizeof(news)) {
        news.words[sizeof(news.words) - 1] = '\0';
        if (news.is_failure)
            child->failure = news;
        else
            child->news = news;
    }
}

static void ask_to_stop(struct child *child)
{
    if (!child->asked_to_stop) {
        kill(child->pid, SIGTERM);
        child->asked_to_stop = true;
        child->asked_ms = clock_now_ms();
    } else if (clock_now_ms() - child->asked_ms > GRACE_MS) {
        kill(child->pid, SIGKILL);
    }
}

/* A lost connection is no verdict: the fence guards what the child may still publish. */
static void renew(struct worker *worker, const struct job *job, struct child *child)
{
    enum queue_verdict verdict;
    struct pare_error err;
    child->renewed_ms = clock_now_ms();
    if (!pg_is_open(worker->pg) ||
        !queue_renew(&worker->registry, job, worker->lease_seconds, child->news.done_fraction,
                     child->news.words, &verdict, &err)) {
        return;
    }
    if (verdict == QUEUE_LOST) {
        worker->options->say("job %lld: the lease was lost to another worker; stopping",
                             (long long)job->id);
        kill(child->pid, SIGKILL);
    } else if (verdict == QUEUE_CANCEL) {
        ask_to_stop(child);
    }
}

static void watch_child(struct worker *worker, const struct job *job, struct child *child)
{
    struct pollfd fd = { .fd = child->pipe, .events = POLLIN };
    for (;;) {
        if (poll(&fd, 1, CHILD_POLL_MS) > 0 && !(fd.revents & POLLIN))
            fd.fd = -1; /* hung up: the exit is near */
        read_news(child);
        if (waitpid(child->pid, &child->status, WNOHANG) == child->pid)
            break;
        if (clock_now_ms() - child->renewed_ms >= RENEW_EVERY_MS)
            renew(worker, job, child);
        if (*worker->options->stop || child->asked_to_stop)
            ask_to_stop(child);
    }
    read_news(child);
    close(child->pipe);
}

/* Stopped with the worker, and not by a failure of its own. */
static bool was_stopped(const struct worker *worker, const struct child *child)
{
    return *worker->options->stop &&
           (!child->failure.is_failure || child->failure.code == PARE_ERR_INTERRUPTED);
}

/* What went wrong, and whether another try is worth it. */
static bool put_failure(const struct child *child, char *words, size_t room)
{
    if (WIFSIGNALED(child->status)) {
        snprintf(words, room, "the job's process ended with signal %d (%s)",
                 WTERMSIG(child->status), strsignal(WTERMSIG(child->status)));
        return true;
    }
    snprintf(words, room, "%s",
             child->failure.is_failure ? child->failure.words : "the job's process gave up");
    return !child->failure.is_failure || child->failure.again;
}

static void end_job(struct worker *worker, const struct job *job, const struct child *child)
{
    const struct registry *registry = &worker->registry;
    char words[PARE_ERROR_TEXT_MAX] = "the worker was stopped; the job waits again";
    struct pare_error err;
    if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0) {
        worker->options->say("job %lld: done", (long long)job->id);
        return;
    }
    bool stopped = was_stopped(worker, child);
    bool again = stopped || put_failure(child, words, sizeof(words));
    worker->options->say("job %lld: %s", (long long)job->id, words);
    queue_log(registry, job, "attempt %d: %s", job->attempt, words);
    if (!(stopped ? queue_give_back(registry, job, &err)
                  : queue_fail(registry, job, words, again, &err)))
        worker->options->say("job %lld: %s", (long long)job->id, err.text);
}

static bool work_on(struct worker *worker, const struct job *job, struct pare_error *err)
{
    struct child child;
    worker->options->say("job %lld: %s of %s:%s, attempt %d of %d", (long long)job->id, job->kind,
                         job->model_name, job->model_version, job->attempt, job->max_attempts);
    queue_log(&worker->registry, job, "attempt %d on %s", job->attempt, worker->name);
    job_hold("claimed");
    if (!start_child(worker, job, &child, err))
        return false;
    watch_child(worker, job, &child);
    end_job(worker, job, &child);
    return true;
}

/* ---- the loop ---- */

static bool connect_again(struct worker *worker, struct pare_error *err)
{
    /* No interrupt: a worker that is stopped still has to give its job back. */
    const struct pg_options options = { .conninfo = worker->options->conninfo };
    registry_done(&worker->registry);
    pg_close(worker->pg);
    worker->pg = NULL;
    return pg_open(&options, &worker->pg, err) &&
           registry_init(&worker->registry, worker->pg, false, err) &&
           registry_allows(&worker->registry, REGISTRY_WRITE, err);
}

/* One look into the queue; *ret_worked tells whether there was a job. */
static bool look_once(struct worker *worker, bool *ret_worked, struct pare_error *err)
{
    struct arena arena = { 0 };
    struct job job;
    bool ok = queue_claim(&worker->registry, job_kinds, worker->name, worker->lease_seconds,
                          worker->options->only, &arena, &job, err);
    *ret_worked = ok && job.id;
    if (*ret_worked)
        ok = work_on(worker, &job, err);
    arena_done(&arena);
    return ok;
}

/* Whether the one job this worker is for is still open, waiting for another try. */
static bool only_is_open(struct worker *worker)
{
    struct arena arena = { 0 };
    struct job_row row;
    struct pare_error err;
    bool known = queue_get(&worker->registry, worker->options->only, &arena, &row, &err);
    /* A lost connection says nothing about the job. */
    bool open = known ? !strcmp(row.state, "queued") || !strcmp(row.state, "running")
                      : err.code == PARE_ERR_NO_DATABASE;
    arena_done(&arena);
    return open;
}

static bool is_through(struct worker *worker, int64_t busy_ms)
{
    const struct worker_options *options = worker->options;
    if (options->only)
        return !only_is_open(worker);
    return options->once || (options->idle_seconds &&
                             clock_now_ms() - busy_ms > (int64_t)options->idle_seconds * 1000);
}

/* Who was started for one job and is watched by nobody does not wait for a server for ever. */
static bool waits_for_server(const struct worker *worker, int64_t *lost_ms)
{
    if (*lost_ms == 0)
        *lost_ms = clock_now_ms();
    return !worker->options->only || clock_now_ms() - *lost_ms < LOST_MAX_MS;
}

/*
 * While nothing waits, what A/B tests brought is rolled up. A worker lives for jobs: whatever goes wrong
 * here, a missing table or right, is tried again later and said by who looks at a test.
 */
static void roll_up(struct worker *worker)
{
    struct pare_error ignored;
    enum rollup_next next = ROLLUP_IDLE;
    int64_t now_ms = clock_now_ms();
    if (worker->options->only || now_ms < worker->roll_ms || !rollup_can(&worker->registry))
        return;
    worker->roll_ms = now_ms + ROLLUP_EVERY_MS;
    if (now_ms >= worker->upkeep_ms) {
        worker->upkeep_ms = now_ms + ROLLUP_RECOUNT_MS;
        if (!rollup_upkeep(&worker->registry, &ignored))
            worker->roll_ms = worker->upkeep_ms;
    }
    do {
        if (!rollup_tick(&worker->registry, &worker->rollup, &next, &ignored))
            worker->roll_ms = worker->upkeep_ms;
    } while (next == ROLLUP_STEP && clock_now_ms() - now_ms < IDLE_POLL_MS);
}

static bool loop(struct worker *worker, struct pare_error *err)
{
    int64_t busy_ms = clock_now_ms(), lost_ms = 0;
    while (!*worker->options->stop) {
        bool worked = false;
        if (!pg_is_open(worker->pg) && !connect_again(worker, err)) {
            if (err->code != PARE_ERR_NO_DATABASE || !waits_for_server(worker, &lost_ms))
                return false;
            clock_pause_ms(IDLE_POLL_MS);
            continue;
        }
        lost_ms = 0;
        if (!look_once(worker, &worked, err)) {
            if (pg_is_open(worker->pg))
                return false;
            continue;
        }
        if (worked)
            busy_ms = clock_now_ms();
        else if (is_through(worker, busy_ms))
            return true;
        else {
            roll_up(worker);
            clock_pause_ms(IDLE_POLL_MS);
        }
    }
    return true;
}

bool worker_run(const struct worker_options *options, struct pare_error *err)
{
    char host[256] = "localhost";
    struct worker worker = { .options = options };
    signal(SIGPIPE, SIG_IGN); /* a job's pipe may lose its reader */
    gethostname(host, sizeof(host) - 1);
    snprintf(worker.name, sizeof(worker.name), "%s, process %d", host, (int)getpid());
    worker.lease_seconds = options->lease_seconds ? options->lease_seconds : QUEUE_LEASE_SECONDS;
    bool ok = connect_again(&worker, err) && loop(&worker, err);
    rollup_done(&worker.rollup);
    registry_done(&worker.registry);
    pg_close(worker.pg);
    return ok || (*options->stop && err->code == PARE_ERR_INTERRUPTED);
}
