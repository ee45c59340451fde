/* SPDX-License-Identifier: MIT */
#include "registry/dataset.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

bool dataset_list_take(const struct pg_rows *rows, struct arena *arena,
                       struct dataset_row **ret_rows, size_t *ret_count, struct pare_error *err)
{
    int count = pg_row_count(rows);
    struct dataset_row *list = arena_array(arena, (size_t)count + 1, sizeof(*list));
    if (!list)
        return error_no_memory(err, (size_t)count * sizeof(*list));
    for (int i = 0; i < count; i++)
        list[i] = (struct dataset_row){
            .id = pg_int(rows, i, 0),
            .name = text_clean_dup(arena, pg_text(rows, i, 1)),
            .digest = arena_strdup(arena, pg_text(rows, i, 2)),
            .rows = pg_int(rows, i, 3),
            .size_bytes = pg_int(rows, i, 4),
            .actor = text_clean_dup(arena, pg_text(rows, i, 5)),
            .created_at = arena_strdup(arena, pg_text(rows, i, 6)),
            .artifact_id = pg_int(rows, i, 7),
        };
    *ret_rows = list;
    *ret_count = (size_t)count;
    return true;
}

bool dataset_list(const struct registry *registry, const char *name, struct arena *arena,
                  struct dataset_row **ret_rows, size_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    return registry_allows(registry, REGISTRY_SEE, err) &&
           pg_read(registry->pg, query_dataset_list, PG_ARGS(PG_TEXT(name)), &rows, err) &&
           dataset_list_take(rows, arena, ret_rows, ret_count, err);
}

bool dataset_get(const struct registry *registry, const char *name, struct arena *arena,
                 struct dataset_row *ret_row, struct pare_error *err)
{
    struct dataset_row *rows;
    size_t count;
    if (!dataset_list(registry, name, arena, &rows, &count, err))
        return false;
    if (count == 0)
        return error_set(err, PARE_ERR_NOT_FOUND,
                         "no dataset%s%s; make one with: pare dataset "
                         "import FILE --name D",
                         name ? " " : "", name ? name : "");
    if (count > 1)
        return error_set(err, PARE_ERR_USAGE,
                         "there are %zu datasets (%s, %s, ...): say which with "
                         "--dataset",
                         count, rows[0].name, rows[1].name);
    *ret_row = rows[0];
    return true;
}

bool measurement_store(struct pg *pg, const struct measurement *m, const char *actor, bool replace,
                       struct pare_error *err)
{
    /* Merged first: what this measurement says must not pass for an earlier one's. */
    return pg_query(pg, query_measurement_merge,
                    PG_ARGS(PG_INT(m->model_id), PG_TEXT(m->metrics), PG_BOOL(replace)), NULL,
                    err) &&
           pg_query(pg, query_measurement_add,
                    PG_ARGS(PG_INT(m->model_id), m->against_id ? PG_INT(m->against_id) : PG_NULL,
                            PG_TEXT(m->dataset_digest), PG_TEXT(m->result), PG_TEXT(m->conditions),
                            PG_TEXT(actor)),
                    NULL, err);
}
