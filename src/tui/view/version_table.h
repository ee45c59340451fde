/* SPDX-License-Identifier: MIT */
/*
 * Versions as lines of a table: the columns of a shape, each number beside its change against
 * the model's default.
 *
 * Where the screen is narrow columns give way one after the other; what has gone is reached by
 * scrolling sideways, with name and version staying where they are. By model the name is on the
 * head lines only. A goal is a column of its own.
 */
#ifndef PARE_TUI_VIEW_VERSION_TABLE_H
#define PARE_TUI_VIEW_VERSION_TABLE_H

#include "registry/browse.h"
#include "tui/canvas.h"
#include "tui/grouping.h"
#include "tui/sift.h"

enum { VERSION_TABLE_CELLS_MAX = SHAPE_COLUMNS_MAX + 4 };

struct version_table_cell {
    const struct field *field; /* the sift's */
    const char *title;
    int width; /* 0: not shown */
    int gap;   /* before it */
    bool right;
    bool change; /* against the default, of the column before */
    bool fixed;  /* the user wants it this wide */
};

struct version_table {
    const struct sift *sift;
    struct version_table_cell cells[VERSION_TABLE_CELLS_MAX];
    int count;
    bool more_left, more_right;
};

/*
 * Widths for this list on a screen of `room` columns; the same for every line, wherever one scrolls.
 * `*side` is how far one has scrolled sideways, 0: not at all, else from which column on after the
 * frozen ones, from 1; where all fits it becomes 0.
 */
void version_table_fit(struct version_table *table, const struct sift *sift,
                       const struct browse_list *list, int room, int *side);

void version_table_titles(const struct version_table *table, struct canvas *canvas, int line);

/* One version; its model's name is dim where `above` (or NULL) is of the same. */
void version_table_row(const struct version_table *table, struct canvas *canvas, int line,
                       const struct browse_list *list, const struct browse_row *row,
                       const struct browse_row *above);

/* The same as a line of a tree. */
void version_table_branch(const struct version_table *table, struct canvas *canvas, int line,
                          const struct browse_list *list, const struct grouping_line *branch);

/* Size, latency and accuracy of a model's line; returns the column before which its words end. */
int version_table_head(const struct version_table *table, struct canvas *canvas, int line,
                       const struct browse_list *list, const struct browse_row *base);

#endif
