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

#include "base/clock.h"
#include "base/error.h"
#include "tui/canvas.h"
#include "tui/plain.h"
#include "tui/rescue.h"

/* Of <term.h>, whose macros (columns, lines, struct term) would fight with everybody else's names. */
extern int setupterm(const char *name, int fd, int *ret_found);
extern void *set_curterm(void *description);
extern int del_curterm(void *description);

static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";
static const char mouse_on[] = "\033[?1000h\033[?1006h", mouse_off[] = "\033[?1006l\033[?1000l";
static const char frame_begin[] = "\033[?2026h", frame_end[] = "\033[?2026l";
static const char ask_frames[] = "\033[?2026$p", ask_ground[] = "\033]11;?\033\\";

enum { ANSWER_MS = 1000 };

struct term {
    struct plain *plain; /* instead of all that follows but `ascii`; NULL: curses */
    SCREEN *screen;
    struct termios before; /* modes to go back to */
    struct canvas shown;   /* what is on the screen */
    bool all;              /* draw all of the next frame */
    bool ascii, mouse;
    bool holds_frames;
    int64_t asked_ms; /* when it was asked what it can do; 0: never */
    int colours;      /* 0: none */
    enum theme theme;
};

/* ---- open and close ---- */

static bool refuse(struct pare_error *err, const char *why)
{
    return error_set(err, PARE_ERR_USAGE, "%s; without the browser: pare list, or pare --plain",
                     why);
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
                         "TERM=%.80s is not known on this machine; without the browser: pare list, "
                         "or pare --plain",
                         name);
    const char *move = tigetstr("cup");
    bool moves = move && move != (char *)-1;
    del_curterm(set_curterm(NULL)); /* newterm() reads it again */
    if (!moves)
        return error_set(
            err, PARE_ERR_USAGE,
            "TERM=%.80s cannot place a cursor; without the browser: pare list, or pare --plain",
            name);
    return true;
}

static size_t put(char *to, size_t used, const char *bytes, size_t length)
{
    if (used + length > RESCUE_BYTES_MAX)
        return used;
    if (length)
        memcpy(to + used, bytes, length);
    return used + length;
}

static size_t put_capability(char *to, size_t used, const char *name)
{
    const char *bytes = tigetstr(name);
    /* without padding */
    return put(to, used, bytes, bytes && bytes != (char *)-1 ? strcspn(bytes, "$") : 0);
}

static void arm(struct term *term)
{
    char bytes[RESCUE_BYTES_MAX];
    size_t used = put(bytes, 0, paste_off, sizeof(paste_off) - 1);
    if (term->mouse)
        used = put(bytes, used, mouse_off, sizeof(mouse_off) - 1);
    if (term->holds_frames)
        used = put(bytes, used, frame_end, sizeof(frame_end) - 1);
    used = put_capability(bytes, used, "sgr0");
    used = put_capability(bytes, used, "cnorm");
    used = put_capability(bytes, used, "rmcup");
    rescue_arm(STDOUT_FILENO, bytes, used, &term->before);
}

static void make_pairs(const struct term *term)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct theme_look look = theme_look(term->theme, role, term->colours);
        if (term->colours > 0 && role + 1 < COLOR_PAIRS)
            init_pair((short)(role + 1), (short)look.colour, (short)look.ground);
    }
}

static void start_colours(struct term *term, bool wanted)
{
    const char *refused = getenv("NO_COLOR");
    if (!wanted || (refused && *refused) || start_color() != OK || !has_colors())
        return;
    if (use_default_colors() != OK)
        return;
    term->colours = COLORS;
    make_pairs(term);
}

