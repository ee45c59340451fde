/* SPDX-License-Identifier: MIT */
/*
 * What the charts of a test have in common: where one goes, its title, its axes.
 *
 * And the charts themselves, each drawn by the file it is named after; test_charts.h is what a view
 * calls. A chart that has nothing to draw says so in a sentence.
 */
#ifndef PARE_TUI_VIEW_TEST_PLOT_H
#define PARE_TUI_VIEW_TEST_PLOT_H

#include "tui/chart.h"
#include "tui/view/test_charts.h"

/* The place of a chart, its title line first. */
struct test_plot {
    struct canvas *canvas;
    int row, column, rows, columns;
};

enum { PLOT_TITLE_ROOM = 192, PLOT_LABEL_ROOM = 32 };

/* The title; with a legend, at its right how the arms are told apart. */
void test_plot_title(const struct test_plot *plot, bool legend, const char *title);
void test_plot_nothing(const struct test_plot *plot, const char *words);

/* Below the title and `lines` more; as chart_begin(). */
bool test_plot_begin(struct chart *chart, const struct test_plot *plot, int lines,
                     struct chart_axis x, struct chart_axis y);

/* Round values at the left, as many as there is room for. */
void test_plot_label_y(struct chart *chart);
/* Times as how long before the newest: no time zone to guess, and no clock. */
void test_plot_label_time(struct chart *chart);

/* The shortest of 1, 2, 5, ... minutes to 1, 2, 7 days that is `seconds` or more; then whole weeks. */
double test_plot_span(double seconds);
/* "10m", "2h", "7d" of a multiple of such a span; `unit` is the span. */
void test_plot_put_span(double seconds, double unit, char to[PLOT_LABEL_ROOM]);

/* ---- test_latency.c ---- */

/* The share of requests that took longer; the shape of both arms. */
void test_latency_slower(const struct test_plot *plot, const struct browse_test *found);
void test_latency_shape(const struct test_plot *plot, const struct browse_test *found);

/* ---- test_course.c: what the test said as it went on ---- */

void test_course_effect(const struct test_plot *plot, const struct test_charts *charts);
void test_course_p(const struct test_plot *plot, const struct browse_test *found,
                   const struct test_charts *charts);

/* ---- test_traffic.c: what came in ---- */

void test_traffic_failed(const struct test_plot *plot, const struct browse_test *found);
void test_traffic_split(const struct test_plot *plot, const struct browse_test *found,
                        const struct test_charts *charts);
void test_traffic_requests(const struct test_plot *plot, const struct browse_test *found);

#endif
