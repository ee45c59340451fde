/* SPDX-License-Identifier: MIT */
#include "tui/view/compare_table.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

enum {
    LABEL_LEAST = 4,
    LABEL_MIN = 9,
    LABEL_MAX = 30,
    VALUE_MIN = 5,
    VALUE_MAX = 9,
    CHANGE_MIN = 4,
    CHANGE_MAX = 7,
    WORD = 6, /* "better" */
    BASE_WORD = 5,
    BAR_MIN = 4,
    BAR_MAX = 24,
    EIGHTHS = 8,
};

/* ---- widths ---- */

static int base_width(const struct compare_table *table)
{
    return table->value + (table->base_word ? BASE_WORD : 0);
}

static int cell_width(const struct compare_table *table)
{
    return table->value + 1 + table->change + 1 + WORD;
}

static int total_width(const struct compare_table *table)
{
    return 1 + table->label + 1 + base_width(table) +
           (int)(table->column_count - 1) * (1 + cell_width(table));
}

static void measure(struct compare_table *table, const struct comparison *c)
{
    char text[COMPARISON_TEXT_ROOM];
    *table = (struct compare_table){ .label = LABEL_MIN, .value = VALUE_MIN, .change = CHANGE_MIN };
    for (size_t i = 0; i < c->row_count; i++) {
        const struct comparison_row *row = &c->rows[i];
        table->label = MAX(table->label, MIN(text_width(row->label), LABEL_MAX));
        for (size_t side = 0; row->kind == COMPARISON_NUMBER && side < c->count; side++) {
            comparison_value(row, &row->cells[side], text);
            table->value = MAX(table->value, MIN(text_width(text), VALUE_MAX));
            comparison_change(row, &row->cells[side], true, text);
            table->change = MAX(table->change, MIN(text_width(text), CHANGE_MAX));
        }
    }
}

/* The baseline, then as many as there is room for, so that the cursor's is among them. */
static void choose_columns(struct compare_table *table, const struct comparison *c, size_t cursor)
{
    size_t others = table->column_count - 1, seen = 0, place = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (i == c->baseline)
            continue;
        if (i == cursor)
            place = seen;
        seen++;
    }
    size_t from = place >= others ? place - others + 1 : 0;
    seen = 0;
    table->column_count = 0;
    table->columns[table->column_count++] = c->baseline;
    for (size_t i = 0; i < c->count; i++) {
        if (i == c->baseline)
            continue;
        if (seen >= from && seen < from + others)
            table->columns[table->column_count++] = i;
        seen++;
    }
}

void compare_table_fit(struct compare_table *table, const struct comparison *c, int room,
                       size_t cursor)
{
    measure(table, c);
    table->column_count = c->count;
    table->base_word = true;
    if (total_width(table) > room)
        table->base_word = false; /* where it is the best, all others are called worse */
    if (total_width(table) > room)
        table->label = MAX(LABEL_MIN, table->label - (total_width(table) - room));
    while (total_width(table) > room && table->column_count > 2)
        table->column_count--;
    if (total_width(table) > room)
        table->label = MAX(LABEL_LEAST, table->label - (total_width(table) - room));
    int left = room - total_width(table), wide = (int)table->column_count;
    table->bar = left / wide > BAR_MIN + 1 ? MIN(left / wide - 1, BAR_MAX) : 0;
    choose_columns(table, c, cursor);
}

/* Where a shown column begins and how wide it is without its bar. */
static int column_at(const struct compare_table *table, size_t shown, int *ret_width)
{
    int bar = table->bar ? table->bar + 1 : 0, at = 1 + table->label + 1;
    *ret_width = shown == 0 ? base_width(table) : cell_width(table);
    if (shown > 0)
        at += base_width(table) + bar + 1 + (int)(shown - 1) * (cell_width(table) + bar + 1);
    return at;
}

/* ---- titles ---- */

