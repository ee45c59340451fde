/* SPDX-License-Identifier: MIT */
/*
 * A tensor's values as a histogram: bars of logarithmic height, so that one bin that holds nearly all
 * does not hide the others, with the numbers that say the same exactly.
 */
#ifndef PARE_TUI_VIEW_TENSOR_CHART_H
#define PARE_TUI_VIEW_TENSOR_CHART_H

#include "engine/histogram.h"
#include "tui/canvas.h"
#include "tui/view.h"

enum { TENSOR_CHART_ROWS = 15, TENSOR_CHART_ROWS_MIN = 7 };

/* `name` as a title. What does not fit is left out: first bars, then numbers. */
void tensor_chart_draw(const struct histogram *histogram, const char *name, struct canvas *canvas,
                       struct view_area area);

#endif
