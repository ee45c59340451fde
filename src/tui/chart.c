/* SPDX-License-Identifier: MIT */
#include "tui/chart.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/text.h"

enum { ACROSS = 2, DOWN = 4, ROWS_MIN = 3, COLUMNS_MIN = 16 };

/* Every how manieth dot of a line is there. */
static const unsigned thinning[CHART_SERIES] = {
    [CHART_MARK] = 4, [CHART_BAND] = 3, [CHART_EDGE] = 2, [CHART_A] = 1, [CHART_B] = 2,
};

static bool is_axis(const struct chart_axis *axis)
{
    return isfinite(axis->low) && isfinite(axis->high) && axis->low < axis->high &&
           isfinite(axis->high - axis->low) && (!axis->is_log || axis->low >= DBL_MIN);
}

bool chart_begin(struct chart *chart, struct canvas *canvas, int row, int column, int rows,
                 int columns, struct chart_axis x, struct chart_axis y)
{
    if (rows < ROWS_MIN || columns < COLUMNS_MIN || !is_axis(&x) || !is_axis(&y))
        return false;
    *chart = (struct chart){ .canvas = canvas,
                             .row = row,
                             .column = column + CHART_GUTTER,
                             .rows = rows - 1,
                             .columns = columns - CHART_GUTTER,
                             .x = x,
                             .y = y };
    chart->dots = calloc((size_t)chart->rows * (size_t)chart->columns, CHART_SERIES);
    chart->label_column = column;
    return chart->dots;
}

/* ---- places ---- */

int chart_dots(const struct chart *chart)
{
    return chart->columns * ACROSS;
}

int chart_dots_high(const struct chart *chart)
{
    return chart->rows * DOWN;
}

/* 0 at the axis's low end, 1 at its high one. */
static double place(const struct chart_axis *axis, double value)
{
    if (axis->is_log)
        return value > 0 ? log(value / axis->low) / log(axis->high / axis->low) : -INFINITY;
    return (value - axis->low) / (axis->high - axis->low);
}

double chart_x(const struct chart *chart, int dot)
{
    double share = ((double)dot + 0.5) / chart_dots(chart);
    const struct chart_axis *axis = &chart->x;
    return axis->is_log ? axis->low * pow(axis->high / axis->low, share)
                        : axis->low + share * (axis->high - axis->low);
}

static int dot_of(double share, int count)
{
    double at = fmin(fmax(share, 0), 1) * count;
    return MIN((int)at, count - 1);
}

int chart_column(const struct chart *chart, double x)
{
    double across = place(&chart->x, x);
    if (!(across >= 0 && across <= 1))
        return -1;
    return chart->column + dot_of(across, chart_dots(chart)) / ACROSS;
}

int chart_row(const struct chart *chart, double y)
{
    double up = place(&chart->y, y);
    if (!(up >= 0 && up <= 1))
        return -1;
    return chart->row + chart->rows - 1 - dot_of(up, chart_dots_high(chart)) / DOWN;
}

/* ---- lines ---- */

/* Dots of a cell as Unicode numbers them: U+2800 and a bit for each. */
static unsigned char bit_of(int x, int y_from_top)
{
    static const unsigned char bits[DOWN][ACROSS] = {
        { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 }
    };
    return bits[y_from_top % DOWN][x % ACROSS];
}

static unsigned char *cell_of(const struct chart *chart, int row, int column)
{
    return chart->dots +
           ((size_t)row * (size_t)chart->columns + (size_t)column) * (size_t)CHART_SERIES;
}

static void dot(struct chart *chart, enum chart_series series, int x, int y)
{
    int from_top = chart_dots_high(chart) - 1 - y;
    if (chart->pen[series].steps++ % thinning[series] == 0)
        cell_of(chart, from_top / DOWN, x / ACROSS)[series] |= bit_of(x, from_top);
}

void chart_lift(struct chart *chart, enum chart_series series)
{
    chart->pen[series].down = false;
}

/* From the pen to (x, y), the pen's own dot left out: it is there. */
static void go(struct chart *chart, enum chart_series series, int x, int y)
{
    int from_x = chart->pen[series].x, from_y = chart->pen[series].y;
    int steps = MAX(abs(x - from_x), abs(y - from_y));
    for (int i = 1; i <= steps; i++)
        dot(chart, series, from_x + (int)lround((double)i * (x - from_x) / steps),
            from_y + (int)lround((double)i * (y - from_y) / steps));
}

void chart_to(struct chart *chart, enum chart_series series, double x, double y)
{
    double across = place(&chart->x, x), up = place(&chart->y, y);
    /* Between the ends it is cut off at them; a hair outside is rounding. */
    if (isnan(across) || isnan(up) || across < -1e-9 || across > 1 + 1e-9) {
        chart_lift(chart, series);
        return;
    }
    int to_x = dot_of(across, chart_dots(chart)), to_y = dot_of(up, chart_dots_high(chart));
    bool outside = up < -1e-9 || up > 1 + 1e-9;
    if (chart->pen[series].down && !outside)
        go(chart, series, to_x, to_y);
    else if (!outside)
        dot(chart, series, to_x, to_y);
    chart->pen[series].down = !outside;
    chart->pen[series].x = to_x;
    chart->pen[series].y = to_y;
}

