/* SPDX-License-Identifier: MIT */
/*
 * Intervals as lines around zero, better to the left: thick where one look would put the
 * difference, thin where it lies at any time, a tick where the limit is. Rows of one unit share
 * their scale.
 */
#ifndef PARE_TUI_VIEW_TEST_FOREST_H
#define PARE_TUI_VIEW_TEST_FOREST_H

#include "registry/browse_tests.h"
#include "tui/canvas.h"

/* Milliseconds are drawn as shares of A's, failures and rated in points, ratings as they are. */
enum forest_unit { FOREST_RELATIVE, FOREST_POINTS, FOREST_RATING, FOREST_UNITS };

struct forest {
    double reach[FOREST_UNITS]; /* what the ends of the axis stand for */
};

struct forest forest_of(const struct browse_test *found);
void forest_title(struct canvas *canvas, int line, int column, int columns);
void forest_row(const struct forest *forest, struct canvas *canvas, int line, int column,
                int columns, const struct abtest_row *row);

#endif
