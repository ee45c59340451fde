/* SPDX-License-Identifier: MIT */
#include "tui/theme.h"

static const struct {
    int palette, sixteen, eight, attributes;
} roles[ROLE_COUNT] = {
#define THEME_ENTRY(name, palette, sixteen, eight, attributes)                                     \
    { palette, sixteen, eight, attributes },
    THEME_ROLES(THEME_ENTRY)
#undef THEME_ENTRY
};

struct theme_look theme_look(enum theme_role role, int colours)
{
    int colour = colours >= 256  ? roles[role].palette
                 : colours >= 16 ? roles[role].sixteen
                 : colours >= 8  ? roles[role].eight
                                 : -1;
    int attributes = roles[role].attributes;
    /* A header is white on its own ground where that can be said; else reversed. */
    if (role == ROLE_HEADER)
        colour = -1;
    /* Where a colour says it, faint would only make it hard to read. */
    if (colour >= 0)
        attributes &= ~THEME_FAINT;
    return (struct theme_look){ .colour = colour, .attributes = attributes };
}
