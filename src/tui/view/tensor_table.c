/* SPDX-License-Identifier: MIT */
#include "tui/view/tensor_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "tui/number.h"

enum { UNKNOWN_YET = -2, RESORT_MAX = 5000, NAME_MIN = 16, NAME_WANTED = 22, CELL_ROOM = 64 };

static const struct {
    const char *title;
    int width;
    bool right, descending;
} columns[TENSOR_COLUMN_COUNT] = {
#define TENSOR_COLUMN_ENTRY(name, title, width, right, descending)                                 \
    { title, width, right, descending },
    TENSOR_COLUMNS(TENSOR_COLUMN_ENTRY)
#undef TENSOR_COLUMN_ENTRY
};

void tensor_table_done(struct tensor_table *table)
{
    arena_done(&table->arena);
    free(table->rows);
    free(table->shown);
    *table = (struct tensor_table){ 0 };
}

/* ---- as it comes ---- */

static bool make_room(struct tensor_table *table)
{
    if (table->count < table->room)
        return true;
    size_t room = table->room ? 2 * table->room : 256;
    if (room > 2 * TENSOR_ROWS_MAX)
        return false;
    struct tensor_row *rows = realloc(table->rows, room * sizeof(*rows));
    if (rows)
        table->rows = rows;
    uint32_t *shown = rows ? realloc(table->shown, room * sizeof(*shown)) : NULL;
    if (!shown)
        return false;
    table->shown = shown;
    table->room = room;
    return true;
}

static void add_row(struct tensor_table *table, const struct inspector_news *news)
{
    if (table->count >= TENSOR_ROWS_MAX || news->index != (int64_t)table->count ||
        !make_room(table))
        return;
    struct tensor_row row = { .name = arena_strdup(&table->arena, news->name),
                              .dtype = arena_strdup(&table->arena, news->dtype),
                              .shape = arena_strdup(&table->arena, news->shape),
                              .op = arena_strdup(&table->arena, news->op),
                              .size_bytes = news->size_bytes,
                              .element_count = news->element_count,
                              .zero_count = UNKNOWN_YET,
                              .sqnr_db = news->sqnr_db,
                              .max_error = news->max_error };
    if (!row.name || !row.dtype || !row.shape || !row.op)
        return;
    table->rows[table->count++] = row;
    table->has_errors |= !isnan(row.sqnr_db);
    table->widest = MAX(table->widest, MIN(text_width(row.name), 200));
    table->stale = true;
}

void tensor_table_take(struct tensor_table *table, const struct inspector_news *news)
{
    switch (news->kind) {
    case INSPECTOR_TENSOR:
        add_row(table, news);
        break;
    case INSPECTOR_ZEROS:
        if (news->index >= 0 && news->index < (int64_t)table->count)
            table->rows[news->index].zero_count = news->zero_count;
        table->stale |= table->key == TENSOR_ZEROS && table->count <= RESORT_MAX;
        break;
    default:
        table->stale = true;
        break;
    }
}

/* ---- which, and in which order ---- */

static double share_of(int64_t part, int64_t whole)
{
    return part >= 0 && whole > 0 ? (double)part / (double)whole : NAN;
}

/* Absent ones are last, whichever way the others stand. */
static int by_number(double a, double b, bool descending)
{
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return descending ? (a < b) - (a > b) : (a > b) - (a < b);
}

static int by_text(const char *a, const char *b, bool descending)
{
    return descending ? strcmp(b, a) : strcmp(a, b);
}

static int compare(const void *left, const void *right, void *data)
{
    const struct tensor_table *t = data;
    uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
    const struct tensor_row *a = &t->rows[i], *b = &t->rows[j];
    bool down = t->key < TENSOR_COLUMN_COUNT && columns[t->key].descending;
    int order = 0;
    down = down != t->turned;
    switch (t->key) {
    case TENSOR_NAME:
        order = by_text(a->name, b->name, down);
        break;
    case TENSOR_DTYPE:
        order = by_text(a->dtype, b->dtype, down);
        break;
    case TENSOR_OP:
        order = by_text(a->op, b->op, down);
        break;
    case TENSOR_SHAPE:
        order = by_number((double)a->element_count, (double)b->element_count, down);
        break;
    case TENSOR_SIZE:
        order = by_number((double)a->size_bytes, (double)b->size_bytes, down);
        break;
    case TENSOR_ZEROS:
        order = by_number(share_of(a->zero_count, a->element_count),
                          share_of(b->zero_count, b->element_count), down);
        break;
    case TENSOR_SQNR:
        order = by_number(a->sqnr_db, b->sqnr_db, down);
        break;
    case TENSOR_ERROR:
        order = by_number(a->max_error, b->max_error, down);
        break;
    case TENSOR_FILE_ORDER:
        return t->turned ? (i < j) - (i > j) : (i > j) - (i < j);
    }
    return order ? order : (i > j) - (i < j);
}

