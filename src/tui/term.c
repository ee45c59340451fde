/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE_EXTENDED 1
#define NCURSES_NOMACROS 1
#include "tui/term.h"

#include <langinfo.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "tui/canvas.h"
#include "tui/rescue.h"

/* Of <term.h>, whose macros (columns, lines, struct term) would fight with everybody else's names. */
extern int setupterm(const char *name, int fd, int *ret_found);
extern void *set_curterm(void *description);
extern int del_curterm(void *description);

static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";

struct term {
    SCREEN *screen;
    struct termios before; /* modes to go back to */
    struct canvas shown;   /* what is on the screen */
    bool all;              /* draw all of the next frame */
    bool ascii;
    int colours; /* 0: none */
};

/* ---- open and close ---- */

static bool refuse(struct pare_error *err, const char *why)
{
    return error_set(err, PARE_ERR_USAGE, "%s; without the browser: pare list", why);
}

static bool check_terminal(struct pare_error *err)
{
    const char *name = getenv("TERM");
    int found = 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return refuse(err, "the browser needs a terminal for its input and output");
    if (!name || !*name)
        return refuse(err, "TERM is not set, so the kind of terminal is not known");
    if (setupterm(name, STDOUT_FILENO, &found) != OK || found != 1)
        return error_set(err, PARE_ERR_USAGE,
                         "TERM=%.80s is not known on this machine; without the browser: pare list",
                         name);
    const char *move = tigetstr("cup");
    bool moves = move && move != (char *)-1;
    del_curterm(set_curterm(NULL)); /* newterm() reads it again */
    if (!moves)
        return error_set(err, PARE_ERR_USAGE,
                         "TERM=%.80s cannot place a cursor; without the browser: pare list", name);
    return true;
}

static size_t put_capability(char *to, size_t used, const char *name)
{
    const char *bytes = tigetstr(name);
    size_t length = bytes && bytes != (char *)-1 ? strcspn(bytes, "$") : 0; /* without padding */
    if (used + length > RESCUE_BYTES_MAX)
        return used;
    if (length)
        memcpy(to + used, bytes, length);
    return used + length;
}

static void arm(struct term *term)
{
    char bytes[RESCUE_BYTES_MAX];
    size_t used = sizeof(paste_off) - 1;
    memcpy(bytes, paste_off, used);
    used = put_capability(bytes, used, "sgr0");
    used = put_capability(bytes, used, "cnorm");
    used = put_capability(bytes, used, "rmcup");
    rescue_arm(STDOUT_FILENO, bytes, used, &term->before);
}

static void start_colours(struct term *term, bool wanted)
{
    const char *refused = getenv("NO_COLOR");
    if (!wanted || (refused && *refused) || start_color() != OK || !has_colors())
        return;
    if (use_default_colors() != OK)
        return;
    term->colours = COLORS;
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct theme_look look = theme_look((enum theme_role)role, term->colours);
        if (look.colour >= 0 && role + 1 < COLOR_PAIRS)
            init_pair((short)(role + 1), (short)look.colour, -1);
    }
}

static void set_modes(void)
{
    struct termios modes;
    cbreak();
    noecho();
    nonl();
    if (tcgetattr(STDIN_FILENO, &modes) == 0) {
        modes.c_iflag &= ~(tcflag_t)IXON; /* a stray Ctrl-S must not freeze the screen */
        tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    }
    def_prog_mode();
    typeahead(-1);
    curs_set(1);
}

static void say(const char *bytes)
{
    if (write(STDOUT_FILENO, bytes, strlen(bytes)) < 0)
        return; /* the terminal is gone: the loop will notice */
}

bool term_open(const struct term_options *options, struct term **ret_term, struct pare_error *err)
{
    if (!check_terminal(err))
        return false;
    struct term *term = calloc(1, sizeof(*term));
    if (!term)
        return error_no_memory(err, sizeof(*term));
    tcgetattr(STDIN_FILENO, &term->before);
    set_escdelay(25);
    term->screen = newterm(NULL, stdout, stdin);
    if (!term->screen) {
        free(term);
        return refuse(err, "curses cannot use this terminal");
    }
    term->all = true;
    term->ascii = options->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    set_modes();
    start_colours(term, !options->no_colour);
    arm(term);
    say(paste_on);
    *ret_term = term;
    return true;
}

