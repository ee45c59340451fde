/* SPDX-License-Identifier: MIT */
#include "registry/browse_compare.h"

#include "registry/query.auto.h"

/* Of each version; a guest's has the first alone. */
enum { SIDE_VERSION, SIDE_LINEAGE, SIDE_CONDITIONS, SIDE_ALIKE, SIDE_STATEMENTS };
_Static_assert(BROWSE_COMPARE_MAX *(int)SIDE_STATEMENTS <= (int)PG_STATEMENTS_MAX, "one request");

void browse_ask_compare(struct browse_batch *batch, bool guest, const int64_t *ids, size_t count,
                        size_t baseline)
{
    for (size_t i = 0; i < count; i++) {
        const char *digits = arena_printf(batch->arena, "%lld", (long long)ids[i]);
        browse_ask(batch, guest ? query_browse_by_id_guest : query_catalog_by_id,
                   PG_ARGS(PG_TEXT(digits), PG_BOOL(true), PG_NULL, PG_NULL, PG_NULL, PG_NULL));
        if (guest)
            continue;
        browse_ask(batch, query_catalog_lineage, PG_ARGS(PG_INT(ids[i])));
        browse_ask(batch, query_catalog_conditions, PG_ARGS(PG_INT(ids[i])));
        browse_ask(batch, query_catalog_alike, PG_ARGS(PG_INT(ids[i]), PG_INT(ids[baseline])));
    }
}

static bool take_side(struct pg_rows *const *rows, bool guest, int64_t id, int64_t base_id,
                      struct arena *arena, struct comparison_side *side, struct pare_error *err)
{
    if (pg_row_count(rows[SIDE_VERSION]) == 0)
        return true;
    if (!version_read(rows[SIDE_VERSION], 0, arena, &side->version, err))
        return false;
    if (guest)
        return true;
    if (pg_row_count(rows[SIDE_LINEAGE]) > 0)
        side->recipe = arena_strdup(arena, pg_text(rows[SIDE_LINEAGE], 0, 3));
    if (pg_row_count(rows[SIDE_CONDITIONS]) > 0)
        side->conditions = arena_strdup(arena, pg_text(rows[SIDE_CONDITIONS], 0, 0));
    if (id != base_id)
        catalog_take_alike(rows[SIDE_ALIKE], id, base_id, arena, &side->alike);
    return true;
}

bool browse_take_compare(struct pg_rows *const *rows, bool guest, const int64_t *ids, size_t count,
                         size_t baseline, struct arena *arena, struct comparison_side *ret_sides,
                         struct pare_error *err)
{
    struct comparison_side sides[BROWSE_COMPARE_MAX] = { 0 };
    for (size_t i = 0; i < count; i++)
        if (!take_side(rows + i * (guest ? 1 : SIDE_STATEMENTS), guest, ids[i], ids[baseline],
                       arena, &sides[i], err))
            return false;
    for (size_t i = 0; i < count; i++)
        ret_sides[i] = sides[i];
    return true;
}
