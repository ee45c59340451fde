/* SPDX-License-Identifier: MIT */
#include "tui/view/plan_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tui/number.h"

enum { ROWS_MAX = 100000, SIZE_COLUMNS = 9, STAYS_FROM = 4, STAYS_MAX = 4096 };

static void plan_done(struct plan *plan)
{
    arena_done(&plan->arena);
    free(plan->rows);
    *plan = (struct plan){ 0 };
}

void plan_table_done(struct plan_table *table)
{
    plan_done(&table->shown);
    plan_done(&table->coming);
}

void plan_table_expect(struct plan_table *table)
{
    plan_done(&table->coming);
    table->waiting = true;
}

/* ---- as it comes ---- */

static void add_row(struct plan *plan, const struct planner_news *news)
{
    if (plan->count == plan->room) {
        size_t room = plan->room ? 2 * plan->room : 64;
        struct plan_row *rows = room <= ROWS_MAX ? realloc(plan->rows, room * sizeof(*rows)) : NULL;
        if (!rows)
            return;
        plan->rows = rows;
        plan->room = room;
    }
    struct plan_row row = { .name = arena_strdup(&plan->arena, news->name),
                            .action = arena_strdup(&plan->arena, news->action),
                            .reason = arena_strdup(&plan->arena, news->reason),
                            .before_bytes = news->before_bytes,
                            .after_bytes = news->after_bytes };
    if (row.name && row.action && row.reason)
        plan->rows[plan->count++] = row;
}

/* Largest first, then by name. */
static int by_size(const void *a, const void *b)
{
    const struct plan_row *left = a, *right = b;
    if (left->before_bytes != right->before_bytes)
        return left->before_bytes < right->before_bytes ? 1 : -1;
    return strcmp(left->name, right->name);
}

/* What stays as it is, and why: the reason of most of them first. */
static void tally(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_row *row = &plan->rows[i];
        size_t at = 0;
        if (*row->action)
            continue;
        plan->stay_count++;
        while (at < plan->why_count && strcmp(plan->why[at].reason, row->reason) != 0)
            at++;
        if (at == PLAN_REASONS_MAX)
            continue;
        if (at == plan->why_count)
            plan->why[plan->why_count++] = (struct plan_reason){ row->reason, 0 };
        plan->why[at].count++;
        for (; at > 0 && plan->why[at - 1].count < plan->why[at].count; at--) {
            struct plan_reason less = plan->why[at - 1];
            plan->why[at - 1] = plan->why[at];
            plan->why[at] = less;
        }
    }
}

static void show(struct plan_table *table)
{
    plan_done(&table->shown);
    table->shown = table->coming;
    table->coming = (struct plan){ 0 };
    table->any = true;
    table->waiting = false;
}

void plan_table_refuse(struct plan_table *table, const char *why)
{
    plan_done(&table->coming);
    table->coming.error = arena_strdup(&table->coming.arena, why);
    show(table);
}

void plan_table_take(struct plan_table *table, const struct planner_news *news)
{
    struct plan *plan = &table->coming;
    switch (news->kind) {
    case PLANNER_PROGRESS:
        table->phase = strcmp(news->name, "reading") ? "planning" : "reading the version";
        table->done_fraction = news->done_fraction;
        break;
    case PLANNER_TENSOR:
        add_row(plan, news);
        break;
    case PLANNER_PLAN:
        plan->before_bytes = news->before_bytes;
        plan->after_bytes = news->after_bytes;
        plan->changed_count = news->changed_count;
        if (plan->count)
            qsort(plan->rows, plan->count, sizeof(*plan->rows), by_size);
        tally(plan);
        show(table);
        break;
    case PLANNER_FAILED:
        plan_table_refuse(table, news->reason);
        break;
    }
}

/* ---- drawing ---- */

