/* SPDX-License-Identifier: MIT */
/* A version out of a version: read its bytes, run the recipe, stream the result back in. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/report.h"
#include "format/sink.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "registry/catalog.h"
#include "registry/registry.h"
#include "registry/upload.h"
#include "registry/version.h"

/* Of the whole job: reading, planning, then writing and uploading. */
static const double reading_end = 0.4, planning_end = 0.5, writing_end = 0.95;

struct transform {
    struct job_run *run;
    cJSON *spec;
    struct arena arena;
    struct version parent;
    struct spooled bytes; /* the parent's */
    struct pare_model *model;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
    struct upload *upload;
    double from, to; /* the stretch of the phase under way */
};

static bool tell(void *data, const struct pare_progress *progress)
{
    struct transform *t = data;
    return job_tell(t->run, t->from + (t->to - t->from) * progress->done_fraction,
                    *progress->tensor ? progress->tensor : progress->phase);
}

/* ---- the engine's output goes straight into the upload ---- */

struct upload_sink {
    struct sink head;
    struct upload *upload;
};

static bool sink_file(struct sink *sink, const char *name, int64_t size_bytes,
                      struct pare_error *err)
{
    (void)size_bytes;
    return upload_file(((struct upload_sink *)sink)->upload, name, err);
}

static bool sink_bytes(struct sink *sink, const void *bytes, size_t length, struct pare_error *err)
{
    return upload_add(((struct upload_sink *)sink)->upload, bytes, length, err);
}

static bool sink_done(struct sink *sink, struct pare_error *err)
{
    (void)sink;
    (void)err;
    return true;
}

static bool sink_tensor(struct sink *sink, struct pare_error *err)
{
    return upload_cut(((struct upload_sink *)sink)->upload, err);
}

static void sink_free(struct sink *sink)
{
    (void)sink; /* on the caller's stack */
}

static const struct sink_ops upload_sink_ops = { sink_file, sink_bytes, sink_done,
                                                 sink_done, sink_free,  sink_tensor };

/* ---- the steps ---- */

static bool read_spec(struct transform *t, struct pare_error *err)
{
    const char *text = t->run->job->spec;
    if (!json_parse(text, strlen(text), &t->spec, err))
        return error_prefix(err, "the job's description");
    const cJSON *recipe = cJSON_GetObjectItemCaseSensitive(t->spec, "recipe");
    if (!recipe || !json_string(t->spec, "name", NULL) || !json_string(t->spec, "version", NULL))
        return error_set(err, PARE_ERR_FORMAT,
                         "the job's description wants recipe, name and version");
    if (!version_name_ok(json_string(t->spec, "name", NULL), "name", err) ||
        !version_name_ok(json_string(t->spec, "version", NULL), "version", err))
        return error_prefix(err, "the job's description");
    char *recipe_text = cJSON_PrintUnformatted(recipe);
    if (!recipe_text)
        return error_no_memory(err, strlen(text));
    bool ok = pare_recipe_parse(recipe_text, strlen(recipe_text), &t->recipe, err);
    cJSON_free(recipe_text);
    return ok;
}

static bool read_parent(struct transform *t, struct pare_error *err)
{
    const struct job *job = t->run->job;
    if (!catalog_by_id(t->run->registry, job->model_id, &t->arena, &t->parent, err))
        return false;
    if (t->parent.id == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "%s:%s has been deleted since the job was made",
                         job->model_name, job->model_version);
    return spool_version(t->run, &t->parent, "parent", &t->arena, &t->bytes, err) &&
           pare_model_open(t->bytes.path, &t->model, err);
}

static void log_plan(const struct transform *t)
{
    char before[32], after[32];
    text_size(pare_plan_before_bytes(t->plan), before, sizeof(before));
    text_size(pare_plan_after_bytes(t->plan), after, sizeof(after));
    queue_log(t->run->registry, t->run->job, "plan: %zu of %zu tensors change, %s -> %s",
              pare_plan_changed_count(t->plan), pare_plan_entry_count(t->plan), before, after);
}

