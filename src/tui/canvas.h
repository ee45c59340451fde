/* SPDX-License-Identifier: MIT */
/*
 * A frame in memory: cells that views write and term.c shows.
 *
 * The only way for text onto the screen, and so the place where it is cleaned: whatever
 * comes in, a cell holds printable characters only, a wide one is never split, and where
 * the terminal speaks ASCII nothing else comes out. Writes outside are cut off.
 */
#ifndef PARE_TUI_CANVAS_H
#define PARE_TUI_CANVAS_H

#include <wchar.h>

#include "base/base.h"
#include "tui/theme.h"

struct buf;
struct pare_error;

enum { CELL_CHARACTERS = 4, CANVAS_SIDE_MAX = 2000 };

struct cell {
    wchar_t
        text[CELL_CHARACTERS + 1]; /* a character and what combines with it; "" behind a wide one */
    uint8_t role;                  /* enum theme_role, perhaps with CELL_SELECTED */
    uint8_t columns;               /* 1 or 2; 0 for the second half of a wide one */
};

struct canvas {
    int rows, columns;
    bool ascii;                    /* drawn with ASCII alone, */
    bool letters;                  /* though text keeps the letters it has */
    struct cell *cells;            /* rows * columns, owned here */
    int cursor_row, cursor_column; /* where the terminal's cursor rests */
};

MUST_CHECK bool canvas_resize(struct canvas *canvas, int rows, int columns, struct pare_error *err);
void canvas_done(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);

/* Text at (row, column), at most `columns` wide, cut with a mark when longer. Returns the columns used. */
int canvas_text(struct canvas *canvas, int row, int column, int columns, int role,
                const char *text);
/* The same, ending at `column + columns`. */
void canvas_right(struct canvas *canvas, int row, int column, int columns, int role,
                  const char *text);
int canvas_printf(struct canvas *canvas, int row, int column, int columns, int role,
                  const char *fmt, ...) PRINTF_LIKE(6, 7);
/* Wrapped at blanks into at most `rows` rows, the last one cut. Returns the rows it takes. */
int canvas_wrap(struct canvas *canvas, int row, int column, int columns, int rows, int role,
                const char *text);
void canvas_fill(struct canvas *canvas, int row, int column, int columns, int role, char with);
/* A line across. */
void canvas_rule(struct canvas *canvas, int row);
/* Give a stretch of a row another role, keeping its text; or only mark the row as selected. */
void canvas_mark(struct canvas *canvas, int row, int column, int columns, int role);
void canvas_select(struct canvas *canvas, int row);
void canvas_dim(struct canvas *canvas, int row);
void canvas_cursor(struct canvas *canvas, int row, int column);

/* What stands in a row, UTF-8, without the blanks at its end; appended to `to`. */
void canvas_row(const struct canvas *canvas, int row, struct buf *to);
/* Whether the cursor's mark is on it. */
bool canvas_is_selected(const struct canvas *canvas, int row);

#endif
