/* SPDX-License-Identifier: MIT */
/*
 * One test, live: what it says to do and why, both arms, one chart or more where there is room.
 *
 * Each second its results are rolled up as far as this role may, read and judged anew. Looking as
 * often as one likes is what the intervals are made for.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/browse_tests.h"
#include "tui/app.h"
#include "tui/number.h"
#include "tui/scroll.h"
#include "tui/view/test_act.h"
#include "tui/view/test_brief.h"
#include "tui/view/test_charts.h"
#include "tui/view/test_reading.h"
#include "tui/view/test_sample.h"
#include "tui/view/test_table.h"
#include "tui/view/test_words.h"

enum {
    LOOK_EVERY_MS = 1000,
    PAST_EVERY_MS = 5000, /* of a test that has ended */
    HURRY_MS = 20,
    OLD_MS = 3000, /* numbers of that age are said to be */
    WORDS_MAX = 4096,
    GRID_ROWS = 11,     /* that a chart takes where there are several */
    GRID_COLUMNS = 160, /* from which there are two side by side */
    GATES_FROM = 23,    /* lines below the first from which the gates have one */
    BRIEF_COLUMNS = 60, /* below which there are lines to scroll instead of a table, */
    BRIEF_ROWS = 17,    /* as with fewer rows than that */
};

struct test_view {
    struct view view;
    struct test_reading reading;
    struct test_sample sample;
    struct test_charts charts; /* of the reading, in its arena */
    enum test_chart which;
    struct test_act act;
    struct lines brief; /* all of it as lines, for a small screen */
    struct scroll scroll;
    bool briefed;   /* they are of the reading */
    bool plotted;   /* instead of them a chart */
    bool histogram; /* of the latencies, instead of the share that is slower */
    bool charted;   /* the charts are those of the reading */
};

/* ---- asking ---- */

static void ask(struct test_view *self)
{
    self->view.due_ms = 0; /* came() sets it */
    test_reading_start(&self->reading);
}

static int64_t pause_ms(const struct test_reading *reading)
{
    if (test_roll_hurries(&reading->roll))
        return HURRY_MS;
    return reading->found && !reading->found->test.running && reading->roll.behind <= 0
               ? PAST_EVERY_MS
               : LOOK_EVERY_MS;
}

static void came(void *owner)
{
    struct test_view *self = owner;
    struct test_reading *reading = &self->reading;
    self->briefed = false;
    if (reading->error.code == PARE_OK && reading->found && !reading->gone)
        self->charted =
            test_charts_make(reading->found, &reading->arena, &self->charts, &reading->error);
    if (reading->found && !reading->gone && !test_roll_hurries(&reading->roll))
        test_sample_look(&self->sample, &reading->found->test);
    self->view.due_ms = self->view.app->now_ms + pause_ms(reading);
}

static void changed(void *owner)
{
    struct test_view *self = owner;
    if (!self->reading.asked)
        self->view.due_ms = self->view.app->now_ms;
}

static void tick(struct view *view)
{
    ask((struct test_view *)view);
}

static void news(struct view *view)
{
    struct test_view *self = (struct test_view *)view;
    if (view->app->link.state != LINK_READY)
        self->view.due_ms = 0;
    else if (!self->view.due_ms)
        ask(self);
}

/* ---- words ---- */

/* How fresh the numbers are, or what keeps them from being so. */
static int put_freshness(const struct test_view *self, struct buf *buf)
{
    const struct app *app = self->view.app;
    int64_t age = app->now_ms - self->reading.came_ms;
    char behind[NUMBER_ROOM];
    number_count((size_t)MAX(self->reading.roll.behind, 0), behind);
    if (self->reading.roll.error.code && self->reading.roll.error.code != PARE_ERR_NO_DATABASE) {
        buf_text(buf, "not rolled up");
        return ROLE_WARNING;
    }
    if (age > OLD_MS + (self->reading.found->test.running ? 0 : PAST_EVERY_MS)) {
        buf_printf(buf, "as of %lld s ago", (long long)age / 1000);
        return ROLE_WARNING;
    }
    if (!self->reading.roll.sees) {
        buf_text(buf, "rolled up by others");
        return ROLE_WARNING;
    }
    if (self->reading.roll.behind > 0) {
        buf_printf(buf, "%s%s results behind", self->reading.roll.rolls ? "live, " : "", behind);
        return self->reading.roll.rolls ? ROLE_PLAIN : ROLE_WARNING;
    }
    buf_text(buf, self->reading.found->test.running ? "live" : "all results in");
    return ROLE_PLAIN;
}

