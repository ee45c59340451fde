/* SPDX-License-Identifier: MIT */
#include "tui/sift.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/order.h"

static const struct {
    const char *word, *title;
    bool descending;
} keys[SIFT_COUNT] = {
#define SIFT_ENTRY(name, word, title, descending) { word, title, descending },
    SIFT_KEYS(SIFT_ENTRY)
#undef SIFT_ENTRY
};

void sift_done(struct sift *sift)
{
    arena_done(&sift->good.arena);
    arena_done(&sift->next.arena);
    free(sift->index);
    *sift = (struct sift){ 0 };
}

const char *sift_word(enum sift_key key)
{
    return keys[key].word;
}

const char *sift_title(enum sift_key key)
{
    return keys[key].title;
}

bool sift_is_descending(const struct sift *sift)
{
    return keys[sift->key].descending != sift->turned;
}

/* ---- the order ---- */

struct order_by {
    const struct browse_list *list;
    enum sift_key key;
    bool descending;
};

static double number_of(const struct browse_row *row, enum sift_key key)
{
    switch (key) {
    case SIFT_SIZE:
        return row->size_bytes;
    case SIFT_LATENCY:
        return row->latency_ms;
    case SIFT_ACCURACY:
        return row->accuracy;
    default:
        return row->created_at ? row->created_at : NAN;
    }
}

/* Absent last in both directions; equals as the server has them. */
static int compare(const void *a, const void *b, void *data)
{
    const struct order_by *by = data;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int order = 0;
    if (by->key != SIFT_NAME) {
        double x = number_of(&by->list->rows[left], by->key);
        double y = number_of(&by->list->rows[right], by->key);
        if (isnan(x) != isnan(y))
            return isnan(x) ? 1 : -1;
        order = (x > y) - (x < y);
    } else {
        order = (left > right) - (left < right);
    }
    if (order)
        return by->descending ? -order : order;
    return (left > right) - (left < right);
}

static bool in_order_already(const struct sift *sift)
{
    return sift->key == SIFT_NAME && !sift_is_descending(sift);
}

static void sort(struct sift *sift, const struct rows *rows)
{
    struct order_by by = { rows->list, sift->key, sift_is_descending(sift) };
    if (sift->count > 1)
        qsort_r(sift->index, sift->count, sizeof(*sift->index), compare, &by);
}

/* ---- the filter ---- */

static bool uses_created(const struct filter *filter)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter_term_field(filter, i)->kind == FIELD_CREATED)
            return true;
    return false;
}

static bool grow(struct sift *sift, size_t count)
{
    if (count <= sift->room)
        return true;
    size_t room = MAX(count, 2 * sift->room);
    uint32_t *index = realloc(sift->index, room * sizeof(*index));
    if (!index)
        return false;
    sift->index = index;
    sift->room = room;
    return true;
}

static void judge(struct sift *sift, const struct browse_list *list)
{
    const struct filter *filter = &sift->good.filter;
    struct version version, dflt;
    char created[BROWSE_TIME_ROOM], *time = uses_created(filter) ? created : NULL;
    const struct browse_row *dflt_row = NULL;
    if (!grow(sift, sift->count + list->count - sift->seen))
        return;
    for (size_t i = sift->seen; i < list->count; i++) {
        const struct browse_row *row = &list->rows[i];
        if (filter->count == 0) {
            sift->index[sift->count++] = (uint32_t)i;
            continue;
        }
        const struct browse_row *base = browse_base(list, row);
        bool has_default = base && base->is_default;
        if (filter->uses_default && has_default && dflt_row != base) {
            dflt_row = base;
            browse_version(list, (size_t)(base - list->rows), NULL, &dflt);
        }
        browse_version(list, i, time, &version);
        if (filter_test(filter, &version, has_default ? &dflt : NULL) == FILTER_YES)
            sift->index[sift->count++] = (uint32_t)i;
    }
    sift->seen = list->count;
}

static void judge_all(struct sift *sift, const struct rows *rows)
{
    sift->count = sift->seen = 0;
    sift->generation = rows->generation;
    judge(sift, rows->list);
    if (!in_order_already(sift))
        sort(sift, rows);
}

static void adopt(struct sift *sift)
{
    arena_done(&sift->good.arena);
    sift->good = sift->next;
    sift->next = (struct sift_parsed){ 0 };
    sift->waiting = false;
}

bool sift_type(struct sift *sift, struct rows *rows, const char *text)
{
    struct sift_parsed parsed = { 0 };
    sift->error.code = PARE_OK;
    if (!filter_parse(text, &parsed.paths, &parsed.arena, &parsed.filter, &sift->error_column,
                      &sift->error)) {
        arena_done(&parsed.arena);
        return false;
    }
    snprintf(parsed.text, sizeof(parsed.text), "%s", text);
    arena_done(&sift->next.arena);
    sift->next = parsed;
    sift->waiting = !rows_want_paths(rows, &parsed.paths);
    if (sift->waiting)
        return false;
    adopt(sift);
    judge_all(sift, rows);
    return true;
}

bool sift_update(struct sift *sift, struct rows *rows)
{
    bool other_filter = sift->waiting && rows_want_paths(rows, &sift->next.paths);
    if (other_filter)
        adopt(sift);
    /* The last model of a stream has no base yet: what speaks of the default is judged again. */
    bool late = sift->good.filter.uses_default && sift->seen != rows->list->count;
    bool unsorted = !in_order_already(sift) && sift->seen != rows->list->count;
    if (other_filter || sift->generation != rows->generation || late || unsorted) {
        judge_all(sift, rows);
        return true;
    }
    judge(sift, rows->list);
    return false;
}

void sift_sort(struct sift *sift, struct rows *rows, enum sift_key key, bool turned)
{
    sift->key = key;
    sift->turned = turned;
    judge_all(sift, rows);
}
