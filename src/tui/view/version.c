/* SPDX-License-Identifier: MIT */
/*
 * Version: all that is known of one, in two sections that Tab turns between.
 *
 * The facts are an outline of what the registry holds. The tensors are in the version's bytes, which a
 * process beside this one reads when they are first looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "tui/app.h"
#include "tui/shell.h"
#include "tui/view/version_facts.h"
#include "tui/view/version_tensors.h"

struct version_view {
    struct view view;
    struct arena arena; /* the name and version it was opened with */
    int64_t id;
    const char *name, *version;
    bool in_tensors; /* the second section */
    struct version_tensors tensors;
    struct arena data; /* what the outline is made of */
    struct outline outline;
    const char *model_type; /* in `data`, or NULL */
    int64_t parent_id;      /* 0: none that is there */
    uint64_t hash;          /* of the answer that the outline is made of */
    unsigned generation;    /* of the rows at the last question */
    bool asked, came, gone;
    struct pare_error error;
};

/* ---- the facts ---- */

static int64_t parent_of(const struct family *family)
{
    for (size_t i = 0; i < family->member_count; i++)
        if (family->members[i].step == -1 && family->members[i].is_there)
            return family->members[i].id;
    return 0;
}

/* Make all of it anew; what was there stays when that fails. */
static void take(struct version_view *self, struct pg_rows *const *rows, bool guest)
{
    struct browse_facts facts;
    struct family family;
    struct arena data = { 0 };
    size_t facts_count = guest ? BROWSE_FACTS_GUEST : BROWSE_FACTS;
    if (!browse_take_facts(rows, guest, &data, &facts, &self->error) ||
        !browse_take_family(rows + facts_count, guest, &data, &family, &self->error)) {
        arena_done(&data);
        return;
    }
    self->error.code = PARE_OK;
    self->gone = facts.version.id == 0;
    if (self->gone) { /* what was known of it stays */
        arena_done(&data);
        return;
    }
    version_facts_put(&self->outline, &facts, &family, &data);
    self->model_type = facts.version.model_type;
    self->parent_id = parent_of(&family);
    arena_done(&self->data);
    self->data = data;
    self->came = true;
}

static void start_tensors(struct version_view *self)
{
    struct app *app = self->view.app;
    if (!self->in_tensors || self->tensors.started || !self->came || app->link.state != LINK_READY)
        return;
    version_tensors_start(&self->tensors, app, self->name, self->version, self->model_type);
    self->view.fd = MAX(self->tensors.inspector.fd, 0);
    self->view.busy = version_tensors_busy(&self->tensors);
}

static void came(void *owner, struct request *request, struct pg_rows *const *rows,
                 const struct pare_error *err)
{
    struct version_view *self = owner;
    bool guest = registry_is_guest(&self->view.app->link.registry);
    uint64_t hash = 0xcbf29ce484222325ULL;
    self->view.app->dirty = true;
    if (err) {
        self->error = *err;
        self->asked = err->code != PARE_ERR_NO_DATABASE; /* else again after the next connect */
        return;
    }
    for (size_t i = 0; i < request->batch.count; i++)
        hash = pg_rows_hash(rows[i], hash);
    if (!self->came || self->gone || hash != self->hash)
        take(self, rows, guest);
    self->hash = hash;
    start_tensors(self);
}

static void ask(struct version_view *self)
{
    struct app *app = self->view.app;
    struct request *request = link_request(self, came);
    bool guest = registry_is_guest(&app->link.registry);
    if (!request)
        return;
    self->asked = true;
    self->generation = app->rows.generation;
    browse_ask_facts(&request->batch, guest, self->id, self->name);
    browse_ask_family(&request->batch, guest, self->id);
    link_send(&app->link, request);
}

static void news(struct view *view)
{
    struct version_view *self = (struct version_view *)view;
    if (view->app->link.state != LINK_READY)
        return;
    if (!self->asked || self->generation != view->app->rows.generation)
        ask(self);
    start_tensors(self);
}

static void ready(struct view *view)
{
    struct version_view *self = (struct version_view *)view;
    version_tensors_ready(&self->tensors);
    if (self->tensors.inspector.fd < 0 && view->app->link.state != LINK_READY)
        self->tensors.started = false; /* another one after the next connect */
    view->fd = MAX(self->tensors.inspector.fd, 0);
    view->busy = version_tensors_busy(&self->tensors);
    view->app->dirty = true;
}

/* ---- keys ---- */

static void open_other(struct version_view *self, int64_t id)
{
    struct app *app = self->view.app;
    const struct browse_row *row = rows_find(&app->rows, id);
    if (row)
        app_push(app, version_open(app, id, browse_name(app->rows.list, row),
                                   browse_word(app->rows.list, row->version)));
    else
        app_say(app, ROLE_WARNING, "version %lld is not in the list that was read", (long long)id);
}

/* First to the line of the parent, then to the parent itself. */
static void go_lineage(struct version_view *self)
{
    const struct outline_row *row = outline_cursor(&self->outline);
    if (!self->in_tensors && row && row->id && row->id == self->parent_id) {
        open_other(self, self->parent_id);
        return;
    }
    self->in_tensors = false;
    if (!outline_to_id(&self->outline, self->parent_id) &&
        !outline_to_heading(&self->outline, VERSION_LINEAGE))
        app_say(self->view.app, ROLE_DIM, "nothing is on record of where this version came from");
}

