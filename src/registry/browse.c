/* SPDX-License-Identifier: MIT */
#include "registry/browse.h"

#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { GATES_JSON_MAX = 256 * 1024, HOST_MAX = 256 };

/* ---- asking ---- */

/* Add one statement; its arguments are copied into the batch's arena, texts are not. */
static struct pg_statement *ask(struct browse_batch *batch, const char *sql,
                                const struct pg_arg *args, size_t count)
{
    struct pg_statement *statement = &batch->statements[batch->count++];
    struct pg_arg *copy = arena_array(batch->arena, count + 1, sizeof(*copy));
    if (!copy)
        abort(); /* a few hundred bytes: nothing would work without them */
    if (count)
        memcpy(copy, args, count * sizeof(*copy));
    *statement = (struct pg_statement){ .sql = sql, .args = copy, .arg_count = count };
    return statement;
}

void browse_ask_registry(struct browse_batch *batch)
{
    ask(batch, query_registry_probe, PG_NO_ARGS);
}

void browse_ask_snapshot(struct browse_batch *batch)
{
    ask(batch, query_browse_snapshot, PG_NO_ARGS);
}

void browse_ask_state(struct browse_batch *batch, bool guest)
{
    ask(batch, guest ? query_browse_state_guest : query_browse_state, PG_NO_ARGS);
}

/* As registry_init() says it: PARE_USER, else the OS user and host. */
static const char *find_actor(struct arena *arena)
{
    const char *given = getenv("PARE_USER");
    if (given && *given)
        return text_clean_dup(arena, given);
    char host[HOST_MAX] = "localhost";
    gethostname(host, sizeof(host) - 1);
    const struct passwd *user = getpwuid(geteuid());
    return text_clean_dup(arena, user ? arena_printf(arena, "%s@%s", user->pw_name, host)
                                      : arena_printf(arena, "%u@%s", (unsigned)geteuid(), host));
}

static const char *keep(struct arena *arena, const char *text)
{
    return text_clean_dup(arena, text ? text : "");
}

bool browse_take_registry(const struct pg_rows *rows, struct pg *pg, bool read_only,
                          struct registry *ret_registry, struct pare_error *err)
{
    struct arena arena = { 0 };
    struct registry registry = {
        .pg = pg,
        .database = keep(&arena, pg_text(rows, 0, 0)),
        .role = keep(&arena, pg_text(rows, 0, 1)),
        .host = keep(&arena, pg_fact(pg, "host")),
        .server_version = keep(&arena, pg_text(rows, 0, 14)),
        .current_schema = keep(&arena, pg_text(rows, 0, 12)),
        .role_sql = keep(&arena, pg_text(rows, 0, 15)),
        .database_sql = keep(&arena, pg_text(rows, 0, 16)),
        .schema_sql = keep(&arena, pg_text(rows, 0, 17)),
        .actor = find_actor(&arena),
        .read_only = read_only,
        .standby = pg_bool(rows, 0, 2),
        .has_models = !pg_null(rows, 0, 3),
        .can_read = pg_bool(rows, 0, 4),
        .can_insert = pg_bool(rows, 0, 5),
        .schema = (int)pg_int(rows, 0, 6),
        .has_schema = pg_bool(rows, 0, 7),
        .is_foreign = pg_bool(rows, 0, 7) && pg_null(rows, 0, 6),
        .can_see = pg_bool(rows, 0, 8),
        .can_keep = pg_bool(rows, 0, 9),
        .can_create_schema = pg_bool(rows, 0, 10),
        .can_create_table = pg_bool(rows, 0, 11),
    };
    registry.arena = arena;
    if (!registry.actor || !registry.schema_sql) {
        arena_done(&arena);
        return error_no_memory(err, HOST_MAX);
    }
    *ret_registry = registry;
    return true;
}

/* ---- one version ---- */

enum { FACTS_VERSION, FACTS_BYTES, FACTS_LINEAGE, FACTS_CHILDREN, FACTS_HISTORY };

void browse_ask_facts(struct browse_batch *batch, bool guest, int64_t id, const char *name)
{
    const char *digits = arena_printf(batch->arena, "%lld", (long long)id);
    ask(batch, guest ? query_browse_by_id_guest : query_catalog_by_id,
        PG_ARGS(PG_TEXT(digits), PG_BOOL(true), PG_NULL, PG_NULL, PG_NULL, PG_NULL));
    ask(batch, guest ? query_artifact_get_guest : query_artifact_get, PG_ARGS(PG_INT(id)));
    if (guest)
        return;
    ask(batch, query_catalog_lineage, PG_ARGS(PG_INT(id)));
    ask(batch, query_catalog_children, PG_ARGS(PG_INT(id)));
    ask(batch, query_default_history, PG_ARGS(PG_TEXT(name), PG_NULL));
}

