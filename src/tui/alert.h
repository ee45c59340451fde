/* SPDX-License-Identifier: MIT */
/*
 * What went wrong out of sight: jobs that failed since pare was opened, or since Jobs was looked at.
 *
 * It is asked for where a look at the server found that somebody wrote, so that nothing is asked while
 * nothing happens, and it stands in a line that is there anyway: no row moves when it comes. To
 * look at the jobs is to have seen it.
 */
#ifndef PARE_TUI_ALERT_H
#define PARE_TUI_ALERT_H

#include "base/base.h"

struct app;
struct canvas;

enum { ALERT_TIME_ROOM = 40, ALERT_REF_ROOM = 256 };

struct alert {
    char *snapshot;                                    /* as of the last question; NULL: ask */
    char since[ALERT_TIME_ROOM], now[ALERT_TIME_ROOM]; /* the server's; "": not known yet */
    int64_t failed, last_id;
    char ref[ALERT_REF_ROOM]; /* name:version of the last one's model; "" when it has none */
    bool asked;
    bool refused; /* this role may not read the queue */
};

/* Ask what is due. */
void alert_step(struct app *app);
void alert_done(struct app *app);

/* As much of it as `room` columns hold, nothing where that is none of it. */
void alert_draw(const struct alert *alert, struct canvas *canvas, int row, int column, int room);

#endif
