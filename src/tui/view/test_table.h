/* SPDX-License-Identifier: MIT */
/* A test's comparison as lines: both arms, the difference, where it lies at any time, its limit. */
#ifndef PARE_TUI_VIEW_TEST_TABLE_H
#define PARE_TUI_VIEW_TEST_TABLE_H

#include "registry/browse_tests.h"
#include "tui/view.h"

enum { TEST_TABLE_ROWS = 2 + ABTEST_ROWS }; /* with titles and requests */

/* As much of it as the area has lines. */
void test_table_draw(struct canvas *canvas, struct view_area area, const struct browse_test *found);

/* A row in words, for where there is no table: both arms, the difference, its limit. Returns its role. */
struct buf;
int test_table_put_row(const struct browse_test *found, const struct abtest_row *row,
                       struct buf *buf);

/* Lines of a text, those that begin with "!" as worries. The last tells when there are more. Returns how many. */
int test_table_badges(struct canvas *canvas, int line, int rows, const char *text);

/* "2d04h", "3h12m", "5m02s", "45s"; "-" for NAN. */
enum { TEST_TIME_ROOM = 24 };
void test_time(double seconds, char to[TEST_TIME_ROOM]);

/* ".80", "1", "0": A's share. */
enum { TEST_SPLIT_ROOM = 16 };
void test_split(const struct abtest *test, char to[TEST_SPLIT_ROOM]);

/* How a verdict looks. */
int test_state_role(enum decision_state state);

/* The row's guard as the report judges it; NULL: none. */
const struct decision_guard *test_guard(const struct browse_test *found,
                                        const struct abtest_row *row);

#endif
