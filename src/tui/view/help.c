/* SPDX-License-Identifier: MIT */
/*
 * The keys, made of the action table, so that it cannot lie: first all that do something on the
 * screen one comes from, then those of the other screens. `/` leaves the lines that have what is typed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "tui/app.h"
#include "tui/lines.h"
#include "tui/prompt.h"
#include "tui/scroll.h"

struct help {
    struct view view;
    enum view_kind of;
    struct lines lines;
    struct scroll scroll;
    struct prompt prompt;
    bool typing;
};

static const struct {
    enum view_kind kind;
    const char *name;
} screens[] = {
    { VIEW_MODELS, "Models" },
    { VIEW_COLUMNS, "Columns" },
    { VIEW_VERSION, "Version" },
    { VIEW_COMPARE, "Compare" },
    { VIEW_NEW_JOB, "New job" },
    { VIEW_JOBS, "Jobs" },
    { VIEW_JOB, "Job" },
    { VIEW_PROMOTE, "Promote and Rollback" },
    { VIEW_TESTS, "Tests" },
    { VIEW_TEST, "Test" },
    { VIEW_CONCLUDE, "End of a test" },
    { VIEW_PALETTE, "Commands" },
    { VIEW_HELP, "Help" },
};

/* Where one is, and nothing else, changes by these. */
static const enum action moves[] = {
    ACTION_DOWN,   ACTION_UP,         ACTION_PAGE_DOWN,  ACTION_PAGE_UP,     ACTION_TOP,
    ACTION_BOTTOM, ACTION_NEXT_MODEL, ACTION_LAST_MODEL, ACTION_NEXT_CHOICE, ACTION_LAST_CHOICE,
};

static const char *const signs[][2] = {
    { "\u2605 *", "the default of its model" },
    { "\u2039 \u203a < >", "there are more columns on that side: < and > go there" },
    { "+", "a marked version: c compares those that are" },
    { "o", "no default yet: the model's versions are compared with this one" },
    { "-70%", "a change against the default, of numbers measured alike (size: always)" },
    { "-0.21", "of accuracy: percentage points" },
    { "-.21?", "a change that its interval leaves open: not shown to be better or worse" },
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

enum group { LOOK, WRITE, MOVE };

static enum group group_of(int action)
{
    for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
        if ((int)moves[i] == action)
            return MOVE;
    return actions[action].writes ? WRITE : LOOK;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool has(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && lower(text[i]) == lower(part[i]))
            i++;
        if (!part[i])
            return true;
    }
    return !*part;
}

/* A heading comes with the first of its lines that has what is typed; its own words count for all. */
struct section {
    struct lines *lines;
    const char *heading, *wanted;
    bool begun;
};

static void put(struct section *section, const char *label, const char *value, const char *word)
{
    const char *wanted = section->wanted;
    if (!has(section->heading, wanted) && !has(label, wanted) && !has(value, wanted) &&
        !has(word, wanted))
        return;
    if (!section->begun)
        lines_heading(section->lines, section->heading);
    section->begun = true;
    lines_add(section->lines, ROLE_PLAIN, label, value);
}

static void put_action(struct section *section, int action, const char *mark)
{
    char text[PROMPT_MAX];
    snprintf(text, sizeof(text), "%s%s", actions[action].what, mark);
    put(section, actions[action].key, text, actions[action].word);
}

/* All that does something on the screen one comes from. */
static void put_own(struct help *self, const char *name)
{
    static const char *const titles[] = { "look", "write", "move" };
    for (int group = LOOK; group <= MOVE; group++) {
        char heading[80];
        struct section section = { &self->lines, heading, self->prompt.text, false };
        snprintf(heading, sizeof(heading), "%s: %s", name, titles[group]);
        for (int i = 0; i < ACTION_NONE; i++)
            if ((actions[i].views & (int)self->of) && (int)group_of(i) == group)
                put_action(&section, i, "");
    }
}

/* An action of several views, but not of all, stands under each. */
static void put_screen(struct help *self, enum view_kind kind, const char *name)
{
    struct section section = { &self->lines, name, self->prompt.text, false };
    for (int i = 0; i < ACTION_NONE; i++)
        if ((actions[i].views & (int)kind) && actions[i].views != VIEW_ALL)
            put_action(&section, i, actions[i].writes ? " (writes)" : "");
}

static void put_signs(struct help *self)
{
    struct section section = { &self->lines, "signs", self->prompt.text, false };
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        put(&section, signs[i][0], signs[i][1], "");
}

/* Too long to stand where a key does. */
static void put_filters(struct help *self)
{
    struct section section = { &self->lines, "a filter", self->prompt.text, false };
    char text[PROMPT_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        snprintf(text, sizeof(text), "%-25s %s", filters[i][0], filters[i][1]);
        put(&section, "", text, "");
    }
}

static void fill(struct help *self)
{
    const char *name = "here";
    for (size_t i = 0; i < ARRAY_SIZE(screens); i++)
        if (screens[i].kind == self->of)
            name = screens[i].name;
    lines_done(&self->lines);
    put_own(self, name);
    for (size_t i = 0; i < ARRAY_SIZE(screens); i++)
        if (screens[i].kind != self->of)
            put_screen(self, screens[i].kind, screens[i].name);
    put_filters(self);
    put_signs(self);
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct help *self = (struct help *)view;
    int column = 0;
    if (self->typing || self->prompt.length > 0) {
        area.height--;
        canvas_text(canvas, area.top, 1, 1, self->typing ? ROLE_KEY : ROLE_DIM, "/");
        if (self->typing)
            prompt_draw(&self->prompt, canvas, area.top, 3, canvas->columns - 4);
        else
            canvas_text(canvas, area.top, 3, canvas->columns - 4, ROLE_STRONG, self->prompt.text);
        column = canvas->cursor_column;
        area.top++;
    }
    lines_draw(&self->lines, &self->scroll, canvas, area);
    if (self->lines.count == 0)
        canvas_text(canvas, area.top + 1, 3, canvas->columns - 4, ROLE_DIM, "no line has that");
    if (self->typing)
        canvas_cursor(canvas, area.top - 1, column);
}

static void act(struct view *view, enum action action)
{
    struct help *self = (struct help *)view;
    self->typing = action == ACTION_FIND;
    scroll_page(&self->scroll, action);
}

static void search(struct help *self, const char *text)
{
    if (text)
        prompt_set(&self->prompt, text);
    fill(self);
    self->scroll.top = 0;
    self->scroll.count = lines_rows(&self->lines, self->view.app->canvas.columns);
}

/* Enter keeps what was found, Escape shows all again; the arrows move the page. */
static bool type(struct view *view, const struct key *key)
{
    struct help *self = (struct help *)view;
    bool escape = key->kind == KEY_ESCAPE;
    if (escape && (self->typing || self->prompt.length > 0)) {
        self->typing = false;
        search(self, "");
        return true;
    }
    if (!self->typing || key->kind == KEY_UP || key->kind == KEY_DOWN || key->kind == KEY_PAGE_UP ||
        key->kind == KEY_PAGE_DOWN) {
        if (self->typing)
            scroll_page(&self->scroll, action_of(key, VIEW_HELP));
        return self->typing;
    }
    enum prompt_news news = prompt_key(&self->prompt, key);
    if (news == PROMPT_EDITED)
        search(self, NULL);
    self->typing = news != PROMPT_ENTERED;
    return true;
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
    .type = type,
    .command = command,
    .close = close_view,
};

struct view *help_open(struct app *app, enum view_kind of)
{
    struct help *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->of = of;
    fill(self);
    return &self->view;
}
