/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/fit.h"
#include "cli/tensors.h"
#include "cli/versions.h"
#include "cli/visit.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "registry/artifact.h"
#include "registry/default.h"

enum { VALUE_BYTES_MAX = 200 };

static const struct sheet_column columns[] = {
    { "fact", "fact", SHEET_TEXT },
    { "value", "value", SHEET_TEXT },
};

static void put(struct sheet *sheet, const char *fact, const char *value)
{
    if (!value || !*value)
        return;
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_text(fact);
    cells[1] = sheet_text(value);
}

/* One line of config or metrics, digits as they are stored. */
struct leaves {
    struct sheet *sheet;
    const char *root;
};

static bool put_leaf(void *data, const char *path, const char *text, size_t length)
{
    struct leaves *leaves = data;
    struct arena *arena = leaves->sheet->arena;
    bool long_one = length > VALUE_BYTES_MAX;
    char *value = arena_alloc(arena, 3 * VALUE_BYTES_MAX + 8);
    char *fact = arena_printf(arena, "%s%s%s", leaves->root, *path ? "." : "", path);
    if (!value || !fact)
        return false;
    size_t used = text_clean(text, MIN(length, VALUE_BYTES_MAX), value, 3 * VALUE_BYTES_MAX);
    if (long_one)
        memcpy(value + used, "...", 4);
    put(leaves->sheet, text_clean_dup(arena, fact), value);
    return true;
}

static void put_json(struct sheet *sheet, const char *root, const char *json)
{
    struct leaves leaves = { sheet, root };
    struct pare_error ignored;
    if (json && !json_walk(json, strlen(json), put_leaf, &leaves, &ignored))
        put(sheet, root, "(cannot be shown)");
}

static bool put_lineage(const struct visit *visit, const struct version *version,
                        struct sheet *sheet, struct pare_error *err)
{
    struct lineage lineage;
    const char *const *children;
    struct arena *arena = sheet->arena;
    if (!catalog_lineage(&visit->registry, version->id, arena, &lineage, err) ||
        !catalog_children(&visit->registry, version->id, arena, &children, err))
        return false;
    if (lineage.parent_id)
        put(sheet, "made from",
            arena_printf(arena, "%s:%s%s", lineage.parent_name, lineage.parent_version,
                         lineage.parent_is_there ? "" : " (vanished)"));
    put(sheet, "recipe", text_clean_dup(arena, lineage.recipe));
    put(sheet, "made by", lineage.actor);
    for (; *children; children++)
        put(sheet, "made into", *children);
    return true;
}

static bool put_bytes(const struct visit *visit, const struct version *version, struct sheet *sheet,
                      struct pare_error *err)
{
    struct artifact artifact;
    struct arena *arena = sheet->arena;
    if (!artifact_get(&visit->registry, version, arena, &artifact, err)) {
        put(sheet, "bytes", "none stored");
        return err->code == PARE_ERR_NOT_FOUND;
    }
    put(sheet, "bytes",
        arena_printf(arena, "%zu file%s %s", artifact.file_count,
                     artifact.file_count == 1 ? "" : "s",
                     artifact.inline_bytes ? "in model_data" : "in chunks"));
    put(sheet, "sha256", artifact.sha256 ? artifact.sha256 : "not on record");
    for (size_t i = 0; artifact.folder && i < artifact.file_count; i++)
        put(sheet, "file",
            arena_printf(arena, "%s  %s", artifact.files[i].path,
                         sheet_size(sheet, (double)artifact.files[i].size_bytes)));
    return true;
}

