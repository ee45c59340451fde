/* SPDX-License-Identifier: MIT */
/*
 * Promote and rollback: what would change, as of one moment; then a word that is typed.
 *
 * The change is compared and set against the revision that the preview shows, so what
 * was read is what is decided on. A connection that breaks in between is no answer:
 * after the next connect the history says whether the change arrived.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "tui/app.h"
#include "tui/lines.h"
#include "tui/scroll.h"
#include "tui/shell.h"
#include "tui/view/confirm.h"
#include "tui/view/preview.h"

enum stage {
    STAGE_READING, /* what would change */
    STAGE_LOOKING, /* the user, at it */
    STAGE_TYPING,  /* the confirmation */
    STAGE_WRITING,
    STAGE_CHECKING, /* whether a write arrived whose answer did not */
    STAGE_STOPPED,  /* it cannot be done: `error` says why */
};

enum { QUESTION_MAX = PARE_ERROR_TEXT_MAX, ROOMY_FROM = 16 };

struct promote {
    struct view view;
    bool rollback;
    struct arena arena; /* the name and version asked for */
    const char *name, *version;
    enum stage stage;
    bool asked;
    bool looked;             /* `look` is there */
    struct arena look_arena; /* what the preview shows, and the lines' source */
    struct browse_look look;
    struct undoable undoable;
    struct lines lines;
    enum preview_width width; /* that they are laid out for; 0: not yet */
    struct scroll scroll;
    struct confirm confirm;
    struct pare_error error;
};

static bool forces(const struct promote *self)
{
    const struct promotion *promotion = &self->look.promotion;
    return !gate_all_pass(promotion->gates, promotion->gate_count);
}

static enum confirm_reason wanted_reason(const struct promote *self)
{
    return forces(self) ? CONFIRM_MUST_GIVE : self->rollback ? CONFIRM_MAY_GIVE : CONFIRM_NO_REASON;
}

/* What has to be typed. */
static const char *word(const struct promote *self)
{
    return forces(self) ? self->look.promotion.to.name : "yes";
}

/* ---- asking ---- */

static void stop(struct promote *self, const struct pare_error *err)
{
    self->error = *err;
    self->stage = STAGE_STOPPED;
}

static void done(struct promote *self, int64_t rev)
{
    struct app *app = self->view.app;
    const struct promotion *promotion = &self->look.promotion;
    const char *was = promotion->newest.rev ? promotion->newest.to_version : NULL;
    if (self->rollback)
        app_say(app, ROLE_STRONG, "%s:%s is the default again (rev %lld); %s is marked as bad",
                promotion->to.name, promotion->to.version, (long long)rev, was ? was : "");
    else
        app_say(app, ROLE_STRONG, "%s:%s is the default now (rev %lld, %s%s)%s", promotion->to.name,
                promotion->to.version, (long long)rev, was ? "was " : "the first", was ? was : "",
                forces(self) ? ", by force: the reason is in the history" : "");
    rows_look_again(&app->rows);
    app_close(app, &self->view); /* and gone it is */
}

/* Another look after a write without an answer: did it arrive? */
static void judge_arrival(struct promote *self, const struct browse_look *look)
{
    const struct default_event *before = &self->look.promotion.newest;
    const struct default_event *newest = &look->promotion.newest;
    bool ours = newest->rev == before->rev + 1 && newest->to_id == self->look.promotion.to.id &&
                newest->actor && !strcmp(newest->actor, self->view.app->link.registry.actor);
    if (ours) {
        done(self, newest->rev);
        return;
    }
    struct pare_error err;
    if (newest->rev == before->rev)
        error_set(&err, PARE_ERR_FAILED,
                  "the connection was lost before the change arrived. Nothing changed; r looks "
                  "again");
    else
        error_set(&err, PARE_ERR_REFUSED,
                  "the connection was lost; meanwhile %s made %s the default (rev %lld). r looks "
                  "again",
                  newest->actor, newest->to_version, (long long)newest->rev);
    stop(self, &err);
}

