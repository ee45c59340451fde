/* SPDX-License-Identifier: MIT */
/*
 * Jobs: the open ones first, how far they are, and the end of the log of the one under the cursor.
 *
 * The queue is asked again each second while a job is open, else every five. Leaving this
 * screen, or pare, stops nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/browse_jobs.h"
#include "tui/app.h"
#include "tui/scroll.h"
#include "tui/view/job_act.h"
#include "tui/view/job_table.h"

enum {
    OPEN_EVERY_MS = 1000,
    IDLE_EVERY_MS = 5000,
    LONELY_MS = 8000, /* nobody has taken a job up for so long: perhaps there is no worker */
    PANEL_ROWS_MIN = 4,
    TABLE_ROWS_MIN = 4,
};

struct jobs {
    struct view view;
    struct arena arena; /* of the list that is shown */
    struct job_item *items;
    size_t count;
    struct job_line *lines; /* of the job under the cursor, */
    size_t line_count;
    int64_t lines_id;  /* which was this one when they were asked for */
    int64_t cursor_id; /* the job under the cursor, so that it stays there */
    struct scroll scroll;
    struct job_ask ask;
    bool asked, came;
    int64_t waits_since_ms; /* a job waits and none runs; 0: not so */
    struct pare_error error;
};

static const struct job_item *item_at(const struct jobs *self)
{
    return self->scroll.cursor < self->count ? &self->items[self->scroll.cursor] : NULL;
}

/* ---- the list ---- */

static bool any_state(const struct jobs *self, const char *state)
{
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->items[i].row.state, state))
            return true;
    return false;
}

static bool was_open(const struct jobs *self, int64_t id)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].row.id == id)
            return self->items[i].open;
    return false;
}

/* A job that ended since the last look has perhaps made a version: the list of them is old. */
static bool something_ended(const struct jobs *self, const struct job_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!items[i].open && was_open(self, items[i].row.id))
            return true;
    return false;
}

static void find_cursor(struct jobs *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].row.id == self->cursor_id)
            self->scroll.cursor = i;
    scroll_fit(&self->scroll, self->count, (int)MAX(self->scroll.height, 1));
    const struct job_item *item = item_at(self);
    self->cursor_id = item ? item->row.id : 0;
}

static void judge_waiting(struct jobs *self)
{
    bool lonely = any_state(self, "queued") && !any_state(self, "running");
    if (!lonely)
        self->waits_since_ms = 0;
    else if (!self->waits_since_ms)
        self->waits_since_ms = self->view.app->now_ms;
}

static bool take(struct jobs *self, const struct browse_jobs *found, struct arena *arena,
                 struct pare_error *err)
{
    struct job_item *items = arena_array(arena, found->count + 1, sizeof(*items));
    if (!items)
        return error_no_memory(err, found->count * sizeof(*items));
    for (size_t i = 0; i < found->count; i++)
        if (!job_item_make(&found->jobs[i], arena, &items[i]))
            return error_no_memory(err, sizeof(*items));
    if (something_ended(self, items, found->count))
        rows_look_again(&self->view.app->rows);
    arena_done(&self->arena);
    self->arena = *arena;
    self->items = items;
    self->count = found->count;
    self->lines = found->lines;
    self->line_count = found->line_count;
    return true;
}

static void ask(struct jobs *self);

static void jobs_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct jobs *self = owner;
    struct app *app = self->view.app;
    struct arena arena = { 0 };
    struct browse_jobs found;
    app->dirty = true;
    self->asked = false;
    self->error.code = PARE_OK;
    if (err) {
        self->error = *err;
        self->view.due_ms = app->now_ms + IDLE_EVERY_MS;
        return;
    }
    if (!browse_take_jobs(rows, request->batch.count, &arena, &found, &self->error) ||
        !take(self, &found, &arena, &self->error)) {
        arena_done(&arena);
        return;
    }
    self->came = true;
    find_cursor(self);
    judge_waiting(self);
    bool open = any_state(self, "queued") || any_state(self, "running");
    self->view.due_ms = app->now_ms + (open ? OPEN_EVERY_MS : IDLE_EVERY_MS);
    if (self->cursor_id != self->lines_id)
        ask(self); /* the cursor has moved on meanwhile */
}

