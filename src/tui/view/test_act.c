/* SPDX-License-Identifier: MIT */
#include "tui/view/test_act.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "registry/browse_tests.h"
#include "tui/app.h"
#include "tui/shell.h"

enum { SHARE_AT = 11, SHARE_WIDTH = 10, SHARE_ROOM = 16 };

void test_act_init(struct test_act *act, struct app *app, void *owner, void (*done)(void *owner))
{
    *act = (struct test_act){ .app = app, .owner = owner, .done = done };
}

void test_act_done(struct test_act *act)
{
    if (act->writing && !*act->app->message)
        app_say(act->app, ROLE_WARNING, "left before the registry answered: test %lld tells",
                (long long)act->id);
    link_forget(&act->app->link, act);
}

void test_act_begin(struct test_act *act, enum test_act_kind kind, const struct abtest *test)
{
    char share[SHARE_ROOM];
    if (!test->running) {
        app_say(act->app, ROLE_ERROR, "test %lld does not run: there is nothing to %s",
                (long long)test->id, kind == TEST_ACT_SPLIT ? "split" : "stop");
        return;
    }
    if (!app_may_write(act->app))
        return;
    act->kind = kind;
    act->id = test->id;
    act->split_percent = test->split_percent;
    act->segment_count = (int)test->segment_count;
    snprintf(share, sizeof(share), "%d.%02d", test->split_percent / 100, test->split_percent % 100);
    prompt_set(&act->share, share);
    confirm_begin(&act->confirm, "yes", CONFIRM_MAY_GIVE);
}

/* ---- asking ---- */

/* What the statements want to know of it. */
static struct abtest test_of(const struct test_act *act)
{
    return (struct abtest){ .id = act->id, .running = true, .status = "" };
}

/* False: it is not known whether it was done, or it was not; that has been said. */
static bool answered(struct test_act *act, const struct pare_error *err)
{
    act->writing = false;
    if (!err)
        return true;
    app_say(act->app, ROLE_ERROR, "%s%s", err->text,
            err->code == PARE_ERR_NO_DATABASE ? "; whether it was done the test will show" : "");
    act->done(act->owner);
    return false;
}

static void split_came(void *owner, struct request *request, struct pg_rows *const *rows,
                       const struct pare_error *err)
{
    struct test_act *act = owner;
    const struct abtest test = test_of(act);
    struct pare_error problem;
    bool changed;
    if (!answered(act, err))
        return;
    if (!abtest_take_split(rows, &test, &changed, &problem))
        app_say(act->app, ROLE_ERROR, "%s", problem.text);
    else if (!changed)
        app_say(act->app, ROLE_PLAIN, "A has %lld %% already", (long long)request->about);
    else
        app_say(act->app, ROLE_STRONG,
                "A gets %lld %% of the requests from now on; a new segment begins, and with it the "
                "evidence",
                (long long)request->about);
    act->done(act->owner);
}

static void kill_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct test_act *act = owner;
    const struct abtest test = test_of(act);
    struct pare_error problem;
    if (!answered(act, err))
        return;
    if (abtest_take_stop(rows, &test, &problem))
        app_say(act->app, ROLE_STRONG, "test %lld has ended: all requests go to A",
                (long long)request->about);
    else
        app_say(act->app, ROLE_ERROR, "%s", problem.text);
    act->done(act->owner);
}

static void send_change(struct test_act *act, bool ok, request_fn *came, int64_t about,
                        const struct abtest_change *change, const struct pare_error *err)
{
    struct app *app = act->app;
    struct request *request = ok && app_may_write(app) ? link_request(act, came) : NULL;
    if (!ok)
        app_say(app, ROLE_ERROR, "%s", err->text);
    if (!request)
        return;
    request->about = about;
    browse_ask_change(&request->batch, change);
    act->writing = true;
    link_send(&app->link, request);
}

static void send_split(struct test_act *act, int percent)
{
    const struct abtest test = test_of(act);
    struct abtest_change change;
    struct pare_error err;
    bool ok = abtest_ask_split(&act->app->link.registry, &test, percent, &change, &err);
    send_change(act, ok, split_came, percent, &change, &err);
}

