/* SPDX-License-Identifier: MIT */
/* A plan as it comes from the planner: the sum in one line, then the tensors, largest first. */
#ifndef PARE_TUI_VIEW_PLAN_TABLE_H
#define PARE_TUI_VIEW_PLAN_TABLE_H

#include "base/arena.h"
#include "jobs/planner.h"
#include "tui/canvas.h"
#include "tui/scroll.h"
#include "tui/view.h"

struct plan_row {
    const char *name, *action, *reason; /* in the plan's arena */
    int64_t before_bytes, after_bytes;
};

enum { PLAN_REASONS_MAX = 6 };
struct plan_reason {
    const char *reason; /* a row's */
    size_t count;
};

struct plan {
    struct arena arena;
    struct plan_row *rows;
    size_t count, room;
    int64_t before_bytes, after_bytes, changed_count;
    size_t stay_count, why_count;
    struct plan_reason why[PLAN_REASONS_MAX]; /* tensors stay, the most frequent first */
    const char *error;                        /* why there is none; NULL: it is whole */
};

struct plan_table {
    struct plan shown, coming; /* the one shown stays until the next is whole */
    bool any;                  /* there is one to show */
    bool waiting;              /* another was asked for */
    const char *phase;         /* static: what the planner is at */
    double done_fraction;
    struct scroll scroll;
};

void plan_table_done(struct plan_table *table);
/* Another recipe has been asked for; or it cannot be, and why. */
void plan_table_expect(struct plan_table *table);
void plan_table_refuse(struct plan_table *table, const char *why);
void plan_table_take(struct plan_table *table, const struct planner_news *news);
void plan_table_draw(struct plan_table *table, struct canvas *canvas, struct view_area area);

#endif
