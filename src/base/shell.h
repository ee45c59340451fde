/* SPDX-License-Identifier: MIT */
/* Words as a person can paste them into a shell. */
#ifndef PARE_BASE_SHELL_H
#define PARE_BASE_SHELL_H

#include "base/base.h"

struct arena;
struct buf;

/* One word: as it stands where that is safe, else in single quotes. */
void shell_quote(struct buf *buf, const char *word);

/*
 * The words of a command made of plain words and shell_quote(), at most `room`, in `arena`; false
 * for anything else that a shell would take otherwise.
 */
MUST_CHECK bool shell_split(const char *command, struct arena *arena, const char **words,
                            size_t room, size_t *ret_count);

#endif
