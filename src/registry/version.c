/* SPDX-License-Identifier: MIT */
#include "registry/version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"

/* The server cuts numbers to so many characters; what is longer says nothing below. */
enum { NUMBER_TEXT_MAX = 700 };

/* The places of columns in sql/query/catalog.sql. */
enum {
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_VERSION,
    COLUMN_TYPE,
    COLUMN_OPTIMIZATION,
    COLUMN_CREATED,
    COLUMN_SIZE_MB,
    COLUMN_SIZE,
    COLUMN_INFERENCE_MS,
    COLUMN_LATENCY_MS,
    COLUMN_LATENCY,
    COLUMN_ACCURACY,
    COLUMN_ACC,
    COLUMN_STORED,
    COLUMN_IS_DEFAULT,
    COLUMN_PARENT,
    COLUMN_INLINE,
    COLUMN_HELD,
    COLUMN_CONFIG,
    COLUMN_METRICS,
    COLUMN_VALUES,
};
_Static_assert((int)COLUMN_VALUES + VERSION_PATHS_MAX == VERSION_COLUMNS, "columns of catalog.sql");

double version_metric(const char *text)
{
    if (!text)
        return NAN;
    size_t length = strlen(text);
    double value = strtod(text, NULL);
    if (!isfinite(value) || fabs(value) > 1e300)
        return NAN;
    if (fabs(value) >= 1e-300)
        return value;
    /* A zero must be all zeros, and seen to its end. */
    bool zero = length < NUMBER_TEXT_MAX && strspn(text, "-0.eE+") == length;
    return zero ? 0.0 : NAN;
}

static double first_metric(const struct pg_rows *rows, int row, int from, int to)
{
    for (int column = from; column <= to; column++) {
        double value = version_metric(pg_text(rows, row, column));
        if (!isnan(value))
            return value;
    }
    return NAN;
}

static bool read_values(const struct pg_rows *rows, int row, struct arena *arena,
                        struct version *version)
{
    for (int i = 0; i < VERSION_PATHS_MAX; i++) {
        struct version_value *value = &version->values[i];
        const char *text = pg_text(rows, row, COLUMN_VALUES + i);
        *value = (struct version_value){ .number = NAN };
        if (!text)
            continue;
        value->kind = text[0];
        value->text = text_clean_dup(arena, text + 1);
        if (!value->text)
            return false;
        if (value->kind == 'n')
            value->number = version_metric(text + 1);
    }
    return true;
}

static bool read_texts(const struct pg_rows *rows, int row, struct arena *arena,
                       struct version *version)
{
    const char *type = pg_text(rows, row, COLUMN_TYPE);
    const char *optimization = pg_text(rows, row, COLUMN_OPTIMIZATION);
    version->raw_name = arena_strdup(arena, pg_text(rows, row, COLUMN_NAME));
    version->raw_version = arena_strdup(arena, pg_text(rows, row, COLUMN_VERSION));
    version->name = text_clean_dup(arena, version->raw_name);
    version->version = text_clean_dup(arena, version->raw_version);
    version->model_type = text_clean_dup(arena, type);
    version->optimization = text_clean_dup(arena, optimization);
    version->created_at = arena_strdup(arena, pg_text(rows, row, COLUMN_CREATED));
    version->config = arena_strdup(arena, pg_text(rows, row, COLUMN_CONFIG));
    version->metrics = arena_strdup(arena, pg_text(rows, row, COLUMN_METRICS));
    return version->name && version->version && (!type || version->model_type) &&
           (!optimization || version->optimization);
}

bool version_read(const struct pg_rows *rows, int row, struct arena *arena,
                  struct version *ret_version, struct pare_error *err)
{
    struct version version = { .id = pg_int(rows, row, COLUMN_ID) };
    if (!read_texts(rows, row, arena, &version) || !read_values(rows, row, arena, &version))
        return error_no_memory(err, arena->used_bytes);
    double size_mb = first_metric(rows, row, COLUMN_SIZE_MB, COLUMN_SIZE);
    version.size_bytes = !pg_null(rows, row, COLUMN_STORED) ? pg_number(rows, row, COLUMN_STORED)
                         : size_mb >= 0 && size_mb <= 9e12  ? round(size_mb * 1e6)
                                                            : NAN;
    version.stored_bytes = pg_null(rows, row, COLUMN_STORED) ? NAN
                           : pg_null(rows, row, COLUMN_HELD) ? version.size_bytes
                                                             : pg_number(rows, row, COLUMN_HELD);
    version.latency_ms = first_metric(rows, row, COLUMN_INFERENCE_MS, COLUMN_LATENCY);
    version.accuracy = first_metric(rows, row, COLUMN_ACCURACY, COLUMN_ACC);
    if (version.accuracy > 1)
        version.accuracy /= 100;
    version.is_default = pg_bool(rows, row, COLUMN_IS_DEFAULT);
    version.parent_id = pg_int(rows, row, COLUMN_PARENT);
    version.has_inline_bytes = pg_bool(rows, row, COLUMN_INLINE);
    *ret_version = version;
    return true;
}

bool version_split(const char *ref, struct arena *arena, const char **ret_name,
                   const char **ret_version, struct pare_error *err)
{
    const char *colon = strrchr(ref, ':');
    if (colon == ref || (colon && !colon[1]) || !*ref)
        return error_set(err, PARE_ERR_USAGE,
                         "\"%s\" is no name:version; for a name or version with a colon at its "
                         "end use --name N --version V",
                         ref);
    const char *name =
        colon ? arena_strndup(arena, ref, (size_t)(colon - ref)) : arena_strdup(arena, ref);
    const char *version = colon ? arena_strdup(arena, colon + 1) : NULL;
    if (!name || (colon && !version))
        return error_no_memory(err, strlen(ref));
    *ret_name = name;
    *ret_version = version;
    return true;
}

bool version_name_ok(const char *text, const char *what, struct pare_error *err)
{
    size_t length = strlen(text);
    if (length == 0)
        return error_set(err, PARE_ERR_USAGE, "the %s is empty", what);
    if (length > VERSION_NAME_MAX)
        return error_set(err, PARE_ERR_USAGE,
                         "the %s has %zu bytes, more than the limit of %d: "
                         "\"%.40s...\"",
                         what, length, VERSION_NAME_MAX, text);
    if (!text_is_utf8(text, length))
        return error_set(err, PARE_ERR_USAGE, "the %s \"%s\" is not UTF-8", what, text);
    if (!text_is_clean(text, length))
        return error_set(err, PARE_ERR_USAGE, "the %s \"%s\" holds control characters", what, text);
    if (text[0] == ' ' || text[length - 1] == ' ')
        return error_set(err, PARE_ERR_USAGE, "the %s \"%s\" begins or ends with a blank", what,
                         text);
    return true;
}
