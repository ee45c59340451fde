/* SPDX-License-Identifier: MIT */
#include "tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

enum { TEXT_MAX = 2048 };

static const wchar_t substitute = L'\xFFFD';

bool canvas_resize(struct canvas *canvas, int rows, int columns, struct pare_error *err)
{
    rows = MAX(1, MIN(rows, CANVAS_SIDE_MAX));
    columns = MAX(1, MIN(columns, CANVAS_SIDE_MAX));
    size_t count = (size_t)rows * (size_t)columns;
    struct cell *cells = calloc(count, sizeof(*cells));
    if (!cells)
        return error_no_memory(err, count * sizeof(*cells));
    free(canvas->cells);
    canvas->cells = cells;
    canvas->rows = rows;
    canvas->columns = columns;
    canvas_clear(canvas);
    return true;
}

void canvas_done(struct canvas *canvas)
{
    free(canvas->cells);
    *canvas = (struct canvas){ 0 };
}

void canvas_clear(struct canvas *canvas)
{
    size_t count = (size_t)canvas->rows * (size_t)canvas->columns;
    for (size_t i = 0; i < count; i++)
        canvas->cells[i] = (struct cell){ .text = L" ", .columns = 1 };
    canvas->cursor_row = canvas->cursor_column = 0;
}

static struct cell *cell_at(struct canvas *canvas, int row, int column)
{
    return &canvas->cells[(size_t)row * (size_t)canvas->columns + (size_t)column];
}

/* A write over one half of a wide character leaves a blank in the other. */
static void free_place(struct canvas *canvas, int row, int column)
{
    struct cell *cell = cell_at(canvas, row, column);
    if (cell->columns == 0 && column > 0)
        *cell_at(canvas, row, column - 1) = (struct cell){ L" ", cell->role, 1 };
    if (cell->columns == 2 && column + 1 < canvas->columns)
        *cell_at(canvas, row, column + 1) = (struct cell){ L" ", cell->role, 1 };
}

static void put(struct canvas *canvas, int row, int column, int role, const wchar_t *text,
                int columns)
{
    for (int i = 0; i < columns; i++)
        free_place(canvas, row, column + i);
    struct cell *cell = cell_at(canvas, row, column);
    *cell = (struct cell){ .role = (uint8_t)role, .columns = (uint8_t)columns };
    wmemcpy(cell->text, text, wcsnlen(text, CELL_CHARACTERS));
    if (columns == 2)
        *cell_at(canvas, row, column + 1) = (struct cell){ .role = (uint8_t)role };
}

static size_t decode(const char *bytes, size_t length, wchar_t *ret_character)
{
    unsigned char lead = (unsigned char)bytes[0];
    size_t count = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    unsigned code = count == 1 ? lead : lead & (0x7Fu >> count);
    for (size_t i = 1; i < count && i < length; i++)
        code = code << 6 | ((unsigned char)bytes[i] & 0x3F);
    *ret_character = (wchar_t)code;
    return MIN(count, length);
}

/*
 * A cluster as cells show it: its first character and the marks that combine with it, as far as the
 * C library and so curses and most terminals agree on the width. Joined emoji show their first.
 */
static void characters(const struct canvas *canvas, const char *cluster, size_t length, int columns,
                       wchar_t *to)
{
    int used = 0;
    wchar_t c;
    size_t step = decode(cluster, length, &c);
    int width = wcwidth(c);
    memset(to, 0, (CELL_CHARACTERS + 1) * sizeof(*to));
    bool ascii = canvas->ascii && !canvas->letters;
    if (ascii && c > 0x7E)
        c = L'?';
    else if (width < 1 || width > columns)
        c = substitute;
    to[used++] = c;
    for (size_t at = step; at < length && used < CELL_CHARACTERS && !ascii; at += step) {
        step = decode(cluster + at, length - at, &c);
        bool joins = c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F) || c >= 0xE0000;
        if (joins || wcwidth(c) != 0)
            break;
        to[used++] = c;
    }
}

static int put_clean(struct canvas *canvas, int row, int column, int columns, int role,
                     const char *text, size_t length)
{
    int used = 0, width;
    for (size_t step; (step = text_cluster(text, length, &width)) > 0;
         text += step, length -= step) {
        wchar_t shown[CELL_CHARACTERS + 1];
        if (width == 0)
            continue;
        if (used + width > columns)
            break;
        characters(canvas, text, step, width, shown);
        /* What is narrower than its cluster (or was replaced) is followed by a blank. */
        int own = wcwidth(shown[0]) == width ? width : 1;
        put(canvas, row, column + used, role, shown, own);
        if (own < width)
            put(canvas, row, column + used + 1, role, L" ", 1);
        used += width;
    }
    return used;
}

