/* SPDX-License-Identifier: MIT */
#include "registry/browse_family.h"

#include <string.h>

#include "base/error.h"
#include "registry/query.auto.h"

enum { FAMILY_DOCUMENTS, FAMILY_TREE, FAMILY_MEASUREMENTS };

void browse_ask_family(struct browse_batch *batch, bool guest, int64_t id)
{
    browse_ask(batch, query_family_documents, PG_ARGS(PG_INT(id)));
    if (guest)
        return;
    browse_ask(batch, query_family_tree, PG_ARGS(PG_INT(id)));
    browse_ask(batch, query_family_measurements, PG_ARGS(PG_INT(id)));
}

static bool read_document(const struct pg_rows *rows, int column, struct arena *arena,
                          struct family_document *ret_document, struct pare_error *err)
{
    *ret_document = (struct family_document){ 0 };
    if (pg_row_count(rows) == 0 || pg_null(rows, 0, column))
        return true;
    ret_document->text = arena_strdup(arena, pg_text(rows, 0, column));
    if (!ret_document->text)
        return error_no_memory(err, strlen(pg_text(rows, 0, column)));
    ret_document->length = strlen(ret_document->text);
    ret_document->whole_bytes = pg_int(rows, 0, column + 1);
    return true;
}

static const char *text_or_null(struct arena *arena, const struct pg_rows *rows, int row,
                                int column)
{
    return pg_null(rows, row, column) ? NULL : arena_strdup(arena, pg_text(rows, row, column));
}

static const char *text_or_empty(struct arena *arena, const struct pg_rows *rows, int row,
                                 int column)
{
    const char *text = text_or_null(arena, rows, row, column);
    return text ? text : "";
}

static bool read_members(const struct pg_rows *rows, struct arena *arena, struct family *family,
                         struct pare_error *err)
{
    int count = pg_row_count(rows);
    family->members = arena_array(arena, (size_t)count + 1, sizeof(*family->members));
    if (!family->members)
        return error_no_memory(err, (size_t)count * sizeof(*family->members));
    for (int i = 0; i < count; i++)
        family->members[i] = (struct family_member){
            .step = pg_int(rows, i, 0),
            .id = pg_int(rows, i, 1),
            .name = text_or_empty(arena, rows, i, 2),
            .version = text_or_empty(arena, rows, i, 3),
            .is_there = pg_bool(rows, i, 4),
            .recipe = text_or_null(arena, rows, i, 5),
            .maker = text_or_null(arena, rows, i, 6),
            .made_at = text_or_null(arena, rows, i, 7),
            .job_id = pg_null(rows, i, 8) ? 0 : pg_int(rows, i, 8),
        };
    family->member_count = (size_t)count;
    return true;
}

static bool read_measurements(const struct pg_rows *rows, struct arena *arena,
                              struct family *family, struct pare_error *err)
{
    int count = pg_row_count(rows);
    family->measurements = arena_array(arena, (size_t)count + 1, sizeof(*family->measurements));
    if (!family->measurements)
        return error_no_memory(err, (size_t)count * sizeof(*family->measurements));
    for (int i = 0; i < count; i++)
        family->measurements[i] = (struct family_measurement){
            .at = text_or_null(arena, rows, i, 0),
            .actor = text_or_null(arena, rows, i, 1),
            .dataset = text_or_null(arena, rows, i, 2),
            .against = text_or_null(arena, rows, i, 3),
            .host = text_or_null(arena, rows, i, 4),
            .runtime = text_or_null(arena, rows, i, 5),
            .threads = text_or_null(arena, rows, i, 6),
            .batch = text_or_null(arena, rows, i, 7),
            .rows = text_or_null(arena, rows, i, 8),
            .latency_ms = version_metric(pg_text(rows, i, 9)),
            .accuracy = version_metric(pg_text(rows, i, 10)),
            .result = text_or_null(arena, rows, i, 11),
            .conditions = text_or_null(arena, rows, i, 12),
        };
    family->measurement_count = (size_t)count;
    return true;
}

bool browse_take_family(struct pg_rows *const *rows, bool guest, struct arena *arena,
                        struct family *ret_family, struct pare_error *err)
{
    struct family family = { 0 };
    if (!read_document(rows[FAMILY_DOCUMENTS], 0, arena, &family.config, err) ||
        !read_document(rows[FAMILY_DOCUMENTS], 2, arena, &family.metrics, err))
        return false;
    if (!guest && (!read_members(rows[FAMILY_TREE], arena, &family, err) ||
                   !read_measurements(rows[FAMILY_MEASUREMENTS], arena, &family, err)))
        return false;
    *ret_family = family;
    return true;
}
