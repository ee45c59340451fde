/* SPDX-License-Identifier: MIT */
#include "tui/app.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "tui/frame.h"
#include "tui/rescue.h"
#include "tui/term.h"
#include "tui/typing.h"

enum { FRAME_MS = 8, STREAM_FRAME_MS = 33, TICK_MS = 1000, WAIT_MAX_MS = 60 * 1000 };

/* Where each change is read aloud there are fewer of them. */
enum { PLAIN_FRAME_MS = 1000, PLAIN_TICK_MS = 10 * 1000 };

/* Lists from here on are given back to the system when they go, and not kept for the next. */
enum { LARGE_BYTES = 1 << 20 };

enum exit_code {
    EXIT_DONE = 0,
    EXIT_WRONG = 1,
    EXIT_USAGE = 2,
    EXIT_NO_DATABASE = 5,
    EXIT_INTERRUPTED = 130
};

/* ---- for views ---- */

void app_say(struct app *app, int role, const char *fmt, ...)
{
    char raw[APP_MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    text_clean(raw, strlen(raw), app->message, sizeof(app->message));
    app->message_role = role;
    app->dirty = true;
}

void app_push(struct app *app, struct view *view)
{
    if (!view) {
        app_say(app, ROLE_ERROR, "out of memory");
        return;
    }
    view->below = app->top;
    app->top = view;
    app->dirty = true;
}

void app_close(struct app *app, struct view *view)
{
    struct view **at = &app->top;
    if (!view->below) {
        app->leaving = true;
        return;
    }
    while (*at != view)
        at = &(*at)->below;
    *at = view->below;
    view->ops->close(view);
    if (app->top->ops->news)
        app->top->ops->news(app->top);
    app->dirty = true;
}

bool app_may_write(struct app *app)
{
    struct pare_error err;
    if (app->link.state != LINK_READY) {
        app_say(app, ROLE_ERROR, "there is no connection to the registry now");
        return false;
    }
    if (!registry_allows(&app->link.registry, REGISTRY_WRITE, &err)) {
        app_say(app, ROLE_ERROR, "%s", err.text);
        return false;
    }
    return true;
}

/* What is remembered is of this machine and not of a registry: { "theme": { "last": { "word": ... } } }. */
static const char theme_section[] = "theme", theme_key[] = "last", theme_member[] = "word";

static void keep_theme(struct app *app, enum theme theme)
{
    struct pare_error err = { 0 };
    cJSON *entry = cJSON_CreateObject();
    if (!entry || !cJSON_AddStringToObject(entry, theme_member, theme_word(theme))) {
        cJSON_Delete(entry);
        return;
    }
    if (!state_put(&app->state, theme_section, theme_key, entry, &err) ||
        !state_save(&app->state, &err))
        app_say(app, ROLE_ERROR, "%s", err.text);
}

void app_theme(struct app *app, enum theme theme)
{
    app->theme_chosen = true;
    app->dirty = true;
    term_set_theme(app->term, theme);
    keep_theme(app, theme);
}

/* ---- keys ---- */

void app_act(struct app *app, enum action action)
{
    switch (action) {
    case ACTION_NONE:
        break;
    case ACTION_BACK:
        app_close(app, app->top);
        break;
    case ACTION_HELP:
        if (app->top->ops->kind != VIEW_HELP)
            app_push(app, help_open(app, app->top->ops->kind));
        break;
    case ACTION_COPY:
        clip_copy_view(app);
        break;
    case ACTION_EXPORT:
        export_ask(app);
        break;
    case ACTION_PALETTE:
        app_push(app, palette_open(app));
        break;
    case ACTION_JOBS:
        app_push(app, jobs_open(app, 0));
        break;
    case ACTION_TESTS:
        app_push(app, tests_open(app));
        break;
    case ACTION_AGAIN:
        link_hurry(&app->link, app->now_ms);
        rows_read_again(&app->rows);
        app->top->ops->act(app->top, action);
        break;
    default:
        app->top->ops->act(app->top, action);
        break;
    }
}

/* ---- the loop ---- */

static bool fit_terminal(struct app *app)
{
    struct pare_error err;
    int rows, columns;
    term_size(app->term, &rows, &columns);
    app->dirty = app->dirty_by_key = true;
    if (rows == app->canvas.rows && columns == app->canvas.columns)
        return true;
    return canvas_resize(&app->canvas, rows, columns, &err);
}

static void take_signals(struct app *app)
{
    for (int number; (number = rescue_next(app->signal_fd)) != 0;) {
        if (number == SIGTSTP)
            term_suspend(app->term);
        else if (number == SIGCONT)
            term_resume(app->term);
        if (number == SIGTSTP || number == SIGCONT || number == SIGWINCH) {
            fit_terminal(app);
        } else {
            app->signal = number;
            app->leaving = true;
        }
    }
}

/* The first rows are for the eye at once; then a stream only makes a number grow. */
static int64_t next_frame_ms(const struct app *app)
{
    bool streaming = app->rows.loading && app->rows_drawn;
    if (app->options->plain)
        return app->frame_ms + (app->frame_by_key || !app->rows_drawn ? FRAME_MS : PLAIN_FRAME_MS);
    return app->frame_ms + (streaming ? STREAM_FRAME_MS : FRAME_MS);
}

/* Before the rows are asked for: which values come with them is a matter of what is remembered. */
static void take_registry(struct app *app)
{
    if (app->link.known && !*app->registry_key)
        for (struct view *view = app->top; view; view = view->below)
            if (view->ops->news)
                view->ops->news(view);
}

/* Views hear of a stream's rows as often as they are drawn, of everything else at once. */
static void take_news(struct app *app)
{
    bool streaming = app->rows.loading && app->rows_generation == app->rows.generation;
    if (!app->link.changed && !app->rows.changed)
        return;
    if (!app->link.changed && streaming && app->now_ms < next_frame_ms(app))
        return;
    app->rows_generation = app->rows.generation;
    app->link.changed = app->rows.changed = false;
    for (struct view *view = app->top; view; view = view->below)
        if (view->ops->news)
            view->ops->news(view);
    app->dirty = true;
}

/* A job has moved: the view that shows jobs asks at once. What is still to come could be older than the word. */
static void take_word(struct app *app)
{
    if (!app->link.told || app->link.running)
        return;
    app->link.told = false;
    if (app->top->ops->kind & (VIEW_JOBS | VIEW_JOB))
        app->top->ops->tick(app->top);
}

static void draw(struct app *app)
{
    if (!app->dirty || (!app->dirty_by_key && app->now_ms < next_frame_ms(app)))
        return;
    frame_draw(app);
    app->rows_drawn = app->rows.list->count > 0;
    term_show(app->term, &app->canvas);
    app->frame_ms = app->now_ms;
    app->frame_by_key = app->dirty_by_key;
    app->dirty = app->dirty_by_key = false;
}

/* While the clock is on the screen (silence, a lost connection) it is drawn once a second. */
static bool is_ticking(const struct app *app)
{
    return app->link.state != LINK_READY || app->link.running;
}

static int64_t tick_ms(const struct app *app)
{
    return app->options->plain ? PLAIN_TICK_MS : TICK_MS;
}

static int wait_ms(const struct app *app)
{
    int64_t until = MIN(link_deadline(&app->link), rows_deadline(&app->rows));
    if (app->top->due_ms)
        until = MIN(until, app->top->due_ms);
    if (app->dirty || app->rows.changed)
        until = MIN(until, next_frame_ms(app));
    if (app->partial_ms)
        until = MIN(until, app->partial_ms + KEY_ESCAPE_MS);
    if (is_ticking(app))
        until = MIN(until, app->frame_ms + tick_ms(app));
    until = MIN(until, MIN(clip_deadline(app), export_deadline(app)));
    return (int)MAX(0, MIN(until - app->now_ms, WAIT_MAX_MS));
}

/* The view that waits for something besides the registry; NULL: none does. */
static struct view *waiting_view(const struct app *app)
{
    struct view *view = app->top;
    while (view && !view->fd)
        view = view->below;
    return view;
}

static void step_views(struct app *app, struct view *waiting, bool ready)
{
    if (ready)
        waiting->ops->ready(waiting);
    if (app->top->due_ms && app->now_ms >= app->top->due_ms)
        app->top->ops->tick(app->top);
}

/*
 * For tests that would otherwise have to sleep: each time the loop is about to wait with nothing
 * pending, it says so, with the number of bytes it has had from the keyboard.
 */
static void tell_idle(struct app *app)
{
    struct pollfd terminal = { .fd = term_fd(app->term), .events = POLLIN };
    char line[32];
    const struct view *waiting = waiting_view(app);
    bool lost = app->link.state == LINK_WAITING && link_deadline(&app->link) > app->now_ms;
    bool busy = (waiting && waiting->busy) || app->dirty || app->rows.changed || app->partial_ms ||
                link_is_busy(&app->link) || app->clip.tmux || app->export.pid || app->rows.again ||
                app->rows.soon || (app->link.state != LINK_READY && !lost);
    if (app->idle_fd < 0 || busy || poll(&terminal, 1, 0) > 0)
        return;
    int length = snprintf(line, sizeof(line), "%" PRIu64 "\n", app->bytes_read);
    if (write(app->idle_fd, line, (size_t)length) != length)
        app->idle_fd = -1;
}

static void pass(struct app *app)
{
    enum { TERMINAL, SIGNALS, LINK, VIEW, COUNT };
    struct pollfd fds[COUNT] = {
        [TERMINAL] = { .fd = term_fd(app->term), .events = POLLIN },
        [SIGNALS] = { .fd = app->signal_fd, .events = POLLIN },
    };
    struct view *waiting = waiting_view(app);
    fds[LINK].fd = link_fd(&app->link, &fds[LINK].events);
    fds[VIEW] = (struct pollfd){ .fd = waiting ? waiting->fd : -1, .events = POLLIN };
    tell_idle(app);
    poll(fds, COUNT, wait_ms(app));
    app->now_ms = clock_now_ms();
    if (fds[SIGNALS].revents)
        take_signals(app);
    if (fds[TERMINAL].revents & POLLIN && !typing_read(app))
        app->leaving = true;
    else if (fds[TERMINAL].revents & (POLLHUP | POLLERR | POLLNVAL))
        app->leaving = true;
    if (app->partial_ms && app->now_ms - app->partial_ms >= KEY_ESCAPE_MS)
        typing_late(app);
    if (app->dirty_by_key && !app->leaving)
        draw(app);
    if (!app->leaving)
        step_views(app, waiting_view(app),
                   waiting && waiting == waiting_view(app) && fds[VIEW].revents);
    link_step(&app->link, fds[LINK].revents != 0, app->now_ms);
    take_registry(app);
    if (!app->leaving)
        take_word(app);
    rows_step(&app->rows, app->now_ms);
    alert_step(app);
    link_step(&app->link, false, app->now_ms);
    take_news(app);
    clip_step(app);
    export_step(app);
    if (is_ticking(app) && app->now_ms - app->frame_ms >= tick_ms(app))
        app->dirty = true;
    if (!app->leaving)
        draw(app);
}

/* The one that was picked the last time; a word that is none is as if there were none. */
static bool remembered_theme(const struct app *app, enum theme *ret_theme)
{
    const cJSON *entry = state_get(&app->state, theme_section, theme_key);
    const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, theme_member));
    return word && theme_find(word, ret_theme);
}

