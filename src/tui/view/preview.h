/* SPDX-License-Identifier: MIT */
/* What a promote or a rollback would change, in words and numbers. */
#ifndef PARE_TUI_VIEW_PREVIEW_H
#define PARE_TUI_VIEW_PREVIEW_H

#include "registry/browse.h"
#include "tui/lines.h"

/* Fill `lines` anew; `undoable` is what a rollback takes back, NULL for a promote. */
void preview_fill(struct lines *lines, const struct browse_look *look,
                  const struct undoable *undoable);

#endif
