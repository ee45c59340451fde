/* SPDX-License-Identifier: MIT */
#include "tui/view/job_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "jobs/order.h"

enum {
    ID_WIDTH = 4,
    STATE_WIDTH = 7, /* with the bar before it */
    BAR_MIN = 10,
    BAR_MAX = 40,
    NARROW_BELOW = 60,
    TIME_WIDTH = 9,
    WHAT_MIN = 12,
    WHAT_MAX = 24,
    OF_MAX = 60,
};

/* Before a job has done that much its pace tells nothing. */
static const double telling_fraction = 0.05, telling_seconds = 1;

bool job_item_make(const struct job_row *row, struct arena *arena, struct job_item *ret_item)
{
    struct order_words words = order_words(row->kind, row->spec, arena);
    struct job_item item = { .row = *row, .what = words.what };
    item.of = arena_printf(arena, "%s:%s", row->model_name, row->model_version);
    item.made = words.result ? words.result : "";
    item.open = !strcmp(row->state, "queued") || !strcmp(row->state, "running");
    if (!item.what || !item.of)
        return false;
    *ret_item = item;
    return true;
}

const char *job_item_state(const struct job_item *item, int *ret_role)
{
    const struct job_row *row = &item->row;
    *ret_role = !strcmp(row->state, "failed")    ? ROLE_ERROR
                : !strcmp(row->state, "done")    ? ROLE_BETTER
                : row->cancel_requested          ? ROLE_WARNING
                : !strcmp(row->state, "running") ? ROLE_STRONG
                                                 : ROLE_DIM;
    if (!strcmp(row->state, "queued"))
        return "waits";
    return row->cancel_requested && item->open ? "stopping" : row->state;
}

void job_time(double seconds, char to[JOB_TIME_ROOM])
{
    to[0] = '\0';
    if (isnan(seconds) || seconds < 0 || seconds > 1e8)
        return;
    int whole = (int)seconds;
    if (seconds < 9.95)
        snprintf(to, JOB_TIME_ROOM, "%.1f s", seconds);
    else if (whole < 60)
        snprintf(to, JOB_TIME_ROOM, "%d s", whole);
    else if (whole < 3600)
        snprintf(to, JOB_TIME_ROOM, "%d:%02d min", whole / 60, whole % 60);
    else
        snprintf(to, JOB_TIME_ROOM, "%d:%02d h", whole / 3600, whole / 60 % 60);
}

double job_left_seconds(const struct job_row *row)
{
    double done = row->done_fraction, took = row->running_seconds;
    if (strcmp(row->state, "running") != 0 || !(done >= telling_fraction) ||
        !(took >= telling_seconds) || done > 1)
        return NAN;
    return took * (1 - done) / done;
}

/* ---- columns ---- */

struct layout {
    int what, of, bar, made; /* widths */
    bool narrow;             /* without what, the bar and how long it took */
};

static struct layout layout_of(const struct canvas *canvas)
{
    int rest = canvas->columns - 1 - ID_WIDTH - 2 - STATE_WIDTH - 1 - BAR_MIN - 2 * TIME_WIDTH - 4;
    struct layout layout = { .what = MAX(WHAT_MIN, MIN(WHAT_MAX, rest / 3)), .bar = BAR_MIN };
    if (canvas->columns < NARROW_BELOW) {
        layout.narrow = true;
        layout.of = MAX(4, canvas->columns - 1 - ID_WIDTH - 2 - STATE_WIDTH - TIME_WIDTH - 3);
        return layout;
    }
    layout.of = MAX(0, MIN(OF_MAX, rest - layout.what));
    rest = MAX(0, rest - layout.what - layout.of - 3);
    layout.bar += MAX(0, MIN(BAR_MAX - BAR_MIN, rest / 2));
    layout.made = rest - (layout.bar - BAR_MIN);
    return layout;
}

static void draw_bar(struct canvas *canvas, int line, int column, int width,
                     const struct job_item *item)
{
    double done = item->row.done_fraction;
    int filled = done > 0 ? (int)(MIN(done, 1) * width + 0.5) : 0;
    for (int i = 0; i < width; i++)
        canvas_text(canvas, line, column + i, 1, i < filled ? ROLE_STRONG : ROLE_DIM,
                    canvas->ascii ? i < filled ? "#" : "-"
                    : i < filled  ? "\u2501"
                                  : "\u2500");
}

/* The columns one after the other, the same for titles and rows. */
struct cells {
    const char *id, *what, *of, *version, *state, *took, *left, *made;
    int role, state_role;
    const struct job_item *bar; /* NULL: none */
};

static int draw_state(struct canvas *canvas, int line, int at, int bar, const struct cells *cells)
{
    char percent[16];
    if (cells->bar) {
        draw_bar(canvas, line, at, bar, cells->bar);
        snprintf(percent, sizeof(percent), "%3.0f %%", 100 * cells->bar->row.done_fraction);
        canvas_right(canvas, line, at + bar, STATE_WIDTH - 1, cells->state_role, percent);
    } else {
        canvas_text(canvas, line, at, STATE_WIDTH + bar, cells->state_role, cells->state);
    }
    return STATE_WIDTH + bar;
}

static void draw_cells(struct canvas *canvas, int line, const struct cells *cells)
{
    struct layout layout = layout_of(canvas);
    int at = 1;
    canvas_right(canvas, line, at, ID_WIDTH, ROLE_DIM, cells->id);
    at += ID_WIDTH + 2;
    if (layout.narrow) {
        canvas_text(canvas, line, at, layout.of - 1, cells->role, cells->version);
        at += layout.of;
        at += draw_state(canvas, line, at, 0, cells) + 2;
        canvas_right(canvas, line, at, TIME_WIDTH, ROLE_STRONG, cells->left);
        return;
    }
    canvas_text(canvas, line, at, layout.what, cells->role, cells->what);
    at += layout.what + 1;
    canvas_text(canvas, line, at, layout.of - 1, cells->role, cells->of);
    at += layout.of;
    at += draw_state(canvas, line, at, layout.bar, cells);
    canvas_right(canvas, line, at, TIME_WIDTH, ROLE_PLAIN, cells->took);
    canvas_right(canvas, line, at + TIME_WIDTH, TIME_WIDTH, ROLE_STRONG, cells->left);
    at += 2 * TIME_WIDTH + 2;
    if (layout.made > 8)
        canvas_text(canvas, line, at, layout.made, ROLE_DIM, cells->made);
}

void job_table_titles(struct canvas *canvas, int line)
{
    const struct cells cells = { "#",    "job",  "of",     "version", "state", "took",
                                 "left", "made", ROLE_DIM, ROLE_DIM,  NULL };
    draw_cells(canvas, line, &cells);
}

void job_table_row(struct canvas *canvas, int line, const struct job_item *item)
{
    const struct job_row *row = &item->row;
    char id[24], took[JOB_TIME_ROOM], left[JOB_TIME_ROOM];
    bool runs = !strcmp(row->state, "running") && !row->cancel_requested;
    struct cells cells = { .id = id,
                           .what = item->what,
                           .of = item->of,
                           .version = *item->made ? item->made : row->model_version,
                           .took = took,
                           .left = left,
                           .made = item->made,
                           .bar = runs ? item : NULL };
    cells.role = item->open ? ROLE_PLAIN : ROLE_DIM;
    cells.state = job_item_state(item, &cells.state_role);
    snprintf(id, sizeof(id), "%lld", (long long)row->id);
    job_time(row->running_seconds, took);
    job_time(job_left_seconds(row), left);
    draw_cells(canvas, line, &cells);
}
