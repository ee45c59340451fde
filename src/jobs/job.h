/* SPDX-License-Identifier: MIT */
/*
 * What a job does, seen from inside the process that runs it.
 *
 * That process is a child of the worker, made for this one job: a crash in the
 * engine takes down nothing else. It has a connection of its own and tells its
 * supervisor how far it is through a pipe; the supervisor holds the lease.
 */
#ifndef PARE_JOBS_JOB_H
#define PARE_JOBS_JOB_H

#include <signal.h>

#include "base/base.h"
#include "registry/queue.h"

struct pare_error;
struct registry;

/* How far a job is. Shorter than PIPE_BUF, so that it arrives whole through a pipe. */
struct job_news {
    bool is_failure;
    bool again; /* of a failure: worth another try */
    int code;   /* of a failure: enum pare_error_code */
    double done_fraction;
    char words[1024]; /* clean, zero-terminated */
};

struct job_run {
    const struct registry *registry;
    const struct job *job;
    const char *spool; /* an empty folder for this job, removed after it */
    /* Hears how far it is, at most ten times a second; NULL: nobody asks. */
    void (*told)(void *data, const struct job_news *news);
    void *data;
    const volatile sig_atomic_t *cancelled;
    double reading_share; /* of the whole job: reading versions is told as so much of it */
    int64_t told_ms;      /* kept by job_tell */
};

struct job_kind {
    const char *name; /* as in pare.jobs.kind */
    /* Do it all, the publishing and queue_finish() included. */
    bool (*run)(struct job_run *run, struct pare_error *err);
};

/* NULL when this program knows no such kind. */
const struct job_kind *job_kind_find(const char *name);

/* The kinds as an array literal of PostgreSQL, for queue_claim(). */
extern const char job_kinds[];

/* How far it is. False: somebody asked the job to stop. */
bool job_tell(struct job_run *run, double done_fraction, const char *words);

/*
 * The named moments at which a test build waits to be killed; nothing in any other build.
 * With PARE_HOLD=name the process makes the file PARE_HOLD_FILE and waits until it is gone.
 */
#ifdef PARE_HOLDS
void job_hold(const char *moment);
#else
static inline void job_hold(const char *moment)
{
    (void)moment;
}
#endif

extern const struct job_kind job_transform, job_measure, job_replay;

#endif
