/* SPDX-License-Identifier: MIT */
#include "tui/view/compare_plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/chart.h"
#include "tui/number.h"

enum { LABEL_ROOM = 48, TICK_COLUMNS = 12 };

struct point {
    double x, y;
    size_t side;
    bool unlike, front;
};

struct scatter {
    const struct comparison_row *x, *y;
    struct point points[COMPARISON_MAX];
    size_t count, missing;
};

static const struct comparison_row *find_row(const struct comparison *c, const char *key)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (!strcmp(c->rows[i].key, key))
            return &c->rows[i];
    return NULL;
}

static size_t count_numbers(const struct comparison *c, const struct comparison_row *row)
{
    size_t count = 0;
    for (size_t i = 0; row && i < c->count; i++)
        count += !isnan(row->cells[i].number);
    return count;
}

static bool is_unlike(const struct comparison_row *row, size_t side)
{
    return row->cells[side].verdict == COMPARISON_UNLIKE;
}

/* No other one is as fast and as right, and in one of both better. */
static bool is_on_front(const struct scatter *s, const struct point *p)
{
    if (p->unlike)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        const struct point *q = &s->points[i];
        if (!q->unlike && q->x <= p->x && q->y >= p->y && (q->x < p->x || q->y > p->y))
            return false;
    }
    return true;
}

static int by_x(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

static void collect(const struct comparison *c, struct scatter *s)
{
    const struct comparison_row *accuracy = find_row(c, "accuracy");
    *s = (struct scatter){ .x = find_row(c, "inference_ms"), .y = accuracy };
    if (count_numbers(c, accuracy) < 2 && count_numbers(c, find_row(c, "sqnr_db")) >= 2)
        s->y = find_row(c, "sqnr_db");
    for (size_t i = 0; i < c->count; i++) {
        double x = s->x ? s->x->cells[i].number : NAN, y = s->y ? s->y->cells[i].number : NAN;
        if (isnan(x) || isnan(y))
            s->missing++;
        else
            s->points[s->count++] =
                (struct point){ x, y, i, !c->in_test[i] || is_unlike(s->x, i) || is_unlike(s->y, i),
                                false };
    }
    qsort(s->points, s->count, sizeof(s->points[0]), by_x);
    for (size_t i = 0; i < s->count; i++)
        s->points[i].front = is_on_front(s, &s->points[i]);
}

/* A little more than from the least to the most, so that no point lies on the edge. */
static struct chart_axis axis_of(const struct scatter *s, bool is_x)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < s->count; i++) {
        double at = is_x ? s->points[i].x : s->points[i].y;
        low = fmin(low, at);
        high = fmax(high, at);
    }
    double pad = high > low ? (high - low) / 8 : fmax(fabs(high) / 8, 1e-3);
    return (struct chart_axis){ .low = low - pad, .high = high + pad };
}

/* ---- drawing ---- */

static void draw_front(struct chart *chart, const struct scatter *s)
{
    const struct point *last = NULL;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->points[i].front)
            continue;
        last = &s->points[i];
        chart_step(chart, CHART_MARK, last->x, last->y);
    }
    if (last)
        chart_step(chart, CHART_MARK, chart->x.high, last->y);
}

static bool is_free(const struct canvas *canvas, int row, int column, int columns)
{
    for (int i = column; i < column + columns && i < canvas->columns; i++) {
        const wchar_t *text = canvas->cells[(size_t)row * (size_t)canvas->columns + (size_t)i].text;
        bool letter = text[0] < 0x2800 && text[0] != L' ' && text[0] != L'.';
        if (letter)
            return false;
    }
    return true;
}

