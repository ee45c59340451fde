/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "tui/view/test_plot.h"

static const char *const too_early = "not enough minutes with requests of both arms yet";

/* The first point at which there is an effect; `count` when there is none. */
static size_t first_known(const struct test_charts *charts)
{
    size_t i = 0;
    while (i < charts->count && !charts->points[i].known)
        i++;
    return i;
}

static struct chart_axis time_axis(const struct test_charts *charts, size_t from)
{
    return (struct chart_axis){ (double)charts->at[from], (double)charts->at[charts->count - 1],
                                false };
}

static void draw_level(struct chart *chart, double y)
{
    chart_lift(chart, CHART_MARK);
    chart_to(chart, CHART_MARK, chart->x.low, y);
    chart_to(chart, CHART_MARK, chart->x.high, y);
}

/* ---- the effect ---- */

static double widest(const struct test_charts *charts, size_t from)
{
    double widest = 0;
    for (size_t i = from; i < charts->count; i++) {
        const struct block_point *point = &charts->points[i];
        widest = fmax(widest, fmax(fabs(point->delta), fabs(point->low) / 2));
        widest = fmax(widest, fabs(point->high) / 2);
    }
    return widest;
}

/* To `y`, or to the plot's edge that it is beyond. */
static void step_within(struct chart *chart, enum chart_series series, double x, double y)
{
    chart_step(chart, series, x, fmin(fmax(y, chart->y.low), chart->y.high));
}

static void draw_points(struct chart *chart, const struct test_charts *charts, size_t from)
{
    for (size_t i = from; i < charts->count; i++)
        step_within(chart, CHART_A, (double)charts->at[i], charts->points[i].delta);
    for (size_t i = from; i < charts->count; i++)
        step_within(chart, CHART_BAND, (double)charts->at[i], charts->points[i].high);
    chart_lift(chart, CHART_BAND);
    for (size_t i = from; i < charts->count; i++)
        step_within(chart, CHART_BAND, (double)charts->at[i], charts->points[i].low);
}

void test_course_effect(const struct test_plot *plot, const struct test_charts *charts)
{
    size_t from = first_known(charts);
    double reach = widest(charts, from) * 1.1;
    struct chart chart;
    test_plot_title(plot, false,
                    "B - A of the means in ms: solid; dots around it: where it lies at any time");
    if (charts->count < from + 2 || !(reach > 0)) {
        test_plot_nothing(plot, too_early);
        return;
    }
    struct chart_axis y = { -reach, reach, false };
    if (charts->points[charts->count - 1].low > 0)
        y.low = -reach / 8;
    if (charts->points[charts->count - 1].high < 0)
        y.high = reach / 8;
    if (!test_plot_begin(&chart, plot, 0, time_axis(charts, from), y))
        return;
    draw_level(&chart, 0);
    draw_points(&chart, charts, from);
    chart_y_label(&chart, 0, "0");
    test_plot_label_y(&chart);
    test_plot_label_time(&chart);
    chart_end(&chart);
}

/* ---- its p ---- */

/*
 * How high p is: the logarithm of how many digits it has, ln(1 - log10 p), downwards. Then .05 and
 * .001 are apart whether the axis ends at 1e-6 or at 1e-3000; in log p alone they would be one line.
 */
static double height_of(double ln_p)
{
    return -log1p(fmax(-ln_p, 0) / M_LN10);
}

/* Where the axis ends, in digits: a step that holds for long, so that the picture stands still. */
static int digits_of(double ln_p, double ln_alpha)
{
    static const int ends[] = { 6, 30, 300, 3000 };
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (fmin(ln_p, ln_alpha) >= -ends[i] * M_LN10)
            return ends[i];
    return 9999;
}

static void label_p(struct chart *chart, double ln_alpha, int digits)
{
    const double labels[] = { ln_alpha,   0,         -digits * M_LN10, log(0.05),
                              log(0.001), log(1e-6), -30 * M_LN10,     -300 * M_LN10 };
    char text[P_TEXT_ROOM];
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        p_put(labels[i], text);
        chart_y_label(chart, height_of(labels[i]), text);
    }
}

/* From 1, which it is until both arms have requests enough. */
static void draw_p(struct chart *chart, const struct test_charts *charts)
{
    for (size_t i = 0; i < charts->count; i++) {
        const struct block_point *point = &charts->points[i];
        chart_step(chart, CHART_A, (double)charts->at[i],
                   fmax(height_of(point->known ? point->ln_p : 0), chart->y.low));
    }
}

void test_course_p(const struct test_plot *plot, const struct browse_test *found,
                   const struct test_charts *charts)
{
    double ln_alpha = log(found->report.alpha);
    char title[PLOT_TITLE_ROOM], now[P_TEXT_ROOM], alpha[P_TEXT_ROOM];
    struct chart chart;
    if (first_known(charts) == charts->count || charts->count < 2 || !isfinite(ln_alpha)) {
        test_plot_title(plot, false, "p of the mean, valid at any time");
        test_plot_nothing(plot, too_early);
        return;
    }
    double ln_p = charts->points[charts->count - 1].ln_p;
    int digits = digits_of(ln_p, ln_alpha);
    p_put(ln_p, now);
    p_put(ln_alpha, alpha);
    snprintf(title, sizeof(title),
             "p of the mean, valid at any time, over time: %s so far; dots: alpha %s", now, alpha);
    test_plot_title(plot, false, title);
    struct chart_axis y = { height_of(-digits * M_LN10), 0, false };
    if (!test_plot_begin(&chart, plot, 0, time_axis(charts, 0), y))
        return;
    draw_level(&chart, height_of(ln_alpha));
    draw_p(&chart, charts);
    label_p(&chart, ln_alpha, digits);
    test_plot_label_time(&chart);
    chart_end(&chart);
}
