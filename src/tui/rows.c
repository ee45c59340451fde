/* SPDX-License-Identifier: MIT */
#include "tui/rows.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_MS = 1500, PROBE_MAX_MS = 10000, PAGE_ROWS = 128, RETRY_MS = 5000 };

void rows_init(struct rows *rows, struct link *link)
{
    *rows = (struct rows){ .link = link };
    browse_list_init(&rows->shown, &rows->words, 0);
    browse_list_init(&rows->coming, &rows->words, 0);
    browse_changes_init(&rows->changes, &rows->words, 0);
    rows->list = &rows->shown;
}

void rows_done(struct rows *rows)
{
    link_forget(rows->link, rows);
    browse_list_done(&rows->shown);
    browse_list_done(&rows->coming);
    browse_changes_done(&rows->changes);
    browse_words_done(&rows->words);
    arena_done(&rows->wanted_arena);
    arena_done(&rows->loaded_arena);
    free(rows->snapshot);
    free(rows->state);
}

static void keep(char **kept, const struct pg_rows *rows)
{
    const char *text = rows && pg_row_count(rows) > 0 ? pg_text(rows, 0, 0) : NULL;
    free(*kept);
    *kept = text ? strdup(text) : NULL;
}

static bool same(const char *kept, const struct pg_rows *rows)
{
    const char *text = pg_row_count(rows) > 0 ? pg_text(rows, 0, 0) : NULL;
    return kept && text && !strcmp(kept, text);
}

static bool is_guest(const struct rows *rows)
{
    return registry_is_guest(&rows->link->registry);
}

static void look_at(struct rows *rows, const struct browse_list *list)
{
    rows->list = list;
    rows->generation++;
    rows->changed = true;
}

static void now_fresh(struct rows *rows)
{
    /* A list that changes all the time is read a third of the time at most. */
    int64_t pause = MAX((int64_t)PROBE_MS, 2 * rows->load_took_ms);
    rows->changed |= !rows->fresh;
    rows->fresh = true;
    rows->fresh_ms = rows->now_ms;
    rows->probe_ms = rows->now_ms + MIN(pause, (int64_t)PROBE_MAX_MS);
}

/* ---- loading ---- */

enum { ANSWER_SNAPSHOT };

static void end_load(struct rows *rows, struct pg_rows *const *answers)
{
    browse_list_end(&rows->coming);
    keep(&rows->snapshot, answers[ANSWER_SNAPSHOT]);
    if (!rows->no_state)
        keep(&rows->state, answers[rows->state_at]);
    browse_list_done(&rows->shown);
    rows->shown = rows->coming;
    rows->shown_paths = rows->coming_paths;
    browse_list_init(&rows->coming, &rows->words, 0);
    rows->whole = true;
    rows->is_ahead = rows->owed = false;
    rows->load_took_ms = rows->now_ms - rows->load_start_ms;
    look_at(rows, &rows->shown);
    now_fresh(rows);
}

static void loaded(void *owner, struct request *request, struct pg_rows *const *answers,
                   const struct pare_error *err)
{
    struct rows *rows = owner;
    (void)request;
    rows->loading = false;
    rows->changed = true;
    if (!err && rows->coming.no_memory) {
        rows->error = (struct pare_error){ .code = PARE_ERR_MEMORY, .text = "out of memory" };
        err = &rows->error;
    }
    if (!err) {
        rows->error.code = PARE_OK;
        end_load(rows, answers);
        return;
    }
    if (rows->list == &rows->coming) { /* half a list is better than none: keep what came */
        browse_list_end(&rows->coming);
        browse_list_done(&rows->shown);
        rows->shown = rows->coming;
        rows->shown_paths = rows->coming_paths;
        look_at(rows, &rows->shown);
    } else {
        browse_list_done(&rows->coming);
    }
    browse_list_init(&rows->coming, &rows->words, rows->loaded.count);
    rows->fresh = false;
    rows->owed = true;
    rows->probe_ms = rows->now_ms + (err->code == PARE_ERR_NO_DATABASE ? 0 : RETRY_MS);
    if (err->code == PARE_ERR_REFUSED && !rows->no_state) {
        rows->no_state = true; /* SELECT on some columns only: system columns stay closed */
        rows->probe_ms = rows->now_ms;
    } else if (err->code != PARE_ERR_NO_DATABASE) {
        rows->error = *err;
    }
}

