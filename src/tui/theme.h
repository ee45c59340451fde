/* SPDX-License-Identifier: MIT */
/*
 * What a cell means, and how each kind of terminal shows it.
 *
 * Views name a role and never a colour. A theme is a table: colours of the 256 palette
 * (never rewritten), of 16 or 8, and attributes that carry the meaning alone where
 * there is no colour. Dark and light are for the ground that the terminal has; contrast
 * brings its own, so that it is what it says wherever it is.
 */
#ifndef PARE_TUI_THEME_H
#define PARE_TUI_THEME_H

#include "base/base.h"

/* X(name, 256, 16, 8, attributes), the colours of the theme dark: -1 is the terminal's own. */
#define THEME_ROLES(X)                                                                             \
    X(PLAIN, -1, -1, -1, 0)                                                                        \
    X(HEADER, 15, 15, 7, THEME_REVERSE)                                                            \
    X(TITLE, -1, -1, -1, THEME_BOLD)                                                               \
    X(STRONG, -1, -1, -1, THEME_BOLD)                                                              \
    X(DIM, 245, 8, -1, THEME_FAINT)                                                                \
    X(DEFAULT, 178, 11, 3, THEME_BOLD)                                                             \
    X(BETTER, 71, 10, 2, 0)                                                                        \
    X(WORSE, 167, 9, 1, 0)                                                                         \
    X(WARNING, 178, 11, 3, THEME_BOLD)                                                             \
    X(ERROR, 167, 9, 1, THEME_BOLD)                                                                \
    X(KEY, 74, 14, 6, THEME_BOLD)                                                                  \
    X(INPUT, -1, -1, -1, THEME_UNDERLINE)                                                          \
    X(MATCH, -1, -1, -1, THEME_BOLD | THEME_UNDERLINE)

enum theme_role {
#define THEME_ENUM(name, palette, sixteen, eight, attributes) ROLE_##name,
    THEME_ROLES(THEME_ENUM)
#undef THEME_ENUM
        ROLE_COUNT,
};

/* X(name, its word, what it is for) */
#define THEMES(X)                                                                                  \
    X(DARK, "dark", "for a terminal that writes on black")                                         \
    X(LIGHT, "light", "for a terminal that writes on white")                                       \
    X(SIXTEEN, "16", "the terminal's own sixteen colours")                                         \
    X(CONTRAST, "contrast", "as much of it as can be, on a black of its own")

enum theme {
#define THEME_NAME(name, word, what) THEME_##name,
    THEMES(THEME_NAME)
#undef THEME_NAME
        THEME_COUNT,
};

enum theme_attribute {
    THEME_BOLD = 1,
    THEME_FAINT = 2,
    THEME_REVERSE = 4,
    THEME_UNDERLINE = 8,
};

/* A cell's role with the row's own marks beside it. */
enum {
    CELL_SELECTED = 64, /* the cursor's row */
    CELL_ROLE = 63,
};

struct theme_look {
    int colour, ground; /* -1: the terminal's own */
    int attributes;
};

/* How a cell's `role`, its marks with it, looks where there are so many colours (0: none). */
struct theme_look theme_look(enum theme theme, int role, int colours);

const char *theme_word(enum theme theme);
const char *theme_what(enum theme theme);
/* False when there is no theme of that name. */
bool theme_find(const char *word, enum theme *ret_theme);
/* What COLORFGBG (may be NULL) says of the terminal: dark unless its ground is a light one. */
enum theme theme_for_ground(const char *colours);

#endif