static void send_kill(struct test_act *act)
{
    const struct abtest test = test_of(act);
    struct abtest_change change;
    struct pare_error err;
    bool ok = abtest_ask_stop(&act->app->link.registry, &test, 'A', confirm_reason(&act->confirm),
                              &change, &err);
    send_change(act, ok, kill_came, act->id, &change, &err);
}

/* ---- typing ---- */

static void share_entered(struct test_act *act)
{
    struct pare_error err;
    int percent;
    if (!*act->share.text) {
        act->kind = TEST_ACT_NONE;
    } else if (!abtest_split_parse(act->share.text, &percent, &err)) {
        app_say(act->app, ROLE_ERROR, "%s", err.text);
    } else if (percent == act->split_percent) {
        app_say(act->app, ROLE_PLAIN, "A has %d %% already", percent);
    } else {
        act->kind = TEST_ACT_NONE;
        send_split(act, percent);
    }
}

static void share_key(struct test_act *act, const struct key *key)
{
    act->app->message[0] = '\0';
    switch (prompt_key(&act->share, key)) {
    case PROMPT_ENTERED:
        share_entered(act);
        break;
    case PROMPT_LEFT:
        act->kind = TEST_ACT_NONE;
        break;
    default:
        break;
    }
}

static void kill_key(struct test_act *act, const struct key *key)
{
    switch (confirm_key(&act->confirm, act->app, key)) {
    case CONFIRM_GIVEN:
        act->kind = TEST_ACT_NONE;
        send_kill(act);
        break;
    case CONFIRM_LEFT:
        act->kind = TEST_ACT_NONE;
        break;
    default:
        break;
    }
}

bool test_act_key(struct test_act *act, const struct key *key)
{
    if (act->kind == TEST_ACT_SPLIT)
        share_key(act, key);
    else if (act->kind == TEST_ACT_KILL)
        kill_key(act, key);
    else
        return false;
    return true;
}

/* ---- drawing ---- */

static const char kill_question[] = "All requests to A from now on; the test ends, no default "
                                    "changes. To do it type yes, and a reason if there is one.";

int test_act_rows(const struct test_act *act)
{
    return act->kind == TEST_ACT_NONE   ? 0
           : act->kind == TEST_ACT_KILL ? 1 + confirm_rows(kill_question, act->app->canvas.columns)
                                        : 1 + CONFIRM_ROWS;
}

void test_act_draw(const struct test_act *act, struct canvas *canvas, int row)
{
    canvas_rule(canvas, row);
    if (act->kind == TEST_ACT_KILL) {
        confirm_draw(&act->confirm, canvas, row + 1, kill_question);
        return;
    }
    canvas_text(canvas, row + 1, 1, canvas->columns - 2, ROLE_PLAIN,
                "A's share of the requests, 0 to 1; an empty line goes back.");
    canvas_printf(canvas, row + 2, 1, canvas->columns - 2, ROLE_DIM,
                  "Another split begins another segment: the evidence begins anew, at alpha / %d.",
                  1 << MIN(MAX(act->segment_count, 1), 30));
    canvas_text(canvas, row + 3, 3, SHARE_AT - 4, ROLE_DIM, "share");
    prompt_draw(&act->share, canvas, row + 3, SHARE_AT, SHARE_WIDTH);
}

bool test_act_command(const struct test_act *act, struct buf *buf)
{
    const char *reason = confirm_reason(&act->confirm);
    if (act->kind == TEST_ACT_NONE)
        return false;
    if (act->kind == TEST_ACT_SPLIT) {
        buf_printf(buf, "pare ab split %lld ", (long long)act->id);
        shell_quote(buf, *act->share.text ? act->share.text : "...");
        return true;
    }
    buf_printf(buf, "pare ab stop %lld --all-to a", (long long)act->id);
    if (reason) {
        buf_text(buf, " --reason ");
        shell_quote(buf, reason);
    }
    return true;
}
