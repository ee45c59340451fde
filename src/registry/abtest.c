/* SPDX-License-Identifier: MIT */
#include "registry/abtest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

static const char *const metric_words[] = {
    [ABTEST_P95] = "p95",       [ABTEST_P50] = "p50",           [ABTEST_MEAN] = "mean",
    [ABTEST_RATING] = "rating", [ABTEST_FAILURES] = "failures",
};

const char *abtest_metric_word(enum abtest_metric metric)
{
    return metric_words[metric];
}

bool abtest_metric_of(const char *word, enum abtest_metric *ret_metric)
{
    for (size_t i = 0; word && i < ARRAY_SIZE(metric_words); i++) {
        if (!strcmp(word, metric_words[i])) {
            *ret_metric = (enum abtest_metric)i;
            return true;
        }
    }
    return false;
}

/* ---- plans ---- */

struct abtest_plan abtest_plan_default(void)
{
    return (struct abtest_plan){
        .primary = ABTEST_P95,
        .horizon = 20000,
        .alpha = 0.05,
        .margin = 0.05,
        .guards = { { ABTEST_P95, 0.05 }, { ABTEST_FAILURES, 0.005 } },
        .guard_count = 2,
        .min_hours = 24,
        .salt = "1",
        .assumed = true,
    };
}

bool abtest_guard_parse(const char *text, struct abtest_guard *ret_guard, struct pare_error *err)
{
    static const char expected[] = "expected METRIC<=PERCENT with p95, p50, mean, rating or "
                                   "failures, such as p95<=5 or failures<=0.5";
    char word[16];
    const char *sign = strstr(text, "<=");
    size_t length = sign ? (size_t)(sign - text) : 0;
    if (!sign || length == 0 || length >= sizeof(word))
        return error_set(err, PARE_ERR_USAGE, "the guard \"%.80s\": %s", text, expected);
    memcpy(word, text, length);
    word[length] = '\0';
    char *end;
    double percent = strtod(sign + 2, &end);
    if (*end == '%')
        end++;
    if (!abtest_metric_of(word, &ret_guard->metric) || end == sign + 2 || *end ||
        !(percent > 0 && percent <= 100))
        return error_set(err, PARE_ERR_USAGE, "the guard \"%.80s\": %s", text, expected);
    ret_guard->margin = percent / 100;
    return true;
}

/* What stands in the column, as far as it can be understood. */
static void read_guards(const char *text, struct abtest_plan *plan)
{
    struct pare_error ignored;
    CLEANUP(json_free) cJSON *list = NULL;
    const cJSON *each;
    plan->guard_count = 0;
    if (!text || !json_parse(text, strlen(text), &list, &ignored))
        return;
    cJSON_ArrayForEach(each, list)
    {
        struct abtest_guard guard = { .margin = json_number(each, "margin", 0) };
        if (plan->guard_count < ABTEST_GUARDS_MAX && guard.margin > 0 && guard.margin <= 1 &&
            abtest_metric_of(json_string(each, "metric", ""), &guard.metric))
            plan->guards[plan->guard_count++] = guard;
    }
}

/* ---- rows ---- */

enum {
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_A_ID,
    COLUMN_B_ID,
    COLUMN_A_NAME,
    COLUMN_A_VERSION,
    COLUMN_B_NAME,
    COLUMN_B_VERSION,
    COLUMN_SPLIT,
    COLUMN_START,
    COLUMN_END,
    COLUMN_STATUS,
    COLUMN_SECONDS,
    COLUMN_RUNNING,
    COLUMN_BACKWARDS,
    COLUMN_SALT,
    COLUMN_PRIMARY,
    COLUMN_HORIZON,
    COLUMN_ALPHA,
    COLUMN_MARGIN,
    COLUMN_GUARDS,
    COLUMN_MIN_HOURS,
    COLUMN_ASSUMED,
    COLUMN_COARSE,
    COLUMN_ARM,
    COLUMN_HOW,
    COLUMN_ENDER,
    COLUMN_ENDED_AT,
    COLUMN_REASON,
    COLUMN_SEGMENTS,
    COLUMN_RESULTS,
};

static struct abtest_arm read_arm(const struct pg_rows *rows, int row, int id, int name,
                                  struct arena *arena)
{
    return (struct abtest_arm){
        .id = pg_int(rows, row, id),
        .name = text_clean_dup(arena, pg_text(rows, row, name)),
        .version = text_clean_dup(arena, pg_text(rows, row, name + 1)),
        .raw_name = arena_strdup(arena, pg_text(rows, row, name)),
        .raw_version = arena_strdup(arena, pg_text(rows, row, name + 1)),
    };
}

static struct abtest_plan read_plan(const struct pg_rows *rows, int row, struct arena *arena)
{
    struct abtest_plan plan = abtest_plan_default();
    if (pg_null(rows, row, COLUMN_SALT))
        return plan;
    (void)abtest_metric_of(pg_text(rows, row, COLUMN_PRIMARY), &plan.primary);
    plan.horizon = pg_int(rows, row, COLUMN_HORIZON);
    plan.alpha = pg_number(rows, row, COLUMN_ALPHA);
    plan.margin = pg_number(rows, row, COLUMN_MARGIN);
    read_guards(pg_text(rows, row, COLUMN_GUARDS), &plan);
    plan.min_hours = pg_number(rows, row, COLUMN_MIN_HOURS);
    plan.salt = arena_strdup(arena, pg_text(rows, row, COLUMN_SALT));
    plan.assumed = pg_bool(rows, row, COLUMN_ASSUMED);
    plan.coarse = pg_bool(rows, row, COLUMN_COARSE);
    return plan;
}

