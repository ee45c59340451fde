/* SPDX-License-Identifier: MIT */
/* What the newest results of a test say themselves, looked at once a minute while somebody looks. */
#ifndef PARE_TUI_VIEW_TEST_SAMPLE_H
#define PARE_TUI_VIEW_TEST_SAMPLE_H

#include "pare/error.h"
#include "registry/browse_sample.h"
#include "registry/browse_tests.h"

struct app;

struct test_sample {
    struct app *app;
    bool asked, known;
    int64_t due_ms;
    struct abtest_sample found; /* while known */
    char missed[PARE_ERROR_TEXT_MAX];
};

/* `app` outlives it. */
void test_sample_init(struct test_sample *sample, struct app *app);
void test_sample_done(struct test_sample *sample);

/* Ask if it is time; nothing is waited for. */
void test_sample_look(struct test_sample *sample, const struct abtest *test);

/* Worries alone, or all that it tells; nothing before the first look. */
void test_sample_put(const struct test_sample *sample, const struct browse_test *found, bool all,
                     struct buf *buf);

#endif
