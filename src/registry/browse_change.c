/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "registry/browse.h"
#include "registry/query.auto.h"

enum { CHANGES_MAX = 512, COLUMN_AFTER = VERSION_COLUMNS };

#define NONE_BEFORE INT64_MIN /* no row's id */

/* ---- asking ---- */

void browse_changes_init(struct browse_changes *changes, struct browse_words *words, int path_count)
{
    *changes = (struct browse_changes){ 0 };
    browse_list_init(&changes->rows, words, path_count);
}

void browse_changes_done(struct browse_changes *changes)
{
    browse_list_done(&changes->rows);
    free(changes->after);
    changes->after = NULL;
}

static bool take_change(void *data, const struct pg_rows *rows, struct pare_error *err)
{
    struct browse_changes *changes = data;
    size_t before = changes->rows.count;
    if (!changes->after)
        changes->after = calloc(CHANGES_MAX + 1, sizeof(*changes->after));
    if (!changes->after)
        changes->rows.no_memory = true;
    (void)browse_list_take(&changes->rows, rows, err);
    if (changes->rows.count > before && before <= CHANGES_MAX)
        changes->after[before] =
            pg_null(rows, 0, COLUMN_AFTER) ? NONE_BEFORE : pg_int(rows, 0, COLUMN_AFTER);
    return true;
}

void browse_ask_changes(struct browse_batch *batch, bool guest, const char *snapshot,
                        const char *const paths[VERSION_PATHS_MAX], struct browse_changes *changes)
{
    /* "xmin:xmax:...", each with its epoch, which the rows' own xmin has not. */
    unsigned long long oldest = strtoull(snapshot, NULL, 10);
    const char *xid = arena_printf(batch->arena, "%llu", oldest & UINT32_MAX);
    struct pg_statement *statement =
        browse_ask(batch, guest ? query_browse_changed_guest : query_browse_changed,
                   PG_ARGS(PG_TEXT(xid), PG_BOOL(false), PG_TEXT(paths[0]), PG_TEXT(paths[1]),
                           PG_TEXT(paths[2]), PG_TEXT(paths[3]), PG_INT(CHANGES_MAX + 1)));
    statement->on_row = take_change;
    statement->data = changes;
}

/* "rows/default events/measurements/lineage/artifacts", each beginning with a count; a guest's has the first alone. */
enum { STATE_ROWS, STATE_EVENTS, STATE_MEASUREMENTS, STATE_PARTS = 5 };

static const char *part_of(const char *state, int part, size_t *ret_length)
{
    for (; part > 0 && *state; part--) {
        state += strcspn(state, "/");
        state += *state == '/';
    }
    *ret_length = strcspn(state, "/");
    return state;
}

bool browse_pairs_differ(const char *state, const char *other)
{
    for (int part = STATE_EVENTS; part <= STATE_MEASUREMENTS; part++) {
        size_t length, other_length;
        const char *text = part_of(state, part, &length);
        const char *other_text = part_of(other, part, &other_length);
        if (length != other_length || strncmp(text, other_text, length) != 0)
            return true;
    }
    return false;
}

/* "count:sum:shape" of the rows: another table, or columns that came and went, touch no row's xmin. */
static const char *shape_of(const char *state, size_t *ret_length)
{
    state += strcspn(state, ":/");
    state += *state == ':';
    state += strcspn(state, ":/");
    *ret_length = strcspn(state, "/");
    return state;
}

/* What is not there any more has no xmin to find it by. */
static bool has_lost(const char *before, const char *now)
{
    size_t length, other_length;
    const char *shape = shape_of(before, &length), *other = shape_of(now, &other_length);
    if (length != other_length || strncmp(shape, other, length) != 0)
        return true;
    for (int part = STATE_EVENTS; part < STATE_PARTS; part++)
        if (strtoll(part_of(now, part, &length), NULL, 10) <
            strtoll(part_of(before, part, &length), NULL, 10))
            return true;
    return false;
}

