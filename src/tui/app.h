/* SPDX-License-Identifier: MIT */
/*
 * The browser: one loop around poll(), a stack of views, and what they share.
 *
 * A frame that a key caused is drawn at once. Frames that data caused are at least 8 ms
 * apart. When nothing happens nothing is written, and the loop sleeps until the
 * next look for changes.
 */
#ifndef PARE_TUI_APP_H
#define PARE_TUI_APP_H

#include "tui/alert.h"
#include "tui/canvas.h"
#include "tui/clip.h"
#include "tui/export.h"
#include "tui/key.h"
#include "tui/link.h"
#include "tui/marks.h"
#include "tui/rows.h"
#include "tui/state.h"
#include "tui/view.h"

struct term;

struct tui_options {
    const char *conninfo; /* NULL: the private cluster */
    bool read_only;
    bool no_colour, ascii;
    bool plain; /* lines instead of a screen */
    bool mouse;
    const char *theme;  /* its word; NULL: PARE_THEME, or what the terminal's ground asks for */
    const char *filter; /* to begin with, or NULL */
};

/* Run until the user leaves; the process's exit code. Words for people go to stderr afterwards. */
int tui_main(const struct tui_options *options);

/* ---- for views ---- */

enum { APP_MESSAGE_MAX = 1100 };

struct app {
    const struct tui_options *options;
    struct term *term;
    struct canvas canvas;
    struct key_reader keys;
    struct link link;
    struct rows rows;
    struct state state;
    char registry_key
        [1024];         /* what is remembered of this registry is under that name; "" at first */
    struct marks marks; /* versions, in Models */
    struct view *top;
    struct clip clip;
    struct export export;
    struct alert alert;
    char message[APP_MESSAGE_MAX]; /* the outcome of the last thing done; "" when told */
    int message_role;
    int64_t now_ms;
    int64_t frame_ms;   /* when the last frame was drawn */
    int64_t partial_ms; /* since when bytes of a key wait for their rest */
    bool dirty, dirty_by_key;
    bool frame_by_key;        /* the last frame was drawn for one */
    bool line_began;          /* --plain: keys of this line have come, */
    bool line_typed;          /* the last one into a prompt */
    bool rows_drawn;          /* the last frame showed any */
    unsigned rows_generation; /* of the list that views have heard of */
    bool leaving;
    bool theme_chosen; /* by a person: what the terminal says of itself changes nothing */
    int signal;        /* that ended it, or 0 */
    int signal_fd, idle_fd;
    uint64_t bytes_read; /* from the keyboard */
};

void app_say(struct app *app, int role, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Put a view on top (NULL says that memory ended); take one away, wherever it lies: it is gone then. */
void app_push(struct app *app, struct view *view);
void app_close(struct app *app, struct view *view);
/* What a key with that meaning does now, on the view that is on top. */
void app_act(struct app *app, enum action action);
/* From now on, and the next time too. */
void app_theme(struct app *app, enum theme theme);
/* Whether this registry can be written to; else the message says why not. */
bool app_may_write(struct app *app);

#endif
