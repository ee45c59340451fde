/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tui/app.h"
#include "tui/number.h"
#include "tui/prompt.h"
#include "tui/scroll.h"
#include "tui/shell.h"
#include "tui/sift.h"
#include "tui/view/version_table.h"

/* ---- the view ---- */

struct models {
    struct view view;
    struct sift sift;
    struct scroll scroll;
    int64_t cursor_id; /* the version under the cursor, so that it stays there */
    struct prompt prompt;
    bool typing;
};

static const struct browse_row *row_at(const struct models *models, size_t place)
{
    const struct browse_list *list = models->view.app->rows.list;
    return place < models->sift.count ? &list->rows[models->sift.index[place]] : NULL;
}

static void remember_cursor(struct models *models)
{
    const struct browse_row *row = row_at(models, models->scroll.cursor);
    models->cursor_id = row ? row->id : 0;
}

/* Put the cursor back on its version, the same line of the screen; where that is gone, stay near. */
static void find_cursor(struct models *models)
{
    struct scroll *scroll = &models->scroll;
    size_t line = scroll->cursor - MIN(scroll->top, scroll->cursor);
    for (size_t i = 0; models->cursor_id && i < models->sift.count; i++) {
        if (row_at(models, i)->id != models->cursor_id)
            continue;
        scroll->cursor = i;
        scroll->top = i - MIN(line, i);
        break;
    }
    scroll_fit(scroll, models->sift.count, (int)MAX(scroll->height, 1));
}

static void news(struct view *view)
{
    struct models *models = (struct models *)view;
    if (sift_update(&models->sift, &view->app->rows))
        find_cursor(models);
    scroll_fit(&models->scroll, models->sift.count, (int)MAX(models->scroll.height, 1));
    if (models->cursor_id == 0)
        remember_cursor(models);
}

/* ---- drawing ---- */

static void draw_filter(struct models *models, struct canvas *canvas, int line)
{
    const struct sift *sift = &models->sift;
    const struct browse_list *list = models->view.app->rows.list;
    int half = canvas->columns * 3 / 5;
    canvas_text(canvas, line, 0, 2, models->typing ? ROLE_KEY : ROLE_DIM, " /");
    if (models->typing)
        prompt_draw(&models->prompt, canvas, line, 3, half - 3);
    else if (*sift->good.text)
        canvas_text(canvas, line, 3, half - 3, ROLE_STRONG, sift->good.text);
    if (models->typing && sift->error.code) {
        /* Where it went wrong, marked on the line itself. */
        int column = 3 + (int)MIN(sift->error_column, PROMPT_MAX) - 1;
        int cursor_row = canvas->cursor_row, cursor_column = canvas->cursor_column;
        if (column < half && sift->error_column <= models->prompt.length)
            canvas_printf(canvas, line, column, 1, ROLE_ERROR, "%c",
                          models->prompt.text[sift->error_column - 1]);
        canvas_printf(canvas, line, half + 1, canvas->columns - half - 2, ROLE_ERROR, "column %zu",
                      sift->error_column);
        canvas_cursor(canvas, cursor_row, cursor_column);
        return;
    }
    char some[NUMBER_ROOM], all[NUMBER_ROOM];
    struct buf words;
    buf_init(&words, 4 * NUMBER_ROOM);
    if (sift->waiting)
        buf_text(&words, "reading   ");
    else if (sift->good.filter.count > 0) {
        number_count(sift->count, some);
        number_count(list->count, all);
        buf_printf(&words, "%s of %s   ", some, all);
    }
    buf_printf(&words, "by %s%s", sift_title(sift->key), sift->turned ? ", turned" : "");
    canvas_right(canvas, line, half + 1, canvas->columns - half - 2, ROLE_DIM, buf_string(&words));
    buf_done(&words);
}

