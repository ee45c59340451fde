/* SPDX-License-Identifier: MIT */
/* Which line of a long list has the cursor, and which one is at the top of the screen. */
#ifndef PARE_TUI_SCROLL_H
#define PARE_TUI_SCROLL_H

#include "tui/view.h"

struct scroll {
    size_t count, cursor, top;
    size_t height; /* lines on the screen, at least 1 */
    int row;       /* of the screen, where the one at `top` is drawn; for the mouse */
};

/* Keep cursor and top inside, the cursor on the screen. */
void scroll_fit(struct scroll *scroll, size_t count, int height);

/* Whether the action was a movement. */
bool scroll_act(struct scroll *scroll, enum action action);

/* The same for a text without a cursor: the page moves. */
bool scroll_page(struct scroll *scroll, enum action action);

/* A click on this row of the screen. */
enum view_hit scroll_point(struct scroll *scroll, int row);

#endif
