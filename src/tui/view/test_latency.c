/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "stats/quantile.h"
#include "tui/view/test_plot.h"

enum {
    TICKS_FEW = 5,       /* round logarithmic ones below which even steps are taken */
    STRIP_ROWS_MIN = 10, /* from which the quantiles have a line for each arm */
    TICK_WIDTH = 4,      /* "|p50" */
    BINS_MAX = 1024,
    BLURS = 3, /* boxes, one upon another, that are nearly a bell */
};

/* ---- what both have ---- */

/* How rare a request is that is still drawn. */
static double rarest(const struct abtest_data *data)
{
    int64_t most = MAX(histogram_total(&data->arms[0].latency), //
                       histogram_total(&data->arms[1].latency));
    return most > 2000 ? 0.001 : 0.01;
}

static bool is_empty(const struct abtest_data *data)
{
    return histogram_total(&data->arms[0].latency) == 0 &&
           histogram_total(&data->arms[1].latency) == 0;
}

/* All of both arms but the rarest at either end: one that took a minute would leave no room. */
static struct chart_axis latency_axis(const struct abtest_data *data)
{
    struct chart_axis axis = { .low = INFINITY, .high = 0, .is_log = true };
    for (int arm = 0; arm < 2; arm++) {
        double low, high;
        if (!quantile_point(&data->arms[arm].latency, rarest(data), &low) ||
            !quantile_point(&data->arms[arm].latency, 1 - rarest(data), &high))
            continue;
        axis.low = fmin(axis.low, low);
        axis.high = fmax(axis.high, high);
    }
    axis.low = fmax(axis.low * 0.9, 0.5);
    axis.high = fmax(axis.high * 1.1, axis.low * 2);
    return axis;
}

static void label_latency(struct chart *chart)
{
    double ticks[CHART_TICKS_MAX];
    char text[PLOT_LABEL_ROOM];
    int count = chart_ticks(&chart->x, CHART_TICKS_MAX, ticks);
    if (count < TICKS_FEW)
        count = chart_ticks(&(struct chart_axis){ chart->x.low, chart->x.high, false },
                            TICKS_FEW + 3, ticks);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%.6g", ticks[i]);
        chart_x_label(chart, ticks[i], text);
    }
}

/* ---- where the quantiles are ---- */

struct tick {
    const char *word;
    int column; /* -1: too few requests for it, or outside */
};

/* A mark in its column, the word to its right, or to its left, or nowhere. Returns its end. */
static int draw_tick(struct canvas *canvas, int line, int role, const struct tick *tick, int from,
                     int to)
{
    canvas_text(canvas, line, tick->column, 1, role, canvas->ascii ? "|" : "\u2502");
    if (tick->column + TICK_WIDTH < to)
        return tick->column + 1 +
               canvas_text(canvas, line, tick->column + 1, TICK_WIDTH - 1, role, tick->word);
    if (tick->column - TICK_WIDTH >= from)
        canvas_text(canvas, line, tick->column - TICK_WIDTH + 1, TICK_WIDTH - 1, role, tick->word);
    return tick->column + 1;
}

/* p50, p95 and p99 of an arm in a line above the plot, each in the column where it is. */
static void draw_strip(const struct chart *chart, int line, int arm,
                       const struct histogram *latency)
{
    static const double shares[] = { 0.5, 0.95, 0.99 };
    struct tick ticks[] = { { "p50", -1 }, { "p95", -1 }, { "p99", -1 } };
    int role = arm == 0 ? ROLE_KEY : ROLE_DEFAULT, from = chart->column;
    int to = chart->column + chart->columns;
    canvas_text(chart->canvas, line, chart->column - 2, 1, role, arm == 0 ? "A" : "B");
    for (size_t i = 0; i < ARRAY_SIZE(ticks); i++) {
        double at;
        bool enough = (double)histogram_total(latency) * (1 - shares[i]) > 1 - 1e-9;
        if (enough && quantile_point(latency, shares[i], &at))
            ticks[i].column = chart_column(chart, fmax(at, chart->x.low)); /* 0 ms */
    }
    for (size_t i = 0; i < ARRAY_SIZE(ticks); i++) {
        bool next = i + 1 < ARRAY_SIZE(ticks) && ticks[i + 1].column >= 0;
        if (ticks[i].column >= 0)
            from = draw_tick(chart->canvas, line, role, &ticks[i], from,
                             next ? ticks[i + 1].column : to + 1);
    }
}

/* The plot with the strips above it where there is room for them. */
static bool begin(struct chart *chart, const struct test_plot *plot, const struct abtest_data *data,
                  struct chart_axis y)
{
    int strips = plot->rows >= STRIP_ROWS_MIN ? 2 : 0;
    if (!test_plot_begin(chart, plot, strips, latency_axis(data), y))
        return false;
    for (int arm = 0; arm < strips; arm++)
        draw_strip(chart, plot->row + 1 + arm, arm, &data->arms[arm].latency);
    label_latency(chart);
    return true;
}

/* ---- the share of requests slower than ... ---- */

static void draw_survival(struct chart *chart, enum chart_series series,
                          const struct histogram *latency)
{
    if (histogram_total(latency) == 0)
        return;
    for (int i = 0; i < chart_dots(chart); i++) {
        double x = chart_x(chart, i), slower = 1 - histogram_share(latency, x);
        chart_to(chart, series, x, fmax(slower, chart->y.low));
        if (slower < chart->y.low)
            break;
    }
}

