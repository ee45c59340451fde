/* SPDX-License-Identifier: MIT */
/*
 * Everything that can be done, by its name: typed, chosen, done.
 *
 * It lies over the foot of the view it was called from, which goes on below it. What is done is
 * done as if by its key, after this has gone: what asks first by key asks first from here. A
 * paste only fills the line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "tui/app.h"
#include "tui/number.h"
#include "tui/prompt.h"
#include "tui/scroll.h"
#include "tui/shell.h"
#include "tui/view/palette_list.h"

enum { KEY_WIDTH = 5, TEXT_WIDTH_MAX = 48, VIEW_ROWS_MIN = 4, LIST_ROWS_MAX = 24 };

struct palette {
    struct view view;
    struct prompt prompt;
    struct scroll scroll;
    struct palette_list list;
};

static const struct palette_entry *chosen(const struct palette *self)
{
    return self->scroll.cursor < self->list.count ? &self->list.entries[self->scroll.cursor] : NULL;
}

/* Something else was typed: the best is chosen. */
static void typed(struct palette *self)
{
    palette_list_fill(&self->list, self->prompt.text, true);
    self->scroll.cursor = self->scroll.top = 0;
    scroll_fit(&self->scroll, self->list.count, (int)MAX(self->scroll.height, 1));
}

/* What there is has changed: what was chosen stays chosen. */
static void renew(struct palette *self)
{
    const struct palette_entry *entry = chosen(self);
    enum palette_kind kind = entry ? entry->kind : PALETTE_ACTION;
    int64_t id = entry ? entry->id : -1;
    palette_list_fill(&self->list, self->prompt.text, false);
    for (size_t i = 0; i < self->list.count; i++)
        if (self->list.entries[i].kind == kind && self->list.entries[i].id == id)
            self->scroll.cursor = i;
    scroll_fit(&self->scroll, self->list.count, (int)MAX(self->scroll.height, 1));
    self->view.app->dirty = true;
}

static void tests_came(void *owner)
{
    renew(owner);
}

static void news(struct view *view)
{
    renew((struct palette *)view);
}

/* ---- doing ---- */

/* The screen of this kind that one came through, or else a new one. */
static void to_screen(struct app *app, enum view_kind kind)
{
    struct view *there = app->top;
    while (there && there->ops->kind != kind)
        there = there->below;
    if (!there)
        app_push(app, kind == VIEW_JOBS ? jobs_open(app, 0) : tests_open(app));
    while (there && app->top != there)
        app_close(app, app->top);
}

static void open_version(struct app *app, int64_t id)
{
    const struct browse_row *row = rows_find(&app->rows, id);
    if (!row)
        app_say(app, ROLE_ERROR, "that version is not in the registry any more");
    else
        app_push(app, version_open(app, id, browse_name(app->rows.list, row),
                                   browse_word(app->rows.list, row->version)));
}

/* This view goes first: what is done is done on the one below it. */
static void run(struct palette *self, const struct palette_entry *entry)
{
    struct app *app = self->view.app;
    enum palette_kind kind = entry->kind;
    int64_t id = entry->id;
    app_close(app, &self->view);
    app->message[0] = '\0';
    switch (kind) {
    case PALETTE_ACTION:
        app_act(app, (enum action)id);
        break;
    case PALETTE_SCREEN:
        to_screen(app, (enum view_kind)id);
        break;
    case PALETTE_THEME:
        app_theme(app, (enum theme)id);
        break;
    case PALETTE_VERSION:
        open_version(app, id);
        break;
    case PALETTE_JOB:
        app_push(app, job_open(app, id));
        break;
    case PALETTE_TEST:
        app_push(app, test_open(app, id));
        break;
    default:
        break;
    }
}

/* Write out what is chosen; of what wants an argument the word, ready for it. */
static void complete(struct palette *self, const struct palette_entry *entry)
{
    char line[PROMPT_MAX];
    snprintf(line, sizeof(line), "%.*s ", PROMPT_MAX - 2, self->prompt.text);
    /* A word that wants an argument lacks its blank alone. */
    bool whole = !strcmp(palette_word_of(line), line);
    if (!whole && entry->kind == PALETTE_WORD)
        snprintf(line, sizeof(line), "%.*s", (int)strcspn(entry->text, " ") + 1, entry->text);
    else if (!whole && entry->kind == PALETTE_JOB)
        snprintf(line, sizeof(line), "%s", entry->text);
    else if (!whole)
        snprintf(line, sizeof(line), "%s%s", palette_word_for(entry->kind), entry->text);
    prompt_set(&self->prompt, line);
    typed(self);
}

