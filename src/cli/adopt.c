/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/versions.h"
#include "cli/visit.h"
#include "pg/pg.h"
#include "registry/default.h"
#include "registry/order.h"

static const struct sheet_column columns[] = {
    { "name", "model", SHEET_TEXT },
    { "version", "would be the default", SHEET_TEXT },
    { "created_at", "created", SHEET_TEXT },
    { "latency_ms", "latency", SHEET_NUMBER },
};

/* The order whose first version is picked: newest, fastest, or the largest config.KEY. */
static bool pick_order(const char *pick, const char **ret_sort, struct pare_error *err)
{
    if (!strcmp(pick, "newest"))
        *ret_sort = "created:desc,id:desc";
    else if (!strcmp(pick, "fastest"))
        *ret_sort = "latency,id:desc";
    else if (!strncmp(pick, "config.", 7) && pick[7])
        *ret_sort = NULL;
    else
        return error_set(err, PARE_ERR_USAGE,
                         "--pick %s: newest, fastest or config.KEY was expected", pick);
    return true;
}

struct choice {
    const struct version **versions; /* one a model, in the order of names */
    size_t count;
};

static bool is_missing(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct version *const *left = a, *const *right = b;
    return strcmp((*left)->raw_name, (*right)->raw_name);
}

/* config.KEY picks versions whose value there is true, or else the highest number or text. */
static bool has_fact(const char *pick, const struct version *version)
{
    if (!strcmp(pick, "newest"))
        return true;
    if (!strcmp(pick, "fastest"))
        return !isnan(version->latency_ms);
    const struct version_value *value = &version->values[0];
    return value->text && (value->kind != 'b' || value->text[0] == 't');
}

static bool choose(const struct visit *visit, struct arena *arena, const char *where,
                   const char *pick, struct choice *ret_choice, struct pare_error *err)
{
    const char **names;
    size_t name_count, count, chosen = 0;
    const struct version **versions;
    struct versions_query query = { .filter = where };
    if (!pick_order(pick, &query.sort, err))
        return false;
    if (!query.sort && !(query.sort = arena_printf(arena, "%s:desc,id:desc", pick)))
        return error_no_memory(err, strlen(pick));
    if (!default_missing(&visit->registry, arena, &names, &name_count, err) ||
        !versions_get(visit, &query, arena, &versions, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool taken =
            !is_missing(names, name_count, versions[i]->raw_name) || !has_fact(pick, versions[i]);
        for (size_t j = 0; j < chosen && !taken; j++)
            taken = !strcmp(versions[j]->raw_name, versions[i]->raw_name);
        if (!taken)
            versions[chosen++] = versions[i];
    }
    if (chosen)
        qsort(versions, chosen, sizeof(struct version *), by_name);
    *ret_choice = (struct choice){ versions, chosen };
    return true;
}

static bool adopt_all(const struct visit *visit, const struct choice *choice, const char *reason,
                      struct pare_error *err)
{
    const struct default_change change = { .kind = "adopt", .reason = reason };
    int64_t rev;
    if (!registry_allows(&visit->registry, REGISTRY_WRITE, err) || !pg_begin(visit->pg, true, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < choice->count; i++) {
        struct promotion promotion = { .to = *choice->versions[i] };
        ok = default_set_within(&visit->registry, &promotion, &change, &rev, err);
    }
    ok = ok && pg_commit(visit->pg, err);
    if (!ok)
        pg_rollback(visit->pg);
    return ok;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct choice choice = { 0 };
    struct sheet sheet;
    const char *pick = cli_option(cli, "pick"), *where = cli_option(cli, "where");
    if (!pick)
        return error_set(err, PARE_ERR_USAGE, "adopt wants --pick newest, fastest or config.KEY");
    if (!visit_open(cli, &visit, err) || !choose(&visit, &cli->arena, where, pick, &choice, err))
        return false;
    if (choice.count == 0) {
        cli_say("every model that fits has a default already");
        return true;
    }
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < choice.count; i++) {
        const struct version *v = choice.versions[i];
        struct sheet_cell *cells = sheet_row(&sheet);
        cells[0] = sheet_text(v->name);
        cells[1] = sheet_text(v->version);
        cells[2] = sheet_time(&sheet, v->created_at);
        cells[3] = sheet_number(&sheet, v->latency_ms, sheet_latency(&sheet, v->latency_ms));
    }
    bool dry_run = cli_has(cli, "dry-run");
    if (!dry_run && !adopt_all(&visit, &choice, cli_option(cli, "reason"), err))
        return false;
    cli_say("%zu default%s %s", choice.count, choice.count == 1 ? "" : "s",
            dry_run ? "would be set" : "set, in one transaction");
    return sheet_print(&sheet, cli->format, err);
}

static const struct option_spec options[] = {
    { "pick", "HOW", "newest, fastest or config.KEY (true, or the largest)" },
    { "where", "EXPR", "only among versions this filter holds for" },
    { "reason", "T", "why, for the history" },
    { "dry-run", NULL, "only show them" },
    { NULL, NULL, NULL },
};

const struct command command_adopt = {
    .name = "adopt",
    .operands = "",
    .summary = "give every model without a default one, in one transaction",
    .options = options,
    .run = run,
};
