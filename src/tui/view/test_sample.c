/* SPDX-License-Identifier: MIT */
#include "tui/view/test_sample.h"

#include <stdio.h>

#include "base/buf.h"
#include "tui/app.h"

enum { LOOK_EVERY_MS = 60 * 1000 };

void test_sample_init(struct test_sample *sample, struct app *app)
{
    *sample = (struct test_sample){ .app = app };
}

void test_sample_done(struct test_sample *sample)
{
    link_forget(&sample->app->link, sample);
}

/* True: it failed, in a way that leaves something to say. */
static bool take_failure(struct test_sample *sample, const struct pare_error *err)
{
    struct link *link = &sample->app->link;
    const char *missed = link->pg ? abtest_sample_missed(pg_sqlstate(link->pg), err) : NULL;
    if (!missed)
        return false;
    snprintf(sample->missed, sizeof(sample->missed), "%s", missed);
    sample->found = (struct abtest_sample){ .missed = sample->missed };
    return true;
}

static void came(void *owner, struct request *request, struct pg_rows *const *rows,
                 const struct pare_error *err)
{
    struct test_sample *sample = owner;
    (void)request;
    sample->asked = false;
    sample->app->dirty = true;
    if (err) {
        sample->known = take_failure(sample, err);
        return;
    }
    browse_take_sample(rows, &sample->found);
    sample->known = true;
}

void test_sample_look(struct test_sample *sample, const struct abtest *test)
{
    struct app *app = sample->app;
    if (sample->asked || app->link.state != LINK_READY || app->now_ms < sample->due_ms)
        return;
    struct request *request = link_request(sample, came);
    if (!request)
        return;
    sample->asked = true;
    sample->due_ms = app->now_ms + LOOK_EVERY_MS;
    browse_ask_sample(&request->batch, test);
    link_send(&app->link, request);
}

void test_sample_put(const struct test_sample *sample, const struct browse_test *found, bool all,
                     struct buf *buf)
{
    if (!sample->known)
        return;
    if (all)
        abtest_put_sample(&found->test, &found->report, &sample->found, buf);
    else
        abtest_put_sample_worries(&sample->found, buf);
}
