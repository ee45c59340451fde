/* SPDX-License-Identifier: MIT */
#include "registry/default.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { GATES_JSON_MAX = 256 * 1024 };

struct default_event default_read_event(const struct pg_rows *rows, int row, struct arena *arena)
{
    return (struct default_event){
        .rev = pg_int(rows, row, 0),
        .kind = arena_strdup(arena, pg_text(rows, row, 1)),
        .from_id = pg_int(rows, row, 2),
        .from_version = text_clean_dup(arena, pg_text(rows, row, 3)),
        .to_id = pg_int(rows, row, 4),
        .to_version = text_clean_dup(arena, pg_text(rows, row, 5)),
        .undoes = pg_int(rows, row, 6),
        .actor = text_clean_dup(arena, pg_text(rows, row, 7)),
        .role = text_clean_dup(arena, pg_text(rows, row, 8)),
        .at = arena_strdup(arena, pg_text(rows, row, 9)),
        .reason = text_clean_dup(arena, pg_text(rows, row, 10)),
        .forced = pg_bool(rows, row, 11),
        .gates = arena_strdup(arena, pg_text(rows, row, 12)),
        .is_there = pg_bool(rows, row, 13),
        .age_seconds = pg_int(rows, row, 14),
        .name = text_clean_dup(arena, pg_text(rows, row, 15)),
    };
}

bool default_history(const struct registry *registry, const char *name, const char *at,
                     struct arena *arena, struct default_event **ret_events, size_t *ret_count,
                     struct pare_error *err)
{
    struct pg_rows *both[] = { NULL, NULL };
    const struct pg_arg args[] = { PG_TEXT(name), PG_TEXT(at) };
    /* Times are shown in UTC and so are understood, whatever zone the session is in. */
    const struct pg_statement statements[] = {
        { .sql = "SET LOCAL TimeZone = 'UTC'" },
        { .sql = query_default_history, .args = args, .arg_count = ARRAY_SIZE(args) },
    };
    if (!registry_allows(registry, REGISTRY_SEE, err))
        return false;
    if (!pg_run(registry->pg, false, statements, ARRAY_SIZE(statements), both, err)) {
        if (!strncmp(pg_sqlstate(registry->pg), "22", 2))
            return error_set(err, PARE_ERR_USAGE,
                             "--at \"%s\" is no time; write one like 2026-03-01 or \"2026-03-01 "
                             "14:05\"",
                             at);
        return false;
    }
    pg_rows_free(both[0]);
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = both[1];
    int count = pg_row_count(rows);
    struct default_event *events = arena_array(arena, (size_t)count + 1, sizeof(*events));
    if (!events)
        return error_no_memory(err, (size_t)count * sizeof(*events));
    for (int i = 0; i < count; i++)
        events[i] = default_read_event(rows, i, arena);
    *ret_events = events;
    *ret_count = (size_t)count;
    return true;
}

/* ---- looking ---- */

enum {
    LOOK_TO,
    LOOK_DEFAULT,
    LOOK_NEWEST,
    LOOK_GATES,
    LOOK_MEASURED,
    LOOK_COUNT = DEFAULT_LOOK_STATEMENTS,
};

static bool read_gates(const struct pg_rows *gates, const struct pg_rows *measured,
                       struct promotion *promotion, struct arena *arena, struct pare_error *err)
{
    int count = pg_row_count(gates);
    struct gate *list = arena_array(arena, (size_t)count + 1, sizeof(*list));
    if (!list)
        return error_no_memory(err, (size_t)count * sizeof(*list));
    for (int i = 0; i < count; i++)
        list[i].expression = arena_strdup(arena, pg_text(gates, i, 1));
    bool any = pg_row_count(measured) > 0;
    struct gate_facts facts = {
        .gates = list,
        .gate_count = (size_t)count,
        .measured = any ? pg_text(measured, 0, 0) : NULL,
        .measured_default = any ? pg_text(measured, 0, 1) : NULL,
        .measured_against_default = any && pg_bool(measured, 0, 2),
    };
    return gate_judge(&facts, &promotion->to, promotion->dflt.id ? &promotion->dflt : NULL, arena,
                      &promotion->gates, &promotion->gate_count, err);
}

