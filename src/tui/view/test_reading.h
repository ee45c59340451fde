/* SPDX-License-Identifier: MIT */
/*
 * A test as it is now: rolled up as far as this role may, read, judged. Nothing of it is waited for.
 *
 * What was read before stays until something newer is there.
 */
#ifndef PARE_TUI_VIEW_TEST_READING_H
#define PARE_TUI_VIEW_TEST_READING_H

#include "registry/browse_tests.h"
#include "tui/view/test_roll.h"

struct test_reading {
    struct app *app;
    void *owner;
    void (*done)(void *owner);
    int64_t id;
    struct test_roll roll;
    struct arena arena;        /* of what was read: */
    struct browse_test *found; /* NULL: nothing yet */
    bool coarse;               /* how the test keeps its latencies, as far as is known */
    bool asked, gone;
    int64_t came_ms;
    struct pare_error error; /* of the last round; code 0: it was read */
};

/* `owner` and `app` outlive it. */
void test_reading_init(struct test_reading *reading, struct app *app, int64_t id, void *owner,
                       void (*done)(void *owner));
void test_reading_done(struct test_reading *reading);

/* One round, which ends with a call of `done`. False: there is no connection, or one is under way. */
bool test_reading_start(struct test_reading *reading);

#endif
