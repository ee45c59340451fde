/* SPDX-License-Identifier: MIT */
/* What can be done to a job from a screen, and said of it in a line. */
#ifndef PARE_TUI_VIEW_JOB_ACT_H
#define PARE_TUI_VIEW_JOB_ACT_H

#include <stddef.h>
#include <stdint.h>

#include "tui/action.h"

struct app;
struct buf;
struct canvas;
struct job_item;
struct rows;

enum { JOB_ASK_ROWS = 2, JOB_ASK_OF_MAX = 200 };

/* A question that waits for Enter: what writes is asked first. */
struct job_ask {
    enum action action; /* ACTION_CANCEL, ACTION_RETRY; ACTION_NONE: nothing is asked */
    int64_t id;
    char of[JOB_ASK_OF_MAX]; /* the job in words */
};

/*
 * Open its version; or ask whether it is to be cancelled or tried again, where it can be. Any other
 * action is no matter of a job.
 */
void job_act(struct app *app, const struct job_item *item, enum action action, struct job_ask *ask);

/* Enter does what is asked, any other key does not. False: nothing was asked. */
bool job_ask_key(struct job_ask *ask, struct app *app, const struct key *key);
/* In JOB_ASK_ROWS rows from `row` on, while something is asked. */
void job_ask_draw(const struct job_ask *ask, struct canvas *canvas, int row);
/* Append the command that does it; false, and nothing, when nothing is asked. */
bool job_ask_command(const struct job_ask *ask, struct buf *buf);

/* "transform  by you@host  submitted ...  attempt 1 of 3  12 MB/s". */
void job_facts(const struct rows *rows, const struct job_item *item, char *to, size_t room);

#endif
