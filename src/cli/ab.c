/* SPDX-License-Identifier: MIT */
#include "cli/ab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sheet.h"
#include "registry/rollup.h"

enum { LIST_PATIENCE_MS = 1000 };

bool ab_find(struct cli *cli, const struct visit *visit, struct abtest *ret_test,
             struct pare_error *err)
{
    if (cli->operand_count < 2)
        return error_set(err, PARE_ERR_USAGE, "ab %s wants a test: its number or its name",
                         cli->operands[0]);
    return abtest_find(&visit->registry, cli->operands[1], &cli->arena, ret_test, err);
}

const char *ab_duration(struct arena *arena, double seconds)
{
    long whole = seconds > 0 ? (long)seconds : 0;
    if (whole >= 86400)
        return arena_printf(arena, "%ldd%02ldh", whole / 86400, whole / 3600 % 24);
    if (whole >= 3600)
        return arena_printf(arena, "%ldh%02ldm", whole / 3600, whole / 60 % 60);
    if (whole >= 60)
        return arena_printf(arena, "%ldm%02lds", whole / 60, whole % 60);
    return arena_printf(arena, "%lds", whole);
}

/* ---- list ---- */

static const struct sheet_column columns[] = {
    { "id", "id", SHEET_NUMBER },
    { "test_name", "test", SHEET_TEXT },
    { "status", "status", SHEET_TEXT },
    { "a", "A", SHEET_TEXT },
    { "b", "B", SHEET_TEXT },
    { "traffic_split", "A's share", SHEET_NUMBER },
    { "results", "results", SHEET_NUMBER },
    { "seconds", "for", SHEET_NUMBER },
    { "primary", "primary", SHEET_TEXT },
    { "assumed", "plan", SHEET_BOOL },
    { "all_to", "all to", SHEET_TEXT },
    { "start_time", "since", SHEET_TEXT },
    { "end_time", NULL, SHEET_TEXT },
    { "ended_by", "ended by", SHEET_TEXT },
};

static const char *arm_text(struct arena *arena, const struct abtest_arm *arm)
{
    if (!arm->id)
        return NULL;
    return arm->name ? arena_printf(arena, "%s:%s", arm->name, arm->version)
                     : arena_printf(arena, "#%lld (vanished)", (long long)arm->id);
}

static void put(struct sheet *sheet, const struct abtest *test)
{
    struct sheet_cell *cells = sheet_row(sheet);
    struct arena *arena = sheet->arena;
    const char letter[] = { test->all_to, '\0' };
    cells[0] = sheet_integer(sheet, test->id);
    cells[1] = sheet_text(test->name);
    cells[2] = sheet_text(test->status);
    cells[3] = sheet_text(arm_text(arena, &test->a));
    cells[4] = sheet_text(arm_text(arena, &test->b));
    cells[5] = sheet_number(sheet, test->split_percent / 100.0,
                            arena_printf(arena, ".%02d", test->split_percent));
    if (test->split_percent == 100)
        cells[5].shown = "1";
    cells[6] = sheet_integer(sheet, test->results);
    cells[7] =
        sheet_number(sheet, test->running_seconds,
                     isnan(test->running_seconds) ? "" : ab_duration(arena, test->running_seconds));
    cells[8] = sheet_text(abtest_metric_word(test->plan.primary));
    cells[9] = sheet_bool(test->plan.assumed, "assumed");
    cells[10] = sheet_text(test->all_to ? arena_strdup(arena, letter) : NULL);
    cells[11] = sheet_time(sheet, test->start_at);
    cells[12] = sheet_time(sheet, test->end_at);
    cells[13] = sheet_text(test->ended_by);
}

/* What has come lately is in the list, as far as that takes no long time. */
static bool roll_up(const struct visit *visit, struct pare_error *err)
{
    struct rollup rollup = { 0 };
    bool ok = !rollup_can(&visit->registry) ||
              rollup_catch_up(&visit->registry, &rollup, LIST_PATIENCE_MS, err);
    rollup_done(&rollup);
    return ok;
}

static bool list(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct abtest *tests;
    struct sheet sheet;
    size_t count;
    if (!roll_up(visit, err))
        return false;
    if (!abtest_list(&visit->registry, 0, NULL, &cli->arena, &tests, &count, err))
        return false;
    if (count == 0 && cli->format == CLI_TABLE) {
        cli_say("no tests yet; start one with: pare ab start TESTNAME --a REF --b REF");
        return true;
    }
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < count; i++)
        put(&sheet, &tests[i]);
    return sheet_print(&sheet, cli->format, err);
}