/* Why the list is empty, and what to do about it. */
static void draw_empty(struct models *models, struct canvas *canvas, struct view_area area)
{
    const struct app *app = models->view.app;
    const struct link *link = &app->link;
    int line = area.top + 3, room = canvas->columns - 4;
    if (area.height < 4)
        line = area.top + area.height - 1;
    if (app->rows.list->count > 0) {
        canvas_text(canvas, line, 2, room, ROLE_PLAIN, "no version holds that condition");
    } else if (app->rows.error.code && link->state == LINK_READY) {
        canvas_wrap(canvas, line, 2, room, 4, ROLE_ERROR, app->rows.error.text);
    } else if (app->rows.whole) {
        canvas_text(canvas, line, 2, room, ROLE_PLAIN, "no versions yet; the first one:");
        canvas_text(canvas, line + 1, 2, room, ROLE_DIM,
                    "$ pare import FILE --name NAME --version VERSION");
    } else if (link->error.code && link->state <= LINK_WAITING && link->state != LINK_READY) {
        line += canvas_wrap(canvas, line, 2, room, 4, ROLE_ERROR, link->error.text);
        canvas_text(canvas, line, 2, room, ROLE_DIM, "trying again; r tries at once");
    } else {
        canvas_text(canvas, line, 2, room, ROLE_DIM,
                    link->state == LINK_READY      ? "loading"
                    : link->state == LINK_STARTING ? "starting the private database"
                                                   : "connecting");
    }
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct models *models = (struct models *)view;
    struct app *app = view->app;
    const struct browse_list *list = app->rows.list;
    struct version_table table;
    int height = area.height - 2;
    version_table_fit(&table, list, canvas->columns);
    scroll_fit(&models->scroll, models->sift.count, height);
    bool old = app->link.state != LINK_READY;
    for (size_t i = 0; i < models->scroll.height && height > 0; i++) {
        size_t place = models->scroll.top + i;
        int line = area.top + 2 + (int)i;
        if (place >= models->sift.count)
            break;
        version_table_row(&table, canvas, line, list, row_at(models, place),
                          i > 0 ? row_at(models, place - 1) : NULL);
        if (old)
            canvas_dim(canvas, line);
        if (place == models->scroll.cursor) {
            canvas_select(canvas, line);
            canvas_cursor(canvas, line, 0);
        }
    }
    if (models->sift.count == 0)
        draw_empty(models, canvas, area);
    version_table_titles(&table, canvas, area.top + 1, models->sift.key);
    draw_filter(models, canvas, area.top);
}

static void command(struct view *view, struct buf *buf)
{
    const struct sift *sift = &((struct models *)view)->sift;
    buf_text(buf, "pare list");
    if (*sift->good.text) {
        buf_text(buf, " --filter ");
        shell_quote(buf, sift->good.text);
    }
    if (sift->key != SIFT_NAME || sift->turned)
        buf_printf(buf, " --sort %s%s", sift_word(sift->key),
                   sift_is_descending(sift) ? ":desc" : "");
}

static void detail(struct view *view, struct buf *buf)
{
    const struct models *models = (struct models *)view;
    const struct browse_list *list = view->app->rows.list;
    const struct browse_row *row = row_at(models, models->scroll.cursor);
    struct version version;
    char created[BROWSE_TIME_ROOM], when[NUMBER_ROOM];
    if (models->typing && models->sift.error.code) {
        buf_text(buf, models->sift.error.text);
        return;
    }
    if (!row)
        return;
    browse_version(list, models->sift.index[models->scroll.cursor], created, &version);
    number_when(version.created_at, when);
    buf_printf(buf, "%s:%s", version.name, version.version);
    if (*when)
        buf_printf(buf, "  created %s", when);
    const struct browse_row *base = browse_base(list, row);
    if (!base)
        return;
    if (base == row)
        buf_text(buf, row->is_default ? "  the default" : "  no default yet: compared with this");
    else
        buf_printf(buf, "  %s %s",
                   row->is_default || base->is_default ? "default" : "compared with",
                   browse_word(list, base->version));
}

/* ---- acting ---- */

static void change_sort(struct models *models, enum sift_key key, bool turned)
{
    sift_sort(&models->sift, &models->view.app->rows, key, turned);
    find_cursor(models);
}

