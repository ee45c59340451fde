/* SPDX-License-Identifier: MIT */
#include "registry/health.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/migrate.h"
#include "registry/piece.h"
#include "registry/query.auto.h"
#include "registry/registry.h"
#include "registry/upload.h"

struct look {
    const struct registry *registry;
    struct arena *arena;
    struct health_finding *findings;
    size_t count;
};

static void add(struct look *look, const char *check, enum health_state state, const char *words,
                const char *remedy)
{
    if (look->count < HEALTH_FINDINGS_MAX)
        look->findings[look->count++] =
            (struct health_finding){ check, state, words ? words : "", remedy };
}

static bool look_at_columns(struct look *look, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *columns = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *unique = NULL;
    struct pg *pg = look->registry->pg;
    if (!pg_read(pg, query_health_columns, PG_NO_ARGS, &columns, err) ||
        !pg_read(pg, query_health_unique, PG_NO_ARGS, &unique, err))
        return false;
    for (int i = 0; i < pg_row_count(columns); i++) {
        const char *name = pg_text(columns, i, 0), *want = pg_text(columns, i, 1);
        const char *found = pg_text(columns, i, 2);
        char *words =
            found ? arena_printf(look->arena, "%s is %s, %s was expected", name, found, want)
                  : arena_printf(look->arena, "%s is not there; it reads as absent", name);
        add(look, "column", HEALTH_NOTE, words, NULL);
    }
    if (!pg_bool(unique, 0, 0))
        add(look, "name, version", HEALTH_PROBLEM,
            "nothing keeps the pair unique: a version may come twice",
            "ALTER TABLE ml_models ADD UNIQUE (name, version)");
    return true;
}

static bool look_at_models(struct look *look, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *counts = NULL;
    const struct registry *r = look->registry;
    if (!r->has_models) {
        add(look, "ml_models", HEALTH_PROBLEM, "the table is not there", "pare init");
        return true;
    }
    if (!r->can_read) {
        add(look, "ml_models", HEALTH_PROBLEM, "this role may not read it",
            arena_printf(look->arena, "GRANT SELECT ON ml_models TO %s", r->role_sql));
        return true;
    }
    if (!pg_read(r->pg, query_health_counts, PG_NO_ARGS, &counts, err))
        return false;
    add(look, "ml_models", HEALTH_OK,
        arena_printf(look->arena, "%lld versions of %lld models", (long long)pg_int(counts, 0, 0),
                     (long long)pg_int(counts, 0, 1)),
        NULL);
    return look_at_columns(look, err);
}

static void look_at_schema(struct look *look)
{
    const struct registry *r = look->registry;
    if (!r->has_schema)
        add(look, "schema pare", HEALTH_NOTE,
            "not there: one can list, compare and export, not promote or import", "pare init");
    else if (r->is_foreign)
        add(look, "schema pare", HEALTH_PROBLEM, "it is somebody else's: it names no version",
            "rename it, then: pare init");
    else if (r->schema < migrate_newest())
        add(look, "schema pare", HEALTH_PROBLEM,
            arena_printf(look->arena, "version %d, this pare wants %d", r->schema,
                         migrate_newest()),
            "pare init");
    else if (r->schema > migrate_newest())
        add(look, "schema pare", HEALTH_PROBLEM,
            arena_printf(look->arena, "version %d, this pare knows %d", r->schema,
                         migrate_newest()),
            "install a newer pare");
    else
        add(look, "schema pare", HEALTH_OK, arena_printf(look->arena, "version %d", r->schema),
            NULL);
    if (r->schema && !r->can_see)
        add(look, "rights", HEALTH_NOTE, "this role may not read the schema pare: a guest",
            arena_printf(look->arena,
                         "GRANT USAGE ON SCHEMA pare TO %s; GRANT SELECT ON ALL TABLES IN SCHEMA "
                         "pare TO %s",
                         r->role_sql, r->role_sql));
    else if (r->schema && r->has_models && (!r->can_keep || !r->can_insert))
        add(look, "rights", HEALTH_NOTE, "this role may read, not write",
            arena_printf(look->arena,
                         "GRANT INSERT, UPDATE, DELETE ON ml_models TO %s; GRANT USAGE ON ALL "
                         "SEQUENCES IN SCHEMA %s TO %s; GRANT SELECT, INSERT, UPDATE, DELETE ON "
                         "ALL TABLES IN SCHEMA pare TO %s",
                         r->role_sql, r->schema_sql, r->role_sql, r->role_sql));
}

static bool look_at_leftovers(struct look *look, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *uploads = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *vanished = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *defaults = NULL;
    struct pg *pg = look->registry->pg;
    char size[32];
    if (!pg_read(pg, query_health_uploads, PG_NO_ARGS, &uploads, err) ||
        !pg_read(pg, query_artifact_vanished, PG_NO_ARGS, &vanished, err) ||
        !pg_read(pg, query_health_defaults_vanished, PG_NO_ARGS, &defaults, err))
        return false;
    if (pg_int(uploads, 0, 0) > 0)
        add(look, "uploads", HEALTH_NOTE,
            arena_printf(look->arena, "%lld under way, %lld of them abandoned",
                         (long long)pg_int(uploads, 0, 0), (long long)pg_int(uploads, 0, 1)),
            pg_int(uploads, 0, 1) ? "pare doctor --sweep (the next import does it too)" : NULL);
    if (pg_int(vanished, 0, 0) > 0) {
        text_size(pg_int(vanished, 0, 1), size, sizeof(size));
        add(look, "bytes", HEALTH_NOTE,
            arena_printf(look->arena, "%s on record of %lld versions that have vanished", size,
                         (long long)pg_int(vanished, 0, 0)),
            "pare doctor --sweep");
    }
    for (int i = 0; i < pg_row_count(defaults); i++) {
        const char *name = text_clean_dup(look->arena, pg_text(defaults, i, 0));
        const char *version = text_clean_dup(look->arena, pg_text(defaults, i, 1));
        add(look, "default", HEALTH_PROBLEM,
            arena_printf(look->arena, "%s:%s, the default, has vanished", name, version),
            arena_printf(look->arena, "pare promote %s:VERSION", name));
    }
    return true;
}

bool health_look(const struct registry *registry, struct arena *arena,
                 struct health_finding *findings, size_t *ret_count, struct pare_error *err)
{
    struct look look = { .registry = registry, .arena = arena, .findings = findings };
    add(&look, "PostgreSQL", HEALTH_OK,
        arena_printf(arena, "%s, database %s as %s%s%s%s", registry->server_version,
                     registry->database, registry->role, *registry->host ? ", at " : "",
                     registry->host, registry->standby ? ", a hot standby: read only" : ""),
        NULL);
    look_at_schema(&look);
    if (!look_at_models(&look, err))
        return false;
    if (registry->schema == migrate_newest() && registry->can_see && registry->can_read &&
        !look_at_leftovers(&look, err))
        return false;
    *ret_count = look.count;
    return true;
}

bool health_sweep(const struct registry *registry, int64_t *ret_artifacts, int64_t *ret_bytes,
                  struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    int64_t swept, freed;
    if (!registry_allows(registry, REGISTRY_WRITE, err) || !upload_sweep(registry, &swept, err) ||
        !pg_write(registry->pg, query_artifact_sweep_vanished, PG_NO_ARGS, &rows, err) ||
        !piece_sweep(registry->pg, &freed, err))
        return false;
    *ret_artifacts = swept + pg_int(rows, 0, 0);
    *ret_bytes = pg_int(rows, 0, 1);
    return true;
}
