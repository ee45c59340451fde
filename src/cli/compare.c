/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/sheet.h"
#include "cli/visit.h"
#include "registry/catalog.h"

/*
 * A change stands only between numbers got alike: stored bytes always are, everything
 * else only when both were measured under the same conditions on the same data. Else "~".
 */

enum { VERSIONS_MAX = 8, FACTS_MAX = 16 };

enum better { BETTER_LOWER, BETTER_HIGHER };

static const struct measured {
    const char *key; /* in a measurement's result */
    const char *title;
    enum better better;
    bool is_time;
} measured[] = {
    { "inference_ms", "latency ms", BETTER_LOWER, true },
    { "p95_ms", "p95 ms", BETTER_LOWER, true },
    { "peak_mb", "memory MB", BETTER_LOWER, false },
    { "accuracy", "accuracy", BETTER_HIGHER, false },
    { "agreement", "agreement", BETTER_HIGHER, false },
    { "sqnr_db", "SQNR dB", BETTER_HIGHER, false },
};

struct comparison {
    struct sheet sheet;
    struct sheet_column columns[1 + 2 * VERSIONS_MAX];
    struct version versions[VERSIONS_MAX];
    size_t count;
    /* Results under the conditions of the first version; NULL when not measured alike. */
    cJSON *alike[VERSIONS_MAX], *alike_first[VERSIONS_MAX];
    bool together[VERSIONS_MAX]; /* in one job, in turns: times can be compared */
    const char *conditions;
};

static size_t value_column(size_t version)
{
    return version == 0 ? 1 : 2 * version;
}

static const char *change(struct sheet *sheet, double from, double to, enum better better)
{
    if (isnan(from) || isnan(to))
        return NULL;
    if (from == to)
        return "=";
    if (from == 0)
        return "~";
    double per_cent = 100 * (to - from) / fabs(from);
    bool good = (to < from) == (better == BETTER_LOWER);
    return arena_printf(sheet->arena, fabs(per_cent) < 9.95 ? "%+.1f %% %s" : "%+.0f %% %s",
                        per_cent, good ? "better" : "worse");
}

static void set_columns(struct comparison *c, struct arena *arena)
{
    c->columns[0] = (struct sheet_column){ "fact", "", SHEET_TEXT };
    for (size_t i = 0; i < c->count; i++) {
        const struct version *v = &c->versions[i];
        char *key = arena_printf(arena, "%s:%s", v->name, v->version);
        char *title = v->is_default ? arena_printf(arena, "%s *", key) : key;
        c->columns[value_column(i)] = (struct sheet_column){ key, title, SHEET_NUMBER };
        if (i > 0)
            c->columns[value_column(i) + 1] =
                (struct sheet_column){ arena_printf(arena, "change %zu", i), "vs first",
                                       SHEET_TEXT };
    }
    sheet_init(&c->sheet, arena, c->columns, 2 * c->count);
}

static void put_words(struct comparison *c, const char *title,
                      const char *(*word)(const struct version *))
{
    struct sheet_cell *cells = sheet_row(&c->sheet);
    cells[0] = sheet_text(title);
    for (size_t i = 0; i < c->count; i++) {
        cells[value_column(i)] =
            (struct sheet_cell){ .value = word(&c->versions[i]), .is_word = true };
    }
}

static const char *type_of(const struct version *v)
{
    return v->model_type;
}

static const char *optimization_of(const struct version *v)
{
    return v->optimization;
}

static void put_size(struct comparison *c)
{
    struct sheet_cell *cells = sheet_row(&c->sheet);
    cells[0] = sheet_text("size");
    for (size_t i = 0; i < c->count; i++) {
        double size = c->versions[i].size_bytes;
        cells[value_column(i)] = sheet_number(&c->sheet, size, sheet_size(&c->sheet, size));
        if (i > 0)
            cells[value_column(i) + 1] =
                sheet_text(change(&c->sheet, c->versions[0].size_bytes, size, BETTER_LOWER));
    }
}

/* What the versions' own metrics say; a change of these is printed only from measurements. */
static double own_number(const struct version *v, const char *key)
{
    if (!strcmp(key, "inference_ms"))
        return v->latency_ms;
    return !strcmp(key, "accuracy") ? v->accuracy : NAN;
}