static struct default_event read_event(const struct pg_rows *rows, int row, struct arena *arena)
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

static void read_bytes(const struct pg_rows *rows, struct arena *arena, struct browse_facts *facts)
{
    facts->stored_bytes = -1;
    if (pg_row_count(rows) == 0)
        return;
    if (!pg_null(rows, 0, 0))
        facts->stored_bytes = pg_int(rows, 0, 0);
    facts->recorded = !pg_null(rows, 0, 2);
    facts->inline_bytes = pg_bool(rows, 0, 3);
    facts->folder = pg_bool(rows, 0, 4);
    facts->recorded_bytes = pg_int(rows, 0, 5);
    facts->sha256 = arena_strdup(arena, pg_text(rows, 0, 6));
}

static void read_lineage(const struct pg_rows *rows, struct arena *arena,
                         struct browse_facts *facts)
{
    if (pg_row_count(rows) == 0)
        return;
    facts->parent_name = text_clean_dup(arena, pg_text(rows, 0, 1));
    facts->parent_version = text_clean_dup(arena, pg_text(rows, 0, 2));
    facts->recipe = arena_strdup(arena, pg_text(rows, 0, 3));
    facts->maker = text_clean_dup(arena, pg_text(rows, 0, 6));
    facts->made_at = arena_strdup(arena, pg_text(rows, 0, 7));
    facts->parent_is_there = pg_bool(rows, 0, 8);
}

static bool read_family(struct pg_rows *const *rows, struct arena *arena,
                        struct browse_facts *facts, struct pare_error *err)
{
    const struct pg_rows *children = rows[FACTS_CHILDREN], *history = rows[FACTS_HISTORY];
    int child_count = pg_row_count(children), event_count = pg_row_count(history);
    read_lineage(rows[FACTS_LINEAGE], arena, facts);
    facts->children = arena_array(arena, (size_t)child_count + 1, sizeof(*facts->children));
    facts->events = arena_array(arena, (size_t)event_count + 1, sizeof(*facts->events));
    if (!facts->children || !facts->events)
        return error_no_memory(err, (size_t)event_count * sizeof(*facts->events));
    for (int i = 0; i < child_count; i++)
        facts->children[i] =
            arena_printf(arena, "%s:%s", pg_text(children, i, 0), pg_text(children, i, 1));
    for (int i = 0; i < event_count; i++)
        facts->events[i] = read_event(history, i, arena);
    facts->child_count = (size_t)child_count;
    facts->event_count = (size_t)event_count;
    return true;
}

bool browse_take_facts(struct pg_rows *const *rows, bool guest, struct arena *arena,
                       struct browse_facts *ret_facts, struct pare_error *err)
{
    struct browse_facts facts = { 0 };
    if (pg_row_count(rows[FACTS_VERSION]) > 0 &&
        !version_read(rows[FACTS_VERSION], 0, arena, &facts.version, err))
        return false;
    read_bytes(rows[FACTS_BYTES], arena, &facts);
    if (!guest && !read_family(rows, arena, &facts, err))
        return false;
    *ret_facts = facts;
    return true;
}

/* ---- looking before a promote ---- */

enum { LOOK_TO, LOOK_DEFAULT, LOOK_NEWEST, LOOK_GATES, LOOK_MEASURED, LOOK_ALIKE, LOOK_INTACT };

void browse_ask_look(struct browse_batch *batch, const char *name, const char *version,
                     int64_t default_id, int64_t check_bytes_id)
{
    ask(batch, query_catalog_find,
        PG_ARGS(PG_TEXT(name), PG_BOOL(true), PG_NULL, PG_NULL, PG_NULL, PG_NULL,
                PG_TEXT(version)));
    ask(batch, query_catalog_find,
        PG_ARGS(PG_TEXT(name), PG_BOOL(true), PG_NULL, PG_NULL, PG_NULL, PG_NULL, PG_NULL));
    ask(batch, query_default_newest, PG_ARGS(PG_TEXT(name)));
    ask(batch, query_gate_list, PG_ARGS(PG_TEXT(name)));
    ask(batch, query_gate_measured, PG_ARGS(PG_TEXT(name), PG_TEXT(version)));
    ask(batch, query_browse_alike_one,
        PG_ARGS(PG_TEXT(name), PG_TEXT(version), PG_INT(default_id)));
    if (check_bytes_id)
        ask(batch, query_artifact_intact, PG_ARGS(PG_INT(check_bytes_id)));
}

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

