/* SPDX-License-Identifier: MIT */
#include "tui/view/test_charts.h"

#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "tui/chart.h"
#include "tui/view/test_table.h"

enum { LABEL_ROOM = 48, MINUTE = 60, HOUR = 3600, TIME_TICKS = 5, SHARE_WIDTH = 7 };

bool test_charts_make(const struct browse_test *found, struct arena *arena,
                      struct test_charts *ret_charts, struct pare_error *err)
{
    const struct abtest_data *data = &found->data;
    const struct sequence_plan plan = sequence_plan(found->report.alpha, found->test.plan.horizon);
    size_t room = data->minute_count + 1;
    struct block *blocks = arena_array(arena, room, sizeof(*blocks));
    struct test_charts charts = { .points = arena_array(arena, room, sizeof(*charts.points)),
                                  .at = arena_array(arena, room, sizeof(*charts.at)) };
    if (!blocks || !charts.points || !charts.at)
        return error_no_memory(err, room * sizeof(*blocks));
    for (size_t i = 0; i < data->minute_count; i++) {
        if ((double)data->minutes[i].at <= data->segment_from)
            continue;
        blocks[charts.count] = data->minutes[i].latency;
        charts.at[charts.count++] = data->minutes[i].at;
    }
    block_effect(blocks, charts.count, &plan, fmax(1, found->report.design_effect), charts.points);
    *ret_charts = charts;
    return true;
}

/* ---- what all of them have ---- */

/* Where a chart goes, its title line first. */
struct place {
    struct canvas *canvas;
    int row, column, rows, columns;
};

/* The title, and at its right how the arms are told apart. */
static void draw_title(const struct place *place, const char *title)
{
    struct canvas *canvas = place->canvas;
    int legend = canvas->ascii ? 18 : 19, right = place->column + place->columns;
    canvas_text(canvas, place->row, place->column + 1, place->columns - legend - 2, ROLE_TITLE,
                title);
    if (place->columns < 50)
        return;
    canvas_text(canvas, place->row, right - legend, 8, ROLE_KEY,
                canvas->ascii ? "A o" : "A \u28C0\u28C0\u28C0");
    canvas_text(canvas, place->row, right - legend + 7, 12, ROLE_DEFAULT,
                canvas->ascii ? "B x  both 8" : "B \u2840\u2840\u2840 dots");
}

static void draw_nothing(const struct place *place, const char *words)
{
    canvas_text(place->canvas, place->row + MIN(2, place->rows - 1), place->column + 3,
                place->columns - 4, ROLE_DIM, words);
}

static bool begin(struct chart *chart, const struct place *place, struct chart_axis x,
                  struct chart_axis y)
{
    return chart_begin(chart, place->canvas, place->row + 1, place->column, place->rows - 1,
                       place->columns - 1, x, y);
}

static void label_y(struct chart *chart, int most, const char *fmt_unit)
{
    double ticks[CHART_TICKS_MAX];
    char text[LABEL_ROOM];
    int count = chart_ticks(&chart->y, most, ticks);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%.4g%s", ticks[i], fmt_unit);
        chart_y_label(chart, ticks[i], text);
    }
}

/* Times as how long before the end: no time zone to guess. */
static void label_time(struct chart *chart, bool running)
{
    char text[LABEL_ROOM], time[TEST_TIME_ROOM];
    double span = chart->x.high - chart->x.low;
    for (int i = 0; i < TIME_TICKS; i++) {
        double at = chart->x.low + span * i / (TIME_TICKS - 1);
        test_time(chart->x.high - at, time);
        snprintf(text, sizeof(text), "-%s", time);
        chart_x_label(chart, at, i < TIME_TICKS - 1 ? text : running ? "now" : "end");
    }
}

/* ---- the share of requests slower than ... ---- */

/* From the fastest to the slowest of either arm, in ms. */
static struct chart_axis latency_axis(const struct abtest_data *data)
{
    struct chart_axis axis = { .low = INFINITY, .high = 0, .is_log = true };
    for (int arm = 0; arm < 2; arm++) {
        const struct histogram *latency = &data->arms[arm].latency;
        if (latency->count == 0)
            continue;
        axis.low = fmin(axis.low, histogram_value(latency, 0));
        axis.high = fmax(axis.high, histogram_value(latency, latency->count - 1));
    }
    axis.low = fmax(axis.low * 0.9, 0.5);
    axis.high = fmax(axis.high * 1.1, axis.low * 2);
    return axis;
}

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
    char text[LABEL_ROOM];
    for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
        snprintf(text, sizeof(text), "%g %%", 100 * shares[i]);
        chart_y_label(chart, shares[i], text);
    }
}

