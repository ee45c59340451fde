/* SPDX-License-Identifier: MIT */
/* Marking versions in a list, and what is done with those that are marked. */
#ifndef PARE_TUI_VIEW_MARKED_H
#define PARE_TUI_VIEW_MARKED_H

#include "base/base.h"

struct app;
struct browse_row;

/* Mark it, or take its mark away; with too many, or none, the message says so and it is false. */
bool marked_turn(struct app *app, const struct browse_row *row);

/* Compare those that are marked; with one mark or none, this version and its model's default. */
void marked_compare(struct app *app, const struct browse_row *row);

#endif
