/* SPDX-License-Identifier: MIT */
/* Commands as a person can paste them into a shell. */
#ifndef PARE_TUI_SHELL_H
#define PARE_TUI_SHELL_H

#include "base/shell.h"

struct buf;

/* NAME:VERSION, or --name N --version V where that could be misread. */
void shell_ref(struct buf *buf, const char *name, const char *version);

#endif
