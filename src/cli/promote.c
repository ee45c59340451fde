/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "cli/sheet.h"
#include "cli/visit.h"
#include "registry/default.h"

enum { TRIES = 20, SENTENCE_MAX = 900 };

static bool check_gates(const struct cli *cli, const struct promotion *promotion, bool *ret_forced,
                        struct pare_error *err)
{
    struct buf open;
    *ret_forced = false;
    if (gate_all_pass(promotion->gates, promotion->gate_count))
        return true;
    if (cli_has(cli, "force")) {
        *ret_forced = true;
        return true;
    }
    buf_init(&open, SENTENCE_MAX);
    gate_put_open(promotion->gates, promotion->gate_count, &open);
    error_set(err, PARE_ERR_REFUSED,
              "refused: %s:%s does not pass: %s. To promote it all the same: --force --reason T",
              promotion->to.name, promotion->to.version, buf_string(&open));
    buf_done(&open);
    return false;
}

static bool say_done(const struct promotion *promotion, int64_t rev, bool forced)
{
    const struct version *to = &promotion->to;
    if (promotion->newest.rev == 0)
        cli_say("%s:%s is the default now (rev %lld, the first)", to->name, to->version,
                (long long)rev);
    else
        cli_say("%s:%s is the default now (rev %lld, was %s)%s", to->name, to->version,
                (long long)rev, promotion->newest.to_version,
                forced ? ", by force: the reason is in the history" : "");
    return true;
}

/* One look and one compare-and-set; *ret_retry when somebody was faster and nothing was expected. */
static bool promote_once(const struct cli *cli, const struct visit *visit, const char *name,
                         const char *version, bool *ret_retry, struct pare_error *err)
{
    struct promotion promotion;
    struct expectation expectation = { 0 };
    struct default_change change = { .kind = "promote", .reason = cli_option(cli, "reason") };
    struct arena arena = { 0 };
    const char *expect = cli_option(cli, "expect");
    int64_t rev;
    *ret_retry = false;
    bool ok = default_look(&visit->registry, name, version, &arena, &promotion, err) &&
              (!expect || default_expect(expect, name, &arena, &expectation, err)) &&
              default_meets(&promotion, &expectation, err);
    if (ok && promotion.newest.to_id == promotion.to.id && promotion.dflt.id == promotion.to.id) {
        cli_say("%s:%s is the default already (rev %lld)", promotion.to.name, promotion.to.version,
                (long long)promotion.newest.rev);
        arena_done(&arena);
        return true;
    }
    ok = ok && check_gates(cli, &promotion, &change.forced, err);
    if (ok) {
        ok = default_set(&visit->registry, &promotion, &change, &rev, err);
        *ret_retry = !ok && err->code == PARE_ERR_REFUSED && !expect;
    }
    ok = ok && say_done(&promotion, rev, change.forced);
    arena_done(&arena);
    return ok;
}

static bool names(const struct cli *cli, struct arena *arena, const char **ret_name,
                  const char **ret_version, struct pare_error *err)
{
    *ret_name = cli_option(cli, "name");
    *ret_version = cli_option(cli, "version");
    if (!*ret_name && cli->operand_count == 1 &&
        !version_split(cli->operands[0], arena, ret_name, ret_version, err))
        return false;
    if (!*ret_name || !*ret_version)
        return error_set(err, PARE_ERR_USAGE,
                         "promote wants NAME:VERSION, or --name N --version V");
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    const char *name, *version;
    bool retry = true, ok = false;
    if (cli_has(cli, "force") && (!cli_has(cli, "reason") || !*cli_option(cli, "reason")))
        return error_set(err, PARE_ERR_USAGE, "--force wants --reason T: it goes into the history");
    if (!names(cli, &cli->arena, &name, &version, err) || !visit_open(cli, &visit, err) ||
        !registry_allows(&visit.registry, REGISTRY_WRITE, err))
        return false;
    for (int i = 0; i < TRIES && retry; i++)
        ok = promote_once(cli, &visit, name, version, &retry, err);
    return ok;
}

static const struct option_spec options[] = {
    { "expect", "WHAT", "only if the default is this REF, none, or at @REV" },
    { "force", NULL, "although a gate fails; wants --reason" },
    { "reason", "T", "why, for the history" },
    { "name", "N", "instead of REF, with --version" },
    { "version", "V", "instead of REF, with --name" },
    { NULL, NULL, NULL },
};

const struct command command_promote = {
    .name = "promote",
    .operands = "REF",
    .summary = "make a version its model's default, if it passes the gates",
    .options = options,
    .operands_max = 1,
    .run = run,
};
