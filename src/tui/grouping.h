/* SPDX-License-Identifier: MIT */
/*
 * Versions by model: a head line for each model, below it its versions as a tree, what a version
 * was made of above it.
 *
 * Models come in the order of their first version in the order in force, and so do siblings. A
 * version that is not shown leaves the tree whole: what was made of it hangs on the next one above
 * that is shown. Made once for a change of rows, order or folds, 8 bytes a line; a frame only reads.
 */
#ifndef PARE_TUI_GROUPING_H
#define PARE_TUI_GROUPING_H

#include "registry/browse.h"

enum { GROUPING_LEVELS_MAX = 25 }; /* of the tree that are told apart */

struct grouping_line {
    uint32_t place;      /* of a version in the list; of a head: of its model among the models */
    uint32_t head : 1;   /* a model's line */
    uint32_t level : 5;  /* in the tree, 0: nothing above */
    uint32_t rails : 26; /* bit n: on level n a sibling follows; of a head: how many are shown */
};

struct grouping {
    struct grouping_line *lines;
    size_t count, room;
    bool closed;      /* all are, but for those in `turned`; else the other way round */
    uint32_t *turned; /* names, as words of the list, ascending */
    size_t turned_count, turned_room;
};

void grouping_done(struct grouping *grouping);

/* Of `count` rows of the list, in this order. False, and no lines: memory ended. */
MUST_CHECK bool grouping_make(struct grouping *grouping, const struct browse_list *list,
                              const uint32_t *index, size_t count);

bool grouping_is_open(const struct grouping *grouping, uint32_t name);
/* Open or close one model; the lines are made anew by grouping_make(). */
void grouping_turn(struct grouping *grouping, uint32_t name);
/* Open or close all. */
void grouping_set_all(struct grouping *grouping, bool closed);

/* The rows of a list's model: from *ret_first on, so many. */
size_t grouping_rows_of(const struct browse_list *list, uint32_t model, size_t *ret_first);

#endif