static void label_shares(struct chart *chart)
{
    static const double shares[] = { 1, 0.1, 0.01, 0.001, 0.0001, 0.5, 0.05, 0.2 };
    char text[PLOT_LABEL_ROOM];
    for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
        snprintf(text, sizeof(text), "%g %%", 100 * shares[i]);
        chart_y_label(chart, shares[i], text);
    }
}

void test_latency_slower(const struct test_plot *plot, const struct browse_test *found)
{
    const struct abtest_arm_data *arms = found->data.arms;
    struct chart chart;
    test_plot_title(plot, true, "share of requests slower than ... ms");
    if (is_empty(&found->data)) {
        test_plot_nothing(plot, "no latencies yet");
        return;
    }
    if (!begin(&chart, plot, &found->data, (struct chart_axis){ rarest(&found->data), 1, true }))
        return;
    draw_survival(&chart, CHART_A, &arms[0].latency);
    draw_survival(&chart, CHART_B, &arms[1].latency);
    label_shares(&chart);
    chart_end(&chart);
}

/* ---- the shape ---- */

/* The share of an arm's requests in each of the plot's dots, or of `count` parts of it. */
struct shape {
    double of[BINS_MAX];
    int count;
};

/* Spread over the bins between `low` and `high`, which are shares of the axis. */
static void spread(struct shape *shape, double low, double high, double share)
{
    double from = low * shape->count, to = high * shape->count;
    int last = (int)fmin(to, shape->count - 1);
    for (int i = (int)fmax(from, 0); i <= last; i++) {
        double part = fmin(to, i + 1) - fmax(from, i);
        if (to - from > 0)
            shape->of[i] += share * fmax(part, 0) / (to - from);
    }
}

/*
 * A cell is as wide as what it stands for: a whole millisecond was anything within half of one (0 ms
 * lies below 1), and a bucket is as wide as it is. So small latencies are no comb.
 */
static void fill(struct shape *shape, const struct histogram *latency,
                 const struct chart_axis *axis)
{
    double width = log(axis->high / axis->low), total = (double)histogram_total(latency);
    double half = latency->kind == HISTOGRAM_MS ? 0.5 : 0;
    for (size_t i = 0; i < latency->count; i++) {
        double low = fmax(histogram_low(latency, i) - half, 0.5);
        double high = fmin(fmax(histogram_high(latency, i) + half, 1), 2 * axis->high);
        if (low < high)
            spread(shape, log(low / axis->low) / width, log(high / axis->low) / width,
                   (double)latency->cells[i].n / total);
    }
}

/* The mean of `reach` bins to either side and the one between. */
static void blur(struct shape *shape, int reach)
{
    const struct shape from = *shape;
    double sum = 0;
    for (int i = -reach; i < shape->count; i++) {
        if (i + reach < shape->count)
            sum += from.of[i + reach];
        if (i - reach - 1 >= 0)
            sum -= from.of[i - reach - 1];
        if (i >= 0)
            shape->of[i] = fmax(sum, 0) / (2 * reach + 1);
    }
}

/*
 * How far to blur: Silverman's 0.9 spread n^(-1/5), the spread of the middle half, which no tail
 * moves. The bell of BLURS boxes of 2 r + 1 bins has the variance BLURS r (r + 1) / 3.
 */
static int blur_reach(const struct histogram *latency, const struct chart_axis *axis, int count)
{
    double low = 0, high = 0;
    double bins = count / log(axis->high / axis->low), n = (double)histogram_total(latency);
    if (!quantile_point(latency, 0.25, &low) || !quantile_point(latency, 0.75, &high))
        return 0;
    double middle = log(fmax(high, 0.5) / fmax(low, 0.5));
    double sigma = 0.9 * middle / 1.34 * pow(n, -0.2) * bins;
    double reach = sqrt(sigma * sigma * 3 / BLURS + 0.25) - 0.5;
    return (int)fmin(fmax(round(reach), 1), count / 8);
}

static double make_shape(struct shape *shape, const struct histogram *latency,
                         const struct chart *chart)
{
    double highest = 0;
    *shape = (struct shape){ .count = MIN(chart_dots(chart), BINS_MAX) };
    if (histogram_total(latency) == 0)
        return 0;
    fill(shape, latency, &chart->x);
    int reach = blur_reach(latency, &chart->x, shape->count);
    for (int i = 0; i < BLURS; i++)
        blur(shape, reach);
    for (int i = 0; i < shape->count; i++)
        highest = fmax(highest, shape->of[i]);
    return highest;
}

/* The outline, and nothing where it would lie on the ground. */
static void draw_shape(struct chart *chart, enum chart_series series, const struct shape *shape,
                       double highest)
{
    for (int i = 0; i < shape->count; i++) {
        double up = shape->of[i] / highest;
        if (up * chart_dots_high(chart) < 0.5)
            chart_lift(chart, series);
        else
            chart_to(chart, series, chart_x(chart, i * chart_dots(chart) / shape->count), up);
    }
}

void test_latency_shape(const struct test_plot *plot, const struct browse_test *found)
{
    const struct abtest_arm_data *arms = found->data.arms;
    struct shape a, b;
    struct chart chart;
    test_plot_title(plot, true, "latencies in ms, both arms drawn to the same area");
    if (is_empty(&found->data)) {
        test_plot_nothing(plot, "no latencies yet");
        return;
    }
    if (!begin(&chart, plot, &found->data, (struct chart_axis){ 0, 1, false }))
        return;
    double highest = make_shape(&a, &arms[0].latency, &chart);
    highest = fmax(highest, make_shape(&b, &arms[1].latency, &chart));
    if (highest > 0) {
        draw_shape(&chart, CHART_A, &a, highest);
        draw_shape(&chart, CHART_B, &b, highest);
    }
    chart_end(&chart);
}