/* ---- drawing ---- */

/* A line with something at its right end. */
static void draw_pair(struct canvas *canvas, int line, int role, const char *left, int right_role,
                      const char *right)
{
    int width = MIN((int)strlen(right), canvas->columns / 2);
    canvas_right(canvas, line, canvas->columns - 1 - width, width, right_role, right);
    canvas_text(canvas, line, 1, canvas->columns - width - 3, role, left);
}

static void draw_head(const struct test_view *self, struct canvas *canvas, int line)
{
    const struct abtest *test = &self->reading.found->test;
    struct buf left, right;
    char time[TEST_TIME_ROOM];
    buf_init(&left, WORDS_MAX);
    buf_init(&right, WORDS_MAX);
    test_time(test->running_seconds, time);
    buf_printf(&left, "%lld %s  %s %s", (long long)test->id, test->name,
               test->running ? "RUNNING" : test->status, time);
    int role = put_freshness(self, &right);
    draw_pair(canvas, line, ROLE_STRONG, buf_string(&left), role, buf_string(&right));
    buf_done(&left);
    buf_done(&right);
}

static void draw_arms(const struct test_view *self, struct canvas *canvas, int line)
{
    const struct browse_test *found = self->reading.found;
    struct buf left, right;
    char split[TEST_SPLIT_ROOM];
    buf_init(&left, WORDS_MAX);
    buf_init(&right, WORDS_MAX);
    buf_text(&left, "A ");
    test_put_arm(&found->test.a, &self->view.app->rows, &left);
    buf_text(&left, "  B ");
    test_put_arm(&found->test.b, &self->view.app->rows, &left);
    test_split(&found->test, split);
    buf_printf(&right, "split A %s", split);
    if (found->data.segment_count > 1)
        buf_printf(&right, ", segment %d, alpha %.3g", found->data.segment_count,
                   found->report.alpha);
    draw_pair(canvas, line, ROLE_PLAIN, buf_string(&left), ROLE_PLAIN, buf_string(&right));
    buf_done(&left);
    buf_done(&right);
}

/* The word and why in so many lines, and what would change it. Returns the lines it took. */
static int draw_verdict(const struct test_view *self, struct canvas *canvas, int line, int rows)
{
    enum decision_state state = self->reading.found->report.decision.state;
    const char *word = abtest_words(&self->reading.found->test, state)->word;
    struct buf buf;
    buf_init(&buf, WORDS_MAX);
    buf_printf(&buf, "%s  ", word);
    test_put_verdict(self->reading.found, &buf);
    int used =
        canvas_wrap(canvas, line, 1, canvas->columns - 2, rows, ROLE_PLAIN, buf_string(&buf));
    canvas_text(canvas, line, 1, canvas->columns - 2, test_state_role(state), word);
    buf_clear(&buf);
    test_put_next(self->reading.found, &buf);
    used += canvas_wrap(canvas, line + used, 1, canvas->columns - 2, 2, ROLE_DIM, buf_string(&buf));
    buf_done(&buf);
    return MAX(used, 1);
}

/* What stands for and against B, and what was fixed beforehand. */
static void draw_gates(const struct test_view *self, struct canvas *canvas, int line)
{
    const struct abtest_plan *plan = &self->reading.found->test.plan;
    struct buf buf;
    buf_init(&buf, WORDS_MAX);
    buf_text(&buf, "gates  ");
    test_put_gates(self->reading.found, &buf);
    canvas_text(canvas, line, 1, canvas->columns - 2, ROLE_PLAIN, buf_string(&buf));
    buf_clear(&buf);
    buf_printf(&buf, "plan %s: primary %s, alpha %g, equal within %g %%, %lld requests, %g hours",
               plan->assumed ? "assumed" : "fixed at the start", abtest_metric_word(plan->primary),
               plan->alpha, 100 * plan->margin, (long long)plan->horizon, plan->min_hours);
    canvas_text(canvas, line + 1, 1, canvas->columns - 2, ROLE_DIM, buf_string(&buf));
    buf_done(&buf);
}

