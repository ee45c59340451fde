/* SPDX-License-Identifier: MIT */
/* The roll-up of one test, as struct abtest_data. */
#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "pg/pg.h"
#include "registry/abtest_judge.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { READ_COUNTS, READ_LATENCY, READ_RATINGS, READ_SEGMENTS, READ_MINUTES, READ_ASSIGNED };
enum { SEGMENTS_MAX = 10000 };

void abtest_ask_read(const struct abtest *test, struct pg_arg *arg,
                     struct pg_statement ret_statements[ABTEST_READ_STATEMENTS])
{
    const char *const sql[ABTEST_READ_STATEMENTS] = {
        [READ_COUNTS] = query_abtest_counts,
        [READ_LATENCY] = test->plan.coarse ? query_abtest_buckets : query_abtest_exact,
        [READ_RATINGS] = query_abtest_ratings,
        [READ_SEGMENTS] = query_abtest_segments,
        [READ_MINUTES] = query_abtest_minutes,
        [READ_ASSIGNED] = query_abtest_assigned,
    };
    *arg = PG_INT(test->id);
    for (int i = 0; i < ABTEST_READ_STATEMENTS; i++)
        ret_statements[i] = (struct pg_statement){ .sql = sql[i], .args = arg, .arg_count = 1 };
}

/* 0: A, 1: B, -1: neither. */
static int arm_of(const struct abtest *test, int64_t model_id)
{
    if (model_id == 0) /* of NULL, which is nobody's arm */
        return -1;
    return model_id == test->a.id ? 0 : model_id == test->b.id ? 1 : -1;
}

static bool read_segments(const struct pg_rows *rows, struct arena *arena, struct abtest_data *data,
                          struct pare_error *err)
{
    int count = MIN(pg_row_count(rows), SEGMENTS_MAX);
    data->segment_count = MAX(count, 1);
    data->segments = arena_array(arena, (size_t)data->segment_count, sizeof(*data->segments));
    data->segment_at = arena_array(arena, (size_t)data->segment_count, sizeof(*data->segment_at));
    if (!data->segments || !data->segment_at)
        return error_no_memory(err, sizeof(*data->segments));
    data->segments[0] = (struct srm_segment){ .split = 0.5 };
    data->segment_at[0] = -INFINITY;
    for (int i = 0; i < count; i++) {
        data->segments[i] = (struct srm_segment){ .split = pg_number(rows, i, 1) / 100 };
        data->segment_at[i] = i > 0 ? pg_number(rows, i, 2) : -INFINITY;
    }
    data->segment_from = count > 1 ? pg_number(rows, count - 1, 2) : -INFINITY;
    data->segment_hours = count > 1 ? pg_number(rows, count - 1, 3) / 3600 : INFINITY;
    return true;
}

static void read_counts(const struct abtest *test, const struct pg_rows *rows,
                        struct abtest_data *data)
{
    for (int i = 0; i < pg_row_count(rows); i++) {
        int64_t segment = pg_int(rows, i, 0), n = pg_int(rows, i, 2);
        int arm = arm_of(test, pg_int(rows, i, 1));
        if (arm < 0) {
            data->strays += n;
            continue;
        }
        data->total[arm] += n;
        if (segment < 1 || segment > data->segment_count)
            continue;
        data->segments[segment - 1].count += n;
        data->segments[segment - 1].a += arm == 0 ? n : 0;
        if (segment == data->segment_count) {
            data->arms[arm].n = n;
            data->arms[arm].failed = pg_int(rows, i, 3);
            data->arms[arm].untimed = pg_int(rows, i, 4);
            data->arms[arm].negative = pg_int(rows, i, 5);
        }
    }
}

/* The newest segment's latencies of each arm, which come ordered. */
static bool read_latency(const struct abtest *test, const struct pg_rows *rows, struct arena *arena,
                         struct abtest_data *data, struct pare_error *err)
{
    enum histogram_kind kind = test->plan.coarse ? HISTOGRAM_BUCKETS : HISTOGRAM_MS;
    int count = pg_row_count(rows);
    for (int arm = 0; arm < 2; arm++) {
        size_t room = (size_t)count + 1;
        struct histogram_cell *cells = arena_array(arena, room, sizeof(*cells));
        struct histogram_count *counts = arena_array(arena, room, sizeof(*counts));
        size_t size = 0;
        if (!cells || !counts)
            return error_no_memory(err, room * sizeof(*cells));
        for (int i = 0; i < count; i++)
            if (pg_int(rows, i, 0) == data->segment_count &&
                arm_of(test, pg_int(rows, i, 1)) == arm)
                counts[size++] = (struct histogram_count){ pg_int(rows, i, 2), pg_int(rows, i, 3) };
        histogram_init(&data->arms[arm].latency, kind, cells, room);
        if (histogram_add_all(&data->arms[arm].latency, counts, size) != HISTOGRAM_ADDED)
            return error_set(err, PARE_ERR_FORMAT,
                             "the rolled up latencies of test %lld make no sense", //
                             (long long)test->id);
        data->arms[arm].moments = histogram_moments(&data->arms[arm].latency);
    }
    return true;
}

