/* SPDX-License-Identifier: MIT */
/* The job queue as an event loop has it: the questions of browse.h for jobs and datasets. */
#ifndef PARE_REGISTRY_BROWSE_JOBS_H
#define PARE_REGISTRY_BROWSE_JOBS_H

#include "registry/browse.h"
#include "registry/dataset.h"
#include "registry/queue.h"

/* The open jobs, then the newest; of the job `id` (0: of none) the last lines of its log too. */
void browse_ask_jobs(struct browse_batch *batch, int64_t id);

struct browse_jobs {
    struct job_row *jobs;
    size_t count;
    struct job_line *lines; /* oldest first */
    size_t line_count;
};
MUST_CHECK bool browse_take_jobs(struct pg_rows *const *rows, size_t statement_count,
                                 struct arena *arena, struct browse_jobs *ret_jobs,
                                 struct pare_error *err);

/* One job and its log behind line `after`; then browse_take_jobs(), count 0 when it is gone. */
void browse_ask_job(struct browse_batch *batch, int64_t id, int64_t after);

/*
 * Of the newest jobs those that failed since `since`, a server's time as an earlier answer gave it;
 * NULL asks for the time alone.
 */
struct browse_failed {
    int64_t count, last_id;
    const char *name, *version; /* of the last one's model; NULL when there is none */
    const char *now;
};
void browse_ask_failed(struct browse_batch *batch, const char *since);
/* Texts live in `rows`. */
void browse_take_failed(const struct pg_rows *rows, struct browse_failed *ret_failed);

/* Cancel or retry: a row when it could be done. */
void browse_ask_cancel(struct browse_batch *batch, const struct registry *registry, int64_t id);
void browse_ask_retry(struct browse_batch *batch, int64_t id);

/* Then queue_submit_take(). The order's texts live as long as the batch. */
MUST_CHECK bool browse_ask_submit(struct browse_batch *batch, const struct registry *registry,
                                  const struct queue_order *order, struct pare_error *err);

/* Then dataset_list_take(). */
void browse_ask_datasets(struct browse_batch *batch);

#endif
