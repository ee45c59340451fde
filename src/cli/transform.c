/* SPDX-License-Identifier: MIT */
#include "cli/transform.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/pick.h"
#include "cli/tensors.h"
#include "cli/work.h"
#include "engine/engine.h"
#include "jobs/job.h"
#include "jobs/order.h"
#include "jobs/spool.h"
#include "pare.h"
#include "registry/artifact.h"
#include "registry/catalog.h"

enum { SPEC_MAX = 4 << 20, EXTERNAL_BYTES = 1024 };

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

bool transform_check_choice(const char *option, const char *word,
                            const struct pare_choice *choice(size_t index), struct pare_error *err)
{
    char known[256] = "";
    for (size_t i = 0; choice(i); i++) {
        if (!strcmp(word, choice(i)->name))
            return true;
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", choice(i)->name);
    }
    return error_set(err, PARE_ERR_USAGE, "--%s \"%.100s\": %s was expected", option, word, known);
}

/* ---- files ---- */

struct file_work {
    struct pare_model *model;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
};

/* 0 where nothing is said. */
static bool read_threads(const struct cli *cli, int *ret_threads, struct pare_error *err)
{
    const char *word = cli_option(cli, "threads");
    int64_t threads = 0;
    if (word && (!text_to_int64(word, &threads) || threads < 1 || threads > PARE_THREADS_MAX))
        return error_set(err, PARE_ERR_USAGE,
                         "--threads %.100s: a whole number from 1 to %d was expected", word,
                         PARE_THREADS_MAX);
    *ret_threads = (int)threads;
    return true;
}

