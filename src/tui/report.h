/* SPDX-License-Identifier: MIT */
/*
 * What a terminal says and no keyboard does: the mouse (SGR 1006), and its answers to OSC 11
 * and DECRQM. They come as input among the keys, whenever it suits the terminal.
 *
 *   ESC [ < button ; column ; row M|m        ESC ] 11 ; rgb : R / G / B  BEL or ESC \
 *   ESC [ ? 2026 ; state $ y
 */
#ifndef PARE_TUI_REPORT_H
#define PARE_TUI_REPORT_H

#include "tui/key.h"

/* Whether the bytes begin like a report, so that their rest is worth waiting for. */
bool report_begins(const unsigned char *bytes, size_t count);

/* The length of ESC ] ... to its end, 0 when that is not there yet. What cannot be one ends early. */
size_t report_osc_length(const unsigned char *bytes, size_t count);

/* What a whole sequence says, from its ESC on; KEY_OTHER when it is of no use. */
struct key report_read(const unsigned char *bytes, size_t length);

#endif
