/* SPDX-License-Identifier: MIT */
#include "registry/browse.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

/* ---- asking ---- */

struct pg_statement *browse_ask(struct browse_batch *batch, const char *sql,
                                const struct pg_arg *args, size_t count)
{
    struct pg_statement *statement = &batch->statements[batch->count++];
    struct pg_arg *copy = arena_array(batch->arena, count + 1, sizeof(*copy));
    if (!copy)
        abort(); /* a few hundred bytes: nothing would work without them */
    for (size_t i = 0; i < count; i++) {
        copy[i] = args[i];
        if (args[i].kind == PG_KIND_TEXT && args[i].bytes &&
            !(copy[i].bytes = arena_strdup(batch->arena, args[i].bytes)))
            abort();
    }
    *statement = (struct pg_statement){ .sql = sql, .args = copy, .arg_count = count };
    return statement;
}

void browse_ask_registry(struct browse_batch *batch)
{
    browse_ask(batch, query_registry_probe, PG_NO_ARGS);
}

void browse_ask_quiet(struct browse_batch *batch)
{
    browse_ask(batch, query_browse_quiet, PG_NO_ARGS);
}

void browse_ask_snapshot(struct browse_batch *batch)
{
    browse_ask(batch, query_browse_snapshot, PG_NO_ARGS);
}

void browse_ask_state(struct browse_batch *batch, bool guest)
{
    browse_ask(batch, guest ? query_browse_state_guest : query_browse_state, PG_NO_ARGS);
}

/* ---- one version ---- */

enum { FACTS_VERSION, FACTS_BYTES, FACTS_LINEAGE, FACTS_HISTORY };

void browse_ask_facts(struct browse_batch *batch, bool guest, int64_t id, const char *name)
{
    const char *digits = arena_printf(batch->arena, "%lld", (long long)id);
    browse_ask(batch, guest ? query_browse_by_id_guest : query_catalog_by_id,
               PG_ARGS(PG_TEXT(digits), PG_BOOL(false), PG_NULL, PG_NULL, PG_NULL, PG_NULL));
    browse_ask(batch, guest ? query_artifact_get_guest : query_artifact_get, PG_ARGS(PG_INT(id)));
    if (guest)
        return;
    browse_ask(batch, query_catalog_lineage, PG_ARGS(PG_INT(id)));
    browse_ask(batch, query_default_history, PG_ARGS(PG_TEXT(name), PG_NULL));
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
    const struct pg_rows *history = rows[FACTS_HISTORY];
    int event_count = pg_row_count(history);
    read_lineage(rows[FACTS_LINEAGE], arena, facts);
    facts->events = arena_array(arena, (size_t)event_count + 1, sizeof(*facts->events));
    if (!facts->events)
        return error_no_memory(err, (size_t)event_count * sizeof(*facts->events));
    for (int i = 0; i < event_count; i++)
        facts->events[i] = default_read_event(history, i, arena);
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

/* Those of default_look(), then: */
enum { LOOK_ALIKE = DEFAULT_LOOK_STATEMENTS, LOOK_INTACT };

void browse_ask_look(struct browse_batch *batch, const char *name, const char *version,
                     int64_t default_id, int64_t check_bytes_id)
{
    struct pg_arg args[DEFAULT_LOOK_ARGS];
    struct pg_statement statements[DEFAULT_LOOK_STATEMENTS];
    default_look_statements(name, version, args, statements);
    for (size_t i = 0; i < DEFAULT_LOOK_STATEMENTS; i++)
        browse_ask(batch, statements[i].sql, statements[i].args, statements[i].arg_count);
    browse_ask(batch, query_browse_alike_one,
               PG_ARGS(PG_TEXT(name), PG_TEXT(version), PG_INT(default_id)));
    if (check_bytes_id)
        browse_ask(batch, query_artifact_intact, PG_ARGS(PG_INT(check_bytes_id)));
}

static void read_alike_one(const struct pg_rows *rows, struct browse_look *look)
{
    look->alike = pg_row_count(rows) > 0;
    if (!look->alike)
        return;
    const struct browse_alike pair = browse_read_alike(rows, 0);
    look->latency_ms = pair.latency_ms;
    look->base_latency_ms = pair.base_latency_ms;
    look->accuracy = pair.accuracy;
    look->base_accuracy = pair.base_accuracy;
    look->latency_open = pair.latency_open;
    look->accuracy_open = pair.accuracy_open;
    look->accuracy_paired = browse_is_paired(&pair);
}

bool browse_take_look(struct pg_rows *const *rows, size_t count, struct arena *arena,
                      struct browse_look *ret_look, struct pare_error *err)
{
    struct browse_look look = { 0 };
    if (!default_look_take(rows, arena, &look.promotion, err))
        return false;
    if (look.promotion.to.id)
        read_alike_one(rows[LOOK_ALIKE], &look);
    if (count > LOOK_INTACT && pg_row_count(rows[LOOK_INTACT]) > 0)
        look.bytes_changed = !pg_null(rows[LOOK_INTACT], 0, 0) && !pg_bool(rows[LOOK_INTACT], 0, 0);
    *ret_look = look;
    return true;
}

void browse_ask_undoable(struct browse_batch *batch, const char *name)
{
    browse_ask(batch, query_default_to_undo, PG_ARGS(PG_TEXT(name)));
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

bool browse_ask_set(struct browse_batch *batch, const struct registry *registry,
                    const struct promotion *promotion, const struct default_change *change,
                    struct pare_error *err)
{
    struct pg_arg args[DEFAULT_SET_ARGS];
    struct pg_statement statements[DEFAULT_SET_STATEMENTS];
    if (!default_set_statements(registry, promotion, change, batch->arena, args, statements, err))
        return false;
    batch->write = true;
    for (size_t i = 0; i < DEFAULT_SET_STATEMENTS; i++)
        browse_ask(batch, statements[i].sql, statements[i].args, statements[i].arg_count);
    return true;
}
