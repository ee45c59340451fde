/* SPDX-License-Identifier: MIT */
#include "tui/typing.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "tui/app.h"
#include "tui/term.h"

enum { WHEEL_LINES = 3 };

/* Whether it was typed: into the prompt at the foot, or into one of the view. */
static bool type(struct app *app, const struct key *key)
{
    const struct view_ops *ops = app->top->ops;
    if (!app->export.asking)
        return ops->type && ops->type(app->top, key);
    export_key(app, key);
    return true;
}

/* What the terminal says of itself; true when the key was that. */
static bool take_answer(struct app *app, const struct key *key)
{
    bool light = key->kind == KEY_GROUND_LIGHT;
    if (key->kind == KEY_HOLDS_FRAMES) {
        term_hold_frames(app->term);
        return true;
    }
    if (!light && key->kind != KEY_GROUND_DARK)
        return false;
    if (!app->theme_chosen && term_set_theme(app->term, light ? THEME_LIGHT : THEME_DARK))
        app->dirty = app->dirty_by_key = true;
    return true;
}

static void take_mouse(struct app *app, const struct key *key)
{
    struct view *top = app->top;
    if (key->button == KEY_BUTTON_LEFT && top->ops->point) {
        if (top->ops->point(top, key->row) == VIEW_HIT_CURSOR)
            app_act(app, ACTION_OPEN);
    } else if (key->button == KEY_WHEEL_UP || key->button == KEY_WHEEL_DOWN) {
        for (int i = 0; i < WHEEL_LINES; i++)
            app_act(app, key->button == KEY_WHEEL_UP ? ACTION_UP : ACTION_DOWN);
    }
}

/*
 * What the terminal itself makes signals of elsewhere. It does not here, so that a pasted Ctrl-C is a
 * pasted byte; typed, the keys do what they do everywhere. To the group, as the terminal would.
 */
static bool take_signal_key(struct app *app, const struct key *key)
{
    if (key->kind != KEY_CTRL)
        return false;
    switch (key->text[0]) {
    case 'c':
        app->signal = SIGINT;
        app->leaving = true;
        return true;
    case 'z':
        kill(0, SIGTSTP);
        return true;
    case '\\' | 0x60:
        app->signal = SIGQUIT;
        app->leaving = true;
        return true;
    default:
        return false;
    }
}

/* Whether it was typed. */
static bool take_key(struct app *app, const struct key *key)
{
    if (take_answer(app, key) || take_signal_key(app, key))
        return false;
    app->dirty = app->dirty_by_key = true;
    if (type(app, key))
        return true;
    app->message[0] = '\0';
    if (key->kind == KEY_MOUSE)
        take_mouse(app, key);
    else
        app_act(app, action_of(key, app->top->ops->kind));
    return false;
}

/*
 * --plain: the end of a line is Enter where the line was empty or went into a prompt. What is typed
 * into one takes the place of what stood there: nobody can go back over it.
 */
static void take_line_key(struct app *app, const struct key *key)
{
    static const struct key clear = { .kind = KEY_CTRL, .text = "u" };
    bool ends = key->kind == KEY_ENTER, text = key->kind == KEY_TEXT;
    bool skip = ends && app->line_began && !app->line_typed;
    app->dirty = app->dirty_by_key = true;
    if (text && !app->line_typed)
        type(app, &clear);
    app->line_typed = !skip && take_key(app, key) && text;
    app->line_began = !ends;
}

static void take_keys(struct app *app, bool late)
{
    struct key key;
    while (!app->leaving && key_next(&app->keys, late, &key))
        if (app->options->plain)
            take_line_key(app, &key);
        else
            take_key(app, &key);
    app->partial_ms = key_is_partial(&app->keys) ? app->now_ms : 0;
}

void typing_late(struct app *app)
{
    take_keys(app, true);
}

bool typing_read(struct app *app)
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
    term_heard(app->term);
    take_keys(app, false);
    return true;
}
