/* SPDX-License-Identifier: MIT */
/* `pare ab VERB`: what the verbs share. Each verb is a function; the table of them is in ab.c. */
#ifndef PARE_CLI_AB_H
#define PARE_CLI_AB_H

#include "cli/visit.h"
#include "registry/abtest_change.h"
#include "registry/abtest_judge.h"

/* The verbs that are files of their own. `visit` is open. */
MUST_CHECK bool ab_start(struct cli *cli, const struct visit *visit, struct pare_error *err);
MUST_CHECK bool ab_show(struct cli *cli, const struct visit *visit, struct pare_error *err);
MUST_CHECK bool ab_snippet(struct cli *cli, const struct visit *visit, struct pare_error *err);

MUST_CHECK bool ab_watch(struct cli *cli, const struct visit *visit, struct pare_error *err);
MUST_CHECK bool ab_replay(struct cli *cli, const struct visit *visit, struct pare_error *err);

MUST_CHECK bool ab_conclude(struct cli *cli, const struct visit *visit, struct pare_error *err);

/* The operand's test, its results as of now where this role may roll them up, and what follows. */
MUST_CHECK bool ab_judge(struct cli *cli, const struct visit *visit, struct abtest *ret_test,
                         struct abtest_data *ret_data, struct abtest_report *ret_report,
                         struct pare_error *err);

/* Print what follows, as `show` does; strings in the command's arena. */
MUST_CHECK bool ab_print(struct cli *cli, const struct abtest *test, const struct abtest_data *data,
                         const struct abtest_report *report, struct pare_error *err);

/* The test that the command's operand names. */
MUST_CHECK bool ab_find(struct cli *cli, const struct visit *visit, struct abtest *ret_test,
                        struct pare_error *err);

/* "2d04h", "3h12m", "45s" in the arena. */
const char *ab_duration(struct arena *arena, double seconds);

#endif