static double result_number(const cJSON *result, const char *key)
{
    double number = result ? json_number(result, key, NAN) : NAN;
    return fabs(number) <= 1e300 ? number : NAN;
}

/* What an interval of the ratio of times leaves open is no difference. */
static bool is_same_speed(const cJSON *result)
{
    return strcmp(json_string(result, "speed", ""), "no difference") == 0;
}

static const char *measured_change(struct comparison *c, size_t i, const struct measured *fact,
                                   double number)
{
    double first = result_number(c->alike_first[i], fact->key);
    if (isnan(first))
        return c->alike[i] ? NULL : "~";
    if (fact->is_time && !c->together[i])
        return "~";
    if (!strcmp(fact->key, "inference_ms") && is_same_speed(c->alike[i]))
        return "no difference";
    return change(&c->sheet, first, number, fact->better);
}

static void put_measured(struct comparison *c, const struct measured *fact)
{
    struct sheet_cell cells[2 * VERSIONS_MAX] = { { 0 } };
    bool any = false;
    cells[0] = sheet_text(fact->title);
    for (size_t i = 0; i < c->count; i++) {
        double number = result_number(c->alike[i], fact->key);
        if (isnan(number))
            number = own_number(&c->versions[i], fact->key);
        if (isnan(number))
            continue;
        any = true;
        cells[value_column(i)] =
            sheet_number(&c->sheet, number, arena_printf(c->sheet.arena, "%.4g", number));
        if (i > 0)
            cells[value_column(i) + 1] = sheet_text(measured_change(c, i, fact, number));
    }
    if (any)
        memcpy(sheet_row(&c->sheet), cells, c->sheet.column_count * sizeof(*cells));
}

/* The first version's own column shows what it was measured to beside the second. */
static bool find_alike(const struct visit *visit, struct comparison *c, struct arena *arena,
                       struct pare_error *err)
{
    for (size_t i = 1; i < c->count; i++) {
        struct alike alike;
        if (!catalog_alike(&visit->registry, c->versions[i].id, c->versions[0].id, arena, &alike,
                           err))
            return false;
        if (!alike.first || !alike.second)
            continue;
        if (!json_parse(alike.first, strlen(alike.first), &c->alike[i], err) ||
            !json_parse(alike.second, strlen(alike.second), &c->alike_first[i], err))
            return false;
        if (!c->alike[0] && !json_parse(alike.second, strlen(alike.second), &c->alike[0], err))
            return false;
        c->together[i] = alike.together;
        c->conditions = alike.conditions;
    }
    return true;
}

static bool print(struct cli *cli, struct comparison *c, struct pare_error *err)
{
    set_columns(c, &cli->arena);
    put_words(c, "type", type_of);
    put_words(c, "optimization", optimization_of);
    put_size(c);
    for (size_t i = 0; i < ARRAY_SIZE(measured); i++)
        put_measured(c, &measured[i]);
    if (!sheet_print(&c->sheet, cli->format, err))
        return false;
    if (cli->format == CLI_MD) {
        printf("\n%s%s\n`pare compare",
               c->conditions ? "Measured alike: "
                             : "Not measured alike: "
                               "changes of latency and accuracy stand as ~.",
               c->conditions ? c->conditions : "");
        for (int i = 0; i < cli->operand_count; i++)
            printf(" %s", cli->operands[i]);
        printf(" --format md`\n");
    } else if (cli->format == CLI_TABLE && !c->conditions) {
        cli_say("latency and accuracy were not measured alike: their changes stand as ~");
    }
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct comparison c = { .count = (size_t)cli->operand_count };
    if (!visit_open(cli, &visit, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < c.count; i++)
        ok = visit_find(cli, &visit, cli->operands[i], &cli->arena, &c.versions[i], err);
    ok = ok && find_alike(&visit, &c, &cli->arena, err) && print(cli, &c, err);
    for (size_t i = 0; i < VERSIONS_MAX; i++) {
        cJSON_Delete(c.alike[i]);
        cJSON_Delete(c.alike_first[i]);
    }
    return ok;
}

static const struct option_spec options[] = {
    { NULL, NULL, NULL },
};

const struct command command_compare = {
    .name = "compare",
    .operands = "REF REF...",
    .summary = "versions side by side, each with its change against the first",
    .options = options,
    .operands_min = 2,
    .operands_max = VERSIONS_MAX,
    .run = run,
};
