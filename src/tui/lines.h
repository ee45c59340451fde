/* SPDX-License-Identifier: MIT */
/* A text of facts: a word and a value a line, for screens that are read and scrolled. */
#ifndef PARE_TUI_LINES_H
#define PARE_TUI_LINES_H

#include "base/arena.h"
#include "tui/view.h"

struct scroll;

struct line {
    const char *label, *value; /* in the arena */
    int role;                  /* of the value; a line without a value is a heading */
    int rows;                  /* that it takes, wrapped */
};

struct lines {
    struct arena arena;
    struct line *list;
    size_t count, room;
    int widest;                /* label, in columns */
    int fitted_columns;        /* what `rows` are for: so many columns */
    size_t fitted_count, rows; /* and lines; all the rows that they take */
};

void lines_done(struct lines *lines);

/* Strings are copied. An absent or empty value adds nothing. */
void lines_add(struct lines *lines, int role, const char *label, const char *value);
void lines_printf(struct lines *lines, int role, const char *label, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void lines_heading(struct lines *lines, const char *text);

/* Each scalar of a JSON document, its path behind `root`, digits as they are stored. */
void lines_json(struct lines *lines, const char *root, const char *json);

/* All the rows that they take on a screen of so many columns. */
size_t lines_rows(struct lines *lines, int columns);

/* A value that is wider than the screen goes on in the next row; one scrolls by rows. */
void lines_draw(struct lines *lines, struct scroll *scroll, struct canvas *canvas,
                struct view_area area);

#endif
