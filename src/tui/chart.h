/* SPDX-License-Identifier: MIT */
/*
 * A plot on a canvas: two arms, a band, a mark, axes linear or logarithmic.
 *
 * A cell holds eight dots of a braille character, two across and four down. Arms are told apart
 * without colour: A is a solid line and B a dotted one; where the terminal speaks ASCII, A is o, B
 * is x, both are 8. What is outside of the axes is not drawn, and no number is NaN's to break: odd
 * ones lift the pen.
 */
#ifndef PARE_TUI_CHART_H
#define PARE_TUI_CHART_H

#include "tui/canvas.h"

enum { CHART_GUTTER = 8, CHART_TICKS_MAX = 16 }; /* columns left of the plot for its labels */

enum chart_series {
    CHART_MARK, /* what is expected, or zero: thin dots */
    CHART_BAND, /* what is around an effect: thin dots too, of another colour */
    CHART_EDGE, /* a moment from which something is otherwise: an upright line */
    CHART_A,
    CHART_B,
    CHART_SERIES,
};

/* low < high; of a logarithmic one both are normal numbers above 0. */
struct chart_axis {
    double low, high;
    bool is_log;
};

struct chart {
    struct canvas *canvas;
    int row, column, rows, columns; /* of the plot without its labels */
    struct chart_axis x, y;
    unsigned char *dots; /* rows * columns * CHART_SERIES, owned here */
    struct {
        bool down; /* there is a point to go on from */
        int x, y;  /* in dots, from the bottom left */
        unsigned steps;
    } pen[CHART_SERIES];
    int label_column; /* up to here the labels below are taken */
};

/*
 * In `rows` x `columns` cells: a gutter to the left, a line of labels below. False, and nothing to
 * end, where there is no room for it or no memory, or where an axis is none.
 */
bool chart_begin(struct chart *chart, struct canvas *canvas, int row, int column, int rows,
                 int columns, struct chart_axis x, struct chart_axis y);
/* Draw it. */
void chart_end(struct chart *chart);

/* A line to there from where the series was; after chart_lift() just a point. NAN lifts. */
void chart_to(struct chart *chart, enum chart_series series, double x, double y);
void chart_lift(struct chart *chart, enum chart_series series);
/* The same as stairs, for what stays as it was until it changes: level to x, there upright to y. */
void chart_step(struct chart *chart, enum chart_series series, double x, double y);
/* From the bottom to the top. */
void chart_upright(struct chart *chart, enum chart_series series, double x);

/* How many dots the plot is wide and high, and what x the middle of one stands for. */
int chart_dots(const struct chart *chart);
int chart_dots_high(const struct chart *chart);
double chart_x(const struct chart *chart, int dot);
/* The canvas's column where x is; -1: outside. */
int chart_column(const struct chart *chart, double x);
/* The canvas's row where y is; -1: outside. */
int chart_row(const struct chart *chart, double y);

/* Labels at values; one that would lie on another is left out. Below: from left to right. */
void chart_y_label(struct chart *chart, double y, const char *text);
void chart_x_label(struct chart *chart, double x, const char *text);

/* Round values between the axis's ends, at most `most`: 1, 2, 5, 10, ... Returns how many. */
int chart_ticks(const struct chart_axis *axis, int most, double ret_ticks[CHART_TICKS_MAX]);

#endif
