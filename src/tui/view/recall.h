/* SPDX-License-Identifier: MIT */
/*
 * What the Models screen looked like the last time, a registry: its filter, goal, sort keys, columns
 * and groups, and, where the rows do not come in that order by themselves, the first page as it was, to have
 * something to look at until they are there.
 */
#ifndef PARE_TUI_VIEW_RECALL_H
#define PARE_TUI_VIEW_RECALL_H

#include "tui/sift.h"

struct app;
struct canvas;

struct recall_page {
    struct arena arena;
    const char **lines; /* of the table, titles first */
    int count, columns; /* of a screen this wide */
};
void recall_page_done(struct recall_page *page);
/* Dimmed: this is how it was. */
void recall_page_draw(const struct recall_page *page, struct canvas *canvas, int top, int height);

/* What is remembered for the registry that the link has reached; false: nothing. */
bool recall_get(struct app *app, struct sift_wish *ret_wish, struct recall_page *ret_page);

/* Remember what is in force now, and write it where it is new. What goes wrong is said. */
void recall_put(struct app *app, const struct sift *sift);

#endif
