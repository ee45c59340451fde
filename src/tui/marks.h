/* SPDX-License-Identifier: MIT */
/*
 * Versions that were marked, by id: they stay marked whatever is filtered, sorted, read again or lost
 * and found. In the order in which they were marked.
 */
#ifndef PARE_TUI_MARKS_H
#define PARE_TUI_MARKS_H

#include "base/base.h"

enum { MARKS_MAX = 64 };

struct marks {
    int64_t ids[MARKS_MAX];
    size_t count;
};

bool marks_has(const struct marks *marks, int64_t id);

/* Mark it, or take its mark away. False: there is no room for one more. */
bool marks_turn(struct marks *marks, int64_t id);

void marks_clear(struct marks *marks);

#endif