static bool is_shown(const struct tensor_table *table, const struct tensor_row *row)
{
    const char *filter = table->filter;
    if (strpbrk(filter, "*?["))
        return text_glob(filter, row->name);
    return strcasestr(row->name, filter) != NULL;
}

int64_t tensor_table_cursor(const struct tensor_table *table)
{
    size_t at = table->scroll.cursor;
    return at < table->shown_count ? (int64_t)table->shown[at] : -1;
}

void tensor_table_fit(struct tensor_table *table)
{
    int64_t under = tensor_table_cursor(table);
    bool at_top = table->scroll.cursor == 0;
    if (!table->stale)
        return;
    table->stale = false;
    table->shown_count = 0;
    for (size_t i = 0; i < table->count; i++)
        if (is_shown(table, &table->rows[i]))
            table->shown[table->shown_count++] = (uint32_t)i;
    if (table->shown_count > 1)
        qsort_r(table->shown, table->shown_count, sizeof(*table->shown), compare, table);
    for (size_t i = 0; i < table->shown_count && !at_top; i++)
        if (table->shown[i] == under)
            table->scroll.cursor = i;
}

void tensor_table_narrow(struct tensor_table *table, const char *filter)
{
    snprintf(table->filter, sizeof(table->filter), "%s", filter);
    table->stale = true;
    tensor_table_fit(table);
}

/* The columns one after the other, those that are there, then the order of the file. */
void tensor_table_sort_next(struct tensor_table *table)
{
    do
        table->key = table->key == TENSOR_FILE_ORDER ? TENSOR_NAME : table->key + 1;
    while (!table->has_errors && (table->key == TENSOR_SQNR || table->key == TENSOR_ERROR));
    table->turned = false;
    table->stale = true;
    table->scroll.cursor = 0;
    tensor_table_fit(table);
}

void tensor_table_turn(struct tensor_table *table)
{
    table->turned = !table->turned;
    table->stale = true;
    table->scroll.cursor = 0;
    tensor_table_fit(table);
}

static void put_order(const struct tensor_table *table, struct buf *buf)
{
    if (table->key == TENSOR_FILE_ORDER) {
        buf_text(buf, table->turned ? "  last first" : "");
        return;
    }
    bool text = table->key == TENSOR_NAME || table->key == TENSOR_DTYPE || table->key == TENSOR_OP;
    bool down = columns[table->key].descending != table->turned;
    buf_printf(buf, "  by %s, %s first", columns[table->key].title,
               text   ? (down ? "z" : "a")
               : down ? "most"
                      : "least");
}

void tensor_table_sum(const struct tensor_table *table, struct buf *buf)
{
    char number[NUMBER_ROOM];
    int64_t bytes = 0, elements = 0, counted = 0, zeros = 0;
    for (size_t i = 0; i < table->shown_count; i++) {
        const struct tensor_row *row = &table->rows[table->shown[i]];
        bytes += row->size_bytes;
        elements += row->element_count;
        counted += row->zero_count >= 0 ? row->element_count : 0;
        zeros += MAX(row->zero_count, 0);
    }
    number_count(table->shown_count, number);
    buf_printf(buf, "%s", number);
    if (table->shown_count < table->count) {
        number_count(table->count, number);
        buf_printf(buf, " of %s", number);
    }
    number_count((size_t)MAX(elements, 0), number);
    buf_printf(buf, " tensor%s  %s values", table->count == 1 ? "" : "s", number);
    number_size((double)bytes, number);
    buf_printf(buf, "  %s", number);
    if (counted > 0)
        buf_printf(buf, "  %.1f %% zeros", 100 * share_of(zeros, counted));
    put_order(table, buf);
}

/* ---- drawing ---- */

/* What gives way first where the screen is narrow. */
static const enum tensor_column narrowing[] = { TENSOR_OP,   TENSOR_ERROR, TENSOR_SHAPE,
                                                TENSOR_SQNR, TENSOR_DTYPE, TENSOR_ZEROS };

static void fit_columns(const struct tensor_table *table, int room, int width[TENSOR_COLUMN_COUNT])
{
    int used = 2;
    for (int i = 1; i < TENSOR_COLUMN_COUNT; i++) {
        bool absent = !table->has_errors && (i == TENSOR_SQNR || i == TENSOR_ERROR);
        width[i] = absent ? 0 : columns[i].width;
        used += width[i] ? width[i] + 1 : 0;
    }
    int wanted = MIN(MAX(table->widest, 6), NAME_WANTED);
    for (size_t i = 0; i < ARRAY_SIZE(narrowing); i++) {
        int *each = &width[narrowing[i]];
        int least = i < 2 ? wanted : NAME_MIN;
        if (room - used < least && *each) {
            used -= *each + 1;
            *each = 0;
        }
    }
    width[TENSOR_NAME] = MAX(1, MIN(room - used, MAX(table->widest, 6)));
}