/* What stands against doing it at all. */
static bool can_be_done(const struct promote *self, const struct browse_look *look,
                        struct pare_error *err)
{
    const struct promotion *promotion = &look->promotion;
    if (promotion->to.id == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "no version %s of %s: it has been deleted",
                         self->version, self->name);
    if (!self->rollback && promotion->newest.to_id == promotion->to.id &&
        promotion->dflt.id == promotion->to.id)
        return error_set(err, PARE_ERR_REFUSED, "%s:%s is the default already (rev %lld)",
                         promotion->to.name, promotion->to.version,
                         (long long)promotion->newest.rev);
    if (look->bytes_changed)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: the bytes of %s:%s are not those that were stored; promote "
                         "another version",
                         promotion->to.name, promotion->to.version);
    return true;
}

/* A broken connection: ask again after the next one. Everything else is said. */
static bool failed(struct promote *self, const struct pare_error *err)
{
    self->view.app->dirty = true;
    if (!err)
        return false;
    if (err->code == PARE_ERR_NO_DATABASE)
        self->asked = false;
    else
        stop(self, err);
    return true;
}

static void look_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct promote *self = owner;
    struct arena arena = { 0 };
    struct browse_look look;
    struct pare_error problem;
    if (failed(self, err))
        return;
    if (!browse_take_look(rows, request->batch.count, &arena, &look, &problem)) {
        arena_done(&arena);
        stop(self, &problem);
        return;
    }
    if (self->stage == STAGE_CHECKING) {
        judge_arrival(self, &look);
        arena_done(&arena);
        return;
    }
    if (self->rollback)
        look.promotion.gate_count = 0; /* going back asks no leave */
    arena_done(&self->look_arena);
    self->look_arena = arena;
    self->look = look;
    self->looked = can_be_done(self, &look, &problem);
    lines_done(&self->lines);
    if (!self->looked) {
        stop(self, &problem);
        return;
    }
    self->stage = STAGE_LOOKING;
    self->width = 0; /* draw() lays it out */
}

static void ask_look(struct promote *self, int64_t check_bytes_id)
{
    struct request *request = link_request(self, look_came);
    if (!request)
        return;
    browse_ask_look(&request->batch, self->name, self->version,
                    rows_default_id(&self->view.app->rows, self->name), check_bytes_id);
    link_send(&self->view.app->link, request);
}

static void undoable_came(void *owner, struct request *request, struct pg_rows *const *rows,
                          const struct pare_error *err)
{
    struct promote *self = owner;
    struct pare_error problem;
    int64_t from_id;
    (void)request;
    if (failed(self, err))
        return;
    browse_take_undoable(rows, &self->arena, &self->undoable, &from_id);
    if (self->undoable.rev == 0 || !self->undoable.from_version) {
        error_set(&problem, PARE_ERR_NOT_FOUND, "%s has no earlier default to go back to",
                  self->name);
        stop(self, &problem);
    } else if (!self->undoable.from_is_there) {
        error_set(&problem, PARE_ERR_NOT_FOUND,
                  "%s:%s, the default before, is gone; promote another", self->name,
                  self->undoable.from_version);
        stop(self, &problem);
    } else {
        self->version = self->undoable.from_version;
        ask_look(self, from_id);
    }
}

static void ask(struct promote *self)
{
    self->asked = true;
    if (!self->rollback || self->stage == STAGE_CHECKING) {
        ask_look(self, 0);
        return;
    }
    struct request *request = link_request(self, undoable_came);
    if (!request)
        return;
    browse_ask_undoable(&request->batch, self->name);
    link_send(&self->view.app->link, request);
}

static void news(struct view *view)
{
    struct promote *self = (struct promote *)view;
    bool reading = self->stage == STAGE_READING || self->stage == STAGE_CHECKING;
    if (reading && !self->asked && view->app->link.state == LINK_READY)
        ask(self);
}

