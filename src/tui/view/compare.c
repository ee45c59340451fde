/* SPDX-License-Identifier: MIT */
/* Compare: two to four versions side by side, and where they lie between fast and right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/browse_compare.h"
#include "tui/app.h"
#include "tui/scroll.h"
#include "tui/shell.h"
#include "tui/view/compare_plot.h"
#include "tui/view/compare_table.h"
#include "tui/view/compare_work.h"

enum { TEST_ROWS_MAX = 3, HEAD_ROWS = 2 };

struct compare {
    struct view view;
    int64_t ids[BROWSE_COMPARE_MAX];
    size_t count, baseline, column;
    struct arena arena; /* of what was read: */
    struct comparison_side *sides;
    struct comparison comparison;        /* row_count 0: nothing yet */
    uint16_t shown[COMPARISON_ROWS_MAX]; /* the rows to look at */
    size_t shown_count;
    struct scroll scroll;
    bool only_differences, plot_alone;
    struct compare_work work;
    unsigned generation; /* of the rows at the last question */
    bool asked;
    struct pare_error error;
};

static const struct comparison_row *row_at(const struct compare *self, size_t place)
{
    return place < self->shown_count ? &self->comparison.rows[self->shown[place]] : NULL;
}

/* ---- what it shows ---- */

/* The cursor stays on its fact, whatever rows there are now. */
static void choose_rows(struct compare *self, const char *key)
{
    const struct comparison *c = &self->comparison;
    self->shown_count = 0;
    for (size_t i = 0; i < c->row_count; i++) {
        if (self->only_differences && !c->rows[i].differs)
            continue;
        if (key && !strcmp(c->rows[i].key, key))
            self->scroll.cursor = self->shown_count;
        self->shown[self->shown_count++] = (uint16_t)i;
    }
    scroll_fit(&self->scroll, self->shown_count, (int)MAX(self->scroll.height, 1));
}

static void turn_differences(struct compare *self)
{
    const struct comparison_row *row = row_at(self, self->scroll.cursor);
    self->only_differences = !self->only_differences;
    choose_rows(self, row ? row->key : NULL);
}

static bool read_answer(struct compare *self, struct request *request, struct pg_rows *const *rows,
                        struct arena *arena, struct comparison *ret_comparison)
{
    bool guest = registry_is_guest(&self->view.app->link.registry);
    struct comparison_side *sides = arena_array(arena, self->count, sizeof(*sides));
    size_t baseline = (size_t)request->about;
    if (!sides)
        return error_no_memory(&self->error, self->count * sizeof(*sides));
    if (!browse_take_compare(rows, guest, self->ids, self->count, baseline, arena, sides,
                             &self->error))
        return false;
    for (size_t i = 0; i < self->count; i++)
        if (sides[i].version.id == 0) /* what was known of them stays */
            return error_set(&self->error, PARE_ERR_NOT_FOUND,
                             "%c has been deleted; q goes back, to compare others",
                             (char)('A' + i));
    if (!comparison_make(sides, self->count, baseline, arena, ret_comparison, &self->error))
        return false;
    self->sides = sides;
    return true;
}

static void came(void *owner, struct request *request, struct pg_rows *const *rows,
                 const struct pare_error *err)
{
    struct compare *self = owner;
    struct comparison comparison;
    struct arena arena = { 0 };
    char key[COMPARISON_TEXT_ROOM] = "";
    self->view.app->dirty = true;
    if (err) {
        self->error = *err;
        self->asked = err->code != PARE_ERR_NO_DATABASE; /* else again after the next connect */
        return;
    }
    if (!read_answer(self, request, rows, &arena, &comparison)) {
        arena_done(&arena);
        return;
    }
    const struct comparison_row *row = row_at(self, self->scroll.cursor);
    if (row)
        snprintf(key, sizeof(key), "%s", row->key);
    self->error.code = PARE_OK;
    arena_done(&self->arena);
    self->arena = arena;
    self->comparison = comparison;
    self->comparison.arena = &self->arena;
    choose_rows(self, key);
}

