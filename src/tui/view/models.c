/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "registry/browse_compare.h"
#include "tui/app.h"
#include "tui/number.h"
#include "tui/scroll.h"
#include "tui/sift.h"
#include "tui/view/marked.h"
#include "tui/view/model_lines.h"
#include "tui/view/recall.h"
#include "tui/view/sift_line.h"
#include "tui/view/version_change.h"

/* ---- the view ---- */

struct models {
    struct view view;
    struct sift sift;
    struct scroll scroll;
    struct model_lines lines;
    struct sift_line typed;
    int side;                /* scrolled so far sideways */
    bool recalled;           /* what is remembered is in force */
    struct recall_page page; /* how it was, until the rows are there or a key asks for them */
};

static const struct browse_row *row_at(const struct models *models, size_t place)
{
    return model_lines_row(&models->lines, place);
}

static void remember_cursor(struct models *models)
{
    model_lines_remember(&models->lines, models->scroll.cursor);
}

/* Put the cursor back on its version, the same line of the screen; where that is gone, stay near. */
static void find_cursor(struct models *models)
{
    struct scroll *scroll = &models->scroll;
    size_t line = scroll->cursor - MIN(scroll->top, scroll->cursor);
    if (model_lines_find(&models->lines, &scroll->cursor))
        scroll->top = scroll->cursor - MIN(line, scroll->cursor);
    scroll_fit(scroll, models->lines.count, (int)MAX(scroll->height, 1));
}

/* The lines are those of what is in force. */
static void refresh(struct models *models)
{
    const struct rows *rows = &models->view.app->rows;
    if (models->sift.generation == rows->generation &&
        model_lines_update(&models->lines, &models->sift, rows->list))
        find_cursor(models);
}

/* Once it is known which registry this is. What was asked for on the command line stays. */
static void recall(struct models *models)
{
    struct app *app = models->view.app;
    struct sift_wish wish;
    struct pare_error err;
    if (models->recalled || !app->link.known)
        return;
    models->recalled = true;
    bool found = recall_get(app, &wish, &models->page);
    folds_get(app, &models->lines.folds);
    if (!found)
        return;
    if (app->options->filter)
        snprintf(wish.filter, sizeof(wish.filter), "%s", sift_wish(&models->sift)->filter);
    if (!sift_want(&models->sift, &app->rows, &wish, &err))
        app_say(app, ROLE_ERROR, "what was remembered makes no sense: %s", err.text);
    struct browse_ahead ahead = browse_ahead_by(sift_order(&models->sift));
    if (!*wish.filter && !wish.group)
        rows_begin_with(&app->rows, &ahead);
}

static bool shows_page(const struct models *models)
{
    const struct app *app = models->view.app;
    return models->page.count > 0 && models->page.columns == app->canvas.columns;
}

static void news(struct view *view)
{
    struct models *models = (struct models *)view;
    const struct rows *rows = &view->app->rows;
    recall(models);
    if (rows->whole || rows->is_ahead || rows->error.code) {
        (void)sift_update(&models->sift, &view->app->rows);
        if (!models->sift.waiting || rows->error.code)
            recall_page_done(&models->page);
    } else if (!shows_page(models)) {
        (void)sift_update(&models->sift, &view->app->rows);
    }
    refresh(models);
    scroll_fit(&models->scroll, models->lines.count, (int)MAX(models->scroll.height, 1));
    if (models->lines.cursor_name == 0)
        remember_cursor(models);
}

/* ---- drawing ---- */

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

static void draw_rows(struct models *models, const struct version_table *table,
                      struct canvas *canvas, int top)
{
    const struct app *app = models->view.app;
    bool old = app->link.state != LINK_READY;
    for (size_t i = 0; i < models->scroll.height; i++) {
        size_t place = models->scroll.top + i;
        int line = top + (int)i;
        if (place >= models->lines.count)
            break;
        const struct browse_row *row = row_at(models, place);
        model_lines_draw(&models->lines, table, canvas, line, place, models->scroll.top);
        if (row && marks_has(&app->marks, row->id))
            canvas_text(canvas, line, 1, 1, ROLE_KEY, "+");
        if (old)
            canvas_dim(canvas, line);
        if (place == models->scroll.cursor) {
            canvas_select(canvas, line);
            canvas_cursor(canvas, line, 0);
        }
    }
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct models *models = (struct models *)view;
    struct version_table table;
    int height = area.height - 2, column, room;
    version_table_fit(&table, &models->sift, view->app->rows.list, canvas->columns, &models->side);
    refresh(models);
    scroll_fit(&models->scroll, models->lines.count, height);
    models->scroll.row = area.top + 2;
    if (shows_page(models)) {
        recall_page_draw(&models->page, canvas, area.top + 1, area.height - 1);
    } else {
        if (height > 0)
            draw_rows(models, &table, canvas, area.top + 2);
        if (models->sift.count == 0)
            draw_empty(models, canvas, area);
        version_table_titles(&table, canvas, area.top + 1);
    }
    room = sift_line_draw(&models->typed, &models->sift, view->app->rows.list,
                          view->app->marks.count, canvas, area.top, &column);
    alert_draw(&view->app->alert, canvas, area.top, column, room);
}

