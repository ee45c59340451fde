/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/canvas.h"
#include "tui/number.h"
#include "tui/outline.h"

enum { SPAN_MAX = 2048 };

static void draw_span(struct canvas *canvas, int row, int column, int columns, int role,
                      const char *text, size_t length)
{
    char span[SPAN_MAX];
    length = MIN(length, sizeof(span) - 1);
    memcpy(span, text ? text : "", text ? length : 0);
    span[text ? length : 0] = '\0';
    for (char *zero = span; (zero = memchr(zero, '\0', (size_t)(span + length - zero)));)
        *zero = '\1'; /* as hostile as any, and shown as any */
    canvas_text(canvas, row, column, columns, role, span);
}

static void draw_mark(struct canvas *canvas, int row, int column, const struct outline_row *r)
{
    if (r->kind == OUTLINE_NODE && r->open)
        canvas_text(canvas, row, column, 1, ROLE_KEY, canvas->ascii ? "-" : "\u25be");
    else if (r->kind == OUTLINE_NODE)
        canvas_text(canvas, row, column, 1, ROLE_KEY, canvas->ascii ? "+" : "\u25b8");
    else if (r->id)
        canvas_text(canvas, row, column, 1, ROLE_KEY, canvas->ascii ? ">" : "\u2192");
}

static void draw_value(struct canvas *canvas, int row, int column, const struct outline_row *r)
{
    int columns = canvas->columns - column - 1;
    if (r->kind != OUTLINE_NODE) {
        draw_span(canvas, row, column, columns, r->role, r->text, r->text_length);
        return;
    }
    if (r->summary)
        canvas_text(canvas, row, column, columns, ROLE_PLAIN, r->summary);
    else if (!r->open)
        draw_span(canvas, row, column, columns, ROLE_DIM, r->text, r->text_length);
}

static void draw_row(struct canvas *canvas, int row, const struct outline_row *r, int values)
{
    char size[NUMBER_ROOM];
    int indent = MIN(2 * r->depth, canvas->columns / 4), at = 3 + indent;
    switch (r->kind) {
    case OUTLINE_BLANK:
        return;
    case OUTLINE_HEADING:
        canvas_text(canvas, row, 1, canvas->columns - 2, ROLE_TITLE, r->label);
        return;
    case OUTLINE_CUT:
        number_size((double)r->number, size);
        canvas_printf(canvas, row, 3, canvas->columns - 4, ROLE_WARNING,
                      "cut here: all of %s is %s, pare show --format json prints it", r->label,
                      size);
        return;
    case OUTLINE_PIECE:
        draw_span(canvas, row, 5, canvas->columns - 6, r->role, r->text, r->text_length);
        return;
    case OUTLINE_MORE:
        number_size((double)r->text_length, size);
        canvas_printf(canvas, row, at, canvas->columns - at - 1, r->role,
                      "more, %s: Enter shows the next %d", size, OUTLINE_PAGE);
        return;
    default:
        break;
    }
    draw_mark(canvas, row, 1 + indent, r);
    if (r->label)
        draw_span(canvas, row, at, values - at - 1, r->role == ROLE_TITLE ? ROLE_TITLE : ROLE_DIM,
                  r->label, r->label_length);
    else
        canvas_printf(canvas, row, at, values - at - 1, ROLE_DIM, "%zu", r->number);
    draw_value(canvas, row, values, r);
}

/* What was cut for another width is cut anew. */
static void fit_pieces(struct outline *o, int columns)
{
    size_t cursor = o->scroll.cursor;
    if (o->columns == columns)
        return;
    o->columns = columns;
    for (size_t i = 0; i < o->count; i++) {
        struct outline_row *row = &o->rows[i];
        if (!row->open || row->kind == OUTLINE_NODE)
            continue;
        o->scroll.cursor = i;
        if (outline_fold(o))
            outline_unfold(o);
    }
    o->scroll.cursor = MIN(cursor, o->count ? o->count - 1 : 0);
}

void outline_draw(struct outline *o, struct canvas *canvas, struct view_area area)
{
    struct scroll *scroll = &o->scroll;
    o->values = 5 + MIN(o->widest, MAX(canvas->columns * 2 / 5 - 5, 4));
    fit_pieces(o, canvas->columns);
    scroll_fit(scroll, o->count, area.height);
    for (int i = 0; i < area.height && scroll->top + (size_t)i < o->count; i++) {
        size_t at = scroll->top + (size_t)i;
        draw_row(canvas, area.top + i, &o->rows[at], o->values);
        if (at == scroll->cursor)
            canvas_select(canvas, area.top + i);
    }
    canvas_cursor(canvas, area.top + (int)(scroll->cursor - scroll->top), 0);
}
