/* SPDX-License-Identifier: MIT */
/*
 * The columns of the list of versions: which, in which order, how wide, and what it is sorted by.
 *
 * What the registry's newest versions have below metrics and config is offered beside the fields
 * that every version has. Each key takes effect at once, on the list that lies below.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "registry/browse_paths.h"
#include "tui/app.h"
#include "tui/prompt.h"
#include "tui/scroll.h"
#include "tui/sift.h"
#include "tui/view/recall.h"

enum { WORD_COLUMN = 6, WIDTH_STEP = 1, FITTED_START = 10, TYPED_MAX = PROMPT_MAX + 16 };

struct columns {
    struct view view;
    struct sift *sift;
    struct arena arena; /* of what the server said */
    struct browse_paths found;
    bool asked, came;
    struct pare_error error;
    struct scroll scroll;
    struct prompt prompt;
    bool typing;
};

/* A line: a column that is there, or one that may come. */
struct item {
    const char *word;
    int at;        /* in the shape; -1: it is off */
    int64_t count; /* of the versions looked at that have it; -1: not a matter of the rows */
};

/* ---- what there is ---- */

static const struct browse_path *find_path(const struct columns *self, const char *word)
{
    for (size_t i = 0; i < self->found.count; i++)
        if (!strcmp(self->found.paths[i].word, word))
            return &self->found.paths[i];
    return NULL;
}

static const char *known_off(const struct shape *shape, size_t number)
{
    for (int i = 0; shape_known[i]; i++)
        if (shape_find(shape, shape_known[i]) < 0 && number-- == 0)
            return shape_known[i];
    return NULL;
}

static const struct browse_path *path_off(const struct columns *self, const struct shape *shape,
                                          size_t number)
{
    for (size_t i = 0; i < self->found.count; i++)
        if (shape_find(shape, self->found.paths[i].word) < 0 && number-- == 0)
            return &self->found.paths[i];
    return NULL;
}

/* Columns from left to right, then fields, then paths. False beyond the last one. */
static bool item_at(const struct columns *self, size_t line, struct item *ret_item)
{
    const struct shape *shape = &sift_wish(self->sift)->shape;
    size_t known = 0;
    if (line < (size_t)shape->count) {
        const char *word = shape->columns[line].word;
        const struct browse_path *path = find_path(self, word);
        *ret_item = (struct item){ word, (int)line, path ? path->count : -1 };
        return true;
    }
    line -= (size_t)shape->count;
    while (known_off(shape, known))
        known++;
    if (line < known) {
        *ret_item = (struct item){ known_off(shape, line), -1, -1 };
        return true;
    }
    const struct browse_path *path = path_off(self, shape, line - known);
    if (path)
        *ret_item = (struct item){ path->word, -1, path->count };
    return path != NULL;
}

static size_t item_count(const struct columns *self)
{
    struct item item;
    size_t count = 0;
    while (item_at(self, count, &item))
        count++;
    return count;
}

static void go_to(struct columns *self, const char *word)
{
    struct item item;
    for (size_t i = 0; item_at(self, i, &item); i++)
        if (!strcmp(item.word, word))
            self->scroll.cursor = i;
    scroll_fit(&self->scroll, item_count(self), (int)MAX(self->scroll.height, 1));
}

/* ---- asking ---- */

static void paths_came(void *owner, struct request *request, struct pg_rows *const *rows,
                       const struct pare_error *err)
{
    struct columns *self = owner;
    struct item item;
    (void)request;
    self->came = true;
    self->view.app->dirty = true;
    if (err)
        self->error = *err;
    else if (browse_take_paths(rows, &self->arena, &self->found, &self->error))
        self->error.code = PARE_OK;
    if (item_at(self, self->scroll.cursor, &item))
        go_to(self, item.word);
}

static void ask(struct columns *self)
{
    struct app *app = self->view.app;
    if (self->asked || app->link.state != LINK_READY)
        return;
    struct request *request = link_request(self, paths_came);
    if (!request)
        return;
    self->asked = true;
    browse_ask_paths(&request->batch);
    link_send(&app->link, request);
}

static void news(struct view *view)
{
    ask((struct columns *)view);
}

/* ---- drawing ---- */

