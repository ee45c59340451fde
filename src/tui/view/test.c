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
#include "tui/view/test_charts.h"
#include "tui/view/test_roll.h"
#include "tui/view/test_table.h"

enum {
    LOOK_EVERY_MS = 1000,
    PAST_EVERY_MS = 5000, /* of a test that has ended */
    HURRY_MS = 20,
    OLD_MS = 3000, /* numbers of that age are said to be */
    WORDS_MAX = 4096,
    GRID_ROWS = 11,     /* that a chart takes where there are several */
    GRID_COLUMNS = 160, /* from which there are two side by side */
    GATES_FROM = 24,    /* lines from which the gates have one */
};

struct test_view {
    struct view view;
    int64_t id;
    struct test_roll roll;
    struct arena arena;        /* of what is shown: */
    struct browse_test *found; /* NULL: nothing yet */
    struct test_charts charts;
    enum test_chart which;
    bool coarse; /* how it keeps its latencies, as far as is known */
    bool asked, gone;
    int64_t came_ms;
    struct pare_error error;
};

/* ---- asking ---- */

static void read_test(void *owner);

static bool take(struct test_view *self, struct pg_rows *const *rows)
{
    struct arena arena = { 0 };
    struct test_charts charts = { 0 };
    struct browse_test *found = arena_alloc(&arena, sizeof(*found));
    bool ok = found ? browse_take_test(rows, self->coarse, &arena, found, &self->error)
                    : error_no_memory(&self->error, sizeof(*found));
    bool shown = ok && found->test.id && !found->again &&
                 test_charts_make(found, &arena, &charts, &self->error);
    if (ok) {
        self->gone = found->test.id == 0;
        self->coarse = found->again ? found->test.plan.coarse : self->coarse;
    }
    bool again = ok && found->again;
    if (!shown) {
        arena_done(&arena);
        return again;
    }
    arena_done(&self->arena);
    self->arena = arena;
    self->found = found;
    self->charts = charts;
    self->came_ms = self->view.app->now_ms;
    return false;
}

static int64_t pause_ms(const struct test_view *self)
{
    if (test_roll_hurries(&self->roll))
        return HURRY_MS;
    return self->found && !self->found->test.running && self->roll.behind <= 0 ? PAST_EVERY_MS
                                                                               : LOOK_EVERY_MS;
}

static void test_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct test_view *self = owner;
    struct app *app = self->view.app;
    (void)request;
    app->dirty = true;
    self->asked = false;
    self->error.code = PARE_OK;
    if (err)
        self->error = *err;
    else if (take(self, rows)) {
        read_test(self);
        return;
    }
    self->view.due_ms = app->now_ms + pause_ms(self);
}

/* After the roll-up, whatever became of it. */
static void read_test(void *owner)
{
    struct test_view *self = owner;
    struct app *app = self->view.app;
    struct request *request = app->link.state == LINK_READY ? link_request(self, test_came) : NULL;
    self->asked = request;
    if (!request)
        return; /* again after the next connect */
    browse_ask_test(&request->batch, &app->link.registry, self->id, self->coarse);
    link_send(&app->link, request);
}

