/* SPDX-License-Identifier: MIT */
/* What a promote or a rollback would change, in words and numbers. */
#ifndef PARE_TUI_VIEW_PREVIEW_H
#define PARE_TUI_VIEW_PREVIEW_H

#include "registry/browse.h"
#include "tui/lines.h"

/*
 * How it is laid out: on a narrow screen what changes comes first and nothing is lined up; on a wide
 * one there are bars.
 */
enum preview_width { PREVIEW_NARROW = 1, PREVIEW_NORMAL, PREVIEW_WIDE };
enum preview_width preview_width_for(int columns);

/* Fill `lines` anew; `undoable` is what a rollback takes back, NULL for a promote. */
void preview_fill(struct lines *lines, const struct browse_look *look,
                  const struct undoable *undoable, enum preview_width width, bool ascii);

#endif
