/* SPDX-License-Identifier: MIT */
/* What a test says, in sentences: each appends to `buf`. */
#ifndef PARE_TUI_VIEW_TEST_WORDS_H
#define PARE_TUI_VIEW_TEST_WORDS_H

#include "registry/browse_tests.h"

struct rows;

/* "* NAME:VERSION", the star where it is the default; "#17 (vanished)". */
void test_put_arm(const struct abtest_arm *arm, const struct rows *rows, struct buf *buf);

/* The verdict's sentence and its reason. */
void test_put_verdict(const struct browse_test *found, struct buf *buf);

/* How it ended, where pare knows; else what would change the verdict, with numbers where they are known. */
void test_put_next(const struct browse_test *found, struct buf *buf);

/* "[x] requests  [ ] guardrail": what stands against promoting B is open. */
void test_put_gates(const struct browse_test *found, struct buf *buf);

#endif