void default_look_statements(const char *name, const char *version, struct pg_arg *args,
                             struct pg_statement *ret_statements)
{
    const struct pg_arg find[DEFAULT_LOOK_ARGS] = {
        PG_TEXT(name), PG_BOOL(true),    PG_NULL,       PG_NULL,         PG_NULL, PG_NULL,
        PG_NULL,       PG_TEXT(name),    PG_BOOL(true), PG_NULL,         PG_NULL, PG_NULL,
        PG_NULL,       PG_TEXT(version), PG_TEXT(name), PG_TEXT(version)
    };
    const struct pg_arg *dflt = args, *to = args + 7, *both = args + 14;
    memcpy(args, find, sizeof(find));
    const struct pg_statement statements[LOOK_COUNT] = {
        [LOOK_TO] = { .sql = query_catalog_find, .args = to, .arg_count = 7 },
        [LOOK_DEFAULT] = { .sql = query_catalog_find, .args = dflt, .arg_count = 7 },
        [LOOK_NEWEST] = { .sql = query_default_newest, .args = both, .arg_count = 1 },
        [LOOK_GATES] = { .sql = query_gate_list, .args = both, .arg_count = 1 },
        [LOOK_MEASURED] = { .sql = query_gate_measured, .args = both, .arg_count = 2 },
    };
    memcpy(ret_statements, statements, sizeof(statements));
}

bool default_look_take(struct pg_rows *const *rows, struct arena *arena,
                       struct promotion *ret_promotion, struct pare_error *err)
{
    struct promotion promotion = { 0 };
    if (pg_row_count(rows[LOOK_NEWEST]) > 0)
        promotion.newest = default_read_event(rows[LOOK_NEWEST], 0, arena);
    if (pg_row_count(rows[LOOK_TO]) > 0) {
        if (!version_read(rows[LOOK_TO], 0, arena, &promotion.to, err) ||
            (pg_row_count(rows[LOOK_DEFAULT]) > 0 &&
             !version_read(rows[LOOK_DEFAULT], 0, arena, &promotion.dflt, err)) ||
            !read_gates(rows[LOOK_GATES], rows[LOOK_MEASURED], &promotion, arena, err))
            return false;
    }
    *ret_promotion = promotion;
    return true;
}

bool default_look(const struct registry *registry, const char *name, const char *version,
                  struct arena *arena, struct promotion *ret_promotion, struct pare_error *err)
{
    struct pg_rows *rows[LOOK_COUNT] = { NULL };
    struct pg_arg args[DEFAULT_LOOK_ARGS];
    struct pg_statement statements[LOOK_COUNT];
    struct promotion promotion = { 0 };
    default_look_statements(name, version, args, statements);
    if (!registry_allows(registry, REGISTRY_SEE, err) ||
        !pg_run(registry->pg, false, statements, LOOK_COUNT, rows, err))
        return false;
    bool ok = default_look_take(rows, arena, &promotion, err);
    for (int i = 0; i < LOOK_COUNT; i++)
        pg_rows_free(rows[i]);
    if (ok && promotion.to.id == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "no version %s of %s", version, name);
    if (ok)
        *ret_promotion = promotion;
    return ok;
}

/* ---- expecting ---- */

