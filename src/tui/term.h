/* SPDX-License-Identifier: MIT */
/*
 * The terminal: the door to curses.
 *
 * Opened it holds the alternate screen, raw-ish modes, bracketed paste and, where asked for, the
 * mouse; closed, stopped or crashed it is as it was before. A frame is a canvas; only what
 * differs from the last one is written, at once, and an equal frame writes nothing.
 *
 * What a terminal can do beyond its description it is asked once, and not waited for: the
 * answers are keys (key.h), and one that never answers loses nothing.
 */
#ifndef PARE_TUI_TERM_H
#define PARE_TUI_TERM_H

#include "base/base.h"
#include "tui/theme.h"

struct canvas;
struct pare_error;
struct term;

struct term_options {
    bool no_colour; /* also with NO_COLOR in the environment */
    bool ascii;     /* also where the locale is not UTF-8 */
    bool plain;     /* lines alone, on anything that takes them */
    bool mouse;
    bool ask_ground; /* whether it is light */
    enum theme theme;
};

/* Fails with PARE_ERR_USAGE where there is no terminal or one that cannot place a cursor. */
MUST_CHECK bool term_open(const struct term_options *options, struct term **ret_term,
                          struct pare_error *err);
void term_close(struct term *term); /* NULL is fine */

int term_fd(const struct term *term);
/* What it shows: canvas->ascii and ->letters are set by it. */
void term_suit(const struct term *term, struct canvas *canvas);

/* From the next frame on, which is drawn whole. False when it is the one already. */
bool term_set_theme(struct term *term, enum theme theme);
/* It has said that it can: no frame is seen half written from now on. */
void term_hold_frames(struct term *term);

/* How large it is now. */
void term_size(struct term *term, int *ret_rows, int *ret_columns);

/* Keys have come from it. */
void term_heard(struct term *term);

/* Bytes for the terminal itself, that show nothing. */
void term_send(struct term *term, const void *bytes, size_t length);

void term_show(struct term *term, const struct canvas *canvas);

/* Give the terminal back, stop this process (as Ctrl-Z does), and take it again on SIGCONT. */
void term_suspend(struct term *term);
/* After somebody else stopped and continued it: set the modes again, repaint all at the next frame. */
void term_resume(struct term *term);

#endif