/* ---- writing ---- */

static void set_came(void *owner, struct request *request, struct pg_rows *const *rows,
                     const struct pare_error *err)
{
    struct promote *self = owner;
    struct pare_error problem;
    int64_t rev;
    (void)request;
    self->view.app->dirty = true;
    if (err && err->code == PARE_ERR_NO_DATABASE) {
        self->stage = STAGE_CHECKING;
        self->asked = false;
    } else if (err) {
        stop(self, err);
    } else if (default_set_take(rows, &self->look.promotion, &rev, &problem)) {
        done(self, rev);
    } else {
        stop(self, &problem);
        rows_look_again(&self->view.app->rows);
    }
}

static void write_it(struct promote *self)
{
    struct app *app = self->view.app;
    struct default_change change = {
        .kind = self->rollback ? "rollback" : "promote",
        .reason = confirm_reason(&self->confirm),
        .forced = forces(self),
        .undoes = self->rollback ? self->undoable.rev : 0,
    };
    struct pare_error err;
    struct request *request = app_may_write(app) ? link_request(self, set_came) : NULL;
    if (!request)
        return;
    if (!browse_ask_set(&request->batch, &app->link.registry, &self->look.promotion, &change,
                        &err)) {
        stop(self, &err);
        link_drop(request);
        return;
    }
    self->stage = STAGE_WRITING;
    link_send(&app->link, request);
}

/* ---- typing ---- */

static bool type(struct view *view, const struct key *key)
{
    struct promote *self = (struct promote *)view;
    if (self->stage != STAGE_TYPING)
        return false;
    enum confirm_news news = confirm_key(&self->confirm, view->app, key);
    if (news == CONFIRM_GIVEN)
        write_it(self);
    else if (news == CONFIRM_LEFT)
        self->stage = STAGE_LOOKING;
    return true;
}

static void act(struct view *view, enum action action)
{
    struct promote *self = (struct promote *)view;
    if (action == ACTION_CONFIRM && self->stage == STAGE_LOOKING) {
        self->stage = STAGE_TYPING;
        confirm_begin(&self->confirm, word(self), wanted_reason(self));
    } else if (action == ACTION_AGAIN &&
               (self->stage == STAGE_LOOKING || self->stage == STAGE_STOPPED)) {
        self->stage = STAGE_READING;
        self->asked = false;
        news(view);
    } else {
        scroll_page(&self->scroll, action);
    }
}

/* ---- drawing ---- */

/* What the panel below says, and how. While it is typed: what is asked for. */
static const char *panel_words(const struct promote *self, char to[QUESTION_MAX], int *ret_role)
{
    bool forced = self->looked && forces(self);
    *ret_role = ROLE_DIM;
    switch (self->stage) {
    case STAGE_READING:
        return "reading what would change";
    case STAGE_LOOKING:
        *ret_role = forced ? ROLE_WARNING : ROLE_PLAIN;
        return forced ? "A gate is open. Enter goes on all the same, q leaves."
                      : "Enter goes on to confirm, q leaves.";
    case STAGE_TYPING:
        if (forced)
            snprintf(to, QUESTION_MAX,
                     "A gate is open. To promote all the same type %s and a reason.", word(self));
        else
            snprintf(to, QUESTION_MAX, "To %s type yes%s.",
                     self->rollback ? "roll back" : "promote",
                     self->rollback ? ", and a reason if there is one" : "");
        return to;
    case STAGE_WRITING:
        return "writing";
    case STAGE_CHECKING:
        *ret_role = ROLE_WARNING;
        return "The connection was lost while the change was written. Whether it arrived is looked "
               "up as soon as the server is back.";
    case STAGE_STOPPED:
        *ret_role = ROLE_ERROR;
        return self->error.text;
    }
    return "";
}

