/* SPDX-License-Identifier: MIT */
/* The names of the A/B tests, for one who begins to type one: asked for once, when first wanted. */
#ifndef PARE_TUI_VIEW_PALETTE_TESTS_H
#define PARE_TUI_VIEW_PALETTE_TESTS_H

#include "base/arena.h"
#include "pare/error.h"

struct abtest;
struct app;

struct palette_tests {
    struct app *app;
    void (*came)(void *owner); /* there is something new to say */
    void *owner;
    bool asked;
    struct arena arena; /* of the tests */
    struct abtest *tests;
    size_t count;
    struct pare_error error; /* why there are none; code 0: nothing wrong */
};

void palette_tests_init(struct palette_tests *tests, struct app *app, void *owner,
                        void (*came)(void *owner));
void palette_tests_done(struct palette_tests *tests);

/* Ask, where that has not been done and there is a connection. */
void palette_tests_want(struct palette_tests *tests);

#endif
