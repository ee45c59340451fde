/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "tui/app.h"
#include "tui/lines.h"
#include "tui/number.h"
#include "tui/scroll.h"
#include "tui/shell.h"

struct version_view {
    struct view view;
    struct arena arena; /* the name and version it was opened with */
    int64_t id;
    const char *name, *version;
    struct lines lines;
    struct scroll scroll;
    unsigned generation; /* of the rows at the last question */
    bool asked, gone;
    struct pare_error error;
};

/* ---- what it says ---- */

static void put_facts(struct lines *lines, const struct version *version)
{
    char text[NUMBER_ROOM];
    lines_add(lines, ROLE_STRONG, "model", version->name);
    lines_add(lines, ROLE_STRONG, "version", version->version);
    if (version->is_default)
        lines_add(lines, ROLE_DEFAULT, "default", "yes: its model's name resolves to it");
    lines_add(lines, ROLE_PLAIN, "type", version->model_type);
    lines_add(lines, ROLE_PLAIN, "optimization", version->optimization);
    number_size(version->size_bytes, text);
    lines_add(lines, ROLE_STRONG, "size", text);
    number_latency(version->latency_ms, text);
    if (*text)
        lines_printf(lines, ROLE_STRONG, "latency", "%s ms", text);
    number_accuracy(version->accuracy, text);
    lines_add(lines, ROLE_STRONG, "accuracy", text);
    number_when(version->created_at, text);
    lines_add(lines, ROLE_PLAIN, "created", text);
    lines_printf(lines, ROLE_DIM, "id", "%lld", (long long)version->id);
}

static void put_bytes(struct lines *lines, const struct browse_facts *facts)
{
    char size[NUMBER_ROOM];
    lines_heading(lines, "bytes");
    number_size((double)(facts->stored_bytes >= 0 ? facts->stored_bytes : facts->recorded_bytes),
                size);
    if (facts->stored_bytes >= 0)
        lines_printf(lines, ROLE_PLAIN, "in model_data", "%s, readable by any client", size);
    else if (facts->recorded && !facts->inline_bytes)
        lines_printf(lines, ROLE_PLAIN, "in chunks", "%s%s", size,
                     facts->folder ? ", a folder" : "");
    else
        lines_add(lines, facts->recorded ? ROLE_WARNING : ROLE_DIM, "stored",
                  facts->recorded ? "none, though there were: model_data is NULL now" : "none");
    lines_add(lines, ROLE_DIM, "sha256", facts->sha256);
}

static void put_lineage(struct lines *lines, const struct browse_facts *facts)
{
    char when[NUMBER_ROOM];
    if (!facts->parent_name && !facts->recipe && facts->child_count == 0)
        return;
    lines_heading(lines, "lineage");
    if (facts->parent_name)
        lines_printf(lines, ROLE_PLAIN, "made from", "%s:%s%s", facts->parent_name,
                     facts->parent_version ? facts->parent_version : "",
                     facts->parent_is_there ? "" : " (vanished)");
    number_when(facts->made_at, when);
    if (facts->maker)
        lines_printf(lines, ROLE_PLAIN, "made by", "%s  %s", facts->maker, when);
    lines_add(lines, ROLE_PLAIN, "recipe", facts->recipe);
    for (size_t i = 0; i < facts->child_count; i++)
        lines_add(lines, ROLE_PLAIN, "made into", facts->children[i]);
}

/* All events of the model, those of this version strong. */
static void put_history(struct lines *lines, const struct browse_facts *facts)
{
    char when[NUMBER_ROOM];
    if (facts->event_count == 0)
        return;
    lines_heading(lines, "defaults of this model, newest first");
    for (size_t i = 0; i < facts->event_count; i++) {
        const struct default_event *event = &facts->events[i];
        bool own = event->to_id == facts->version.id || event->from_id == facts->version.id;
        number_when(event->at, when);
        lines_printf(lines, own ? ROLE_PLAIN : ROLE_DIM, when, "%s %s%s%s by %s%s%s%s", event->kind,
                     event->to_version, event->is_there ? "" : " (vanished)",
                     event->forced ? ", forced," : "", event->actor, event->reason ? ": " : "",
                     event->reason ? event->reason : "", "");
    }
}

