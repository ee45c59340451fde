/* SPDX-License-Identifier: MIT */
/*
 * The table of a screen into a file, under a name that is typed at the foot.
 *
 * What is written is what the screen's own command prints: that command runs beside the
 * loop, on a connection of its own, into a file that takes its name when it is whole.
 * So a file from here and one from a script are the same, all columns of all rows.
 */
#ifndef PARE_TUI_EXPORT_H
#define PARE_TUI_EXPORT_H

#include <sys/types.h>

#include "base/file.h"
#include "tui/prompt.h"

struct app;
struct canvas;

struct export
{
    bool asking; /* the name is being typed, */
    bool warned; /* is there already, and that has been said */
    struct prompt prompt;
    pid_t pid; /* of the process that writes; 0: none does */
    struct file_out out;
    int words_fd; /* what it has to say */
    bool over;    /* a file of that name may be replaced */
    int64_t told_ms;
};

/* Ask for the name; or say that there is no table. */
void export_ask(struct app *app);
/* A key, while the name is being typed. */
void export_key(struct app *app, const struct key *key);
void export_draw(const struct export *export, struct canvas *canvas, int row);

void export_step(struct app *app);
int64_t export_deadline(const struct app *app);

/* The file under way, if any: given up, nothing of it stays. True when there was one. */
bool export_done(struct export *export);

/* "csv" and its like of a file's name; NULL when it has no such suffix. */
const char *export_format(const char *path);

#endif
