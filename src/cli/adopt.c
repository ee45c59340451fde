/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/versions.h"
#include "cli/visit.h"
#include "pg/pg.h"
#include "registry/default.h"
#include "registry/order.h"

enum { SENTENCE_MAX = 900 };

static const struct sheet_column columns[] = {
    { "name", "model", SHEET_TEXT },         { "version", "would be the default", SHEET_TEXT },
    { "created_at", "created", SHEET_TEXT }, { "latency_ms", "latency", SHEET_NUMBER },
    { "gates", "gates", SHEET_TEXT },
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

/* What one model gets, and whether its gates let it. */
struct pick {
    const struct version *version;
    struct gate_result *gates; /* in the arena, as all below */
    size_t gate_count;
    bool passes;
};

struct choice {
    struct pick *picks; /* one a model, in the order of names */
    size_t count, passing;
    bool force; /* those that do not pass too */
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

/* The first version of each name that has none. Versions are moved to the front. */
static size_t first_of_each(const struct version **versions, size_t count, const char *const *names,
                            size_t name_count, const char *pick)
{
    size_t chosen = 0;
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
    return chosen;
}

/* By the rules that a first promote of the version would be judged by. */
static bool judge(const struct gate *gates, size_t gate_count, struct arena *arena,
                  struct pick *pick, struct pare_error *err)
{
    struct gate *own = arena_array(arena, gate_count + 1, sizeof(*own));
    struct gate_facts facts = { .gates = own };
    if (!own)
        return error_no_memory(err, gate_count * sizeof(*own));
    for (size_t i = 0; i < gate_count; i++)
        if (gate_is_for(&gates[i], pick->version))
            own[facts.gate_count++] = gates[i];
    if (!gate_judge(&facts, pick->version, NULL, arena, &pick->gates, &pick->gate_count, err))
        return false;
    pick->passes = gate_all_pass(pick->gates, pick->gate_count);
    return true;
}

static bool choose(const struct visit *visit, struct arena *arena, const char *where,
                   const char *pick, struct choice *choice, struct pare_error *err)
{
    const char **names;
    struct gate *gates;
    size_t name_count, gate_count, count;
    const struct version **versions;
    struct versions_query query = { .filter = where };
    if (!pick_order(pick, &query.sort, err))
        return false;
    if (!query.sort && !(query.sort = arena_printf(arena, "%s:desc,id:desc", pick)))
        return error_no_memory(err, strlen(pick));
    if (!default_missing(&visit->registry, arena, &names, &name_count, err) ||
        !gate_list(&visit->registry, NULL, arena, &gates, &gate_count, err))
        return false;
    query.with_json = gate_count > 0;
    if (!versions_get(visit, &query, arena, &versions, &count, NULL, err))
        return false;
    count = first_of_each(versions, count, names, name_count, pick);
    choice->picks = arena_array(arena, count + 1, sizeof(*choice->picks));
    if (!choice->picks)
        return error_no_memory(err, count * sizeof(*choice->picks));
    for (size_t i = 0; i < count; i++) {
        choice->picks[i] = (struct pick){ .version = versions[i] };
        if (!judge(gates, gate_count, arena, &choice->picks[i], err))
            return false;
        choice->passing += choice->picks[i].passes;
    }
    choice->count = count;
    return true;
}

static bool adopt_all(const struct visit *visit, const struct choice *choice, const char *reason,
                      struct pare_error *err)
{
    int64_t rev;
    if (!registry_allows(&visit->registry, REGISTRY_WRITE, err) || !pg_begin(visit->pg, true, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < choice->count; i++) {
        const struct pick *pick = &choice->picks[i];
        const struct promotion promotion = { .to = *pick->version,
                                             .gates = pick->gates,
                                             .gate_count = pick->gate_count };
        const struct default_change change = { .kind = "adopt",
                                               .reason = reason,
                                               .forced = !pick->passes };
        if (pick->passes || choice->force)
            ok = default_set_within(&visit->registry, &promotion, &change, &rev, err);
    }
    ok = ok && pg_commit(visit->pg, err);
    if (!ok)
        pg_rollback(visit->pg);
    return ok;
}

/* "pass", or which rules are in the way and what comes of it; NULL where none was asked. */
static const char *verdict_of(const struct choice *choice, const struct pick *pick,
                              struct arena *arena)
{
    struct buf buf;
    if (pick->gate_count == 0)
        return NULL;
    if (pick->passes)
        return "pass";
    buf_init(&buf, SENTENCE_MAX);
    buf_text(&buf, choice->force ? "by force: " : "left out: ");
    gate_put_open(pick->gates, pick->gate_count, &buf);
    const char *words = arena_strdup(arena, buf_string(&buf));
    buf_done(&buf);
    return words;
}

static bool print(struct cli *cli, const struct choice *choice, struct pare_error *err)
{
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < choice->count; i++) {
        const struct version *v = choice->picks[i].version;
        struct sheet_cell *cells = sheet_row(&sheet);
        cells[0] = sheet_text(v->name);
        cells[1] = sheet_text(v->version);
        cells[2] = sheet_time(&sheet, v->created_at);
        cells[3] = sheet_number(&sheet, v->latency_ms, sheet_latency(&sheet, v->latency_ms));
        cells[4] = sheet_text(verdict_of(choice, &choice->picks[i], &cli->arena));
    }
    return sheet_print(&sheet, cli->format, err);
}

static void say_done(const struct choice *choice, bool dry_run)
{
    size_t set = choice->force ? choice->count : choice->passing;
    size_t failing = choice->count - choice->passing;
    cli_say("%zu default%s %s", set, set == 1 ? "" : "s",
            dry_run ? "would be set" : "set, in one transaction");
    if (failing && choice->force)
        cli_say("%zu of them by force, past the gates", failing);
    else if (failing)
        cli_say("%zu left out, which %s not pass the gates; with them: --force --reason T", failing,
                failing == 1 ? "does" : "do");
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct choice choice = { .force = cli_has(cli, "force") };
    const char *pick = cli_option(cli, "pick"), *reason = cli_option(cli, "reason");
    bool dry_run = cli_has(cli, "dry-run");
    if (!pick)
        return error_set(err, PARE_ERR_USAGE, "adopt wants --pick newest, fastest or config.KEY");
    if (choice.force && (!reason || !*reason))
        return error_set(err, PARE_ERR_USAGE, "--force wants --reason T: it goes into the history");
    if (!visit_open(cli, &visit, err) ||
        !choose(&visit, &cli->arena, cli_option(cli, "where"), pick, &choice, err))
        return false;
    if (choice.count == 0) {
        cli_say("every model that fits has a default already");
        return true;
    }
    bool none = choice.passing == 0 && !choice.force;
    if (!dry_run && !none && !adopt_all(&visit, &choice, reason, err))
        return false;
    if (!none || dry_run)
        say_done(&choice, dry_run);
    if (!print(cli, &choice, err))
        return false;
    return dry_run || !none ||
           error_set(
               err, PARE_ERR_REFUSED,
               "refused: no version that would be adopted passes its gates. To adopt them all "
               "the same: --force --reason T");
}

static const struct option_spec options[] = {
    { "pick", "HOW", "newest, fastest or config.KEY (true, or the largest)" },
    { "where", "EXPR", "only among versions this filter holds for" },
    { "force", NULL, "also those that do not pass the gates; wants --reason" },
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
