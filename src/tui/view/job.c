/* SPDX-License-Identifier: MIT */
/* One job: all that is known of it, and its log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/browse_jobs.h"
#include "tui/app.h"
#include "tui/lines.h"
#include "tui/number.h"
#include "tui/scroll.h"
#include "tui/view/job_act.h"
#include "tui/view/job_table.h"

enum { LOOK_EVERY_MS = 1000 };

struct job_view {
    struct view view;
    int64_t id;
    struct arena arena; /* of the item */
    struct job_item item;
    struct lines lines;
    struct scroll scroll;
    struct job_ask ask;
    bool asked, came, gone;
    struct pare_error error;
};

/* ---- what it says ---- */

static void put_time(struct lines *lines, const char *label, const char *iso)
{
    char when[NUMBER_ROOM];
    number_when(iso, when);
    lines_add(lines, ROLE_PLAIN, label, when);
}

static void put_progress(struct lines *lines, const struct job_item *item)
{
    const struct job_row *row = &item->row;
    char took[JOB_TIME_ROOM], left[JOB_TIME_ROOM];
    int role;
    const char *state = job_item_state(item, &role);
    lines_add(lines, role, "state", state);
    if (!strcmp(row->state, "running"))
        lines_printf(lines, ROLE_STRONG, "done", "%.0f %%  %s", 100 * row->done_fraction,
                     row->words ? row->words : "");
    job_time(row->running_seconds, took);
    job_time(job_left_seconds(row), left);
    lines_add(lines, ROLE_PLAIN, "took", took);
    lines_add(lines, ROLE_STRONG, "left", left);
    lines_add(lines, ROLE_ERROR, "what went wrong", row->error);
}

static void put_facts(struct lines *lines, const struct job_item *item)
{
    const struct job_row *row = &item->row;
    lines_printf(lines, ROLE_STRONG, "job", "%lld  %s", (long long)row->id, item->what);
    lines_add(lines, ROLE_STRONG, "of", item->of);
    if (row->result_name)
        lines_printf(lines, ROLE_STRONG, "made", "%s:%s", row->result_name, row->result_version);
    else if (row->result_id && !strcmp(row->kind, "transform"))
        lines_printf(lines, ROLE_DIM, "made", "%s (vanished)", item->made);
    else
        lines_add(lines, ROLE_PLAIN, "makes", item->made);
    put_progress(lines, item);
    put_time(lines, "submitted", row->submitted_at);
    put_time(lines, "started", row->started_at);
    put_time(lines, "ended", row->ended_at);
    lines_add(lines, ROLE_PLAIN, "by", row->actor);
    lines_printf(lines, ROLE_PLAIN, "attempt", "%d of %d", row->attempt, row->max_attempts);
    lines_add(lines, ROLE_PLAIN, "worker", row->worker);
}

static void put_log(struct lines *lines, const struct browse_jobs *found)
{
    if (found->line_count > 0)
        lines_heading(lines, "log");
    for (size_t i = 0; i < found->line_count; i++) {
        const struct job_line *line = &found->lines[i];
        const char *clock = line->at && strlen(line->at) >= 19 ? line->at + 11 : "";
        char label[16];
        snprintf(label, sizeof(label), "%.8s", clock);
        lines_add(lines, ROLE_PLAIN, label, line->words);
    }
}

static void fill(struct job_view *self, const struct browse_jobs *found)
{
    struct lines lines = { 0 };
    put_facts(&lines, &self->item);
    put_log(&lines, found);
    lines_heading(&lines, "as it was asked for");
    lines_json(&lines, "", self->item.row.spec);
    lines_done(&self->lines);
    self->lines = lines;
}

/* ---- asking ---- */

static void job_came(void *owner, struct request *request, struct pg_rows *const *rows,
                     const struct pare_error *err)
{
    struct job_view *self = owner;
    struct app *app = self->view.app;
    struct arena arena = { 0 };
    struct browse_jobs found;
    struct job_item item;
    app->dirty = true;
    self->asked = false;
    self->error.code = PARE_OK;
    if (err) {
        self->error = *err;
        return;
    }
    if (!browse_take_jobs(rows, request->batch.count, &arena, &found, &self->error) ||
        found.count == 0 || !job_item_make(&found.jobs[0], &arena, &item)) {
        self->gone = found.count == 0;
        arena_done(&arena);
        return;
    }
    if (self->came && self->item.open && !item.open)
        rows_look_again(&app->rows);
    arena_done(&self->arena);
    self->arena = arena;
    self->item = item;
    self->came = true;
    self->view.due_ms = item.open ? app->now_ms + LOOK_EVERY_MS : 0;
    fill(self, &found);
}

static void ask(struct job_view *self)
{
    struct app *app = self->view.app;
    self->view.due_ms = 0;
    if (self->asked || app->link.state != LINK_READY)
        return;
    struct request *request = link_request(self, job_came);
    if (!request)
        return;
    self->asked = true;
    browse_ask_job(&request->batch, self->id, 0);
    link_send(&app->link, request);
}

static void tick(struct view *view)
{
    ask((struct job_view *)view);
}

static void news(struct view *view)
{
    struct job_view *self = (struct job_view *)view;
    if (!self->view.due_ms && (!self->came || self->item.open))
        ask(self);
}

/* ---- the view ---- */

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct job_view *self = (struct job_view *)view;
    if (!self->came) {
        const char *words = self->gone         ? "there is no such job any more"
                            : self->error.code ? self->error.text
                                               : "loading";
        canvas_wrap(canvas, area.top + 1, 2, canvas->columns - 4, MAX(1, area.height - 1),
                    self->gone || self->error.code ? ROLE_ERROR : ROLE_DIM, words);
        canvas_cursor(canvas, area.top, 0);
        return;
    }
    lines_draw(&self->lines, &self->scroll, canvas, area);
    job_ask_draw(&self->ask, canvas, area.top + area.height - JOB_ASK_ROWS);
}

static void act(struct view *view, enum action action)
{
    struct job_view *self = (struct job_view *)view;
    if (action == ACTION_AGAIN)
        ask(self);
    else if (!scroll_page(&self->scroll, action) && self->came)
        job_act(view->app, &self->item, action, &self->ask);
}

static bool type(struct view *view, const struct key *key)
{
    return job_ask_key(&((struct job_view *)view)->ask, view->app, key);
}

static void table(struct view *view, struct buf *buf)
{
    buf_printf(buf, "pare job show %lld", (long long)((struct job_view *)view)->id);
}

static void command(struct view *view, struct buf *buf)
{
    if (!job_ask_command(&((struct job_view *)view)->ask, buf))
        table(view, buf);
}

static void close_view(struct view *view)
{
    struct job_view *self = (struct job_view *)view;
    link_forget(&view->app->link, self);
    lines_done(&self->lines);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_JOB,
    .name = "Job",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .tick = tick,
    .command = command,
    .table = table,
    .close = close_view,
};

struct view *job_open(struct app *app, int64_t id)
{
    struct job_view *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->id = id;
    self->ask.action = ACTION_NONE;
    ask(self);
    return &self->view;
}