static void put_zeros(const struct tensor_row *row, char to[CELL_ROOM])
{
    double share = share_of(row->zero_count, row->element_count);
    to[0] = '\0';
    if (isnan(share))
        snprintf(to, CELL_ROOM, "%s", row->zero_count == UNKNOWN_YET ? "..." : "");
    else if (row->zero_count > 0 && share < 0.0005)
        snprintf(to, CELL_ROOM, "<0.1 %%");
    else
        snprintf(to, CELL_ROOM, "%.1f %%", 100 * share);
}

static void put_cell(const struct tensor_row *row, int column, char to[CELL_ROOM])
{
    char number[NUMBER_ROOM];
    to[0] = '\0';
    switch (column) {
    case TENSOR_SIZE:
        number_size((double)row->size_bytes, number);
        snprintf(to, CELL_ROOM, "%s", number);
        break;
    case TENSOR_ZEROS:
        put_zeros(row, to);
        break;
    case TENSOR_SQNR:
        if (isinf(row->sqnr_db))
            snprintf(to, CELL_ROOM, "exact");
        else if (!isnan(row->sqnr_db))
            snprintf(to, CELL_ROOM, "%.1f", row->sqnr_db);
        break;
    case TENSOR_ERROR:
        if (!isnan(row->max_error))
            snprintf(to, CELL_ROOM, "%.3g", row->max_error);
        break;
    }
}

static const char *text_of(const struct tensor_row *row, int column, char room[CELL_ROOM])
{
    switch (column) {
    case TENSOR_NAME:
        return row->name;
    case TENSOR_DTYPE:
        return row->dtype;
    case TENSOR_SHAPE:
        return row->shape;
    case TENSOR_OP:
        return row->op;
    default:
        put_cell(row, column, room);
        return room;
    }
}

static void draw_cells(struct canvas *canvas, int line, const int width[TENSOR_COLUMN_COUNT],
                       const char *const texts[TENSOR_COLUMN_COUNT],
                       const int roles[TENSOR_COLUMN_COUNT])
{
    int at = 1;
    for (int i = 0; i < TENSOR_COLUMN_COUNT; i++) {
        if (width[i] == 0)
            continue;
        if (columns[i].right)
            canvas_right(canvas, line, at, width[i], roles[i], texts[i]);
        else
            canvas_text(canvas, line, at, width[i], roles[i], texts[i]);
        at += width[i] + 1;
    }
}

static void draw_titles(const struct tensor_table *table, struct canvas *canvas, int line,
                        const int width[TENSOR_COLUMN_COUNT])
{
    const char *texts[TENSOR_COLUMN_COUNT];
    int roles[TENSOR_COLUMN_COUNT];
    for (int i = 0; i < TENSOR_COLUMN_COUNT; i++) {
        texts[i] = columns[i].title;
        roles[i] = (int)table->key == i ? ROLE_TITLE : ROLE_DIM;
    }
    draw_cells(canvas, line, width, texts, roles);
}

static void draw_row(const struct tensor_row *row, struct canvas *canvas, int line,
                     const int width[TENSOR_COLUMN_COUNT])
{
    static const int roles[TENSOR_COLUMN_COUNT] = {
        [TENSOR_DTYPE] = ROLE_DIM, [TENSOR_SHAPE] = ROLE_DIM, [TENSOR_OP] = ROLE_DIM
    };
    const char *texts[TENSOR_COLUMN_COUNT];
    char cells[TENSOR_COLUMN_COUNT][CELL_ROOM];
    for (int i = 0; i < TENSOR_COLUMN_COUNT; i++)
        texts[i] = text_of(row, i, cells[i]);
    draw_cells(canvas, line, width, texts, roles);
}

void tensor_table_draw(struct tensor_table *table, struct canvas *canvas, struct view_area area)
{
    int width[TENSOR_COLUMN_COUNT];
    if (area.height < 1)
        return;
    fit_columns(table, canvas->columns, width);
    draw_titles(table, canvas, area.top, width);
    scroll_fit(&table->scroll, table->shown_count, area.height - 1);
    for (int i = 0; i + 1 < area.height && table->scroll.top + (size_t)i < table->shown_count;
         i++) {
        size_t at = table->scroll.top + (size_t)i;
        draw_row(&table->rows[table->shown[at]], canvas, area.top + 1 + i, width);
        if (at == table->scroll.cursor)
            canvas_select(canvas, area.top + 1 + i);
    }
    canvas_cursor(canvas, area.top + 1 + (int)(table->scroll.cursor - table->scroll.top), 0);
}
