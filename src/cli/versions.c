/* SPDX-License-Identifier: MIT */
#include "cli/versions.h"

#include <math.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/visit.h"
#include "registry/goal.h"
#include "registry/order.h"

const struct sheet_column versions_columns[VERSIONS_COLUMNS] = {
    { "id", NULL, SHEET_NUMBER },
    { "name", "name", SHEET_TEXT },
    { "version", "version", SHEET_TEXT },
    { "model_type", "type", SHEET_TEXT },
    { "optimization", "opt", SHEET_TEXT },
    { "size_bytes", "size", SHEET_NUMBER },
    { "latency_ms", "latency", SHEET_NUMBER },
    { "accuracy", "accuracy", SHEET_NUMBER },
    { "is_default", "default", SHEET_BOOL },
    { "parent_id", NULL, SHEET_NUMBER },
    { "created_at", "created", SHEET_TEXT },
    { "config", NULL, SHEET_JSON },
    { "metrics", NULL, SHEET_JSON },
};

struct sheet_cell *versions_put(struct sheet *sheet, const struct version *v)
{
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_integer(sheet, v->id);
    cells[1] = sheet_text(v->name);
    cells[2] = sheet_text(v->version);
    cells[3] = sheet_text(v->model_type);
    cells[4] = sheet_text(v->optimization);
    cells[5] = sheet_number(sheet, v->size_bytes, sheet_size(sheet, v->size_bytes));
    cells[6] = sheet_number(sheet, v->latency_ms, sheet_latency(sheet, v->latency_ms));
    cells[7] = sheet_number(sheet, v->accuracy, sheet_accuracy(sheet, v->accuracy));
    cells[8] = sheet_bool(v->is_default, "*");
    cells[9] = v->parent_id ? sheet_integer(sheet, v->parent_id) : (struct sheet_cell){ 0 };
    cells[10] = sheet_time(sheet, v->created_at);
    cells[11] = sheet_json(sheet, v->config);
    cells[12] = sheet_json(sheet, v->metrics);
    return cells;
}

const struct version *versions_default(const struct catalog_list *list, size_t index)
{
    const char *name = list->versions[index].raw_name;
    size_t from = index, to = index;
    while (from > 0 && !strcmp(list->versions[from - 1].raw_name, name))
        from--;
    while (to < list->count && !strcmp(list->versions[to].raw_name, name)) {
        if (list->versions[from].is_default)
            return &list->versions[from];
        to = ++from;
    }
    return NULL;
}

/* The rows come by name: each model's default is looked up once. */
static size_t keep_matching(const struct filter *filter, const struct catalog_list *list,
                            const struct version **kept)
{
    const struct version *dflt = NULL;
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct version *version = &list->versions[i];
        bool new_name = i == 0 || strcmp(version->raw_name, list->versions[i - 1].raw_name) != 0;
        if (filter->uses_default && new_name)
            dflt = versions_default(list, i);
        if (filter_test(filter, version, dflt) == FILTER_YES)
            kept[count++] = version;
    }
    return count;
}

static const struct browse_alike *find_pair(const struct browse_alike *pairs, size_t count,
                                            int64_t id)
{
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (pairs[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < count && pairs[from].id == id ? &pairs[from] : NULL;
}

static bool judge_goal(const struct visit *visit, const struct filter *goal, struct arena *arena,
                       struct catalog_list *list, struct pare_error *err)
{
    const struct version *dflt = NULL;
    struct browse_alike *pairs = NULL;
    size_t count = 0;
    if (goal->count == 0)
        return true;
    if (goal->uses_default && !goal_read_pairs(&visit->registry, arena, &pairs, &count, err))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        struct version *version = &list->versions[i];
        bool new_name = i == 0 || strcmp(version->raw_name, list->versions[i - 1].raw_name) != 0;
        if (new_name)
            dflt = versions_default(list, i);
        version->goal =
            goal_test(goal, version, dflt, dflt ? find_pair(pairs, count, version->id) : NULL);
    }
    return true;
}

bool versions_get(const struct visit *visit, const struct versions_query *query,
                  struct arena *arena, const struct version ***ret_versions, size_t *ret_count,
                  struct columns *ret_columns, struct pare_error *err)
{
    struct field_paths paths = { 0 };
    struct columns columns = { 0 };
    struct filter filter, goal;
    struct order order;
    struct catalog_list list;
    if (!filter_parse(query->filter ? query->filter : "", &paths, arena, &filter, NULL, err) ||
        !goal_parse(query->goal ? query->goal : "", &paths, arena, &goal, NULL, err) ||
        !order_parse(query->sort ? query->sort : "", &paths, arena, &order, err) ||
        (query->columns && !columns_parse(query->columns, &paths, arena, &columns, err)))
        return false;
    bool as_stored = filter.count == 0 && order.count == 0 && goal.count == 0;
    struct catalog_query wanted = { .name = query->name,
                                    .with_json = query->with_json,
                                    .limit = as_stored ? query->limit : 0 };
    memcpy(wanted.paths, paths.paths, sizeof(wanted.paths));
    if (!catalog_list(&visit->registry, &wanted, arena, &list, err) ||
        !judge_goal(visit, &goal, arena, &list, err))
        return false;
    const struct version **kept = arena_array(arena, list.count + 1, sizeof(struct version *));
    if (!kept)
        return error_no_memory(err, list.count * sizeof(*kept));
    size_t count = keep_matching(&filter, &list, kept);
    if (!order_sort(&order, kept, count, err))
        return false;
    if (ret_columns)
        *ret_columns = columns;
    *ret_versions = kept;
    *ret_count = query->limit && count > (size_t)query->limit ? (size_t)query->limit : count;
    return true;
}
