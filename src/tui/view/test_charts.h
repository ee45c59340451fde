/* SPDX-License-Identifier: MIT */
/*
 * A test's charts: the slow requests, the effect and its p as they came to be, failures, split,
 * requests, ratings.
 *
 * Each is drawn of the same reading as the table and says the same; where there is nothing to draw
 * a sentence stands in its place. What they have in common is in test_plot.h.
 */
#ifndef PARE_TUI_VIEW_TEST_CHARTS_H
#define PARE_TUI_VIEW_TEST_CHARTS_H

#include "registry/browse_tests.h"
#include "tui/view.h"

struct arena;

/* In the order in which one looks through them. */
enum test_chart {
    TEST_CHART_SLOWER,
    TEST_CHART_EFFECT,
    TEST_CHART_P,
    TEST_CHART_FAILED,
    TEST_CHART_SPLIT,
    TEST_CHART_REQUESTS,
    TEST_CHART_RATINGS,
    TEST_CHARTS,
    TEST_CHART_SHAPE = TEST_CHARTS, /* latencies as a histogram: for TEST_CHART_SLOWER, if wanted */
};

/* What charts want beside the reading, of its newest segment. Arrays in an arena. */
struct test_charts {
    struct block_point *points; /* the effect at the end of each minute */
    int64_t *at;                /* that end, seconds since 1970; ascending */
    size_t count;
    bool is_off;      /* the split is, and by what: */
    double off_from;  /* since when, seconds since 1970 */
    double off_share; /* A's share since then */
};
MUST_CHECK bool test_charts_make(const struct browse_test *found, struct arena *arena,
                                 struct test_charts *ret_charts, struct pare_error *err);

enum { TEST_CHART_ROWS_MIN = 4 }; /* title, two of plot, labels */

/* One of them in rows `top`.. of so many columns. */
void test_chart_draw(enum test_chart which, const struct browse_test *found,
                     const struct test_charts *charts, struct canvas *canvas, struct view_area area,
                     int column, int columns);

#endif