bool default_expect(const char *text, const char *name, struct arena *arena,
                    struct expectation *ret_expectation, struct pare_error *err)
{
    struct expectation expectation = { 0 };
    if (!strcmp(text, "none")) {
        expectation.none = true;
    } else if (text[0] == '@') {
        if (!text_to_int64(text + 1, &expectation.rev) || expectation.rev < 0)
            return error_set(err, PARE_ERR_USAGE, "--expect %s: a number was expected behind @",
                             text);
        expectation.never = expectation.rev == 0;
    } else {
        const char *of, *version;
        if (!version_split(text, arena, &of, &version, err))
            return false;
        if (version && strcmp(of, name) != 0)
            return error_set(err, PARE_ERR_USAGE, "--expect %s is a version of %s, not of %s", text,
                             of, name);
        expectation.version = version ? version : of;
    }
    *ret_expectation = expectation;
    return true;
}

static void say_age(int64_t seconds, char *to, size_t room)
{
    if (seconds < 120)
        snprintf(to, room, "%lld s ago", (long long)seconds);
    else if (seconds < 7200)
        snprintf(to, room, "%lld min ago", (long long)(seconds / 60));
    else
        snprintf(to, room, "%lld h ago", (long long)(seconds / 3600));
}

static bool refuse(const struct default_event *newest, const char *name, struct pare_error *err)
{
    char age[32];
    if (newest->rev == 0)
        return error_set(err, PARE_ERR_REFUSED, "refused: %s has no default. Nothing changed",
                         name);
    if (!newest->is_there)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s has no default: %s, made it by %s (rev %lld), has vanished. "
                         "Nothing changed",
                         name, newest->to_version, newest->actor, (long long)newest->rev);
    say_age(newest->age_seconds, age, sizeof(age));
    return error_set(err, PARE_ERR_REFUSED,
                     "refused: %s made %s the default %s (rev %lld). Nothing changed",
                     newest->actor, newest->to_version, age, (long long)newest->rev);
}

bool default_meets(const struct promotion *promotion, const struct expectation *expectation,
                   struct pare_error *err)
{
    const struct default_event *newest = &promotion->newest;
    bool met = true;
    if (expectation->none)
        met = !newest->is_there;
    else if (expectation->never)
        met = newest->rev == 0;
    else if (expectation->rev)
        met = newest->rev == expectation->rev;
    else if (expectation->version)
        met = newest->is_there && strcmp(newest->to_version, expectation->version) == 0;
    return met || refuse(newest, promotion->to.name, err);
}

/* ---- setting ---- */

enum { SET_LOCK, SET_SET, SET_NEWEST, SET_COUNT = DEFAULT_SET_STATEMENTS };

bool default_set_statements(const struct registry *registry, const struct promotion *promotion,
                            const struct default_change *change, struct arena *arena,
                            struct pg_arg *args, struct pg_statement *ret_statements,
                            struct pare_error *err)
{
    struct buf gates;
    buf_init(&gates, GATES_JSON_MAX);
    gate_put_json(promotion->gates, promotion->gate_count, &gates);
    bool ok = registry_allows(registry, REGISTRY_WRITE, err) && buf_ok(&gates, err);
    const char *gates_json = ok ? arena_strdup(arena, buf_string(&gates)) : NULL;
    buf_done(&gates);
    if (!gates_json)
        return ok && error_no_memory(err, GATES_JSON_MAX);
    const struct pg_arg list[DEFAULT_SET_ARGS] = {
        PG_TEXT(promotion->to.raw_name),
        PG_INT(promotion->newest.rev),
        PG_TEXT(change->kind),
        PG_INT(promotion->to.id),
        PG_TEXT(promotion->to.raw_version),
        change->undoes ? PG_INT(change->undoes) : PG_NULL,
        PG_TEXT(registry->actor),
        PG_TEXT(change->reason),
        PG_BOOL(change->forced),
        PG_TEXT(gates_json),
    };
    memcpy(args, list, sizeof(list));
    const struct pg_statement statements[SET_COUNT] = {
        [SET_LOCK] = { .sql = query_default_lock, .args = args, .arg_count = 1 },
        [SET_SET] = { .sql = query_default_set, .args = args, .arg_count = DEFAULT_SET_ARGS },
        [SET_NEWEST] = { .sql = query_default_newest, .args = args, .arg_count = 1 },
    };
    memcpy(ret_statements, statements, sizeof(statements));
    return true;
}