static void copy_paths(const struct field_paths *from, struct arena *arena, struct field_paths *to)
{
    struct arena fresh = { 0 };
    struct field_paths copy = { .count = from->count };
    for (int i = 0; i < copy.count; i++) {
        copy.paths[i] = arena_strdup(&fresh, from->paths[i]);
        copy.words[i] = arena_strdup(&fresh, from->words[i]);
    }
    arena_done(arena);
    *arena = fresh;
    *to = copy;
}

static void begin_coming(struct rows *rows)
{
    copy_paths(&rows->wanted, &rows->loaded_arena, &rows->loaded);
    rows->coming_paths++;
    browse_list_done(&rows->coming);
    browse_list_init(&rows->coming, &rows->words, rows->loaded.count);
    rows->loading = true;
    rows->load_start_ms = rows->now_ms;
}

static void load(struct rows *rows)
{
    struct request *request = link_request(rows, loaded);
    bool guest = is_guest(rows);
    if (!request)
        return;
    begin_coming(rows);
    browse_ask_snapshot(&request->batch);
    if (rows->list->count == 0) {
        browse_list_done(&rows->shown);
        browse_list_init(&rows->shown, &rows->words, rows->loaded.count);
        rows->shown_paths = rows->coming_paths;
        browse_ask_list(&request->batch, guest, PAGE_ROWS, rows->loaded.paths, &rows->shown);
    }
    browse_ask_quiet(&request->batch);
    rows->state_at = request->batch.count;
    if (!rows->no_state)
        browse_ask_state(&request->batch, guest);
    browse_ask_list(&request->batch, guest, 0, rows->loaded.paths, &rows->coming);
    if (!guest)
        browse_ask_alike(&request->batch, &rows->coming);
    rows->again = false;
    link_send(rows->link, request);
}

/* What came goes to be looked at; where it is not all that was meant, the whole list goes without it. */
static void ahead_came(void *owner, struct request *request, struct pg_rows *const *answers,
                       const struct pare_error *err)
{
    struct rows *rows = owner;
    (void)request, (void)answers;
    rows->loading = false;
    bool right = !err && !rows->coming.no_memory && rows->coming.count > 0 &&
                 rows->coming.count <= BROWSE_AHEAD_LIST_MAX && rows->ahead.count > 0;
    rows->ahead.count = 0;
    if (!right) {
        browse_list_done(&rows->coming);
        return;
    }
    browse_list_end(&rows->coming);
    browse_list_done(&rows->shown);
    rows->shown = rows->coming;
    rows->shown_paths = rows->coming_paths;
    browse_list_init(&rows->coming, &rows->words, rows->loaded.count);
    rows->is_ahead = true;
    rows->fresh_ms = rows->now_ms;
    look_at(rows, &rows->shown);
}

static void ask_ahead(struct rows *rows)
{
    struct request *request = link_request(rows, ahead_came);
    if (!request)
        return;
    begin_coming(rows);
    browse_ask_quiet(&request->batch);
    browse_ask_ahead(&request->batch, is_guest(rows), &rows->ahead, rows->loaded.paths,
                     &rows->coming);
    if (!is_guest(rows))
        browse_ask_alike(&request->batch, &rows->coming);
    link_send(rows->link, request);
}

void rows_begin_with(struct rows *rows, const struct browse_ahead *ahead)
{
    if (!rows->loading && rows->list->count == 0)
        rows->ahead = *ahead;
}

void rows_end_ahead(struct rows *rows)
{
    rows->ahead.count = 0;
    if (rows->is_ahead)
        look_at(rows, rows->list);
    rows->is_ahead = false;
}

const struct browse_list *rows_counted(const struct rows *rows)
{
    return rows->is_ahead ? &rows->coming : rows->list;
}

/*
 * While nothing has been whole yet, the longer of the two lists is the one to look at; of what comes ahead only
 * all of it is in order.
 */
