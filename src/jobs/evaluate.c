/* SPDX-License-Identifier: MIT */
/* What versions cost and how right they are, beside the version they are compared with. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "jobs/job.h"
#include "jobs/order.h"
#include "jobs/spool.h"
#include "measure/dataset.h"
#include "measure/evaluate.h"
#include "measure/watch.h"
#include "pg/pg.h"
#include "registry/catalog.h"
#include "registry/dataset.h"
#include "registry/registry.h"

enum { RESULT_MAX = 64 * 1024, SECONDS_DEFAULT = 60, ACCURACY_BATCH = 1 };

_Static_assert(ORDER_BESIDE_MAX == EVALUATE_VERSIONS_MAX - 1, "what is asked for can be measured");

struct measuring {
    struct job_run *run;
    cJSON *spec;
    struct arena arena;
    size_t count; /* of versions: the job's own, and those in turns with it */
    struct version versions[EVALUATE_VERSIONS_MAX], against; /* against.id 0: measured alone */
    struct dataset_row row;
    struct spooled bytes[EVALUATE_VERSIONS_MAX], against_bytes, data;
    struct dataset dataset;
    struct evaluation evaluations[EVALUATE_VERSIONS_MAX];
};

static const double reading_end = 0.1, measuring_end = 0.99;

static bool report(void *data, const char *what, double done_fraction)
{
    struct measuring *m = data;
    return job_tell(m->run, reading_end + (measuring_end - reading_end) * done_fraction, what);
}

/* Those in turns with the job's own; a description is anybody's text. */
static bool read_beside(struct measuring *m, int64_t against_id, struct pare_error *err)
{
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(m->spec, "beside_ids"), *each;
    cJSON_ArrayForEach(each, ids)
    {
        double id = cJSON_IsNumber(each) ? each->valuedouble : 0;
        bool known = !(id >= 1 && id < 9e15) || (int64_t)id == against_id;
        for (size_t i = 0; i < m->count; i++)
            known = known || m->versions[i].id == (int64_t)id;
        if (known || !against_id || m->count == EVALUATE_VERSIONS_MAX)
            return error_set(err, PARE_ERR_USAGE,
                             "the job's description: beside_ids names at most %d other versions, "
                             "each once, and there is one they are compared with",
                             EVALUATE_VERSIONS_MAX - 1);
        struct version *version = &m->versions[m->count];
        if (!catalog_by_id(m->run->registry, (int64_t)id, &m->arena, version, err))
            return false;
        if (version->id == 0)
            return error_set(err, PARE_ERR_NOT_FOUND,
                             "a version that was to be measured in turns with %s:%s has been "
                             "deleted since the job was made",
                             m->run->job->model_name, m->run->job->model_version);
        m->count++;
    }
    return true;
}

static bool read_spec(struct measuring *m, struct pare_error *err)
{
    const struct job *job = m->run->job;
    if (!json_parse(job->spec, strlen(job->spec), &m->spec, err))
        return error_prefix(err, "the job's description");
    int64_t against_id = (int64_t)json_number(m->spec, "against_id", 0);
    struct version *first = &m->versions[0];
    if (!catalog_by_id(m->run->registry, job->model_id, &m->arena, first, err) ||
        (against_id && !catalog_by_id(m->run->registry, against_id, &m->arena, &m->against, err)))
        return false;
    if (first->id == 0 || (against_id && m->against.id == 0))
        return error_set(err, PARE_ERR_NOT_FOUND, "%s:%s%s has been deleted since the job was made",
                         job->model_name, job->model_version,
                         first->id ? ", or what it is compared with," : "");
    m->count = 1;
    if (!read_beside(m, against_id, err))
        return false;
    return dataset_get(m->run->registry, json_string(m->spec, "dataset", NULL), &m->arena, &m->row,
                       err);
}

static bool read_bytes(struct measuring *m, struct pare_error *err)
{
    for (size_t i = 0; i < m->count; i++) {
        const char *name = arena_printf(&m->arena, "version%zu", i + 1);
        if (!name)
            return error_no_memory(err, 1);
        if (!spool_version(m->run, &m->versions[i], name, &m->arena, &m->bytes[i], err))
            return false;
    }
    return (m->against.id == 0 ||
            spool_version(m->run, &m->against, "against", &m->arena, &m->against_bytes, err)) &&
           spool_artifact(m->run, m->row.artifact_id, "dataset", &m->arena, &m->data, err) &&
           dataset_open(m->data.path, &m->dataset, err);
}

