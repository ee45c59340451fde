/* SPDX-License-Identifier: MIT */
/* What is around every view: where one is, what happened, which keys there are. */
#ifndef PARE_TUI_FRAME_H
#define PARE_TUI_FRAME_H

struct app;

enum { FRAME_ROWS_MIN = 5, FRAME_COLUMNS_MIN = 30 };

/* Draw all of the screen into app->canvas. */
void frame_draw(struct app *app);

#endif