static void ask(struct compare *self)
{
    struct app *app = self->view.app;
    struct request *request = link_request(self, came);
    if (!request)
        return;
    self->asked = true;
    self->generation = app->rows.generation;
    request->about = (int64_t)self->baseline;
    browse_ask_compare(&request->batch, registry_is_guest(&app->link.registry), self->ids,
                       self->count, self->baseline);
    link_send(&app->link, request);
}

static void news(struct view *view)
{
    struct compare *self = (struct compare *)view;
    if (view->app->link.state == LINK_READY &&
        (!self->asked || self->generation != view->app->rows.generation))
        ask(self);
}

/* ---- drawing ---- */

static void draw_empty(const struct compare *self, struct canvas *canvas, struct view_area area)
{
    const char *words = self->view.app->link.state == LINK_READY ? "loading" : "connecting";
    bool wrong = self->error.code != PARE_OK;
    canvas_wrap(canvas, area.top + 1, 2, canvas->columns - 4, MAX(area.height - 1, 1),
                wrong ? ROLE_ERROR : ROLE_DIM, wrong ? self->error.text : words);
    canvas_cursor(canvas, area.top, 0);
}

/* The conditions; returns the rows they take. */
static int draw_test(const struct compare *self, struct canvas *canvas, struct view_area area)
{
    const struct comparison *c = &self->comparison;
    int rows = MIN(TEST_ROWS_MAX, MAX(1, area.height / 6));
    return canvas_wrap(canvas, area.top, 1, canvas->columns - 2, rows,
                       c->same_test ? ROLE_DIM : ROLE_WARNING, c->test);
}

static void draw_rows(struct compare *self, struct canvas *canvas, struct view_area area,
                      const struct compare_table *table)
{
    const struct comparison *c = &self->comparison;
    bool old = self->view.app->link.state != LINK_READY || self->error.code;
    scroll_fit(&self->scroll, self->shown_count, area.height);
    for (int i = 0; i < area.height; i++) {
        size_t place = self->scroll.top + (size_t)i;
        const struct comparison_row *row = row_at(self, place);
        if (!row)
            break;
        compare_table_row(table, c, canvas, area.top + i, row);
        if (old)
            canvas_dim(canvas, area.top + i);
        if (place == self->scroll.cursor) {
            canvas_select(canvas, area.top + i);
            canvas_cursor(canvas, area.top + i, 0);
        }
    }
    if (self->shown_count == 0)
        canvas_text(canvas, area.top, 1, canvas->columns - 2, ROLE_PLAIN,
                    "they differ in nothing that is known; d shows all");
}

/* The table as long as it is, the chart in what is left, if that is enough. */
static void draw_body(struct compare *self, struct canvas *canvas, struct view_area area)
{
    struct compare_table table;
    int rows = (int)MAX(self->shown_count, 1), left = area.height - 1 - rows - 1;
    compare_table_fit(&table, &self->comparison, canvas->columns, self->column);
    compare_table_titles(&table, &self->comparison, canvas, area.top, self->column);
    bool plot = left >= COMPARE_PLOT_ROWS_MIN && !compare_work_rows(&self->work);
    int height = plot ? rows : area.height - 1;
    draw_rows(self, canvas, (struct view_area){ .top = area.top + 1, .height = height }, &table);
    if (plot)
        compare_plot_draw(&self->comparison, canvas,
                          (struct view_area){ .top = area.top + 1 + rows + 1,
                                              .height = MIN(left, COMPARE_PLOT_ROWS_MAX) });
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct compare *self = (struct compare *)view;
    int below = compare_work_rows(&self->work);
    if (self->comparison.row_count == 0) {
        draw_empty(self, canvas, area);
        return;
    }
    int test = draw_test(self, canvas, area);
    struct view_area body = { .top = area.top + test, .height = area.height - test - below };
    if (body.height < HEAD_ROWS)
        body = area;
    if (self->plot_alone && body.height >= COMPARE_PLOT_ROWS_MIN)
        compare_plot_draw(&self->comparison, canvas, body);
    else
        draw_body(self, canvas, body);
    if (below && area.height > below)
        compare_work_draw(&self->work, canvas, area.top + area.height - below);
}