static void ask(struct jobs *self)
{
    struct app *app = self->view.app;
    if (self->asked || app->link.state != LINK_READY)
        return;
    self->view.due_ms = 0;
    if (!registry_allows(&app->link.registry, REGISTRY_SEE, &self->error))
        return;
    struct request *request = link_request(self, jobs_came);
    if (!request)
        return;
    self->asked = true;
    self->lines_id = self->cursor_id;
    browse_ask_jobs(&request->batch, self->cursor_id);
    link_send(&app->link, request);
}

static void tick(struct view *view)
{
    ask((struct jobs *)view);
}

static void news(struct view *view)
{
    struct jobs *self = (struct jobs *)view;
    if (view->app->link.state != LINK_READY)
        self->view.due_ms = 0;
    else if (!self->view.due_ms)
        ask(self);
}

/* ---- acting ---- */

static void act(struct view *view, enum action action)
{
    struct jobs *self = (struct jobs *)view;
    struct app *app = view->app;
    const struct job_item *item = item_at(self);
    if (action == ACTION_AGAIN) {
        ask(self);
    } else if (scroll_act(&self->scroll, action)) {
        item = item_at(self);
        self->cursor_id = item ? item->row.id : 0;
        ask(self);
    } else if (item && action == ACTION_OPEN) {
        app_push(app, job_open(app, item->row.id));
    } else if (item) {
        job_act(app, item, action, &self->ask);
    }
}

static bool type(struct view *view, const struct key *key)
{
    return job_ask_key(&((struct jobs *)view)->ask, view->app, key);
}

/* ---- drawing ---- */

static void draw_empty(const struct jobs *self, struct canvas *canvas, struct view_area area)
{
    const struct link *link = &self->view.app->link;
    const char *words = self->came                  ? "no jobs yet; n on a version makes one"
                        : link->state == LINK_READY ? "loading"
                                                    : "connecting";
    if (self->error.code)
        canvas_wrap(canvas, area.top + 2, 2, canvas->columns - 4, area.height - 2, ROLE_ERROR,
                    self->error.text);
    else
        canvas_wrap(canvas, area.top + 2, 2, canvas->columns - 4, area.height - 2, ROLE_DIM, words);
    canvas_cursor(canvas, area.top, 0);
}

static void draw_table(struct jobs *self, struct canvas *canvas, struct view_area area)
{
    bool old = self->view.app->link.state != LINK_READY;
    job_table_titles(canvas, area.top);
    scroll_fit(&self->scroll, self->count, area.height - 1);
    self->scroll.row = area.top + 1;
    for (size_t i = 0; i < self->scroll.height && (int)i < area.height - 1; i++) {
        size_t place = self->scroll.top + i;
        int line = area.top + 1 + (int)i;
        if (place >= self->count)
            break;
        job_table_row(canvas, line, &self->items[place]);
        if (old)
            canvas_dim(canvas, line);
        if (place == self->scroll.cursor) {
            canvas_select(canvas, line);
            canvas_cursor(canvas, line, 0);
        }
    }
}

/* The end of its log, as much as there is room for. */
static void draw_log(const struct jobs *self, struct canvas *canvas, struct view_area area)
{
    size_t count = self->lines_id == self->cursor_id ? self->line_count : 0;
    size_t from = count - MIN(count, (size_t)MAX(area.height, 0));
    for (size_t i = from; i < count; i++) {
        const struct job_line *line = &self->lines[i];
        const char *clock = line->at && strlen(line->at) >= 19 ? line->at + 11 : "";
        int row = area.top + (int)(i - from);
        canvas_printf(canvas, row, 2, 9, ROLE_DIM, "%.8s", clock);
        canvas_text(canvas, row, 12, canvas->columns - 13, ROLE_PLAIN, line->words);
    }
}