static void ask(struct test_view *self)
{
    struct app *app = self->view.app;
    if (self->asked || app->link.state != LINK_READY)
        return;
    self->view.due_ms = 0;
    if (!browse_can_judge(&app->link.registry, &self->error))
        return;
    self->asked = true;
    test_roll_step(&self->roll);
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

static void put_arm(const struct abtest_arm *arm, const struct app *app, struct buf *buf)
{
    const struct browse_row *row = rows_find(&app->rows, arm->id);
    if (arm->name)
        buf_printf(buf, "%s%s:%s", row && row->is_default ? "* " : "", arm->name, arm->version);
    else
        buf_printf(buf, "#%lld (vanished)", (long long)arm->id);
}

/* How fresh the numbers are, or what keeps them from being so. */
static int put_freshness(const struct test_view *self, struct buf *buf)
{
    const struct app *app = self->view.app;
    int64_t age = app->now_ms - self->came_ms;
    char behind[NUMBER_ROOM];
    number_count((size_t)MAX(self->roll.behind, 0), behind);
    if (self->roll.error.code && self->roll.error.code != PARE_ERR_NO_DATABASE) {
        buf_text(buf, "not rolled up");
        return ROLE_WARNING;
    }
    if (age > OLD_MS + (self->found->test.running ? 0 : PAST_EVERY_MS)) {
        buf_printf(buf, "as of %lld s ago", (long long)age / 1000);
        return ROLE_WARNING;
    }
    if (self->roll.behind > 0) {
        buf_printf(buf, "%s%s results behind", self->roll.rolls ? "live, " : "", behind);
        return self->roll.rolls ? ROLE_PLAIN : ROLE_WARNING;
    }
    buf_text(buf, self->found->test.running ? "live" : "all results in");
    return ROLE_PLAIN;
}

static void put_verdict(const struct test_view *self, struct buf *buf)
{
    const struct browse_test *found = self->found;
    const struct decision_words *words = decision_words(found->report.decision.state);
    size_t says = strlen(words->says);
    bool stopped = says > 0 && words->says[says - 1] == '.';
    buf_printf(buf, "%.*s: ", (int)(stopped ? says - 1 : says), words->says);
    abtest_put_reason(&found->test, &found->report, buf);
    buf_text(buf, ".");
}

/* "5 to 8 h", for what is some time off. */
static void put_eta(const struct power_eta *eta, const struct power_rate *rate, struct buf *buf)
{
    char soon[TEST_TIME_ROOM], late[TEST_TIME_ROOM];
    test_time(eta->shortest, soon);
    test_time(eta->has_longest ? eta->longest : eta->seconds, late);
    if (!eta->has_longest)
        buf_printf(buf, ": %s or more at %.2g a second", late, rate->now);
    else if (strcmp(soon, late) == 0)
        buf_printf(buf, ": %s at %.2g a second", soon, rate->now);
    else
        buf_printf(buf, ": %s to %s at %.2g to %.2g a second", soon, late, rate->fast, rate->slow);
}

static void put_change(const struct test_view *self, struct buf *buf)
{
    const struct abtest_report *report = &self->found->report;
    const struct abtest_arm_data *arms = self->found->data.arms;
    int64_t left = report->needed - arms[0].n - arms[1].n;
    char number[NUMBER_ROOM];
    buf_printf(buf, "What would change it: %s.", decision_words(report->decision.state)->change);
    if (report->needed <= 0 || !self->found->test.running)
        return;
    if (left <= 0) {
        number_count((size_t)report->needed, number);
        buf_printf(buf, " The %s requests that the question takes are in.", number);
        return;
    }
    number_count((size_t)left, number);
    buf_printf(buf, " About %s more requests", number);
    if (report->eta.known && report->eta.seconds > 0)
        put_eta(&report->eta, &report->rate, buf);
    buf_text(buf, ".");
}

/* How it ended, where pare knows. */
static void put_end(const struct abtest *test, struct buf *buf)
{
    char when[NUMBER_ROOM];
    number_when(test->ended_at ? test->ended_at : test->end_at, when);
    if (test->all_to)
        buf_printf(buf, "Ended by %s %s: all requests to %c", test->ended_by ? test->ended_by : "?",
                   when, test->all_to);
    if (test->all_to && test->ended_why)
        buf_printf(buf, " (%s)", test->ended_why);
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
    const struct abtest *test = &self->found->test;
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
    const struct browse_test *found = self->found;
    struct buf left, right;
    char split[TEST_SPLIT_ROOM];
    buf_init(&left, WORDS_MAX);
    buf_init(&right, WORDS_MAX);
    buf_text(&left, "A ");
    put_arm(&found->test.a, self->view.app, &left);
    buf_text(&left, "  B ");
    put_arm(&found->test.b, self->view.app, &left);
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
    enum decision_state state = self->found->report.decision.state;
    const char *word = decision_words(state)->word;
    struct buf buf;
    buf_init(&buf, WORDS_MAX);
    buf_printf(&buf, "%s  ", word);
    put_verdict(self, &buf);
    int used =
        canvas_wrap(canvas, line, 1, canvas->columns - 2, rows, ROLE_PLAIN, buf_string(&buf));
    canvas_text(canvas, line, 1, canvas->columns - 2, test_state_role(state), word);
    buf_clear(&buf);
    put_end(&self->found->test, &buf);
    if (buf.length == 0)
        put_change(self, &buf);
    used += canvas_wrap(canvas, line + used, 1, canvas->columns - 2, 2, ROLE_DIM, buf_string(&buf));
    buf_done(&buf);
    return MAX(used, 1);
}

static void put_gate(const struct decision *decision, enum decision_gate gate, struct buf *buf)
{
    buf_printf(buf, "  [%c] %s", decision->open & 1u << gate ? ' ' : 'x', decision_gate_word(gate));
}

/* What stands for and against B, and what was fixed beforehand. */
static void draw_gates(const struct test_view *self, struct canvas *canvas, int line)
{
    const struct abtest_plan *plan = &self->found->test.plan;
    struct buf buf;
    buf_init(&buf, WORDS_MAX);
    buf_text(&buf, "gates");
    for (int gate = 0; gate < DECISION_GATES; gate++)
        put_gate(&self->found->report.decision, (enum decision_gate)gate, &buf);
    canvas_text(canvas, line, 1, canvas->columns - 2, ROLE_PLAIN, buf_string(&buf));
    buf_clear(&buf);
    buf_printf(&buf, "plan %s: primary %s, alpha %g, equal within %g %%, %lld requests, %g hours",
               plan->assumed ? "assumed" : "fixed at the start", abtest_metric_word(plan->primary),
               plan->alpha, 100 * plan->margin, (long long)plan->horizon, plan->min_hours);
    canvas_text(canvas, line + 1, 1, canvas->columns - 2, ROLE_DIM, buf_string(&buf));
    buf_done(&buf);
}

/* As many as there are lines for, the last one telling of the rest. Returns the lines it took. */
static int draw_badges(const struct test_view *self, struct canvas *canvas, int line, int rows)
{
    const struct browse_test *found = self->found;
    struct buf buf;
    int used = 0;
    buf_init(&buf, WORDS_MAX);
    abtest_put_badges(&found->test, &found->data, &found->report, &buf);
    const char *text = buf_string(&buf);
    for (size_t length; *text && used < rows; text += length + (text[length] != '\0'), used++) {
        length = strcspn(text, "\n");
        bool last = used + 1 == rows && text[length] && text[length + 1];
        canvas_printf(canvas, line + used, 1, canvas->columns - 2, ROLE_WARNING, "%.*s%s",
                      (int)length, text, last ? "; and more: pare ab show" : "");
    }
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
        struct view_area part = { .top = area.top + i / across * rows, .height = rows };
        test_chart_draw(which, self->found, &self->charts, canvas, part, i % across * columns,
                        columns);
    }
}

