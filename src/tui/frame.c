/* SPDX-License-Identifier: MIT */
#include "tui/frame.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "tui/app.h"
#include "tui/number.h"

enum {
    LINE_MAX = 2048,
    ROWS_FOR_COMMAND = 9,
    COLUMNS_FOR_COUNTS = 60,
    MESSAGE_ROWS_MAX = 3,
    PLACE_MIN = 12, /* columns of the registry's name before the others give way */
    SILENCE_MS = 1000
};

static void put_place(const struct app *app, struct buf *line)
{
    const struct registry *registry = &app->link.registry;
    if (!app->link.conninfo)
        buf_text(line, "PRIVATE");
    else if (app->link.known)
        buf_printf(line, "%s@%s", registry->database, *registry->host ? registry->host : "local");
    else
        buf_text(line, "...");
}

static const char *mode_word(const struct registry *registry)
{
    return registry->read_only ? "read-only"
           : registry->standby ? "standby, read-only"
           : registry_is_guest(registry) || !registry->can_keep || !registry->can_insert
               ? "guest, read-only"
               : "rw";
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
    const struct browse_list *list = rows_counted(&app->rows);
    number_count(list->model_count, models);
    number_count(list->count, versions);
    if (list->count > 0 || app->rows.whole)
        buf_printf(line, "%s model%s  %s ver", models, list->model_count == 1 ? "" : "s", versions);
}

/*
 * Where one is, from `column` on in `room` columns. Where they do not do, the role goes, then the
 * registry's name is cut; what one looks at and whether one may write there stay.
 */
static void draw_left(struct app *app, int column, int room)
{
    const struct registry *registry = app->link.known ? &app->link.registry : NULL;
    const char *role = registry ? registry->role : "", *mode = registry ? mode_word(registry) : "";
    const char *name = app->top->ops->name;
    struct buf place;
    buf_init(&place, LINE_MAX);
    put_place(app, &place);
    int kept = text_width(mode) + (*mode ? 2 : 0) + text_width(name) + (*name ? 2 : 0);
    int wanted = text_width(buf_string(&place)), beside = text_width(role) + 2;
    bool with_role = *role && MIN(wanted, PLACE_MIN) + beside + kept <= room;
    int cut = MIN(wanted, room - kept - (with_role ? beside : 0));
    const char *const parts[] = { buf_string(&place), with_role ? role : "", mode, name };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        int width = i == 0 ? cut : room;
        if (!*parts[i] || width <= 0)
            continue;
        int used = canvas_text(&app->canvas, 0, column, width, ROLE_HEADER, parts[i]) + 2;
        column += used;
        room -= used;
    }
    buf_done(&place);
}

static void draw_header(struct app *app)
{
    struct canvas *canvas = &app->canvas;
    struct buf right;
    buf_init(&right, LINE_MAX);
    bool narrow = canvas->columns < COLUMNS_FOR_COUNTS; /* where one is comes first */
    put_state(app, &right);
    if (right.length > 0 && !narrow)
        buf_text(&right, "  ");
    if (!narrow)
        put_counts(app, &right);
    buf_char(&right, ' ');
    canvas_fill(canvas, 0, 0, canvas->columns, ROLE_HEADER, ' ');
    int width = MIN(text_width(buf_string(&right)), canvas->columns * 2 / 3);
    canvas_right(canvas, 0, canvas->columns - width, width, ROLE_HEADER, buf_string(&right));
    int column = 1;
    if (!narrow)
        column += canvas_text(canvas, 0, column, canvas->columns, ROLE_HEADER, "pare") + 2;
    draw_left(app, column, canvas->columns - width - 1 - column);
    buf_done(&right);
}

static int width_of(const struct app *app, int action)
{
    const struct action_entry *entry = &actions[action];
    if (!(entry->views & (int)app->top->ops->kind) || !*entry->word)
        return 0;
    return text_width(entry->key) + 1 + text_width(entry->word) + 2;
}

/* Whether it is always seen: what does not fit is found by these. */
static bool is_kept(int action)
{
    return action == ACTION_PALETTE || action == ACTION_HELP || action == ACTION_BACK;
}

/* Keys of the view that have a word, as many as there is room for. */
static void draw_keys(struct app *app, int row)
{
    struct canvas *canvas = &app->canvas;
    int column = 1, kept = 0;
    for (int i = 0; i < ACTION_NONE; i++)
        kept += is_kept(i) ? width_of(app, i) : 0;
    for (int i = 0; i < ACTION_NONE; i++) {
        int width = width_of(app, i);
        if (is_kept(i))
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

/* What there is to say in the line for it: the last outcome, else what the cursor is on. */
static void put_message(const struct app *app, struct buf *line)
{
    if (*app->message)
        buf_text(line, app->message);
    else if (app->top->ops->detail)
        app->top->ops->detail(app->top, line);
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
static int message_rows(const struct app *app, const char *message)
{
    return MIN(text_lines(message, MAX(1, app->canvas.columns - 2)), MESSAGE_ROWS_MAX);
}

static void draw_message(struct app *app, int row, int rows, const char *message)
{
    for (int i = 0; rows > 1 && i < rows; i++)
        canvas_fill(&app->canvas, row + i, 0, app->canvas.columns, ROLE_PLAIN, ' ');
    canvas_wrap(&app->canvas, row, 1, app->canvas.columns - 2, rows,
                *app->message ? app->message_role : ROLE_PLAIN, message);
}

static void draw_body(struct app *app, const char *message)
{
    struct canvas *canvas = &app->canvas;
    bool roomy = canvas->rows >= ROWS_FOR_COMMAND;
    /* Compare's table says the same at greater length. */
    bool narrow = canvas->columns < COLUMNS_FOR_COUNTS && app->top->ops->kind != VIEW_COMPARE;
    int footer = roomy ? 3 : 1 + (*app->message != '\0') + app->export.asking;
    int lines = roomy && (narrow || *app->message) ? message_rows(app, message) : 1;
    int above =
        *app->message ? 0 : lines - 1; /* an outcome goes with the next key: nothing moves */
    app->top->ops->draw(
        app->top, canvas,
        (struct view_area){ .top = 1, .height = canvas->rows - 1 - footer - above });
    if (footer > 1)
        draw_message(app, canvas->rows - footer - (lines - 1), lines, message);
}

void frame_draw(struct app *app)
{
    struct canvas *canvas = &app->canvas;
    canvas_clear(canvas);
    if (canvas->rows < FRAME_ROWS_MIN || canvas->columns < FRAME_COLUMNS_MIN) {
        draw_too_small(app);
        return;
    }
    struct buf message;
    buf_init(&message, LINE_MAX);
    put_message(app, &message);
    draw_header(app);
    draw_body(app, buf_string(&message));
    buf_done(&message);
    if (app->export.asking)
        export_draw(&app->export, canvas, canvas->rows - 2);
    else if (canvas->rows >= ROWS_FOR_COMMAND)
        draw_command(app, canvas->rows - 2);
    draw_keys(app, canvas->rows - 1);
}
