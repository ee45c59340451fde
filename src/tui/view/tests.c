/* SPDX-License-Identifier: MIT */
/*
 * Tests: the running ones first, each with what it says to do.
 *
 * A verdict costs a reading of the test's roll-up, so it is made for the tests on the screen alone,
 * one after the other, and of a running test anew every few seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/browse_tests.h"
#include "tui/app.h"
#include "tui/number.h"
#include "tui/scroll.h"
#include "tui/view/test_roll.h"
#include "tui/view/test_table.h"
#include "tui/view/tests_table.h"

enum {
    LOOK_EVERY_MS = 1000,
    HURRY_MS = 20,         /* there is more to roll up */
    PAST_EVERY_MS = 5000,  /* while no test runs */
    JUDGE_EVERY_MS = 4000, /* each running one */
};

struct item {
    struct abtest test;
    enum decision_state state; /* as it was judged last; */
    int64_t judged_ms;         /* 0: never */
    bool was_running;          /* when it was judged */
    bool known;                /* `state` is */
};

struct tests {
    struct view view;
    struct test_roll roll;
    struct arena arena; /* of the list that is shown */
    struct item *items; /* the running ones first, then the newest */
    size_t count;
    struct scroll scroll;
    int64_t cursor_id; /* the test under the cursor, so that it stays there */
    int64_t judging_id;
    bool judging_coarse;
    bool there, asked, came; /* there: the users have tables of tests */
    struct pare_error error;
};

static const struct item *item_at(const struct tests *self)
{
    return self->scroll.cursor < self->count ? &self->items[self->scroll.cursor] : NULL;
}

static bool any_runs(const struct tests *self)
{
    return self->count > 0 && self->items[0].test.running;
}

/* ---- verdicts ---- */

static void rest(struct tests *self)
{
    struct app *app = self->view.app;
    self->asked = false;
    self->view.due_ms = app->now_ms + (test_roll_hurries(&self->roll) ? HURRY_MS
                                       : any_runs(self)               ? LOOK_EVERY_MS
                                                                      : PAST_EVERY_MS);
}

static bool is_due(const struct tests *self, const struct item *item)
{
    if (item->test.all_to)
        return false; /* decided: the verdict of today says nothing */
    return !item->judged_ms || item->was_running != item->test.running ||
           (item->test.running && self->view.app->now_ms - item->judged_ms >= JUDGE_EVERY_MS);
}

/* Of those on the screen the one that has waited longest; NULL: none is due. */
static struct item *next_due(struct tests *self)
{
    struct item *next = NULL;
    size_t end = MIN(self->count, self->scroll.top + MAX(self->scroll.height, (size_t)1));
    for (size_t i = self->scroll.top; i < end; i++)
        if (is_due(self, &self->items[i]) && (!next || self->items[i].judged_ms < next->judged_ms))
            next = &self->items[i];
    return next;
}

static void judge_next(struct tests *self);

static void judged(void *owner, struct request *request, struct pg_rows *const *rows,
                   const struct pare_error *err)
{
    struct tests *self = owner;
    struct browse_test found;
    struct item *item = NULL;
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].test.id == self->judging_id)
            item = &self->items[i];
    if (err || !item ||
        !browse_take_test(rows, self->judging_coarse, &request->arena, &found, &self->error)) {
        if (err)
            self->error = *err;
        if (item)
            item->judged_ms = self->view.app->now_ms; /* the others have their turn first */
        rest(self);
        return;
    }
    if (found.again) {
        item->test.plan.coarse = found.test.plan.coarse;
    } else {
        item->judged_ms = self->view.app->now_ms;
        item->was_running = item->test.running;
        item->known = found.test.id;
        item->state = found.test.id ? found.report.decision.state : item->state;
    }
    self->view.app->dirty = true;
    judge_next(self);
}

static void judge_next(struct tests *self)
{
    struct app *app = self->view.app;
    struct pare_error ignored;
    const struct item *item =
        browse_can_judge(&app->link.registry, &ignored) ? next_due(self) : NULL;
    struct request *request =
        item && app->link.state == LINK_READY ? link_request(self, judged) : NULL;
    if (!request) {
        rest(self);
        return;
    }
    self->judging_id = item->test.id;
    self->judging_coarse = item->test.plan.coarse;
    browse_ask_test(&request->batch, &app->link.registry, self->judging_id, self->judging_coarse);
    link_send(&app->link, request);
}

/* ---- the list ---- */

/* What was known of it; where the list has not changed, in the same place. */
static struct item item_of(const struct tests *self, const struct abtest *test, size_t place)
{
    struct item item = { .test = *test };
    for (size_t i = 0; i < self->count; i++) {
        const struct item *old = &self->items[(place + i) % self->count];
        if (old->test.id != test->id)
            continue;
        item.state = old->state;
        item.judged_ms = old->judged_ms;
        item.was_running = old->was_running;
        item.known = old->known;
        break;
    }
    return item;
}

