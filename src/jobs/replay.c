/* SPDX-License-Identifier: MIT */
/*
 * Traffic for a running A/B test out of a dataset: rows in turn, each sent to the version that its
 * hash says, at a rate that the clock keeps.
 *
 * Request n is due at start + n / rate, whatever became of those before: nothing drifts, and one
 * that is late is sent all the same. What it took is the version's own time; how late it was is
 * for the log. Every result says in its query that a replay brought it and, where the rating is
 * the label's and no person's, that too.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "jobs/job.h"
#include "jobs/order.h"
#include "jobs/spool.h"
#include "measure/dataset.h"
#include "measure/responder.h"
#include "pg/pg.h"
#include "registry/abtest.h"
#include "registry/abtest_traffic.h"
#include "registry/catalog.h"
#include "registry/dataset.h"
#include "registry/registry.h"
#include "stats/bucket.h"

enum {
    THREADS = ORDER_MEASURE_THREADS, /* of each version, as measuring has them */
    WRITE_EVERY_MS = 200,
    LOOK_EVERY_MS = 1000, /* for a new split, and the end */
    LOG_EVERY_MS = 60 * 1000,
    PAUSE_MAX_MS = 100,
    LATE_MS = 10, /* less is no news */
    QUERY_MAX = 400,
    UNIT_ROOM = 64,
    BEGIN_ROOM = 40,
    MARK_ROOM = 80,
    WORDS_ROOM = 200,
};

/* What is asked for, from the job's description. */
struct wanted {
    int64_t test_id, requests, seconds; /* 0 and 0: until both defaults are reached */
    double rate;
};

struct arm {
    struct version version;
    int64_t sent, failed;
};

struct replay {
    struct job_run *run;
    struct arena arena;
    struct wanted wanted;
    struct dataset_row row;
    struct dataset dataset;
    struct arm arms[2];
    struct responder *responder;
    struct traffic traffic;
    struct traffic_route route;
    char mark[MARK_ROOM]; /* "[replay 7] [derived rating] ": its queries begin so */
    int64_t next;         /* the request that is next, from 0 */
    int64_t first;        /* of this try of the job */
    int64_t began_ms;     /* when request 0 was due */
    int64_t written_ms, logged_ms;
    int64_t late, worst_ms; /* requests begun after their time, and by how much at most */
};

static const double reading_end = 0.05;
static const char *const arm_words[] = { "A", "B" };

/* ---- what is asked for ---- */

/* A whole number from 0 on, whatever stands there. */
static int64_t whole_of(const cJSON *spec, const char *key)
{
    double value = json_number(spec, key, 0);
    return value >= 0 ? (int64_t)fmin(value, 1e15) : 0;
}

static bool read_wanted(struct replay *r, const cJSON *spec, struct pare_error *err)
{
    struct wanted *wanted = &r->wanted;
    wanted->test_id = whole_of(spec, "test_id");
    wanted->requests = whole_of(spec, "requests");
    wanted->seconds = MIN(whole_of(spec, "seconds"), INT32_MAX);
    wanted->rate = json_number(spec, "rate", 0);
    if (!(wanted->rate >= ORDER_REPLAY_RATE_MIN && wanted->rate <= ORDER_REPLAY_RATE_MAX))
        return error_set(err, PARE_ERR_USAGE, "the job's description has no rate from %g to %g",
                         ORDER_REPLAY_RATE_MIN, ORDER_REPLAY_RATE_MAX);
    return true;
}

/* One arm's version; the job started from A's. */
static bool find_arm(struct replay *r, const struct abtest *test, int arm, struct pare_error *err)
{
    const struct abtest_arm *of = arm ? &test->b : &test->a;
    struct version *version = &r->arms[arm].version;
    if (of->id && !catalog_by_id(r->run->registry, of->id, &r->arena, version, err))
        return false;
    return version->id || error_set(err, PARE_ERR_NOT_FOUND, "%s, #%lld, has vanished",
                                    arm_words[arm], (long long)of->id);
}

static bool find_test(struct replay *r, struct pare_error *err)
{
    struct abtest *tests;
    size_t count = 0;
    int64_t id = r->wanted.test_id;
    if (id > 0 && !abtest_list(r->run->registry, id, NULL, &r->arena, &tests, &count, err))
        return false;
    if (count == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "there is no test %lld", (long long)id);
    return find_arm(r, &tests[0], 0, err) && find_arm(r, &tests[0], 1, err);
}

static bool read_spec(struct replay *r, struct pare_error *err)
{
    CLEANUP(json_free) cJSON *spec = NULL;
    const struct job *job = r->run->job;
    if (!json_parse(job->spec, strlen(job->spec), &spec, err))
        return error_prefix(err, "the job's description");
    return read_wanted(r, spec, err) && find_test(r, err) &&
           dataset_get(r->run->registry, json_string(spec, "dataset", NULL), &r->arena, &r->row,
                       err);
}

