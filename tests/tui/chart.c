/* SPDX-License-Identifier: MIT */
/* The plot itself: lines, stairs, labels, ticks, and what odd numbers do to it. */
#include <float.h>
#include <locale.h>
#include <math.h>

#include "tap.h"
#include "tui/chart.h"

enum { ROWS = 8, COLUMNS = 40, TOP = 1, LEFT = 3, PLOT_ROWS = 5, PLOT_COLUMNS = 30 };

static struct canvas canvas;

static void start(void)
{
    struct pare_error *none = NULL;
    if (!canvas_resize(&canvas, ROWS, COLUMNS, none))
        abort();
    canvas_clear(&canvas);
    canvas.ascii = true;
}

static char at(int row, int column)
{
    return (char)canvas.cells[row * COLUMNS + column].text[0];
}

/* The plot's row `row` from above, without its labels. */
static const char *plot_row(int row)
{
    static char text[COLUMNS + 1];
    int width = PLOT_COLUMNS - CHART_GUTTER;
    for (int i = 0; i < width; i++)
        text[i] = at(TOP + row, LEFT + CHART_GUTTER + i);
    text[width] = '\0';
    while (width > 0 && text[width - 1] == ' ')
        text[--width] = '\0';
    return text;
}

static bool begin(struct chart *chart, struct chart_axis x, struct chart_axis y)
{
    start();
    return chart_begin(chart, &canvas, TOP, LEFT, PLOT_ROWS, PLOT_COLUMNS, x, y);
}

static const struct chart_axis tenth = { 0, 10, false };

static void test_lines(void)
{
    struct chart chart;
    OK(begin(&chart, tenth, tenth), "a plot begins");
    chart_to(&chart, CHART_A, 0, 0);
    chart_to(&chart, CHART_A, 10, 0);
    chart_to(&chart, CHART_B, 0, 10);
    chart_end(&chart);
    IS(plot_row(3), "oooooooooooooooooooooo", "a line lies on the ground");
    IS(plot_row(0), "x", "a point at the top left");

    OK(begin(&chart, tenth, tenth), "and another");
    chart_step(&chart, CHART_A, 0, 10);
    chart_step(&chart, CHART_A, 5, 0);
    chart_step(&chart, CHART_A, 10, 0);
    chart_end(&chart);
    IS(plot_row(0), "oooooooooooo", "stairs stay level");
    IS(plot_row(1), "           o", "go upright");
    IS(plot_row(3), "           ooooooooooo", "and on");

    OK(begin(&chart, tenth, tenth), "and one more");
    chart_upright(&chart, CHART_EDGE, 5);
    chart_step(&chart, CHART_A, 0, 10);
    chart_step(&chart, CHART_A, NAN, 0);
    chart_step(&chart, CHART_A, 10, 0);
    chart_end(&chart);
    IS(plot_row(0), "o          |", "an edge goes to the top");
    IS(plot_row(3), "           |         o", "from the ground, and NAN leaves a gap");
}

static void test_places(void)
{
    struct chart chart;
    OK(begin(&chart, (struct chart_axis){ 1, 100, true }, tenth), "a logarithmic axis");
    OK(chart_dots(&chart) == 44 && chart_dots_high(&chart) == 16, "eight dots a cell");
    OK(fabs(chart_x(&chart, 21) - 9.49) < 0.01, "its middle is 10");
    OK(chart_column(&chart, 1) == LEFT + CHART_GUTTER, "it begins at the left");
    OK(chart_column(&chart, 100) == LEFT + PLOT_COLUMNS - 1, "and ends at the right");
    OK(chart_column(&chart, 0.9) == -1 && chart_column(&chart, NAN) == -1 &&
           chart_column(&chart, 0) == -1 && chart_column(&chart, INFINITY) == -1,
       "what is outside has no column");
    chart_x_label(&chart, 10, "ten");
    chart_x_label(&chart, 11, "eleven");
    chart_y_label(&chart, 10, "top");
    chart_y_label(&chart, 9.9, "near");
    chart_end(&chart);
    OK(at(TOP + 4, LEFT + CHART_GUTTER + 10) == 't' && at(TOP + 4, LEFT + CHART_GUTTER + 13) == ' ',
       "a label on another is left out");
    OK(at(TOP, LEFT + CHART_GUTTER - 2) == 'p', "also at the left");
}

