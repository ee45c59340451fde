/* SPDX-License-Identifier: MIT */
#include "tui/sift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tui/shell.h"
#include "tui/sorting.h"

void sift_init(struct sift *sift)
{
    *sift = (struct sift){ 0 };
    shape_default(&sift->good.wish.shape);
    for (int i = 0; i < sift->good.wish.shape.count; i++) {
        struct field_paths none = { 0 };
        const char *word = sift->good.wish.shape.columns[i].word;
        struct pare_error err;
        if (!field_find(word, strlen(word), &none, &sift->good.arena, &sift->good.fields[i], &err))
            abort(); /* a few bytes: nothing would work without them */
    }
}

void sift_done(struct sift *sift)
{
    arena_done(&sift->good.arena);
    arena_done(&sift->next.arena);
    free(sift->index);
    *sift = (struct sift){ 0 };
}

/* ---- the list ---- */

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

static bool holds(const struct sift_parsed *good, const struct browse_list *list, size_t at,
                  struct version *version, const struct version *dflt)
{
    if (good->filter_asks_goal)
        version->goal = goal_of_row(&good->goal, list, at);
    return filter_test(&good->filter, version, dflt) == FILTER_YES;
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
        if (holds(&sift->good, list, i, &version, has_default ? &dflt : NULL))
            sift->index[sift->count++] = (uint32_t)i;
    }
    sift->seen = list->count;
}

static void sort(struct sift *sift, const struct rows *rows)
{
    sift->arranged++;
    if (!sorting(rows->list, &sift->good.goal, &sift->good.order, sift->index, sift->count))
        sift->good.order.count = 0; /* memory ended: at least it does not say that it is sorted */
    else if (rows->is_ahead)
        sift->count = browse_ahead_known(rows->list, &sift->good.order, sift->index, sift->count);
}

static void judge_all(struct sift *sift, const struct rows *rows)
{
    sift->count = sift->seen = 0;
    sift->generation = rows->generation;
    sift->arranged++;
    judge(sift, rows->list);
    if (sift->good.order.count > 0)
        sort(sift, rows);
}

/* ---- wishes ---- */

/* The columns' JSON values come first, so that a filter being typed does not move them about. */
static bool parse(const struct sift_wish *wish, struct sift_parsed *parsed, size_t *ret_column,
                  struct pare_error *err)
{
    *parsed = (struct sift_parsed){ .wish = *wish };
    struct sift_wish *own = &parsed->wish;
    *ret_column = 0;
    for (int i = 0; i < own->shape.count; i++) {
        const char *word = own->shape.columns[i].word;
        if (!field_find(word, strlen(word), &parsed->paths, &parsed->arena, &parsed->fields[i],
                        err))
            return false;
    }
    parsed->goal_field = (struct field){ .kind = FIELD_GOAL, .word = "goal" };
    if (!order_parse(own->sort, &parsed->paths, &parsed->arena, &parsed->order, err) ||
        !goal_parse(own->goal, &parsed->paths, &parsed->arena, &parsed->goal, ret_column, err) ||
        !filter_parse(own->filter, &parsed->paths, &parsed->arena, &parsed->filter, ret_column,
                      err))
        return false;
    parsed->filter_asks_goal = goal_is_asked(&parsed->filter);
    return true;
}

static bool same_paths(const struct field_paths *a, const struct field_paths *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++)
        same = !strcmp(a->words[i], b->words[i]);
    return same;
}

static bool sorts_by_goal(const struct order *order)
{
    for (size_t i = 0; i < order->count; i++)
        if (order->keys[i].field.kind == FIELD_GOAL)
            return true;
    return false;
}

