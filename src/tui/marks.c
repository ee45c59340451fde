/* SPDX-License-Identifier: MIT */
#include "tui/marks.h"

#include <string.h>

static size_t place_of(const struct marks *marks, int64_t id)
{
    size_t at = 0;
    while (at < marks->count && marks->ids[at] != id)
        at++;
    return at;
}

bool marks_has(const struct marks *marks, int64_t id)
{
    return place_of(marks, id) < marks->count;
}

bool marks_turn(struct marks *marks, int64_t id)
{
    size_t at = place_of(marks, id);
    if (at == MARKS_MAX)
        return false;
    if (at == marks->count) {
        marks->ids[marks->count++] = id;
        return true;
    }
    marks->count--;
    memmove(&marks->ids[at], &marks->ids[at + 1], (marks->count - at) * sizeof(marks->ids[0]));
    return true;
}

void marks_clear(struct marks *marks)
{
    marks->count = 0;
}
