/* SPDX-License-Identifier: MIT */
#include "registry/queue.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/query.auto.h"
#include "registry/registry.h"
#include "registry/version.h"

enum { LOG_LINE_MAX = 1000 };

/* Kind, version and spec make a job what it is. */
static char *uniq_of(const struct queue_order *order, struct arena *arena)
{
    unsigned char sum[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    struct buf buf;
    buf_init(&buf, 8 << 20);
    buf_printf(&buf, "%s\n%lld\n%s", order->kind, (long long)order->version->id, order->spec);
    bool ok = !buf.no_memory && !buf.over_ceiling;
    digest_of(buf_string(&buf), buf.length, sum);
    digest_hex(sum, hex);
    buf_done(&buf);
    return ok ? arena_strdup(arena, hex) : NULL;
}

bool queue_submit_args(const struct registry *registry, const struct queue_order *order,
                       struct arena *arena, struct pg_arg *ret_args, struct pare_error *err)
{
    const char *uniq = uniq_of(order, arena);
    if (!uniq)
        return error_set(err, PARE_ERR_USAGE, "a job description of more than 8 MB");
    const struct pg_arg args[QUEUE_SUBMIT_ARGS] = {
        PG_TEXT(order->kind),
        PG_INT(order->version->id),
        PG_TEXT(order->version->raw_name),
        PG_TEXT(order->version->raw_version),
        PG_TEXT(order->spec),
        PG_TEXT(uniq),
        PG_TEXT(registry->actor),
        PG_INT(QUEUE_ATTEMPTS),
    };
    memcpy(ret_args, args, sizeof(args));
    return true;
}

bool queue_submit_take(const struct pg_rows *rows, int64_t *ret_id, bool *ret_added,
                       struct pare_error *err)
{
    if (pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_FAILED, "the same job ended this very moment; try again");
    *ret_id = pg_int(rows, 0, 0);
    *ret_added = pg_bool(rows, 0, 1);
    return true;
}

bool queue_submit(const struct registry *registry, const struct queue_order *order, int64_t *ret_id,
                  bool *ret_added, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    struct arena arena = { 0 };
    struct pg_arg args[QUEUE_SUBMIT_ARGS];
    bool ok = registry_allows(registry, REGISTRY_WRITE, err) &&
              queue_submit_args(registry, order, &arena, args, err) &&
              pg_write(registry->pg, query_queue_submit, args, ARRAY_SIZE(args), &rows, err) &&
              queue_submit_take(rows, ret_id, ret_added, err);
    arena_done(&arena);
    return ok;
}

bool queue_claim(const struct registry *registry, const char *kinds, const char *worker,
                 int lease_seconds, int64_t only, struct arena *arena, struct job *ret_job,
                 struct pare_error *err)
{
    const struct pg_arg args[] = { PG_TEXT(kinds), PG_TEXT(worker), PG_INT(lease_seconds),
                                   only ? PG_INT(only) : PG_NULL };
    const struct pg_statement statements[] = {
        { .sql = query_queue_reap },
        { .sql = query_queue_claim, .args = args, .arg_count = ARRAY_SIZE(args) },
    };
    struct pg_rows *rows[2] = { NULL, NULL };
    if (!pg_run(registry->pg, true, statements, ARRAY_SIZE(statements), rows, err))
        return false;
    struct job job = { 0 };
    const struct pg_rows *r = rows[1];
    if (pg_row_count(r) > 0)
        job = (struct job){
            .id = pg_int(r, 0, 0),
            .kind = arena_strdup(arena, pg_text(r, 0, 1)),
            .model_id = pg_int(r, 0, 2),
            .model_name = arena_strdup(arena, pg_text(r, 0, 3)),
            .model_version = arena_strdup(arena, pg_text(r, 0, 4)),
            .spec = arena_strdup(arena, pg_text(r, 0, 5)),
            .fence = pg_int(r, 0, 6),
            .attempt = (int)pg_int(r, 0, 7),
            .max_attempts = (int)pg_int(r, 0, 8),
            .actor = arena_strdup(arena, pg_text(r, 0, 9)),
        };
    pg_rows_free(rows[0]);
    pg_rows_free(rows[1]);
    *ret_job = job;
    return true;
}

bool queue_renew(const struct registry *registry, const struct job *job, int lease_seconds,
                 double done_fraction, const char *words, enum queue_verdict *ret_verdict,
                 struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_write(registry->pg, query_queue_renew,
                  PG_ARGS(PG_INT(job->id), PG_INT(job->fence), PG_INT(lease_seconds),
                          PG_NUMBER(done_fraction), PG_TEXT(words)),
                  &rows, err))
        return false;
    *ret_verdict = pg_row_count(rows) == 0 ? QUEUE_LOST
                   : pg_bool(rows, 0, 0)   ? QUEUE_CANCEL
                                           : QUEUE_CONTINUE;
    return true;
}

