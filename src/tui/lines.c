/* SPDX-License-Identifier: MIT */
#include "tui/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "tui/canvas.h"
#include "tui/scroll.h"

enum { LABEL_MAX = 34, VALUE_MAX = 1000, LINES_MAX = 20000, CLEAN_MAX = 4096 };

void lines_done(struct lines *lines)
{
    arena_done(&lines->arena);
    free(lines->list);
    *lines = (struct lines){ 0 };
}

static void add(struct lines *lines, struct line line)
{
    if (lines->count == lines->room) {
        size_t room = lines->room ? 2 * lines->room : 64;
        struct line *list = room <= LINES_MAX ? realloc(lines->list, room * sizeof(*list)) : NULL;
        if (!list)
            return;
        lines->list = list;
        lines->room = room;
    }
    lines->list[lines->count++] = line;
    if (line.value)
        lines->widest = MAX(lines->widest, MIN(text_width(line.label), LABEL_MAX));
}

void lines_add(struct lines *lines, int role, const char *label, const char *value)
{
    struct line line = { .role = role };
    if (!value || !*value)
        return;
    line.label = text_clean_dup(&lines->arena, label);
    line.value = text_clean_dup(&lines->arena, value);
    if (line.label && line.value)
        add(lines, line);
}

void lines_printf(struct lines *lines, int role, const char *label, const char *fmt, ...)
{
    char text[VALUE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    lines_add(lines, role, label, text);
}

void lines_heading(struct lines *lines, const char *text)
{
    if (lines->count > 0)
        add(lines, (struct line){ .label = "" });
    add(lines, (struct line){ .label = arena_strdup(&lines->arena, text) });
}

struct leaves {
    struct lines *lines;
    const char *root;
};

static bool put_leaf(void *data, const char *path, const char *text, size_t length)
{
    struct leaves *leaves = data;
    char label[VALUE_MAX], value[VALUE_MAX];
    snprintf(label, sizeof(label), "%s%s%s", leaves->root, *path && *leaves->root ? "." : "", path);
    snprintf(value, sizeof(value), "%.*s%s", (int)MIN(length, VALUE_MAX - 8), text,
             length > VALUE_MAX - 8 ? "..." : "");
    lines_add(leaves->lines, ROLE_PLAIN, label, value);
    return leaves->lines->count < LINES_MAX / 2;
}

void lines_json(struct lines *lines, const char *root, const char *json)
{
    struct leaves leaves = { lines, root };
    struct pare_error ignored;
    if (json && !json_walk(json, strlen(json), put_leaf, &leaves, &ignored))
        lines_add(lines, ROLE_ERROR, root, "cannot be shown");
}

/* ---- drawing ---- */

static int label_width(const struct lines *lines, int columns)
{
    return MIN(lines->widest, columns / 2 - 3);
}

/* Each line is asked again only when something has changed. */
size_t lines_rows(struct lines *lines, int columns)
{
    int room = MAX(1, columns - label_width(lines, columns) - 6);
    if (lines->fitted_columns == columns && lines->fitted_count == lines->count)
        return lines->rows;
    lines->fitted_columns = columns;
    lines->fitted_count = lines->count;
    lines->rows = 0;
    for (size_t i = 0; i < lines->count; i++) {
        struct line *line = &lines->list[i];
        line->rows = line->value ? text_lines(line->value, room) : 1;
        lines->rows += (size_t)line->rows;
    }
    return lines->rows;
}

/* The rows of the value from `skip` on, as many as there is room for. */
static int draw_value(const struct line *line, int skip, struct canvas *canvas, int row, int column,
                      int room)
{
    const char *text = line->value;
    int columns = MAX(1, canvas->columns - column - 1), count = MIN(line->rows - skip, room);
    for (int i = 0; i < skip + count; i++) {
        char part[CLEAN_MAX];
        size_t length = text_line(text, columns);
        snprintf(part, sizeof(part), "%.*s", (int)length, text);
        if (i >= skip)
            canvas_text(canvas, row + i - skip, column, columns, line->role, part);
        text += length + (text[length] == ' ');
    }
    return count;
}

void lines_draw(struct lines *lines, struct scroll *scroll, struct canvas *canvas,
                struct view_area area)
{
    int label = label_width(lines, canvas->columns), row = 0;
    scroll->cursor = scroll->top;
    scroll_fit(scroll, lines_rows(lines, canvas->columns), area.height);
    scroll->cursor = scroll->top;
    size_t skip = scroll->top, at = 0;
    for (; at < lines->count && skip >= (size_t)lines->list[at].rows; at++)
        skip -= (size_t)lines->list[at].rows;
    for (; row < area.height && at < lines->count; at++, skip = 0) {
        const struct line *line = &lines->list[at];
        int place = area.top + row;
        canvas_text(canvas, place, line->value ? 3 : 1, line->value ? label : canvas->columns - 2,
                    line->value ? ROLE_DIM : ROLE_TITLE, skip ? "" : line->label);
        row += line->value
                   ? draw_value(line, (int)skip, canvas, place, label + 5, area.height - row)
                   : 1;
    }
    canvas_cursor(canvas, area.top, 0);
}
