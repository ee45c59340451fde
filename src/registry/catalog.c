/* SPDX-License-Identifier: MIT */
#include "registry/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/piece.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { SENTENCE_MAX = 800 };

struct collector {
    struct arena *arena;
    struct version *versions;
    size_t count, room;
};

static bool collect(void *data, const struct pg_rows *rows, struct pare_error *err)
{
    struct collector *c = data;
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        struct version *versions = arena_array(c->arena, room, sizeof(*versions));
        if (!versions)
            return error_no_memory(err, room * sizeof(*versions));
        if (c->count)
            memcpy(versions, c->versions, c->count * sizeof(*versions));
        c->versions = versions;
        c->room = room;
    }
    return version_read(rows, 0, c->arena, &c->versions[c->count], err) && ++c->count;
}

/* Run one of the catalog's statements and collect its rows. */
static bool run(const struct registry *registry, const char *sql, const struct pg_arg *args,
                struct collector *collector, struct pare_error *err)
{
    struct pg_statement statement = {
        .sql = sql, .args = args, .arg_count = 7, .on_row = collect, .data = collector
    };
    return pg_run(registry->pg, false, &statement, 1, NULL, err);
}

static int by_name(const void *a, const void *b)
{
    const struct version *left = a, *right = b;
    int order = strcmp(left->raw_name, right->raw_name);
    return order ? order : strcmp(left->raw_version, right->raw_version);
}

bool catalog_list(const struct registry *registry, const struct catalog_query *query,
                  struct arena *arena, struct catalog_list *ret_list, struct pare_error *err)
{
    struct collector collector = { .arena = arena };
    if (!registry_allows(registry, REGISTRY_LOOK, err))
        return false;
    const struct pg_arg args[] = {
        PG_TEXT(query->name),
        PG_BOOL(query->with_json),
        PG_TEXT(query->paths[0]),
        PG_TEXT(query->paths[1]),
        PG_TEXT(query->paths[2]),
        PG_TEXT(query->paths[3]),
        query->limit ? PG_INT(query->limit) : PG_NULL,
    };
    bool guest = registry_is_guest(registry), all = query->limit == 0 && !query->name;
    const char *sql = all ? (guest ? query_catalog_all_guest : query_catalog_all)
                          : (guest ? query_catalog_list_guest : query_catalog_list);
    struct pg_statement statement = {
        .sql = sql, .args = args, .arg_count = all ? 6 : 7, .on_row = collect, .data = &collector
    };
    if (!pg_run(registry->pg, false, &statement, 1, NULL, err))
        return false;
    if (all && collector.count)
        qsort(collector.versions, collector.count, sizeof(*collector.versions), by_name);
    *ret_list = (struct catalog_list){ collector.versions, collector.count };
    return true;
}

/* "it has v3, v2 and 14 more" */
static void put_names(struct buf *buf, const struct pg_rows *rows, int64_t total)
{
    int shown = pg_row_count(rows);
    for (int i = 0; i < shown; i++)
        buf_printf(buf, "%s%.60s", i ? ", " : "", pg_text(rows, i, 0));
    if (total > shown)
        buf_printf(buf, " and %lld more", (long long)(total - shown));
}

static bool say_not_found(const struct registry *registry, const char *name, const char *version,
                          struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *versions = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *alike = NULL;
    struct buf buf;
    if (!pg_read(registry->pg, query_catalog_versions_of, PG_ARGS(PG_TEXT(name)), &versions, err))
        return false;
    buf_init(&buf, SENTENCE_MAX);
    if (pg_row_count(versions) > 0) {
        if (version)
            buf_printf(&buf, "no version %.99s of %.99s; it has ", version, name);
        else if (registry_is_guest(registry))
            buf_printf(&buf,
                       "defaults are not known here (no schema pare this role may read); %.99s "
                       "has ",
                       name);
        else
            buf_printf(&buf, "%.99s has no default; it has ", name);
        put_names(&buf, versions, pg_int(versions, 0, 1));
    } else {
        buf_printf(&buf, "no model %.99s%s", name, strlen(name) > 99 ? "..." : "");
        if (!pg_read(registry->pg, query_catalog_like, PG_ARGS(PG_TEXT(name)), &alike, err)) {
            buf_done(&buf);
            return false;
        }
        if (pg_row_count(alike) > 0) {
            buf_text(&buf, "; there is ");
            put_names(&buf, alike, 0);
        }
    }
    error_set(err, PARE_ERR_NOT_FOUND, "%s", buf_string(&buf));
    buf_done(&buf);
    return false;
}

