/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "tui/view/test_plot.h"

enum { MINUTE = 60, HOUR = 3600, BINS_MAX = 1024, DOTS_A_BIN = 3 };

/*
 * How many requests or failures a bin should have for its share to mean something, where that leaves
 * so many bins.
 */
enum { REQUESTS_A_BIN = 200, FAILURES_A_BIN = 5, BINS_WANTED = 24 };

static const char *const no_minutes = "no requests in the time that is kept by minutes";

/* ---- what came, bin by bin ---- */

struct bins {
    double n[2][BINS_MAX], failed[2][BINS_MAX]; /* requests of A and B */
    double from, seconds, end;                  /* bins are `seconds` long, but the last */
    double mean;                                /* requests a bin */
    int count;
};

struct sums {
    double n, failed;
};

static struct sums sums_of(const struct abtest_data *data)
{
    struct sums sums = { 0 };
    for (size_t i = 0; i < data->minute_count; i++)
        for (int arm = 0; arm < 2; arm++) {
            sums.n += (double)data->minutes[i].n[arm];
            sums.failed += (double)data->minutes[i].failed[arm];
        }
    return sums;
}

static double length_of(const struct abtest_minute *minute)
{
    return minute->is_hour ? HOUR : MINUTE;
}

/* Over the bins that it lies in. */
static void add(struct bins *bins, const struct abtest_minute *minute)
{
    double length = length_of(minute), from = (double)minute->at - bins->from, to = from + length;
    int last = (int)fmin(to / bins->seconds, bins->count - 1);
    for (int i = (int)fmax(from / bins->seconds, 0); i <= last; i++) {
        double inside = fmin(to, (i + 1) * bins->seconds) - fmax(from, i * bins->seconds);
        double part = fmax(inside, 0) / length;
        for (int arm = 0; arm < 2; arm++) {
            bins->n[arm][i] += part * (double)minute->n[arm];
            bins->failed[arm][i] += part * (double)minute->failed[arm];
        }
    }
}

/* Bins of a round length, at most `most` of them. There are minutes. */
static void fill(struct bins *bins, const struct abtest_data *data, double most)
{
    const struct abtest_minute *minutes = data->minutes, *last = &minutes[data->minute_count - 1];
    *bins = (struct bins){ .from = (double)minutes[0].at };
    double span = (double)last->at + length_of(last) - bins->from;
    for (size_t i = 0; i < data->minute_count; i++)
        span = fmax(span, (double)minutes[i].at + length_of(&minutes[i]) - bins->from);
    bins->seconds = test_plot_span(span / fmin(fmax(floor(most), 1), BINS_MAX));
    bins->count = (int)fmin(fmax(ceil(span / bins->seconds), 1), BINS_MAX);
    bins->end = bins->from + span;
    bins->mean = sums_of(data).n / bins->count;
    for (size_t i = 0; i < data->minute_count; i++)
        add(bins, &minutes[i]);
}

/* The dots of a plot across, before there is one. */
static double dots_of(const struct test_plot *plot)
{
    return 2.0 * MAX(plot->columns - CHART_GUTTER - 1, 1);
}

static double bin_from(const struct bins *bins, int i)
{
    return bins->from + i * bins->seconds;
}

static double bin_to(const struct bins *bins, int i)
{
    return fmin(bin_from(bins, i + 1), bins->end);
}

static struct chart_axis time_axis(const struct bins *bins)
{
    return (struct chart_axis){ bins->from, bins->end, false };
}

/* So few requests, against the others, that a bin's share is not to stretch the axis. */
static bool is_thin(const struct bins *bins, double n)
{
    return n < 0.25 * bins->mean;
}

/* A level across a bin, joined to the one before, within the plot; NAN: a gap. */
static void draw_bin(struct chart *chart, enum chart_series series, const struct bins *bins, int i,
                     double y)
{
    if (!isnan(y))
        y = fmin(fmax(y, chart->y.low), chart->y.high);
    chart_step(chart, series, bin_from(bins, i), y);
    chart_step(chart, series, bin_to(bins, i), y);
}

/* ---- requests a minute ---- */

