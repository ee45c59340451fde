/* SPDX-License-Identifier: MIT */
#include "cli/transform.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/tensors.h"
#include "cli/work.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "pare.h"
#include "registry/artifact.h"
#include "registry/catalog.h"

enum { SPEC_MAX = 4 << 20 };

bool transform_looks_like_file(const char *operand)
{
    static const char *const suffixes[] = { ".onnx", ".safetensors", ".pt", ".pth", ".bin" };
    size_t length = strlen(operand);
    bool looks = strchr(operand, '/') != NULL;
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        size_t suffix = strlen(suffixes[i]);
        looks |= length > suffix && !strcmp(operand + length - suffix, suffixes[i]);
    }
    return looks;
}

/* Looked up only in a database that somebody names: work on files starts none. */
static bool is_version_too(const struct cli *cli, const char *operand, struct arena *arena,
                           struct version *ret_version)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct pare_error ignored;
    return *operand != '/' && *operand != '.' && !visit_is_private(cli) &&
           visit_open(cli, &visit, &ignored) &&
           visit_find(cli, &visit, operand, arena, ret_version, &ignored);
}

bool transform_is_file(const struct cli *cli, const char *operand, bool told, bool *ret_is,
                       struct pare_error *err)
{
    struct arena arena = { 0 };
    struct version version;
    bool is = told || (transform_looks_like_file(operand) && access(operand, F_OK) == 0);
    bool both = is && !told && is_version_too(cli, operand, &arena, &version);
    if (both)
        error_set(err, PARE_ERR_USAGE,
                  "%s could be the file ./%s or the version %s:%s: write it so, whichever is meant",
                  operand, operand, version.name, version.version);
    arena_done(&arena);
    *ret_is = is;
    return !both;
}

char *transform_name(const char *version, const struct transform_request *request,
                     struct arena *arena)
{
    static const char *const schemes[] = { "fp32", "fp16", "bf16", "int8", "int4", "nf4", "fp4" };
    if (!request->scheme)
        return arena_printf(arena, "%s_%s", version, request->suffix ? request->suffix : "pared");
    const char *tail = request->suffix ? request->suffix : "";
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        const char *found = strstr(version, schemes[i]);
        size_t length = strlen(schemes[i]);
        if (!found || (found > version && !strchr("_-.", found[-1])) ||
            (found[length] && !strchr("_-.", found[length])))
            continue;
        return arena_printf(arena, "%.*s%s%s%s%s", (int)(found - version), version, request->scheme,
                            found + length, *tail ? "_" : "", tail);
    }
    return arena_printf(arena, "%s_%s%s%s", version, request->scheme, *tail ? "_" : "", tail);
}

void transform_put_globs(const struct cli *cli, struct buf *recipe)
{
    static const char *const names[] = { "include", "exclude" };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *glob = cli_option_nth(cli, names[i], 0);
        if (!glob)
            continue;
        buf_printf(recipe, ", \"%s\": [", names[i]);
        for (int n = 0; (glob = cli_option_nth(cli, names[i], n)); n++) {
            if (n)
                buf_text(recipe, ", ");
            json_put_string(recipe, glob);
        }
        buf_char(recipe, ']');
    }
}

/* ---- files ---- */

struct file_work {
    struct pare_model *model;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
};

static bool plan_file(struct cli *cli, const struct transform_request *request, const char *path,
                      const char *output, struct file_work *work, struct tensors_bar *bar,
                      struct pare_error *err)
{
    const char *slash = output ? strrchr(output, '/') : NULL;
    const struct pare_plan_options options = {
        .name = slash ? slash + 1 : output,
        .no_digest = cli_has(cli, "no-digest"),
        .progress = tensors_progress,
        .data = bar,
    };
    return pare_model_open(path, &work->model, err) &&
           pare_recipe_parse(request->recipe, strlen(request->recipe), &work->recipe, err) &&
           pare_plan_make(work->model, work->recipe, &options, &work->plan, err);
}

static bool write_report(const char *path, const char *json, struct pare_error *err)
{
    struct file_out out;
    if (!file_out_open(&out, path, err))
        return false;
    bool ok = file_out_write(&out, json, strlen(json), err) && file_out_write(&out, "\n", 1, err) &&
              file_out_commit(&out, err);
    file_out_done(&out);
    return ok;
}

static void say_sizes(int64_t before, int64_t after, const char *what)
{
    char from[32], to[32];
    text_size(before, from, sizeof(from));
    text_size(after, to, sizeof(to));
    cli_say("%s: %s -> %s (%lld bytes, %+.1f %%)", what, from, to, (long long)after,
            before ? 100 * ((double)after / (double)before - 1) : 0);
}

