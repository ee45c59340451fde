/* SPDX-License-Identifier: MIT */
/* Whether what is written can be read: contrast as WCAG 2.1 counts it, in xterm's 256 colours. */
#include <math.h>

#include "tap.h"
#include "tui/theme.h"

enum { BLACK = 16, WHITE = 231 };

/* The 6x6x6 cube and the greys; the first sixteen are whatever the user made of them. */
static void colour(int index, double rgb[3])
{
    static const double steps[] = { 0, 95, 135, 175, 215, 255 };
    for (int i = 0; i < 3; i++)
        rgb[i] = index >= 232 ? 8 + 10 * (index - 232)
                              : steps[(index - 16) /
                                      (i == 0   ? 36
                                       : i == 1 ? 6
                                                : 1) %
                                      6];
}

static double luminance(int index)
{
    static const double weights[] = { 0.2126, 0.7152, 0.0722 };
    double rgb[3], sum = 0;
    colour(index, rgb);
    for (int i = 0; i < 3; i++) {
        double share = rgb[i] / 255;
        sum += weights[i] * (share <= 0.03928 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double ratio(int one, int other)
{
    double a = luminance(one) + 0.05, b = luminance(other) + 0.05;
    return a > b ? a / b : b / a;
}

/* The worst of a theme's roles where the terminal's own are `text` on `ground`. */
static double worst(enum theme theme, int text, int ground, int marks)
{
    double worst = 100;
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct theme_look look = theme_look(theme, role | marks, 256);
        int on = look.ground >= 0 ? look.ground : ground;
        int in = look.colour >= 0 ? look.colour : text;
        if (in < 16 || on < 16 || look.attributes & THEME_FAINT)
            return 0; /* nobody knows how that looks */
        worst = fmin(worst, ratio(in, on));
    }
    return worst;
}

static void test_contrast(void)
{
    static const struct {
        enum theme theme;
        int text, ground;
        double wanted;
        const char *sentence;
    } cases[] = {
        { THEME_DARK, WHITE, BLACK, 4.5, "dark on black: 4.5 to 1 at least" },
        { THEME_LIGHT, BLACK, WHITE, 4.5, "light on white: 4.5 to 1 at least" },
        { THEME_CONTRAST, WHITE, BLACK, 7, "contrast: 7 to 1 at least" },
        { THEME_CONTRAST, BLACK, WHITE, 7, "contrast brings its own ground, on white too" },
    };
    OK(fabs(ratio(BLACK, WHITE) - 21) < 0.01, "black on white is 21 to 1");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        double plain = worst(cases[i].theme, cases[i].text, cases[i].ground, 0);
        double chosen = worst(cases[i].theme, cases[i].text, cases[i].ground, CELL_SELECTED);
        OK(fmin(plain, chosen) >= cases[i].wanted, cases[i].sentence);
        printf("# %s: %.1f, the cursor's row %.1f\n", theme_word(cases[i].theme), plain, chosen);
    }
}

/* What a role is can be seen with no colour at all, or is said by a word beside it. */
static void test_attributes(void)
{
    bool none = true, own = true, reversed = true;
    for (int theme = 0; theme < THEME_COUNT; theme++)
        for (int role = 0; role < ROLE_COUNT; role++) {
            struct theme_look look = theme_look((enum theme)theme, role, 0);
            none = none && look.colour < 0 && look.ground < 0;
            look = theme_look((enum theme)theme, role | CELL_SELECTED, 0);
            reversed = reversed && look.attributes & THEME_REVERSE;
            look = theme_look((enum theme)theme, role, 8);
            none = none && look.colour < 8 && look.ground < 8;
            look = theme_look(THEME_SIXTEEN, role, 256);
            own = own && look.colour < 16 && look.ground < 0;
        }
    OK(none, "no more colours than there are");
    OK(reversed, "the cursor's row is reversed in every theme");
    OK(own, "the theme 16 uses the terminal's own sixteen only");
}

static void test_choice(void)
{
    enum theme theme = THEME_COUNT;
    OK(theme_find("contrast", &theme) && theme == THEME_CONTRAST, "a theme by its name");
    OK(!theme_find("Dark", &theme) && !theme_find("", &theme), "and by no other");
    OK(theme_for_ground(NULL) == THEME_DARK && theme_for_ground("15;0") == THEME_DARK &&
           theme_for_ground("7;8") == THEME_DARK && theme_for_ground("") == THEME_DARK,
       "dark where nothing else is said");
    OK(theme_for_ground("0;15") == THEME_LIGHT && theme_for_ground("0;default;7") == THEME_LIGHT,
       "light where COLORFGBG says so");
}

int main(void)
{
    test_contrast();
    test_attributes();
    test_choice();
    return tap_done();
}