/* ---- acting ---- */

/* Round and round, the versions in the order of their letters. */
static void move_column(struct compare *self, int step)
{
    self->column = (self->column + (step > 0 ? 1 : self->count - 1)) % self->count;
}

static void next_difference(struct compare *self)
{
    for (size_t i = 1; i <= self->shown_count; i++) {
        size_t at = (self->scroll.cursor + i) % self->shown_count;
        if (!row_at(self, at)->differs)
            continue;
        self->scroll.cursor = at;
        scroll_fit(&self->scroll, self->shown_count, (int)self->scroll.height);
        return;
    }
}

static void next_baseline(struct compare *self)
{
    if (self->view.app->link.state != LINK_READY) {
        app_say(self->view.app, ROLE_ERROR, "there is no connection to the registry now");
        return;
    }
    self->baseline = (self->baseline + 1) % self->count;
    ask(self);
}

static void with_version(struct compare *self, enum action action)
{
    struct app *app = self->view.app;
    const struct version *version = &self->sides[self->column].version;
    if (action == ACTION_OPEN)
        app_push(app, version_open(app, version->id, version->raw_name, version->raw_version));
    else if (app_may_write(app))
        app_push(app, promote_open(app, version->raw_name, version->raw_version));
}

static void act(struct view *view, enum action action)
{
    struct compare *self = (struct compare *)view;
    if (action == ACTION_AGAIN)
        self->asked = false;
    if (self->comparison.row_count == 0)
        return;
    switch (action) {
    case ACTION_DIFFERENCES:
        turn_differences(self);
        break;
    case ACTION_NEXT_DIFFERENCE:
        next_difference(self);
        break;
    case ACTION_BASELINE:
        next_baseline(self);
        break;
    case ACTION_MEASURE:
        compare_work_begin(&self->work, &self->comparison);
        break;
    case ACTION_PLOT:
        self->plot_alone = !self->plot_alone;
        break;
    case ACTION_NEXT_CHOICE:
        move_column(self, 1);
        break;
    case ACTION_LAST_CHOICE:
        move_column(self, -1);
        break;
    case ACTION_OPEN:
    case ACTION_PROMOTE:
        with_version(self, action);
        break;
    default:
        scroll_act(&self->scroll, action);
        break;
    }
}

static bool type(struct view *view, const struct key *key)
{
    struct compare *self = (struct compare *)view;
    return compare_work_key(&self->work, &self->comparison, key);
}

static void command(struct view *view, struct buf *buf)
{
    const struct compare *self = (struct compare *)view;
    if (self->comparison.row_count == 0 ||
        compare_work_command(&self->work, &self->comparison, buf))
        return;
    comparison_put_command(&self->comparison, buf);
    if (self->only_differences)
        buf_text(buf, " --differences");
}

static void detail(struct view *view, struct buf *buf)
{
    const struct compare *self = (struct compare *)view;
    const struct comparison_row *row = row_at(self, self->scroll.cursor);
    if (self->comparison.row_count && self->error.code)
        buf_text(buf, self->error.text);
    else if (row)
        compare_table_words(&self->comparison, row, self->column, buf);
}

static bool copy(struct view *view, struct buf *buf)
{
    const struct compare *self = (struct compare *)view;
    if (self->comparison.row_count == 0)
        return false;
    comparison_put_markdown(&self->comparison, !self->only_differences, buf);
    return true;
}

static void close_view(struct view *view)
{
    struct compare *self = (struct compare *)view;
    link_forget(&view->app->link, self);
    compare_work_done(&self->work);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_COMPARE,
    .name = "Compare",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .command = command,
    .detail = detail,
    .copy = copy,
    .table = command,
    .close = close_view,
};

struct view *compare_open(struct app *app, const int64_t *ids, size_t count)
{
    struct compare *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->count = MIN(count, (size_t)BROWSE_COMPARE_MAX);
    memcpy(self->ids, ids, self->count * sizeof(*ids));
    self->column = 1;
    compare_work_init(&self->work, app);
    news(&self->view);
    return &self->view;
}
