/* SPDX-License-Identifier: MIT */
/*
 * Numbers as the screens print them: three digits that tell, aligned, absent ones blank.
 *
 * A change is printed only between like and like; where both are there and were not
 * measured alike it is "~".
 */
#ifndef PARE_TUI_NUMBER_H
#define PARE_TUI_NUMBER_H

#include "base/base.h"

enum { NUMBER_ROOM = 32 };

/* "4 871" */
void number_count(size_t count, char to[NUMBER_ROOM]);

/* "" for NAN. */
void number_size(double bytes, char to[NUMBER_ROOM]);
void number_latency(double ms, char to[NUMBER_ROOM]);
void number_accuracy(double share, char to[NUMBER_ROOM]);

/* "-70%", "+5%", "x12": `now` against `base`; "" when one is absent, "~" against nothing. */
void number_change(double now, double base, char to[NUMBER_ROOM]);
/* "-0.21": the difference of two shares in percentage points. */
void number_points(double now, double base, char to[NUMBER_ROOM]);

/* The same of changes that an interval leaves open, no wider: "-3%?", "-.21?". */
void number_change_open(double now, double base, char to[NUMBER_ROOM]);
void number_points_open(double now, double base, char to[NUMBER_ROOM]);

/* "2026-03-01 12:00" of an ISO time, as it stands when it is none; "" for NULL. */
void number_when(const char *iso, char to[NUMBER_ROOM]);

#endif