void term_close(struct term *term)
{
    if (!term)
        return;
    say(paste_off);
    curs_set(1);
    endwin();
    rescue_disarm();
    tcsetattr(STDIN_FILENO, TCSANOW, &term->before);
    delscreen(term->screen);
    canvas_done(&term->shown);
    free(term);
}

int term_fd(const struct term *term)
{
    (void)term;
    return STDIN_FILENO;
}

bool term_is_ascii(const struct term *term)
{
    return term->ascii;
}

void term_size(struct term *term, int *ret_rows, int *ret_columns)
{
    struct winsize size;
    *ret_rows = LINES;
    *ret_columns = COLS;
    (void)term;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        *ret_rows = MIN(size.ws_row, CANVAS_SIDE_MAX);
        *ret_columns = MIN(size.ws_col, CANVAS_SIDE_MAX);
    }
}

/* ---- frames ---- */

static attr_t attributes_of(const struct term *term, const struct cell *cell, short *ret_pair)
{
    enum theme_role role = cell->role & CELL_ROLE;
    struct theme_look look = theme_look(role, term->colours);
    attr_t attributes = A_NORMAL;
    *ret_pair = 0;
    if (cell->role & CELL_SELECTED)
        return A_REVERSE | (look.attributes & THEME_BOLD ? A_BOLD : A_NORMAL);
    if (look.attributes & THEME_BOLD)
        attributes |= A_BOLD;
    if (look.attributes & THEME_FAINT)
        attributes |= A_DIM;
    if (look.attributes & THEME_REVERSE)
        attributes |= A_REVERSE;
    if (look.attributes & THEME_UNDERLINE)
        attributes |= A_UNDERLINE;
    if (look.colour >= 0)
        *ret_pair = (short)(role + 1);
    return attributes;
}

static void show_row(const struct term *term, const struct cell *cells, int row, int columns)
{
    for (int column = 0; column < columns; column++) {
        const struct cell *cell = &cells[column];
        cchar_t shown;
        short pair;
        if (cell->columns == 0)
            continue;
        attr_t attributes = attributes_of(term, cell, &pair);
        if (setcchar(&shown, cell->text, attributes, pair, NULL) == OK)
            mvadd_wch(row, column, &shown);
    }
}

static bool same_size(struct term *term, const struct canvas *canvas)
{
    struct pare_error ignored;
    if (term->shown.rows == canvas->rows && term->shown.columns == canvas->columns)
        return true;
    resizeterm(canvas->rows, canvas->columns);
    term->all = true;
    return canvas_resize(&term->shown, canvas->rows, canvas->columns, &ignored);
}

void term_show(struct term *term, const struct canvas *canvas)
{
    size_t row_bytes = (size_t)canvas->columns * sizeof(struct cell);
    bool changed = !same_size(term, canvas) || term->all;
    if (term->all)
        clearok(stdscr, TRUE);
    for (int row = 0; row < canvas->rows; row++) {
        size_t at = (size_t)row * (size_t)canvas->columns;
        if (!term->all && !memcmp(term->shown.cells + at, canvas->cells + at, row_bytes))
            continue;
        show_row(term, canvas->cells + at, row, canvas->columns);
        memcpy(term->shown.cells + at, canvas->cells + at, row_bytes);
        changed = true;
    }
    if (!changed && term->shown.cursor_row == canvas->cursor_row &&
        term->shown.cursor_column == canvas->cursor_column)
        return;
    term->all = false;
    term->shown.cursor_row = canvas->cursor_row;
    term->shown.cursor_column = canvas->cursor_column;
    move(canvas->cursor_row, canvas->cursor_column);
    wnoutrefresh(stdscr);
    doupdate();
}

/* ---- stopped and continued ---- */

void term_suspend(struct term *term)
{
    say(paste_off);
    curs_set(1);
    endwin();
    tcsetattr(STDIN_FILENO, TCSANOW, &term->before);
    kill(getpid(), SIGSTOP);
    term_resume(term);
}

void term_resume(struct term *term)
{
    reset_prog_mode();
    say(paste_on);
    term->all = true;
}
