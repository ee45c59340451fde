/* SPDX-License-Identifier: MIT */
/*
 * The shape of the list of versions: which columns, in which order, how wide.
 *
 * A column is a field as registry/field.h knows it, by its word. Name and version are always
 * there, first, and stay while the others scroll sideways. As text it is what
 * `pare list --columns` takes; with widths ("lat:8") it is what is remembered.
 */
#ifndef PARE_TUI_SHAPE_H
#define PARE_TUI_SHAPE_H

#include "base/base.h"

struct buf;
struct pare_error;

enum {
    SHAPE_FROZEN = 2, /* name and version */
    SHAPE_COLUMNS_MAX = 20,
    SHAPE_WORD_MAX = 96,
    SHAPE_TEXT_MAX = SHAPE_COLUMNS_MAX * (SHAPE_WORD_MAX + 4),
    SHAPE_WIDTH_MIN = 3,
    SHAPE_WIDTH_MAX = 60,
};

struct shape_column {
    char word[SHAPE_WORD_MAX];
    int width; /* as the user wants it; 0: fitted to the data */
};

struct shape {
    struct shape_column columns[SHAPE_COLUMNS_MAX];
    int count;
};

/* The words of the columns that need no JSON, NULL-terminated. */
extern const char *const shape_known[];

void shape_default(struct shape *shape);
MUST_CHECK bool shape_parse(const char *text, struct shape *ret_shape, struct pare_error *err);
void shape_put(const struct shape *shape, bool widths, struct buf *buf);
bool shape_equal(const struct shape *a, const struct shape *b);

/* The column's place; -1: it has none. */
int shape_find(const struct shape *shape, const char *word);
MUST_CHECK bool shape_add(struct shape *shape, const char *word, struct pare_error *err);
/* False where that column stays as it is. */
bool shape_remove(struct shape *shape, int at);
bool shape_move(struct shape *shape, int at, int by);

#endif
