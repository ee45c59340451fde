/* SPDX-License-Identifier: MIT */
/*
 * A screen that shows a test keeps its roll-up going: look, notice what somebody's SQL started,
 * step.
 *
 * Each is a request of its own and none is waited for. What this role may do is asked as often as
 * is noticed. Where it may not write, it only looks, so that the screen can say how far behind its
 * numbers are; where it may not read the results either, it does nothing. Counting blocks anew is
 * for workers.
 */
#ifndef PARE_TUI_VIEW_TEST_ROLL_H
#define PARE_TUI_VIEW_TEST_ROLL_H

#include "pare/error.h"
#include "registry/rollup.h"

struct app;

struct test_roll {
    struct app *app;
    void (*done)(void *owner);
    void *owner;
    struct rollup rollup;
    int64_t notice_ms; /* when to ask what this role may, and to notice again */
    bool sees, rolls;  /* this role may look; it may step */
    bool moved;        /* the last round did */
    int64_t behind;    /* results that are not in the numbers yet, by their ids; -1: unknown */
    struct pare_error error; /* why the last round failed; code 0: it did not */
};

/* `owner` and `app` outlive it. */
void test_roll_init(struct test_roll *roll, struct app *app, void *owner,
                    void (*done)(void *owner));
void test_roll_done(struct test_roll *roll);

/* One round; it ends with a call of `done`, whatever happened. Wants a connection that is ready. */
void test_roll_step(struct test_roll *roll);

/* The last round moved and more than a step is left: the next one should come soon. */
bool test_roll_hurries(const struct test_roll *roll);

#endif
