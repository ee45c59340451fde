/* SPDX-License-Identifier: MIT */
/*
 * What is done to a test that runs: another split, the end by stopping it or by concluding on what it says.
 *
 * Each is one round trip, all of it or nothing; of two who end a test at once one does and the other is
 * told who. Judged beforehand, so that the test's row is held for as long as three short statements take,
 * however large the tables are, and no insert of a result waits for it.
 */
#ifndef PARE_REGISTRY_ABTEST_CHANGE_H
#define PARE_REGISTRY_ABTEST_CHANGE_H

#include "pg/pg.h"
#include "registry/abtest_judge.h"

struct promotion;

/* A's share as people write it, "0.8" or "80%", as whole per cent. */
MUST_CHECK bool abtest_split_parse(const char *text, int *ret_percent, struct pare_error *err);
/* Another split from now on. *ret_changed false: it was that already. Ended: PARE_ERR_REFUSED, by whom. */
MUST_CHECK bool abtest_split(const struct registry *registry, const struct abtest *test,
                             int split_percent, bool *ret_changed, struct pare_error *err);

/* End it, all requests to `arm` ('A' or 'B'). Ended already: PARE_ERR_REFUSED, by whom. */
MUST_CHECK bool abtest_stop(const struct registry *registry, const struct abtest *test, char arm,
                            const char *reason, struct pare_error *err);

/*
 * Whether an arm may be promoted for the asking: nothing is against it, neither the verdict, nor a gate of
 * its model, nor the age of numbers that this role cannot renew.
 */
bool abtest_is_free(const struct abtest_data *data, const struct abtest_report *report, char arm,
                    const struct promotion *promotion);
bool abtest_is_stale(const struct abtest_data *data);

/* How a test ends, and what that was judged by. Strings are the caller's. */
struct abtest_conclusion {
    char arm;                          /* 'A' or 'B': where all requests go */
    const struct promotion *promotion; /* make that arm's version the default; NULL: do not */
    bool forced;                       /* although abtest_is_free() said no */
    const char *reason, *evidence;     /* reason may be NULL; of evidence see abtest_judge.h */
    int64_t mark;                      /* results up to and with this id were judged */
};

/*
 * The test's row, what it stood on, the default. Ended, split anew or given other arms meanwhile, its
 * results rolled up anew, or another default: PARE_ERR_REFUSED, by whom, and nothing has changed. *ret_rev:
 * of the default, 0 where it stays as it is.
 */
MUST_CHECK bool abtest_conclude(const struct registry *registry, const struct abtest *test,
                                const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                                struct pare_error *err);

/* Who ended it, or that it never ran: PARE_ERR_REFUSED, always false. */
MUST_CHECK bool abtest_has_ended(const struct registry *registry, const struct abtest *test,
                                 struct pare_error *err);

/* ---- the halves of the above, for who cannot wait ---- */

enum { ABTEST_CHANGE_STATEMENTS = 5, ABTEST_CHANGE_ARGS = 15 };

/* Statements of one transaction that writes; they point into this struct, which stays in place. */
struct abtest_change {
    struct pg_arg args[ABTEST_CHANGE_ARGS];
    struct pg_statement statements[ABTEST_CHANGE_STATEMENTS];
    size_t count;
    char share[ABTEST_SHARE_ROOM];
};

MUST_CHECK bool abtest_ask_split(const struct registry *registry, const struct abtest *test,
                                 int split_percent, struct abtest_change *ret_change,
                                 struct pare_error *err);
MUST_CHECK bool abtest_take_split(struct pg_rows *const *rows, const struct abtest *test,
                                  bool *ret_changed, struct pare_error *err);

MUST_CHECK bool abtest_ask_stop(const struct registry *registry, const struct abtest *test,
                                char arm, const char *reason, struct abtest_change *ret_change,
                                struct pare_error *err);
MUST_CHECK bool abtest_take_stop(struct pg_rows *const *rows, const struct abtest *test,
                                 struct pare_error *err);

/* The gates that were asked live in `arena`. */
MUST_CHECK bool abtest_ask_conclude(const struct registry *registry, const struct abtest *test,
                                    const struct abtest_conclusion *conclusion, struct arena *arena,
                                    struct abtest_change *ret_change, struct pare_error *err);
MUST_CHECK bool abtest_take_conclude(struct pg_rows *const *rows, const struct abtest *test,
                                     const struct abtest_conclusion *conclusion, int64_t *ret_rev,
                                     struct pare_error *err);

#endif