void chart_step(struct chart *chart, enum chart_series series, double x, double y)
{
    double across = place(&chart->x, x);
    if (chart->pen[series].down && across >= 0 && across <= 1) {
        int to_x = dot_of(across, chart_dots(chart));
        go(chart, series, to_x, chart->pen[series].y);
        chart->pen[series].x = to_x;
    }
    chart_to(chart, series, x, y);
}

void chart_upright(struct chart *chart, enum chart_series series, double x)
{
    chart_lift(chart, series);
    chart_to(chart, series, x, chart->y.low);
    chart_to(chart, series, x, chart->y.high);
    chart_lift(chart, series);
}

/* ---- labels ---- */

void chart_y_label(struct chart *chart, double y, const char *text)
{
    double up = place(&chart->y, y);
    if (!(up >= 0 && up <= 1))
        return;
    int row = chart->row + chart->rows - 1 - dot_of(up, chart_dots_high(chart)) / DOWN;
    int column = chart->column - CHART_GUTTER;
    const struct cell *there =
        &chart->canvas->cells[(size_t)row * (size_t)chart->canvas->columns +
                              (size_t)MIN(chart->column - 2, chart->canvas->columns - 1)];
    if (row < chart->canvas->rows && there->text[0] == L' ')
        canvas_right(chart->canvas, row, column, CHART_GUTTER - 1, ROLE_DIM, text);
}

void chart_x_label(struct chart *chart, double x, const char *text)
{
    int width = text_width(text), last = chart->column + chart->columns;
    int column = chart_column(chart, x);
    if (column < 0)
        return;
    column = MAX(chart->column, MIN(column - width / 2, last - width));
    if (column <= chart->label_column && chart->label_column > chart->column)
        return;
    chart->label_column = column + canvas_text(chart->canvas, chart->row + chart->rows, column,
                                               width, ROLE_DIM, text);
}

int chart_ticks(const struct chart_axis *axis, int most, double ret_ticks[CHART_TICKS_MAX])
{
    static const double steps[] = { 1, 2, 5 };
    int count = 0;
    if (!is_axis(axis))
        return 0;
    most = MIN(most, CHART_TICKS_MAX);
    if (axis->is_log) {
        for (double decade = pow(10, floor(log10(axis->low))); decade <= axis->high && count < most;
             decade *= 10)
            for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                if (steps[i] * decade >= axis->low && steps[i] * decade <= axis->high &&
                    count < most)
                    ret_ticks[count++] = steps[i] * decade;
        return count;
    }
    double step = pow(10, floor(log10((axis->high - axis->low) / MAX(most, 1))));
    for (size_t i = 0; (axis->high - axis->low) / step > most && i < 3; i++)
        step *= i == 1 ? 2.5 : 2;
    for (double at = ceil(axis->low / step) * step; at <= axis->high && count < most; at += step)
        ret_ticks[count++] = fabs(at) < step / 1e6 ? 0 : at;
    return count;
}

/* ---- showing ---- */

static const char *ascii_of(const unsigned char *cell)
{
    return cell[CHART_A] && cell[CHART_B] ? "8"
           : cell[CHART_A]                ? "o"
           : cell[CHART_B]                ? "x"
           : cell[CHART_EDGE]             ? "|"
           : cell[CHART_BAND]             ? ":"
                                          : ".";
}

static int role_of(const unsigned char *cell)
{
    return cell[CHART_A] && cell[CHART_B] ? ROLE_STRONG
           : cell[CHART_A]                ? ROLE_KEY
           : cell[CHART_B]                ? ROLE_DEFAULT
           : cell[CHART_EDGE]             ? ROLE_WARNING
                                          : ROLE_DIM;
}

static void show(struct chart *chart, int row, int column)
{
    const unsigned char *cell = cell_of(chart, row, column);
    unsigned bits = 0;
    for (int i = 0; i < CHART_SERIES; i++)
        bits |= cell[i];
    if (!bits)
        return;
    const char braille[] = { (char)0xE2, (char)(0xA0 + (bits >> 6)), (char)(0x80 + (bits & 0x3F)),
                             '\0' };
    canvas_text(chart->canvas, chart->row + row, chart->column + column, 1, role_of(cell),
                chart->canvas->ascii ? ascii_of(cell) : braille);
}

void chart_end(struct chart *chart)
{
    for (int row = 0; row < chart->rows; row++)
        for (int column = 0; column < chart->columns; column++)
            show(chart, row, column);
    free(chart->dots);
    chart->dots = NULL;
}
