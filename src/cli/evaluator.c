/* SPDX-License-Identifier: MIT */
#include "cli/evaluator.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json_slice.h"
#include "cli/leash.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "measure/host.h"
#include "pg/pg.h"
#include "registry/dataset.h"
#include "registry/version.h"

enum { OUTPUT_MAX = 1 << 20, NUMBERS_MAX = 256, KEY_MAX = 128 };

/* What is pare's own to say: a version's size and weights, and comparisons of two. */
static const char *const owned[] = {
    "exec",  "size",      "size_mb",    "size_bytes", "weight_sqnr_db", "speed",  "ratio",
    "fixed", "ratio_low", "ratio_high", "change",     "change_low",     "broken", "change_high",
};

/* What it printed, and what that means. */
struct printed {
    struct buf output;
    struct buf metrics; /* its numbers, as a JSON object */
    size_t numbers;
    double seconds;
};

static bool check_key(const struct json_slice *key, struct pare_error *err)
{
    if (key->length > KEY_MAX)
        return error_set(err, PARE_ERR_FORMAT, "a name of %zu bytes, more than the limit of %d",
                         key->length, KEY_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        if (json_slice_is(key, owned[i]))
            return error_set(err, PARE_ERR_FORMAT,
                             "\"%s\" is pare's own to say; leave it out or call it otherwise",
                             owned[i]);
    return true;
}

/* A number joins the metrics with the digits it has. */
static bool add_number(struct printed *p, const struct json_slice *key,
                       const struct json_slice *value, struct arena *arena, struct pare_error *err)
{
    const char *digits = arena_strndup(arena, value->text, value->length);
    if (!digits)
        return error_no_memory(err, value->length);
    if (isnan(version_metric(digits)))
        return error_set(err, PARE_ERR_FORMAT,
                         "%.*s: %.40s is out of range; 0 or a number of 1e-300 to 1e300 in size "
                         "was expected",
                         (int)key->length, key->text, digits);
    if (p->numbers++ == NUMBERS_MAX)
        return error_set(err, PARE_ERR_FORMAT, "more than %d numbers", NUMBERS_MAX);
    buf_text(&p->metrics, p->metrics.length > 1 ? ", " : "");
    buf_add(&p->metrics, key->text, key->length);
    buf_printf(&p->metrics, ": %s", digits);
    return true;
}

static bool read_numbers(struct printed *p, const struct json_slice *object, struct arena *arena,
                         struct pare_error *err)
{
    struct json_members members = json_members(object);
    struct json_slice key, value;
    buf_char(&p->metrics, '{');
    while (json_member(&members, &key, &value)) {
        if (!check_key(&key, err) ||
            (value.kind == JSON_NUMBER && !add_number(p, &key, &value, arena, err)))
            return false;
    }
    buf_char(&p->metrics, '}');
    return buf_ok(&p->metrics, err);
}

static bool read_printed(struct printed *p, struct json_slice *ret_object, struct arena *arena,
                         struct pare_error *err)
{
    if (!json_slice(buf_string(&p->output), p->output.length, ret_object, err))
        return error_prefix(err, "what it prints is");
    if (ret_object->kind == JSON_OBJECT && !read_numbers(p, ret_object, arena, err))
        return error_prefix(err, "what it prints");
    if (ret_object->kind != JSON_OBJECT || p->numbers == 0)
        return error_set(err, PARE_ERR_FORMAT,
                         "it was expected to print one JSON object with numbers, such as "
                         "{\"accuracy\": 0.95}");
    return true;
}

/* ---- what is stored ---- */

/* All that it printed, and on which bytes and for how long. */
static void put_result(const struct printed *p, const struct json_slice *object,
                       const struct spooled *bytes, struct buf *buf)
{
    buf_add(buf, object->text, object->length - 1);
    buf_printf(buf, ", \"exec\": {\"sha256\": \"%s\", \"seconds\": ", bytes->sha256);
    json_put_number(buf, p->seconds);
    buf_text(buf, "}}");
}

/* Equal for all that can be compared: the same command on the same machine. */
static void put_conditions(const char *command, struct buf *buf)
{
    unsigned char sum[DIGEST_BYTES];
    char hex[DIGEST_HEX], host[256] = "", cpu[128];
    gethostname(host, sizeof(host) - 1);
    host_cpu(cpu, sizeof(cpu));
    digest_of(command, strlen(command), sum);
    digest_hex(sum, hex);
    buf_text(buf, "{\"exec\": ");
    json_put_string(buf, command);
    buf_printf(buf, ", \"exec_sha256\": \"%s\", \"host\": ", hex);
    json_put_string(buf, host);
    buf_text(buf, ", \"cpu\": ");
    json_put_string(buf, cpu);
    buf_printf(buf, ", \"cores\": %d}", host_cores());
}

static bool store(const struct visit *visit, const struct measurement *measurement, bool replace,
                  struct pare_error *err)
{
    if (!pg_begin(visit->pg, true, err))
        return false;
    bool ok = measurement_store(visit->pg, measurement, visit->registry.actor, replace, err) &&
              pg_commit(visit->pg, err);
    if (!ok)
        pg_rollback(visit->pg);
    return ok;
}

static bool keep(const struct visit *visit, const struct version *version,
                 const struct evaluator *evaluator, const struct spooled *bytes, struct printed *p,
                 struct arena *arena, struct pare_error *err)
{
    struct json_slice object;
    struct buf result, conditions;
    if (!read_printed(p, &object, arena, err))
        return error_prefix(err, "--exec %s", evaluator->command);
    buf_init(&result, 2 * OUTPUT_MAX);
    buf_init(&conditions, OUTPUT_MAX);
    put_result(p, &object, bytes, &result);
    put_conditions(evaluator->command, &conditions);
    bool ok = buf_ok(&result, err) && buf_ok(&conditions, err);
    const struct measurement measurement = { .model_id = version->id,
                                             .result = buf_string(&result),
                                             .conditions = buf_string(&conditions),
                                             .metrics = buf_string(&p->metrics) };
    ok = ok && store(visit, &measurement, evaluator->replace, err);
    buf_done(&result);
    buf_done(&conditions);
    return ok;
}

bool evaluator_run(const struct cli *cli, const struct visit *visit, const struct version *version,
                   const struct evaluator *evaluator, struct pare_error *err)
{
    struct arena arena = { 0 };
    struct spool spool;
    struct spooled bytes;
    struct printed printed = { 0 };
    if (!spool_open(&spool, err))
        return false;
    buf_init(&printed.output, OUTPUT_MAX);
    buf_init(&printed.metrics, OUTPUT_MAX);
    struct job_run run = { .registry = &visit->registry,
                           .spool = spool.path,
                           .cancelled = cli->interrupt };
    bool ok = spool_version(&run, version, "version", &arena, &bytes, err);
    const struct leash leash = { .command = evaluator->command,
                                 .path = ok ? bytes.path : "",
                                 .timeout_seconds = evaluator->timeout_seconds,
                                 .interrupt = cli->interrupt };
    if (ok && !leash_run(&leash, &printed.output, &printed.seconds, err))
        ok = error_prefix(err, "--exec %s", evaluator->command);
    ok = ok && keep(visit, version, evaluator, &bytes, &printed, &arena, err);
    buf_done(&printed.output);
    buf_done(&printed.metrics);
    spool_close(&spool);
    arena_done(&arena);
    return ok;
}