/* ---- split and stop ---- */

static bool split(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct abtest test;
    int percent;
    bool changed;
    if (cli->operand_count != 3)
        return error_set(err, PARE_ERR_USAGE, "usage: pare ab split TEST S, such as 0.9");
    if (!abtest_split_parse(cli->operands[2], &percent, err) || !ab_find(cli, visit, &test, err) ||
        !abtest_split(&visit->registry, &test, percent, &changed, err))
        return false;
    if (changed)
        cli_say("test %lld: A gets %d %% of the requests from now on (it was %d %%); a new segment "
                "begins, and with it the evidence",
                (long long)test.id, percent, test.split_percent);
    else
        cli_say("test %lld: A gets %d %% already", (long long)test.id, percent);
    return true;
}

static bool stop(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    const char *all_to = cli_option(cli, "all-to");
    struct abtest test;
    if (all_to && strcmp(all_to, "a") != 0 && strcmp(all_to, "b") != 0)
        return error_set(err, PARE_ERR_USAGE, "--all-to %s: a or b was expected", all_to);
    char arm = all_to && *all_to == 'b' ? 'B' : 'A';
    if (!ab_find(cli, visit, &test, err) ||
        !abtest_stop(&visit->registry, &test, arm, cli_option(cli, "reason"), err))
        return false;
    const struct abtest_arm *to = arm == 'A' ? &test.a : &test.b;
    cli_say("test %lld has ended: pare.ab_assign sends all requests to %c (%s)", (long long)test.id,
            arm, to->name ? arm_text(&cli->arena, to) : "which has vanished");
    return true;
}

/* ---- the command ---- */

static const struct {
    const char *word;
    bool (*run)(struct cli *cli, const struct visit *visit, struct pare_error *err);
} verbs[] = {
    { "start", ab_start },       { "list", list },      { "show", ab_show },
    { "conclude", ab_conclude }, { "split", split },    { "stop", stop },
    { "snippet", ab_snippet },   { "watch", ab_watch }, { "replay", ab_replay },
};

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (!strcmp(cli->operands[0], verbs[i].word))
            return visit_open(cli, &visit, err) && verbs[i].run(cli, &visit, err);
    return error_set(
        err, PARE_ERR_USAGE,
        "ab %.40s: start, list, show, watch, split, stop, conclude, replay or snippet was "
        "expected",
        cli->operands[0]);
}

static const struct option_spec options[] = {
    { "a", "REF", "start: the control" },
    { "b", "REF", "start: the candidate" },
    { "split", "S", "start: A's share of the requests (0.5)" },
    { "primary", "METRIC", "start: p95, p50, mean, rating or failures (p95)" },
    { "margin", "PCT", "start: within it the primary is equal in both (5)" },
    { "guard", "M<=PCT", "start: how much worse B may be; again for more (p95<=5, failures<=0.5)" },
    { "horizon", "N", "start: requests of both that the intervals are tuned for (20000)" },
    { "alpha", "A", "start: the chance of a wrong verdict (0.05)" },
    { "min-hours", "H", "start: no verdict for B before (24)" },
    { "all-to", "a|b", "stop: where all requests go (a)" },
    { "promote", "a|b", "conclude: make that arm's version the default" },
    { "force", NULL, "conclude: against the verdict or a gate; wants --reason" },
    { "reason", "T", "stop, conclude: why, for the history" },
    { "lang", "L", "snippet: python or sh" },
    { "every", "SECONDS", "watch: look so often (2)" },
    { "dataset", "D", "replay: its rows are the requests; not needed where there is only one" },
    { "rate", "R", "replay: requests a second" },
    { "for", "SECONDS", "replay: so long (until 1000 requests and 60 s)" },
    { "requests", "N", "replay: so many" },
    { "detach", NULL, "replay: do not wait; print the job's number" },
    { NULL, NULL, NULL },
};

const struct command command_ab = {
    .name = "ab",
    .operands =
        "start NAME | list | show TEST | watch TEST | split TEST S | stop TEST | conclude TEST | "
        "replay TEST | snippet TEST",
    .summary = "try a version against another on live requests",
    .options = options,
    .operands_min = 1,
    .operands_max = 3,
    .run = run,
};
