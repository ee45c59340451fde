/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "cli/ab.h"
#include "registry/default.h"

enum { EVIDENCE_MAX = 64 * 1024, SENTENCE_MAX = 900 };

static bool arm_of(const struct cli *cli, char *ret_arm, struct pare_error *err)
{
    const char *promote = cli_option(cli, "promote");
    if (promote && strcmp(promote, "a") != 0 && strcmp(promote, "b") != 0)
        return error_set(err, PARE_ERR_USAGE, "--promote %s: a or b was expected", promote);
    if (cli_has(cli, "force") && (!cli_has(cli, "reason") || !*cli_option(cli, "reason")))
        return error_set(err, PARE_ERR_USAGE, "--force wants --reason T: it goes into the history");
    *ret_arm = !promote ? 0 : *promote == 'a' ? 'A' : 'B';
    return true;
}

/* "WAIT_GUARDRAIL (B is better, but a guardrail is not yet shown to hold; guard ...)" */
static void put_verdict(const struct abtest *test, const struct abtest_report *report,
                        struct buf *buf)
{
    const struct decision_words *words = decision_words(report->decision.state);
    bool is_letter = words->says[1] == ' '; /* of an arm */
    int length = (int)strcspn(words->says, ".;");
    buf_printf(buf, "%s (%c%.*s; ", words->word,
               is_letter ? words->says[0] : tolower((unsigned char)words->says[0]), length - 1,
               words->says + 1);
    abtest_put_reason(test, report, buf);
    buf_text(buf, ")");
}

/* What stands against promoting the arm: old numbers, the verdict, the gates of its model. */
static void put_against(const struct abtest *test, const struct abtest_data *data,
                        const struct abtest_report *report, char arm,
                        const struct promotion *promotion, struct buf *buf)
{
    if (abtest_is_stale(data))
        buf_printf(buf, "this role may not roll up, and others did so %.0f min ago",
                   data->mark_age_seconds / 60);
    if (decision_words(report->decision.state)->arm != arm) {
        buf_printf(buf, "%sthe test says ", buf->length ? "; " : "");
        put_verdict(test, report, buf);
    }
    if (gate_all_pass(promotion->gates, promotion->gate_count))
        return;
    buf_text(buf, buf->length ? "; and it does not pass: " : "");
    gate_put_open(promotion->gates, promotion->gate_count, buf);
}

static bool may_promote(const struct cli *cli, const struct abtest *test,
                        const struct abtest_data *data, const struct abtest_report *report,
                        char arm, const struct promotion *promotion, bool *ret_forced,
                        struct pare_error *err)
{
    struct buf against;
    bool free = abtest_is_free(data, report, arm, promotion);
    buf_init(&against, SENTENCE_MAX);
    put_against(test, data, report, arm, promotion, &against);
    *ret_forced = !free && cli_has(cli, "force");
    if (!free && !*ret_forced)
        error_set(err, PARE_ERR_REFUSED,
                  "refused: %s. To promote %c all the same: --force --reason T",
                  buf_string(&against), arm);
    buf_done(&against);
    return free || *ret_forced;
}

static bool find_promotion(const struct visit *visit, const struct abtest *test, char arm,
                           struct arena *arena, struct promotion *ret_promotion,
                           struct pare_error *err)
{
    const struct abtest_arm *to = arm == 'A' ? &test->a : &test->b;
    if (!to->name)
        return error_set(err, PARE_ERR_NOT_FOUND, "the version of arm %c has vanished", arm);
    return default_look(&visit->registry, to->raw_name, to->raw_version, arena, ret_promotion, err);
}

static void say_done(const struct abtest *test, const struct abtest_report *report, char arm,
                     const struct promotion *promotion, int64_t rev)
{
    cli_say("test %lld is concluded: %s; all requests go to %c", (long long)test->id,
            decision_words(report->decision.state)->word, arm);
    if (rev)
        cli_say("%s:%s is the default now (rev %lld)", promotion->to.name, promotion->to.version,
                (long long)rev);
    else if (promotion)
        cli_say("%s:%s is the default already", promotion->to.name, promotion->to.version);
}

bool ab_conclude(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct abtest_conclusion conclusion = { .reason = cli_option(cli, "reason") };
    struct abtest test;
    struct abtest_data data;
    struct abtest_report report;
    struct promotion promotion;
    struct buf evidence;
    char arm;
    int64_t rev;
    if (!arm_of(cli, &arm, err) || !ab_judge(cli, visit, &test, &data, &report, err))
        return false;
    if (data.behind > 0)
        return error_set(
            err, PARE_ERR_REFUSED,
            "refused: the newest results are not counted yet, for a transaction that writes "
            "results has not ended; look again when it has (pg_stat_activity names it)");
    if (!test.running)
        return abtest_has_ended(&visit->registry, &test, err);
    if (arm && (!find_promotion(visit, &test, arm, &cli->arena, &promotion, err) ||
                !may_promote(cli, &test, &data, &report, arm, &promotion, &conclusion.forced, err)))
        return false;
    conclusion.arm = arm ? arm : 'A';
    conclusion.mark = data.mark;
    conclusion.promotion = arm ? &promotion : NULL;
    buf_init(&evidence, EVIDENCE_MAX);
    abtest_put_evidence(&test, &data, &report, &evidence);
    conclusion.evidence = buf_string(&evidence);
    bool ok =
        buf_ok(&evidence, err) && abtest_conclude(&visit->registry, &test, &conclusion, &rev, err);
    buf_done(&evidence);
    if (ok)
        say_done(&test, &report, conclusion.arm, arm ? &promotion : NULL, rev);
    return ok;
}
