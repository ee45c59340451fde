/* SPDX-License-Identifier: MIT */
/*
 * The versions of a comparison as points: how slow they are, how right, and beside each letter how large.
 *
 * The line goes along those that none other beats in both. Numbers that were not measured alike are
 * drawn with "~" and are not on the line.
 */
#ifndef PARE_TUI_VIEW_COMPARE_PLOT_H
#define PARE_TUI_VIEW_COMPARE_PLOT_H

#include "registry/comparison.h"
#include "tui/view.h"

enum { COMPARE_PLOT_ROWS_MIN = 7, COMPARE_PLOT_ROWS_MAX = 20, COMPARE_PLOT_COLUMNS_MAX = 120 };

/* In all of the area. */
void compare_plot_draw(const struct comparison *comparison, struct canvas *canvas,
                       struct view_area area);

#endif