/* Who made it the default, and whether it was rolled away from. */
static bool put_events(const struct visit *visit, const struct version *version,
                       struct sheet *sheet, struct pare_error *err)
{
    struct default_event *events;
    size_t count;
    struct arena *arena = sheet->arena;
    if (registry_is_guest(&visit->registry))
        return true;
    if (!default_history(&visit->registry, version->raw_name, NULL, arena, &events, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct default_event *e = &events[i];
        bool to_this = e->to_id == version->id;
        bool away = e->from_id == version->id && e->undoes;
        if (to_this || away)
            put(sheet, to_this ? "made default" : "rolled back",
                arena_printf(arena, "%s by %s%s%s (rev %lld)", sheet_when(sheet, e->at), e->actor,
                             e->reason ? ": " : "", e->reason ? e->reason : "", (long long)e->rev));
    }
    return true;
}

static bool print_facts(struct cli *cli, const struct visit *visit, const struct version *version,
                        struct pare_error *err)
{
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    put(&sheet, "name", version->name);
    put(&sheet, "version",
        arena_printf(&cli->arena, "%s%s", version->version,
                     version->is_default ? "  * the default" : ""));
    put(&sheet, "type", version->model_type);
    put(&sheet, "optimization", version->optimization);
    put(&sheet, "size", sheet_size(&sheet, version->size_bytes));
    if (version->stored_bytes < version->size_bytes)
        put(&sheet, "stored",
            arena_printf(&cli->arena, "%s, %.0f %% of the size",
                         sheet_size(&sheet, version->stored_bytes),
                         100 * version->stored_bytes / version->size_bytes));
    put(&sheet, "latency", sheet_latency(&sheet, version->latency_ms));
    put(&sheet, "accuracy", sheet_accuracy(&sheet, version->accuracy));
    put(&sheet, "created", sheet_when(&sheet, version->created_at));
    if (!put_bytes(visit, version, &sheet, err) || !put_lineage(visit, version, &sheet, err) ||
        !put_events(visit, version, &sheet, err))
        return false;
    put_json(&sheet, "config", version->config);
    put_json(&sheet, "metrics", version->metrics);
    return sheet_print(&sheet, cli->format, err);
}

/* The version's files come to the disk for as long as it takes to read them. */
static bool print_tensors(struct cli *cli, const struct visit *visit, const struct version *version,
                          struct pare_error *err)
{
    struct spool spool;
    struct spooled bytes;
    struct pare_model *model = NULL;
    const char *report = NULL, *histogram = cli_option(cli, "histogram");
    if (!registry_is_guest(&visit->registry) &&
        !catalog_report(&visit->registry, version->id, &cli->arena, &report, err))
        return false;
    if (!spool_open(&spool, err))
        return false;
    struct job_run run = { .registry = &visit->registry,
                           .spool = spool.path,
                           .cancelled = cli->interrupt };
    bool ok = spool_version(&run, version, "version", &cli->arena, &bytes, err) &&
              pare_model_open(bytes.path, &model, err) &&
              (histogram ? tensors_print_histogram(cli, model, histogram, err)
                         : tensors_print_version(cli, model, report, err));
    pare_model_close(model);
    spool_close(&spool);
    return ok;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct version version;
    struct sheet sheet;
    if (!visit_open(cli, &visit, err) ||
        !visit_find_operand(cli, &visit, 0, &cli->arena, &version, err))
        return false;
    if (cli_has(cli, "for"))
        return fit_print(cli, &visit, &version, err);
    if (cli_has(cli, "ctx") || cli_has(cli, "batch"))
        return error_set(err, PARE_ERR_USAGE, "--ctx and --batch are of --for SIZE");
    if (cli_has(cli, "tensors") || cli_has(cli, "histogram"))
        return print_tensors(cli, &visit, &version, err);
    if (cli->format == CLI_TABLE || cli->format == CLI_MD)
        return print_facts(cli, &visit, &version, err);
    sheet_init(&sheet, &cli->arena, versions_columns, VERSIONS_COLUMNS);
    versions_put(&sheet, &version);
    return sheet_print(&sheet, cli->format, err);
}

static const struct option_spec options[] = {
    { "tensors", NULL, "its tensors instead: dtype, shape, bytes, zeros, errors" },
    { "histogram", "TENSOR", "how the values of that one are spread instead" },
    { "for", "SIZE", "whether it fits a device of 4GiB, say, instead: weights, cache, overhead" },
    { "ctx", "TOKENS", "of --for: so many in the cache (2048)" },
    { "batch", "N", "of --for: so many sequences at a time (1)" },
    { "name", "N", "instead of REF, with --version" },
    { "version", "V", "instead of REF, with --name" },
    { NULL, NULL, NULL },
};

const struct command command_show = {
    .name = "show",
    .operands = "REF",
    .summary = "all there is to know of one version",
    .options = options,
    .operands_max = 1,
    .run = run,
};