static double per_minute(const struct bins *bins, int arm, int i)
{
    return bins->n[arm][i] / ((bin_to(bins, i) - bin_from(bins, i)) / MINUTE);
}

void test_traffic_requests(const struct test_plot *plot, const struct browse_test *found)
{
    const struct abtest_data *data = &found->data;
    struct bins bins;
    struct chart chart;
    double most = 1;
    test_plot_title(plot, true, "requests a minute");
    if (data->minute_count == 0) {
        test_plot_nothing(plot, no_minutes);
        return;
    }
    fill(&bins, data, dots_of(plot) / DOTS_A_BIN);
    for (int i = 0; i < bins.count; i++)
        most = fmax(most, fmax(per_minute(&bins, 0, i), per_minute(&bins, 1, i)) * 1.1);
    if (!test_plot_begin(&chart, plot, 0, time_axis(&bins), (struct chart_axis){ 0, most, false }))
        return;
    /* The newest is not over while the test runs: it would look like a fall. */
    int end = found->test.running && bins.count > 2 ? bins.count - 1 : bins.count;
    for (int i = 0; i < end; i++)
        for (int arm = 0; arm < 2; arm++)
            draw_bin(&chart, arm == 0 ? CHART_A : CHART_B, &bins, i, per_minute(&bins, arm, i));
    test_plot_label_y(&chart);
    test_plot_label_time(&chart);
    chart_end(&chart);
}

/* ---- the share of them that failed ---- */

/* In per cent; NAN where there were none. */
static double failed_percent(const struct bins *bins, int arm, int i)
{
    return bins->n[arm][i] > 0 ? 100 * bins->failed[arm][i] / bins->n[arm][i] : NAN;
}

static double most_failed(const struct bins *bins)
{
    double most = 0;
    for (int i = 0; i < bins->count; i++)
        for (int arm = 0; arm < 2; arm++)
            if (!is_thin(bins, bins->n[0][i] + bins->n[1][i]))
                most = fmax(most, failed_percent(bins, arm, i));
    return most > 0 ? fmin(most * 1.15, 100) : 100;
}

void test_traffic_failed(const struct test_plot *plot, const struct browse_test *found)
{
    const struct abtest_data *data = &found->data;
    const struct sums sums = sums_of(data);
    char title[PLOT_TITLE_ROOM], each[PLOT_LABEL_ROOM];
    struct bins bins;
    struct chart chart;
    if (data->minute_count == 0 || sums.failed <= 0) {
        test_plot_title(plot, false, "failed requests, %");
        test_plot_nothing(plot, data->minute_count == 0 ? no_minutes : "no request has failed");
        return;
    }
    fill(&bins, data, fmin(fmax(sums.failed / FAILURES_A_BIN, BINS_WANTED), dots_of(plot)));
    test_plot_put_span(bins.seconds, bins.seconds, each);
    snprintf(title, sizeof(title), "failed requests, %% of each %s", each);
    test_plot_title(plot, true, title);
    if (!test_plot_begin(&chart, plot, 0, time_axis(&bins),
                         (struct chart_axis){ 0, most_failed(&bins), false }))
        return;
    for (int i = 0; i < bins.count; i++)
        for (int arm = 0; arm < 2; arm++)
            draw_bin(&chart, arm == 0 ? CHART_A : CHART_B, &bins, i, failed_percent(&bins, arm, i));
    test_plot_label_y(&chart);
    test_plot_label_time(&chart);
    chart_end(&chart);
}

/* ---- the split ---- */

/* A's share of a bin as it came and as it was meant, in per cent; NAN: not known. */
struct split {
    double n, came, meant, low, high; /* low, high: three standard deviations around it */
};

/* The segment in which a bin ends. */
static const struct srm_segment *segment_of(const struct abtest_data *data, double end)
{
    int i = data->segment_count - 1;
    while (i > 0 && end <= data->segment_at[i])
        i--;
    return &data->segments[i];
}

