/* SPDX-License-Identifier: MIT */
#include "registry/migrate.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "pg/pg.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { SCRIPT_MAX = 4 << 20 };

/*
 * Any number will do, as long as every pare takes the same. An advisory lock does not make a session
 * hear what others made while it waited, and to_regclass() goes by what it has heard: a lock on a
 * table does (AcceptInvalidationMessages in lmgr.c), so one is taken behind it.
 */
#define LOCK                                                                                       \
    "SELECT pg_advisory_xact_lock(7021978146321);\n"                                               \
    "LOCK TABLE pg_catalog.pg_namespace IN ACCESS SHARE MODE;\n"

/* The schema and its record, before any step. CREATE ... IF NOT EXISTS would want the right even
 * where there is nothing to do. */
static const char groundwork[] = //
    "BEGIN;\n" LOCK              //
    "DO $ground$\n"
    "BEGIN\n"
    "    IF to_regnamespace('pare') IS NULL THEN\n"
    "        CREATE SCHEMA pare;\n"
    "        COMMENT ON SCHEMA pare IS 'pare schema 0';\n"
    "    END IF;\n"
    "    IF to_regclass('pare.migration') IS NULL THEN\n"
    "        CREATE TABLE pare.migration (number int PRIMARY KEY, name text NOT NULL,\n"
    "            role text NOT NULL DEFAULT session_user, at timestamptz NOT NULL DEFAULT now());\n"
    "    END IF;\n"
    "END\n"
    "$ground$;\n"
    "COMMIT;\n";

static void step_script(const struct migration *step, struct buf *buf)
{
    buf_printf(buf,
               "BEGIN;\n" LOCK "DO $step$\n"
               "BEGIN\n"
               "    IF NOT EXISTS (SELECT FROM pare.migration WHERE number = %d) THEN\n"
               "        EXECUTE $body$\n",
               step->number);
    buf_text(buf, step->sql);
    buf_printf(buf,
               "$body$;\n"
               "        INSERT INTO pare.migration (number, name) VALUES (%d, '%s');\n"
               "        COMMENT ON SCHEMA pare IS 'pare schema %d';\n"
               "    END IF;\n"
               "END\n"
               "$step$;\n"
               "COMMIT;\n",
               step->number, step->name, step->number);
}

static void groundwork_script(struct buf *buf)
{
    buf_text(buf, groundwork);
    buf_printf(buf, "BEGIN;\n" LOCK "%s;\nCOMMIT;\n", query_registry_tables);
}

void migrate_script(struct buf *buf)
{
    size_t count;
    const struct migration *steps = migrate_steps(&count);
    groundwork_script(buf);
    for (size_t i = 0; i < count; i++)
        step_script(&steps[i], buf);
}

static bool may_create(const struct registry *r, struct pare_error *err)
{
    if (!r->has_schema && !r->can_create_schema)
        return error_set(
            err, PARE_ERR_REFUSED,
            "the role %s may not create the schema pare in database %s; its owner can "
            "run: GRANT CREATE ON DATABASE %s TO %s; or run what `pare init --sql` prints",
            r->role, r->database, r->database_sql, r->role_sql);
    if (!r->has_models && !r->can_create_table)
        return error_set(err, PARE_ERR_REFUSED,
                         "the role %s may not create ml_models in the schema %s of database %s; "
                         "its owner can run: GRANT CREATE ON SCHEMA %s TO %s",
                         r->role, r->schema_sql, r->database, r->schema_sql, r->role_sql);
    return true;
}

/* Not from a newer pare, and nobody else's. */
static bool is_ours(const struct registry *registry, struct pare_error *err)
{
    if (registry->schema > migrate_newest())
        return error_set(err, PARE_ERR_REFUSED,
                         "this registry's schema is version %d, this pare knows up to %d: install "
                         "a newer pare",
                         registry->schema, migrate_newest());
    if (registry->is_foreign)
        return error_set(err, PARE_ERR_REFUSED,
                         "the database %s has a schema pare that is not this program's (it names "
                         "no version); rename it first",
                         registry->database);
    return true;
}

bool migrate_run(const struct registry *registry, struct pare_error *err)
{
    if (!is_ours(registry, err))
        return false;
    if (registry->schema == migrate_newest() && registry->has_models)
        return true;
    if (registry->read_only || registry->standby)
        return error_set(err, PARE_ERR_REFUSED, "refused: this connection can only read");
    if (!may_create(registry, err))
        return false;
    struct buf script;
    size_t count;
    const struct migration *steps = migrate_steps(&count);
    buf_init(&script, SCRIPT_MAX);
    groundwork_script(&script);
    bool ok = buf_ok(&script, err) && pg_script(registry->pg, buf_string(&script), err);
    for (size_t i = 0; ok && i < count; i++) {
        buf_clear(&script);
        step_script(&steps[i], &script);
        ok = buf_ok(&script, err) && pg_script(registry->pg, buf_string(&script), err);
        if (!ok)
            error_prefix(err, "schema step %d (%s)", steps[i].number, steps[i].name);
    }
    buf_done(&script);
    return ok;
}

bool migrate_remove(const struct registry *registry, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!registry->has_schema)
        return error_set(err, PARE_ERR_NOT_FOUND, "the database %s has no schema pare",
                         registry->database);
    if (!is_ours(registry, err))
        return false;
    if (registry->read_only || registry->standby)
        return error_set(err, PARE_ERR_REFUSED, "refused: this connection can only read");
    if (registry->has_models &&
        (!registry_allows(registry, REGISTRY_SEE, err) ||
         !pg_read(registry->pg, query_registry_chunk_only, PG_NO_ARGS, &rows, err)))
        return false;
    int shown = rows ? pg_row_count(rows) : 0;
    if (shown > 0) {
        error_set(err, PARE_ERR_REFUSED,
                  "refused: the bytes of %lld versions are only in the "
                  "schema pare (export or delete them first)",
                  (long long)pg_int(rows, 0, 1));
        for (int i = shown - 1; i >= 0; i--)
            error_prefix(err, "%s", pg_text(rows, i, 0));
        return false;
    }
    return pg_write(registry->pg, query_registry_uninstall, PG_NO_ARGS, NULL, err);
}