static void came(void *owner, struct request *request, struct pg_rows *const *rows,
                 const struct pare_error *err)
{
    struct version_view *self = owner;
    struct browse_facts facts;
    struct lines lines = { 0 };
    bool guest = registry_is_guest(&self->view.app->link.registry);
    self->view.app->dirty = true;
    if (err) {
        self->error = *err;
        self->asked = err->code != PARE_ERR_NO_DATABASE; /* else again after the next connect */
        return;
    }
    if (!browse_take_facts(rows, guest, &request->arena, &facts, &self->error))
        return;
    self->error.code = PARE_OK;
    self->gone = facts.version.id == 0;
    if (self->gone)
        return; /* what was known of it stays */
    put_facts(&lines, &facts.version);
    put_bytes(&lines, &facts);
    put_lineage(&lines, &facts);
    if (facts.version.metrics)
        lines_heading(&lines, "metrics");
    lines_json(&lines, "metrics", facts.version.metrics);
    if (facts.version.config)
        lines_heading(&lines, "config");
    lines_json(&lines, "config", facts.version.config);
    put_history(&lines, &facts);
    lines_done(&self->lines);
    self->lines = lines;
}

static void ask(struct version_view *self)
{
    struct app *app = self->view.app;
    struct request *request = link_request(self, came);
    if (!request)
        return;
    self->asked = true;
    self->generation = app->rows.generation;
    browse_ask_facts(&request->batch, registry_is_guest(&app->link.registry), self->id, self->name);
    link_send(&app->link, request);
}

static void news(struct view *view)
{
    struct version_view *self = (struct version_view *)view;
    if (view->app->link.state == LINK_READY &&
        (!self->asked || self->generation != view->app->rows.generation))
        ask(self);
}

/* ---- the view ---- */

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct version_view *self = (struct version_view *)view;
    if (self->lines.count == 0) {
        canvas_text(canvas, area.top + 1, 2, canvas->columns - 4,
                    self->gone || self->error.code ? ROLE_ERROR : ROLE_DIM,
                    self->gone         ? "this version has been deleted"
                    : self->error.code ? self->error.text
                                       : "loading");
        return;
    }
    lines_draw(&self->lines, &self->scroll, canvas, area);
    if (self->gone)
        canvas_text(canvas, area.top, canvas->columns - 32, 31, ROLE_WARNING,
                    "deleted since it was read");
}

static void act(struct view *view, enum action action)
{
    struct version_view *self = (struct version_view *)view;
    struct app *app = view->app;
    if (action == ACTION_PROMOTE || action == ACTION_ROLLBACK) {
        if (app_may_write(app))
            app_push(app, action == ACTION_PROMOTE ? promote_open(app, self->name, self->version)
                                                   : rollback_open(app, self->name));
        return;
    }
    const struct browse_row *row = rows_find(&app->rows, self->id);
    if (action == ACTION_NEW_JOB && row)
        app_push(app, new_job_open(app, row));
    else if (action == ACTION_JOBS)
        app_push(app, jobs_open(app, 0));
    else if (action == ACTION_TESTS)
        app_push(app, tests_open(app));
    if (action == ACTION_AGAIN)
        self->asked = false;
    scroll_page(&self->scroll, action);
}

static void command(struct view *view, struct buf *buf)
{
    struct version_view *self = (struct version_view *)view;
    buf_text(buf, "pare show ");
    shell_ref(buf, self->name, self->version);
}

static void close_view(struct view *view)
{
    struct version_view *self = (struct version_view *)view;
    link_forget(&view->app->link, self);
    lines_done(&self->lines);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_VERSION,
    .name = "Version",
    .draw = draw,
    .act = act,
    .news = news,
    .command = command,
    .close = close_view,
};

struct view *version_open(struct app *app, int64_t id, const char *name, const char *version)
{
    struct version_view *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->id = id;
    self->name = arena_strdup(&self->arena, name);
    self->version = arena_strdup(&self->arena, version);
    if (!self->name || !self->version) {
        close_view(&self->view);
        return NULL;
    }
    news(&self->view);
    return &self->view;
}
