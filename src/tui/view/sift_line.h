/* SPDX-License-Identifier: MIT */
/* The line above the Models table: filter and goal, typed there; how many are shown, their order. */
#ifndef PARE_TUI_VIEW_SIFT_LINE_H
#define PARE_TUI_VIEW_SIFT_LINE_H

#include "tui/prompt.h"
#include "tui/sift.h"

struct canvas;

struct sift_line {
    bool typing;
    enum sift_typed what;
    struct prompt prompt;
};

void sift_line_begin(struct sift_line *line, const struct sift *sift, enum sift_typed what);

/* A key while something is typed. Enter keeps it once it makes sense, Escape what is in force. */
void sift_line_type(struct sift_line *line, struct sift *sift, struct rows *rows,
                    const struct key *key);

/* How many columns in the middle of the row are still free, from *ret_column on; 0 while typing. */
int sift_line_draw(const struct sift_line *line, const struct sift *sift,
                   const struct browse_list *list, size_t marked, struct canvas *canvas, int row,
                   int *ret_column);

#endif
