/* SPDX-License-Identifier: MIT */
/*
 * The terminal: the door to curses.
 *
 * Opened it holds the alternate screen, raw-ish modes and bracketed paste; closed, stopped
 * or crashed it is as it was before. A frame is a canvas; only what differs from the last
 * one is written, in one write, and an equal frame writes nothing.
 */
#ifndef PARE_TUI_TERM_H
#define PARE_TUI_TERM_H

#include "base/base.h"

struct canvas;
struct pare_error;
struct term;

struct term_options {
    bool no_colour; /* also with NO_COLOR in the environment */
    bool ascii;     /* also where the locale is not UTF-8 */
};

/* Fails with PARE_ERR_USAGE where there is no terminal or one that cannot place a cursor. */
MUST_CHECK bool term_open(const struct term_options *options, struct term **ret_term,
                          struct pare_error *err);
void term_close(struct term *term); /* NULL is fine */

int term_fd(const struct term *term);
bool term_is_ascii(const struct term *term);

/* How large it is now. */
void term_size(struct term *term, int *ret_rows, int *ret_columns);

void term_show(struct term *term, const struct canvas *canvas);

/* Give the terminal back, stop this process (as Ctrl-Z does), and take it again on SIGCONT. */
void term_suspend(struct term *term);
/* After somebody else stopped and continued it: set the modes again, repaint all at the next frame. */
void term_resume(struct term *term);

#endif
