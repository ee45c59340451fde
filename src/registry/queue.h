/* SPDX-License-Identifier: MIT */
/*
 * The job queue: rows of pare.jobs, shared by every worker of a registry.
 *
 * A claim is a lease. The worker renews it while it runs; a lease that lapses
 * puts the job back in the queue, so a worker that dies costs only time. Each
 * claim bumps the job's fence, and the transaction that publishes a result checks
 * it: a worker that slept past its lease can do no harm when it wakes.
 * The statements are in sql/query/queue.sql and are used by this module only.
 */
#ifndef PARE_REGISTRY_QUEUE_H
#define PARE_REGISTRY_QUEUE_H

#include "base/base.h"

struct arena;
struct pare_error;
struct pg;
struct pg_arg;
struct pg_rows;
struct registry;
struct version;

enum { QUEUE_LEASE_SECONDS = 30, QUEUE_ATTEMPTS = 3 };

/* A claimed job. Strings live in the arena of the claim. */
struct job {
    int64_t id;
    const char *kind; /* "transform", "measure": names a handler in jobs/job.h */
    int64_t model_id; /* the version it starts from */
    const char *model_name, *model_version;
    const char *spec;          /* JSON, as the submitter wrote it */
    int64_t fence;             /* with id, the key of the lease */
    int attempt, max_attempts; /* 1 on the first run */
    const char *actor;
};

/* What a worker learns when it renews its lease. */
enum queue_verdict {
    QUEUE_CONTINUE,
    QUEUE_CANCEL, /* someone asked the job to stop */
    QUEUE_LOST,   /* the lease had lapsed; another worker may hold the job */
};

struct queue_order {
    const char *kind;
    const struct version *version; /* it starts from */
    const char *spec;              /* JSON */
};

/* Add a waiting job. One that would do the same and is open is that job: *ret_added false. */
MUST_CHECK bool queue_submit(const struct registry *registry, const struct queue_order *order,
                             int64_t *ret_id, bool *ret_added, struct pare_error *err);

/*
 * Claim the oldest waiting job of `kinds` ("{transform,measure}"), or of one whose worker is lost;
 * `only` (0: any) narrows it to one. The job lives in `arena`. An empty queue is no error: the
 * call succeeds with ret_job->id 0.
 */
MUST_CHECK bool queue_claim(const struct registry *registry, const char *kinds, const char *worker,
                            int lease_seconds, int64_t only, struct arena *arena,
                            struct job *ret_job, struct pare_error *err);

/* Renew the lease and record how far the job is, 0 to 1, and what it is at (may be NULL). */
MUST_CHECK bool queue_renew(const struct registry *registry, const struct job *job,
                            int lease_seconds, double done_fraction, const char *words,
                            enum queue_verdict *ret_verdict, struct pare_error *err);

/*
 * End the lease inside the transaction, already open on `pg`, that makes the result. Fails with
 * PARE_ERR_REFUSED if the lease was lost; roll back then.
 */
MUST_CHECK bool queue_finish(struct pg *pg, const struct job *job, int64_t result_id,
                             struct pare_error *err);

/* End the lease with `why`. `again`: worth another try, while attempts are left. */
MUST_CHECK bool queue_fail(const struct registry *registry, const struct job *job, const char *why,
                           bool again, struct pare_error *err);

/* A worker that is stopped ends its lease: the job waits again, with the attempt it had. */
MUST_CHECK bool queue_give_back(const struct registry *registry, const struct job *job,
                                struct pare_error *err);

/* A line for people; best effort. */
void queue_log(const struct registry *registry, const struct job *job, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* ---- for those who look on ---- */

struct job_row {
    int64_t id, model_id, result_id;
    const char *kind, *model_name, *model_version, *spec, *state, *worker, *actor;
    const char *submitted_at, *started_at, *ended_at, *result_name, *result_version, *error, *words;
    int attempt, max_attempts;
    bool cancel_requested;
    double done_fraction;   /* 0 to 1 */
    double running_seconds; /* NAN before it started */
    double beat_seconds;    /* since the newest heartbeat; NAN without one */
};

/* The open jobs, then the newest, at most `limit`; strings in `arena`. */
MUST_CHECK bool queue_list(const struct registry *registry, int64_t limit, struct arena *arena,
                           struct job_row **ret_jobs, size_t *ret_count, struct pare_error *err);

/* PARE_ERR_NOT_FOUND when there is none. */
MUST_CHECK bool queue_get(const struct registry *registry, int64_t id, struct arena *arena,
                          struct job_row *ret_job, struct pare_error *err);

struct job_line {
    int64_t line;
    const char *at, *words;
    int attempt;
};
/* The log behind line `after`, at most 1000 lines. */
MUST_CHECK bool queue_read_log(const struct registry *registry, int64_t id, int64_t after,
                               struct arena *arena, struct job_line **ret_lines, size_t *ret_count,
                               struct pare_error *err);

/* A waiting job ends at once, a running one is asked to. PARE_ERR_REFUSED when it has ended. */
MUST_CHECK bool queue_cancel(const struct registry *registry, int64_t id, struct pare_error *err);

/* A failed or cancelled job waits again, with all its attempts. */
MUST_CHECK bool queue_retry(const struct registry *registry, int64_t id, struct pare_error *err);

/* ---- in halves, for who cannot wait: what to ask, and what the rows say ---- */

enum { QUEUE_SUBMIT_ARGS = 8, QUEUE_LIMIT = 200 };

/* The QUEUE_SUBMIT_ARGS arguments of query_queue_submit; their texts live in `arena` or in the order. */
MUST_CHECK bool queue_submit_args(const struct registry *registry, const struct queue_order *order,
                                  struct arena *arena, struct pg_arg *ret_args,
                                  struct pare_error *err);
MUST_CHECK bool queue_submit_take(const struct pg_rows *rows, int64_t *ret_id, bool *ret_added,
                                  struct pare_error *err);
MUST_CHECK bool queue_list_take(const struct pg_rows *rows, struct arena *arena,
                                struct job_row **ret_jobs, size_t *ret_count,
                                struct pare_error *err);
MUST_CHECK bool queue_log_take(const struct pg_rows *rows, struct arena *arena,
                               struct job_line **ret_lines, size_t *ret_count,
                               struct pare_error *err);

#endif
