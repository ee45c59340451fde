/* SPDX-License-Identifier: MIT */
/*
 * What can be done, as far as it fits what was typed, the best first.
 *
 * Without an argument: the actions of a view, the screens, the themes. "open", "job" and "test"
 * want one, and then the versions of the registry, a number, or the tests are what there is. Of
 * however many versions only the best few are kept, and each is looked at once a keystroke.
 */
#ifndef PARE_TUI_VIEW_PALETTE_LIST_H
#define PARE_TUI_VIEW_PALETTE_LIST_H

#include "tui/action.h"
#include "tui/fuzzy.h"
#include "tui/view/palette_tests.h"

enum { PALETTE_ENTRIES_MAX = 160, PALETTE_VERSIONS_MAX = 64, PALETTE_WHAT_MAX = 160 };

enum palette_kind {
    PALETTE_ACTION,
    PALETTE_SCREEN, /* of a view kind */
    PALETTE_THEME,
    PALETTE_WORD, /* it wants an argument */
    PALETTE_VERSION,
    PALETTE_JOB,
    PALETTE_TEST,
};

struct palette_entry {
    enum palette_kind kind;
    int64_t id; /* which one of its kind */
    const char *key;
    char text[FUZZY_TEXT_MAX]; /* clean */
    char what[PALETTE_WHAT_MAX];
    bool in_what; /* it is `what` that was typed, not `text` */
    struct fuzzy_match match;
};

/* The versions that fit best so far, places in the list of rows. */
struct palette_best {
    struct {
        int score;
        uint32_t place;
    } best[PALETTE_VERSIONS_MAX];
    size_t count, seen, total;
    unsigned generation;
};

struct palette_list {
    struct app *app;
    enum view_kind of; /* whose actions */
    struct fuzzy fuzzy;
    struct palette_entry entries[PALETTE_ENTRIES_MAX];
    size_t count, total; /* total: what did not fit the list counted too */
    struct palette_best versions;
    struct palette_tests tests;
};

/* What fits now. `anew`: something else was typed, else only what there is may have changed. */
void palette_list_fill(struct palette_list *list, const char *typed, bool anew);

/* What stands before the argument in the line: "open ", "job ", "test " or "". */
const char *palette_word_of(const char *typed);
/* The word that begins a line about an entry of this kind: "" when there is none. */
const char *palette_word_for(enum palette_kind kind);

#endif