static void enter(struct palette *self)
{
    const struct palette_entry *entry = chosen(self);
    if (!entry)
        app_say(self->view.app, ROLE_ERROR, "there is nothing of that name here");
    else if (entry->kind == PALETTE_WORD)
        complete(self, entry);
    else
        run(self, entry);
}

/* ---- keys ---- */

static enum action movement(const struct key *key)
{
    switch (key->kind) {
    case KEY_UP:
        return ACTION_UP;
    case KEY_DOWN:
        return ACTION_DOWN;
    case KEY_PAGE_UP:
        return ACTION_PAGE_UP;
    case KEY_PAGE_DOWN:
        return ACTION_PAGE_DOWN;
    case KEY_CTRL:
        return key->text[0] == 'p' ? ACTION_UP : key->text[0] == 'n' ? ACTION_DOWN : ACTION_NONE;
    default:
        return ACTION_NONE;
    }
}

static bool is_leaving(const struct palette *self, const struct key *key)
{
    return key->kind == KEY_ESCAPE || (key->kind == KEY_RUBOUT && self->prompt.length == 0);
}

/* Every key is for the line: nothing is done by a letter here. */
static bool type(struct view *view, const struct key *key)
{
    struct palette *self = (struct palette *)view;
    if (is_leaving(self, key)) {
        app_close(view->app, view);
        return true;
    }
    if (key->kind != KEY_OTHER)
        view->app->message[0] = '\0';
    if (key->kind == KEY_TAB && chosen(self))
        complete(self, chosen(self));
    else if (key->kind == KEY_ENTER)
        enter(self);
    else if (!scroll_act(&self->scroll, movement(key)) &&
             prompt_key(&self->prompt, key) == PROMPT_EDITED)
        typed(self);
    return true;
}

static void act(struct view *view, enum action action)
{
    (void)view;
    (void)action; /* type() has every key */
}

/* ---- drawing ---- */

/* The matched letters are bold and underlined, so that no colour is needed to see them. */
static void mark(struct canvas *canvas, int row, int column, int columns, const char *text,
                 const struct fuzzy_match *match)
{
    size_t length = strlen(text), next = 0;
    int at = 0, width;
    for (size_t from = 0, step; (step = text_cluster(text + from, length - from, &width)) > 0;
         from += step, at += width) {
        bool is = false;
        for (; next < match->count && match->at[next] < from + step; next++)
            is = true;
        if (is && at + width <= columns)
            canvas_mark(canvas, row, column + at, width, ROLE_MATCH);
    }
}

static void draw_entry(struct canvas *canvas, int row, const struct palette_entry *entry,
                       int key_width, int text_columns)
{
    int at = 1, room;
    if (key_width > 0)
        canvas_right(canvas, row, at, key_width, ROLE_KEY, entry->key);
    at += key_width ? key_width + 2 : 1;
    canvas_text(canvas, row, at, text_columns, ROLE_PLAIN, entry->text);
    if (!entry->in_what)
        mark(canvas, row, at, text_columns, entry->text, &entry->match);
    at += text_columns + 2;
    room = canvas->columns - at - 1;
    canvas_text(canvas, row, at, room, ROLE_DIM, entry->what);
    if (entry->in_what)
        mark(canvas, row, at, room, entry->what, &entry->match);
}

static void draw_list(struct palette *self, struct canvas *canvas, int row, int rows)
{
    int key_width = 0, widest = 0;
    for (size_t i = 0; i < self->list.count; i++) {
        const struct palette_entry *entry = &self->list.entries[i];
        key_width = *entry->key ? KEY_WIDTH : key_width;
        widest = MAX(widest, text_width(entry->text));
    }
    widest = MIN(MIN(widest, TEXT_WIDTH_MAX), canvas->columns - 4 - key_width);
    for (int i = 0; i < rows; i++) {
        size_t place = self->scroll.top + (size_t)i;
        draw_entry(canvas, row + i, &self->list.entries[place], key_width, widest);
        if (place == self->scroll.cursor)
            canvas_select(canvas, row + i);
    }
}

