/* SPDX-License-Identifier: MIT */
/*
 * A terminal of lines, for screen readers, dumb terminals and logs: --plain.
 *
 * A frame is the same canvas as everywhere; what is written of it are the lines that are new
 * since the last one, top to bottom, the cursor's behind a ">". No cursor is moved and no
 * byte steers anything. The terminal keeps its own modes, so keys come a line at a time.
 */
#ifndef PARE_TUI_PLAIN_H
#define PARE_TUI_PLAIN_H

#include "base/base.h"

struct canvas;
struct pare_error;
struct plain;

MUST_CHECK bool plain_open(struct plain **ret_plain, struct pare_error *err);
void plain_close(struct plain *plain); /* NULL is fine */

void plain_size(const struct plain *plain, int *ret_rows, int *ret_columns);

/* A line has come from the keyboard: another prompt is due, whatever it changes. */
void plain_heard(struct plain *plain);
/* All of the next frame is new. */
void plain_forget(struct plain *plain);

void plain_show(struct plain *plain, const struct canvas *canvas);

/*
 * Which of the `count` lines are new: not part of the longest common subsequence with the
 * `old_count` lines before, so that lines which only moved up or down together are not.
 * In ret_from[i] the place of line i among the old ones, or -1.
 */
enum { PLAIN_ROWS_MAX = 200 };
void plain_compare(char *const old[], int old_count, char *const lines[], int count,
                   int ret_from[]);

#endif