static void draw_panel(const struct jobs *self, struct canvas *canvas, struct view_area area)
{
    const struct job_item *item = item_at(self);
    char facts[512];
    canvas_rule(canvas, area.top);
    if (!item || area.height < 2)
        return;
    job_facts(&self->view.app->rows, item, facts, sizeof(facts));
    int used = 1 + canvas_wrap(canvas, area.top + 1, 2, canvas->columns - 4,
                               MIN(2, area.height - 1), ROLE_DIM, facts);
    if (item->row.error)
        used += canvas_wrap(canvas, area.top + used, 2, canvas->columns - 4,
                            MIN(3, area.height - used), ROLE_ERROR, item->row.error);
    draw_log(self, canvas,
             (struct view_area){ .top = area.top + used, .height = area.height - used });
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct jobs *self = (struct jobs *)view;
    if (self->count == 0) {
        draw_empty(self, canvas, area);
        return;
    }
    int bottom = area.top + area.height;
    int unused = area.height - 1 - (int)MIN(self->count, (size_t)area.height);
    int panel =
        MAX(PANEL_ROWS_MIN, MAX(area.height / 3, MIN(unused - 1, area.height - TABLE_ROWS_MIN)));
    if (area.height - panel < TABLE_ROWS_MIN)
        panel = 0;
    struct view_area below = { .top = area.top + area.height - panel, .height = panel };
    area.height -= panel;
    if (panel)
        draw_panel(self, canvas, below);
    draw_table(self, canvas, area);
    job_ask_draw(&self->ask, canvas, bottom - JOB_ASK_ROWS);
}

static void table(struct view *view, struct buf *buf)
{
    (void)view;
    buf_text(buf, "pare jobs");
}

static void command(struct view *view, struct buf *buf)
{
    if (!job_ask_command(&((struct jobs *)view)->ask, buf))
        table(view, buf);
}

static void detail(struct view *view, struct buf *buf)
{
    const struct jobs *self = (struct jobs *)view;
    const struct app *app = view->app;
    const struct job_item *item = item_at(self);
    if (self->waits_since_ms && app->now_ms - self->waits_since_ms > LONELY_MS)
        buf_text(buf, "nobody has taken the job up yet: a worker is started with  pare worker");
    else if (item && item->row.words && item->open)
        buf_printf(buf, "job %lld: %s", (long long)item->row.id, item->row.words);
}

static bool copy(struct view *view, struct buf *buf)
{
    const struct job_item *item = item_at((struct jobs *)view);
    int role;
    if (!item)
        return false;
    const char *more = item->row.error ? item->row.error : item->row.words;
    buf_printf(buf, "job %lld: %s of %s: %s", (long long)item->row.id, item->what, item->of,
               job_item_state(item, &role));
    if (more)
        buf_printf(buf, ": %s", more);
    return true;
}

static enum view_hit point(struct view *view, int row)
{
    struct jobs *self = (struct jobs *)view;
    enum view_hit hit = scroll_point(&self->scroll, row);
    const struct job_item *item = item_at(self);
    if (hit == VIEW_HIT_LINE && item) {
        self->cursor_id = item->row.id;
        ask(self);
    }
    return hit;
}

static void close_view(struct view *view)
{
    struct jobs *self = (struct jobs *)view;
    link_forget(&view->app->link, self);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_JOBS,
    .name = "Jobs",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .tick = tick,
    .command = command,
    .detail = detail,
    .copy = copy,
    .table = table,
    .point = point,
    .close = close_view,
};

struct view *jobs_open(struct app *app, int64_t id)
{
    struct jobs *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->cursor_id = id;
    self->ask.action = ACTION_NONE;
    ask(self);
    return &self->view;
}