static bool make_plan(struct transform *t, struct pare_error *err)
{
    const struct pare_plan_options options = { .source_sha256 = t->bytes.sha256,
                                               .progress = tell,
                                               .data = t };
    t->from = reading_end;
    t->to = planning_end;
    if (!pare_plan_make(t->model, t->recipe, &options, &t->plan, err) ||
        !engine_check_worth(t->plan, err))
        return false;
    log_plan(t);
    return true;
}

/* The name of the new main file: the parent's, so that files which name each other still do. */
static const char *main_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool write_child(struct transform *t, struct pare_error *err)
{
    struct upload_sink sink = { .head.ops = &upload_sink_ops };
    const struct pare_run_options options = { .progress = tell, .data = t };
    t->from = planning_end;
    t->to = writing_end;
    if (!upload_begin(t->run->registry, pare_plan_after_bytes(t->plan),
                      t->bytes.folder ? UPLOAD_FOLDER : UPLOAD_FILE, &t->upload, err))
        return false;
    sink.upload = t->upload;
    job_hold("transforming");
    return engine_run(t->plan, main_name(t->bytes.path), &sink.head, &options, &t->report, err);
}

/* In the transaction that makes the version. */
static bool finish(void *data, struct pg *pg, int64_t id, struct pare_error *err)
{
    const struct transform *t = data;
    if (!queue_finish(pg, t->run->job, id, err))
        return false;
    job_hold("before commit");
    return true;
}

static bool hex_to_digest(const char *hex, unsigned char ret_sum[DIGEST_BYTES])
{
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        char byte[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        char *end;
        ret_sum[i] = (unsigned char)strtoul(byte, &end, 16);
        if (end != byte + 2)
            return false;
    }
    return true;
}

/* What is known of its quality without a measurement: how near its weights are to the parent's. */
static const char *weight_metrics(struct transform *t)
{
    double sqnr_db = report_sqnr_db(t->report);
    char digits[32];
    if (!isfinite(sqnr_db))
        return NULL;
    text_number(round(1e3 * sqnr_db) / 1e3, digits, sizeof(digits));
    return arena_printf(&t->arena, "{\"weight_sqnr_db\": %s}", digits);
}

static bool publish(struct transform *t, struct pare_error *err)
{
    unsigned char parent_digest[DIGEST_BYTES];
    int64_t id;
    struct upload_version version = {
        .name = json_string(t->spec, "name", NULL),
        .version = json_string(t->spec, "version", NULL),
        .model_type = t->parent.model_type,
        .optimization = json_string(t->spec, "optimization", NULL),
        .config = t->parent.config,
        .metrics = weight_metrics(t),
        .parent_id = t->parent.id,
        .parent_name = t->parent.raw_name,
        .parent_version = t->parent.raw_version,
        .parent_digest = hex_to_digest(t->bytes.sha256, parent_digest) ? parent_digest : NULL,
        .recipe = pare_recipe_text(t->recipe),
        .engine_version = pare_version(),
        .report = pare_report_json(t->report),
        .within = finish,
        .data = t,
    };
    job_tell(t->run, writing_end, "publishing");
    job_hold("uploading");
    if (!upload_publish(t->upload, &version, &id, err))
        return false;
    job_hold("after commit");
    return true;
}

static bool run_transform(struct job_run *run, struct pare_error *err)
{
    struct transform t = { .run = run };
    bool ok = read_spec(&t, err);
    run->reading_share = reading_end;
    job_hold("reading");
    ok = ok && read_parent(&t, err) && make_plan(&t, err) && write_child(&t, err) &&
         publish(&t, err);
    upload_free(t.upload);
    pare_report_free(t.report);
    pare_plan_free(t.plan);
    pare_recipe_free(t.recipe);
    pare_model_close(t.model);
    cJSON_Delete(t.spec);
    arena_done(&t.arena);
    return ok;
}

const struct job_kind job_transform = { "transform", run_transform };