static bool load_arm(struct replay *r, int arm, struct pare_error *err)
{
    static const char *const folders[] = { "a", "b" };
    const struct version *version = &r->arms[arm].version;
    struct spooled bytes;
    if (!spool_version(r->run, version, folders[arm], &r->arena, &bytes, err))
        return false;
    return responder_add(r->responder, bytes.path, &r->dataset, err) ||
           error_prefix(err, "%s, %s:%s", arm_words[arm], version->name, version->version);
}

/* ONNX Runtime first: without it nothing is worth reading. */
static bool load(struct replay *r, struct pare_error *err)
{
    struct spooled data;
    return responder_open(THREADS, &r->responder, err) &&
           spool_artifact(r->run, r->row.artifact_id, "dataset", &r->arena, &data, err) &&
           dataset_open(data.path, &r->dataset, err) && load_arm(r, 0, err) && load_arm(r, 1, err);
}

/* ---- one request ---- */

static int64_t due_ms(const struct replay *r, int64_t request)
{
    return r->began_ms + (int64_t)((double)request * 1000 / r->wanted.rate);
}

/* What identifies the row: the dataset's own words for it, or its name and the row's number. */
static void put_query(const struct replay *r, int64_t row, char to[QUERY_MAX])
{
    char text[QUERY_MAX];
    const char *words = r->dataset.queries ? r->dataset.queries[row] : NULL;
    if (words)
        snprintf(text, sizeof(text), "%s%s", r->mark, words);
    else
        snprintf(text, sizeof(text), "%s%s row %lld", r->mark, r->row.name, (long long)row + 1);
    text_clean(text, strlen(text), to, QUERY_MAX);
}

static void note_failure(struct replay *r, int arm, const char *why)
{
    if (r->arms[arm].failed++ == 0)
        queue_log(r->run->registry, r->run->job, "%s, request %lld failed, the first to do so: %s",
                  arm_words[arm], (long long)r->next, why);
}

static void note_lateness(struct replay *r, int64_t late_ms)
{
    r->late += late_ms > LATE_MS;
    r->worst_ms = MAX(r->worst_ms, late_ms);
}

static bool send_one(struct replay *r, struct pare_error *err)
{
    static const int ratings[] = {
        [RESPONSE_UNJUDGED] = 0, [RESPONSE_RIGHT] = 5, [RESPONSE_WRONG] = 1
    };
    struct response response;
    char unit[UNIT_ROOM], query[QUERY_MAX];
    int64_t row = r->next % r->dataset.rows;
    int bucket;
    snprintf(unit, sizeof(unit), "replay-%lld-%lld", (long long)r->run->job->id,
             (long long)r->next);
    if (!bucket_of(r->wanted.test_id, r->route.salt, unit, &bucket, err))
        return false;
    int arm = bucket_arm(bucket, r->route.cut) == BUCKET_ARM_B;
    responder_ask(r->responder, (size_t)arm, row, &response);
    put_query(r, row, query);
    const struct traffic_result result = { .arm = arm,
                                           .model_id = r->arms[arm].version.id,
                                           .query = query,
                                           .response = response.failed ? NULL : response.text,
                                           .latency_ms = (response.ns + 500000) / 1000000,
                                           .rating = ratings[response.verdict] };
    traffic_add(&r->traffic, &result);
    if (response.failed)
        note_failure(r, arm, response.text);
    r->arms[arm].sent++;
    r->next++;
    return true;
}

/* ---- how far it is ---- */

static double seconds_of(const struct replay *r)
{
    return (double)(clock_now_ms() - r->began_ms) / 1000;
}

/* 1: there is no more to do. */
static double done_fraction(const struct replay *r)
{
    const struct wanted *wanted = &r->wanted;
    bool by_default = !wanted->requests && !wanted->seconds;
    double requests = (double)(by_default ? ORDER_REPLAY_REQUESTS : wanted->requests);
    double seconds = (double)(by_default ? ORDER_REPLAY_SECONDS : wanted->seconds);
    double by_count = requests > 0 ? (double)r->next / requests : 1;
    double by_time = seconds > 0 ? seconds_of(r) / seconds : 1;
    return fmin(1, fmin(by_count, by_time));
}

static void put_words(const struct replay *r, char to[WORDS_ROOM])
{
    double here = seconds_of(r) - (double)r->first / r->wanted.rate;
    snprintf(to, WORDS_ROOM,
             "%lld requests, A %lld, B %lld, %lld failed; %.4g a second of %.4g wanted",
             (long long)r->next, (long long)r->arms[0].sent, (long long)r->arms[1].sent,
             (long long)(r->arms[0].failed + r->arms[1].failed),
             (double)(r->next - r->first) / fmax(here, 0.001), r->wanted.rate);
}

static void log_course(struct replay *r)
{
    char words[WORDS_ROOM];
    r->logged_ms = clock_now_ms();
    put_words(r, words);
    queue_log(r->run->registry, r->run->job,
              "%s; %lld began more than %d ms late, the worst %lld ms", words, (long long)r->late,
              LATE_MS, (long long)r->worst_ms);
}

static bool tell(struct replay *r)
{
    char words[WORDS_ROOM];
    put_words(r, words);
    return job_tell(r->run, reading_end + (1 - reading_end) * done_fraction(r), words);
}

/* ---- the course ---- */

