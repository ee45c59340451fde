/* SPDX-License-Identifier: MIT */
#include "tui/view/test_reading.h"

#include "base/error.h"
#include "tui/app.h"

static void read_test(void *owner);

void test_reading_init(struct test_reading *reading, struct app *app, int64_t id, void *owner,
                       void (*done)(void *owner))
{
    *reading = (struct test_reading){ .app = app, .owner = owner, .done = done, .id = id };
    test_roll_init(&reading->roll, app, reading, read_test);
}

void test_reading_done(struct test_reading *reading)
{
    link_forget(&reading->app->link, reading);
    test_roll_done(&reading->roll);
    arena_done(&reading->arena);
}

/* True: it keeps its latencies otherwise than it was asked for. */
static bool take(struct test_reading *reading, struct pg_rows *const *rows)
{
    struct arena arena = { 0 };
    struct browse_test *found = arena_alloc(&arena, sizeof(*found));
    bool ok = found ? browse_take_test(rows, reading->coarse, &arena, found, &reading->error)
                    : error_no_memory(&reading->error, sizeof(*found));
    bool again = ok && found->again;
    if (again)
        reading->coarse = found->test.plan.coarse;
    if (ok)
        reading->gone = found->test.id == 0;
    if (!ok || again || reading->gone) {
        arena_done(&arena);
        return again;
    }
    arena_done(&reading->arena);
    reading->arena = arena;
    reading->found = found;
    reading->came_ms = reading->app->now_ms;
    return false;
}

static void test_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct test_reading *reading = owner;
    (void)request;
    reading->app->dirty = true;
    reading->asked = false;
    reading->error.code = PARE_OK;
    if (err)
        reading->error = *err;
    else if (take(reading, rows)) {
        read_test(reading);
        return;
    }
    reading->done(reading->owner);
}

/* After the roll-up, whatever became of it. Without a connection: again after the next connect. */
static void read_test(void *owner)
{
    struct test_reading *reading = owner;
    struct app *app = reading->app;
    struct request *request =
        app->link.state == LINK_READY ? link_request(reading, test_came) : NULL;
    reading->asked = request;
    if (!request)
        return;
    browse_ask_test(&request->batch, &app->link.registry, reading->id, reading->coarse);
    link_send(&app->link, request);
}

bool test_reading_start(struct test_reading *reading)
{
    struct app *app = reading->app;
    if (reading->asked || app->link.state != LINK_READY)
        return false;
    if (!browse_can_judge(&app->link.registry, &reading->error))
        return false;
    reading->asked = true;
    test_roll_step(&reading->roll);
    return true;
}
