/* SPDX-License-Identifier: MIT */
#include "registry/goal.h"

#include <math.h>

#include "base/error.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

bool goal_is_asked(const struct filter *filter)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter_term_field(filter, i)->kind == FIELD_GOAL)
            return true;
    return false;
}

bool goal_parse(const char *text, struct field_paths *paths, struct arena *arena,
                struct filter *ret_goal, size_t *ret_column, struct pare_error *err)
{
    struct filter goal;
    if (!filter_parse(text, paths, arena, &goal, ret_column, err))
        return false;
    if (goal_is_asked(&goal)) {
        if (ret_column)
            *ret_column = 1;
        return error_set(err, PARE_ERR_USAGE,
                         "a goal cannot ask for the goal: a condition such as lat<=default*.5 was "
                         "expected");
    }
    *ret_goal = goal;
    return true;
}

/* Two that agree, or nothing. */
static enum filter_answer both(enum filter_answer one, enum filter_answer other)
{
    return one == other ? one : FILTER_UNDECIDED;
}

/*
 * Both sides as they were measured together; what was not is absent. Where one job judged both, the
 * answer holds for its whole interval, or there is none.
 */
static enum filter_answer test_alike(const struct filter *goal, size_t term,
                                     const struct version *version, const struct version *dflt,
                                     const struct browse_alike *alike)
{
    if (!alike || !dflt)
        return FILTER_UNDECIDED;
    struct version left = *version, right = *dflt;
    left.latency_ms = alike->latency_ms;
    left.accuracy = alike->accuracy;
    right.latency_ms = alike->base_latency_ms;
    right.accuracy = alike->base_accuracy;
    enum filter_answer answer = filter_test_term(goal, term, &left, &right);
    const double changes[] = { alike->change.low, alike->change.high };
    const double ratios[] = { alike->ratio.low, alike->ratio.high };
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        if (!isnan(changes[i]))
            left.accuracy = alike->base_accuracy + changes[i];
        if (!isnan(ratios[i]))
            left.latency_ms = alike->base_latency_ms * ratios[i];
        answer = both(answer, filter_test_term(goal, term, &left, &right));
    }
    return answer;
}

enum version_goal goal_test(const struct filter *goal, const struct version *version,
                            const struct version *dflt, const struct browse_alike *alike)
{
    enum version_goal all = VERSION_GOAL_YES;
    if (goal->count == 0)
        return VERSION_GOAL_NONE;
    if (version->is_default)
        return VERSION_GOAL_ITSELF;
    for (size_t i = 0; i < goal->count; i++) {
        enum field_kind kind = filter_term_field(goal, i)->kind;
        bool measured = kind == FIELD_LATENCY || kind == FIELD_ACCURACY;
        enum filter_answer one = measured && filter_term_uses_default(goal, i)
                                     ? test_alike(goal, i, version, dflt, alike)
                                     : filter_test_term(goal, i, version, dflt);
        if (one == FILTER_NO)
            return VERSION_GOAL_NO;
        if (one == FILTER_UNDECIDED)
            all = VERSION_GOAL_UNDECIDED;
    }
    return all;
}

static bool uses_created(const struct filter *goal)
{
    for (size_t i = 0; i < goal->count; i++)
        if (filter_term_field(goal, i)->kind == FIELD_CREATED)
            return true;
    return false;
}

enum version_goal goal_of_row(const struct filter *goal, const struct browse_list *list, size_t row)
{
    struct version version, dflt;
    char created[BROWSE_TIME_ROOM];
    if (goal->count == 0)
        return VERSION_GOAL_NONE;
    if (list->rows[row].is_default)
        return VERSION_GOAL_ITSELF;
    const struct browse_row *base = browse_base(list, &list->rows[row]);
    bool has_default = base && base->is_default;
    browse_version(list, row, uses_created(goal) ? created : NULL, &version);
    if (has_default && goal->uses_default)
        browse_version(list, (size_t)(base - list->rows), NULL, &dflt);
    return goal_test(goal, &version, has_default && goal->uses_default ? &dflt : NULL,
                     has_default ? browse_alike(list, version.id) : NULL);
}

/* ---- the pairs of a registry ---- */

bool goal_read_pairs(const struct registry *registry, struct arena *arena,
                     struct browse_alike **ret_pairs, size_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    *ret_pairs = NULL;
    *ret_count = 0;
    if (registry_is_guest(registry))
        return true;
    if (!pg_read(registry->pg, query_browse_alike, NULL, 0, &rows, err))
        return false;
    size_t count = (size_t)pg_row_count(rows);
    struct browse_alike *pairs = arena_array(arena, count + 1, sizeof(*pairs));
    if (!pairs)
        return error_no_memory(err, count * sizeof(*pairs));
    for (size_t i = 0; i < count; i++)
        pairs[i] = browse_read_alike(rows, (int)i);
    *ret_pairs = pairs;
    *ret_count = count;
    return true;
}