static void look_at_longer(struct rows *rows)
{
    if (rows->whole || !rows->loading || rows->is_ahead || rows->ahead.count > 0)
        return;
    if (rows->list == &rows->shown && rows->coming.count > rows->shown.count)
        look_at(rows, &rows->coming);
    rows->changed = true;
}

/* ---- what has changed since ---- */

static struct request *request_quietly(struct rows *rows, request_fn *done)
{
    struct request *request = link_request(rows, done);
    if (!request)
        return NULL;
    browse_ask_snapshot(&request->batch);
    browse_ask_quiet(&request->batch);
    rows->state_at = request->batch.count;
    return request;
}

static void pairs_came(void *owner, struct request *request, struct pg_rows *const *answers,
                       const struct pare_error *err)
{
    struct rows *rows = owner;
    (void)request, (void)answers;
    rows->loading = false;
    if (err || rows->coming.no_memory) {
        browse_list_done(&rows->coming);
        rows->again = true;
        rows->probe_ms = rows->now_ms + RETRY_MS;
        return;
    }
    rows->load_took_ms = rows->now_ms - rows->load_start_ms;
    browse_take_pairs(&rows->shown, &rows->coming);
    look_at(rows, &rows->shown);
    now_fresh(rows);
}

static void ask_pairs(struct rows *rows)
{
    struct request *request = request_quietly(rows, pairs_came);
    if (!request)
        return;
    browse_ask_alike(&request->batch, &rows->coming);
    rows->loading = true;
    link_send(rows->link, request);
}

/* False: the list has to be read as a whole. */
static bool work_in(struct rows *rows, struct pg_rows *const *answers)
{
    const struct pg_rows *answer = answers[rows->state_at];
    const char *state = pg_row_count(answer) > 0 ? pg_text(answer, 0, 0) : "";
    bool pairs = browse_pairs_differ(rows->state, state) ||
                 (rows->shown.alike_count && rows->changes.rows.count);
    if (!browse_apply(&rows->shown, &rows->changes, rows->state, state))
        return false;
    keep(&rows->snapshot, answers[ANSWER_SNAPSHOT]);
    keep(&rows->state, answer);
    rows->load_took_ms = rows->now_ms - rows->load_start_ms;
    look_at(rows, &rows->shown);
    now_fresh(rows);
    if (pairs)
        ask_pairs(rows);
    return true;
}

static void changes_came(void *owner, struct request *request, struct pg_rows *const *answers,
                         const struct pare_error *err)
{
    struct rows *rows = owner;
    (void)request;
    rows->loading = false;
    rows->probe_ms = rows->now_ms + PROBE_MS;
    bool lost = err && err->code == PARE_ERR_NO_DATABASE;
    /* Without a snapshot the answer is about the server before this one. */
    if (!lost && (err || !rows->snapshot || !work_in(rows, answers)))
        load(rows);
    browse_changes_done(&rows->changes);
}

static void ask_changes(struct rows *rows)
{
    struct request *request = request_quietly(rows, changes_came);
    if (!request)
        return;
    browse_changes_init(&rows->changes, &rows->words, rows->loaded.count);
    browse_ask_state(&request->batch, is_guest(rows));
    browse_ask_changes(&request->batch, is_guest(rows), rows->snapshot, rows->loaded.paths,
                       &rows->changes);
    rows->loading = true;
    rows->load_start_ms = rows->now_ms;
    link_send(rows->link, request);
}

static void state_came(void *owner, struct request *request, struct pg_rows *const *answers,
                       const struct pare_error *err)
{
    struct rows *rows = owner;
    (void)request;
    rows->loading = false;
    rows->probe_ms = rows->now_ms + PROBE_MS;
    if (err)
        return;
    if (!rows->again && same(rows->state, answers[rows->state_at])) {
        keep(&rows->snapshot, answers[ANSWER_SNAPSHOT]);
        now_fresh(rows);
    } else if (rows->again || !rows->snapshot || !rows->state) {
        load(rows);
    } else {
        ask_changes(rows);
    }
}

