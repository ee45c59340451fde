/* SPDX-License-Identifier: MIT */
#include "tui/view/tensor_chart.h"

#include <math.h>
#include <stdio.h>

#include "base/buf.h"
#include "tui/number.h"

enum { GUTTER = 9, EIGHTHS = 8, LINE_MAX = 400 };

static void put_value(const struct histogram *h, double value, bool whole, char to[NUMBER_ROOM])
{
    to[0] = '\0';
    if (!isnan(value))
        snprintf(to, NUMBER_ROOM, whole && h->is_integer && fabs(value) < 1e15 ? "%.0f" : "%.4g",
                 value);
}

static void add(struct buf *buf, const char *word, const char *value)
{
    if (*value)
        buf_printf(buf, "%s%s %s", buf->length ? "   " : "", word, value);
}

static void draw_moments(const struct histogram *h, struct canvas *canvas, int row)
{
    char text[NUMBER_ROOM];
    struct buf line;
    buf_init(&line, LINE_MAX);
    put_value(h, h->low, true, text);
    add(&line, "min", text);
    put_value(h, h->high, true, text);
    add(&line, "max", text);
    put_value(h, h->mean, false, text);
    add(&line, "mean", text);
    put_value(h, h->deviation, false, text);
    add(&line, "sd", text);
    number_count((size_t)h->nan_count, text);
    add(&line, "NaN", text);
    number_count((size_t)h->infinite_count, text);
    add(&line, "inf", text);
    canvas_text(canvas, row, 2, canvas->columns - 3, ROLE_PLAIN, buf_string(&line));
    buf_done(&line);
}

static void draw_quantiles(const struct histogram *h, struct canvas *canvas, int row)
{
    char text[NUMBER_ROOM], word[NUMBER_ROOM];
    struct buf line;
    buf_init(&line, LINE_MAX);
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++) {
        snprintf(word, sizeof(word), "%g %%", 100 * histogram_shares[i]);
        put_value(h, h->quantiles[i], true, text);
        add(&line, word, text);
    }
    number_count((size_t)h->zero_count, text);
    add(&line, "zeros", text);
    if (h->element_count > 0)
        buf_printf(&line, " (%.1f %%)", 100 * (double)h->zero_count / (double)h->element_count);
    canvas_text(canvas, row, 2, canvas->columns - 3, ROLE_PLAIN, buf_string(&line));
    buf_done(&line);
}

/* ---- bars ---- */

/* How bins lie on the screen: `merged` of them in a bar that is `wide` columns. */
struct layout {
    int merged, wide, bars;
};

static struct layout lay_out(const struct histogram *h, int room)
{
    struct layout l = { .merged = 1, .wide = 1 };
    while (l.merged < h->bin_count && (h->bin_count + l.merged - 1) / l.merged > room)
        l.merged *= 2;
    l.bars = (h->bin_count + l.merged - 1) / l.merged;
    l.wide = MAX(1, MIN(room / MAX(l.bars, 1), 4));
    return l;
}

static int64_t bar_count(const struct histogram *h, const struct layout *l, int bar)
{
    int64_t count = 0;
    for (int i = bar * l->merged; i < MIN((bar + 1) * l->merged, h->bin_count); i++)
        count += h->bins[i];
    return count;
}

static int64_t most_in_a_bar(const struct histogram *h, const struct layout *l)
{
    int64_t most = 1;
    for (int i = 0; i < l->bars; i++)
        most = MAX(most, bar_count(h, l, i));
    return most;
}

static void draw_bar(struct canvas *canvas, int bottom, int column, int wide, int eighths)
{
    static const char *const blocks[] = { " ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                          "\u2585", "\u2586", "\u2587", "\u2588" };
    for (int row = bottom; eighths > 0; row--, eighths -= EIGHTHS) {
        int part = MIN(eighths, EIGHTHS);
        const char *text = !canvas->ascii        ? blocks[part]
                           : part == EIGHTHS     ? "#"
                           : part >= EIGHTHS / 2 ? ":"
                                                 : ".";
        for (int i = 0; i < wide; i++)
            canvas_text(canvas, row, column + i, 1, ROLE_KEY, text);
    }
}

static void draw_edges(const struct histogram *h, struct canvas *canvas, int row, int width)
{
    char text[NUMBER_ROOM];
    put_value(h, h->low, true, text);
    canvas_text(canvas, row, GUTTER, width, ROLE_DIM, text);
    put_value(h, h->high, true, text);
    canvas_right(canvas, row, GUTTER, width, ROLE_DIM, text);
    put_value(h, h->low / 2 + h->high / 2, false, text);
    if (width >= 40)
        canvas_text(canvas, row, GUTTER + width / 2, 12, ROLE_DIM, text);
}

static void draw_bars(const struct histogram *h, struct canvas *canvas, int top, int rows)
{
    char text[NUMBER_ROOM];
    const struct layout l = lay_out(h, canvas->columns - GUTTER - 1);
    int64_t most = most_in_a_bar(h, &l);
    number_count((size_t)most, text);
    canvas_right(canvas, top, 0, GUTTER - 1, ROLE_DIM, text);
    canvas_right(canvas, top + rows - 1, 0, GUTTER - 1, ROLE_DIM, "1");
    for (int i = 0; i < l.bars; i++) {
        int64_t count = bar_count(h, &l, i);
        /* One value is an eighth already: a bin that is not empty shows. */
        double height = most > 1 ? log((double)MAX(count, 1)) / log((double)most) : 1;
        int eighths = 1 + (int)(height * (rows * EIGHTHS - 1) + 0.5);
        draw_bar(canvas, top + rows - 1, GUTTER + i * l.wide, l.wide, count ? eighths : 0);
    }
    draw_edges(h, canvas, top + rows, MAX(l.bars * l.wide, 20));
}

static void draw_scale(const struct histogram *h, struct canvas *canvas, int row)
{
    char width[NUMBER_ROOM];
    put_value(h, h->bin_width, true, width);
    if (h->is_integer)
        canvas_printf(canvas, row, 2, canvas->columns - 3, ROLE_DIM,
                      "integers as they are stored, %s a bin; heights are logarithms of counts",
                      width);
    else
        canvas_printf(canvas, row, 2, canvas->columns - 3, ROLE_DIM,
                      "a bin is %s wide; heights are logarithms of counts", width);
}

void tensor_chart_draw(const struct histogram *h, const char *name, struct canvas *canvas,
                       struct view_area area)
{
    int rows = area.height - 5; /* of bars: besides a title, two lines of numbers, edges, scale */
    canvas_text(canvas, area.top, 1, canvas->columns - 2, ROLE_TITLE, name);
    draw_moments(h, canvas, area.top + 1);
    draw_quantiles(h, canvas, area.top + 2);
    if (h->bin_count == 0) {
        canvas_text(canvas, area.top + 3, 2, canvas->columns - 3, ROLE_DIM,
                    h->element_count ? "none of its values is a finite number"
                                     : "it has no values");
        return;
    }
    if (rows < 2)
        return;
    draw_bars(h, canvas, area.top + 3, rows);
    draw_scale(h, canvas, area.top + 3 + rows + 1);
}
