/* SPDX-License-Identifier: MIT */
#include "tui/view/test_plot.h"

#include <math.h>
#include <stdio.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 7 * DAY };
enum { LEGEND_FROM = 50, TIME_TICKS = 7, TIME_WIDTH = 12 };

void test_plot_title(const struct test_plot *plot, bool legend, const char *title)
{
    struct canvas *canvas = plot->canvas;
    int width = canvas->ascii ? 18 : 19, right = plot->column + plot->columns;
    legend = legend && plot->columns >= LEGEND_FROM;
    canvas_text(canvas, plot->row, plot->column + 1, plot->columns - 2 - (legend ? width : 0),
                ROLE_TITLE, title);
    if (!legend)
        return;
    canvas_text(canvas, plot->row, right - width, 8, ROLE_KEY,
                canvas->ascii ? "A o" : "A \u28C0\u28C0\u28C0");
    canvas_text(canvas, plot->row, right - width + 7, 12, ROLE_DEFAULT,
                canvas->ascii ? "B x  both 8" : "B \u2840\u2840\u2840 dots");
}

void test_plot_nothing(const struct test_plot *plot, const char *words)
{
    if (plot->rows > 1)
        canvas_text(plot->canvas, plot->row + MIN(2, plot->rows - 1), plot->column + 3,
                    plot->columns - 4, ROLE_DIM, words);
}

bool test_plot_begin(struct chart *chart, const struct test_plot *plot, int lines,
                     struct chart_axis x, struct chart_axis y)
{
    return chart_begin(chart, plot->canvas, plot->row + 1 + lines, plot->column,
                       plot->rows - 1 - lines, plot->columns - 1, x, y);
}

void test_plot_label_y(struct chart *chart)
{
    double ticks[CHART_TICKS_MAX];
    char text[PLOT_LABEL_ROOM];
    int count = chart_ticks(&chart->y, MAX(2, (chart->rows + 1) / 2), ticks);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%.4g", ticks[i]);
        chart_y_label(chart, ticks[i], text);
    }
}

double test_plot_span(double seconds)
{
    static const int spans[] = {
        MINUTE,   2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR,
        2 * HOUR, 3 * HOUR,   6 * HOUR,   12 * HOUR,   DAY,         2 * DAY,     WEEK,
    };
    for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
        if (spans[i] >= seconds)
            return spans[i];
    return ceil(seconds / WEEK) * WEEK;
}

void test_plot_put_span(double seconds, double unit, char to[PLOT_LABEL_ROOM])
{
    if (fmod(unit, DAY) == 0)
        snprintf(to, PLOT_LABEL_ROOM, "%.0fd", seconds / DAY);
    else if (fmod(unit, HOUR) == 0)
        snprintf(to, PLOT_LABEL_ROOM, "%.0fh", seconds / HOUR);
    else
        snprintf(to, PLOT_LABEL_ROOM, "%.0fm", seconds / MINUTE);
}

void test_plot_label_time(struct chart *chart)
{
    char text[1 + PLOT_LABEL_ROOM] = "-";
    double span = chart->x.high - chart->x.low;
    int most = MAX(1, MIN(TIME_TICKS, chart->columns / TIME_WIDTH));
    double step = test_plot_span(span / most);
    for (int i = (int)(span / step); i > 0; i--) {
        test_plot_put_span(i * step, step, text + 1);
        chart_x_label(chart, chart->x.high - i * step, text);
    }
    chart_x_label(chart, chart->x.high, "last");
}
