/* SPDX-License-Identifier: MIT */
/* A/B tests as an event loop has them: the questions of browse.h for tests and their roll-up. */
#ifndef PARE_REGISTRY_BROWSE_TESTS_H
#define PARE_REGISTRY_BROWSE_TESTS_H

#include "registry/abtest_change.h"
#include "registry/browse.h"
#include "registry/rollup.h"

/* Whether the users' tables of tests are there: what is below asks them. */
void browse_ask_test_tables(struct browse_batch *batch);
bool browse_take_test_tables(struct pg_rows *const *rows);

/* All tests; then abtest_list_take(). */
void browse_ask_tests(struct browse_batch *batch, const struct registry *registry);

/* Whether this role may read what tests add up to; else the error says why not. */
MUST_CHECK bool browse_can_judge(const struct registry *registry, struct pare_error *err);

/* One test and what its results say. Wants browse_can_judge(). */
struct browse_test {
    struct abtest test; /* id 0: it is gone */
    bool again;         /* it keeps its latencies otherwise than it was asked for: ask again */
    struct abtest_data data;
    struct abtest_report
        report; /* points into a plan: that of this struct when it stays in place */
};
void browse_ask_test(struct browse_batch *batch, const struct registry *registry, int64_t id,
                     bool coarse);
/* Into the caller's struct, judged; strings and arrays in `arena`. */
MUST_CHECK bool browse_take_test(struct pg_rows *const *rows, bool coarse, struct arena *arena,
                                 struct browse_test *ret_test, struct pare_error *err);

/* What is done to a test, in one transaction; then abtest_take_...() of abtest_change.h. */
void browse_ask_change(struct browse_batch *batch, const struct abtest_change *change);

/* The halves of rollup.h as batches; then rollup_take_rights(), rollup_take_look(), rollup_take_step(). */
void browse_ask_rollup_rights(struct browse_batch *batch);
void browse_ask_rollup_look(struct browse_batch *batch);
void browse_ask_rollup_step(struct browse_batch *batch, struct rollup *rollup);
void browse_ask_rollup_notice(struct browse_batch *batch, const struct registry *registry);

#endif
