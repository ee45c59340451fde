/* SPDX-License-Identifier: MIT */
/* The keys, made of the action table, so that it cannot lie. */
#include <stdlib.h>

#include "base/buf.h"
#include "tui/app.h"
#include "tui/lines.h"
#include "tui/scroll.h"

struct help {
    struct view view;
    struct lines lines;
    struct scroll scroll;
};

static const struct {
    enum view_kind kind;
    const char *name;
} screens[] = {
    { VIEW_MODELS, "Models" },
    { VIEW_VERSION, "Version" },
    { VIEW_NEW_JOB, "New job" },
    { VIEW_JOBS, "Jobs" },
    { VIEW_JOB, "Job" },
    { VIEW_PROMOTE, "Promote and Rollback" },
    { VIEW_TESTS, "Tests" },
    { VIEW_TEST, "Test" },
    { VIEW_CONCLUDE, "End of a test" },
};

static const char *const signs[][2] = {
    { "\u2605 *", "the default of its model" },
    { "o", "no default yet: the model's versions are compared with this one" },
    { "-70%", "a change against the default, of numbers measured alike (size: always)" },
    { "-0.21", "of accuracy: percentage points" },
    { "~", "both have a number, but they were not measured alike" },
    { "--", "the default itself" },
    { "[-3, +1]", "of a test: where B - A lies, right at any time one looks" },
    { "> p95", "of a test: what its verdict is about; a limit is how much worse B may be" },
};

static const char *const filters[][2] = {
    { "bert", "in the name or the version" },
    { "name~bert opt=int8,int4", "all must hold; a comma means or; ! turns one around" },
    { "lat<20 size<200MB", "in ms and MB, or with a unit" },
    { "accuracy>=default-1pp", "against the model's default" },
    { "metrics.f1>.8", "any value below metrics or config" },
    { "default", "the defaults alone" },
};

static void put_actions(struct lines *lines, int views)
{
    for (int i = 0; i < ACTION_NONE; i++) {
        if (actions[i].views != views)
            continue;
        lines_printf(lines, ROLE_PLAIN, actions[i].key, "%s%s", actions[i].what,
                     actions[i].writes ? " (writes)" : "");
    }
}

/* An action of several views, but not of all, stands under each. */
static void put_screen(struct lines *lines, enum view_kind kind)
{
    for (int i = 0; i < ACTION_NONE; i++)
        if ((actions[i].views & (int)kind) && actions[i].views != VIEW_ALL)
            lines_printf(lines, ROLE_PLAIN, actions[i].key, "%s%s", actions[i].what,
                         actions[i].writes ? " (writes)" : "");
}

static void fill(struct lines *lines, enum view_kind of)
{
    for (int own = 1; own >= 0; own--)
        for (size_t i = 0; i < ARRAY_SIZE(screens); i++) {
            if ((screens[i].kind == of) != own)
                continue;
            lines_heading(lines, screens[i].name);
            put_screen(lines, screens[i].kind);
        }
    lines_heading(lines, "everywhere");
    put_actions(lines, VIEW_ALL);
    lines_heading(lines, "a filter");
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
        lines_add(lines, ROLE_PLAIN, filters[i][0], filters[i][1]);
    lines_heading(lines, "signs");
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        lines_add(lines, ROLE_PLAIN, signs[i][0], signs[i][1]);
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct help *self = (struct help *)view;
    lines_draw(&self->lines, &self->scroll, canvas, area);
}

static void act(struct view *view, enum action action)
{
    scroll_page(&((struct help *)view)->scroll, action);
}

static void command(struct view *view, struct buf *buf)
{
    (void)view;
    buf_text(buf, "pare --help");
}

static void close_view(struct view *view)
{
    struct help *self = (struct help *)view;
    lines_done(&self->lines);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_HELP,
    .name = "Help",
    .draw = draw,
    .act = act,
    .command = command,
    .close = close_view,
};

struct view *help_open(struct app *app, enum view_kind of)
{
    struct help *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    fill(&self->lines, of);
    return &self->view;
}
