/* SPDX-License-Identifier: MIT */
#include "tui/view/test_roll.h"

#include "registry/browse_tests.h"
#include "tui/app.h"

enum { HURRY_RESULTS = 20000 };

void test_roll_init(struct test_roll *roll, struct app *app, void *owner, void (*done)(void *owner))
{
    *roll = (struct test_roll){ .app = app, .owner = owner, .done = done, .behind = -1 };
}

void test_roll_done(struct test_roll *roll)
{
    link_forget(&roll->app->link, roll);
    rollup_done(&roll->rollup);
}

bool test_roll_hurries(const struct test_roll *roll)
{
    return roll->moved && roll->behind > HURRY_RESULTS;
}

static void fail(struct test_roll *roll, const struct pare_error *err)
{
    roll->error = *err;
    roll->done(roll->owner);
}

static void step_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct test_roll *roll = owner;
    (void)request;
    if (err) {
        fail(roll, err);
        return;
    }
    /* None moved: another one rolls, and the next look tells how far. */
    roll->moved = rollup_take_step(&roll->rollup, rows);
    roll->behind = rollup_missing(&roll->rollup);
    roll->done(roll->owner);
}

static void look_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct test_roll *roll = owner;
    (void)request;
    if (err) {
        roll->behind = -1;
        fail(roll, err);
        return;
    }
    enum rollup_next next = rollup_take_look(&roll->rollup, rows);
    roll->behind = rollup_missing(&roll->rollup);
    struct request *step =
        roll->rolls && next == ROLLUP_STEP ? link_request(roll, step_came) : NULL;
    if (!step) {
        roll->done(roll->owner);
        return;
    }
    browse_ask_rollup_step(&step->batch, &roll->rollup);
    link_send(&roll->app->link, step);
}

static void look(struct test_roll *roll)
{
    struct request *request = roll->sees ? link_request(roll, look_came) : NULL;
    if (!request) {
        roll->done(roll->owner);
        return;
    }
    browse_ask_rollup_look(&request->batch);
    link_send(&roll->app->link, request);
}

static void notice_came(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err)
{
    struct test_roll *roll = owner;
    (void)request;
    (void)rows;
    if (err) {
        fail(roll, err);
        return;
    }
    roll->notice_ms = roll->app->now_ms + ROLLUP_RECOUNT_MS;
    look(roll);
}

static void rights_came(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err)
{
    struct test_roll *roll = owner;
    (void)request;
    if (err) {
        fail(roll, err);
        return;
    }
    struct rollup_rights rights = rollup_take_rights(rows[0]);
    roll->sees = !rights.cannot_read;
    roll->rolls = roll->sees && !rights.cannot_write && rollup_can(&roll->app->link.registry);
    roll->behind = roll->sees ? roll->behind : -1;
    struct request *notice = roll->rolls ? link_request(roll, notice_came) : NULL;
    if (!notice) {
        roll->notice_ms = roll->app->now_ms + ROLLUP_RECOUNT_MS;
        look(roll);
        return;
    }
    browse_ask_rollup_notice(&notice->batch, &roll->app->link.registry);
    link_send(&roll->app->link, notice);
}

void test_roll_step(struct test_roll *roll)
{
    struct app *app = roll->app;
    struct pare_error ignored;
    roll->error.code = PARE_OK;
    roll->moved = false;
    roll->rolls &= rollup_can(&app->link.registry);
    if (!browse_can_judge(&app->link.registry, &ignored)) {
        roll->done(roll->owner);
        return;
    }
    struct request *request =
        app->now_ms >= roll->notice_ms ? link_request(roll, rights_came) : NULL;
    if (!request) {
        look(roll);
        return;
    }
    browse_ask_rollup_rights(&request->batch);
    link_send(&app->link, request);
}
