/* SPDX-License-Identifier: MIT */
/* What a version costs and how right it is, beside the version it is compared with. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "measure/dataset.h"
#include "measure/evaluate.h"
#include "measure/watch.h"
#include "pg/pg.h"
#include "registry/catalog.h"
#include "registry/dataset.h"
#include "registry/registry.h"

enum { RESULT_MAX = 64 * 1024, SECONDS_DEFAULT = 60, ACCURACY_BATCH = 1 };

struct measuring {
    struct job_run *run;
    cJSON *spec;
    struct arena arena;
    struct version version, against; /* against.id 0: measured alone */
    struct dataset_row row;
    struct spooled bytes, against_bytes, data;
    struct dataset dataset;
    struct evaluation evaluation;
};

static const double reading_end = 0.1, measuring_end = 0.99;

static bool report(void *data, const char *what, double done_fraction)
{
    struct measuring *m = data;
    return job_tell(m->run, reading_end + (measuring_end - reading_end) * done_fraction, what);
}

static bool read_spec(struct measuring *m, struct pare_error *err)
{
    const struct job *job = m->run->job;
    if (!json_parse(job->spec, strlen(job->spec), &m->spec, err))
        return error_prefix(err, "the job's description");
    int64_t against_id = (int64_t)json_number(m->spec, "against_id", 0);
    if (!catalog_by_id(m->run->registry, job->model_id, &m->arena, &m->version, err) ||
        (against_id && !catalog_by_id(m->run->registry, against_id, &m->arena, &m->against, err)))
        return false;
    if (m->version.id == 0 || (against_id && m->against.id == 0))
        return error_set(err, PARE_ERR_NOT_FOUND, "%s:%s%s has been deleted since the job was made",
                         job->model_name, job->model_version,
                         m->version.id ? ", or what it is compared with," : "");
    return dataset_get(m->run->registry, json_string(m->spec, "dataset", NULL), &m->arena, &m->row,
                       err);
}

static bool read_bytes(struct measuring *m, struct pare_error *err)
{
    return spool_version(m->run, &m->version, "version", &m->arena, &m->bytes, err) &&
           (m->against.id == 0 ||
            spool_version(m->run, &m->against, "against", &m->arena, &m->against_bytes, err)) &&
           spool_artifact(m->run, m->row.artifact_id, "dataset", &m->arena, &m->data, err) &&
           dataset_open(m->data.path, &m->dataset, err);
}

static bool evaluate_it(struct measuring *m, struct pare_error *err)
{
    struct watch watch = { .report = report, .data = m };
    struct evaluate_request request = {
        .path = m->bytes.path,
        .parent_path = m->against.id ? m->against_bytes.path : NULL,
        .dataset = &m->dataset,
        .latency = LATENCY_DEFAULTS,
        .accuracy = { .batch = ACCURACY_BATCH },
    };
    request.latency.threads = (int)json_number(m->spec, "threads", 2);
    request.latency.seconds_max = json_number(m->spec, "seconds", SECONDS_DEFAULT);
    return evaluate(&request, &watch, &m->evaluation, err);
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
static void put_results(const struct measuring *m, struct buf *result, struct buf *of_against)
{
    const struct evaluation *e = &m->evaluation;
    buf_char(result, '{');
    buf_char(of_against, '{');
    put_latency(result, &e->latency, e->peak_bytes);
    put_latency(of_against, &e->parent_latency, e->parent_peak_bytes);
    if (e->accuracy.has_labels) {
        put_number(result, "accuracy", e->accuracy.accuracy);
        put_number(of_against, "accuracy", e->accuracy.parent_accuracy);
    }
    put_number(result, "rows", (double)e->accuracy.rows);
    put_number(of_against, "rows", (double)e->accuracy.rows);
    if (e->has_parent)
        put_comparison(result, e);
    buf_char(result, '}');
    buf_char(of_against, '}');
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

struct words {
    struct buf result, of_against, conditions, metrics, against_metrics;
};

static bool store_in_transaction(struct measuring *m, const struct words *words,
                                 struct pare_error *err)
{
    const struct registry *registry = m->run->registry;
    struct pg *pg = registry->pg;
    bool replace = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(m->spec, "replace"));
    struct measurement mine = { .model_id = m->version.id,
                                .against_id = m->against.id,
                                .dataset_digest = m->dataset.digest,
                                .result = buf_string(&words->result),
                                .conditions = buf_string(&words->conditions),
                                .metrics = buf_string(&words->metrics) };
    struct measurement other = { .model_id = m->against.id,
                                 .dataset_digest = m->dataset.digest,
                                 .result = buf_string(&words->of_against),
                                 .conditions = buf_string(&words->conditions),
                                 .metrics = buf_string(&words->against_metrics) };
    const char *actor = m->run->job->actor;
    return queue_finish(pg, m->run->job, 0, err) &&
           measurement_store(pg, &mine, actor, replace, err) &&
           (m->against.id == 0 || measurement_store(pg, &other, actor, replace, err)) &&
           pg_commit(pg, err);
}

static bool store(struct measuring *m, struct pare_error *err)
{
    struct pg *pg = m->run->registry->pg;
    const struct evaluation *e = &m->evaluation;
    struct words words;
    struct buf *const all[] = { &words.result, &words.of_against, &words.conditions, &words.metrics,
                                &words.against_metrics };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        buf_init(all[i], RESULT_MAX);
    put_results(m, &words.result, &words.of_against);
    put_conditions(&e->conditions, &words.conditions);
    put_metrics(&m->version, &e->latency, &e->accuracy, e->accuracy.accuracy, &words.metrics);
    put_metrics(&m->against, &e->parent_latency, &e->accuracy, e->accuracy.parent_accuracy,
                &words.against_metrics);
    bool ok = true;
    for (size_t i = 0; ok && i < ARRAY_SIZE(all); i++)
        ok = buf_ok(all[i], err);
    ok = ok && pg_begin(pg, true, err);
    if (ok) {
        job_hold("before commit");
        ok = store_in_transaction(m, &words, err);
        if (!ok)
            pg_rollback(pg);
    }
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        buf_done(all[i]);
    return ok;
}

/* What was found, for whoever watches. */
static void log_results(const struct measuring *m)
{
    const struct evaluation *e = &m->evaluation;
    const struct registry *registry = m->run->registry;
    const struct job *job = m->run->job;
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
    if (ok)
        log_results(&m);
    ok = ok && store(&m, err);
    dataset_close(&m.dataset);
    cJSON_Delete(m.spec);
    arena_done(&m.arena);
    return ok;
}

const struct job_kind job_measure = { "measure", run_measure };
