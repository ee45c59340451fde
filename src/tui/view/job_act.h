/* SPDX-License-Identifier: MIT */
/* What can be done to a job from a screen, and said of it in a line. */
#ifndef PARE_TUI_VIEW_JOB_ACT_H
#define PARE_TUI_VIEW_JOB_ACT_H

#include <stddef.h>

#include "tui/action.h"

struct app;
struct job_item;
struct job_row;
struct rows;

/* Cancel it, try it again, open its version; any other action is no matter of a job. */
void job_act(struct app *app, const struct job_row *row, enum action action);

/* "transform  by you@host  submitted ...  attempt 1 of 3  12 MB/s". */
void job_facts(const struct rows *rows, const struct job_item *item, char *to, size_t room);

#endif
