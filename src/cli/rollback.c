/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/visit.h"
#include "registry/artifact.h"
#include "registry/default.h"

/* Damaged bytes must not become the default at three in the morning. */
static bool bytes_are_whole(const struct visit *visit, const struct version *version,
                            struct pare_error *err)
{
    enum artifact_state state;
    if (!artifact_state(&visit->registry, version->id, &state, err))
        return false;
    if (state == ARTIFACT_CHANGED)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: the bytes of %s:%s are not those that were stored; promote "
                         "another version: pare history %s",
                         version->name, version->version, version->name);
    return true;
}

/* Whether --from REF was left by a rollback already. */
static bool done_already(const struct default_event *newest, const char *from)
{
    return newest->kind && !strcmp(newest->kind, "rollback") && newest->from_version &&
           !strcmp(newest->from_version, from);
}

static bool from_version(const struct cli *cli, const char *name, struct arena *arena,
                         const char **ret_from, struct pare_error *err)
{
    const char *of;
    *ret_from = cli_option(cli, "from");
    if (!*ret_from)
        return true;
    if (!strchr(*ret_from, ':'))
        return true;
    if (!version_split(*ret_from, arena, &of, ret_from, err))
        return false;
    if (strcmp(of, name) != 0)
        return error_set(err, PARE_ERR_USAGE, "--from %s is not a version of %s",
                         cli_option(cli, "from"), name);
    return true;
}

/* Whether --from lets the rollback go on (*ret_go), and the rev it was judged at. */
static bool judge_from(const struct visit *visit, const char *name, const char *from,
                       struct arena *arena, bool *ret_go, int64_t *ret_rev, struct pare_error *err)
{
    struct default_event *events;
    size_t count;
    *ret_go = true;
    if (!default_history(&visit->registry, name, NULL, arena, &events, &count, err))
        return false;
    if (count == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "%s never had a default", name);
    *ret_rev = events[0].rev;
    if (!from || !strcmp(events[0].to_version, from))
        return true;
    if (!done_already(&events[0], from))
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: the default of %s is %s (rev %lld, by %s), not %s. Nothing "
                         "changed",
                         name, events[0].to_version, (long long)events[0].rev, events[0].actor,
                         from);
    cli_say("already done: %s rolled %s back from %s to %s (rev %lld)", events[0].actor, name, from,
            events[0].to_version, (long long)events[0].rev);
    *ret_go = false;
    return true;
}

static bool roll(const struct cli *cli, const struct visit *visit, const char *name,
                 int64_t seen_rev, struct pare_error *err)
{
    struct undoable undoable;
    struct promotion promotion;
    int64_t rev;
    struct arena *arena = (struct arena *)&cli->arena;
    if (!default_undoable(&visit->registry, name, arena, &undoable, err))
        return false;
    if (undoable.rev == 0 || !undoable.from_version)
        return error_set(err, PARE_ERR_NOT_FOUND, "%s has no earlier default to go back to", name);
    if (!undoable.from_is_there)
        return error_set(err, PARE_ERR_NOT_FOUND,
                         "%s:%s, the default before, is gone; promote another: pare history %s",
                         name, undoable.from_version, name);
    if (!default_look(&visit->registry, name, undoable.from_version, arena, &promotion, err) ||
        !bytes_are_whole(visit, &promotion.to, err))
        return false;
    /* What is undone was chosen from the history up to here: a promote since is somebody's news. */
    const struct expectation seen = { .rev = seen_rev };
    if (!default_meets(&promotion, &seen, err))
        return false;
    promotion.gate_count = 0; /* going back asks no leave */
    struct default_change change = { .kind = "rollback",
                                     .reason = cli_option(cli, "reason"),
                                     .undoes = undoable.rev };
    if (!default_set(&visit->registry, &promotion, &change, &rev, err))
        return false;
    cli_say("%s:%s is the default again (rev %lld); %s is marked as bad", promotion.to.name,
            promotion.to.version, (long long)rev, promotion.newest.to_version);
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    const char *name = cli->operands[0], *from;
    bool go;
    int64_t seen_rev;
    if (!from_version(cli, name, &cli->arena, &from, err) || !visit_open(cli, &visit, err) ||
        !registry_allows(&visit.registry, REGISTRY_WRITE, err) ||
        !judge_from(&visit, name, from, &cli->arena, &go, &seen_rev, err))
        return false;
    if (!go || roll(cli, &visit, name, seen_rev, err))
        return true;
    /* Somebody was faster: with --from perhaps by doing the very same. */
    return from && err->code == PARE_ERR_REFUSED &&
           judge_from(&visit, name, from, &cli->arena, &go, &seen_rev, err) &&
           (!go || roll(cli, &visit, name, seen_rev, err));
}

static const struct option_spec options[] = {
    { "from", "REF", "only if this is the default; safe to repeat" },
    { "reason", "T", "why, for the history" },
    { NULL, NULL, NULL },
};

const struct command command_rollback = {
    .name = "rollback",
    .operands = "NAME",
    .summary = "go back to the default before the newest promote",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