static bool run_file(struct cli *cli, struct file_work *work, const char *output,
                     struct tensors_bar *bar, struct pare_error *err)
{
    const struct pare_run_options options = { .progress = tensors_progress,
                                              .data = bar,
                                              .no_sync = cli_has(cli, "no-sync") };
    bool ok = pare_run(work->plan, output, &options, &work->report, err);
    tensors_bar_done(bar);
    if (!ok || !tensors_print_report(cli, work->report, err))
        return false;
    say_sizes(pare_report_before_bytes(work->report), pare_report_after_bytes(work->report),
              output);
    return !cli_has(cli, "report") ||
           write_report(cli_option(cli, "report"), pare_report_json(work->report), err);
}

static bool same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    if (!strcmp(a, b))
        return true;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* What is written must not be written over what was read, nor twice. */
static bool check_targets(const struct cli *cli, const char *path, struct pare_error *err)
{
    const char *output = cli_option(cli, "o"), *report = cli_option(cli, "report");
    if (report && same_file(report, path))
        return error_set(err, PARE_ERR_REFUSED, "refused: --report %s is the source itself",
                         report);
    if (report && output && same_file(report, output))
        return error_set(err, PARE_ERR_REFUSED, "refused: --report %s is the output itself",
                         report);
    if (output && (cli_has(cli, "as") || cli_has(cli, "detach")))
        return error_set(err, PARE_ERR_USAGE,
                         "-o works on files; --%s is for versions of a registry",
                         cli_has(cli, "as") ? "as" : "detach");
    return true;
}

static bool do_file(struct cli *cli, const struct transform_request *request, const char *path,
                    struct pare_error *err)
{
    const char *output = cli_option(cli, "o");
    struct file_work work = { 0 };
    struct tensors_bar bar = { .interrupt = cli->interrupt };
    bool dry_run = cli_has(cli, "dry-run");
    if (!output && !dry_run)
        return error_set(err, PARE_ERR_USAGE, "%s is a file: say where to with -o FILE", path);
    if (access(path, F_OK) != 0) {
        error_errno(err, "cannot open %s", path);
        err->code = PARE_ERR_NOT_FOUND;
        return false;
    }
    if (!check_targets(cli, path, err))
        return false;
    bool ok = plan_file(cli, request, path, output, &work, &bar, err);
    tensors_bar_done(&bar);
    if (ok && dry_run) {
        ok = tensors_print_plan(cli, work.plan, err);
        say_sizes(pare_plan_before_bytes(work.plan), pare_plan_after_bytes(work.plan),
                  "nothing written; it would be");
        if (ok && cli_has(cli, "report"))
            ok = write_report(cli_option(cli, "report"), pare_plan_json(work.plan), err);
    } else if (ok) {
        ok = run_file(cli, &work, output, &bar, err);
    }
    pare_report_free(work.report);
    pare_plan_free(work.plan);
    pare_recipe_free(work.recipe);
    pare_model_close(work.model);
    return ok;
}

/* ---- versions ---- */

/* The recipe with every setting spelled out, so that equal jobs are equal. */
static bool put_spec(const struct transform_request *request, const struct version *parent,
                     const char *version, struct buf *spec, struct pare_error *err)
{
    struct pare_recipe *recipe;
    if (!pare_recipe_parse(request->recipe, strlen(request->recipe), &recipe, err))
        return false;
    buf_printf(spec, "{\"recipe\": %s, \"name\": ", pare_recipe_text(recipe));
    json_put_string(spec, parent->raw_name);
    buf_text(spec, ", \"version\": ");
    json_put_string(spec, version);
    buf_text(spec, ", \"optimization\": ");
    json_put_string(spec, request->optimization);
    buf_char(spec, '}');
    pare_recipe_free(recipe);
    return buf_ok(spec, err);
}

static bool same_recipe(const char *a, const char *b)
{
    cJSON *left = NULL, *right = NULL;
    struct pare_error ignored;
    bool same = a && b && json_parse(a, strlen(a), &left, &ignored) &&
                json_parse(b, strlen(b), &right, &ignored) && cJSON_Compare(left, right, true);
    cJSON_Delete(left);
    cJSON_Delete(right);
    return same;
}