static void test_ticks(void)
{
    double ticks[CHART_TICKS_MAX];
    OK(chart_ticks(&tenth, 4, ticks) == 3 && ticks[1] == 5, "round ticks");
    OK(chart_ticks(&(struct chart_axis){ 1, 100, true }, 16, ticks) == 7 && ticks[2] == 5,
       "1, 2, 5, 10");
    const struct chart_axis odd[] = {
        { 0, 0, false },        { NAN, 1, false },
        { 0, INFINITY, false }, { -DBL_MAX, DBL_MAX, false },
        { 4.9e-324, 1, true },  { 0, 1, true },
        { -1, 1, true },        { 2, 1, false },
    };
    int count = 0;
    struct chart chart;
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        count += chart_ticks(&odd[i], 8, ticks);
        count += begin(&chart, odd[i], tenth) + begin(&chart, tenth, odd[i]);
    }
    OK(count == 0, "no axis, no plot and no ticks");
    count = chart_ticks(&(struct chart_axis){ DBL_MIN, DBL_MAX, true }, 16, ticks);
    OK(count == 16 && ticks[15] <= DBL_MAX, "the longest axis has as many as there may be");
}

/* ---- odd numbers ---- */

static uint64_t seed = 7;

static uint64_t roll(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static double odd_number(void)
{
    static const double odd[] = { NAN,  INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, DBL_MIN, 4.9e-324,
                                  -0.0, 0,        1,         -1,      1e300,    10,      1e-300 };
    return roll(3) ? odd[roll(ARRAY_SIZE(odd))] : (double)roll(1000) / 50 - 5;
}

static void draw_odd(struct chart *chart)
{
    for (int i = 0; i < 40; i++) {
        enum chart_series series = (enum chart_series)roll(CHART_SERIES);
        double x = odd_number(), y = odd_number();
        int column = chart_column(chart, x);
        if (column != -1 && (column < chart->column || column >= chart->column + chart->columns))
            abort();
        switch (roll(6)) {
        case 0:
            chart_step(chart, series, x, y);
            break;
        case 1:
            chart_upright(chart, series, x);
            break;
        case 2:
            chart_x_label(chart, x, "x");
            break;
        case 3:
            chart_y_label(chart, y, "y");
            break;
        default:
            chart_to(chart, series, x, y);
            break;
        }
    }
}

/* Whether all that is written lies within the plot and its labels. */
static bool is_inside(void)
{
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++)
            if (at(row, column) != ' ' && (row < TOP || row >= TOP + PLOT_ROWS || column < LEFT ||
                                           column >= LEFT + PLOT_COLUMNS))
                return false;
    return true;
}

static void test_odd(void)
{
    int begun = 0, outside = 0;
    for (int i = 0; i < 20000; i++) {
        struct chart chart;
        struct chart_axis x = { odd_number(), odd_number(), roll(2) };
        struct chart_axis y = { odd_number(), odd_number(), roll(2) };
        double ticks[CHART_TICKS_MAX];
        chart_ticks(&x, (int)roll(20), ticks);
        if (!begin(&chart, roll(2) ? x : tenth, roll(2) ? y : tenth))
            continue;
        begun++;
        draw_odd(&chart);
        chart_end(&chart);
        outside += !is_inside();
    }
    OK(begun > 1000, "odd numbers on many a plot");
    OK(outside == 0, "and nothing drawn outside of one");
}

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    test_lines();
    test_places();
    test_ticks();
    test_odd();
    canvas_done(&canvas);
    return tap_done();
}