bool queue_finish(struct pg *pg, const struct job *job, int64_t result_id, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_query(
            pg, query_queue_finish,
            PG_ARGS(PG_INT(job->id), PG_INT(job->fence), result_id ? PG_INT(result_id) : PG_NULL),
            &rows, err))
        return false;
    return pg_row_count(rows) > 0 ||
           error_set(err, PARE_ERR_REFUSED,
                     "job %lld was taken over by another worker or cancelled while this one slept; "
                     "nothing was kept",
                     (long long)job->id);
}

bool queue_fail(const struct registry *registry, const struct job *job, const char *why, bool again,
                struct pare_error *err)
{
    return pg_write(registry->pg, query_queue_fail,
                    PG_ARGS(PG_INT(job->id), PG_INT(job->fence), PG_TEXT(why), PG_BOOL(again)),
                    NULL, err);
}

bool queue_give_back(const struct registry *registry, const struct job *job, struct pare_error *err)
{
    return pg_write(registry->pg, query_queue_give_back,
                    PG_ARGS(PG_INT(job->id), PG_INT(job->fence)), NULL, err);
}

void queue_log(const struct registry *registry, const struct job *job, const char *fmt, ...)
{
    char raw[LOG_LINE_MAX], words[LOG_LINE_MAX];
    struct pare_error ignored;
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    text_clean(raw, strlen(raw), words, sizeof(words));
    (void)!pg_write(registry->pg, query_queue_log_add,
                    PG_ARGS(PG_INT(job->id), PG_INT(job->fence), PG_TEXT(words)), NULL, &ignored);
}

/* ---- for those who look on ---- */

static struct job_row read_row(const struct pg_rows *rows, int row, struct arena *arena)
{
    return (struct job_row){
        .id = pg_int(rows, row, 0),
        .kind = arena_strdup(arena, pg_text(rows, row, 1)),
        .model_id = pg_int(rows, row, 2),
        .model_name = text_clean_dup(arena, pg_text(rows, row, 3)),
        .model_version = text_clean_dup(arena, pg_text(rows, row, 4)),
        .spec = text_clean_dup(arena, pg_text(rows, row, 5)),
        .state = arena_strdup(arena, pg_text(rows, row, 6)),
        .attempt = (int)pg_int(rows, row, 7),
        .max_attempts = (int)pg_int(rows, row, 8),
        .worker = text_clean_dup(arena, pg_text(rows, row, 9)),
        .actor = text_clean_dup(arena, pg_text(rows, row, 10)),
        .submitted_at = arena_strdup(arena, pg_text(rows, row, 11)),
        .started_at = arena_strdup(arena, pg_text(rows, row, 12)),
        .ended_at = arena_strdup(arena, pg_text(rows, row, 13)),
        .cancel_requested = pg_bool(rows, row, 14),
        .result_id = pg_int(rows, row, 15),
        .result_name = text_clean_dup(arena, pg_text(rows, row, 16)),
        .result_version = text_clean_dup(arena, pg_text(rows, row, 17)),
        .error = text_clean_dup(arena, pg_text(rows, row, 18)),
        .done_fraction = pg_number(rows, row, 19),
        .words = text_clean_dup(arena, pg_text(rows, row, 20)),
        .running_seconds = pg_number(rows, row, 21),
        .beat_seconds = pg_number(rows, row, 22),
    };
}

