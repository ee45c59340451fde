/* SPDX-License-Identifier: MIT */
/*
 * What the newest results themselves say of a test, where the roll-up cannot know: requests that
 * were answered twice, what the length of the query explains of the latency, whether requests go
 * where their hash sends them. And, from the minutes that the roll-up has, since when the split is off.
 *
 * Only so many of the newest results are read, of those the ones of the newest segment, for these are
 * what is compared. A million cost the server about two seconds: that is for a person who asks for it.
 * A screen reads fewer, and not at every redraw. No statement may take more than five seconds. It weakens or narrows what the
 * table says, and never decides. Past that many results the window moves, and what is said of it is
 * valid at one look only.
 */
#ifndef PARE_REGISTRY_ABTEST_SAMPLE_H
#define PARE_REGISTRY_ABTEST_SAMPLE_H

#include "registry/abtest_judge.h"

struct arena;

/* Results by where they were sent and where their request_id's hash sends them: [0] A, [1] B. */
struct abtest_routes {
    int64_t of[2][2];
};

struct abtest_audit {
    bool on; /* the router does go by the hash of request_id; else it has some other unit */
    int64_t rows;
    double astray; /* the share that it sent elsewhere */
};

struct abtest_sample {
    const char *missed;          /* why nobody looked; the rest is 0 then. NULL: it is here */
    int64_t rows;                /* looked at */
    int64_t identified;          /* of them, with a request_id */
    int64_t overlap;             /* request_ids in both arms */
    int64_t repeated;            /* request_ids more than once in one arm */
    struct block_pairs pairs[2]; /* bytes of the query, milliseconds; of A, B */
    struct abtest_audit audit;
};

/*
 * Look, for so long as it may take. That it took too long, or that this role may not read the rows,
 * is no failure but `missed`, in `arena`. REGISTRY_SEE, and a test whose plan is known.
 */
MUST_CHECK bool abtest_sample_read(const struct registry *registry, const struct abtest *test,
                                   struct arena *arena, struct abtest_sample *ret_sample,
                                   struct pare_error *err);

/* In halves, for one request that only reads at most `newest` results: the arguments are in the caller's `args`. */
enum { ABTEST_SAMPLE_ARGS = 4, ABTEST_SAMPLE_STATEMENTS = 4, ABTEST_SAMPLE_ALL = 1000000 };
void abtest_ask_sample(const struct abtest *test, int64_t newest,
                       struct pg_arg args[ABTEST_SAMPLE_ARGS],
                       struct pg_statement ret_statements[ABTEST_SAMPLE_STATEMENTS]);
void abtest_take_sample(struct pg_rows *const *rows, struct abtest_sample *ret_sample);
/* What to say instead when it failed so (pg_sqlstate); NULL: that is a failure. May be in `err`. */
const char *abtest_sample_missed(const char *sqlstate, const struct pare_error *err);

/* ---- pure ---- */

/*
 * A router that does not go by request_id agrees with its hash as often as chance has it, which is
 * nearly always where the split is lopsided. So it is on from 90 % agreement that is at least half of
 * the way from chance to all (Cohen's kappa, 1960), in 100 results.
 */
struct abtest_audit abtest_audit(const struct abtest_routes *routes);

/* Since when the newest segment's split is off. False: it is not, or nobody knows. */
struct abtest_split_change {
    int64_t at;   /* seconds since 1970: the beginning of the first bad minute */
    bool is_hour; /* of the first bad hour */
    double share; /* A's from then on */
};
bool abtest_split_change(const struct abtest_data *data, const struct abtest_report *report,
                         struct abtest_split_change *ret_change);

/* A line each, worries that begin with "! " as the badges do; then what was looked at, and the mean without the query's length. */
void abtest_put_sample_worries(const struct abtest_sample *sample, struct buf *buf);
void abtest_put_sample(const struct abtest *test, const struct abtest_report *report,
                       const struct abtest_sample *sample, struct buf *buf);

#endif
