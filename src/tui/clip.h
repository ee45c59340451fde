/* SPDX-License-Identifier: MIT */
/*
 * Copies that arrive: into a file always, and to the clipboard by the way that works here.
 *
 * Inside tmux its own buffer is loaded, which tmux hands on to the terminal around it; what
 * tmux is asked runs beside the loop. Elsewhere, and where tmux refuses, the terminal is
 * asked by OSC 52, which no terminal confirms. The clipboard is never read.
 */
#ifndef PARE_TUI_CLIP_H
#define PARE_TUI_CLIP_H

#include <sys/types.h>

#include "base/base.h"
#include "base/buf.h"

struct app;

/* So many bytes of base64 at most go to a terminal; more of them some do not take. */
enum { CLIP_BASE64_MAX = 74994 };

struct clip {
    struct buf text;  /* what is being copied, clean */
    pid_t tmux;       /* that is at it; 0: none is */
    int64_t until_ms; /* for so long it is waited for */
    bool in_file;     /* the text is in the file too */
};

/* Copy: what comes of it is said when it is known. Lines stay lines, all else is made clean. */
void clip_copy(struct app *app, const char *text);

/* What the view on top gives; else the line under its cursor. */
void clip_copy_view(struct app *app);

/* See what tmux made of it. */
void clip_step(struct app *app);
int64_t clip_deadline(const struct app *app);
/* What tmux is at it finishes without us. */
void clip_done(struct clip *clip);

/* Clean text, line by line, appended to `to`. */
void clip_clean(const char *text, struct buf *to);

/* What sets a terminal's clipboard; in pieces that GNU screen hands on, inside it. */
void clip_put_sequence(const char *text, size_t length, bool in_screen, struct buf *to);

#endif