static void read_split(const struct pg_rows *rows, int row, struct abtest *test)
{
    double percent = pg_null(rows, row, COLUMN_SPLIT) ? 50 : pg_number(rows, row, COLUMN_SPLIT);
    test->split_odd = !(percent >= 0 && percent <= 100);
    test->split_percent = (int)(percent > 100 ? 100 : percent >= 0 ? percent : 0);
}

static struct abtest read_test(const struct pg_rows *rows, int row, struct arena *arena)
{
    const char *name = pg_text(rows, row, COLUMN_NAME), *arm = pg_text(rows, row, COLUMN_ARM);
    struct abtest test = {
        .id = pg_int(rows, row, COLUMN_ID),
        .name = text_clean_dup(arena, name ? name : ""),
        .a = read_arm(rows, row, COLUMN_A_ID, COLUMN_A_NAME, arena),
        .b = read_arm(rows, row, COLUMN_B_ID, COLUMN_B_NAME, arena),
        .start_at = arena_strdup(arena, pg_text(rows, row, COLUMN_START)),
        .end_at = arena_strdup(arena, pg_text(rows, row, COLUMN_END)),
        .status = text_clean_dup(arena, pg_text(rows, row, COLUMN_STATUS)),
        .running_seconds =
            pg_null(rows, row, COLUMN_SECONDS) ? NAN : pg_number(rows, row, COLUMN_SECONDS),
        .running = pg_bool(rows, row, COLUMN_RUNNING),
        .backwards = pg_bool(rows, row, COLUMN_BACKWARDS),
        .plan = read_plan(rows, row, arena),
        .all_to = arm ? *arm : 0,
        .ended_how = arena_strdup(arena, pg_text(rows, row, COLUMN_HOW)),
        .ended_by = text_clean_dup(arena, pg_text(rows, row, COLUMN_ENDER)),
        .ended_at = arena_strdup(arena, pg_text(rows, row, COLUMN_ENDED_AT)),
        .ended_why = text_clean_dup(arena, pg_text(rows, row, COLUMN_REASON)),
        .segment_count = pg_int(rows, row, COLUMN_SEGMENTS),
        .results = pg_int(rows, row, COLUMN_RESULTS),
    };
    read_split(rows, row, &test);
    return test;
}

bool abtest_list_take(const struct pg_rows *rows, struct arena *arena, struct abtest **ret_tests,
                      size_t *ret_count, struct pare_error *err)
{
    int count = pg_row_count(rows);
    struct abtest *tests = arena_array(arena, (size_t)count + 1, sizeof(*tests));
    if (!tests)
        return error_no_memory(err, (size_t)count * sizeof(*tests));
    for (int i = 0; i < count; i++)
        tests[i] = read_test(rows, i, arena);
    *ret_tests = tests;
    *ret_count = (size_t)count;
    return true;
}

const char *abtest_list_sql(const struct registry *registry)
{
    bool knows = !registry_is_guest(registry) && registry->schema >= ABTEST_SCHEMA;
    return knows ? query_abtest_list : query_abtest_list_guest;
}

bool abtest_list(const struct registry *registry, int64_t id, const char *name, struct arena *arena,
                 struct abtest **ret_tests, size_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *there = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!registry_allows(registry, REGISTRY_LOOK, err) ||
        !pg_read(registry->pg, query_abtest_tables, PG_NO_ARGS, &there, err))
        return false;
    if (!pg_bool(there, 0, 0)) {
        *ret_tests = NULL;
        *ret_count = 0;
        return true;
    }
    if (!pg_read(registry->pg, abtest_list_sql(registry),
                 PG_ARGS(id > 0 ? PG_INT(id) : PG_NULL, PG_TEXT(name)), &rows, err)) {
        if (!strcmp(pg_sqlstate(registry->pg), "42501"))
            return error_set(err, PARE_ERR_REFUSED,
                             "the role %s may not read model_ab_tests; its owner can run: GRANT "
                             "SELECT ON model_ab_tests, model_test_results TO %s",
                             registry->role, registry->role_sql);
        return false;
    }
    return abtest_list_take(rows, arena, ret_tests, ret_count, err);
}

/* ---- the one that is meant ---- */

static bool only_one(const struct abtest *tests, size_t count, const char *text,
                     struct abtest *ret_test, struct pare_error *err)
{
    size_t running = 0, which = 0;
    for (size_t i = 0; i < count; i++) {
        if (!tests[i].running)
            continue;
        running++;
        which = i;
    }
    if (count > 1 && running != 1)
        return error_set(err, PARE_ERR_USAGE,
                         "%zu tests are called \"%s\": say which by its number (%lld, %lld%s)",
                         count, text, (long long)tests[0].id, (long long)tests[1].id,
                         count > 2 ? ", ..." : "");
    *ret_test = tests[which];
    return true;
}

bool abtest_find(const struct registry *registry, const char *text, struct arena *arena,
                 struct abtest *ret_test, struct pare_error *err)
{
    struct abtest *tests;
    size_t count = 0;
    int64_t id;
    if (text_to_int64(text, &id) && id > 0 &&
        !abtest_list(registry, id, NULL, arena, &tests, &count, err))
        return false;
    if (count == 0 && !abtest_list(registry, 0, text, arena, &tests, &count, err))
        return false;
    if (count == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "no test is called \"%.200s\"; see: pare ab list",
                         text);
    return only_one(tests, count, text, ret_test, err);
}

bool abtest_rate(const struct registry *registry, double *ret_rate, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_abtest_rate, PG_NO_ARGS, &rows, err))
        return false;
    *ret_rate = pg_number(rows, 0, 0);
    return true;
}