static void draw_empty(const struct test_view *self, struct canvas *canvas, struct view_area area)
{
    const char *words = self->gone         ? "there is no such test any more"
                        : self->error.code ? self->error.text
                        : self->view.app->link.state == LINK_READY ? "reading the results"
                                                                   : "connecting";
    bool wrong = self->gone || self->error.code;
    int used = canvas_wrap(canvas, area.top + 1, 2, canvas->columns - 4, MAX(1, area.height - 2),
                           wrong ? ROLE_ERROR : ROLE_DIM, words);
    if (wrong && area.height > used + 1)
        canvas_text(canvas, area.top + 1 + used, 2, canvas->columns - 4, ROLE_DIM,
                    "$ pare ab list");
    canvas_cursor(canvas, area.top, 0);
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct test_view *self = (struct test_view *)view;
    int end = area.top + area.height, line = area.top;
    if (!self->found || self->gone) {
        draw_empty(self, canvas, area);
        return;
    }
    draw_head(self, canvas, line++);
    draw_arms(self, canvas, line++);
    line += draw_verdict(self, canvas, line, area.height < GATES_FROM ? 2 : 3);
    canvas_cursor(canvas, area.top + 2, 1);
    int table = MAX(0, MIN(TEST_TABLE_ROWS, end - line));
    test_table_draw(canvas, (struct view_area){ .top = line, .height = table }, self->found);
    line += table;
    line += draw_badges(self, canvas, line, MIN(end - line, area.height < GATES_FROM ? 2 : 6));
    if (area.height >= GATES_FROM) {
        draw_gates(self, canvas, line);
        line += 3;
    }
    draw_charts(self, canvas, (struct view_area){ .top = line, .height = end - line });
    if (view->app->link.state != LINK_READY)
        for (int i = area.top; i < end; i++)
            canvas_dim(canvas, i);
}

/* ---- the view ---- */

static void act(struct view *view, enum action action)
{
    struct test_view *self = (struct test_view *)view;
    if (action == ACTION_CHART)
        self->which = (enum test_chart)((self->which + 1) % TEST_CHARTS);
    else if (action == ACTION_AGAIN)
        ask(self);
}

static void command(struct view *view, struct buf *buf)
{
    buf_printf(buf, "pare ab show %lld", (long long)((struct test_view *)view)->id);
}

/* How to end it; nothing is suggested that the verdict does not say. */
static void detail(struct view *view, struct buf *buf)
{
    const struct test_view *self = (struct test_view *)view;
    if (!self->found || self->gone)
        return;
    const struct abtest *test = &self->found->test;
    char arm = decision_words(self->found->report.decision.state)->arm;
    if (self->error.code && self->error.code != PARE_ERR_NO_DATABASE)
        buf_text(buf, self->error.text);
    else if (self->roll.error.code && self->roll.error.code != PARE_ERR_NO_DATABASE)
        buf_text(buf, self->roll.error.text);
    else if (!test->running)
        return;
    else if (arm)
        buf_printf(buf, "to end it: pare ab conclude %lld --promote %s", (long long)test->id,
                   arm == 'A' ? "a" : "b");
    else
        buf_printf(buf, "all back to A: pare ab stop %lld   to end it: pare ab conclude %lld",
                   (long long)test->id, (long long)test->id);
}

static void close_view(struct view *view)
{
    struct test_view *self = (struct test_view *)view;
    link_forget(&view->app->link, self);
    test_roll_done(&self->roll);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_TEST,
    .name = "Test",
    .draw = draw,
    .act = act,
    .news = news,
    .tick = tick,
    .command = command,
    .detail = detail,
    .close = close_view,
};

struct view *test_open(struct app *app, int64_t id)
{
    struct test_view *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->id = id;
    test_roll_init(&self->roll, app, self, read_test);
    ask(self);
    return &self->view;
}
