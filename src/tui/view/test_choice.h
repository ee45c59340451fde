/* SPDX-License-Identifier: MIT */
/* Whom the end of a test promotes, what that would change, and what stands against it. */
#ifndef PARE_TUI_VIEW_TEST_CHOICE_H
#define PARE_TUI_VIEW_TEST_CHOICE_H

#include "pare/error.h"
#include "registry/browse_tests.h"
#include "tui/lines.h"

struct app;

enum { CHOICE_NOBODY = 'N' };

struct test_choice {
    struct app *app;
    void *owner;
    void (*done)(void *owner); /* the look has come, or `error` tells why not */
    char arm;                  /* 'A', 'B', CHOICE_NOBODY; 0: nothing is chosen yet */
    bool asked, wanted;      /* the look is under way; it was lost with the connection: ask again */
    struct arena arena;      /* of the look */
    struct browse_look look; /* promotion.to.id 0: none */
    struct lines lines;      /* the look, in words */
    struct pare_error error;
};

/* `owner` and `app` outlive it. */
void test_choice_init(struct test_choice *choice, struct app *app, void *owner,
                      void (*done)(void *owner));
void test_choice_done(struct test_choice *choice);

/* Choose, and where somebody is to be promoted look at what that would change: `done` is called then. */
void test_choice_take(struct test_choice *choice, const struct abtest *test, char arm);

bool test_choice_promotes(const struct test_choice *choice);
/* The version has the name already. */
bool test_choice_is_default(const struct test_choice *choice);

/* Whether it goes against the verdict or a gate. */
bool test_choice_is_forced(const struct test_choice *choice, const struct browse_test *found);

/* What it comes to in one sentence; returns the role of the words. */
int test_choice_put(const struct test_choice *choice, const struct browse_test *found,
                    struct buf *buf);

#endif