/* How large it is, to the right of its letter, else to the left, if there is room. */
static void draw_size(const struct chart *chart, int row, int column, int width, double size_bytes)
{
    char size[NUMBER_ROOM];
    number_size(size_bytes, size);
    int room = text_width(size), right = column + width + 1, left = column - 1 - room;
    if (right + room <= chart->column + chart->columns &&
        is_free(chart->canvas, row, right, room + 1)) {
        canvas_fill(chart->canvas, row, column + width, 1, ROLE_PLAIN, ' ');
        canvas_text(chart->canvas, row, right, room, ROLE_DIM, size);
    } else if (left > chart->column && is_free(chart->canvas, row, left - 1, room + 1)) {
        canvas_fill(chart->canvas, row, column - 1, 1, ROLE_PLAIN, ' ');
        canvas_text(chart->canvas, row, left, room, ROLE_DIM, size);
    }
}

/* The letter where the point is, or as near as it is free. */
static void draw_point(const struct chart *chart, const struct comparison *c,
                       const struct point *point)
{
    static const int tries[] = { 0, -1, 1 };
    char label[LABEL_ROOM];
    int column = chart_column(chart, point->x), row = chart_row(chart, point->y);
    int role = point->unlike ? ROLE_DIM : point->front ? ROLE_DEFAULT : ROLE_KEY;
    if (column < 0 || row < 0)
        return;
    snprintf(label, sizeof(label), "%c%s", (char)('A' + point->side), point->unlike ? "~" : "");
    int width = text_width(label);
    for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
        int at = row + tries[i];
        if (at < chart->row || at >= chart->row + chart->rows ||
            !is_free(chart->canvas, at, column, width + 1))
            continue;
        canvas_text(chart->canvas, at, column, width, role, label);
        draw_size(chart, at, column, width, c->sides[point->side].version.size_bytes);
        return;
    }
    canvas_text(chart->canvas, row, MIN(column + 1, chart->column + chart->columns - 1), 1, role,
                label);
}

static void label_axes(struct chart *chart)
{
    double ticks[CHART_TICKS_MAX];
    char text[LABEL_ROOM];
    int count = chart_ticks(&chart->y, MAX(2, (chart->rows + 1) / 2), ticks);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%.4g", ticks[i]);
        chart_y_label(chart, ticks[i], text);
    }
    count = chart_ticks(&chart->x, MAX(2, chart->columns / TICK_COLUMNS), ticks);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%.4g", ticks[i]);
        chart_x_label(chart, ticks[i], text);
    }
}

static void draw_title(const struct scatter *s, struct canvas *canvas, int line)
{
    bool any_unlike = false;
    char missing[LABEL_ROOM] = "";
    if (s->missing)
        snprintf(missing, sizeof(missing), "   %zu without both left out", s->missing);
    for (size_t i = 0; i < s->count; i++)
        any_unlike = any_unlike || s->points[i].unlike;
    int used = canvas_printf(canvas, line, 1, canvas->columns - 2, ROLE_TITLE, "%s by %s",
                             s->y->label, s->x->label);
    canvas_printf(canvas, line, used + 2, canvas->columns - used - 3, ROLE_DIM,
                  "  line: what no other beats%s%s", any_unlike ? "   ~ not measured alike" : "",
                  missing);
}

void compare_plot_draw(const struct comparison *c, struct canvas *canvas, struct view_area area)
{
    struct scatter s;
    struct chart chart;
    collect(c, &s);
    if (s.count < 2) {
        canvas_text(canvas, area.top, 1, canvas->columns - 2, ROLE_DIM,
                    "no chart: fewer than two of them have both a latency and an accuracy");
        return;
    }
    draw_title(&s, canvas, area.top);
    if (!chart_begin(&chart, canvas, area.top + 1, 0, area.height - 1,
                     MIN(canvas->columns - 1, COMPARE_PLOT_COLUMNS_MAX), axis_of(&s, true),
                     axis_of(&s, false)))
        return;
    draw_front(&chart, &s);
    label_axes(&chart);
    chart_end(&chart);
    for (size_t i = 0; i < s.count; i++)
        draw_point(&chart, c, &s.points[i]);
}
