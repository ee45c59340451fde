/* SPDX-License-Identifier: MIT */
#include "tui/frame.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "tui/app.h"
#include "tui/number.h"

enum { LINE_MAX = 2048, ROWS_FOR_COMMAND = 9, COLUMNS_FOR_COUNTS = 60, SILENCE_MS = 1000 };

static void put_place(const struct app *app, struct buf *line)
{
    const struct link *link = &app->link;
    if (!link->conninfo)
        buf_text(line, "PRIVATE");
    if (!link->known) {
        if (link->conninfo)
            buf_text(line, "...");
        return;
    }
    const struct registry *registry = &link->registry;
    if (link->conninfo)
        buf_printf(line, "%s@%s", registry->database, *registry->host ? registry->host : "local");
    buf_printf(line, "  %s  %s", registry->role,
               registry->read_only ? "read-only"
               : registry->standby ? "standby, read-only"
               : registry_is_guest(registry) || !registry->can_keep || !registry->can_insert
                   ? "guest, read-only"
                   : "rw");
}

/* What the connection is at, when it is not simply there; "" when it is. */
static void put_state(const struct app *app, struct buf *line)
{
    const struct link *link = &app->link;
    int64_t age = rows_age_ms(&app->rows, app->now_ms);
    switch (link->state) {
    case LINK_STARTING:
        buf_printf(line, "starting: %s", *link->launch.news ? link->launch.news : "the server");
        return;
    case LINK_MIGRATING:
        buf_text(line, "making the registry");
        return;
    case LINK_READY:
        if (link_silence_ms(link, app->now_ms) >= SILENCE_MS)
            buf_printf(line, "no reply for %lld s",
                       (long long)link_silence_ms(link, app->now_ms) / 1000);
        else if (app->rows.loading && !app->rows.whole)
            buf_text(line, "loading");
        return;
    default:
        if (age >= 0)
            buf_printf(line, "connection lost, as of %lld s ago", (long long)age / 1000);
        else
            buf_text(line, "connecting");
        return;
    }
}

static void put_counts(const struct app *app, struct buf *line)
{
    char models[NUMBER_ROOM], versions[NUMBER_ROOM];
    const struct browse_list *list = app->rows.list;
    number_count(list->model_count, models);
    number_count(list->count, versions);
    if (list->count > 0 || app->rows.whole)
        buf_printf(line, "%s model%s  %s ver", models, list->model_count == 1 ? "" : "s", versions);
}

static void draw_header(struct app *app)
{
    struct canvas *canvas = &app->canvas;
    struct buf left, right;
    buf_init(&left, LINE_MAX);
    buf_init(&right, LINE_MAX);
    bool narrow = canvas->columns < COLUMNS_FOR_COUNTS; /* where one is comes first */
    buf_text(&left, narrow ? " " : " pare  ");
    put_place(app, &left);
    if (*app->top->ops->name)
        buf_printf(&left, "  %s", app->top->ops->name);
    put_state(app, &right);
    if (right.length > 0 && !narrow)
        buf_text(&right, "  ");
    if (!narrow)
        put_counts(app, &right);
    buf_char(&right, ' ');
    canvas_fill(canvas, 0, 0, canvas->columns, ROLE_HEADER, ' ');
    int width = MIN(text_width(buf_string(&right)), canvas->columns * 2 / 3);
    canvas_right(canvas, 0, canvas->columns - width, width, ROLE_HEADER, buf_string(&right));
    canvas_text(canvas, 0, 0, canvas->columns - width - 1, ROLE_HEADER, buf_string(&left));
    buf_done(&left);
    buf_done(&right);
}

static int width_of(const struct app *app, int action)
{
    const struct action_entry *entry = &actions[action];
    if (!(entry->views & (int)app->top->ops->kind) || !*entry->word)
        return 0;
    return text_width(entry->key) + 1 + text_width(entry->word) + 2;
}

/* Keys of the view that have a word. Help and the way back stay; what does not fit is in the help. */
static void draw_keys(struct app *app, int row)
{
    struct canvas *canvas = &app->canvas;
    int column = 1, kept = width_of(app, ACTION_HELP) + width_of(app, ACTION_BACK);
    for (int i = 0; i < ACTION_NONE; i++) {
        int width = width_of(app, i);
        if (i == ACTION_HELP || i == ACTION_BACK)
            kept -= width;
        if (!width || column + width + kept - 2 >= canvas->columns)
            continue;
        column += canvas_text(canvas, row, column, canvas->columns, ROLE_KEY, actions[i].key) + 1;
        column += canvas_text(canvas, row, column, canvas->columns, ROLE_PLAIN, actions[i].word);
        column += 2;
    }
}

static void draw_command(struct app *app, int row)
{
    struct buf command;
    buf_init(&command, LINE_MAX);
    app->top->ops->command(app->top, &command);
    if (command.length > 0) {
        canvas_text(&app->canvas, row, 1, app->canvas.columns, ROLE_DIM, "$ ");
        canvas_text(&app->canvas, row, 3, app->canvas.columns - 4, ROLE_DIM, buf_string(&command));
    }
    buf_done(&command);
}

static void draw_message(struct app *app, int row)
{
    struct buf detail;
    buf_init(&detail, LINE_MAX);
    if (*app->message)
        canvas_text(&app->canvas, row, 1, app->canvas.columns - 2, app->message_role, app->message);
    else if (app->top->ops->detail) {
        app->top->ops->detail(app->top, &detail);
        canvas_text(&app->canvas, row, 1, app->canvas.columns - 2, ROLE_PLAIN, buf_string(&detail));
    }
    buf_done(&detail);
}

static void draw_too_small(struct app *app)
{
    struct canvas *canvas = &app->canvas;
    char words[80];
    snprintf(words, sizeof(words), "%dx%d wanted, %dx%d here; q leaves", FRAME_COLUMNS_MIN,
             FRAME_ROWS_MIN, canvas->columns, canvas->rows);
    canvas_wrap(canvas, 0, 0, canvas->columns, canvas->rows, ROLE_PLAIN, words);
    canvas_cursor(canvas, 0, 0);
}

/* A sentence may be longer than the line: then it takes the lines above it too. */
static int message_rows(const struct app *app)
{
    int width = text_width(app->message), line = MAX(1, app->canvas.columns - 2);
    return MAX(1, MIN((width + line - 1) / line, 3));
}

static void draw_long_message(struct app *app, int row, int rows)
{
    for (int i = 0; i < rows; i++)
        canvas_fill(&app->canvas, row + i, 0, app->canvas.columns, ROLE_PLAIN, ' ');
    canvas_wrap(&app->canvas, row, 1, app->canvas.columns - 2, rows, app->message_role,
                app->message);
}

void frame_draw(struct app *app)
{
    struct canvas *canvas = &app->canvas;
    canvas_clear(canvas);
    if (canvas->rows < FRAME_ROWS_MIN || canvas->columns < FRAME_COLUMNS_MIN) {
        draw_too_small(app);
        return;
    }
    bool roomy = canvas->rows >= ROWS_FOR_COMMAND;
    int footer = roomy ? 3 : *app->message ? 2 : 1;
    int lines = message_rows(app);
    draw_header(app);
    app->top->ops->draw(app->top, canvas,
                        (struct view_area){ .top = 1, .height = canvas->rows - 1 - footer });
    if (lines > 1 && roomy)
        draw_long_message(app, canvas->rows - 2 - lines, lines);
    else if (footer > 1)
        draw_message(app, canvas->rows - footer);
    if (roomy)
        draw_command(app, canvas->rows - 2);
    draw_keys(app, canvas->rows - 1);
}