/* What weakens the numbers, and what else was seen. The last line tells of what there is no room for. */
static int draw_badges(const struct test_view *self, struct canvas *canvas, int line, int rows,
                       bool all)
{
    const struct browse_test *found = self->reading.found;
    struct buf buf;
    buf_init(&buf, WORDS_MAX);
    abtest_put_badges(&found->test, &found->data, &found->report, &buf);
    test_sample_put(&self->sample, found, all, &buf);
    int used = test_table_badges(canvas, line, rows, buf_string(&buf));
    buf_done(&buf);
    return used;
}

/* The chosen one, and the ones after it where there is room for several. */
static void draw_charts(const struct test_view *self, struct canvas *canvas, struct view_area area)
{
    int across = canvas->columns >= GRID_COLUMNS ? 2 : 1;
    int down = MAX(1, MIN(area.height / GRID_ROWS, TEST_CHARTS / across));
    int columns = canvas->columns / across, rows = area.height / down;
    if (area.height < TEST_CHART_ROWS_MIN)
        return;
    for (int i = 0; i < across * down; i++) {
        enum test_chart which = (enum test_chart)(((int)self->which + i) % TEST_CHARTS);
        if (which == TEST_CHART_SLOWER && self->histogram)
            which = TEST_CHART_SHAPE;
        struct view_area part = { .top = area.top + i / across * rows, .height = rows };
        test_chart_draw(which, self->reading.found, &self->charts, canvas, part,
                        i % across * columns, columns);
    }
}

static void draw_empty(const struct test_view *self, struct canvas *canvas, struct view_area area)
{
    const char *words = self->reading.gone         ? "there is no such test any more"
                        : self->reading.error.code ? self->reading.error.text
                        : self->view.app->link.state == LINK_READY ? "reading the results"
                                                                   : "connecting";
    bool wrong = self->reading.gone || self->reading.error.code;
    int used = canvas_wrap(canvas, area.top + 1, 2, canvas->columns - 4, MAX(1, area.height - 2),
                           wrong ? ROLE_ERROR : ROLE_DIM, words);
    if (wrong && area.height > used + 1)
        canvas_text(canvas, area.top + 1 + used, 2, canvas->columns - 4, ROLE_DIM,
                    "$ pare ab list");
    canvas_cursor(canvas, area.top, 0);
}

/* No table and no chart, which would be cut: what matters most, wrapped; the rest one scrolls to. */
static void draw_brief(struct test_view *self, struct canvas *canvas, struct view_area area)
{
    const struct browse_test *found = self->reading.found;
    struct buf sample;
    if (!self->briefed) {
        buf_init(&sample, WORDS_MAX);
        test_sample_put(&self->sample, found, true, &sample);
        test_brief_fill(&self->brief, found, &self->view.app->rows, buf_string(&sample));
        buf_done(&sample);
        self->briefed = true;
    }
    lines_draw(&self->brief, &self->scroll, canvas, area);
}

static void draw_small(struct test_view *self, struct canvas *canvas, struct view_area area)
{
    if (self->plotted && self->charted)
        draw_charts(self, canvas, area);
    else
        draw_brief(self, canvas, area);
    canvas_cursor(canvas, area.top, 1);
}

static bool is_small(const struct canvas *canvas)
{
    return canvas->columns < BRIEF_COLUMNS || canvas->rows < BRIEF_ROWS;
}

/* The table with what stands around it, the charts below. */
static void draw_full(struct test_view *self, struct canvas *canvas, struct view_area area)
{
    int line = area.top, end = area.top + area.height;
    bool small = area.height < GATES_FROM;
    draw_arms(self, canvas, line++);
    line += draw_verdict(self, canvas, line, small ? 2 : 3);
    canvas_cursor(canvas, area.top + 1, 1);
    int table = MAX(0, MIN(TEST_TABLE_ROWS, end - line));
    test_table_draw(canvas, (struct view_area){ .top = line, .height = table },
                    self->reading.found);
    line += table;
    line += draw_badges(self, canvas, line, MIN(end - line, small ? 2 : 6), !small);
    if (!small) {
        draw_gates(self, canvas, line);
        line += 3;
    }
    if (self->charted)
        draw_charts(self, canvas, (struct view_area){ .top = line, .height = end - line });
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct test_view *self = (struct test_view *)view;
    int asking = MIN(test_act_rows(&self->act), area.height);
    int end = area.top + area.height - asking;
    if (!self->reading.found || self->reading.gone) {
        draw_empty(self, canvas, area);
        return;
    }
    draw_head(self, canvas, area.top);
    struct view_area below = { .top = area.top + 1, .height = area.height - 1 - asking };
    if (below.height > 0 && is_small(canvas))
        draw_small(self, canvas, below);
    else
        draw_full(self, canvas, below);
    if (view->app->link.state != LINK_READY)
        for (int i = area.top; i < end; i++)
            canvas_dim(canvas, i);
    if (asking)
        test_act_draw(&self->act, canvas, end);
}