static void draw_slower(const struct place *place, const struct browse_test *found)
{
    const struct abtest_arm_data *arms = found->data.arms;
    int64_t most = MAX(histogram_total(&arms[0].latency), histogram_total(&arms[1].latency));
    struct chart_axis x = latency_axis(&found->data);
    struct chart_axis y = { .low = most > 2000 ? 0.001 : 0.01, .high = 1, .is_log = true };
    struct chart chart;
    double ticks[CHART_TICKS_MAX];
    char text[LABEL_ROOM];
    draw_title(place, "share of requests slower than ... ms");
    if (most == 0) {
        draw_nothing(place, "no latencies yet");
        return;
    }
    if (!begin(&chart, place, x, y))
        return;
    draw_survival(&chart, CHART_A, &arms[0].latency);
    draw_survival(&chart, CHART_B, &arms[1].latency);
    label_shares(&chart);
    int count = chart_ticks(&x, CHART_TICKS_MAX, ticks);
    if (count < TIME_TICKS)
        count = chart_ticks(&(struct chart_axis){ x.low, x.high, false }, TIME_TICKS + 3, ticks);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%.6g", ticks[i]);
        chart_x_label(&chart, ticks[i], text);
    }
    chart_end(&chart);
}

/* ---- the effect over time ---- */

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

static size_t first_known(const struct test_charts *charts)
{
    size_t i = 0;
    while (i < charts->count && !charts->points[i].known)
        i++;
    return i;
}

static void draw_points(struct chart *chart, const struct test_charts *charts, size_t from)
{
    for (size_t i = from; i < charts->count; i++) {
        const struct block_point *point = &charts->points[i];
        double x = (double)charts->at[i];
        chart_to(chart, CHART_A, x, point->delta);
        chart_to(chart, CHART_BAND, x, fmin(point->high, chart->y.high));
    }
    chart_lift(chart, CHART_BAND);
    for (size_t i = from; i < charts->count; i++)
        chart_to(chart, CHART_BAND, (double)charts->at[i],
                 fmax(charts->points[i].low, chart->y.low));
}

static void draw_effect(const struct place *place, const struct browse_test *found,
                        const struct test_charts *charts)
{
    size_t from = first_known(charts);
    struct chart chart;
    double reach = widest(charts, from) * 1.1;
    canvas_text(place->canvas, place->row, place->column + 1, place->columns - 2, ROLE_TITLE,
                "B - A of the means in ms: solid; dots around it: where it lies at any time");
    if (charts->count < from + 2 || !(reach > 0)) {
        draw_nothing(place, "not enough minutes with requests of both arms yet");
        return;
    }
    struct chart_axis x = { (double)charts->at[from], (double)charts->at[charts->count - 1],
                            false };
    struct chart_axis y = { -reach, reach, false };
    if (charts->points[charts->count - 1].low > 0)
        y.low = -reach / 8;
    if (charts->points[charts->count - 1].high < 0)
        y.high = reach / 8;
    if (!begin(&chart, place, x, y))
        return;
    chart_to(&chart, CHART_MARK, x.low, 0);
    chart_to(&chart, CHART_MARK, x.high, 0);
    draw_points(&chart, charts, from);
    chart_y_label(&chart, 0, "0");
    label_y(&chart, MAX(2, place->rows / 3), "");
    label_time(&chart, found->test.running);
    chart_end(&chart);
}

/* ---- requests a minute ---- */

enum { BINS_MAX = 1024 };

/* Requests a minute over time, a bin a dot or a minute, whichever is longer. */
struct bins {
    double per_minute[2][BINS_MAX];
    int count;
    double from, seconds, most;
};

static void fill_bins(struct bins *bins, const struct abtest_data *data, int dots)
{
    const struct abtest_minute *first = &data->minutes[0],
                               *last = &data->minutes[data->minute_count - 1];
    double span = (double)(last->at - first->at) + (last->is_hour ? HOUR : MINUTE);
    *bins = (struct bins){ .from = (double)first->at };
    bins->seconds = fmax(ceil(span / MIN(dots, BINS_MAX) / MINUTE), 1) * MINUTE;
    bins->count = (int)fmin(ceil(span / bins->seconds), BINS_MAX);
    for (size_t i = 0; i < data->minute_count; i++) {
        const struct abtest_minute *minute = &data->minutes[i];
        /* An hour is spread over its minutes. */
        int parts = minute->is_hour ? HOUR / MINUTE : 1;
        for (int part = 0; part < parts; part++) {
            double at = (double)(minute->at - first->at) + part * MINUTE;
            int bin = (int)fmin(fmax(at / bins->seconds, 0), bins->count - 1);
            for (int arm = 0; arm < 2; arm++)
                bins->per_minute[arm][bin] +=
                    (double)minute->n[arm] / parts * MINUTE / bins->seconds;
        }
    }
    for (int i = 0; i < bins->count; i++)
        bins->most = fmax(bins->most, fmax(bins->per_minute[0][i], bins->per_minute[1][i]));
}