static void read_ratings(const struct abtest *test, const struct pg_rows *rows,
                         struct abtest_data *data)
{
    for (int i = 0; i < pg_row_count(rows); i++) {
        int arm = arm_of(test, pg_int(rows, i, 1));
        if (arm < 0 || pg_int(rows, i, 0) != data->segment_count)
            continue;
        for (int level = 0; level < RATING_LEVELS; level++)
            data->arms[arm].ratings.of[level] = pg_int(rows, i, 2 + level);
        data->arms[arm].odd_ratings = pg_int(rows, i, 2 + RATING_LEVELS);
    }
}

/* An integer as numeric prints it, of at most 37 digits. */
static __int128 read_wide(const char *text)
{
    __int128 value = 0;
    for (int digits = 0; *text >= '0' && *text <= '9' && digits < 37; text++, digits++)
        value = 10 * value + (*text - '0');
    return value;
}

static bool read_minutes(const struct abtest *test, const struct pg_rows *rows, struct arena *arena,
                         struct abtest_data *data, struct pare_error *err)
{
    int count = pg_row_count(rows);
    data->minutes = arena_array(arena, (size_t)count + 1, sizeof(*data->minutes));
    if (!data->minutes)
        return error_no_memory(err, (size_t)count * sizeof(*data->minutes));
    for (int i = 0; i < count; i++) {
        int64_t at = pg_int(rows, i, 0);
        int arm = arm_of(test, pg_int(rows, i, 2));
        struct abtest_minute *minute = &data->minutes[data->minute_count];
        if (arm < 0)
            continue;
        if (data->minute_count > 0 && minute[-1].at == at &&
            minute[-1].is_hour == (*pg_text(rows, i, 1) == 'h')) {
            minute--;
        } else {
            *minute = (struct abtest_minute){ .at = at, .is_hour = *pg_text(rows, i, 1) == 'h' };
            data->minute_count++;
        }
        const struct mean_sums sums = { pg_int(rows, i, 5), read_wide(pg_text(rows, i, 6)),
                                        read_wide(pg_text(rows, i, 7)) };
        minute->n[arm] += pg_int(rows, i, 3);
        minute->failed[arm] += pg_int(rows, i, 4);
        mean_merge(arm == 0 ? &minute->latency.a : &minute->latency.b, &sums);
    }
    return true;
}

/*
 * A request of the last minutes may still be under way, or its result not rolled up: only what is
 * missing of the older ones is missed. Behind read_counts().
 */
static void read_assigned(const struct pg_rows *rows, struct abtest_data *data)
{
    for (int arm = 0; arm < 2; arm++) {
        int64_t all = pg_int(rows, 0, 2 * arm), settled = pg_int(rows, 0, 2 * arm + 1);
        data->assigned[arm] = MIN(MAX(data->total[arm], settled), all);
    }
    data->mark_age_seconds = pg_number(rows, 0, 4);
    data->cannot_read = pg_bool(rows, 0, 5);
    data->cannot_write = pg_bool(rows, 0, 6);
    data->mark = pg_int(rows, 0, 7);
}

bool abtest_take_read(const struct abtest *test, struct pg_rows *const *rows, struct arena *arena,
                      struct abtest_data *ret_data, struct pare_error *err)
{
    struct abtest_data data = { 0 };
    if (!read_segments(rows[READ_SEGMENTS], arena, &data, err))
        return false;
    read_counts(test, rows[READ_COUNTS], &data);
    read_ratings(test, rows[READ_RATINGS], &data);
    read_assigned(rows[READ_ASSIGNED], &data);
    if (!read_latency(test, rows[READ_LATENCY], arena, &data, err) ||
        !read_minutes(test, rows[READ_MINUTES], arena, &data, err))
        return false;
    *ret_data = data;
    return true;
}

bool abtest_read(const struct registry *registry, const struct abtest *test, struct arena *arena,
                 struct abtest_data *ret_data, struct pare_error *err)
{
    enum { MOMENT, READ, COUNT = READ + ABTEST_READ_STATEMENTS };
    struct pg_statement statements[COUNT] = { [MOMENT] = { .sql = query_abtest_moment } };
    struct pg_rows *rows[COUNT] = { 0 };
    struct pg_arg arg;
    if (!registry_allows(registry, REGISTRY_SEE, err))
        return false;
    if (registry->schema < ABTEST_SCHEMA)
        return error_set(err, PARE_ERR_REFUSED,
                         "this registry's schema is version %d, tests want %d: run pare init",
                         registry->schema, ABTEST_SCHEMA);
    abtest_ask_read(test, &arg, statements + READ);
    bool ok = pg_run(registry->pg, false, statements, COUNT, rows, err) &&
              abtest_take_read(test, rows + READ, arena, ret_data, err);
    for (int i = 0; i < COUNT; i++)
        pg_rows_free(rows[i]);
    return ok;
}