static bool evaluate_it(struct measuring *m, struct pare_error *err)
{
    struct watch watch = { .report = report, .data = m };
    const char *paths[EVALUATE_VERSIONS_MAX] = { 0 };
    struct evaluate_request request = {
        .paths = paths,
        .count = m->count,
        .parent_path = m->against.id ? m->against_bytes.path : NULL,
        .dataset = &m->dataset,
        .latency = LATENCY_DEFAULTS,
        .accuracy = { .batch = ACCURACY_BATCH },
    };
    for (size_t i = 0; i < m->count; i++)
        paths[i] = m->bytes[i].path;
    request.latency.threads = (int)json_number(m->spec, "threads", 2);
    request.latency.seconds_max = json_number(m->spec, "seconds", SECONDS_DEFAULT);
    return evaluate(&request, &watch, m->evaluations, err);
}

/* ---- the words it is stored in ---- */

static void put_number(struct buf *buf, const char *key, double value)
{
    if (!isfinite(value))
        return;
    buf_printf(buf, "%s\"%s\": ", buf->length > 1 ? ", " : "", key);
    json_put_number(buf, value);
}

static void put_text(struct buf *buf, const char *key, const char *value)
{
    buf_printf(buf, "%s\"%s\": ", buf->length > 1 ? ", " : "", key);
    json_put_string(buf, value);
}

static void put_latency(struct buf *buf, const struct latency *latency, int64_t peak_bytes)
{
    put_number(buf, "inference_ms", latency->median_ms);
    put_number(buf, "p90_ms", latency->p90_ms);
    put_number(buf, "p95_ms", latency->p95_ms);
    put_number(buf, "min_ms", latency->min_ms);
    put_number(buf, "runs", (double)latency->runs);
    put_number(buf, "peak_mb", (double)peak_bytes / 1e6);
}

static void put_comparison(struct buf *buf, const struct evaluation *e)
{
    put_number(buf, "ratio", e->latency.ratio);
    put_number(buf, "ratio_low", e->latency.ratio_interval.low);
    put_number(buf, "ratio_high", e->latency.ratio_interval.high);
    put_text(buf, "speed", latency_verdict_text(e->latency.verdict));
    if (e->accuracy.has_class)
        put_number(buf, "agreement", e->accuracy.agreement);
    put_number(buf, "sqnr_db", e->accuracy.sqnr_db);
    put_number(buf, "max_abs", e->accuracy.max_abs);
    if (!e->accuracy.has_labels)
        return;
    put_number(buf, "broken", (double)e->accuracy.broken);
    put_number(buf, "fixed", (double)e->accuracy.fixed);
    put_number(buf, "change", e->accuracy.change);
    put_number(buf, "change_low", e->accuracy.change_interval.low);
    put_number(buf, "change_high", e->accuracy.change_interval.high);
}

/* Each JSON object is begun with its brace, which put_number counts on. */
static void put_result(const struct evaluation *e, struct buf *result)
{
    buf_char(result, '{');
    put_latency(result, &e->latency, e->peak_bytes);
    if (e->accuracy.has_labels)
        put_number(result, "accuracy", e->accuracy.accuracy);
    put_number(result, "rows", (double)e->accuracy.rows);
    if (e->has_parent)
        put_comparison(result, e);
    buf_char(result, '}');
}

static void put_result_of_parent(const struct evaluation *e, struct buf *result)
{
    buf_char(result, '{');
    put_latency(result, &e->parent_latency, e->parent_peak_bytes);
    if (e->accuracy.has_labels)
        put_number(result, "accuracy", e->accuracy.parent_accuracy);
    put_number(result, "rows", (double)e->accuracy.rows);
    buf_char(result, '}');
}

static void put_conditions(const struct evaluate_conditions *c, struct buf *buf)
{
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    buf_char(buf, '{');
    put_text(buf, "host", host);
    put_text(buf, "cpu", c->cpu);
    put_number(buf, "cores", c->cores);
    put_text(buf, "onnxruntime", c->runtime_version);
    put_number(buf, "threads", c->threads);
    put_number(buf, "latency_batch", (double)c->latency_batch);
    put_number(buf, "accuracy_batch", (double)c->accuracy_batch);
    put_number(buf, "dataset_rows", (double)c->dataset_rows);
    buf_char(buf, '}');
}

/* The keys users read: size, median latency, accuracy. */
static void put_metrics(const struct version *version, const struct latency *latency,
                        const struct accuracy *accuracy, double share, struct buf *buf)
{
    buf_char(buf, '{');
    put_number(buf, "size_mb", version->size_bytes / 1e6);
    put_number(buf, "inference_ms", latency->median_ms);
    if (accuracy->has_labels)
        put_number(buf, "accuracy", share);
    buf_char(buf, '}');
}