static void find_cursor(struct tests *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].test.id == self->cursor_id)
            self->scroll.cursor = i;
    scroll_fit(&self->scroll, self->count, (int)MAX(self->scroll.height, 1));
    self->cursor_id = self->count > 0 ? item_at(self)->test.id : 0;
}

static bool take(struct tests *self, struct pg_rows *const *rows, struct arena *arena,
                 struct pare_error *err)
{
    struct abtest *tests;
    size_t count, used = 0;
    if (!abtest_list_take(rows[0], arena, &tests, &count, err))
        return false;
    struct item *items = arena_array(arena, count + 1, sizeof(*items));
    if (!items)
        return error_no_memory(err, count * sizeof(*items));
    for (int running = 1; running >= 0; running--)
        for (size_t i = 0; i < count; i++)
            if (tests[i].running == running) {
                items[used] = item_of(self, &tests[i], used);
                used++;
            }
    arena_done(&self->arena);
    self->arena = *arena;
    self->items = items;
    self->count = count;
    return true;
}

static void list_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct tests *self = owner;
    struct arena arena = { 0 };
    (void)request;
    self->view.app->dirty = true;
    self->error.code = PARE_OK;
    if (err) {
        self->error = *err;
        rest(self);
        return;
    }
    if (!take(self, rows, &arena, &self->error)) {
        arena_done(&arena);
        rest(self);
        return;
    }
    self->came = true;
    find_cursor(self);
    judge_next(self);
}

/* After the roll-up, whatever became of it. */
static void read_list(void *owner)
{
    struct tests *self = owner;
    struct app *app = self->view.app;
    struct request *request = app->link.state == LINK_READY ? link_request(self, list_came) : NULL;
    self->asked = request;
    if (!request)
        return; /* again after the next connect */
    browse_ask_tests(&request->batch, &app->link.registry);
    link_send(&app->link, request);
}

static void tables_came(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err)
{
    struct tests *self = owner;
    (void)request;
    self->view.app->dirty = true;
    self->error.code = PARE_OK;
    if (err)
        self->error = *err;
    self->there = !err && browse_take_test_tables(rows);
    if (self->there) {
        test_roll_step(&self->roll);
        return;
    }
    self->came = !err;
    rest(self);
}

static void ask(struct tests *self)
{
    struct app *app = self->view.app;
    if (self->asked || app->link.state != LINK_READY)
        return;
    self->view.due_ms = 0;
    if (!registry_allows(&app->link.registry, REGISTRY_LOOK, &self->error))
        return;
    if (self->there) {
        self->asked = true;
        test_roll_step(&self->roll);
        return;
    }
    struct request *request = link_request(self, tables_came);
    self->asked = request;
    if (!request)
        return;
    browse_ask_test_tables(&request->batch);
    link_send(&app->link, request);
}

static void tick(struct view *view)
{
    ask((struct tests *)view);
}

static void news(struct view *view)
{
    struct tests *self = (struct tests *)view;
    if (view->app->link.state != LINK_READY)
        self->view.due_ms = 0;
    else if (!self->view.due_ms)
        ask(self);
}

/* ---- drawing ---- */

/* Its version, and the model where that is not both arms' and there is room. */
static const char *arm_words(const struct abtest *test, const struct abtest_arm *arm, bool wide,
                             char to[NUMBER_ROOM * 4])
{
    bool same = test->a.name && test->b.name && !strcmp(test->a.name, test->b.name);
    if (!arm->name)
        snprintf(to, (size_t)NUMBER_ROOM * 4, "#%lld gone", (long long)arm->id);
    else if (wide || !same)
        snprintf(to, (size_t)NUMBER_ROOM * 4, "%s:%s", arm->name, arm->version);
    else
        snprintf(to, (size_t)NUMBER_ROOM * 4, "%s", arm->version);
    return to;
}

static void put_verdict(const struct tests *self, const struct item *item,
                        struct tests_cells *cells)
{
    cells->verdict = "-";
    cells->verdict_role = ROLE_DIM;
    if (item->test.all_to) {
        cells->verdict = item->test.all_to == 'A' ? "all to A" : "all to B";
    } else if (item->known) {
        cells->verdict = abtest_words(&item->test, item->state)->word;
        cells->verdict_role = item->test.running ? test_state_role(item->state) : ROLE_DIM;
    } else if (self->asked && !item->judged_ms) {
        cells->verdict = "...";
    }
}