/* What was meant is taken as near to what came as its two digits allow. */
static struct split split_of(const struct bins *bins, const struct abtest_data *data, int i)
{
    const struct srm_segment *segment = segment_of(data, bin_to(bins, i));
    struct split split = { bins->n[0][i] + bins->n[1][i], NAN, NAN, NAN, NAN };
    if (split.n > 0)
        split.came = 100 * bins->n[0][i] / split.n;
    double share = srm_nearest(segment, SRM_HALF_UNIT);
    double reach = split.n > 0 ? 300 * sqrt(share * (1 - share) / split.n) : NAN;
    split.meant = 100 * share;
    split.low = fmax(split.meant - reach, 0);
    split.high = fmin(split.meant + reach, 100);
    return split;
}

/* What came, what was meant and what is around it, of the bins that are not thin. */
static struct chart_axis split_axis(const struct bins *bins, const struct abtest_data *data)
{
    struct chart_axis axis = { 100, 0, false };
    for (int i = 0; i < bins->count; i++) {
        const struct split split = split_of(bins, data, i);
        if (split.n > 0 && is_thin(bins, split.n))
            continue;
        axis.low = fmin(axis.low, fmin(split.came, fmin(split.meant, split.low)));
        axis.high = fmax(axis.high, fmax(split.came, fmax(split.meant, split.high)));
    }
    double margin = fmax(0.1 * (axis.high - axis.low), 1);
    axis.low = fmax(axis.low - margin, 0);
    axis.high = fmin(axis.high + margin, 100);
    return axis;
}

static void draw_split(struct chart *chart, const struct bins *bins, const struct abtest_data *data)
{
    for (int i = 0; i < bins->count; i++) {
        const struct split split = split_of(bins, data, i);
        draw_bin(chart, CHART_A, bins, i, split.came);
        draw_bin(chart, CHART_MARK, bins, i, split.meant);
        draw_bin(chart, CHART_BAND, bins, i, split.low);
    }
    chart_lift(chart, CHART_BAND);
    for (int i = 0; i < bins->count; i++)
        draw_bin(chart, CHART_BAND, bins, i, split_of(bins, data, i).high);
}

/* "A's share of each 10m, %: ..." */
static void put_split(const struct bins *bins, const struct abtest_data *data,
                      const struct test_charts *charts, char title[PLOT_TITLE_ROOM])
{
    const struct srm_segment *segment = &data->segments[data->segment_count - 1];
    char each[PLOT_LABEL_ROOM], ago[PLOT_LABEL_ROOM];
    double since = bins->end - charts->off_from;
    double unit = test_plot_span(since / 12); /* as exact as is said in few letters */
    test_plot_put_span(bins->seconds, bins->seconds, each);
    if (charts->is_off) {
        test_plot_put_span(round(since / unit) * unit, unit, ago);
        snprintf(title, PLOT_TITLE_ROOM,
                 "A's share of each %s, %%: %.1f since -%s; dots: %.3g is meant, 3 sd", each,
                 100 * charts->off_share, ago, 100 * segment->split);
    } else {
        snprintf(title, PLOT_TITLE_ROOM, "A's share of each %s, %%; dots: %.3g is meant, 3 sd",
                 each, 100 * segment->split);
    }
}

void test_traffic_split(const struct test_plot *plot, const struct browse_test *found,
                        const struct test_charts *charts)
{
    const struct abtest_data *data = &found->data;
    double wanted = fmax(sums_of(data).n / REQUESTS_A_BIN, BINS_WANTED);
    char title[PLOT_TITLE_ROOM];
    struct bins bins;
    struct chart chart;
    if (data->minute_count == 0) {
        test_plot_title(plot, false, "A's share of the requests, %");
        test_plot_nothing(plot, no_minutes);
        return;
    }
    fill(&bins, data, fmin(wanted, dots_of(plot)));
    put_split(&bins, data, charts, title);
    test_plot_title(plot, false, title);
    if (!test_plot_begin(&chart, plot, 0, time_axis(&bins), split_axis(&bins, data)))
        return;
    draw_split(&chart, &bins, data);
    if (charts->is_off)
        chart_upright(&chart, CHART_EDGE, charts->off_from);
    test_plot_label_y(&chart);
    test_plot_label_time(&chart);
    chart_end(&chart);
}
