/* SPDX-License-Identifier: MIT */
#include "tui/action.h"

#include <string.h>

const struct action_entry actions[ACTION_NONE] = {
#define ACTION_ENTRY(name, key, word, what, views, writes) { key, word, what, views, writes },
    ACTIONS(ACTION_ENTRY)
#undef ACTION_ENTRY
};

/* Keys without a letter that stand for one that has it. */
static const struct {
    enum key_kind kind;
    enum action action;
} aliases[] = {
    { KEY_UP, ACTION_UP },
    { KEY_DOWN, ACTION_DOWN },
    { KEY_PAGE_UP, ACTION_PAGE_UP },
    { KEY_PAGE_DOWN, ACTION_PAGE_DOWN },
    { KEY_HOME, ACTION_TOP },
    { KEY_END, ACTION_BOTTOM },
    { KEY_LEFT, ACTION_LAST_CHOICE },
    { KEY_RIGHT, ACTION_NEXT_CHOICE },
    { KEY_TAB, ACTION_CHART },
    { KEY_TAB, ACTION_SECTION },
    { KEY_LEFT, ACTION_FOLD },
    { KEY_RIGHT, ACTION_UNFOLD_ONLY },
    { KEY_TAB, ACTION_PLOT },
    { KEY_LEFT, ACTION_CLOSE_MODEL },
    { KEY_RIGHT, ACTION_OPEN_MODEL },
};

enum action action_of(const struct key *key, enum view_kind view)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (aliases[i].kind == key->kind && (actions[aliases[i].action].views & (int)view))
            return aliases[i].action;
    const char *name = key->kind == KEY_TEXT ? key->text : key->kind == KEY_ENTER ? "Enter" : "";
    if (!strcmp(name, " "))
        name = "Space";
    for (int i = 0; i < ACTION_NONE; i++)
        if ((actions[i].views & (int)view) && !strcmp(actions[i].key, name))
            return (enum action)i;
    return ACTION_NONE;
}