static void read_alike_one(const struct pg_rows *rows, struct browse_look *look)
{
    look->alike = pg_row_count(rows) > 0;
    if (!look->alike)
        return;
    look->latency_ms = version_metric(pg_text(rows, 0, 1));
    look->base_latency_ms = version_metric(pg_text(rows, 0, 2));
    look->accuracy = version_metric(pg_text(rows, 0, 3));
    look->base_accuracy = version_metric(pg_text(rows, 0, 4));
}

bool browse_take_look(struct pg_rows *const *rows, size_t count, struct arena *arena,
                      struct browse_look *ret_look, struct pare_error *err)
{
    struct browse_look look = { 0 };
    struct promotion *promotion = &look.promotion;
    if (pg_row_count(rows[LOOK_NEWEST]) > 0)
        promotion->newest = read_event(rows[LOOK_NEWEST], 0, arena);
    if (pg_row_count(rows[LOOK_TO]) > 0) {
        if (!version_read(rows[LOOK_TO], 0, arena, &promotion->to, err) ||
            (pg_row_count(rows[LOOK_DEFAULT]) > 0 &&
             !version_read(rows[LOOK_DEFAULT], 0, arena, &promotion->dflt, err)) ||
            !read_gates(rows[LOOK_GATES], rows[LOOK_MEASURED], promotion, arena, err))
            return false;
        read_alike_one(rows[LOOK_ALIKE], &look);
    }
    if (count > LOOK_INTACT && pg_row_count(rows[LOOK_INTACT]) > 0)
        look.bytes_changed = !pg_null(rows[LOOK_INTACT], 0, 0) && !pg_bool(rows[LOOK_INTACT], 0, 0);
    *ret_look = look;
    return true;
}

void browse_ask_undoable(struct browse_batch *batch, const char *name)
{
    ask(batch, query_default_to_undo, PG_ARGS(PG_TEXT(name)));
}

void browse_take_undoable(struct pg_rows *const *rows, struct arena *arena,
                          struct undoable *ret_undoable, int64_t *ret_from_id)
{
    *ret_undoable = (struct undoable){ 0 };
    *ret_from_id = 0;
    if (pg_row_count(rows[0]) == 0)
        return;
    *ret_undoable = (struct undoable){
        .rev = pg_int(rows[0], 0, 0),
        .from_version = arena_strdup(arena, pg_text(rows[0], 0, 2)),
        .from_is_there = pg_bool(rows[0], 0, 5),
    };
    *ret_from_id = pg_int(rows[0], 0, 1);
}

/* ---- setting ---- */

enum { SET_LOCK, SET_SET, SET_NEWEST };

bool browse_ask_set(struct browse_batch *batch, const struct registry *registry,
                    const struct promotion *promotion, const struct default_change *change,
                    struct pare_error *err)
{
    struct buf gates;
    const char *name = promotion->to.raw_name;
    buf_init(&gates, GATES_JSON_MAX);
    gate_put_json(promotion->gates, promotion->gate_count, &gates);
    bool ok = registry_allows(registry, REGISTRY_WRITE, err) && buf_ok(&gates, err);
    const char *gates_json = ok ? arena_strdup(batch->arena, buf_string(&gates)) : NULL;
    buf_done(&gates);
    if (!ok)
        return false;
    batch->write = true;
    ask(batch, query_default_lock, PG_ARGS(PG_TEXT(name)));
    ask(batch, query_default_set,
        PG_ARGS(PG_TEXT(name), PG_INT(promotion->newest.rev), PG_TEXT(change->kind),
                PG_INT(promotion->to.id), PG_TEXT(promotion->to.raw_version),
                change->undoes ? PG_INT(change->undoes) : PG_NULL, PG_TEXT(registry->actor),
                PG_TEXT(change->reason), PG_BOOL(change->forced), PG_TEXT(gates_json)));
    ask(batch, query_default_newest, PG_ARGS(PG_TEXT(name)));
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

bool browse_take_set(struct pg_rows *const *rows, const struct promotion *promotion,
                     int64_t *ret_rev, struct pare_error *err)
{
    const struct version *to = &promotion->to;
    const struct pg_rows *newest = rows[SET_NEWEST];
    char age[32];
    if (pg_row_count(rows[SET_SET]) > 0) {
        *ret_rev = pg_int(rows[SET_SET], 0, 0);
        return true;
    }
    if (pg_row_count(newest) == 0 || pg_int(newest, 0, 0) == promotion->newest.rev)
        return error_set(err, PARE_ERR_NOT_FOUND,
                         "%s:%s has been deleted meanwhile. Nothing changed", to->name,
                         to->version);
    say_age(pg_int(newest, 0, 14), age, sizeof(age));
    return error_set(
        err, PARE_ERR_REFUSED, "refused: %s made %s the default %s (rev %lld). Nothing changed",
        pg_text(newest, 0, 7), pg_text(newest, 0, 5), age, (long long)pg_int(newest, 0, 0));
}