/* ---- working in ---- */

enum { NOWHERE = BROWSE_NONE };

struct spot {
    int64_t id;
    uint32_t change;
    bool is_after; /* the id is of the row before the change, else of the changed row */
};

static int compare_spots(const void *a, const void *b)
{
    const struct spot *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

struct merge {
    struct browse_list *list;
    struct browse_changes *changes;
    struct spot *spots; /* by id: where in the list are these rows? */
    size_t spot_count;
    uint32_t *place; /* of each change: its row; of a new one the row it follows, NOWHERE: none */
    bool *is_new;
};

static void put_row(struct merge *m, size_t at, size_t change)
{
    struct browse_list *to = m->list;
    const struct browse_list *from = &m->changes->rows;
    to->rows[at] = from->rows[change];
    to->rows[at].model += (uint32_t)to->model_count & BROWSE_NONE; /* of both lists' models */
    for (int path = 0; path < to->path_count; path++)
        to->values[path][at] = from->values[path][change];
    if (to->held)
        to->held[at] = from->held ? from->held[change] : NAN;
}

static bool same_name(const struct merge *m, const struct browse_row *old,
                      const struct browse_row *now)
{
    return old->version == now->version &&
           m->list->models[old->model].name == m->changes->rows.models[now->model].name;
}

/* One pass over the list. False when a row has another name than before: it belongs elsewhere. */
static bool find_places(struct merge *m)
{
    for (size_t row = 0; row < m->list->count; row++) {
        struct spot key = { .id = m->list->rows[row].id };
        struct spot *spot = bsearch(&key, m->spots, m->spot_count, sizeof(key), compare_spots);
        if (!spot)
            continue;
        while (spot > m->spots && spot[-1].id == key.id)
            spot--;
        for (; spot < m->spots + m->spot_count && spot->id == key.id; spot++) {
            const struct browse_row *old = &m->list->rows[row];
            const struct browse_row *now = &m->changes->rows.rows[spot->change];
            if (!spot->is_after && !same_name(m, old, now))
                return false;
            if (!spot->is_after)
                m->is_new[spot->change] = false;
            if (!spot->is_after || m->is_new[spot->change])
                m->place[spot->change] = (uint32_t)row;
        }
    }
    return true;
}

/* Before which of the list's rows a new one stands. */
static size_t put_at(const struct merge *m, size_t change)
{
    return m->place[change] == NOWHERE ? 0 : m->place[change] + (size_t)1;
}

/* Rows of one name and version (nothing forbids them but a constraint) have no order among them. */
static bool stands_by_equal(const struct merge *m, size_t change)
{
    const struct browse_row *rows = m->changes->rows.rows;
    size_t at = put_at(m, change);
    if (at > 0 && same_name(m, &m->list->rows[at - 1], &rows[change]))
        return true;
    if (at < m->list->count && same_name(m, &m->list->rows[at], &rows[change]))
        return true;
    return change > 0 && rows[change - 1].model == rows[change].model &&
           rows[change - 1].version == rows[change].version;
}

/*
 * What follows a new row is behind the same old one. False when what a new row follows is not there,
 * or the list has another order than the server has now.
 */
static bool chain(struct merge *m, size_t *ret_new_count)
{
    size_t least = 0; /* where the next new one can be put */
    *ret_new_count = 0;
    for (size_t i = 0; i < m->changes->rows.count; i++) {
        int64_t after = m->changes->after[i];
        if (!m->is_new[i])
            continue;
        ++*ret_new_count;
        if (m->place[i] == NOWHERE && after != NONE_BEFORE) {
            if (i == 0 || m->changes->rows.rows[i - 1].id != after)
                return false;
            m->place[i] = m->place[i - 1]; /* NOWHERE stays: both come first */
        }
        if (put_at(m, i) < least || stands_by_equal(m, i))
            return false;
        least = put_at(m, i);
    }
    return true;
}

static void shift(struct browse_list *list, size_t from, size_t to, size_t count)
{
    memmove(list->rows + to, list->rows + from, count * sizeof(*list->rows));
    if (list->held)
        memmove(list->held + to, list->held + from, count * sizeof(*list->held));
    for (int i = 0; i < list->path_count; i++)
        memmove(list->values[i] + to, list->values[i] + from, count * sizeof(*list->values[i]));
}

/* New ones from the end, so that each row moves once. */
static void put_all(struct merge *m, size_t new_count)
{
    struct browse_list *list = m->list;
    size_t end = list->count, left = new_count;
    for (size_t i = 0; i < m->changes->rows.count; i++)
        if (!m->is_new[i])
            put_row(m, m->place[i], i);
    for (size_t i = m->changes->rows.count; i-- > 0;) {
        size_t at = put_at(m, i);
        if (!m->is_new[i])
            continue;
        shift(list, at, at + left, end - at);
        end = at;
        put_row(m, at + --left, i);
    }
    list->count += new_count;
}

static bool look_for_places(struct merge *m)
{
    for (uint32_t i = 0; i < m->changes->rows.count; i++) {
        m->place[i] = NOWHERE;
        m->is_new[i] = true;
        m->spots[m->spot_count++] = (struct spot){ m->changes->rows.rows[i].id, i, false };
        if (m->changes->after[i] != NONE_BEFORE)
            m->spots[m->spot_count++] = (struct spot){ m->changes->after[i], i, true };
    }
    qsort(m->spots, m->spot_count, sizeof(*m->spots), compare_spots);
    return find_places(m);
}

/* All is worked in; each row has its name by the models of both lists. */
static bool regroup(struct merge *m, size_t new_count)
{
    struct browse_list *list = m->list;
    const struct browse_list *from = &m->changes->rows;
    size_t both = list->model_count + from->model_count, room = both + 2 * new_count;
    struct browse_model *fresh = malloc((room + 1) * sizeof(*fresh));
    if (!fresh || !browse_list_reserve(list, list->count + new_count) ||
        (from->held && !browse_list_hold(list)) || !browse_list_reserve_models(list, both)) {
        free(fresh);
        return false;
    }
    if (from->model_count)
        memcpy(list->models + list->model_count, from->models,
               from->model_count * sizeof(*from->models));
    put_all(m, new_count);
    browse_list_regroup(list, fresh, room);
    return true;
}

static void widen(struct browse_list *list, const struct browse_list *from)
{
    list->widest_name = MAX(list->widest_name, from->widest_name);
    list->widest_version = MAX(list->widest_version, from->widest_version);
    list->widest_type = MAX(list->widest_type, from->widest_type);
    list->widest_optimization = MAX(list->widest_optimization, from->widest_optimization);
    for (int i = 0; i < list->path_count; i++) {
        list->widest_value[i] = MAX(list->widest_value[i], from->widest_value[i]);
        list->worded[i] |= from->worded[i];
    }
}

bool browse_apply(struct browse_list *list, struct browse_changes *changes, const char *before,
                  const char *state)
{
    size_t count = changes->rows.count, new_count = 0;
    struct spot spots[2 * CHANGES_MAX];
    uint32_t place[CHANGES_MAX];
    bool is_new[CHANGES_MAX];
    struct merge m = {
        .list = list, .changes = changes, .spots = spots, .place = place, .is_new = is_new
    };
    if (changes->rows.no_memory || count > CHANGES_MAX || has_lost(before, state) ||
        changes->rows.path_count != list->path_count)
        return false;
    if (count && (!look_for_places(&m) || !chain(&m, &new_count)))
        return false;
    if (strtoll(state, NULL, 10) != (int64_t)(list->count + new_count))
        return false; /* something was deleted */
    if (!regroup(&m, new_count))
        return false;
    widen(list, &changes->rows);
    return true;
}