static bool same_model(const struct comparison *c)
{
    for (size_t i = 1; i < c->count; i++)
        if (strcmp(c->sides[i].version.raw_name, c->sides[0].version.raw_name) != 0)
            return false;
    return true;
}

void compare_table_titles(const struct compare_table *table, const struct comparison *c,
                          struct canvas *canvas, int line, size_t cursor)
{
    bool same = same_model(c);
    for (size_t i = 0; i < table->column_count; i++) {
        int width, at = column_at(table, i, &width);
        size_t side = table->columns[i];
        const struct version *version = &c->sides[side].version;
        const char *star = !version->is_default ? "" : canvas->ascii ? " *" : " \u2605";
        width += table->bar ? table->bar + 1 : 0;
        if (i == 0) { /* above the labels is room for a name that is longer than the column */
            width += at - 1;
            at = 1;
        }
        canvas_text(canvas, line, at - 1, 1, ROLE_KEY, side == cursor ? ">" : " ");
        canvas_printf(canvas, line, at, width, side == cursor ? ROLE_KEY : ROLE_TITLE,
                      "%c%s %s%s%s", (char)('A' + side), star, same ? "" : version->name,
                      same ? "" : ":", version->version);
    }
}

/* ---- rows ---- */

static int role_of(const struct comparison_cell *cell)
{
    switch (cell->verdict) {
    case COMPARISON_BETTER:
        return ROLE_BETTER;
    case COMPARISON_WORSE:
        return ROLE_WORSE;
    case COMPARISON_DIFFERS:
    case COMPARISON_OPEN:
        return ROLE_PLAIN;
    default:
        return ROLE_DIM;
    }
}

/* Lengths of bars are compared by the eye: those of other tests have none. */
static bool has_bar(const struct comparison *c, const struct comparison_row *row, size_t side)
{
    const struct comparison_cell *cell = &row->cells[side];
    bool alike = row->unit == COMPARISON_BYTES || c->in_test[side];
    return !isnan(cell->number) && cell->verdict != COMPARISON_UNLIKE && alike;
}

/* The longest bar's number; 0: there are no bars. */
static double bar_scale(const struct comparison *c, const struct comparison_row *row)
{
    double most = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct comparison_cell *cell = &row->cells[i];
        if (!has_bar(c, row, i))
            continue;
        if (cell->number < 0)
            return 0;
        most = fmax(most, cell->number);
    }
    return row->kind == COMPARISON_NUMBER ? most : 0;
}

static void draw_bar(struct canvas *canvas, int line, int column, int width, int role, double share)
{
    static const char *const parts[EIGHTHS] = { "",       "\u258F", "\u258E", "\u258D",
                                                "\u258C", "\u258B", "\u258A", "\u2589" };
    int eighths = (int)lround(share * width * EIGHTHS);
    if (canvas->ascii)
        eighths = (int)lround(share * width) * EIGHTHS;
    for (int i = 0; i < eighths / EIGHTHS; i++)
        canvas_text(canvas, line, column + i, 1, role, canvas->ascii ? "#" : "\u2588");
    if (eighths % EIGHTHS)
        canvas_text(canvas, line, column + eighths / EIGHTHS, 1, role, parts[eighths % EIGHTHS]);
}

static void draw_number(const struct compare_table *table, struct canvas *canvas, int line, int at,
                        bool base, const struct comparison_row *row,
                        const struct comparison_cell *cell)
{
    char text[COMPARISON_TEXT_ROOM];
    const char *word = comparison_verdict_word(cell);
    comparison_value(row, cell, text);
    canvas_right(canvas, line, at, table->value,
                 isnan(cell->number) ? ROLE_DIM
                 : cell->best        ? ROLE_STRONG
                                     : ROLE_PLAIN,
                 text);
    if (base) {
        if (table->base_word)
            canvas_text(canvas, line, at + table->value + 1, BASE_WORD - 1, ROLE_BETTER, word);
        return;
    }
    comparison_change(row, cell, true, text);
    int role = cell->best ? ROLE_BETTER : role_of(cell), next = at + table->value + 1;
    canvas_right(canvas, line, next, table->change, role_of(cell), text);
    canvas_text(canvas, line, next + table->change + 1, WORD, role, word);
}