static void set_modes(void)
{
    struct termios modes;
    cbreak();
    noecho();
    nonl();
    if (tcgetattr(STDIN_FILENO, &modes) == 0) {
        modes.c_iflag &= ~(tcflag_t)IXON; /* a stray Ctrl-S must not freeze the screen */
        modes.c_lflag &= ~(tcflag_t)ISIG; /* a pasted Ctrl-C is no wish to leave: see typing.c */
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

static bool is_ascii(const struct term_options *options)
{
    return options->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

static bool open_plain(const struct term_options *options, struct term **ret_term,
                       struct pare_error *err)
{
    struct term *term = calloc(1, sizeof(*term));
    if (!term)
        return error_no_memory(err, sizeof(*term));
    term->ascii = is_ascii(options);
    if (!plain_open(&term->plain, err)) {
        free(term);
        return false;
    }
    *ret_term = term;
    return true;
}

static void say_modes(const struct term *term)
{
    say(paste_on);
    if (term->mouse)
        say(mouse_on);
}

static void unsay_modes(const struct term *term)
{
    say(paste_off);
    if (term->mouse)
        say(mouse_off);
}

/* The Linux console would write parts of the questions onto the screen. */
static void ask(struct term *term, bool ground)
{
    const char *name = getenv("TERM");
    if (name && !strcmp(name, "linux"))
        return;
    term->asked_ms = clock_now_ms();
    say(ask_frames);
    if (ground && term->colours > 0)
        say(ask_ground);
}

/* ncurses sets the palette back when it leaves; it is the user's, and nothing here changes it. */
static void keep_palette(void)
{
    char *bytes = tigetstr("oc");
    if (bytes && bytes != (char *)-1)
        *bytes = '\0';
}

bool term_open(const struct term_options *options, struct term **ret_term, struct pare_error *err)
{
    if (options->plain)
        return open_plain(options, ret_term, err);
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
    term->ascii = is_ascii(options);
    term->mouse = options->mouse;
    term->theme = options->theme;
    keep_palette();
    /* Until it has left once, ncurses writes after each move of the cursor; then frame by frame. */
    endwin();
    set_modes();
    reset_prog_mode(); /* at once: an answer must not be echoed */
    start_colours(term, !options->no_colour);
    arm(term);
    say_modes(term);
    ask(term, options->ask_ground);
    *ret_term = term;
    return true;
}

void term_close(struct term *term)
{
    if (!term)
        return;
    if (term->plain) {
        plain_close(term->plain);
        free(term);
        return;
    }
    /* An answer that comes now would be taken for the next command. */
    bool owed = term->asked_ms && clock_now_ms() - term->asked_ms < ANSWER_MS;
    unsay_modes(term);
    curs_set(1);
    endwin();
    rescue_disarm();
    tcsetattr(STDIN_FILENO, owed ? TCSAFLUSH : TCSANOW, &term->before);
    delscreen(term->screen);
    canvas_done(&term->shown);
    free(term);
}

int term_fd(const struct term *term)
{
    (void)term;
    return STDIN_FILENO;
}

void term_suit(const struct term *term, struct canvas *canvas)
{
    canvas->ascii = term->ascii || term->plain;
    canvas->letters = !term->ascii;
}

void term_heard(struct term *term)
{
    if (term->plain)
        plain_heard(term->plain);
}

void term_send(struct term *term, const void *bytes, size_t length)
{
    if (!term->plain && write(STDOUT_FILENO, bytes, length) < 0)
        return; /* the terminal is gone: the loop will notice */
}

bool term_set_theme(struct term *term, enum theme theme)
{
    if (term->plain || term->theme == theme)
        return false;
    term->theme = theme;
    make_pairs(term);
    term->all = true;
    return true;
}

void term_hold_frames(struct term *term)
{
    if (term->plain)
        return;
    term->holds_frames = true;
    arm(term);
}

void term_size(struct term *term, int *ret_rows, int *ret_columns)
{
    struct winsize size;
    if (term->plain) {
        plain_size(term->plain, ret_rows, ret_columns);
        return;
    }
    *ret_rows = LINES;
    *ret_columns = COLS;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        *ret_rows = MIN(size.ws_row, CANVAS_SIDE_MAX);
        *ret_columns = MIN(size.ws_col, CANVAS_SIDE_MAX);
    }
}

/* ---- frames ---- */

static attr_t attributes_of(const struct term *term, const struct cell *cell, short *ret_pair)
{
    struct theme_look look = theme_look(term->theme, cell->role, term->colours);
    int role = cell->role & CELL_SELECTED ? ROLE_PLAIN : cell->role & CELL_ROLE;
    attr_t attributes = A_NORMAL;
    *ret_pair = look.colour >= 0 || look.ground >= 0 ? (short)(role + 1) : 0;
    if (look.attributes & THEME_BOLD)
        attributes |= A_BOLD;
    if (look.attributes & THEME_FAINT)
        attributes |= A_DIM;
    if (look.attributes & THEME_REVERSE)
        attributes |= A_REVERSE;
    if (look.attributes & THEME_UNDERLINE)
        attributes |= A_UNDERLINE;
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
    if (term->plain) {
        plain_show(term->plain, canvas);
        return;
    }
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
    if (term->holds_frames)
        say(frame_begin);
    doupdate();
    if (term->holds_frames)
        say(frame_end);
}

/* ---- stopped and continued ---- */

void term_suspend(struct term *term)
{
    if (!term->plain) {
        unsay_modes(term);
        curs_set(1);
        endwin();
        tcsetattr(STDIN_FILENO, TCSANOW, &term->before);
    }
    kill(getpid(), SIGSTOP);
    term_resume(term);
}

void term_resume(struct term *term)
{
    if (term->plain) {
        plain_forget(term->plain);
        return;
    }
    reset_prog_mode();
    say_modes(term);
    term->all = true;
}
