/* SPDX-License-Identifier: MIT */
/*
 * The end of a test: stopped, or concluded on what it says.
 *
 * Each is one round trip, all of it or nothing; of two who end a test at once one does and the other is
 * told who. Judged beforehand, so that the test's row is held for as long as four short statements take, however
 * large the tables are, and no insert of a result waits for it.
 */
#ifndef PARE_REGISTRY_ABTEST_END_H
#define PARE_REGISTRY_ABTEST_END_H

#include "pg/pg.h"
#include "registry/abtest_judge.h"

struct promotion;

/* End it, all requests to `arm` ('A' or 'B'). Ended already: PARE_ERR_REFUSED, by whom. */
MUST_CHECK bool abtest_stop(const struct registry *registry, const struct abtest *test, char arm,
                            const char *reason, struct pare_error *err);

/* Whether an arm may be promoted for the asking: neither the verdict nor a gate of its model is against it. */
bool abtest_is_free(const struct abtest_report *report, char arm,
                    const struct promotion *promotion);

/* How a test ends. Strings are the caller's. */
struct abtest_conclusion {
    char arm;                          /* 'A' or 'B': where all requests go */
    const struct promotion *promotion; /* make that arm's version the default; NULL: do not */
    bool forced;                       /* against the verdict or the gates */
    const char *reason, *evidence;     /* reason may be NULL; of evidence see abtest_judge.h */
    int segment_count;                 /* of the split, when it was judged */
};

/*
 * The test's row, what it stood on, the default. Ended or split anew meanwhile, or another default:
 * PARE_ERR_REFUSED, by whom, and nothing has changed. *ret_rev: of the default, 0 without a promotion.
 */
MUST_CHECK bool abtest_conclude(const struct registry *registry, const struct abtest *test,
                                const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                                struct pare_error *err);

/* Who ended it, or that it never ran: PARE_ERR_REFUSED, always false. */
MUST_CHECK bool abtest_has_ended(const struct registry *registry, const struct abtest *test,
                                 struct pare_error *err);

/* ---- the halves of the above, for who cannot wait ---- */

enum { ABTEST_END_STATEMENTS = 5, ABTEST_END_ARGS = 12 };

/* Statements of one transaction that writes; they point into this struct, which stays in place. */
struct abtest_ending {
    struct pg_arg args[ABTEST_END_ARGS];
    struct pg_statement statements[ABTEST_END_STATEMENTS];
    size_t count;
};

MUST_CHECK bool abtest_ask_stop(const struct registry *registry, const struct abtest *test,
                                char arm, const char *reason, struct abtest_ending *ret_ending,
                                struct pare_error *err);
MUST_CHECK bool abtest_take_stop(struct pg_rows *const *rows, const struct abtest *test,
                                 struct pare_error *err);

/* The gates that were asked live in `arena`. */
MUST_CHECK bool abtest_ask_conclude(const struct registry *registry, const struct abtest *test,
                                    const struct abtest_conclusion *conclusion, struct arena *arena,
                                    struct abtest_ending *ret_ending, struct pare_error *err);
MUST_CHECK bool abtest_take_conclude(struct pg_rows *const *rows, const struct abtest *test,
                                     const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                                     struct pare_error *err);

#endif