/* Write what waits and look around; *ret_ended when the test, or this test, runs no more. */
static bool write_and_look(struct replay *r, bool *ret_ended, struct pare_error *err)
{
    struct traffic_route before = r->route;
    if (!traffic_write(r->run->registry, &r->traffic, &r->route, err))
        return false;
    r->written_ms = clock_now_ms();
    *ret_ended = !r->route.running || r->route.model_ids[0] != r->arms[0].version.id ||
                 r->route.model_ids[1] != r->arms[1].version.id;
    if (r->route.cut != before.cut && !*ret_ended)
        queue_log(r->run->registry, r->run->job, "from request %lld on A gets %.4g %%",
                  (long long)r->next, 100.0 * r->route.cut / BUCKET_COUNT);
    if (r->written_ms - r->logged_ms >= LOG_EVERY_MS)
        log_course(r);
    return true;
}

static bool is_time_to_write(const struct replay *r, int64_t now_ms)
{
    int64_t since_ms = now_ms - r->written_ms;
    return r->traffic.waiting == TRAFFIC_RESULTS_MAX || since_ms >= LOOK_EVERY_MS ||
           (r->traffic.waiting > 0 && since_ms >= WRITE_EVERY_MS);
}

/* Until the next request, or the next thing that is to be done beside them. */
static void wait_for(const struct replay *r, int64_t now_ms)
{
    int64_t wait_ms = MIN(due_ms(r, r->next) - now_ms, PAUSE_MAX_MS);
    if (r->traffic.waiting > 0)
        wait_ms = MIN(wait_ms, r->written_ms + WRITE_EVERY_MS - now_ms);
    if (wait_ms > 0)
        clock_pause_ms((int)wait_ms);
}

/* Requests until there are enough, the test ends, or somebody asks to stop: then *ret_stopped. */
static bool drive(struct replay *r, bool *ret_stopped, struct pare_error *err)
{
    bool ended = false;
    *ret_stopped = false;
    while (!ended && !*ret_stopped && done_fraction(r) < 1) {
        int64_t now_ms = clock_now_ms(), late_ms = now_ms - due_ms(r, r->next);
        if (late_ms >= 0) {
            note_lateness(r, late_ms);
            if (!send_one(r, err))
                return false;
        } else {
            wait_for(r, now_ms);
        }
        if (is_time_to_write(r, clock_now_ms())) {
            if (!write_and_look(r, &ended, err))
                return false;
            *ret_stopped = !tell(r);
        }
        *ret_stopped = *ret_stopped || *r->run->cancelled;
    }
    if (ended)
        queue_log(r->run->registry, r->run->job, "the test has ended");
    return true;
}

/* Where the rows of an earlier try end this one goes on, its clock set as if it had run since. */
static bool begin(struct replay *r, struct pare_error *err)
{
    const struct job *job = r->run->job;
    char begin[BEGIN_ROOM];
    snprintf(begin, sizeof(begin), "[replay %lld] ", (long long)job->id);
    snprintf(r->mark, sizeof(r->mark), "%s%s", begin, r->dataset.labels ? "[derived rating] " : "");
    r->logged_ms = clock_now_ms();
    pg_set_interrupt(r->run->registry->pg, NULL); /* what was answered is written in any case */
    if (!traffic_init(r->run->registry, r->wanted.test_id, job, &r->traffic, err) ||
        (job->fence > 1 &&
         !traffic_recorded(r->run->registry, &r->traffic, begin, &r->first, err)) ||
        !traffic_write(r->run->registry, &r->traffic, &r->route, err))
        return false;
    if (!r->route.running && r->first == 0)
        return error_set(err, PARE_ERR_REFUSED, "test %lld does not run",
                         (long long)r->wanted.test_id);
    r->next = r->first;
    r->began_ms = clock_now_ms();
    r->began_ms -= due_ms(r, r->first) - r->began_ms;
    r->written_ms = clock_now_ms();
    if (r->first)
        queue_log(r->run->registry, job, "goes on behind %lld requests", (long long)r->first);
    return true;
}

static bool finish(struct replay *r, struct pare_error *err)
{
    struct pg *pg = r->run->registry->pg;
    if (!pg_begin(pg, true, err))
        return false;
    if (queue_finish(pg, r->run->job, 0, err) && pg_commit(pg, err))
        return true;
    pg_rollback(pg);
    return false;
}

static bool drive_and_finish(struct replay *r, struct pare_error *err)
{
    bool stopped, ended;
    if (!begin(r, err) || !drive(r, &stopped, err))
        return false;
    if (!write_and_look(r, &ended, err))
        return false;
    log_course(r);
    if (stopped)
        return error_set(err, PARE_ERR_INTERRUPTED, "cancelled");
    return finish(r, err);
}

static bool run_replay(struct job_run *run, struct pare_error *err)
{
    struct replay r = { .run = run };
    run->reading_share = reading_end;
    bool ok = read_spec(&r, err) && load(&r, err) && drive_and_finish(&r, err);
    traffic_done(&r.traffic);
    responder_close(r.responder);
    dataset_close(&r.dataset);
    arena_done(&r.arena);
    return ok;
}

const struct job_kind job_replay = { "replay", run_replay };