/* What waited comes into force; what has not changed is not done again. */
static bool adopt(struct sift *sift, const struct rows *rows)
{
    bool other_goal = strcmp(sift->good.wish.goal, sift->next.wish.goal) != 0;
    bool other_rows = strcmp(sift->good.wish.filter, sift->next.wish.filter) != 0 ||
                      !same_paths(&sift->good.paths, &sift->next.paths) ||
                      sift->generation != rows->generation ||
                      (other_goal && sift->next.filter_asks_goal);
    bool other_order = strcmp(sift->good.wish.sort, sift->next.wish.sort) != 0 ||
                       (other_goal && sorts_by_goal(&sift->next.order));
    arena_done(&sift->good.arena);
    sift->good = sift->next;
    sift->next = (struct sift_parsed){ 0 };
    sift->waiting = false;
    if (other_rows)
        judge_all(sift, rows);
    else if (other_order)
        sort(sift, rows);
    return other_rows || other_order;
}

static bool want(struct sift *sift, struct rows *rows, const struct sift_wish *wish,
                 size_t *ret_column, bool *ret_other, struct pare_error *err)
{
    struct sift_parsed parsed;
    if (!parse(wish, &parsed, ret_column, err)) {
        arena_done(&parsed.arena);
        return false;
    }
    arena_done(&sift->next.arena);
    sift->next = parsed;
    rows_end_ahead(rows); /* it was for the wish before */
    sift->waiting = !rows_want_paths(rows, &sift->next.paths);
    *ret_other = !sift->waiting && adopt(sift, rows);
    return true;
}

bool sift_type(struct sift *sift, struct rows *rows, enum sift_typed typed, const char *text)
{
    struct sift_wish wish = *sift_wish(sift);
    bool other = false;
    sift->error.code = PARE_OK;
    snprintf(typed == SIFT_GOAL ? wish.goal : wish.filter, SIFT_TEXT_MAX, "%s", text);
    (void)!want(sift, rows, &wish, &sift->error_column, &other, &sift->error);
    return other;
}

bool sift_want(struct sift *sift, struct rows *rows, const struct sift_wish *wish,
               struct pare_error *err)
{
    struct sift_wish copy = *wish; /* it may be our own */
    size_t column;
    bool other;
    return want(sift, rows, &copy, &column, &other, err);
}

const struct sift_wish *sift_wish(const struct sift *sift)
{
    return sift->waiting ? &sift->next.wish : &sift->good.wish;
}

const struct order *sift_order(const struct sift *sift)
{
    return sift->waiting ? &sift->next.order : &sift->good.order;
}

bool sift_update(struct sift *sift, struct rows *rows)
{
    if (sift->waiting && rows_want_paths(rows, &sift->next.paths))
        adopt(sift, rows);
    /* The last model of a stream has no base yet: what speaks of the default is judged again. */
    bool late = (sift->good.filter.uses_default || sift->good.filter_asks_goal) &&
                sift->seen != rows->list->count;
    unsigned arranged = sift->arranged;
    size_t seen = sift->seen;
    if (sift->generation != rows->generation || late) {
        judge_all(sift, rows);
        return true;
    }
    judge(sift, rows->list);
    if (sift->good.order.count > 0 && sift->seen != seen)
        sort(sift, rows);
    return sift->arranged != arranged;
}

/* ---- sort keys ---- */

static const char as_listed_turned[] = "name:desc,version:desc";

int sift_sort_place(const struct sift *sift, const struct field *field, bool *ret_descending)
{
    const struct order *order = &sift->good.order;
    for (size_t i = 0; i < order->count; i++) {
        const struct field *key = &order->keys[i].field;
        if (key->kind != field->kind || (key->kind == FIELD_JSON && key->slot != field->slot))
            continue;
        *ret_descending = order->keys[i].descending;
        return (int)i + 1;
    }
    return 0;
}

/* What is good comes first: the most accurate, the newest, the smallest. */
static bool begins_descending(const char *word)
{
    return !strcmp(word, "accuracy") || !strcmp(word, "created") || !strcmp(word, "goal");
}

