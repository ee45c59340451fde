/* SPDX-License-Identifier: MIT */
/*
 * How long something took, and when it is time again: a clock that only goes
 * forward, whatever happens to the date. Its zero means nothing; only the
 * difference of two readings in one boot does.
 */
#ifndef PARE_BASE_CLOCK_H
#define PARE_BASE_CLOCK_H

#include "base/base.h"

/* Milliseconds, never less than before and never 0: a field that is 0 has seen no reading. */
int64_t clock_now_ms(void);

/* Sleep. A signal ends it early, so that a loop soon sees what the signal asked for. */
void clock_pause_ms(int ms);

#endif
