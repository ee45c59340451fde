/* SPDX-License-Identifier: MIT */
/* What comes from the terminal - keys, clicks, its answers - and to whom it goes. */
#ifndef PARE_TUI_TYPING_H
#define PARE_TUI_TYPING_H

#include "base/base.h"

struct app;

/* Take what has come. False when the terminal is gone. */
MUST_CHECK bool typing_read(struct app *app);

/* The rest of a key has not come in time: what is there is taken as it stands. */
void typing_late(struct app *app);

#endif
