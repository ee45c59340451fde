/* SPDX-License-Identifier: MIT */
#include "tui/scroll.h"

void scroll_fit(struct scroll *scroll, size_t count, int height)
{
    scroll->count = count;
    scroll->height = (size_t)MAX(height, 1);
    if (scroll->cursor >= count)
        scroll->cursor = count ? count - 1 : 0;
    if (scroll->top > scroll->cursor)
        scroll->top = scroll->cursor;
    if (scroll->cursor >= scroll->top + scroll->height)
        scroll->top = scroll->cursor - scroll->height + 1;
    if (scroll->top + scroll->height > count)
        scroll->top = count > scroll->height ? count - scroll->height : 0;
}

static bool move_to(struct scroll *scroll, size_t *place, enum action action, size_t last)
{
    size_t page = scroll->height > 1 ? scroll->height - 1 : 1;
    switch (action) {
    case ACTION_DOWN:
        *place += *place < last;
        break;
    case ACTION_UP:
        *place -= *place > 0;
        break;
    case ACTION_PAGE_DOWN:
        *place = MIN(*place + page, last);
        break;
    case ACTION_PAGE_UP:
        *place -= MIN(*place, page);
        break;
    case ACTION_TOP:
        *place = 0;
        break;
    case ACTION_BOTTOM:
        *place = last;
        break;
    default:
        return false;
    }
    return true;
}

bool scroll_act(struct scroll *scroll, enum action action)
{
    size_t last = scroll->count ? scroll->count - 1 : 0, old = scroll->cursor;
    if (!move_to(scroll, &scroll->cursor, action, last))
        return false;
    /* A page moves the page, not only the cursor. */
    if (action == ACTION_PAGE_DOWN)
        scroll->top += scroll->cursor - old;
    else if (action == ACTION_PAGE_UP)
        scroll->top -= MIN(scroll->top, old - scroll->cursor);
    scroll_fit(scroll, scroll->count, (int)scroll->height);
    return true;
}

enum view_hit scroll_point(struct scroll *scroll, int row)
{
    size_t line = (size_t)MAX(row - scroll->row, 0);
    if (row < scroll->row || line >= scroll->height || scroll->top + line >= scroll->count)
        return VIEW_HIT_NOTHING;
    if (scroll->cursor == scroll->top + line)
        return VIEW_HIT_CURSOR;
    scroll->cursor = scroll->top + line;
    return VIEW_HIT_LINE;
}

bool scroll_page(struct scroll *scroll, enum action action)
{
    size_t last = scroll->count > scroll->height ? scroll->count - scroll->height : 0;
    bool moved = move_to(scroll, &scroll->top, action, last);
    scroll->cursor = scroll->top;
    return moved;
}
