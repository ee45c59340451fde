/* SPDX-License-Identifier: MIT */
/*
 * A comparison as lines: a column a version, each number beside its change and what that means in a
 * word. Where the screen is narrow the baseline stays and the columns beside the cursor's go; where it
 * is wide, numbers have bars.
 */
#ifndef PARE_TUI_VIEW_COMPARE_TABLE_H
#define PARE_TUI_VIEW_COMPARE_TABLE_H

#include "registry/browse_compare.h"
#include "tui/canvas.h"

struct compare_table {
    int label, value, change, bar;                    /* widths; bar 0: none */
    bool base_word;                                   /* room for a word at the baseline */
    size_t columns[BROWSE_COMPARE_MAX], column_count; /* which versions are shown */
};

/* `cursor` is the column that has to be seen. */
void compare_table_fit(struct compare_table *table, const struct comparison *comparison, int room,
                       size_t cursor);
void compare_table_titles(const struct compare_table *table, const struct comparison *comparison,
                          struct canvas *canvas, int line, size_t cursor);
void compare_table_row(const struct compare_table *table, const struct comparison *comparison,
                       struct canvas *canvas, int line, const struct comparison_row *row);

/* One cell in a sentence. */
void compare_table_words(const struct comparison *comparison, const struct comparison_row *row,
                         size_t side, struct buf *buf);

#endif