/* The one that is asked for, else the one picked before, else the one for the terminal's ground. */
static bool choose_theme(struct app *app, enum theme *ret_theme, struct pare_error *err)
{
    const char *named = getenv("PARE_THEME"), *word = app->options->theme;
    if (!word && named && *named)
        word = named;
    app->theme_chosen = word || remembered_theme(app, ret_theme);
    if (!word && app->theme_chosen)
        return true;
    if (!word) {
        *ret_theme = theme_for_ground(getenv("COLORFGBG"));
        return true;
    }
    return theme_find(word, ret_theme) ||
           error_set(err, PARE_ERR_USAGE, "%s: %.40s is no theme: dark, light, 16 and contrast are",
                     word == named ? "PARE_THEME" : "--theme", word);
}

static bool open_app(struct app *app, struct pare_error *err)
{
    struct term_options options = { .no_colour = app->options->no_colour,
                                    .ascii = app->options->ascii,
                                    .plain = app->options->plain,
                                    .mouse = app->options->mouse };
    const char *idle = getenv("PARE_TUI_IDLE_FD");
    int64_t idle_fd = -1;
    struct pare_error unread = { 0 };
    bool read = state_open(&app->state, &unread);
    if (!choose_theme(app, &options.theme, err))
        return false;
    options.ask_ground = !app->theme_chosen;
    if (!term_open(&options, &app->term, err))
        return false;
    term_suit(app->term, &app->canvas);
    app->idle_fd = idle && text_to_int64(idle, &idle_fd) && idle_fd < 1024 ? (int)idle_fd : -1;
    app->signal_fd = -1;
    if (!rescue_open(&app->signal_fd, err) || !fit_terminal(app))
        return false;
    link_init(&app->link, app->options->conninfo, app->options->read_only);
    rows_init(&app->rows, &app->link);
    if (app->options->plain)
        app_say(app, ROLE_PLAIN,
                "keys come a line at a time: ? lists them, an empty line is the Enter key");
    if (!read)
        app_say(app, ROLE_ERROR, "%s", unread.text);
    app->top = models_open(app);
    return app->top || error_no_memory(err, sizeof(*app));
}

