/* SPDX-License-Identifier: MIT */
/* What cannot be a slip: a word that is typed, and where it is wanted a reason for the history. */
#ifndef PARE_TUI_VIEW_CONFIRM_H
#define PARE_TUI_VIEW_CONFIRM_H

#include "tui/prompt.h"

struct app;
struct canvas;

enum confirm_reason { CONFIRM_NO_REASON, CONFIRM_MAY_GIVE, CONFIRM_MUST_GIVE };

enum { CONFIRM_WORD, CONFIRM_REASON, CONFIRM_FIELDS };

struct confirm {
    const char *word; /* the owner's: what has to be typed */
    enum confirm_reason wants;
    struct prompt fields[CONFIRM_FIELDS];
    int field;
};

void confirm_begin(struct confirm *confirm, const char *word, enum confirm_reason wants);

/* The given reason, NULL without one. */
const char *confirm_reason(const struct confirm *confirm);

enum confirm_news {
    CONFIRM_TYPING,
    CONFIRM_GIVEN, /* the word stands there, and the reason where one is a must */
    CONFIRM_LEFT,  /* Escape, or Enter on an empty word */
};
enum confirm_news confirm_key(struct confirm *confirm, struct app *app, const struct key *key);

enum { CONFIRM_ROWS = 3 };
/* What is asked for, wrapped where it has to be, then the fields; and the rows that takes. */
int confirm_rows(const char *question, int columns);
void confirm_draw(const struct confirm *confirm, struct canvas *canvas, int row,
                  const char *question);

#endif
