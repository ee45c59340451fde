/* SPDX-License-Identifier: MIT */
/*
 * A test's charts: the slow requests, the effect as it came to be, the requests, the ratings.
 *
 * Each is drawn of the same reading as the table and says the same; where there is nothing to draw
 * a sentence stands in its place.
 */
#ifndef PARE_TUI_VIEW_TEST_CHARTS_H
#define PARE_TUI_VIEW_TEST_CHARTS_H

#include "registry/browse_tests.h"
#include "tui/view.h"

struct arena;

enum test_chart {
    TEST_CHART_SLOWER,
    TEST_CHART_EFFECT,
    TEST_CHART_REQUESTS,
    TEST_CHART_RATINGS,
    TEST_CHARTS,
};

/* What charts want beside the reading: the effect at the end of each minute. Arrays in an arena. */
struct test_charts {
    struct block_point *points;
    int64_t *at; /* seconds since 1970 */
    size_t count;
};
MUST_CHECK bool test_charts_make(const struct browse_test *found, struct arena *arena,
                                 struct test_charts *ret_charts, struct pare_error *err);

enum { TEST_CHART_ROWS_MIN = 4 }; /* title, two of plot, labels */

/* One of them in rows `top`.. of so many columns. */
void test_chart_draw(enum test_chart which, const struct browse_test *found,
                     const struct test_charts *charts, struct canvas *canvas, struct view_area area,
                     int column, int columns);

#endif