bool catalog_find(const struct registry *registry, const char *name, const char *version,
                  struct arena *arena, struct version *ret_version, struct pare_error *err)
{
    struct collector collector = { .arena = arena };
    if (!registry_allows(registry, REGISTRY_LOOK, err))
        return false;
    const struct pg_arg args[] = { PG_TEXT(name), PG_BOOL(true), PG_NULL,         PG_NULL,
                                   PG_NULL,       PG_NULL,       PG_TEXT(version) };
    const char *sql = registry_is_guest(registry) ? query_catalog_find_guest : query_catalog_find;
    if (!run(registry, sql, args, &collector, err))
        return false;
    if (collector.count == 0)
        return say_not_found(registry, name, version, err);
    *ret_version = collector.versions[0];
    return true;
}

bool catalog_by_id(const struct registry *registry, int64_t id, struct arena *arena,
                   struct version *ret_version, struct pare_error *err)
{
    struct collector collector = { .arena = arena };
    const char *digits = arena_printf(arena, "%lld", (long long)id);
    if (!digits)
        return error_no_memory(err, 32);
    const struct pg_arg args[] = { PG_TEXT(digits), PG_BOOL(true), PG_NULL,
                                   PG_NULL,         PG_NULL,       PG_NULL };
    struct pg_statement statement = { .sql = query_catalog_by_id,
                                      .args = args,
                                      .arg_count = 6,
                                      .on_row = collect,
                                      .data = &collector };
    if (!pg_run(registry->pg, false, &statement, 1, NULL, err))
        return false;
    *ret_version = collector.count ? collector.versions[0] : (struct version){ 0 };
    return true;
}

bool catalog_lineage(const struct registry *registry, int64_t id, struct arena *arena,
                     struct lineage *ret_lineage, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    struct lineage lineage = { 0 };
    if (!registry_is_guest(registry)) {
        if (!pg_read(registry->pg, query_catalog_lineage, PG_ARGS(PG_INT(id)), &rows, err))
            return false;
        if (pg_row_count(rows) > 0)
            lineage = (struct lineage){
                .parent_id = pg_int(rows, 0, 0),
                .parent_name = text_clean_dup(arena, pg_text(rows, 0, 1)),
                .parent_version = text_clean_dup(arena, pg_text(rows, 0, 2)),
                .recipe = arena_strdup(arena, pg_text(rows, 0, 3)),
                .engine_version = text_clean_dup(arena, pg_text(rows, 0, 4)),
                .parent_digest = arena_strdup(arena, pg_text(rows, 0, 5)),
                .actor = text_clean_dup(arena, pg_text(rows, 0, 6)),
                .at = arena_strdup(arena, pg_text(rows, 0, 7)),
                .parent_is_there = pg_bool(rows, 0, 8),
            };
    }
    *ret_lineage = lineage;
    return true;
}

bool catalog_report(const struct registry *registry, int64_t id, struct arena *arena,
                    const char **ret_report, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    *ret_report = NULL;
    if (registry_is_guest(registry))
        return true;
    if (!pg_read(registry->pg, query_catalog_report, PG_ARGS(PG_INT(id)), &rows, err))
        return false;
    if (pg_row_count(rows) > 0)
        *ret_report = arena_strdup(arena, pg_text(rows, 0, 0));
    return true;
}

bool catalog_children(const struct registry *registry, int64_t id, struct arena *arena,
                      const char *const **ret_refs, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    int count = 0;
    if (!registry_is_guest(registry)) {
        if (!pg_read(registry->pg, query_catalog_children, PG_ARGS(PG_INT(id)), &rows, err))
            return false;
        count = pg_row_count(rows);
    }
    const char **refs = arena_array(arena, (size_t)count + 1, sizeof(*refs));
    for (int i = 0; refs && i < count; i++)
        refs[i] = text_clean_dup(
            arena, arena_printf(arena, "%s:%s", pg_text(rows, i, 0), pg_text(rows, i, 1)));
    *ret_refs = refs;
    return refs || error_no_memory(err, sizeof(*refs));
}

void catalog_take_alike(const struct pg_rows *rows, int64_t first, int64_t second,
                        struct arena *arena, struct alike *ret_alike)
{
    *ret_alike = (struct alike){ 0 };
    if (pg_row_count(rows) == 0)
        return;
    *ret_alike = (struct alike){
        .first = arena_strdup(arena, pg_text(rows, 0, 0)),
        .second = arena_strdup(arena, pg_text(rows, 0, 1)),
        .conditions = arena_strdup(arena, pg_text(rows, 0, 2)),
        .together = pg_bool(rows, 0, 3),
        .first_beside = pg_int(rows, 0, 4) == second,
        .second_beside = pg_int(rows, 0, 5) == first,
        .digest = arena_strdup(arena, pg_text(rows, 0, 6)),
    };
}

