/* SPDX-License-Identifier: MIT */
/*
 * Versions as lines of a table: each number beside its change against the model's default,
 * columns that give way one after the other where the screen is narrow.
 */
#ifndef PARE_TUI_VIEW_VERSION_TABLE_H
#define PARE_TUI_VIEW_VERSION_TABLE_H

#include "registry/browse.h"
#include "tui/canvas.h"
#include "tui/sift.h"

enum { VERSION_TABLE_COLUMNS = 10 };

struct version_table {
    int width[VERSION_TABLE_COLUMNS]; /* 0: not shown */
};

/* Widths for this list on a screen of `room` columns; the same for every line, wherever one scrolls. */
void version_table_fit(struct version_table *table, const struct browse_list *list, int room);

void version_table_titles(const struct version_table *table, struct canvas *canvas, int line,
                          enum sift_key key);

/* One version; its model's name is dim where `above` (or NULL) is of the same. */
void version_table_row(const struct version_table *table, struct canvas *canvas, int line,
                       const struct browse_list *list, const struct browse_row *row,
                       const struct browse_row *above);

#endif