/* ---- storing ---- */

/* All words of one version, or of what the others are compared with. */
struct words {
    struct buf result, conditions, metrics;
};

static void words_init(struct words *words)
{
    buf_init(&words->result, RESULT_MAX);
    buf_init(&words->conditions, RESULT_MAX);
    buf_init(&words->metrics, RESULT_MAX);
}

static void words_done(struct words *words)
{
    buf_done(&words->result);
    buf_done(&words->conditions);
    buf_done(&words->metrics);
}

/* Version `i`, or beyond the last what they are compared with. */
static void put_words(const struct measuring *m, size_t i, struct words *words)
{
    bool is_parent = i == m->count;
    const struct evaluation *e = &m->evaluations[is_parent ? 0 : i];
    put_conditions(&e->conditions, &words->conditions);
    if (is_parent) {
        put_result_of_parent(e, &words->result);
        put_metrics(&m->against, &e->parent_latency, &e->accuracy, e->accuracy.parent_accuracy,
                    &words->metrics);
    } else {
        put_result(e, &words->result);
        put_metrics(&m->versions[i], &e->latency, &e->accuracy, e->accuracy.accuracy,
                    &words->metrics);
    }
}

static bool store_one(struct measuring *m, size_t i, struct pare_error *err)
{
    bool replace = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(m->spec, "replace"));
    bool is_parent = i == m->count;
    struct words words;
    words_init(&words);
    put_words(m, i, &words);
    bool ok =
        buf_ok(&words.result, err) && buf_ok(&words.conditions, err) && buf_ok(&words.metrics, err);
    const struct measurement measurement = {
        .model_id = is_parent ? m->against.id : m->versions[i].id,
        .against_id = is_parent ? 0 : m->against.id,
        .dataset_digest = m->dataset.digest,
        .result = ok ? buf_string(&words.result) : NULL,
        .conditions = ok ? buf_string(&words.conditions) : NULL,
        .metrics = ok ? buf_string(&words.metrics) : NULL,
    };
    ok = ok &&
         measurement_store(m->run->registry->pg, &measurement, m->run->job->actor, replace, err);
    words_done(&words);
    return ok;
}

/* In one transaction: all stand at the same moment, which says that they were measured in turns. */
static bool store(struct measuring *m, struct pare_error *err)
{
    struct pg *pg = m->run->registry->pg;
    size_t count = m->count + (m->against.id != 0);
    if (!pg_begin(pg, true, err))
        return false;
    job_hold("before commit");
    bool ok = queue_finish(pg, m->run->job, 0, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = store_one(m, i, err);
    ok = ok && pg_commit(pg, err);
    if (!ok)
        pg_rollback(pg);
    return ok;
}

/* What was found, for whoever watches. */
static void log_result(const struct measuring *m, size_t i)
{
    const struct evaluation *e = &m->evaluations[i];
    const struct registry *registry = m->run->registry;
    const struct job *job = m->run->job;
    if (m->count > 1)
        queue_log(registry, job, "%s:%s", m->versions[i].name, m->versions[i].version);
    queue_log(registry, job, "latency: median %.3g ms, p95 %.3g ms; peak memory %.3g MB",
              e->latency.median_ms, e->latency.p95_ms, (double)e->peak_bytes / 1e6);
    if (e->accuracy.has_labels)
        queue_log(registry, job, "accuracy: %.4f on %zu rows of %s", e->accuracy.accuracy,
                  (size_t)e->accuracy.rows, m->row.name);
    if (!e->has_parent)
        return;
    queue_log(registry, job, "against %s: latency x %.3f [%.3f, %.3f]: %s", m->against.version,
              e->latency.ratio, e->latency.ratio_interval.low, e->latency.ratio_interval.high,
              latency_verdict_text(e->latency.verdict));
    if (e->accuracy.has_class)
        queue_log(registry, job, "against %s: agreement %.4f; broke %zu, fixed %zu",
                  m->against.version, e->accuracy.agreement, (size_t)e->accuracy.broken,
                  (size_t)e->accuracy.fixed);
}

static bool run_measure(struct job_run *run, struct pare_error *err)
{
    struct measuring m = { .run = run };
    bool ok = read_spec(&m, err);
    run->reading_share = reading_end;
    job_hold("reading");
    ok = ok && read_bytes(&m, err) && evaluate_it(&m, err);
    for (size_t i = 0; ok && i < m.count; i++)
        log_result(&m, i);
    ok = ok && store(&m, err);
    dataset_close(&m.dataset);
    cJSON_Delete(m.spec);
    arena_done(&m.arena);
    return ok;
}

const struct job_kind job_measure = { "measure", run_measure };