bool catalog_alike(const struct registry *registry, int64_t first, int64_t second,
                   struct arena *arena, struct alike *ret_alike, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    *ret_alike = (struct alike){ 0 };
    if (registry_is_guest(registry))
        return true;
    if (!pg_read(registry->pg, query_catalog_alike, PG_ARGS(PG_INT(first), PG_INT(second)), &rows,
                 err))
        return false;
    catalog_take_alike(rows, first, second, arena, ret_alike);
    return true;
}

bool catalog_conditions(const struct registry *registry, int64_t id, struct arena *arena,
                        const char **ret_conditions, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    *ret_conditions = NULL;
    if (registry_is_guest(registry))
        return true;
    if (!pg_read(registry->pg, query_catalog_conditions, PG_ARGS(PG_INT(id)), &rows, err))
        return false;
    if (pg_row_count(rows) > 0)
        *ret_conditions = arena_strdup(arena, pg_text(rows, 0, 0));
    return true;
}

static bool not_in_a_test(const struct registry *registry, const struct version *version,
                          struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *tables = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *test = NULL;
    if (!pg_read(registry->pg, query_catalog_has_tests, PG_NO_ARGS, &tables, err))
        return false;
    if (!pg_bool(tables, 0, 0))
        return true;
    if (!pg_read(registry->pg, query_catalog_running_test, PG_ARGS(PG_INT(version->id)), &test,
                 err)) {
        if (!strcmp(pg_sqlstate(registry->pg), "42501"))
            return error_set(err, PARE_ERR_REFUSED,
                             "the role %s may not read model_ab_tests, to see that no test runs on "
                             "it; its owner can run: GRANT SELECT ON model_ab_tests TO %s",
                             registry->role, registry->role_sql);
        return false;
    }
    if (pg_row_count(test) == 0)
        return true;
    return error_set(err, PARE_ERR_REFUSED,
                     "refused: %s:%s is an arm of the running test %s (%s); conclude the test "
                     "first",
                     version->name, version->version, pg_text(test, 0, 0),
                     pg_text(test, 0, 1) ? pg_text(test, 0, 1) : "unnamed");
}

bool catalog_may_delete(const struct registry *registry, const struct version *version,
                        struct pare_error *err)
{
    if (version->is_default)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s:%s is the default; promote another version first",
                         version->name, version->version);
    return not_in_a_test(registry, version, err);
}

/* Under the lock that a promote takes too, so that the default cannot come to it in between. */
static bool delete_locked(struct pg *pg, const struct version *v, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *lock = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *is_default = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *gone = NULL;
    if (!pg_query(pg, query_default_lock, PG_ARGS(PG_TEXT(v->raw_name)), &lock, err) ||
        !pg_query(pg, query_default_is, PG_ARGS(PG_TEXT(v->raw_name), PG_INT(v->id)), &is_default,
                  err))
        return false;
    if (pg_bool(is_default, 0, 0))
        return error_set(err, PARE_ERR_REFUSED, "refused: %s:%s has just become the default",
                         v->name, v->version);
    if (!pg_query(pg, query_catalog_delete,
                  PG_ARGS(PG_INT(v->id), PG_TEXT(v->raw_name), PG_TEXT(v->raw_version)), &gone,
                  err)) {
        if (!strcmp(pg_sqlstate(pg), "23503"))
            return error_set(err, PARE_ERR_REFUSED,
                             "refused: other rows still point at %s:%s, such as an A/B test that "
                             "has ended; delete those first",
                             v->name, v->version);
        return false;
    }
    if (pg_int(gone, 0, 0) == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "%s:%s is gone already", v->name, v->version);
    return pg_commit(pg, err);
}

bool catalog_delete(const struct registry *registry, const struct version *version,
                    struct pare_error *err)
{
    int64_t freed;
    if (!registry_allows(registry, REGISTRY_WRITE, err) ||
        !catalog_may_delete(registry, version, err) || !pg_begin(registry->pg, true, err))
        return false;
    bool ok = delete_locked(registry->pg, version, err);
    if (!ok)
        pg_rollback(registry->pg);
    return ok && piece_sweep(registry->pg, &freed, err);
}
