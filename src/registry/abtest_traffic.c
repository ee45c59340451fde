/* SPDX-License-Identifier: MIT */
#include "registry/abtest_traffic.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "pg/pg.h"
#include "registry/query.auto.h"
#include "registry/queue.h"
#include "registry/registry.h"
#include "stats/bucket.h"

enum { JSON_MAX = 4 << 20 };

bool traffic_init(const struct registry *registry, int64_t test_id, const struct job *job,
                  struct traffic *ret_traffic, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_abtest_is_counted, PG_ARGS(PG_INT(test_id)), &rows, err))
        return false;
    *ret_traffic =
        (struct traffic){ .test_id = test_id, .job = job, .counted = pg_bool(rows, 0, 0) };
    buf_init(&ret_traffic->json, JSON_MAX);
    return true;
}

void traffic_done(struct traffic *traffic)
{
    buf_done(&traffic->json);
}

bool traffic_recorded(const struct registry *registry, const struct traffic *traffic,
                      const char *query_begin, int64_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_abtest_recorded,
                 PG_ARGS(PG_INT(traffic->test_id), PG_TEXT(query_begin)), &rows, err))
        return false;
    *ret_count = pg_int(rows, 0, 0);
    return true;
}

void traffic_add(struct traffic *traffic, const struct traffic_result *result)
{
    struct buf *json = &traffic->json;
    buf_printf(json, "%s{\"model_id\": %lld, \"query\": ", traffic->waiting ? ",\n" : "[",
               (long long)result->model_id);
    json_put_string(json, result->query);
    buf_text(json, ", \"response\": ");
    json_put_string(json, result->response);
    buf_printf(json, ", \"latency_ms\": %lld", (long long)MIN(result->latency_ms, INT32_MAX));
    if (result->rating)
        buf_printf(json, ", \"user_feedback\": %d", result->rating);
    buf_char(json, '}');
    traffic->waiting++;
    traffic->sent[result->arm]++;
}

/* ---- writing ---- */

static struct traffic_route read_route(const struct pg_rows *rows)
{
    enum bucket_split ignored;
    struct traffic_route route = { 0 };
    if (pg_row_count(rows) == 0)
        return route;
    route.running = pg_bool(rows, 0, 0);
    route.cut = bucket_cut(pg_text(rows, 0, 1), &ignored);
    route.model_ids[0] = pg_int(rows, 0, 2);
    route.model_ids[1] = pg_int(rows, 0, 3);
    snprintf(route.salt, sizeof(route.salt), "%s", pg_text(rows, 0, 4));
    return route;
}

static bool check_route(const struct pg_rows *rows, struct pare_error *err)
{
    return pg_row_count(rows) == 0 || strlen(pg_text(rows, 0, 4)) < TRAFFIC_SALT ||
           error_set(err, PARE_ERR_UNSUPPORTED, "the test's salt is longer than %d bytes",
                     TRAFFIC_SALT - 1);
}

/* One transaction: BEGIN, these, COMMIT. Rows that met no lease undo nothing but are none. */
static bool write_rows(const struct registry *registry, struct traffic *traffic,
                       struct pg_rows *rows[3], struct pare_error *err)
{
    const struct pg_arg record[] = { PG_INT(traffic->test_id), PG_TEXT(buf_string(&traffic->json)),
                                     PG_INT(traffic->job->id), PG_INT(traffic->job->fence) };
    const struct pg_arg sent[] = { PG_INT(traffic->test_id), PG_INT(traffic->sent[0]),
                                   PG_INT(traffic->job->id), PG_INT(traffic->job->fence),
                                   PG_INT(traffic->sent[1]) };
    const struct pg_statement all[] = {
        { .sql = query_abtest_route, .args = record, .arg_count = 1 },
        { .sql = query_abtest_record_many, .args = record, .arg_count = ARRAY_SIZE(record) },
        { .sql = query_abtest_sent, .args = sent, .arg_count = ARRAY_SIZE(sent) },
    };
    size_t count = traffic->waiting == 0 ? 1 : traffic->counted ? 3 : 2;
    return pg_run(registry->pg, true, all, count, rows, err);
}

bool traffic_write(const struct registry *registry, struct traffic *traffic,
                   struct traffic_route *ret_route, struct pare_error *err)
{
    struct pg_rows *rows[3] = { 0 };
    if (traffic->waiting)
        buf_char(&traffic->json, ']');
    bool ok = buf_ok(&traffic->json, err) && write_rows(registry, traffic, rows, err) &&
              check_route(rows[0], err);
    if (ok && traffic->waiting && pg_affected(rows[1]) != traffic->waiting)
        ok = error_set(err, PARE_ERR_REFUSED, "the lease of the job was lost to another worker");
    if (ok)
        *ret_route = read_route(rows[0]);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        pg_rows_free(rows[i]);
    buf_clear(&traffic->json);
    traffic->waiting = 0;
    traffic->sent[0] = traffic->sent[1] = 0;
    return ok;
}
