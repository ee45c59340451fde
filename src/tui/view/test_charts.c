/* SPDX-License-Identifier: MIT */
#include "tui/view/test_charts.h"

#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "tui/view/test_plot.h"

enum { MINUTE = 60, HOUR = 3600, SHARE_WIDTH = 7 };

/* ---- what is computed once a reading ---- */

static int64_t end_of(const struct abtest_minute *minute)
{
    return minute->at + (minute->is_hour ? HOUR : MINUTE);
}

/* The effect at the end of each of `count` minutes. */
static bool make_points(const struct browse_test *found, const struct abtest_minute *minutes,
                        size_t count, struct arena *arena, struct test_charts *charts)
{
    const struct sequence_plan plan = sequence_plan(found->report.alpha, found->test.plan.horizon);
    struct block *blocks = arena_array(arena, count + 1, sizeof(*blocks));
    charts->points = arena_array(arena, count + 1, sizeof(*charts->points));
    charts->at = arena_array(arena, count + 1, sizeof(*charts->at));
    if (!blocks || !charts->points || !charts->at)
        return false;
    for (size_t i = 0; i < count; i++) {
        int64_t end = end_of(&minutes[i]); /* an hour may reach into minutes that are kept yet */
        blocks[i] = minutes[i].latency;
        charts->at[i] = i > 0 ? MAX(end, charts->at[i - 1]) : end;
    }
    charts->count = count;
    block_effect(blocks, count, &plan, fmax(1, found->report.design_effect), charts->points);
    return true;
}

/* Since when the split is off, if it is now: the alarm may be that of a segment before. */
static bool make_change(const struct browse_test *found, const struct abtest_minute *minutes,
                        size_t count, struct arena *arena, struct test_charts *charts)
{
    const struct abtest_data *data = &found->data;
    const struct srm_segment *segment = &data->segments[data->segment_count - 1];
    struct srm_change change;
    if (!found->report.srm.alarm || !srm_test(segment, 1, SRM_HALF_UNIT).alarm)
        return true;
    struct srm_minute *each = arena_array(arena, count + 1, sizeof(*each));
    if (!each)
        return false;
    for (size_t i = 0; i < count; i++)
        each[i] = (struct srm_minute){ minutes[i].n[0], minutes[i].n[1],
                                       srm_nearest(segment, SRM_HALF_UNIT) };
    charts->is_off = srm_changepoint(each, count, &change);
    if (charts->is_off) {
        charts->off_from = (double)minutes[change.minute].at;
        charts->off_share = change.share;
    }
    return true;
}

bool test_charts_make(const struct browse_test *found, struct arena *arena,
                      struct test_charts *ret_charts, struct pare_error *err)
{
    const struct abtest_data *data = &found->data;
    const struct abtest_minute *minutes = data->minutes;
    struct test_charts charts = { 0 };
    size_t before = 0;
    while (before < data->minute_count && (double)minutes[before].at <= data->segment_from)
        before++;
    size_t count = data->minute_count - before;
    if (!make_points(found, minutes + before, count, arena, &charts) ||
        !make_change(found, minutes + before, count, arena, &charts))
        return error_no_memory(err, (count + 1) * sizeof(struct block));
    *ret_charts = charts;
    return true;
}

/* ---- ratings ---- */

/* A bar and its share in `width` columns, the longest of all as long as there is room. */
static void draw_bar(const struct test_plot *plot, int line, int column, int width, bool is_b,
                     double share, double longest)
{
    struct canvas *canvas = plot->canvas;
    int filled = (int)lround(share / longest * MAX(width - SHARE_WIDTH - 2, 0));
    int used = filled + (filled > 0);
    for (int i = 0; i < filled; i++)
        canvas_text(canvas, line, column + i, 1, is_b ? ROLE_DEFAULT : ROLE_KEY,
                    canvas->ascii ? is_b ? "x" : "o"
                    : is_b        ? "\u2592"
                                  : "\u2588");
    canvas_printf(canvas, line, column + used, MIN(SHARE_WIDTH, width - used), ROLE_PLAIN,
                  "%.1f %%", 100 * share);
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

/* An arm's levels: each a line in the arm's half; or all in the arm's line. */
static void draw_arm(const struct test_plot *plot, const struct shares *shares, int arm, bool tall)
{
    int wide = (plot->columns - 5) / (tall ? 2 : RATING_LEVELS);
    for (int i = 0; i < RATING_LEVELS && shares->total[arm] > 0; i++) {
        int line = plot->row + 1 + (tall ? i : arm), level = RATING_LEVELS - i;
        int column = plot->column + 3 + (tall ? arm : i) * wide;
        if (line >= plot->row + plot->rows || wide < 3)
            continue;
        canvas_printf(plot->canvas, line, column, 1, ROLE_DIM, "%d", level);
        draw_bar(plot, line, column + 2, wide - 2, arm == 1, shares->of[arm][level - 1],
                 shares->longest);
    }
    if (!tall && arm + 1 < plot->rows)
        canvas_text(plot->canvas, plot->row + 1 + arm, plot->column + 1, plot->columns - 1,
                    arm == 1 ? ROLE_DEFAULT : ROLE_KEY, arm == 1 ? "B" : "A");
}

static void draw_ratings(const struct test_plot *plot, const struct browse_test *found)
{
    struct canvas *canvas = plot->canvas;
    const struct shares shares = shares_of(found);
    char title[PLOT_TITLE_ROOM];
    snprintf(title, sizeof(title), "ratings, best first: A %s of %lld, B %s of %lld",
             canvas->ascii ? "o" : "\u2588", (long long)shares.total[0],
             canvas->ascii ? "x" : "\u2592", (long long)shares.total[1]);
    canvas_text(canvas, plot->row, plot->column + 1, plot->columns - 2, ROLE_TITLE, title);
    for (int arm = 0; arm < 2 && shares.longest > 0; arm++)
        draw_arm(plot, &shares, arm, plot->rows > RATING_LEVELS);
    if (!(shares.longest > 0))
        test_plot_nothing(plot, "no ratings yet");
}

void test_chart_draw(enum test_chart which, const struct browse_test *found,
                     const struct test_charts *charts, struct canvas *canvas, struct view_area area,
                     int column, int columns)
{
    const struct test_plot plot = { canvas, area.top, column, area.height, columns };
    switch (which) {
    case TEST_CHART_SLOWER:
        test_latency_slower(&plot, found);
        break;
    case TEST_CHART_SHAPE:
        test_latency_shape(&plot, found);
        break;
    case TEST_CHART_EFFECT:
        test_course_effect(&plot, charts);
        break;
    case TEST_CHART_P:
        test_course_p(&plot, found, charts);
        break;
    case TEST_CHART_FAILED:
        test_traffic_failed(&plot, found);
        break;
    case TEST_CHART_SPLIT:
        test_traffic_split(&plot, found, charts);
        break;
    case TEST_CHART_REQUESTS:
        test_traffic_requests(&plot, found);
        break;
    case TEST_CHART_RATINGS:
        draw_ratings(&plot, found);
        break;
    }
}
