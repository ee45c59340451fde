/* SPDX-License-Identifier: MIT */
/*
 * A version's tensors as a table that sorts and narrows while its numbers still come in: the share of
 * zeros is blank until it is counted, errors are there where the version was made by a recipe.
 */
#ifndef PARE_TUI_VIEW_TENSOR_TABLE_H
#define PARE_TUI_VIEW_TENSOR_TABLE_H

#include "base/arena.h"
#include "jobs/inspector.h"
#include "tui/canvas.h"
#include "tui/scroll.h"
#include "tui/view.h"

enum { TENSOR_ROWS_MAX = 200000, TENSOR_FILTER_MAX = 512 };

/* X(name, title, width, to the right, begins descending) */
#define TENSOR_COLUMNS(X)                                                                          \
    X(NAME, "tensor", 0, false, false)                                                             \
    X(DTYPE, "dtype", 5, false, false)                                                             \
    X(SHAPE, "shape", 14, false, true)                                                             \
    X(SIZE, "bytes", 7, true, true)                                                                \
    X(ZEROS, "zeros", 7, true, true)                                                               \
    X(SQNR, "SQNR dB", 7, true, false)                                                             \
    X(ERROR, "max err", 8, true, true)                                                             \
    X(OP, "feeds", 14, false, false)

enum tensor_column {
#define TENSOR_COLUMN_ENUM(name, title, width, right, descending) TENSOR_##name,
    TENSOR_COLUMNS(TENSOR_COLUMN_ENUM)
#undef TENSOR_COLUMN_ENUM
        TENSOR_COLUMN_COUNT,
    TENSOR_FILE_ORDER = TENSOR_COLUMN_COUNT, /* a sort key too */
};

struct tensor_row {
    const char *name, *dtype, *shape, *op; /* in the table's arena */
    int64_t size_bytes, element_count;
    int64_t zero_count;        /* -1: cannot be known; -2: not yet known */
    double sqnr_db, max_error; /* NAN: not on record */
};

struct tensor_table {
    struct arena arena;
    struct tensor_row *rows; /* in the order of the file */
    size_t count, room;
    uint32_t *shown; /* places of rows, in order */
    size_t shown_count;
    bool stale; /* `shown` must be made anew */
    bool has_errors;
    int widest;
    enum tensor_column key;
    bool turned;
    char filter[TENSOR_FILTER_MAX];
    struct scroll scroll;
};

void tensor_table_done(struct tensor_table *table);
/* One of the news TENSOR, LISTED, ZEROS and DONE. */
void tensor_table_take(struct tensor_table *table, const struct inspector_news *news);
/* Show those with this in their names; a pattern where there are * ? [ in it. "": all. */
void tensor_table_narrow(struct tensor_table *table, const char *filter);
void tensor_table_sort_next(struct tensor_table *table);
void tensor_table_turn(struct tensor_table *table);
/* Make `shown` what it should be, the cursor on the tensor it was on. */
void tensor_table_fit(struct tensor_table *table);
/* The tensor under the cursor: its place in the file, -1 for none. */
int64_t tensor_table_cursor(const struct tensor_table *table);

/* "12 tensors, 3.1 MB, ..." of those that are shown. */
void tensor_table_sum(const struct tensor_table *table, struct buf *buf);
/* Titles and rows. */
void tensor_table_draw(struct tensor_table *table, struct canvas *canvas, struct view_area area);

#endif
