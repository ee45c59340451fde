/* SPDX-License-Identifier: MIT */
#include "tui/view/palette_tests.h"

#include "registry/abtest.h"
#include "registry/browse_tests.h"
#include "tui/app.h"

void palette_tests_init(struct palette_tests *tests, struct app *app, void *owner,
                        void (*came)(void *owner))
{
    *tests = (struct palette_tests){ .app = app, .owner = owner, .came = came };
}

void palette_tests_done(struct palette_tests *tests)
{
    link_forget(&tests->app->link, tests);
    arena_done(&tests->arena);
}

static void list_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct palette_tests *tests = owner;
    (void)request;
    if (err)
        tests->error = *err;
    else if (!abtest_list_take(rows[0], &tests->arena, &tests->tests, &tests->count, &tests->error))
        tests->count = 0;
    tests->came(tests->owner);
}

/* Users who never tested anything have no tables of tests. */
static void tables_came(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err)
{
    struct palette_tests *tests = owner;
    struct request *next = NULL;
    (void)request;
    if (err)
        tests->error = *err;
    else if (browse_take_test_tables(rows))
        next = link_request(tests, list_came);
    if (next) {
        browse_ask_tests(&next->batch, &tests->app->link.registry);
        link_send(&tests->app->link, next);
        return;
    }
    tests->came(tests->owner);
}

void palette_tests_want(struct palette_tests *tests)
{
    struct link *link = &tests->app->link;
    if (tests->asked || link->state != LINK_READY ||
        !registry_allows(&link->registry, REGISTRY_LOOK, &tests->error))
        return;
    struct request *request = link_request(tests, tables_came);
    if (!request)
        return;
    tests->asked = true;
    tests->error.code = PARE_OK;
    browse_ask_test_tables(&request->batch);
    link_send(link, request);
}