static void draw_requests(const struct place *place, const struct browse_test *found)
{
    const struct abtest_data *data = &found->data;
    int64_t total = data->arms[0].n + data->arms[1].n;
    double split = found->test.split_percent / 100.0;
    char title[2 * LABEL_ROOM];
    struct bins bins;
    struct chart chart;
    snprintf(title, sizeof(title),
             "requests a minute; A has %.1f %%, faint: the %d %% it is to have",
             total ? 100 * (double)data->arms[0].n / (double)total : 0, found->test.split_percent);
    draw_title(place, title);
    if (data->minute_count == 0) {
        draw_nothing(place, "no requests in the time that is kept by minutes");
        return;
    }
    fill_bins(&bins, data, (place->columns - CHART_GUTTER - 1) * 2);
    struct chart_axis x = { bins.from, bins.from + bins.seconds * MAX(bins.count, 2), false };
    struct chart_axis y = { 0, fmax(bins.most * 1.1, 1), false };
    if (!begin(&chart, place, x, y))
        return;
    /* The newest is not over while the test runs: it would look like a fall. */
    int end = found->test.running && bins.count > 2 ? bins.count - 1 : bins.count;
    for (int i = 0; i < end; i++) {
        double a = bins.per_minute[0][i], b = bins.per_minute[1][i];
        double at = bins.from + bins.seconds * (i + 0.5);
        chart_to(&chart, CHART_MARK, at, (a + b) * split);
        chart_to(&chart, CHART_A, at, a);
        chart_to(&chart, CHART_B, at, b);
    }
    label_y(&chart, MAX(2, place->rows / 3), "");
    label_time(&chart, found->test.running);
    chart_end(&chart);
}

/* ---- ratings ---- */

/* A bar and its share in `width` columns, the longest of all as long as there is room. */
static void draw_bar(const struct place *place, int line, int column, int width, bool is_b,
                     double share, double longest)
{
    struct canvas *canvas = place->canvas;
    int filled = (int)lround(share / longest * MAX(width - SHARE_WIDTH - 2, 0));
    for (int i = 0; i < filled; i++)
        canvas_text(canvas, line, column + i, 1, is_b ? ROLE_DEFAULT : ROLE_KEY,
                    canvas->ascii ? is_b ? "x" : "o"
                    : is_b        ? "\u2592"
                                  : "\u2588");
    canvas_printf(canvas, line, column + filled + (filled > 0), SHARE_WIDTH, ROLE_PLAIN, "%.1f %%",
                  100 * share);
}

struct shares {
    int64_t total[2];
    double of[2][RATING_LEVELS], longest;
};

static struct shares shares_of(const struct browse_test *found)
{
    struct shares shares = { 0 };
    for (int arm = 0; arm < 2; arm++) {
        const struct rating_counts *counts = &found->data.arms[arm].ratings;
        shares.total[arm] = rating_total(counts);
        for (int i = 0; i < RATING_LEVELS && shares.total[arm] > 0; i++) {
            shares.of[arm][i] = (double)counts->of[i] / (double)shares.total[arm];
            shares.longest = fmax(shares.longest, shares.of[arm][i]);
        }
    }
    return shares;
}

/* A level a line, the arms side by side; or an arm a line, the levels side by side. */
static void draw_bars(const struct place *place, const struct shares *shares)
{
    bool tall = place->rows > RATING_LEVELS;
    int wide = (place->columns - 5) / (tall ? 2 : RATING_LEVELS);
    for (int arm = 0; arm < 2; arm++) {
        for (int i = 0; i < RATING_LEVELS && shares->total[arm] > 0; i++) {
            int line = place->row + 1 + (tall ? i : arm), level = RATING_LEVELS - i;
            int column = place->column + 3 + (tall ? arm : i) * wide;
            if (line >= place->row + place->rows)
                continue;
            canvas_printf(place->canvas, line, column, 1, ROLE_DIM, "%d", level);
            draw_bar(place, line, column + 2, wide - 2, arm == 1, shares->of[arm][level - 1],
                     shares->longest);
        }
        if (!tall)
            canvas_text(place->canvas, place->row + 1 + arm, place->column + 1, 1,
                        arm == 1 ? ROLE_DEFAULT : ROLE_KEY, arm == 1 ? "B" : "A");
    }
}

static void draw_ratings(const struct place *place, const struct browse_test *found)
{
    struct canvas *canvas = place->canvas;
    const struct shares shares = shares_of(found);
    char title[2 * LABEL_ROOM];
    snprintf(title, sizeof(title), "ratings, best first: A %s of %lld, B %s of %lld",
             canvas->ascii ? "o" : "\u2588", (long long)shares.total[0],
             canvas->ascii ? "x" : "\u2592", (long long)shares.total[1]);
    canvas_text(canvas, place->row, place->column + 1, place->columns - 2, ROLE_TITLE, title);
    if (shares.longest > 0)
        draw_bars(place, &shares);
    else
        draw_nothing(place, "no ratings yet");
}

void test_chart_draw(enum test_chart which, const struct browse_test *found,
                     const struct test_charts *charts, struct canvas *canvas, struct view_area area,
                     int column, int columns)
{
    const struct place place = { canvas, area.top, column, area.height, columns };
    switch (which) {
    case TEST_CHART_EFFECT:
        draw_effect(&place, found, charts);
        break;
    case TEST_CHART_REQUESTS:
        draw_requests(&place, found);
        break;
    case TEST_CHART_RATINGS:
        draw_ratings(&place, found);
        break;
    default:
        draw_slower(&place, found);
        break;
    }
}
