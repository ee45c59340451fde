/* SPDX-License-Identifier: MIT */
/* The columns of the list of tests: what there is room for, the verdict always. */
#ifndef PARE_TUI_VIEW_TESTS_TABLE_H
#define PARE_TUI_VIEW_TESTS_TABLE_H

#include "base/base.h"

struct canvas;

struct tests_cells {
    const char *id, *name, *status, *time, *a, *b, *split, *results, *verdict;
    int role, status_role, verdict_role;
    bool ended; /* it does not run any more */
};

/* A line of it, or its titles. */
void tests_table_line(struct canvas *canvas, int line, const struct tests_cells *cells);

#endif