static void draw_row(const struct tests *self, struct canvas *canvas, int line,
                     const struct item *item)
{
    const struct abtest *test = &item->test;
    char id[24], time[TEST_TIME_ROOM], split[TEST_SPLIT_ROOM], results[NUMBER_ROOM];
    char a[NUMBER_ROOM * 4], b[NUMBER_ROOM * 4];
    bool wide = canvas->columns >= 140;
    struct tests_cells cells = { .id = id,
                                 .name = test->name,
                                 .status = test->status,
                                 .time = time,
                                 .split = split,
                                 .results = results,
                                 .a = arm_words(test, &test->a, wide, a),
                                 .b = arm_words(test, &test->b, wide, b),
                                 .ended = !test->running,
                                 .role = test->running ? ROLE_PLAIN : ROLE_DIM,
                                 .status_role = test->running ? ROLE_STRONG : ROLE_DIM };
    snprintf(id, sizeof(id), "%lld", (long long)test->id);
    test_time(test->running_seconds, time);
    test_split(test, split);
    number_count((size_t)MAX(test->results, 0), results);
    if (test->results >= 1000000)
        snprintf(results, sizeof(results), "%.2f M", (double)test->results / 1e6);
    put_verdict(self, item, &cells);
    tests_table_line(canvas, line, &cells);
}

static void draw_empty(const struct tests *self, struct canvas *canvas, struct view_area area)
{
    const struct link *link = &self->view.app->link;
    int room = canvas->columns - 4, line = area.top + 2;
    canvas_cursor(canvas, area.top, 0);
    if (self->error.code) {
        canvas_wrap(canvas, line, 2, room, area.height - 2, ROLE_ERROR, self->error.text);
        return;
    }
    canvas_text(canvas, line, 2, room, ROLE_DIM,
                self->came                  ? "no tests yet; the first one:"
                : link->state == LINK_READY ? "loading"
                                            : "connecting");
    if (self->came)
        canvas_wrap(canvas, line + 1, 2, room, area.height - 3, ROLE_DIM,
                    "$ pare ab start NAME --a MODEL:VERSION --b MODEL:VERSION");
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    static const struct tests_cells titles = { "#",      "test",   "status",  "for",     "A",
                                               "B",      "A",      "results", "verdict", ROLE_DIM,
                                               ROLE_DIM, ROLE_DIM, false };
    struct tests *self = (struct tests *)view;
    if (self->count == 0) {
        draw_empty(self, canvas, area);
        return;
    }
    tests_table_line(canvas, area.top, &titles);
    scroll_fit(&self->scroll, self->count, area.height - 1);
    self->scroll.row = area.top + 1;
    for (int i = 0; i < area.height - 1 && self->scroll.top + (size_t)i < self->count; i++) {
        size_t place = self->scroll.top + (size_t)i;
        int line = self->scroll.row + i;
        draw_row(self, canvas, line, &self->items[place]);
        if (view->app->link.state != LINK_READY)
            canvas_dim(canvas, line);
        if (place == self->scroll.cursor) {
            canvas_select(canvas, line);
            canvas_cursor(canvas, line, 0);
        }
    }
}

/* ---- the view ---- */

static void act(struct view *view, enum action action)
{
    struct tests *self = (struct tests *)view;
    const struct item *item = item_at(self);
    if (action == ACTION_AGAIN) {
        ask(self);
    } else if (scroll_act(&self->scroll, action)) {
        self->cursor_id = self->count > 0 ? item_at(self)->test.id : 0;
    } else if (item && action == ACTION_OPEN) {
        app_push(view->app, test_open(view->app, item->test.id));
    }
}

static void command(struct view *view, struct buf *buf)
{
    (void)view;
    buf_text(buf, "pare ab list");
}

static void detail(struct view *view, struct buf *buf)
{
    const struct tests *self = (struct tests *)view;
    const struct item *item = item_at(self);
    char a[NUMBER_ROOM * 4], b[NUMBER_ROOM * 4];
    struct pare_error err;
    if (self->count > 0 && self->error.code && self->error.code != PARE_ERR_NO_DATABASE)
        buf_text(buf, self->error.text);
    else if (item && !browse_can_judge(&view->app->link.registry, &err))
        buf_text(buf, "no verdicts: what tests add up to is not readable here");
    else if (item)
        buf_printf(buf, "A %s  B %s", arm_words(&item->test, &item->test.a, true, a),
                   arm_words(&item->test, &item->test.b, true, b));
}

static enum view_hit point(struct view *view, int row)
{
    struct tests *self = (struct tests *)view;
    enum view_hit hit = scroll_point(&self->scroll, row);
    if (hit == VIEW_HIT_LINE)
        self->cursor_id = item_at(self)->test.id;
    return hit;
}

static void close_view(struct view *view)
{
    struct tests *self = (struct tests *)view;
    link_forget(&view->app->link, self);
    test_roll_done(&self->roll);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_TESTS,
    .name = "Tests",
    .draw = draw,
    .act = act,
    .news = news,
    .tick = tick,
    .command = command,
    .detail = detail,
    .table = command,
    .point = point,
    .close = close_view,
};

struct view *tests_open(struct app *app)
{
    struct tests *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    test_roll_init(&self->roll, app, self, read_list);
    ask(self);
    return &self->view;
}
