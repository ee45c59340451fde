/* SPDX-License-Identifier: MIT */
/*
 * Which rows are shown, in which order, with which columns: a filter and a goal that may be half
 * typed, sort keys, a shape.
 *
 * The last wish that made sense stays in force until another one does. Nothing is asked of
 * the server, but for JSON values that no earlier wish wanted.
 */
#ifndef PARE_TUI_SIFT_H
#define PARE_TUI_SIFT_H

#include "base/arena.h"
#include "pare/error.h"
#include "registry/goal.h"
#include "registry/order.h"
#include "tui/rows.h"
#include "tui/shape.h"

struct buf;

enum { SIFT_TEXT_MAX = 512 };

enum sift_group {
    SIFT_FLAT,
    SIFT_GROUPED, /* by model, all open */
    SIFT_CLOSED,  /* by model, a line each */
};

/* As `pare list` takes them. */
struct sift_wish {
    char filter[SIFT_TEXT_MAX];
    char sort[SIFT_TEXT_MAX]; /* "": as the server has them, by name and version */
    char goal[SIFT_TEXT_MAX]; /* "": none */
    enum sift_group group;
    struct shape shape;
};

struct sift_parsed {
    struct arena arena;
    struct sift_wish wish;
    struct field_paths paths;
    struct field fields[SHAPE_COLUMNS_MAX]; /* of the shape's columns */
    struct order order;
    struct filter filter, goal;
    bool filter_asks_goal;
    struct field goal_field;
};

struct sift {
    struct sift_parsed good; /* in force */
    struct sift_parsed next; /* parsed, waiting for its JSON values */
    bool waiting;
    struct pare_error error; /* of what is typed now; code 0: none */
    size_t error_column;     /* from 1 */

    uint32_t *index; /* places in the list */
    size_t count, room;
    size_t seen; /* rows of the list judged so far */
    unsigned generation;
    unsigned arranged; /* another number, each time rows known before have other places */
};

void sift_init(struct sift *sift);
void sift_done(struct sift *sift);

/* What is typed has changed, a filter or a goal. True when another list is in force now. */
enum sift_typed { SIFT_FILTER, SIFT_GOAL };
bool sift_type(struct sift *sift, struct rows *rows, enum sift_typed typed, const char *text);

/* What was wished for last, in force or still waiting. */
const struct sift_wish *sift_wish(const struct sift *sift);
/* Its sort keys; their JSON values are those that rows_want_paths() was asked for. */
const struct order *sift_order(const struct sift *sift);
/* Another wish as a whole; false, and all is as it was, when it makes no sense. */
MUST_CHECK bool sift_want(struct sift *sift, struct rows *rows, const struct sift_wish *wish,
                          struct pare_error *err);

/* Judge what is new. True when rows known before have other places now. */
bool sift_update(struct sift *sift, struct rows *rows);

/* The place of a word's field among the sort keys in force, from 1; 0: it is none. */
int sift_sort_place(const struct sift *sift, const struct field *field, bool *ret_descending);
/* Sort text by the next column of numbers: as listed, each from the left, by age, and round again. */
void sift_sort_next(const struct sift_wish *wish, char to[SIFT_TEXT_MAX]);
/* Sort text with `word` as the first key; the others come after it. One that is first is turned. */
void sift_sort_first(const struct sift_wish *wish, const char *word, bool keep_others,
                     char to[SIFT_TEXT_MAX]);
/* The same keys, the first one in the other direction. */
void sift_sort_turned(const struct sift_wish *wish, char to[SIFT_TEXT_MAX]);

/* "pare list" with what is in force. */
void sift_put_command(const struct sift *sift, struct buf *buf);

#endif