/* 0: as the source has it. */
static bool read_external(const struct cli *cli, int64_t *ret_bytes, struct pare_error *err)
{
    int64_t bytes;
    if (cli_has(cli, "external-bytes") && !cli_has(cli, "external-data"))
        return error_set(err, PARE_ERR_USAGE, "--external-bytes goes with --external-data");
    if (!cli_number(cli, "external-bytes", 1, EXTERNAL_BYTES, &bytes, err))
        return false;
    *ret_bytes = cli_has(cli, "external-data") ? bytes : 0;
    return true;
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
static bool check_report(const struct cli *cli, const struct pare_model *model,
                         struct pare_error *err)
{
    const char *output = cli_option(cli, "o"), *report = cli_option(cli, "report");
    char data[PATH_MAX];
    if (!report)
        return true;
    if (engine_is_source(model, report))
        return error_set(err, PARE_ERR_REFUSED, "refused: --report %s is a file of the source",
                         report);
    snprintf(data, sizeof(data), "%s.data", output ? output : "");
    if (output && (same_file(report, output) || same_file(report, data)))
        return error_set(err, PARE_ERR_REFUSED, "refused: --report %s is a file of the output",
                         report);
    return true;
}

static bool plan_file(struct cli *cli, const char *recipe, const char *path, const char *output,
                      struct file_work *work, struct tensors_bar *bar, struct pare_error *err)
{
    const char *slash = output ? strrchr(output, '/') : NULL;
    struct pare_plan_options options = {
        .name = slash ? slash + 1 : output,
        .no_digest = cli_has(cli, "no-digest"),
        .progress = tensors_progress,
        .data = bar,
    };
    return read_threads(cli, &options.threads, err) &&
           read_external(cli, &options.external_bytes, err) &&
           pare_model_open(path, &work->model, err) && check_report(cli, work->model, err) &&
           (!output || engine_check_target(work->model, output, err)) &&
           (cli->command == &command_run || pick_check(cli, work->model, err)) &&
           pare_recipe_parse(recipe, strlen(recipe), &work->recipe, err) &&
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

static void say_warning(const char *warning)
{
    if (*warning)
        cli_say("warning: %s", warning);
}

static void say_optimized(const char *words)
{
    if (*words)
        cli_say("optimized: %s", words);
}

static void say_pruned(const char *words)
{
    if (words && *words)
        cli_say("pruned: %s", words);
}

static bool run_file(struct cli *cli, struct file_work *work, const char *output,
                     struct tensors_bar *bar, struct pare_error *err)
{
    struct pare_run_options options = { .progress = tensors_progress,
                                        .data = bar,
                                        .no_sync = cli_has(cli, "no-sync") };
    bool ok = read_threads(cli, &options.threads, err) &&
              pare_run(work->plan, output, &options, &work->report, err);
    tensors_bar_done(bar);
    if (!ok || !tensors_print_report(cli, work->report, err))
        return false;
    say_optimized(pare_report_optimized(work->report));
    say_pruned(pare_report_pruned(work->report));
    say_sizes(pare_report_before_bytes(work->report), pare_report_after_bytes(work->report),
              output);
    return !cli_has(cli, "report") ||
           write_report(cli_option(cli, "report"), pare_report_json(work->report), err);
}

static bool check_options(const struct cli *cli, struct pare_error *err)
{
    if (cli_has(cli, "o") && (cli_has(cli, "as") || cli_has(cli, "detach")))
        return error_set(err, PARE_ERR_USAGE,
                         "-o works on files; --%s is for versions of a registry",
                         cli_has(cli, "as") ? "as" : "detach");
    return true;
}

static bool do_file(struct cli *cli, const char *recipe, const char *path, struct pare_error *err)
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
    if (!check_options(cli, err))
        return false;
    bool ok = plan_file(cli, recipe, path, output, &work, &bar, err);
    tensors_bar_done(&bar);
    if (ok)
        say_warning(pare_plan_warning(work.plan));
    if (ok && dry_run) {
        ok = tensors_print_plan(cli, work.plan, err);
        say_optimized(pare_plan_optimized(work.plan));
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

/* A recipe applied to a version. */
struct version_work {
    struct cli *cli;
    struct visit visit;
    struct version parent;
    struct pare_recipe *recipe;
    const char *version; /* the new one's name */
};

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

/* The name is taken: by the very thing that was asked for, or a refusal. */
static bool judge_taken(const struct version_work *work, const struct version *taken,
                        struct pare_error *err)
{
    struct lineage lineage;
    struct artifact bytes;
    struct arena *arena = &work->cli->arena;
    if (!catalog_lineage(&work->visit.registry, taken->id, arena, &lineage, err) ||
        !artifact_get(&work->visit.registry, &work->parent, arena, &bytes, err))
        return false;
    bool same = same_recipe(lineage.recipe, pare_recipe_text(work->recipe)) && bytes.sha256 &&
                lineage.parent_digest && !strcmp(bytes.sha256, lineage.parent_digest);
    if (!same)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s:%s is there already, made otherwise; give another name with "
                         "--as",
                         taken->name, taken->version);
    cli_say("already done: %s:%s", taken->name, taken->version);
    return true;
}

/* The words about pruning in a stored report; "" where there are none. */
static const char *pruned_in(const char *report, struct arena *arena)
{
    CLEANUP(json_free) cJSON *root = NULL;
    struct pare_error ignored;
    if (!report || !json_parse(report, strlen(report), &root, &ignored))
        return "";
    const cJSON *pruned = cJSON_GetObjectItemCaseSensitive(root, "pruned");
    return text_clean_dup(arena, json_string(pruned, "words", ""));
}

static bool say_made(const struct version_work *work, struct pare_error *err)
{
    struct cli *cli = work->cli;
    struct version made;
    char what[2 * VERSION_NAME_MAX + 8];
    double before = work->parent.size_bytes;
    const char *report;
    if (!catalog_find(&work->visit.registry, work->parent.raw_name, work->version, &cli->arena,
                      &made, err))
        return false;
    snprintf(what, sizeof(what), "%s:%s", made.name, made.version);
    if (!catalog_report(&work->visit.registry, made.id, &cli->arena, &report, err))
        return false;
    say_pruned(pruned_in(report, &cli->arena));
    say_sizes(isnan(before) ? 0 : (int64_t)before, (int64_t)made.size_bytes, what);
    if (!cli_has(cli, "report"))
        return true;
    return write_report(cli_option(cli, "report"), report ? report : "null", err);
}

/* The schemes' warnings are of graphs. */
static const char *warning_of(const struct version_work *work)
{
    const char *type = work->parent.model_type;
    bool checkpoint = type && (!strcmp(type, "safetensors") || !strcmp(type, "pytorch"));
    return checkpoint ? "" : pare_recipe_warning(work->recipe);
}

static bool submit(const struct version_work *work, struct pare_error *err)
{
    struct job_row row = { 0 };
    struct buf spec;
    bool detach = cli_has(work->cli, "detach");
    say_warning(warning_of(work));
    buf_init(&spec, SPEC_MAX);
    order_put_transform(work->recipe, work->parent.raw_name, work->version, &spec);
    const struct queue_order order = { .kind = "transform",
                                       .version = &work->parent,
                                       .spec = buf_string(&spec) };
    bool ok = buf_ok(&spec, err) && work_do(work->cli, &work->visit, &order, detach, &row, err);
    buf_done(&spec);
    return ok && (detach || say_made(work, err));
}

/* The plan reads the weights: the version's files come to the disk for as long as that takes. */
static bool plan_version(const struct version_work *work, struct pare_error *err)
{
    struct cli *cli = work->cli;
    struct spool spool;
    struct spooled bytes;
    if (!spool_open(&spool, err))
        return false;
    struct job_run run = { .registry = &work->visit.registry,
                           .spool = spool.path,
                           .cancelled = cli->interrupt };
    bool ok = spool_version(&run, &work->parent, "plan", &cli->arena, &bytes, err) &&
              do_file(cli, pare_recipe_text(work->recipe), bytes.path, err);
    spool_close(&spool);
    return ok;
}

static bool make_version(struct version_work *work, struct pare_error *err)
{
    struct cli *cli = work->cli;
    const struct registry *registry = &work->visit.registry;
    struct version taken;
    work->version = cli_has(cli, "as")
                        ? cli_option(cli, "as")
                        : order_version(work->recipe, work->parent.raw_version, &cli->arena);
    if (!work->version)
        return error_no_memory(err, VERSION_NAME_MAX);
    if (!version_name_ok(work->version, "version", err) ||
        !registry_allows(registry, REGISTRY_WRITE, err))
        return false;
    if (catalog_find(registry, work->parent.raw_name, work->version, &cli->arena, &taken, err))
        return judge_taken(work, &taken, err);
    return err->code == PARE_ERR_NOT_FOUND && submit(work, err);
}

static bool do_version(struct cli *cli, const char *recipe, const char *ref, struct pare_error *err)
{
    struct version_work work = { .cli = cli };
    if (cli_has(cli, "external-data") || cli_has(cli, "external-bytes"))
        return error_set(err, PARE_ERR_USAGE,
                         "--external-data works on files; a version keeps the form it has");
    bool ok = pare_recipe_parse(recipe, strlen(recipe), &work.recipe, err) &&
              visit_open(cli, &work.visit, err);
    if (ok && !visit_find(cli, &work.visit, ref, &cli->arena, &work.parent, err)) {
        ok = false;
        if (transform_looks_like_file(ref))
            error_prefix(err, "no such file");
    }
    ok = ok && (cli_has(cli, "dry-run") ? plan_version(&work, err) : make_version(&work, err));
    visit_close(&work.visit);
    pare_recipe_free(work.recipe);
    return ok;
}

bool transform_do(struct cli *cli, const char *recipe, struct pare_error *err)
{
    const char *operand = cli->operands[0];
    bool is_file;
    if (!transform_is_file(cli, operand, cli_has(cli, "o"), &is_file, err))
        return false;
    return is_file ? do_file(cli, recipe, operand, err) : do_version(cli, recipe, operand, err);
}
