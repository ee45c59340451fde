/* SPDX-License-Identifier: MIT */
#include "tui/view/test_forest.h"

#include <math.h>

/* A row as it lies on the axis: more is worse. NAN: not there. */
struct span {
    double low, high, fixed_low, fixed_high, at, limit;
};

static enum forest_unit unit_of(const struct abtest_row *row)
{
    return row->is_share               ? FOREST_POINTS
           : !isnan(row->relative_low) ? FOREST_RELATIVE
           : row->lower_is_better      ? FOREST_RELATIVE
                                       : FOREST_RATING;
}

static struct span span_of(const struct abtest_row *row)
{
    bool relative = unit_of(row) == FOREST_RELATIVE;
    double scale = relative ? 1 / row->a : 1;
    struct span span = {
        .low = relative ? row->relative_low : row->low,
        .high = relative ? row->relative_high : row->high,
        .fixed_low = row->fixed_low * scale,
        .fixed_high = row->fixed_high * scale,
        .at = row->delta * scale,
        .limit = row->guard && row->lower_is_better ? row->guard->margin : NAN,
    };
    if (row->lower_is_better)
        return span;
    return (struct span){ -span.high, -span.low, -span.fixed_high, -span.fixed_low, -span.at, NAN };
}

static double farther(double reach, double value)
{
    return isfinite(value) ? fmax(reach, fabs(value)) : reach;
}

struct forest forest_of(const struct browse_test *found)
{
    struct forest forest = { .reach = { 0 } };
    for (int i = 0; i < ABTEST_ROWS; i++) {
        const struct abtest_row *row = &found->report.rows[i];
        const struct span span = span_of(row);
        double *reach = &forest.reach[unit_of(row)];
        *reach = farther(*reach, span.limit * 1.5);
        *reach = farther(*reach, span.at * 1.2);
        *reach = farther(*reach, span.fixed_low * 1.1);
        *reach = farther(*reach, span.fixed_high * 1.1);
    }
    for (int i = 0; i < FOREST_UNITS; i++)
        if (!(forest.reach[i] > 0))
            forest.reach[i] = 1;
    return forest;
}

void forest_title(struct canvas *canvas, int line, int column, int columns)
{
    canvas_right(canvas, line, column, columns / 2, ROLE_DIM, "B better ");
    canvas_text(canvas, line, column + columns / 2, 1, ROLE_DIM, "0");
    canvas_text(canvas, line, column + columns / 2 + 1, columns / 2, ROLE_DIM, " B worse");
}

/* What lies on one cell, as bits. */
enum { ON_THIN = 1, ON_THICK = 2, ON_ZERO = 4, ON_LIMIT = 8, ON_POINT = 16 };

static const char *glyph(int on, bool ascii)
{
    if (on & ON_POINT)
        return ascii ? "#" : "\u25CF";
    if (on & ON_ZERO)
        return ascii ? "|" : on & ON_THICK ? "\u254B" : on & ON_THIN ? "\u2542" : "\u2503";
    if (on & ON_LIMIT)
        return ascii ? "!" : on & ON_THICK ? "\u253F" : on & ON_THIN ? "\u253C" : "\u2502";
    if (on & ON_THICK)
        return ascii ? "=" : "\u2501";
    return ascii ? "-" : "\u2500";
}

/* The cell of a value; beyond the ends it is -1 or `columns`. */
static int cell_of(const struct forest *forest, enum forest_unit unit, int columns, double value)
{
    double reach = forest->reach[unit];
    if (value < -reach)
        return -1;
    if (value > reach)
        return columns;
    return columns / 2 + (int)lround(value / reach * (columns / 2));
}

static int role_of(const struct abtest_row *row, const struct span *span)
{
    if (!row->lower_is_better && isnan(span->low))
        return ROLE_PLAIN;
    return span->high < 0 ? ROLE_BETTER : span->low > 0 ? ROLE_WORSE : ROLE_PLAIN;
}

void forest_row(const struct forest *forest, struct canvas *canvas, int line, int column,
                int columns, const struct abtest_row *row)
{
    enum forest_unit unit = unit_of(row);
    const struct span span = span_of(row);
    columns -= columns % 2 == 0; /* zero has a cell of its own in the middle */
    bool thin = !isnan(span.low), thick = !isnan(span.fixed_low) && !isnan(span.fixed_high);
    int low = thin ? cell_of(forest, unit, columns, span.low) : columns + 1;
    int high = thin ? cell_of(forest, unit, columns, span.high) : -2;
    int fixed_low = thick ? cell_of(forest, unit, columns, span.fixed_low) : columns + 1;
    int fixed_high = thick ? cell_of(forest, unit, columns, span.fixed_high) : -2;
    int at = isnan(span.at) ? -2 : cell_of(forest, unit, columns, span.at);
    int limit = isnan(span.limit) ? -2 : cell_of(forest, unit, columns, span.limit);
    for (int i = 0; i < columns; i++) {
        bool end = canvas->ascii && (i == fixed_low || i == fixed_high);
        int on = (i >= low && i <= high ? ON_THIN : 0) |
                 (i >= fixed_low && i <= fixed_high ? ON_THICK : 0) |
                 (i == columns / 2 ? ON_ZERO : 0) | (i == limit ? ON_LIMIT : 0) |
                 (i == at ? ON_POINT : 0);
        bool drawn = on & (ON_THIN | ON_THICK | ON_POINT);
        int role = drawn ? role_of(row, &span) : i == limit ? ROLE_WARNING : ROLE_DIM;
        if (on)
            canvas_text(canvas, line, column + i, 1, role,
                        end && !(on & (ON_POINT | ON_ZERO)) ? i == fixed_low ? "[" : "]"
                                                            : glyph(on, canvas->ascii));
    }
}
