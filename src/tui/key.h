/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a keyboard into keys, without ever waiting.
 *
 * Curses would wait inside its own read for the rest of an escape sequence, so the
 * bytes are read and understood here: UTF-8, the cursor and editing keys of the xterm
 * family in both modes, bracketed paste, the mouse, and what the terminal answers when it
 * was asked (of which colour its ground is, whether it can hold a frame back). What a terminfo entry says differently is
 * not needed: every action has a letter.
 */
#ifndef PARE_TUI_KEY_H
#define PARE_TUI_KEY_H

#include "base/base.h"

enum key_kind {
    KEY_NONE,   /* the bytes so far are the start of something */
    KEY_TEXT,   /* one character, in text */
    KEY_PASTED, /* the same, from inside a bracketed paste */
    KEY_ENTER,
    KEY_TAB,
    KEY_ESCAPE,
    KEY_RUBOUT,
    KEY_UP,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_CTRL,         /* text[0] is the letter, 'a'... */
    KEY_MOUSE,        /* a button went down, or the wheel turned */
    KEY_GROUND_LIGHT, /* an answer to OSC 11: what is written on is light, */
    KEY_GROUND_DARK,  /* or dark */
    KEY_HOLDS_FRAMES, /* an answer to DECRQM: synchronized output is known */
    KEY_OTHER,        /* understood and of no use */
};

enum key_button { KEY_BUTTON_LEFT, KEY_BUTTON_OTHER, KEY_WHEEL_UP, KEY_WHEEL_DOWN };

struct key {
    enum key_kind kind;
    char text[5];           /* UTF-8, zero-terminated */
    enum key_button button; /* of KEY_MOUSE, as are */
    int row, column;        /* from 0 */
};

enum { KEY_BYTES_MAX = 4096, KEY_ESCAPE_MS = 25, KEY_REPORT_PATIENCE = 40 };

struct key_reader {
    unsigned char bytes[KEY_BYTES_MAX];
    size_t start, end;
    bool pasting;
    int late; /* how often the rest of a report has not come in time */
};

/* Where to read to: room for at least one byte, its size in *ret_room. Then say how many came. */
unsigned char *key_room(struct key_reader *reader, size_t *ret_room);
void key_came(struct key_reader *reader, size_t count);

/*
 * The next key; false when there is none yet. With `late` what has waited KEY_ESCAPE_MS for
 * its rest is taken as it stands: a lone ESC is the Escape key. What only a terminal says (never
 * a keyboard) may be in pieces for KEY_REPORT_PATIENCE times as long.
 */
bool key_next(struct key_reader *reader, bool late, struct key *ret_key);

/* Whether bytes wait for their rest. */
bool key_is_partial(const struct key_reader *reader);

#endif
