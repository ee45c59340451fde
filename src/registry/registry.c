/* SPDX-License-Identifier: MIT */
#include "registry/registry.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/migrate_steps.h"
#include "registry/query.auto.h"

enum { HOST_MAX = 256 };

/* PARE_USER, else the OS user and host. Cleaned: it is shown to others. */
static const char *find_actor(struct arena *arena)
{
    const char *given = getenv("PARE_USER");
    if (given && *given)
        return text_clean_dup(arena, given);
    char host[HOST_MAX] = "localhost";
    gethostname(host, sizeof(host) - 1);
    const struct passwd *user = getpwuid(geteuid());
    char *actor = user ? arena_printf(arena, "%s@%s", user->pw_name, host)
                       : arena_printf(arena, "%u@%s", (unsigned)geteuid(), host);
    return text_clean_dup(arena, actor);
}

static const char *keep(struct registry *registry, const char *text)
{
    return text_clean_dup(&registry->arena, text ? text : "");
}

bool registry_init(struct registry *registry, struct pg *pg, bool read_only, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    return pg_read(pg, query_registry_probe, PG_NO_ARGS, &rows, err) &&
           registry_take(registry, rows, pg, read_only, err);
}

bool registry_take(struct registry *registry, const struct pg_rows *rows, struct pg *pg,
                   bool read_only, struct pare_error *err)
{
    *registry = (struct registry){ .pg = pg, .read_only = read_only };
    registry->database = keep(registry, pg_text(rows, 0, 0));
    registry->role = keep(registry, pg_text(rows, 0, 1));
    registry->standby = pg_bool(rows, 0, 2);
    registry->has_models = !pg_null(rows, 0, 3);
    registry->can_read = pg_bool(rows, 0, 4);
    registry->can_insert = pg_bool(rows, 0, 5);
    registry->schema = (int)pg_int(rows, 0, 6);
    registry->has_schema = pg_bool(rows, 0, 7);
    registry->is_foreign = registry->has_schema && pg_null(rows, 0, 6);
    registry->can_see = pg_bool(rows, 0, 8);
    registry->can_keep = pg_bool(rows, 0, 9);
    registry->can_create_schema = pg_bool(rows, 0, 10);
    registry->can_create_table = pg_bool(rows, 0, 11);
    registry->current_schema = keep(registry, pg_text(rows, 0, 12));
    registry->host = keep(registry, pg_fact(pg, "host"));
    registry->server_version = keep(registry, pg_text(rows, 0, 14));
    registry->role_sql = keep(registry, pg_text(rows, 0, 15));
    registry->database_sql = keep(registry, pg_text(rows, 0, 16));
    registry->schema_sql = keep(registry, pg_text(rows, 0, 17));
    registry->actor = find_actor(&registry->arena);
    if (!registry->actor || !registry->schema_sql) {
        registry_done(registry);
        return error_no_memory(err, HOST_MAX);
    }
    return true;
}

void registry_done(struct registry *registry)
{
    arena_done(&registry->arena);
}

bool registry_is_guest(const struct registry *registry)
{
    return registry->schema < migrate_newest() || !registry->can_see;
}

static bool allows_look(const struct registry *r, struct pare_error *err)
{
    if (!r->has_models)
        return error_set(err, PARE_ERR_NOT_FOUND,
                         "no registry: the database %s has no table ml_models; make it with: "
                         "pare init",
                         r->database);
    if (!r->can_read)
        return error_set(err, PARE_ERR_REFUSED,
                         "the role %s may not read ml_models; its owner can run: GRANT SELECT ON "
                         "ml_models TO %s",
                         r->role, r->role_sql);
    if (r->schema > migrate_newest())
        return error_set(err, PARE_ERR_REFUSED,
                         "this registry's schema is version %d, this pare knows up to %d: install "
                         "a newer pare",
                         r->schema, migrate_newest());
    return true;
}

static bool schema_fits(const struct registry *r, struct pare_error *err)
{
    if (!r->has_schema)
        return error_set(err, PARE_ERR_REFUSED,
                         "the database %s has no schema pare, which this needs; make it with: pare "
                         "init",
                         r->database);
    if (r->is_foreign)
        return error_set(err, PARE_ERR_REFUSED,
                         "the schema pare of database %s is not this program's: it does not say "
                         "its version",
                         r->database);
    if (r->schema < migrate_newest())
        return error_set(err, PARE_ERR_REFUSED,
                         "this registry's schema is version %d, this pare wants %d; bring it up to "
                         "date with: pare init",
                         r->schema, migrate_newest());
    return true;
}

static bool allows_see(const struct registry *r, struct pare_error *err)
{
    return r->can_see ||
           error_set(err, PARE_ERR_REFUSED,
                     "the role %s may not read the schema pare; its owner can run: GRANT USAGE ON "
                     "SCHEMA pare TO %s; GRANT SELECT ON ALL TABLES IN SCHEMA pare TO %s",
                     r->role, r->role_sql, r->role_sql);
}

static bool allows_write(const struct registry *r, struct pare_error *err)
{
    if (r->read_only)
        return error_set(err, PARE_ERR_REFUSED, "refused: --read-only was asked for");
    if (r->standby)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s is a hot standby, which can only be read; connect to the "
                         "primary",
                         *r->host ? r->host : "this server");
    if (!r->can_see || !r->can_keep || !r->can_insert)
        return error_set(err, PARE_ERR_REFUSED,
                         "the role %s may not write here; the owner can run: GRANT INSERT, UPDATE, "
                         "DELETE ON ml_models TO %s; GRANT USAGE ON ALL SEQUENCES IN SCHEMA %s TO "
                         "%s; GRANT USAGE ON SCHEMA pare TO %s; GRANT SELECT, INSERT, UPDATE, "
                         "DELETE ON ALL TABLES IN SCHEMA pare TO %s",
                         r->role, r->role_sql, r->schema_sql, r->role_sql, r->role_sql,
                         r->role_sql);
    return true;
}

bool registry_allows(const struct registry *registry, enum registry_need need,
                     struct pare_error *err)
{
    if (!allows_look(registry, err))
        return false;
    if (need == REGISTRY_LOOK)
        return true;
    return schema_fits(registry, err) &&
           (need == REGISTRY_SEE ? allows_see(registry, err) : allows_write(registry, err));
}
