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

enum { LABEL_MAX = 34, VALUE_MAX = 1000, LINES_MAX = 20000 };

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

void lines_draw(const struct lines *lines, struct scroll *scroll, struct canvas *canvas,
                struct view_area area)
{
    int label = MIN(lines->widest, canvas->columns / 2 - 3);
    scroll->cursor = scroll->top;
    scroll_fit(scroll, lines->count, area.height);
    scroll->cursor = scroll->top;
    for (int i = 0; i < area.height && scroll->top + (size_t)i < lines->count; i++) {
        const struct line *line = &lines->list[scroll->top + (size_t)i];
        if (!line->value) {
            canvas_text(canvas, area.top + i, 1, canvas->columns - 2, ROLE_TITLE, line->label);
            continue;
        }
        canvas_text(canvas, area.top + i, 3, label, ROLE_DIM, line->label);
        canvas_text(canvas, area.top + i, label + 5, canvas->columns - label - 6, line->role,
                    line->value);
    }
    canvas_cursor(canvas, area.top, 0);
}