static void act_facts(struct version_view *self, enum action action)
{
    struct outline *outline = &self->outline;
    const struct outline_row *row = outline_cursor(outline);
    outline->no_room = false;
    if (action == ACTION_UNFOLD && row && row->id)
        open_other(self, row->id);
    else if (action == ACTION_UNFOLD)
        outline_turn(outline);
    else if (action == ACTION_FOLD)
        outline_fold(outline);
    else if (action == ACTION_UNFOLD_ONLY)
        outline_unfold(outline);
    else
        scroll_act(&outline->scroll, action);
    if (outline->no_room)
        app_say(self->view.app, ROLE_WARNING, "too many lines are open: fold some first");
}

/* What other screens are for. */
static bool act_elsewhere(struct version_view *self, enum action action)
{
    struct app *app = self->view.app;
    const struct browse_row *row = rows_find(&app->rows, self->id);
    switch (action) {
    case ACTION_PROMOTE:
        if (app_may_write(app))
            app_push(app, promote_open(app, self->name, self->version));
        return true;
    case ACTION_ROLLBACK:
        if (app_may_write(app))
            app_push(app, rollback_open(app, self->name));
        return true;
    case ACTION_NEW_JOB:
        if (row)
            app_push(app, new_job_open(app, row));
        return true;
    default:
        return false;
    }
}

static void act(struct view *view, enum action action)
{
    struct version_view *self = (struct version_view *)view;
    if (act_elsewhere(self, action))
        return;
    if (action == ACTION_SECTION) {
        self->in_tensors = !self->in_tensors;
        start_tensors(self);
    } else if (action == ACTION_AGAIN) {
        self->asked = false;
        if (self->in_tensors && self->tensors.inspector.fd < 0)
            self->tensors.started = false;
        start_tensors(self);
    } else if (action == ACTION_LINEAGE) {
        go_lineage(self);
    } else if (self->in_tensors) {
        version_tensors_act(&self->tensors, action);
    } else {
        act_facts(self, action);
    }
    view->busy = version_tensors_busy(&self->tensors);
}

static bool type(struct view *view, const struct key *key)
{
    struct version_view *self = (struct version_view *)view;
    if (!self->in_tensors || !version_tensors_type(&self->tensors, key))
        return false;
    view->app->message[0] = '\0';
    view->busy = version_tensors_busy(&self->tensors);
    return true;
}

/* ---- the view ---- */

static void draw_facts(struct version_view *self, struct canvas *canvas, struct view_area area)
{
    if (self->outline.count == 0) {
        canvas_text(canvas, area.top + 1, 2, canvas->columns - 4,
                    self->gone || self->error.code ? ROLE_ERROR : ROLE_DIM,
                    self->gone         ? "this version has been deleted"
                    : self->error.code ? self->error.text
                                       : "loading");
        return;
    }
    outline_draw(&self->outline, canvas, area);
    if (self->gone)
        canvas_text(canvas, area.top, MAX(0, canvas->columns - 32), 31, ROLE_WARNING,
                    "deleted since it was read");
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct version_view *self = (struct version_view *)view;
    if (self->in_tensors)
        version_tensors_draw(&self->tensors, canvas, area);
    else
        draw_facts(self, canvas, area);
}

static void command(struct view *view, struct buf *buf)
{
    struct version_view *self = (struct version_view *)view;
    buf_text(buf, "pare show ");
    shell_ref(buf, self->name, self->version);
    if (self->in_tensors)
        version_tensors_put_options(&self->tensors, buf);
}

static void detail(struct view *view, struct buf *buf)
{
    struct version_view *self = (struct version_view *)view;
    const struct outline_row *row = outline_cursor(&self->outline);
    if (self->in_tensors)
        version_tensors_detail(&self->tensors, buf);
    else if (row && row->id)
        buf_text(buf, "Enter opens this version");
    else
        outline_put_path(&self->outline, buf);
}

static void close_view(struct view *view)
{
    struct version_view *self = (struct version_view *)view;
    link_forget(&view->app->link, self);
    version_tensors_done(&self->tensors);
    outline_done(&self->outline);
    arena_done(&self->data);
    arena_done(&self->arena);
    free(self);
}

static bool copy(struct view *view, struct buf *buf)
{
    const struct version_view *self = (struct version_view *)view;
    buf_printf(buf, "%s:%s", self->name, self->version);
    return true;
}

static const struct view_ops ops = {
    .kind = VIEW_VERSION,
    .name = "Version",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .ready = ready,
    .command = command,
    .copy = copy,
    .table = command,
    .detail = detail,
    .close = close_view,
};

struct view *version_open(struct app *app, int64_t id, const char *name, const char *version)
{
    struct version_view *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->id = id;
    version_tensors_init(&self->tensors);
    self->name = arena_strdup(&self->arena, name);
    self->version = arena_strdup(&self->arena, version);
    if (!self->name || !self->version) {
        close_view(&self->view);
        return NULL;
    }
    news(&self->view);
    return &self->view;
}