/* ---- the view ---- */

/* What writes wants a test that was read. */
static void change(struct test_view *self, enum action action)
{
    if (!self->reading.found || self->reading.gone)
        return;
    if (action == ACTION_CONCLUDE && app_may_write(self->view.app))
        app_push(self->view.app, conclude_open(self->view.app, self->reading.id));
    else if (action != ACTION_CONCLUDE)
        test_act_begin(&self->act, action == ACTION_SPLIT ? TEST_ACT_SPLIT : TEST_ACT_KILL,
                       &self->reading.found->test);
}

/* A small screen has one at a time, and between the last and the first what it has without. */
static void next_chart(struct test_view *self)
{
    bool small = is_small(&self->view.app->canvas), brief = small && !self->plotted;
    if (!brief)
        self->which = (enum test_chart)((self->which + 1) % TEST_CHARTS);
    self->plotted = small && (brief || self->which != 0);
}

static void act(struct view *view, enum action action)
{
    struct test_view *self = (struct test_view *)view;
    if (action == ACTION_CHART)
        next_chart(self);
    else if (action == ACTION_HISTOGRAM)
        self->histogram = !self->histogram;
    else if (action == ACTION_AGAIN)
        ask(self);
    else if (action == ACTION_SPLIT || action == ACTION_KILL || action == ACTION_CONCLUDE)
        change(self, action);
    else
        scroll_page(&self->scroll, action);
}

static bool type(struct view *view, const struct key *key)
{
    return test_act_key(&((struct test_view *)view)->act, key);
}

static void table(struct view *view, struct buf *buf)
{
    buf_printf(buf, "pare ab show %lld", (long long)((struct test_view *)view)->reading.id);
}

static void command(struct view *view, struct buf *buf)
{
    const struct test_view *self = (struct test_view *)view;
    if (!test_act_command(&self->act, buf))
        table(view, buf);
}

static bool copy(struct view *view, struct buf *buf)
{
    const struct test_view *self = (struct test_view *)view;
    if (!self->reading.found || self->reading.gone)
        return false;
    const struct abtest *test = &self->reading.found->test;
    buf_printf(buf, "test %lld %s: %s: ", (long long)test->id, test->name,
               abtest_words(test, self->reading.found->report.decision.state)->word);
    test_put_verdict(self->reading.found, buf);
    return true;
}

/* What keeps the numbers from being read or rolled up. */
static void detail(struct view *view, struct buf *buf)
{
    const struct test_view *self = (struct test_view *)view;
    if (!self->reading.found || self->reading.gone)
        return;
    if (self->reading.error.code && self->reading.error.code != PARE_ERR_NO_DATABASE)
        buf_text(buf, self->reading.error.text);
    else if (self->reading.roll.error.code && self->reading.roll.error.code != PARE_ERR_NO_DATABASE)
        buf_text(buf, self->reading.roll.error.text);
}

static void close_view(struct view *view)
{
    struct test_view *self = (struct test_view *)view;
    test_act_done(&self->act);
    test_sample_done(&self->sample);
    test_reading_done(&self->reading);
    lines_done(&self->brief);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_TEST,
    .name = "Test",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .tick = tick,
    .command = command,
    .detail = detail,
    .copy = copy,
    .table = table,
    .close = close_view,
};

struct view *test_open(struct app *app, int64_t id)
{
    struct test_view *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    test_reading_init(&self->reading, app, id, self, came);
    test_sample_init(&self->sample, app);
    test_act_init(&self->act, app, self, changed);
    ask(self);
    return &self->view;
}
