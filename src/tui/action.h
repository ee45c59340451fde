/* SPDX-License-Identifier: MIT */
/*
 * Everything a key can do, once: the keys, the footers and the help screen are made of it.
 *
 * Small letters look, capital letters write; G is the one that everybody knows. Nothing
 * needs Esc, Ctrl or a function key.
 */
#ifndef PARE_TUI_ACTION_H
#define PARE_TUI_ACTION_H

#include "base/base.h"
#include "tui/key.h"

/* Where an action is there: a bit for each view. */
enum view_kind {
    VIEW_MODELS = 1,
    VIEW_VERSION = 2,
    VIEW_PROMOTE = 4,
    VIEW_HELP = 8,
    VIEW_LISTS = VIEW_MODELS | VIEW_VERSION | VIEW_HELP,
    VIEW_ALL = VIEW_LISTS | VIEW_PROMOTE,
};

/* X(name, key, a word for the footer ("" keeps it out), what it does, where, does it write) */
#define ACTIONS(X)                                                                                 \
    X(OPEN, "Enter", "open", "open the version under the cursor", VIEW_MODELS, false)              \
    X(CONFIRM, "Enter", "confirm", "go on to the typed confirmation", VIEW_PROMOTE, false)         \
    X(FILTER, "/", "filter", "show only the versions for which a condition holds", VIEW_MODELS,    \
      false)                                                                                       \
    X(SORT, "s", "sort", "sort by the next column", VIEW_MODELS, false)                            \
    X(TURN, "o", "turn", "turn the order round", VIEW_MODELS, false)                               \
    X(PROMOTE, "P", "promote", "make this version its model's default: preview first",             \
      VIEW_MODELS | VIEW_VERSION, true)                                                            \
    X(ROLLBACK, "R", "rollback", "go back to the model's default before: preview first",           \
      VIEW_MODELS | VIEW_VERSION, true)                                                            \
    X(DOWN, "j", "", "one line down; the arrow too", VIEW_ALL, false)                              \
    X(UP, "k", "", "one line up; the arrow too", VIEW_ALL, false)                                  \
    X(PAGE_DOWN, "f", "", "a page down; Page Down too", VIEW_ALL, false)                           \
    X(PAGE_UP, "b", "", "a page up; Page Up too", VIEW_ALL, false)                                 \
    X(TOP, "g", "", "to the first line; Home too", VIEW_ALL, false)                                \
    X(BOTTOM, "G", "", "to the last line; End too", VIEW_ALL, false)                               \
    X(NEXT_MODEL, "]", "", "to the next model", VIEW_MODELS, false)                                \
    X(LAST_MODEL, "[", "", "to the model before", VIEW_MODELS, false)                              \
    X(AGAIN, "r", "", "read again now", VIEW_ALL, false)                                           \
    X(HELP, "?", "help", "this list of keys", VIEW_ALL, false)                                     \
    X(BACK, "q", "back", "one step back; from the first screen out of pare", VIEW_ALL, false)

enum action {
#define ACTION_ENUM(name, key, word, what, views, writes) ACTION_##name,
    ACTIONS(ACTION_ENUM)
#undef ACTION_ENUM
        ACTION_NONE,
};

struct action_entry {
    const char *key, *word, *what;
    int views;
    bool writes;
};

extern const struct action_entry actions[ACTION_NONE];

/* What a key means in a view; ACTION_NONE when nothing. A pasted character is no key. */
enum action action_of(const struct key *key, enum view_kind view);

#endif