/* The name is taken: by the very thing that was asked for (*ret_done), or a refusal. */
static bool judge_taken(const struct visit *visit, const struct transform_request *request,
                        const struct version *parent, const struct version *taken,
                        struct arena *arena, struct pare_error *err)
{
    struct lineage lineage;
    struct artifact bytes;
    struct pare_recipe *recipe;
    if (!catalog_lineage(&visit->registry, taken->id, arena, &lineage, err) ||
        !artifact_get(&visit->registry, parent, arena, &bytes, err) ||
        !pare_recipe_parse(request->recipe, strlen(request->recipe), &recipe, err))
        return false;
    bool same = same_recipe(lineage.recipe, pare_recipe_text(recipe)) && bytes.sha256 &&
                lineage.parent_digest && !strcmp(bytes.sha256, lineage.parent_digest);
    pare_recipe_free(recipe);
    if (!same)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s:%s is there already, made otherwise; give another name with "
                         "--as",
                         taken->name, taken->version);
    cli_say("already done: %s:%s", taken->name, taken->version);
    return true;
}

static bool is_taken(const struct visit *visit, const struct version *parent, const char *version,
                     struct arena *arena, struct version *ret_taken, bool *ret_is,
                     struct pare_error *err)
{
    *ret_is = catalog_find(&visit->registry, parent->raw_name, version, arena, ret_taken, err);
    return *ret_is || err->code == PARE_ERR_NOT_FOUND;
}

static bool submit(struct cli *cli, const struct visit *visit,
                   const struct transform_request *request, const struct version *parent,
                   const char *version, struct pare_error *err)
{
    struct job_row row = { 0 };
    struct version made;
    struct buf spec;
    buf_init(&spec, SPEC_MAX);
    bool detach = cli_has(cli, "detach");
    bool ok = put_spec(request, parent, version, &spec, err);
    const struct queue_order order = { .kind = "transform",
                                       .version = parent,
                                       .spec = buf_string(&spec) };
    ok = ok && work_do(cli, visit, &order, detach, &row, err);
    buf_done(&spec);
    if (!ok || detach)
        return ok;
    if (!catalog_find(&visit->registry, parent->raw_name, version, &cli->arena, &made, err))
        return false;
    char what[2 * VERSION_NAME_MAX + 8];
    snprintf(what, sizeof(what), "%s:%s", made.name, made.version);
    say_sizes(isnan(parent->size_bytes) ? 0 : (int64_t)parent->size_bytes, (int64_t)made.size_bytes,
              what);
    const char *report;
    if (!cli_has(cli, "report"))
        return true;
    return catalog_report(&visit->registry, made.id, &cli->arena, &report, err) &&
           write_report(cli_option(cli, "report"), report ? report : "null", err);
}

/* The plan reads the weights: the version's files come to the disk for as long as that takes. */
static bool plan_version(struct cli *cli, const struct visit *visit,
                         const struct transform_request *request, const struct version *parent,
                         struct pare_error *err)
{
    struct spool spool;
    struct spooled bytes;
    if (!spool_open(&spool, err))
        return false;
    struct job_run run = {
        .registry = &visit->registry, .spool = spool.path, .pipe = -1, .cancelled = cli->interrupt
    };
    bool ok = spool_version(&run, parent, "plan", &cli->arena, &bytes, err) &&
              do_file(cli, request, bytes.path, err);
    spool_close(&spool);
    return ok;
}

static bool do_version(struct cli *cli, const struct transform_request *request, const char *ref,
                       struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct version parent, taken;
    bool is = false;
    if (!visit_open(cli, &visit, err))
        return false;
    if (!visit_find(cli, &visit, ref, &cli->arena, &parent, err))
        return transform_looks_like_file(ref) ? error_prefix(err, "no such file") : false;
    if (cli_has(cli, "dry-run"))
        return plan_version(cli, &visit, request, &parent, err);
    const char *version = cli_has(cli, "as")
                              ? cli_option(cli, "as")
                              : transform_name(parent.raw_version, request, &cli->arena);
    if (!version)
        return error_no_memory(err, VERSION_NAME_MAX);
    if (!version_name_ok(version, "version", err) ||
        !registry_allows(&visit.registry, REGISTRY_WRITE, err) ||
        !is_taken(&visit, &parent, version, &cli->arena, &taken, &is, err))
        return false;
    if (is)
        return judge_taken(&visit, request, &parent, &taken, &cli->arena, err);
    return submit(cli, &visit, request, &parent, version, err);
}

bool transform_do(struct cli *cli, const struct transform_request *request, struct pare_error *err)
{
    const char *operand = cli->operands[0];
    bool is_file;
    if (!transform_is_file(cli, operand, cli_has(cli, "o"), &is_file, err))
        return false;
    return is_file ? do_file(cli, request, operand, err) : do_version(cli, request, operand, err);
}
