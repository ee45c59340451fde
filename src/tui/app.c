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

enum { FRAME_MS = 8, STREAM_FRAME_MS = 33, TICK_MS = 1000, WAIT_MAX_MS = 60 * 1000 };

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

/* ---- keys ---- */

static void act(struct app *app, enum action action)
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

static void take_key(struct app *app, const struct key *key)
{
    struct view *top = app->top;
    app->dirty = app->dirty_by_key = true;
    if (top->ops->type && top->ops->type(top, key))
        return;
    app->message[0] = '\0';
    act(app, action_of(key, top->ops->kind));
}

static void take_keys(struct app *app, bool late)
{
    struct key key;
    while (!app->leaving && key_next(&app->keys, late, &key))
        take_key(app, &key);
    app->partial_ms = key_is_partial(&app->keys) ? app->now_ms : 0;
}

/* False when the terminal is gone. */
static bool read_terminal(struct app *app)
{
    size_t room;
    unsigned char *to = key_room(&app->keys, &room);
    if (room == 0) {
        take_keys(app, true);
        to = key_room(&app->keys, &room);
    }
    ssize_t count = read(term_fd(app->term), to, room);
    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    if (count == 0)
        return false;
    key_came(&app->keys, (size_t)count);
    app->bytes_read += (uint64_t)count;
    take_keys(app, false);
    return true;
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
    return app->frame_ms + (streaming ? STREAM_FRAME_MS : FRAME_MS);
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

static void draw(struct app *app)
{
    if (!app->dirty || (!app->dirty_by_key && app->now_ms < next_frame_ms(app)))
        return;
    frame_draw(app);
    app->rows_drawn = app->rows.list->count > 0;
    term_show(app->term, &app->canvas);
    app->frame_ms = app->now_ms;
    app->dirty = app->dirty_by_key = false;
}

/* While the clock is on the screen (silence, a lost connection) it is drawn once a second. */
static bool is_ticking(const struct app *app)
{
    return app->link.state != LINK_READY || app->link.running;
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
        until = MIN(until, app->frame_ms + TICK_MS);
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
                link_is_busy(&app->link) || app->rows.again || app->rows.soon ||
                (app->link.state != LINK_READY && !lost);
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
    if (fds[TERMINAL].revents & POLLIN && !read_terminal(app))
        app->leaving = true;
    else if (fds[TERMINAL].revents & (POLLHUP | POLLERR | POLLNVAL))
        app->leaving = true;
    if (app->partial_ms && app->now_ms - app->partial_ms >= KEY_ESCAPE_MS)
        take_keys(app, true);
    if (app->dirty_by_key && !app->leaving)
        draw(app);
    if (!app->leaving)
        step_views(app, waiting_view(app),
                   waiting && waiting == waiting_view(app) && fds[VIEW].revents);
    link_step(&app->link, fds[LINK].revents != 0, app->now_ms);
    rows_step(&app->rows, app->now_ms);
    link_step(&app->link, false, app->now_ms);
    take_news(app);
    if (is_ticking(app) && app->now_ms - app->frame_ms >= TICK_MS)
        app->dirty = true;
    if (!app->leaving)
        draw(app);
}

static bool open_app(struct app *app, struct pare_error *err)
{
    struct term_options options = { .no_colour = app->options->no_colour,
                                    .ascii = app->options->ascii };
    const char *idle = getenv("PARE_TUI_IDLE_FD");
    int64_t idle_fd = -1;
    if (!term_open(&options, &app->term, err))
        return false;
    app->canvas.ascii = term_is_ascii(app->term);
    app->idle_fd = idle && text_to_int64(idle, &idle_fd) && idle_fd < 1024 ? (int)idle_fd : -1;
    app->signal_fd = -1;
    if (!rescue_open(&app->signal_fd, err) || !fit_terminal(app))
        return false;
    link_init(&app->link, app->options->conninfo, app->options->read_only);
    rows_init(&app->rows, &app->link);
    app->top = models_open(app);
    return app->top || error_no_memory(err, sizeof(*app));
}

static void close_app(struct app *app)
{
    while (app->top) {
        struct view *view = app->top;
        app->top = view->below;
        view->ops->close(view);
    }
    term_close(app->term);
    if (app->rows.link) {
        rows_done(&app->rows);
        link_done(&app->link);
    }
    if (app->signal_fd > 0)
        rescue_close();
    canvas_done(&app->canvas);
}

static void complain(const char *sentence)
{
    fprintf(stderr, "pare: %s\n", sentence);
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
