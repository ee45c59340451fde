/* SPDX-License-Identifier: MIT */
/*
 * A test as lines of text, for a screen on which its table would be cut: the verdict, what it is
 * about, then all the rest.
 */
#ifndef PARE_TUI_VIEW_TEST_BRIEF_H
#define PARE_TUI_VIEW_TEST_BRIEF_H

#include "registry/browse_tests.h"
#include "tui/lines.h"

struct rows;

/* Fill `lines` anew; `more` is what the newest results say, a line each. */
void test_brief_fill(struct lines *lines, const struct browse_test *found, const struct rows *rows,
                     const char *more);

#endif