bool default_not_set(const struct pg_rows *rows, const struct promotion *promotion,
                     struct pare_error *err)
{
    struct arena arena = { 0 };
    struct default_event newest = { 0 };
    if (pg_row_count(rows) > 0)
        newest = default_read_event(rows, 0, &arena);
    if (newest.rev == promotion->newest.rev)
        error_set(err, PARE_ERR_NOT_FOUND, "%s:%s has been deleted meanwhile. Nothing changed",
                  promotion->to.name, promotion->to.version);
    else
        refuse(&newest, promotion->to.name, err);
    arena_done(&arena);
    return false;
}

bool default_set_take(struct pg_rows *const *rows, const struct promotion *promotion,
                      int64_t *ret_rev, struct pare_error *err)
{
    if (pg_row_count(rows[SET_SET]) == 0)
        return default_not_set(rows[SET_NEWEST], promotion, err);
    *ret_rev = pg_int(rows[SET_SET], 0, 0);
    return true;
}

/* One round trip by itself; three inside a transaction that is open already. */
static bool set(const struct registry *registry, const struct promotion *promotion,
                const struct default_change *change, bool within, int64_t *ret_rev,
                struct pare_error *err)
{
    struct arena arena = { 0 };
    struct pg_arg args[DEFAULT_SET_ARGS];
    struct pg_statement statements[SET_COUNT];
    struct pg_rows *rows[SET_COUNT] = { NULL };
    bool ok = default_set_statements(registry, promotion, change, &arena, args, statements, err);
    if (ok && !within)
        ok = pg_run(registry->pg, true, statements, SET_COUNT, rows, err);
    for (int i = 0; ok && within && i < SET_COUNT; i++)
        ok = pg_query(registry->pg, statements[i].sql, statements[i].args, statements[i].arg_count,
                      &rows[i], err);
    ok = ok && default_set_take(rows, promotion, ret_rev, err);
    for (int i = 0; i < SET_COUNT; i++)
        pg_rows_free(rows[i]);
    arena_done(&arena);
    return ok;
}

bool default_set(const struct registry *registry, const struct promotion *promotion,
                 const struct default_change *change, int64_t *ret_rev, struct pare_error *err)
{
    return set(registry, promotion, change, false, ret_rev, err);
}

bool default_set_within(const struct registry *registry, const struct promotion *promotion,
                        const struct default_change *change, int64_t *ret_rev,
                        struct pare_error *err)
{
    return set(registry, promotion, change, true, ret_rev, err);
}

bool default_undoable(const struct registry *registry, const char *name, struct arena *arena,
                      struct undoable *ret_undoable, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!registry_allows(registry, REGISTRY_SEE, err) ||
        !pg_read(registry->pg, query_default_to_undo, PG_ARGS(PG_TEXT(name)), &rows, err))
        return false;
    *ret_undoable = (struct undoable){ 0 };
    if (pg_row_count(rows) > 0)
        *ret_undoable = (struct undoable){
            .rev = pg_int(rows, 0, 0),
            .from_version = arena_strdup(arena, pg_text(rows, 0, 2)),
            .from_is_there = pg_bool(rows, 0, 5),
        };
    return true;
}

bool default_missing(const struct registry *registry, struct arena *arena, const char ***ret_names,
                     size_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!registry_allows(registry, REGISTRY_SEE, err) ||
        !pg_read(registry->pg, query_default_missing, PG_NO_ARGS, &rows, err))
        return false;
    int count = pg_row_count(rows);
    const char **names = arena_array(arena, (size_t)count + 1, sizeof(*names));
    if (!names)
        return error_no_memory(err, (size_t)count * sizeof(*names));
    for (int i = 0; i < count; i++)
        names[i] = arena_strdup(arena, pg_text(rows, i, 0));
    *ret_names = names;
    *ret_count = (size_t)count;
    return true;
}
