/* SPDX-License-Identifier: MIT */
#include "tui/theme.h"

#include <string.h>

struct colours {
    int palette, sixteen, eight;
};

static const int role_attributes[ROLE_COUNT] = {
#define THEME_ENTRY(name, palette, sixteen, eight, attributes) attributes,
    THEME_ROLES(THEME_ENTRY)
#undef THEME_ENTRY
};

static const struct colours dark[ROLE_COUNT] = {
#define THEME_ENTRY(name, palette, sixteen, eight, attributes) { palette, sixteen, eight },
    THEME_ROLES(THEME_ENTRY)
#undef THEME_ENTRY
};

/* A role that is not in one of these (all zero there) is as plain text is, with its attributes. */
static const struct colours light[ROLE_COUNT] = {
    [ROLE_DIM] = { 240, 8, -1 },  [ROLE_DEFAULT] = { 94, 5, 5 }, [ROLE_BETTER] = { 28, 4, 4 },
    [ROLE_WORSE] = { 124, 1, 1 }, [ROLE_WARNING] = { 94, 5, 5 }, [ROLE_ERROR] = { 124, 1, 1 },
    [ROLE_KEY] = { 25, 4, 4 },
};

/* Of the sixteen those that are meant to be read on either ground; which they are is the user's. */
static const struct colours sixteen[ROLE_COUNT] = {
    [ROLE_DIM] = { -1, -1, -1 }, [ROLE_DEFAULT] = { 3, 3, 3 }, [ROLE_BETTER] = { 2, 2, 2 },
    [ROLE_WORSE] = { 1, 1, 1 },  [ROLE_WARNING] = { 3, 3, 3 }, [ROLE_ERROR] = { 1, 1, 1 },
    [ROLE_KEY] = { 6, 6, 6 },
};

static const struct colours contrast_plain = { 231, 15, 7 }, contrast_ground = { 16, 0, 0 };
static const struct colours contrast[ROLE_COUNT] = {
    [ROLE_DIM] = { 252, 7, 7 },    [ROLE_DEFAULT] = { 226, 11, 3 }, [ROLE_BETTER] = { 120, 10, 2 },
    [ROLE_WORSE] = { 217, 13, 7 }, [ROLE_WARNING] = { 226, 11, 3 }, [ROLE_ERROR] = { 217, 13, 7 },
    [ROLE_KEY] = { 123, 14, 6 },
};

static const struct {
    const char *word, *what;
} themes[THEME_COUNT] = {
#define THEME_ENTRY(name, word, what) { word, what },
    THEMES(THEME_ENTRY)
#undef THEME_ENTRY
};

static const struct colours *roles_of(enum theme theme)
{
    return theme == THEME_LIGHT      ? light
           : theme == THEME_SIXTEEN  ? sixteen
           : theme == THEME_CONTRAST ? contrast
                                     : dark;
}

static int choose(const struct colours *of, int colours)
{
    return colours >= 256  ? of->palette
           : colours >= 16 ? of->sixteen
           : colours >= 8  ? of->eight
                           : -1;
}

static int colour_of(enum theme theme, enum theme_role role, int colours)
{
    static const struct colours own = { -1, -1, -1 };
    const struct colours *of = &roles_of(theme)[role];
    if (!of->palette && !of->sixteen && !of->eight)
        of = theme == THEME_CONTRAST ? &contrast_plain : &own;
    return choose(of, colours);
}

struct theme_look theme_look(enum theme theme, int role, int colours)
{
    enum theme_role kind = (enum theme_role)(role & CELL_ROLE);
    struct theme_look look = { .ground = -1, .attributes = role_attributes[kind] };
    /* The cursor's row and the header are plain text reversed; what they mean their words say. */
    bool reversed = role & CELL_SELECTED || kind == ROLE_HEADER;
    look.colour = colour_of(theme, reversed ? ROLE_PLAIN : kind, colours);
    if (role & CELL_SELECTED)
        look.attributes = THEME_REVERSE | (look.attributes & (THEME_BOLD | THEME_UNDERLINE));
    if (theme == THEME_CONTRAST)
        look.ground = choose(&contrast_ground, colours);
    /* Where a colour says it, faint would only make it hard to read. */
    if (look.colour >= 0)
        look.attributes &= ~THEME_FAINT;
    return look;
}

const char *theme_word(enum theme theme)
{
    return themes[theme].word;
}

const char *theme_what(enum theme theme)
{
    return themes[theme].what;
}

bool theme_find(const char *word, enum theme *ret_theme)
{
    for (int i = 0; i < THEME_COUNT; i++)
        if (!strcmp(themes[i].word, word)) {
            *ret_theme = (enum theme)i;
            return true;
        }
    return false;
}

enum theme theme_for_ground(const char *colours)
{
    static const char *const lights[] = { "7", "9", "10", "11", "12", "13", "14", "15" };
    const char *ground = colours ? strrchr(colours, ';') : NULL;
    for (size_t i = 0; ground && i < ARRAY_SIZE(lights); i++)
        if (!strcmp(ground + 1, lights[i]))
            return THEME_LIGHT;
    return THEME_DARK;
}