/* "3 stay: it feeds no MatMul (2); ..."; the rows below say it of each. Returns the rows it took. */
static int draw_stays(const struct plan *plan, struct canvas *canvas, int row, int rows)
{
    struct buf words;
    buf_init(&words, STAYS_MAX);
    buf_printf(&words, "%zu stay", plan->stay_count);
    for (size_t i = 0; i < plan->why_count; i++)
        if (*plan->why[i].reason)
            buf_printf(&words, "%s %s (%zu)", i ? ";" : ":", plan->why[i].reason,
                       plan->why[i].count);
    int used = canvas_wrap(canvas, row, 2, canvas->columns - 3, rows, ROLE_DIM, buf_string(&words));
    buf_done(&words);
    return used;
}

static void draw_sum(const struct plan_table *table, struct canvas *canvas, int row)
{
    const struct plan *plan = &table->shown;
    char before[NUMBER_ROOM], after[NUMBER_ROOM], change[NUMBER_ROOM];
    int room = canvas->columns - 3, column = 2;
    if (table->waiting) {
        const char *phase = table->phase ? table->phase : "reading the version";
        int used = canvas_printf(canvas, row, canvas->columns - 28, 27, ROLE_DIM, "%s %.0f %%",
                                 phase, 100 * table->done_fraction);
        room -= MAX(used, 27);
    }
    if (!table->any || plan->error)
        return;
    if (plan->changed_count == 0) {
        canvas_printf(canvas, row, column, room, ROLE_WARNING,
                      "nothing to do: 0 of %zu tensors change", plan->count);
        return;
    }
    number_size((double)plan->before_bytes, before);
    number_size((double)plan->after_bytes, after);
    number_change((double)plan->after_bytes, (double)plan->before_bytes, change);
    column += canvas_printf(canvas, row, column, room, table->waiting ? ROLE_DIM : ROLE_STRONG,
                            "%s -> %s  %s", before, after, change);
    canvas_printf(canvas, row, column + 3, room - column - 1, ROLE_DIM,
                  "%lld of %zu tensors change, %lld bytes in all", (long long)plan->changed_count,
                  plan->count, (long long)plan->after_bytes);
}

static void draw_row(const struct plan_row *plan_row, struct canvas *canvas, int row, int role)
{
    char before[NUMBER_ROOM], after[NUMBER_ROOM];
    int name = MAX(12, (canvas->columns - 2 * SIZE_COLUMNS - 6) / 2);
    int at = 2 + name;
    bool changes = *plan_row->action;
    number_size((double)plan_row->before_bytes, before);
    number_size((double)plan_row->after_bytes, after);
    canvas_text(canvas, row, 2, name, changes ? role : ROLE_DIM, plan_row->name);
    canvas_right(canvas, row, at + 1, SIZE_COLUMNS, ROLE_DIM, before);
    if (changes)
        canvas_right(canvas, row, at + 1 + SIZE_COLUMNS, SIZE_COLUMNS, role, after);
    at += 2 * SIZE_COLUMNS + 3;
    at += canvas_text(canvas, row, at, canvas->columns - at - 1, changes ? role : ROLE_DIM,
                      changes ? plan_row->action : "stays");
    if (*plan_row->reason)
        canvas_printf(canvas, row, at, canvas->columns - at - 1, ROLE_DIM, ": %s",
                      plan_row->reason);
}

void plan_table_draw(struct plan_table *table, struct canvas *canvas, struct view_area area)
{
    const struct plan *plan = &table->shown;
    int height = area.height - 1;
    if (area.height < 1)
        return;
    draw_sum(table, canvas, area.top);
    if (table->any && plan->error) {
        canvas_wrap(canvas, area.top + 1, 2, canvas->columns - 4, MAX(1, area.height - 1),
                    table->waiting ? ROLE_DIM : ROLE_ERROR, plan->error);
        return;
    }
    if (height >= STAYS_FROM && plan->stay_count > 0) {
        int used = draw_stays(plan, canvas, area.top + 1, height < 2 * STAYS_FROM ? 1 : 2);
        area.top += used;
        height -= used;
    }
    table->scroll.cursor = table->scroll.top;
    scroll_fit(&table->scroll, plan->count, MAX(1, height));
    for (int i = 0; i < height && table->scroll.top + (size_t)i < plan->count; i++)
        draw_row(&plan->rows[table->scroll.top + (size_t)i], canvas, area.top + 1 + i,
                 table->waiting ? ROLE_DIM : ROLE_PLAIN);
}