static void draw_item(const struct columns *self, struct canvas *canvas, int line,
                      const struct item *item)
{
    const struct sift_wish *wish = sift_wish(self->sift);
    const struct sift_parsed *good = &self->sift->good;
    int room = MAX(8, canvas->columns - WORD_COLUMN - 32), at = WORD_COLUMN + room + 1;
    bool frozen = item->at >= 0 && item->at < SHAPE_FROZEN, descending = false;
    int role = item->at >= 0 ? ROLE_PLAIN : ROLE_DIM;
    canvas_text(canvas, line, 2, 3, frozen ? ROLE_DIM : role, item->at >= 0 ? "[x]" : "[ ]");
    canvas_text(canvas, line, WORD_COLUMN, room, role, item->word);
    if (item->at >= 0 && wish->shape.columns[item->at].width)
        canvas_printf(canvas, line, at, 8, ROLE_PLAIN, "%d wide",
                      wish->shape.columns[item->at].width);
    int in_force = item->at >= 0 ? shape_find(&good->wish.shape, item->word) : -1;
    int place =
        in_force >= 0 ? sift_sort_place(self->sift, &good->fields[in_force], &descending) : 0;
    if (place)
        canvas_printf(canvas, line, at + 9, 9, ROLE_TITLE, "%d %s", place,
                      descending ? "desc" : "asc");
    if (frozen)
        canvas_text(canvas, line, at + 19, 12, ROLE_DIM, "always");
    else if (item->count >= 0)
        canvas_printf(canvas, line, at + 19, 12, ROLE_DIM, "%lld of %lld", (long long)item->count,
                      (long long)self->found.looked_at);
}

static void draw_titles(const struct columns *self, struct canvas *canvas, int line)
{
    int at = WORD_COLUMN + MAX(8, canvas->columns - WORD_COLUMN - 32) + 1;
    canvas_text(canvas, line, WORD_COLUMN, at - WORD_COLUMN - 1, ROLE_DIM, "column");
    canvas_text(canvas, line, at, 8, ROLE_DIM, "width");
    canvas_text(canvas, line, at + 9, 9, ROLE_DIM, "sort");
    canvas_text(canvas, line, at + 19, 12, ROLE_DIM, self->came ? "newest have" : "");
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct columns *self = (struct columns *)view;
    int height = area.height - 2;
    struct item item;
    scroll_fit(&self->scroll, item_count(self), height);
    if (self->typing) {
        canvas_text(canvas, area.top, 0, 2, ROLE_KEY, " /");
        prompt_draw(&self->prompt, canvas, area.top, 3, canvas->columns - 4);
    } else if (self->sift->waiting) {
        canvas_right(canvas, area.top, 2, canvas->columns - 3, ROLE_DIM, "reading");
    }
    draw_titles(self, canvas, area.top + 1);
    for (int i = 0; i < height; i++) {
        size_t place = self->scroll.top + (size_t)i;
        if (!item_at(self, place, &item))
            break;
        draw_item(self, canvas, area.top + 2 + i, &item);
        if (place == self->scroll.cursor) {
            canvas_select(canvas, area.top + 2 + i);
            if (!self->typing)
                canvas_cursor(canvas, area.top + 2 + i, 0);
        }
    }
}

static void command(struct view *view, struct buf *buf)
{
    sift_put_command(((struct columns *)view)->sift, buf);
}

static void detail(struct view *view, struct buf *buf)
{
    const struct columns *self = (const struct columns *)view;
    if (self->error.code)
        buf_printf(buf, "which values the rows have is not known: %s", self->error.text);
    else if (self->typing)
        buf_text(buf, "a path such as metrics.f1 or config.layers; Enter adds it, Escape does not");
    else if (!self->came)
        buf_text(buf, "asking which values the rows have");
    else /* field_find() refuses more, with the word that is one too many */
        buf_printf(buf, "%d of at most %d values of JSON in use: each is held for every row",
                   self->sift->good.paths.count, VERSION_PATHS_MAX);
}

/* ---- acting ---- */

static void wish_for(struct columns *self, const struct sift_wish *wish)
{
    struct app *app = self->view.app;
    struct pare_error err;
    if (!sift_want(self->sift, &app->rows, wish, &err))
        app_say(app, ROLE_ERROR, "%s", err.text);
}

/* One that has come or gone stays under the cursor. */
static void toggle(struct columns *self, const struct item *item)
{
    struct app *app = self->view.app;
    struct sift_wish wish = *sift_wish(self->sift);
    char word[SHAPE_WORD_MAX];
    struct pare_error err;
    snprintf(word, sizeof(word), "%s", item->word);
    if (item->at < 0 && !shape_add(&wish.shape, word, &err))
        app_say(app, ROLE_ERROR, "%s", err.text);
    else if (item->at >= 0 && !shape_remove(&wish.shape, item->at))
        app_say(app, ROLE_PLAIN, "name and version are always there");
    else
        wish_for(self, &wish);
    go_to(self, word);
}

static void widen(struct columns *self, const struct item *item, int by)
{
    struct sift_wish wish = *sift_wish(self->sift);
    if (item->at < 0)
        return;
    int *width = &wish.shape.columns[item->at].width;
    int from = *width ? *width : FITTED_START;
    *width = by ? MAX(SHAPE_WIDTH_MIN, MIN(from + by, SHAPE_WIDTH_MAX)) : 0;
    wish_for(self, &wish);
}

