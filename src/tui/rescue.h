/* SPDX-License-Identifier: MIT */
/*
 * Signals of a program that holds a terminal.
 *
 * What can wait becomes a byte in a pipe, which the event loop reads. What cannot (a
 * crash) puts the terminal back with fixed bytes and tcsetattr(), both safe in a
 * handler, and then takes its usual course, core file and all.
 */
#ifndef PARE_TUI_RESCUE_H
#define PARE_TUI_RESCUE_H

#include <termios.h>

#include "base/base.h"

struct pare_error;

enum { RESCUE_BYTES_MAX = 256 };

/* Catch signals; the descriptor to wait for in *ret_fd. One at a time in a process. */
MUST_CHECK bool rescue_open(int *ret_fd, struct pare_error *err);
void rescue_close(void);

/* The next signal that came, 0 when there is none. */
int rescue_next(int fd);

/* From now on a crash writes `bytes` to descriptor `fd` and sets `modes`. */
void rescue_arm(int fd, const char *bytes, size_t length, const struct termios *modes);
void rescue_disarm(void);

#endif
