/* SPDX-License-Identifier: MIT */
/* Commands as a person can paste them into a shell. */
#ifndef PARE_TUI_SHELL_H
#define PARE_TUI_SHELL_H

struct buf;

/* One word: as it stands where that is safe, else in single quotes. */
void shell_quote(struct buf *buf, const char *word);

/* NAME:VERSION, or --name N --version V where that could be misread. */
void shell_ref(struct buf *buf, const char *name, const char *version);

#endif
