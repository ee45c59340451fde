/* SPDX-License-Identifier: MIT */
/*
 * What a cell means, and how each kind of terminal shows it.
 *
 * Views name a role and never a colour. A theme is a table: colours of the 256 palette
 * (never rewritten), of 16 or 8, and attributes that carry the meaning alone where
 * there is no colour.
 */
#ifndef PARE_TUI_THEME_H
#define PARE_TUI_THEME_H

#include "base/base.h"

/* X(name, 256, 16, 8, attributes): -1 is the terminal's own colour. */
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
    X(INPUT, -1, -1, -1, THEME_UNDERLINE)

enum theme_role {
#define THEME_ENUM(name, palette, sixteen, eight, attributes) ROLE_##name,
    THEME_ROLES(THEME_ENUM)
#undef THEME_ENUM
        ROLE_COUNT,
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
    int colour; /* -1: the terminal's own */
    int attributes;
};

/* How `role` looks where there are so many colours (0: none). */
struct theme_look theme_look(enum theme_role role, int colours);

#endif