static void complain(const char *sentence)
{
    fprintf(stderr, "pare: %s\n", sentence);
}

static void close_app(struct app *app)
{
    bool unwritten = export_done(&app->export);
    clip_done(&app->clip);
    while (app->top) {
        struct view *view = app->top;
        app->top = view->below;
        view->ops->close(view);
    }
    term_close(app->term);
    if (app->rows.link) {
        alert_done(app);
        rows_done(&app->rows);
        link_done(&app->link);
    }
    if (app->signal_fd > 0)
        rescue_close();
    state_done(&app->state);
    canvas_done(&app->canvas);
    if (unwritten)
        complain("left before the file was whole: it was not written");
}

static int leave(const struct app *app)
{
    if (app->signal == SIGINT)
        return EXIT_INTERRUPTED;
    if (app->signal) {
        signal(app->signal, SIG_DFL);
        raise(app->signal);
    }
    if (app->link.known)
        return EXIT_DONE;
    if (app->link.error.code)
        complain(app->link.error.text);
    return app->link.error.code ? EXIT_NO_DATABASE : EXIT_DONE;
}

int tui_main(const struct tui_options *options)
{
    struct pare_error err = { 0 };
    struct app *app = calloc(1, sizeof(*app));
    if (!app) {
        complain("out of memory");
        return EXIT_WRONG;
    }
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    app->options = options;
    app->now_ms = clock_now_ms();
    if (!open_app(app, &err)) {
        close_app(app);
        free(app);
        complain(err.text);
        return err.code == PARE_ERR_USAGE ? EXIT_USAGE : EXIT_WRONG;
    }
    draw(app);
    while (!app->leaving)
        pass(app);
    close_app(app);
    int code = leave(app);
    free(app);
    return code;
}