static void ask_state(struct rows *rows)
{
    struct request *request = request_quietly(rows, state_came);
    if (!request)
        return;
    browse_ask_state(&request->batch, is_guest(rows));
    rows->loading = true;
    link_send(rows->link, request);
}

/*
 * "xmin:xmax:...": a standby's snapshot does not name the transactions under way between the two, so
 * that one may end and leave it the same.
 */
static bool may_hide(const struct rows *rows)
{
    char *end;
    unsigned long long oldest = strtoull(rows->snapshot, &end, 10);
    return rows->link->registry.standby && *end == ':' && strtoull(end + 1, NULL, 10) != oldest;
}

static void snapshot_came(void *owner, struct request *request, struct pg_rows *const *answers,
                          const struct pare_error *err)
{
    struct rows *rows = owner;
    (void)request;
    rows->loading = false;
    rows->probe_ms = rows->now_ms + PROBE_MS;
    if (err)
        return;
    if (rows->again)
        load(rows);
    else if (same(rows->snapshot, answers[ANSWER_SNAPSHOT]) && !may_hide(rows))
        now_fresh(rows);
    else if (rows->no_state)
        load(rows);
    else
        ask_state(rows);
}

static void ask_snapshot(struct rows *rows)
{
    struct request *request = link_request(rows, snapshot_came);
    if (!request)
        return;
    browse_ask_snapshot(&request->batch);
    rows->loading = true;
    link_send(rows->link, request);
}

void rows_step(struct rows *rows, int64_t now_ms)
{
    rows->now_ms = now_ms;
    look_at_longer(rows);
    if (rows->link->state != LINK_READY) {
        rows->changed |= rows->fresh;
        rows->fresh = false;
        rows->probe_ms = 0; /* the first thing after a connect, which may be to another server: */
        free(rows->snapshot);
        rows->snapshot = NULL;
        rows->no_state = false;
        return;
    }
    if (rows->loading || (now_ms < rows->probe_ms && !rows->again && !rows->soon))
        return;
    rows->soon = false;
    if (!registry_allows(&rows->link->registry, REGISTRY_LOOK, &rows->error)) {
        /* Said once; then looked at again, for somebody may have put it right. */
        if (rows->refused)
            link_hurry(rows->link, now_ms);
        rows->refused = !rows->refused;
        rows->again = false;
        rows->probe_ms = now_ms + RETRY_MS;
        rows->changed = true;
    } else if (rows->ahead.count > 0 && rows->list->count == 0) {
        ask_ahead(rows);
    } else if (!rows->whole || rows->again || rows->owed) {
        load(rows);
    } else {
        ask_snapshot(rows);
    }
}

int64_t rows_deadline(const struct rows *rows)
{
    return rows->loading || rows->link->state != LINK_READY ? INT64_MAX : rows->probe_ms;
}

void rows_look_again(struct rows *rows)
{
    rows->soon = true;
}

void rows_read_again(struct rows *rows)
{
    rows->again = true;
}

bool rows_want_paths(struct rows *rows, const struct field_paths *paths)
{
    bool there = paths->count <= rows->loaded.count;
    for (int i = 0; there && i < paths->count; i++)
        there = !strcmp(paths->words[i], rows->loaded.words[i]);
    bool of_list = rows->list == &rows->coming || rows->shown_paths == rows->coming_paths;
    if (there)
        return of_list && rows->list->path_count >= paths->count;
    copy_paths(paths, &rows->wanted_arena, &rows->wanted);
    rows->again = true;
    return false;
}

int64_t rows_age_ms(const struct rows *rows, int64_t now_ms)
{
    return rows->fresh_ms ? now_ms - rows->fresh_ms : -1;
}

const struct browse_row *rows_find(const struct rows *rows, int64_t id)
{
    for (size_t i = 0; i < rows->list->count; i++)
        if (rows->list->rows[i].id == id)
            return &rows->list->rows[i];
    return NULL;
}

int64_t rows_default_id(const struct rows *rows, const char *name)
{
    const struct browse_list *list = rows->list;
    for (size_t i = 0; i < list->count; i++)
        if (list->rows[i].is_default && !strcmp(browse_name(list, &list->rows[i]), name))
            return list->rows[i].id;
    return 0;
}
