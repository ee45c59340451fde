/* SPDX-License-Identifier: MIT */
#include "registry/browse_jobs.h"

#include "registry/query.auto.h"
#include "registry/registry.h"

enum { JOBS_ROWS, JOBS_LOG };

void browse_ask_jobs(struct browse_batch *batch, int64_t id)
{
    browse_ask(batch, query_queue_list, PG_ARGS(PG_INT(QUEUE_LIMIT)));
    if (id)
        browse_ask(batch, query_queue_log_tail, PG_ARGS(PG_INT(id)));
}

void browse_ask_job(struct browse_batch *batch, int64_t id, int64_t after)
{
    browse_ask(batch, query_queue_get, PG_ARGS(PG_INT(id)));
    browse_ask(batch, query_queue_log, PG_ARGS(PG_INT(id), PG_INT(after)));
}

bool browse_take_jobs(struct pg_rows *const *rows, size_t statement_count, struct arena *arena,
                      struct browse_jobs *ret_jobs, struct pare_error *err)
{
    struct browse_jobs jobs = { 0 };
    if (!queue_list_take(rows[JOBS_ROWS], arena, &jobs.jobs, &jobs.count, err) ||
        (statement_count > JOBS_LOG &&
         !queue_log_take(rows[JOBS_LOG], arena, &jobs.lines, &jobs.line_count, err)))
        return false;
    *ret_jobs = jobs;
    return true;
}

void browse_ask_failed(struct browse_batch *batch, const char *since)
{
    browse_ask(batch, query_queue_failed, PG_ARGS(PG_TEXT(since), PG_INT(QUEUE_LIMIT)));
}

void browse_take_failed(const struct pg_rows *rows, struct browse_failed *ret_failed)
{
    *ret_failed = (struct browse_failed){ 0 };
    if (pg_row_count(rows) == 0)
        return;
    ret_failed->count = pg_int(rows, 0, 0);
    ret_failed->last_id = pg_null(rows, 0, 1) ? 0 : pg_int(rows, 0, 1);
    ret_failed->name = pg_text(rows, 0, 2);
    ret_failed->version = pg_text(rows, 0, 3);
    ret_failed->now = pg_text(rows, 0, 4);
}

void browse_ask_cancel(struct browse_batch *batch, const struct registry *registry, int64_t id)
{
    batch->write = true;
    browse_ask(batch, query_queue_cancel, PG_ARGS(PG_INT(id), PG_TEXT(registry->actor)));
}

void browse_ask_retry(struct browse_batch *batch, int64_t id)
{
    batch->write = true;
    browse_ask(batch, query_queue_retry, PG_ARGS(PG_INT(id)));
}

bool browse_ask_submit(struct browse_batch *batch, const struct registry *registry,
                       const struct queue_order *order, struct pare_error *err)
{
    struct pg_arg args[QUEUE_SUBMIT_ARGS];
    if (!queue_submit_args(registry, order, batch->arena, args, err))
        return false;
    batch->write = true;
    browse_ask(batch, query_queue_submit, args, ARRAY_SIZE(args));
    return true;
}

void browse_ask_datasets(struct browse_batch *batch)
{
    browse_ask(batch, query_dataset_list, PG_ARGS(PG_NULL));
}
