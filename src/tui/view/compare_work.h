/* SPDX-License-Identifier: MIT */
/*
 * Measure all again from the Compare screen: one job that runs all of them in turns.
 *
 * It is asked first on which data, then the user whether; nothing is sent before that.
 */
#ifndef PARE_TUI_VIEW_COMPARE_WORK_H
#define PARE_TUI_VIEW_COMPARE_WORK_H

#include "base/arena.h"
#include "registry/comparison.h"
#include "tui/key.h"

struct app;
struct canvas;

enum compare_work_state {
    COMPARE_WORK_NONE,
    COMPARE_WORK_LOOKING, /* which datasets there are */
    COMPARE_WORK_ASKING,  /* the user */
    COMPARE_WORK_WRITING,
};

struct compare_work {
    struct app *app;
    enum compare_work_state state;
    struct arena arena;
    const char *dataset; /* as it is stored, in the arena */
    char digest[17];     /* the first digits of what the shown numbers were got on; "" unknown */
    int64_t ids[COMPARISON_MAX]; /* whom it is about, as the question was put */
    size_t count, baseline;
};

/* `app` outlives it. */
void compare_work_init(struct compare_work *work, struct app *app);
void compare_work_done(struct compare_work *work);

void compare_work_begin(struct compare_work *work, const struct comparison *comparison);
/* True: the key was the answer. */
bool compare_work_key(struct compare_work *work, const struct comparison *comparison,
                      const struct key *key);
/* The question, while it is asked: lines that it takes at the area's end, and the command. */
int compare_work_rows(const struct compare_work *work);
void compare_work_draw(const struct compare_work *work, struct canvas *canvas, int row);
bool compare_work_command(const struct compare_work *work, const struct comparison *comparison,
                          struct buf *buf);

#endif