static void draw_cell(const struct compare_table *table, const struct comparison *c,
                      struct canvas *canvas, int line, size_t shown,
                      const struct comparison_row *row)
{
    char text[COMPARISON_TEXT_ROOM];
    int width, at = column_at(table, shown, &width);
    size_t side = table->columns[shown];
    const struct comparison_cell *cell = &row->cells[side];
    const char *base_word = row->cells[c->baseline].word;
    double scale = table->bar ? bar_scale(c, row) : 0;
    if (row->kind == COMPARISON_NUMBER) {
        draw_number(table, canvas, line, at, side == c->baseline, row, cell);
    } else if (row->kind == COMPARISON_WORD) {
        bool same = cell->word && base_word && !strcmp(cell->word, base_word);
        canvas_text(canvas, line, at, width + (table->bar ? table->bar : 0),
                    same && side != c->baseline ? ROLE_DIM : ROLE_PLAIN,
                    cell->word ? cell->word : "-");
    } else if (side != c->baseline) {
        comparison_value(row, cell, text);
        canvas_right(canvas, line, at, width - WORD / 2, ROLE_DIM, text);
    }
    if (scale > 0 && has_bar(c, row, side))
        draw_bar(canvas, line, at + width + 1, table->bar,
                 side == c->baseline ? ROLE_DIM : role_of(cell), cell->number / scale);
}

void compare_table_row(const struct compare_table *table, const struct comparison *c,
                       struct canvas *canvas, int line, const struct comparison_row *row)
{
    canvas_text(canvas, line, 1, table->label, ROLE_DIM, row->label);
    for (size_t i = 0; i < table->column_count; i++)
        draw_cell(table, c, canvas, line, i, row);
}

/* ---- a cell in a sentence ---- */

static const char *verdict_words(const struct comparison_cell *cell)
{
    switch (cell->verdict) {
    case COMPARISON_SAME:
        return "the same as";
    case COMPARISON_BETTER:
        return "better than";
    case COMPARISON_WORSE:
        return "worse than";
    case COMPARISON_DIFFERS:
        return "different from";
    case COMPARISON_OPEN:
        return "not shown to differ from";
    default:
        return "not measured as";
    }
}

void compare_table_words(const struct comparison *c, const struct comparison_row *row, size_t side,
                         struct buf *buf)
{
    const struct comparison_cell *cell = &row->cells[side];
    char value[COMPARISON_TEXT_ROOM], change[COMPARISON_TEXT_ROOM], from[COMPARISON_TEXT_ROOM];
    const char *label = row->label + (row->label[0] == ' ');
    comparison_value(row, cell, value);
    comparison_change(row, cell, false, change);
    comparison_from(c, row, cell, from);
    buf_printf(buf, "%c %s  %s ", (char)('A' + side), c->sides[side].version.version, label);
    if (row->kind == COMPARISON_WORD)
        buf_text(buf, cell->word ? cell->word : "is missing");
    else
        buf_text(buf, !strcmp(value, "-") ? "is missing" : value);
    if (row->kind != COMPARISON_NUMBER || side == c->baseline || isnan(cell->number))
        return;
    if (cell->verdict == COMPARISON_UNLIKE || cell->verdict == COMPARISON_SAME)
        change[0] = '\0';
    if (cell->verdict != COMPARISON_NONE)
        buf_printf(buf, "%s%s%s%s, %s %c", *change ? ", " : "", change, *from ? " " : "", from,
                   verdict_words(cell), (char)('A' + c->baseline));
    if (cell->best)
        buf_text(buf, ", best of all");
}