static void command(struct view *view, struct buf *buf)
{
    sift_put_command(&((struct models *)view)->sift, buf);
}

static void detail(struct view *view, struct buf *buf)
{
    const struct models *models = (struct models *)view;
    const struct browse_list *list = view->app->rows.list;
    const struct browse_row *row = row_at(models, models->scroll.cursor);
    struct version version;
    char created[BROWSE_TIME_ROOM], when[NUMBER_ROOM];
    if (models->typed.typing && models->sift.error.code) {
        buf_text(buf, models->sift.error.text);
        return;
    }
    if (shows_page(models))
        buf_text(buf, "as it was the last time; the rows are on their way");
    else
        model_lines_detail(&models->lines, models->scroll.cursor, buf);
    if (!row || shows_page(models))
        return;
    browse_version(list, (size_t)(row - list->rows), created, &version);
    number_when(version.created_at, when);
    buf_printf(buf, "%s:%s%s", version.name, version.version, version_change_open(list, row));
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

static bool copy(struct view *view, struct buf *buf)
{
    const struct models *models = (struct models *)view;
    const struct browse_list *list = view->app->rows.list;
    const struct browse_row *row = row_at(models, models->scroll.cursor);
    const struct browse_model *head = model_lines_head(&models->lines, models->scroll.cursor);
    if (row)
        buf_printf(buf, "%s:%s", browse_name(list, row), browse_word(list, row->version));
    else if (head)
        buf_text(buf, browse_word(list, head->name));
    return row || head;
}

/* ---- acting ---- */

static void want(struct models *models, const struct sift_wish *wish)
{
    struct app *app = models->view.app;
    struct pare_error err;
    if (!sift_want(&models->sift, &app->rows, wish, &err))
        app_say(app, ROLE_ERROR, "%s", err.text);
    refresh(models);
}

static void change_sort(struct models *models, bool next)
{
    struct sift_wish wish = *sift_wish(&models->sift);
    if (next)
        sift_sort_next(sift_wish(&models->sift), wish.sort);
    else
        sift_sort_turned(sift_wish(&models->sift), wish.sort);
    want(models, &wish);
}

/* A list, by model, by model with a line each, and round again. */
static void change_group(struct models *models)
{
    struct sift_wish wish = *sift_wish(&models->sift);
    wish.group = wish.group == SIFT_CLOSED ? SIFT_FLAT : (enum sift_group)(wish.group + 1);
    want(models, &wish);
}

static void to_model(struct models *models, int step)
{
    struct scroll *scroll = &models->scroll;
    scroll->cursor = model_lines_model(&models->lines, scroll->cursor, step);
    scroll_fit(scroll, models->lines.count, (int)scroll->height);
}

static void fold(struct models *models, enum model_lines_fold fold)
{
    remember_cursor(models);
    model_lines_fold(&models->lines, models->scroll.cursor, fold);
    find_cursor(models);
}

/* The version under the cursor; on a model's line its default, and where there is none that is said. */
static const struct browse_row *meant(struct models *models)
{
    size_t at = models->scroll.cursor;
    const struct browse_row *row = model_lines_meant(&models->lines, at);
    if (!row && model_lines_head(&models->lines, at))
        app_say(models->view.app, ROLE_ERROR,
                "this is a model's line and the model has no default: choose a version below it");
    return row;
}

static void with_row(struct models *models, enum action action)
{
    struct app *app = models->view.app;
    const struct browse_row *row = meant(models);
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

/* About one version. */
static void act_on_row(struct models *models, enum action action)
{
    struct app *app = models->view.app;
    bool head = model_lines_head(&models->lines, models->scroll.cursor) != NULL;
    if (action == ACTION_OPEN && head)
        fold(models, MODEL_LINES_TURN);
    else if (action == ACTION_PROMOTE && head)
        app_say(app, ROLE_ERROR, "this is a model's line: choose the version to promote below it");
    else if (action == ACTION_COMPARE)
        marked_compare(app, head ? NULL : row_at(models, models->scroll.cursor));
    else if (action != ACTION_MARK)
        with_row(models, action);
    else if (marked_turn(app, meant(models)))
        /* The cursor goes on to the next, so that a run of versions is a run of keys. */
        scroll_act(&models->scroll, ACTION_DOWN);
}

/* About how the list is shown. */
static bool act_on_list(struct models *models, enum action action)
{
    struct sift *sift = &models->sift;
    switch (action) {
    case ACTION_FILTER:
    case ACTION_GOAL:
        sift_line_begin(&models->typed, sift, action == ACTION_GOAL ? SIFT_GOAL : SIFT_FILTER);
        return true;
    case ACTION_SORT:
    case ACTION_TURN:
        change_sort(models, action == ACTION_SORT);
        return true;
    case ACTION_GROUP:
        change_group(models);
        return true;
    case ACTION_CLOSE_MODEL:
        fold(models, MODEL_LINES_CLOSE);
        return true;
    case ACTION_OPEN_MODEL:
        fold(models, MODEL_LINES_OPEN);
        return true;
    case ACTION_COLUMNS:
        app_push(models->view.app, columns_open(models->view.app, sift));
        return true;
    case ACTION_SIDE_BACK:
        models->side -= models->side > 0;
        return true;
    case ACTION_SIDE_ON:
        models->side++;
        return true;
    default:
        return false;
    }
}

static void act(struct view *view, enum action action)
{
    struct models *models = (struct models *)view;
    if (models->page.count > 0) { /* a key is about the rows that are there */
        recall_page_done(&models->page);
        news(view);
    }
    refresh(models);
    switch (action) {
    case ACTION_UNMARK:
        marks_clear(&view->app->marks);
        break;
    case ACTION_NEXT_MODEL:
    case ACTION_LAST_MODEL:
        to_model(models, action == ACTION_NEXT_MODEL ? 1 : -1);
        break;
    case ACTION_OPEN:
    case ACTION_MARK:
    case ACTION_COMPARE:
    case ACTION_NEW_JOB:
    case ACTION_PROMOTE:
    case ACTION_ROLLBACK:
        act_on_row(models, action);
        break;
    default:
        if (!act_on_list(models, action))
            scroll_act(&models->scroll, action);
        break;
    }
    remember_cursor(models);
}

/* Typed live; Enter keeps it, Escape goes back to what was in force, an arrow moves in the list. */
static bool type(struct view *view, const struct key *key)
{
    struct models *models = (struct models *)view;
    if (!models->typed.typing)
        return false;
    if (key->kind == KEY_UP || key->kind == KEY_DOWN) {
        scroll_act(&models->scroll, key->kind == KEY_UP ? ACTION_UP : ACTION_DOWN);
        remember_cursor(models);
        return true;
    }
    sift_line_type(&models->typed, &models->sift, &view->app->rows, key);
    refresh(models);
    if (!models->typed.typing)
        remember_cursor(models);
    return true;
}

static enum view_hit point(struct view *view, int row)
{
    struct models *models = (struct models *)view;
    enum view_hit hit = scroll_point(&models->scroll, row);
    remember_cursor(models);
    return hit;
}

static void close_view(struct view *view)
{
    struct models *models = (struct models *)view;
    recall_put(view->app, &models->sift);
    if (models->lines.group && !models->sift.waiting)
        folds_put(view->app, &models->lines.grouping, models->lines.list);
    recall_page_done(&models->page);
    model_lines_done(&models->lines);
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
    .copy = copy,
    .table = command,
    .point = point,
    .close = close_view,
};

struct view *models_open(struct app *app)
{
    struct models *models = calloc(1, sizeof(*models));
    if (!models)
        return NULL;
    models->view = (struct view){ .ops = &ops, .app = app };
    sift_init(&models->sift);
    if (app->options->filter &&
        !sift_type(&models->sift, &app->rows, SIFT_FILTER, app->options->filter) &&
        models->sift.error.code)
        app_say(app, ROLE_ERROR, "%s", models->sift.error.text);
    return &models->view;
}