bool queue_list_take(const struct pg_rows *rows, struct arena *arena, struct job_row **ret_jobs,
                     size_t *ret_count, struct pare_error *err)
{
    int count = pg_row_count(rows);
    struct job_row *jobs = arena_array(arena, (size_t)count + 1, sizeof(*jobs));
    if (!jobs)
        return error_no_memory(err, (size_t)count * sizeof(*jobs));
    for (int i = 0; i < count; i++)
        jobs[i] = read_row(rows, i, arena);
    *ret_jobs = jobs;
    *ret_count = (size_t)count;
    return true;
}

bool queue_list(const struct registry *registry, int64_t limit, struct arena *arena,
                struct job_row **ret_jobs, size_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    return registry_allows(registry, REGISTRY_SEE, err) &&
           pg_read(registry->pg, query_queue_list, PG_ARGS(PG_INT(limit)), &rows, err) &&
           queue_list_take(rows, arena, ret_jobs, ret_count, err);
}

bool queue_get(const struct registry *registry, int64_t id, struct arena *arena,
               struct job_row *ret_job, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!registry_allows(registry, REGISTRY_SEE, err) ||
        !pg_read(registry->pg, query_queue_get, PG_ARGS(PG_INT(id)), &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "no job %lld; see: pare jobs", (long long)id);
    *ret_job = read_row(rows, 0, arena);
    return true;
}

bool queue_log_take(const struct pg_rows *rows, struct arena *arena, struct job_line **ret_lines,
                    size_t *ret_count, struct pare_error *err)
{
    int count = pg_row_count(rows);
    struct job_line *lines = arena_array(arena, (size_t)count + 1, sizeof(*lines));
    if (!lines)
        return error_no_memory(err, (size_t)count * sizeof(*lines));
    for (int i = 0; i < count; i++)
        lines[i] = (struct job_line){
            .line = pg_int(rows, i, 0),
            .at = arena_strdup(arena, pg_text(rows, i, 1)),
            .attempt = (int)pg_int(rows, i, 2),
            .words = text_clean_dup(arena, pg_text(rows, i, 3)),
        };
    *ret_lines = lines;
    *ret_count = (size_t)count;
    return true;
}

bool queue_read_log(const struct registry *registry, int64_t id, int64_t after, struct arena *arena,
                    struct job_line **ret_lines, size_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    return registry_allows(registry, REGISTRY_SEE, err) &&
           pg_read(registry->pg, query_queue_log, PG_ARGS(PG_INT(id), PG_INT(after)), &rows, err) &&
           queue_log_take(rows, arena, ret_lines, ret_count, err);
}

/* The change, or why the job is in no state for it. */
static bool change(const struct registry *registry, const char *sql, const struct pg_arg *args,
                   size_t arg_count, const char *verb, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    struct arena arena = { 0 };
    struct job_row row;
    if (!registry_allows(registry, REGISTRY_WRITE, err) ||
        !pg_write(registry->pg, sql, args, arg_count, &rows, err))
        return false;
    if (pg_row_count(rows) > 0)
        return true;
    if (queue_get(registry, args[0].integer, &arena, &row, err))
        error_set(err, PARE_ERR_REFUSED, "job %lld is %s: nothing to %s", (long long)row.id,
                  row.state, verb);
    arena_done(&arena);
    return false;
}

bool queue_cancel(const struct registry *registry, int64_t id, struct pare_error *err)
{
    return change(registry, query_queue_cancel, PG_ARGS(PG_INT(id), PG_TEXT(registry->actor)),
                  "cancel", err);
}

bool queue_retry(const struct registry *registry, int64_t id, struct pare_error *err)
{
    return change(registry, query_queue_retry, PG_ARGS(PG_INT(id)), "retry", err);
}