static void to_model(struct models *models, int step)
{
    struct scroll *scroll = &models->scroll;
    const struct browse_row *row = row_at(models, scroll->cursor);
    size_t at = scroll->cursor;
    while (row && (step > 0 ? at + 1 < models->sift.count : at > 0)) {
        at = step > 0 ? at + 1 : at - 1;
        if (row_at(models, at)->model != row->model)
            break;
    }
    /* Backwards: to the first version of that model. */
    while (step < 0 && at > 0 && row_at(models, at - 1)->model == row_at(models, at)->model)
        at--;
    scroll->cursor = at;
    scroll_fit(scroll, models->sift.count, (int)scroll->height);
}

static void with_row(struct models *models, enum action action)
{
    struct app *app = models->view.app;
    const struct browse_row *row = row_at(models, models->scroll.cursor);
    if (!row)
        return;
    const char *name = browse_name(app->rows.list, row);
    const char *version = browse_word(app->rows.list, row->version);
    if (action == ACTION_OPEN)
        app_push(app, version_open(app, row->id, name, version));
    else if (action == ACTION_NEW_JOB)
        app_push(app, new_job_open(app, row));
    else if (!app_may_write(app))
        return;
    else if (action == ACTION_PROMOTE)
        app_push(app, promote_open(app, name, version));
    else
        app_push(app, rollback_open(app, name));
}

static void act(struct view *view, enum action action)
{
    struct models *models = (struct models *)view;
    struct sift *sift = &models->sift;
    switch (action) {
    case ACTION_FILTER:
        models->typing = true;
        prompt_set(&models->prompt, sift->good.text);
        break;
    case ACTION_SORT:
        change_sort(models, (sift->key + 1) % SIFT_COUNT, false);
        break;
    case ACTION_TURN:
        change_sort(models, sift->key, !sift->turned);
        break;
    case ACTION_NEXT_MODEL:
        to_model(models, 1);
        break;
    case ACTION_LAST_MODEL:
        to_model(models, -1);
        break;
    case ACTION_JOBS:
        app_push(models->view.app, jobs_open(models->view.app, 0));
        break;
    case ACTION_TESTS:
        app_push(models->view.app, tests_open(models->view.app));
        break;
    case ACTION_OPEN:
    case ACTION_NEW_JOB:
    case ACTION_PROMOTE:
    case ACTION_ROLLBACK:
        with_row(models, action);
        break;
    default:
        scroll_act(&models->scroll, action);
        break;
    }
    remember_cursor(models);
}

/* Typed live; Enter keeps it, Escape goes back to what was in force, an arrow moves in the list. */
static bool type(struct view *view, const struct key *key)
{
    struct models *models = (struct models *)view;
    if (!models->typing)
        return false;
    if (key->kind == KEY_UP || key->kind == KEY_DOWN) {
        scroll_act(&models->scroll, key->kind == KEY_UP ? ACTION_UP : ACTION_DOWN);
        remember_cursor(models);
        return true;
    }
    switch (prompt_key(&models->prompt, key)) {
    case PROMPT_EDITED:
        if (sift_type(&models->sift, &view->app->rows, models->prompt.text))
            find_cursor(models);
        break;
    case PROMPT_ENTERED:
        models->typing = models->sift.error.code != PARE_OK;
        remember_cursor(models);
        break;
    case PROMPT_LEFT:
        models->typing = false;
        models->sift.error.code = PARE_OK;
        break;
    default:
        break;
    }
    return true;
}

static void close_view(struct view *view)
{
    struct models *models = (struct models *)view;
    sift_done(&models->sift);
    free(models);
}

static const struct view_ops ops = {
    .kind = VIEW_MODELS,
    .name = "",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .command = command,
    .detail = detail,
    .close = close_view,
};

struct view *models_open(struct app *app)
{
    struct models *models = calloc(1, sizeof(*models));
    if (!models)
        return NULL;
    models->view = (struct view){ .ops = &ops, .app = app };
    if (app->options->filter && !sift_type(&models->sift, &app->rows, app->options->filter) &&
        models->sift.error.code)
        app_say(app, ROLE_ERROR, "%s", models->sift.error.text);
    return &models->view;
}