static void draw_prompt(struct palette *self, struct canvas *canvas, int row)
{
    char shown[NUMBER_ROOM], all[NUMBER_ROOM], words[3 * NUMBER_ROOM] = "";
    const struct palette_list *list = &self->list;
    if (list->total > list->count) {
        number_count(list->count, shown);
        number_count(list->total, all);
        snprintf(words, sizeof(words), "the best %s of %s", shown, all);
    } else if (list->count == 0) {
        snprintf(words, sizeof(words), "nothing fits");
    }
    int room = MIN(text_width(words) + 2, canvas->columns / 2);
    canvas_fill(canvas, row, 0, canvas->columns, ROLE_PLAIN, ' ');
    canvas_text(canvas, row, 1, 1, ROLE_KEY, ":");
    canvas_right(canvas, row, canvas->columns - room, room - 1, ROLE_DIM, words);
    prompt_draw(&self->prompt, canvas, row, 3, canvas->columns - 4 - room);
}

/* What the actions are about may be hidden: it is said on the line above them. */
static void draw_rule(struct view *below, struct canvas *canvas, int row)
{
    struct buf about;
    buf_init(&about, APP_MESSAGE_MAX);
    canvas_rule(canvas, row);
    if (below->ops->detail)
        below->ops->detail(below, &about);
    if (about.length > 0)
        canvas_printf(canvas, row, 2, canvas->columns - 4, ROLE_DIM, " %s ", buf_string(&about));
    buf_done(&about);
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct palette *self = (struct palette *)view;
    int most = MAX(0, MIN(area.height - 2 - VIEW_ROWS_MIN, LIST_ROWS_MAX));
    if (area.height < 2 * VIEW_ROWS_MIN)
        most = MAX(0, area.height - 2);
    int rows = (int)MIN(self->list.count, (size_t)most);
    int line = area.top + area.height - 1;
    view->below->ops->draw(view->below, canvas, area);
    scroll_fit(&self->scroll, self->list.count, most);
    for (int i = 0; i < rows; i++)
        canvas_fill(canvas, line - rows + i, 0, canvas->columns, ROLE_PLAIN, ' ');
    if (area.height > rows + 1)
        draw_rule(view->below, canvas, line - rows - 1);
    draw_list(self, canvas, line - rows, rows);
    draw_prompt(self, canvas, line);
}

/* ---- the view ---- */

static void command(struct view *view, struct buf *buf)
{
    struct palette *self = (struct palette *)view;
    const struct palette_entry *entry = chosen(self);
    const struct browse_row *row =
        entry && entry->kind == PALETTE_VERSION ? rows_find(&view->app->rows, entry->id) : NULL;
    if (row) {
        const struct browse_list *list = view->app->rows.list;
        buf_text(buf, "pare show ");
        shell_ref(buf, browse_name(list, row), browse_word(list, row->version));
    } else if (entry && entry->kind == PALETTE_JOB) {
        buf_printf(buf, "pare job show %lld", (long long)entry->id);
    } else if (entry && entry->kind == PALETTE_TEST) {
        buf_printf(buf, "pare ab show %lld", (long long)entry->id);
    } else if (entry && entry->kind == PALETTE_THEME) {
        buf_printf(buf, "pare --theme %s", theme_word((enum theme)entry->id));
    } else {
        view->below->ops->command(view->below, buf);
    }
}

static void detail(struct view *view, struct buf *buf)
{
    const struct palette *self = (struct palette *)view;
    const struct palette_entry *entry = chosen(self);
    if (entry)
        buf_printf(buf, "%s%s%s", entry->text, *entry->what ? ": " : "", entry->what);
    else if (self->list.tests.error.code)
        buf_text(buf, self->list.tests.error.text);
}

static void close_view(struct view *view)
{
    struct palette *self = (struct palette *)view;
    palette_tests_done(&self->list.tests);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_PALETTE,
    .name = "Commands",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .command = command,
    .detail = detail,
    .close = close_view,
};

struct view *palette_open(struct app *app)
{
    struct palette *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app, .below = app->top };
    self->list.app = app;
    self->list.of = app->top->ops->kind;
    palette_tests_init(&self->list.tests, app, self, tests_came);
    typed(self);
    return &self->view;
}
