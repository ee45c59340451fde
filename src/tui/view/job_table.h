/* SPDX-License-Identifier: MIT */
/* Jobs as lines: what, of which version, how far, how long still. */
#ifndef PARE_TUI_VIEW_JOB_TABLE_H
#define PARE_TUI_VIEW_JOB_TABLE_H

#include "registry/queue.h"
#include "tui/canvas.h"

struct arena;

/* A row of the queue with what the screen says of it. Strings in the arena it was made in. */
struct job_item {
    struct job_row row;
    const char *what; /* "l1 50 %, int8" */
    const char *of;   /* "name:version" */
    const char *made; /* the new version's name, or "" */
    bool open;        /* queued or running */
};

/* `row` as an item; false when memory ends. */
bool job_item_make(const struct job_row *row, struct arena *arena, struct job_item *ret_item);

/* "waits", "54 %", "stopping", "done", "failed", "cancelled", and its role. */
const char *job_item_state(const struct job_item *item, int *ret_role);

void job_table_titles(struct canvas *canvas, int line);
void job_table_row(struct canvas *canvas, int line, const struct job_item *item);

/* "12 s", "3 min 05 s"; "" for what is unknown. */
enum { JOB_TIME_ROOM = 32 };
void job_time(double seconds, char to[JOB_TIME_ROOM]);
/* Seconds until a running job ends if it goes on as it has; NAN while that says nothing. */
double job_left_seconds(const struct job_row *row);

#endif
