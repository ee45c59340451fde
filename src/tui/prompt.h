/* SPDX-License-Identifier: MIT */
/* One line that is being typed. A paste goes in as it stands and is never a command. */
#ifndef PARE_TUI_PROMPT_H
#define PARE_TUI_PROMPT_H

#include "base/base.h"
#include "tui/key.h"

struct canvas;

enum { PROMPT_MAX = 512 };

struct prompt {
    char text[PROMPT_MAX]; /* clean UTF-8 */
    size_t length, cursor; /* bytes; the cursor stands between characters */
};

enum prompt_news {
    PROMPT_NOTHING, /* no use for that key */
    PROMPT_MOVED,
    PROMPT_EDITED,
    PROMPT_ENTERED,
    PROMPT_LEFT, /* Escape */
};

void prompt_set(struct prompt *prompt, const char *text);
enum prompt_news prompt_key(struct prompt *prompt, const struct key *key);

/* Draw it `columns` wide, the part around the cursor, and rest the terminal's cursor there. */
void prompt_draw(const struct prompt *prompt, struct canvas *canvas, int row, int column,
                 int columns);

#endif