/* Clean and cut to the canvas; the width of all of it in *ret_width. */
static const char *admit(const char *text, char *clean, int *ret_width)
{
    size_t length = text ? strlen(text) : 0;
    if (length >= TEXT_MAX || !text_is_clean(text ? text : "", length)) {
        text_clean(text, length, clean, TEXT_MAX);
        text = clean;
    }
    text = text ? text : "";
    *ret_width = text_width(text);
    return text;
}

int canvas_text(struct canvas *canvas, int row, int column, int columns, int role, const char *text)
{
    char clean[TEXT_MAX];
    int width;
    columns = MIN(columns, canvas->columns - column);
    if (row < 0 || row >= canvas->rows || column < 0 || columns <= 0)
        return 0;
    text = admit(text, clean, &width);
    if (width <= columns)
        return put_clean(canvas, row, column, columns, role, text, strlen(text));
    int used = put_clean(canvas, row, column, columns - 1, role, text, strlen(text));
    put(canvas, row, column + used, role, canvas->ascii ? L"~" : L"\x2026", 1);
    return used + 1;
}

void canvas_right(struct canvas *canvas, int row, int column, int columns, int role,
                  const char *text)
{
    char clean[TEXT_MAX];
    int width;
    text = admit(text, clean, &width);
    int blanks = MAX(0, columns - width);
    canvas_text(canvas, row, column + blanks, columns - blanks, role, text);
}

int canvas_printf(struct canvas *canvas, int row, int column, int columns, int role,
                  const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return canvas_text(canvas, row, column, columns, role, text);
}

int canvas_wrap(struct canvas *canvas, int row, int column, int columns, int rows, int role,
                const char *text)
{
    char clean[TEXT_MAX], line[TEXT_MAX];
    int width, used = 0;
    columns = MIN(columns, canvas->columns - column);
    if (columns <= 0)
        return 0;
    text = admit(text, clean, &width);
    for (; *text && used < rows; used++) {
        size_t length = used + 1 < rows ? text_line(text, columns) : strlen(text);
        snprintf(line, sizeof(line), "%.*s", (int)length, text);
        canvas_text(canvas, row + used, column, columns, role, line);
        text += length + (text[length] == ' ');
    }
    return used;
}

void canvas_fill(struct canvas *canvas, int row, int column, int columns, int role, char with)
{
    wchar_t text[2] = { (wchar_t)(unsigned char)with, 0 };
    if (row < 0 || row >= canvas->rows)
        return;
    for (int i = MAX(0, column); i < MIN(column + columns, canvas->columns); i++)
        put(canvas, row, i, role, text, 1);
}

void canvas_rule(struct canvas *canvas, int row)
{
    for (int i = 0; row >= 0 && row < canvas->rows && i < canvas->columns; i++)
        put(canvas, row, i, ROLE_DIM, canvas->ascii ? L"-" : L"\x2500", 1);
}

void canvas_mark(struct canvas *canvas, int row, int column, int columns, int role)
{
    if (row < 0 || row >= canvas->rows)
        return;
    for (int i = MAX(0, column); i < MIN(column + columns, canvas->columns); i++)
        cell_at(canvas, row, i)->role = (uint8_t)role;
}

void canvas_select(struct canvas *canvas, int row)
{
    for (int i = 0; row >= 0 && row < canvas->rows && i < canvas->columns; i++)
        cell_at(canvas, row, i)->role |= CELL_SELECTED;
}

void canvas_dim(struct canvas *canvas, int row)
{
    for (int i = 0; row >= 0 && row < canvas->rows && i < canvas->columns; i++)
        cell_at(canvas, row, i)->role = ROLE_DIM;
}

void canvas_cursor(struct canvas *canvas, int row, int column)
{
    canvas->cursor_row = MAX(0, MIN(row, canvas->rows - 1));
    canvas->cursor_column = MAX(0, MIN(column, canvas->columns - 1));
}

/* ---- back to text ---- */

static void put_utf8(struct buf *to, unsigned code)
{
    if (code < 0x80) {
        buf_char(to, (char)code);
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    unsigned lead = (0xFFu << (7 - more)) & 0xFF;
    buf_char(to, (char)(lead | code >> (6 * more)));
    while (more-- > 0)
        buf_char(to, (char)(0x80 | (code >> (6 * more) & 0x3F)));
}

static bool is_blank(const struct cell *cell)
{
    return cell->columns == 1 && !wcscmp(cell->text, L" ");
}

void canvas_row(const struct canvas *canvas, int row, struct buf *to)
{
    const struct cell *cells = &canvas->cells[(size_t)row * (size_t)canvas->columns];
    int end = canvas->columns;
    while (end > 0 && is_blank(&cells[end - 1]))
        end--;
    for (int i = 0; i < end; i++)
        for (const wchar_t *c = cells[i].text; *c; c++)
            put_utf8(to, (unsigned)*c);
}

bool canvas_is_selected(const struct canvas *canvas, int row)
{
    return canvas->cells[(size_t)row * (size_t)canvas->columns].role & CELL_SELECTED;
}
