/* SPDX-License-Identifier: MIT */
#include "tui/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

const char *const shape_known[] = { "name",     "version", "type",   "opt", "size",   "lat",
                                    "accuracy", "created", "stored", "id",  "parent", NULL };

enum { DEFAULT_COUNT = 7 };

void shape_default(struct shape *shape)
{
    *shape = (struct shape){ .count = DEFAULT_COUNT };
    for (int i = 0; i < DEFAULT_COUNT; i++)
        snprintf(shape->columns[i].word, SHAPE_WORD_MAX, "%s", shape_known[i]);
}

static bool is_word(const char *word, size_t length)
{
    return length > 0 && length < SHAPE_WORD_MAX && text_is_clean(word, length) &&
           !memchr(word, ',', length) && !memchr(word, ':', length);
}

bool shape_add(struct shape *shape, const char *word, struct pare_error *err)
{
    if (!is_word(word, strlen(word)))
        return error_set(err, PARE_ERR_USAGE,
                         "\"%s\" cannot be a column: a field such as created, or a JSON path such "
                         "as metrics.f1, was expected",
                         word);
    if (shape_find(shape, word) >= 0)
        return error_set(err, PARE_ERR_USAGE, "%s is a column already", word);
    if (shape->count == SHAPE_COLUMNS_MAX)
        return error_set(err, PARE_ERR_USAGE, "more than %d columns; take one away first",
                         SHAPE_COLUMNS_MAX);
    struct shape_column *column = &shape->columns[shape->count++];
    *column = (struct shape_column){ 0 };
    memcpy(column->word, word, strlen(word));
    return true;
}

/* "lat" or "lat:8" */
static bool add_piece(struct shape *shape, const char *piece, size_t length, struct pare_error *err)
{
    char word[SHAPE_WORD_MAX + 8];
    int64_t width = 0;
    if (length >= sizeof(word))
        return error_set(err, PARE_ERR_USAGE, "a column's name is longer than %d bytes",
                         SHAPE_WORD_MAX);
    memcpy(word, piece, length);
    word[length] = '\0';
    char *colon = strchr(word, ':');
    if (colon) {
        *colon = '\0';
        if (!text_to_int64(colon + 1, &width) || width < SHAPE_WIDTH_MIN || width > SHAPE_WIDTH_MAX)
            return error_set(err, PARE_ERR_USAGE, "the width of column %s is not %d to %d", word,
                             SHAPE_WIDTH_MIN, SHAPE_WIDTH_MAX);
    }
    int at = shape_find(shape, word);
    if (at < 0 && !shape_add(shape, word, err))
        return false;
    shape->columns[at < 0 ? shape->count - 1 : at].width = (int)width;
    return true;
}

bool shape_parse(const char *text, struct shape *ret_shape, struct pare_error *err)
{
    struct shape shape;
    shape_default(&shape);
    shape.count = SHAPE_FROZEN;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        if (!add_piece(&shape, at, length, err))
            return false;
        at += length + (at[length] == ',');
    }
    *ret_shape = shape;
    return true;
}

void shape_put(const struct shape *shape, bool widths, struct buf *buf)
{
    for (int i = 0; i < shape->count; i++) {
        const struct shape_column *column = &shape->columns[i];
        buf_printf(buf, "%s%s", i ? "," : "", column->word);
        if (widths && column->width)
            buf_printf(buf, ":%d", column->width);
    }
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    bool equal = a->count == b->count;
    for (int i = 0; equal && i < a->count; i++)
        equal = !strcmp(a->columns[i].word, b->columns[i].word);
    return equal;
}

int shape_find(const struct shape *shape, const char *word)
{
    for (int i = 0; i < shape->count; i++)
        if (!strcmp(shape->columns[i].word, word))
            return i;
    return -1;
}

bool shape_remove(struct shape *shape, int at)
{
    if (at < SHAPE_FROZEN || at >= shape->count)
        return false;
    shape->count--;
    memmove(&shape->columns[at], &shape->columns[at + 1],
            (size_t)(shape->count - at) * sizeof(shape->columns[0]));
    return true;
}

bool shape_move(struct shape *shape, int at, int by)
{
    int to = at + by;
    if (at < SHAPE_FROZEN || at >= shape->count || to < SHAPE_FROZEN || to >= shape->count)
        return false;
    struct shape_column column = shape->columns[at];
    shape->columns[at] = shape->columns[to];
    shape->columns[to] = column;
    return true;
}