/* Small screens are for what would change: there the panel takes no more than it needs. */
static int panel_rows(const struct promote *self, const char *words, int columns, int height)
{
    int needed = self->stage == STAGE_TYPING
                     ? confirm_rows(words, columns)
                     : MIN(text_lines(words, MAX(1, columns - 2)), CONFIRM_ROWS);
    return 1 + (height < ROOMY_FROM ? needed : MAX(needed, CONFIRM_ROWS));
}

static void lay_out(struct promote *self, const struct canvas *canvas)
{
    enum preview_width width = preview_width_for(canvas->columns);
    if (!self->looked || width == self->width)
        return;
    self->width = width;
    preview_fill(&self->lines, &self->look, self->rollback ? &self->undoable : NULL, width,
                 canvas->ascii);
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct promote *self = (struct promote *)view;
    char to[QUESTION_MAX];
    int role;
    const char *words = panel_words(self, to, &role);
    int rows = MIN(panel_rows(self, words, canvas->columns, area.height), area.height);
    struct view_area above = { .top = area.top, .height = area.height - rows };
    int row = area.top + above.height;
    lay_out(self, canvas);
    if (above.height > 0)
        lines_draw(&self->lines, &self->scroll, canvas, above);
    canvas_rule(canvas, row++);
    canvas_cursor(canvas, row, 0);
    if (self->stage == STAGE_TYPING)
        confirm_draw(&self->confirm, canvas, row, words);
    else
        canvas_wrap(canvas, row, 1, canvas->columns - 2, rows - 1, role, words);
}

static void command(struct view *view, struct buf *buf)
{
    struct promote *self = (struct promote *)view;
    const struct promotion *promotion = &self->look.promotion;
    const char *reason = confirm_reason(&self->confirm);
    bool known = self->looked;
    if (self->rollback) {
        buf_text(buf, "pare rollback ");
        shell_quote(buf, self->name);
        if (known && promotion->newest.to_version) {
            buf_text(buf, " --from ");
            shell_quote(buf, promotion->newest.to_version);
        }
    } else {
        buf_text(buf, "pare promote ");
        shell_ref(buf, self->name, self->version);
        if (known && promotion->newest.rev)
            buf_printf(buf, " --expect @%lld", (long long)promotion->newest.rev);
        else if (known)
            buf_text(buf, " --expect none");
        if (known && forces(self))
            buf_text(buf, " --force");
    }
    if (known && (reason || forces(self))) {
        buf_text(buf, " --reason ");
        shell_quote(buf, reason ? reason : "...");
    }
}

static void close_view(struct view *view)
{
    struct promote *self = (struct promote *)view;
    if (self->stage == STAGE_WRITING || self->stage == STAGE_CHECKING)
        if (!*view->app->message)
            app_say(view->app, ROLE_WARNING,
                    "left before the registry answered: pare history %s tells", self->name);
    link_forget(&view->app->link, self);
    lines_done(&self->lines);
    arena_done(&self->look_arena);
    arena_done(&self->arena);
    free(self);
}

#define PROMOTE_OPS(title)                                                                         \
    {                                                                                              \
        .kind = VIEW_PROMOTE, .name = title, .draw = draw, .act = act, .type = type, .news = news, \
        .command = command, .close = close_view,                                                   \
    }
static const struct view_ops ops_promote = PROMOTE_OPS("Promote");
static const struct view_ops ops_rollback = PROMOTE_OPS("Rollback");
#undef PROMOTE_OPS

static struct view *open_view(struct app *app, bool rollback, const char *name, const char *version)
{
    struct promote *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = rollback ? &ops_rollback : &ops_promote, .app = app };
    self->rollback = rollback;
    self->name = arena_strdup(&self->arena, name);
    self->version = arena_strdup(&self->arena, version);
    if (!self->name || !self->version) {
        close_view(&self->view);
        return NULL;
    }
    news(&self->view);
    return &self->view;
}

struct view *promote_open(struct app *app, const char *name, const char *version)
{
    return open_view(app, false, name, version);
}

struct view *rollback_open(struct app *app, const char *name)
{
    return open_view(app, true, name, "");
}
