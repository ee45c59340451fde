/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/ab.h"
#include "registry/version.h"

enum { DAYS_TOO_LONG = 60 };

/* A share of per cent: "5", "5%", "0.5"; above 0, up to 100. */
static bool percent_of(const struct cli *cli, const char *option, double *share,
                       struct pare_error *err)
{
    const char *text = cli_option(cli, option);
    char *end;
    if (!text)
        return true;
    double percent = strtod(text, &end);
    if (*end == '%')
        end++;
    if (end == text || *end || !(percent > 0 && percent <= 100))
        return error_set(err, PARE_ERR_USAGE, "--%s %s: per cent above 0 were expected", option,
                         text);
    *share = percent / 100;
    return true;
}

static bool number_of(const struct cli *cli, const char *option, double least, double most,
                      double *number, struct pare_error *err)
{
    const char *text = cli_option(cli, option);
    char *end;
    if (!text)
        return true;
    double given = strtod(text, &end);
    if (end == text || *end || !(given >= least && given <= most))
        return error_set(err, PARE_ERR_USAGE, "--%s %s: a number from %g to %g was expected",
                         option, text, least, most);
    *number = given;
    return true;
}

/* Who guards a latency does not mean to let failures pass: fast ones would look like speed. */
static void keep_failures(struct abtest_plan *plan)
{
    for (size_t i = 0; i < plan->guard_count; i++)
        if (plan->guards[i].metric == ABTEST_FAILURES)
            return;
    if (plan->guard_count < ABTEST_GUARDS_MAX)
        plan->guards[plan->guard_count++] = (struct abtest_guard){ ABTEST_FAILURES, 0.005 };
}

static bool guards_of(const struct cli *cli, struct abtest_plan *plan, struct pare_error *err)
{
    const char *text;
    if (cli_option_nth(cli, "guard", 0))
        plan->guard_count = 0;
    for (int i = 0; (text = cli_option_nth(cli, "guard", i)); i++) {
        if (plan->guard_count == ABTEST_GUARDS_MAX)
            return error_set(err, PARE_ERR_USAGE, "more than %d guards", ABTEST_GUARDS_MAX);
        struct abtest_guard *guard = &plan->guards[plan->guard_count++];
        if (!abtest_guard_parse(text, guard, err))
            return false;
        for (size_t k = 0; k + 1 < plan->guard_count; k++)
            if (plan->guards[k].metric == guard->metric)
                return error_set(err, PARE_ERR_USAGE, "two guards on %s",
                                 abtest_metric_word(guard->metric));
    }
    keep_failures(plan);
    return true;
}

static bool plan_of(const struct cli *cli, struct abtest_plan *plan, struct pare_error *err)
{
    const char *primary = cli_option(cli, "primary");
    *plan = abtest_plan_default();
    plan->assumed = false;
    if (primary && !abtest_metric_of(primary, &plan->primary))
        return error_set(err, PARE_ERR_USAGE,
                         "--primary %s: p95, p50, mean, rating or failures was expected", primary);
    if (plan->primary == ABTEST_FAILURES)
        plan->margin = 0.005; /* points, not a share */
    return cli_number(cli, "horizon", 200, plan->horizon, &plan->horizon, err) &&
           number_of(cli, "alpha", 0.0001, 0.2, &plan->alpha, err) &&
           number_of(cli, "min-hours", 0, 24 * 365, &plan->min_hours, err) &&
           percent_of(cli, "margin", &plan->margin, err) && guards_of(cli, plan, err);
}

static bool arms_of(const struct cli *cli, const struct visit *visit, struct version arms[2],
                    struct arena *arena, struct pare_error *err)
{
    static const char *const options[] = { "a", "b" };
    for (int i = 0; i < 2; i++) {
        const char *ref = cli_option(cli, options[i]);
        if (!ref)
            return error_set(err, PARE_ERR_USAGE,
                             "usage: pare ab start TESTNAME --a REF --b REF [--split S] ...");
        if (!visit_find(cli, visit, ref, arena, &arms[i], err))
            return false;
    }
    if (arms[0].id == arms[1].id)
        return error_set(err, PARE_ERR_USAGE, "--a and --b are the same version, %s:%s",
                         arms[0].name, arms[0].version);
    return true;
}

static const char *margin_text(struct arena *arena, enum abtest_metric metric, double margin)
{
    return arena_printf(arena, "%s by at most %g %s", abtest_metric_word(metric), 100 * margin,
                        metric == ABTEST_FAILURES ? "points" : "%");
}

/* What was fixed, and how long it may take at the rate at which requests come. */
static void say_plan(struct cli *cli, const struct abtest_plan *plan, int split_percent,
                     double rate)
{
    struct arena *arena = &cli->arena;
    int rarer = MIN(split_percent, 100 - split_percent);
    cli_say("fixed: primary %s, alpha %g, equal within %g %s, %lld requests, at least %g hours",
            abtest_metric_word(plan->primary), plan->alpha, 100 * plan->margin,
            plan->primary == ABTEST_FAILURES ? "points" : "%", (long long)plan->horizon,
            plan->min_hours);
    for (size_t i = 0; i < plan->guard_count; i++)
        cli_say("guard: B worse in %s",
                margin_text(arena, plan->guards[i].metric, plan->guards[i].margin));
    if (rarer == 0)
        cli_say("one arm gets no requests: nothing can be decided until `pare ab split`");
    if (!(rate > 0)) {
        cli_say("no requests have come yet: how long it takes will show in pare ab show");
        return;
    }
    double days = (double)plan->horizon / rate / 86400;
    cli_say("at %.2g requests a second, as lately, %lld take %s", rate, (long long)plan->horizon,
            ab_duration(arena, days * 86400));
    if (days > DAYS_TOO_LONG)
        cli_say("that is more than %d days: not to be decided in reasonable time; ask a coarser "
                "question (--margin, --primary mean) or send it more requests",
                DAYS_TOO_LONG);
}

bool ab_start(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    const char *name = cli->operands[1], *split = cli_option(cli, "split");
    struct abtest_plan plan;
    struct version arms[2];
    int percent = 50;
    int64_t id;
    double rate;
    if (!name || cli->operand_count != 2)
        return error_set(err, PARE_ERR_USAGE,
                         "usage: pare ab start TESTNAME --a REF --b REF [--split S] ...");
    if (!version_name_ok(name, "test's name", err) || !plan_of(cli, &plan, err) ||
        (split && !abtest_split_parse(split, &percent, err)) ||
        !arms_of(cli, visit, arms, &cli->arena, err) ||
        !abtest_start(&visit->registry, name, arms[0].id, arms[1].id, percent, &plan, &id, err) ||
        !abtest_rate(&visit->registry, &rate, err))
        return false;
    cli_say("test %lld, %s: A %s:%s gets %d %%, B %s:%s %d %%", (long long)id, name, arms[0].name,
            arms[0].version, percent, arms[1].name, arms[1].version, 100 - percent);
    say_plan(cli, &plan, percent, rate);
    cli_say("a client that routes and records: pare ab snippet %lld --lang python", (long long)id);
    printf("%lld\n", (long long)id);
    return true;
}