static void move(struct columns *self, const struct item *item, int by)
{
    struct sift_wish wish = *sift_wish(self->sift);
    if (!shape_move(&wish.shape, item->at, by))
        return;
    wish_for(self, &wish);
    self->scroll.cursor = (size_t)(item->at + by);
}

/* What is not seen is not sorted by: it comes with it. */
static void sort_by(struct columns *self, const struct item *item)
{
    struct app *app = self->view.app;
    struct sift_wish wish = *sift_wish(self->sift);
    char word[SHAPE_WORD_MAX];
    struct pare_error err;
    snprintf(word, sizeof(word), "%s", item->word);
    if (item->at < 0 && !shape_add(&wish.shape, word, &err)) {
        app_say(app, ROLE_ERROR, "%s", err.text);
        return;
    }
    sift_sort_first(sift_wish(self->sift), word, true, wish.sort);
    wish_for(self, &wish);
    go_to(self, word);
}

static void sort_by_none(struct columns *self)
{
    struct sift_wish wish = *sift_wish(self->sift);
    wish.sort[0] = '\0';
    wish_for(self, &wish);
}

static void act_on(struct columns *self, const struct item *item, enum action action)
{
    switch (action) {
    case ACTION_TOGGLE:
        toggle(self, item);
        break;
    case ACTION_MOVE_BACK:
    case ACTION_MOVE_ON:
        move(self, item, action == ACTION_MOVE_ON ? 1 : -1);
        break;
    case ACTION_WIDER:
    case ACTION_NARROWER:
        widen(self, item, action == ACTION_WIDER ? WIDTH_STEP : -WIDTH_STEP);
        break;
    case ACTION_FITTED:
        widen(self, item, 0);
        break;
    case ACTION_SORT_FIRST:
        sort_by(self, item);
        break;
    case ACTION_SORT_NONE:
        sort_by_none(self);
        break;
    default:
        scroll_act(&self->scroll, action);
        break;
    }
}

static void act(struct view *view, enum action action)
{
    struct columns *self = (struct columns *)view;
    struct item item;
    if (action == ACTION_TYPE_PATH) {
        self->typing = true;
        prompt_set(&self->prompt, "");
    } else if (item_at(self, self->scroll.cursor, &item)) {
        act_on(self, &item, action);
    }
}

static enum field_kind kind_of(const char *word)
{
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct field field = { .kind = FIELD_JSON };
    struct pare_error err;
    (void)!field_find(word, strlen(word), &paths, &arena, &field, &err);
    arena_done(&arena);
    return field.kind;
}

/* One column has one word: latency is lat, and f1 alone is metrics.f1. */
static void put_word(const char *typed, char to[TYPED_MAX])
{
    enum field_kind kind = kind_of(typed);
    bool rooted = !strncmp(typed, "metrics.", 8) || !strncmp(typed, "config.", 7);
    snprintf(to, TYPED_MAX, "%s%s", kind == FIELD_JSON && !rooted ? "metrics." : "", typed);
    for (int i = 0; shape_known[i] && kind != FIELD_JSON; i++)
        if (kind_of(shape_known[i]) == kind)
            snprintf(to, TYPED_MAX, "%s", shape_known[i]);
}

static void add_typed(struct columns *self)
{
    struct app *app = self->view.app;
    struct sift_wish wish = *sift_wish(self->sift);
    char word[TYPED_MAX];
    struct pare_error err;
    put_word(self->prompt.text, word);
    if (!*self->prompt.text) {
        self->typing = false;
        return;
    }
    if (!shape_add(&wish.shape, word, &err)) {
        app_say(app, ROLE_ERROR, "%s", err.text);
        return;
    }
    self->typing = false;
    wish_for(self, &wish);
    go_to(self, word);
}

static bool type(struct view *view, const struct key *key)
{
    struct columns *self = (struct columns *)view;
    if (!self->typing) {
        bool space = key->kind == KEY_TEXT && !strcmp(key->text, " ");
        if (space)
            act(view, ACTION_TOGGLE);
        return space;
    }
    enum prompt_news said = prompt_key(&self->prompt, key);
    if (said == PROMPT_ENTERED)
        add_typed(self);
    else if (said == PROMPT_LEFT)
        self->typing = false;
    return true;
}

static void close_view(struct view *view)
{
    struct columns *self = (struct columns *)view;
    recall_put(view->app, self->sift);
    link_forget(&view->app->link, self);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_COLUMNS,
    .name = "Columns",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .command = command,
    .detail = detail,
    .close = close_view,
};

struct view *columns_open(struct app *app, struct sift *sift)
{
    struct columns *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->sift = sift;
    self->scroll.cursor = SHAPE_FROZEN;
    ask(self);
    return &self->view;
}