static bool is_key(const char *key, size_t length, const char *word)
{
    size_t name = strcspn(key, ":,");
    return strlen(word) == MIN(name, length) && !strncmp(key, word, strlen(word));
}

static bool is_descending(const char *key, size_t length)
{
    return length >= 5 && !strncmp(key + length - 5, ":desc", 5);
}

void sift_sort_first(const struct sift_wish *wish, const char *word, bool keep_others,
                     char to[SIFT_TEXT_MAX])
{
    struct buf buf;
    bool descending = begins_descending(word);
    size_t first = strcspn(wish->sort, ","), count = 1;
    buf_init(&buf, SIFT_TEXT_MAX - 1);
    if (is_key(wish->sort, first, word))
        descending = !is_descending(wish->sort, first);
    buf_printf(&buf, "%s%s", word, descending ? ":desc" : "");
    for (const char *at = wish->sort; keep_others && *at && count < ORDER_KEYS_MAX;) {
        size_t length = strcspn(at, ",");
        if (!is_key(at, length, word) && buf.length + length + 1 < SIFT_TEXT_MAX - 1) {
            buf_printf(&buf, ",%.*s", (int)length, at);
            count++;
        }
        at += length + (at[length] == ',');
    }
    snprintf(to, SIFT_TEXT_MAX, "%s", buf_string(&buf));
    buf_done(&buf);
}

/* A column whose numbers one goes through; names are sorted by in the choice of columns. */
static bool is_counted(const char *word)
{
    return strcmp(word, "name") != 0 && strcmp(word, "version") != 0 && strcmp(word, "type") != 0 &&
           strcmp(word, "opt") != 0 && strcmp(word, "goal") != 0;
}

void sift_sort_next(const struct sift_wish *wish, char to[SIFT_TEXT_MAX])
{
    const char *words[SHAPE_COLUMNS_MAX + 2];
    int count = 0, next = 0;
    for (int i = 0; i < wish->shape.count; i++)
        if (is_counted(wish->shape.columns[i].word))
            words[count++] = wish->shape.columns[i].word;
    if (*wish->goal)
        words[count++] = "goal";
    if (shape_find(&wish->shape, "created") < 0)
        words[count++] = "created";
    size_t length = strcspn(wish->sort, ":,");
    for (int i = 0; i < count; i++)
        if (strlen(words[i]) == length && !strncmp(words[i], wish->sort, length))
            next = i + 1;
    to[0] = '\0';
    if (next < count)
        sift_sort_first(wish, words[next], false, to);
}

void sift_sort_turned(const struct sift_wish *wish, char to[SIFT_TEXT_MAX])
{
    char word[SIFT_TEXT_MAX];
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(wish->sort, ":,"), wish->sort);
    if (!*word)
        snprintf(to, SIFT_TEXT_MAX, "%s", as_listed_turned);
    else if (!strcmp(wish->sort, as_listed_turned))
        to[0] = '\0';
    else
        sift_sort_first(wish, word, true, to);
}

void sift_put_command(const struct sift *sift, struct buf *buf)
{
    const struct sift_wish *wish = &sift->good.wish;
    struct shape usual;
    shape_default(&usual);
    buf_text(buf, wish->group ? "pare list --group" : "pare list");
    if (*wish->filter) {
        buf_text(buf, " --filter ");
        shell_quote(buf, wish->filter);
    }
    if (*wish->goal) {
        buf_text(buf, " --goal ");
        shell_quote(buf, wish->goal);
    }
    if (*wish->sort) {
        buf_text(buf, " --sort ");
        shell_quote(buf, wish->sort);
    }
    if (!shape_equal(&wish->shape, &usual)) {
        struct buf columns;
        buf_init(&columns, SHAPE_TEXT_MAX);
        shape_put(&wish->shape, false, &columns);
        buf_text(buf, " --columns ");
        shell_quote(buf, buf_string(&columns));
        buf_done(&columns);
    }
}
