/* SPDX-License-Identifier: MIT */
/*
 * A test that is changed from its screen: another split, or the kill switch.
 *
 * Both are asked for in a few lines below the numbers, which go on; nothing is sent before a word or a
 * number has been typed.
 */
#ifndef PARE_TUI_VIEW_TEST_ACT_H
#define PARE_TUI_VIEW_TEST_ACT_H

#include "tui/view.h"
#include "tui/view/confirm.h"

struct abtest;

enum test_act_kind { TEST_ACT_NONE, TEST_ACT_SPLIT, TEST_ACT_KILL };

struct test_act {
    struct app *app;
    void *owner;
    void (*done)(void *owner); /* something was changed: look again */
    enum test_act_kind kind;
    bool writing; /* sent, and no answer yet */
    int64_t id;   /* of the test */
    int split_percent, segment_count;
    struct prompt share;
    struct confirm confirm;
};

/* `owner` and `app` outlive it. */
void test_act_init(struct test_act *act, struct app *app, void *owner, void (*done)(void *owner));
void test_act_done(struct test_act *act);

/* Begin to ask; a test that has ended, or a registry that is only read, is said to be so. */
void test_act_begin(struct test_act *act, enum test_act_kind kind, const struct abtest *test);

/* True: the key was for what is asked. */
bool test_act_key(struct test_act *act, const struct key *key);

/* Lines that it takes at the area's end, 0 while nothing is asked. */
int test_act_rows(const struct test_act *act);
void test_act_draw(const struct test_act *act, struct canvas *canvas, int row);

/* The command that does the same. False: nothing is asked. */
bool test_act_command(const struct test_act *act, struct buf *buf);

#endif
