/* SPDX-License-Identifier: MIT */
/*
 * The results of A/B tests rolled up: counts, sums and log buckets by minute, hour and life, so
 * that a screen costs the same at a thousand results and at a hundred million.
 *
 * Whoever has the registry open rolls, one at a time, each result exactly once. Ids are handed out
 * before they are committed, so "id > mark" would lose rows: a step goes up to an id that was the
 * newest when the transactions then writing were noted, and only when all of these have ended
 * (Citus, "Scalable incremental data aggregation on Postgres and Citus", 2018). The mark moves in
 * the transaction that adds the counts.
 *
 * A rating may change after its row is there, and rows may vanish: blocks of 65536 ids are counted
 * anew, those of the last day every ten seconds, the others in rotation. Where rows are missing, all
 * is rolled up from the start.
 */
#ifndef PARE_REGISTRY_ROLLUP_H
#define PARE_REGISTRY_ROLLUP_H

#include "pg/pg.h"

struct registry;

enum { ROLLUP_BLOCKS_MAX = 3, ROLLUP_EVERY_MS = 1000, ROLLUP_RECOUNT_MS = 10000 };

/* One who rolls: what it waits for. Starts as { 0 }. */
struct rollup {
    int64_t mark;   /* rolled up so far, as of the last look; INT64_MIN: nothing */
    int64_t since;  /* the same, or below the smallest id there is where nothing is */
    int64_t newest; /* the newest id there was */
    int64_t target; /* up to here it may go once `writers` have ended */
    int64_t
        behind;    /* after rollup_catch_up(): of the ids there were, those it could not wait for */
    char *writers; /* transactions to wait for, separated by spaces; NULL: no target yet */
    struct pg_arg args[3]; /* of the step asked for last */
};
void rollup_done(struct rollup *rollup);

enum rollup_next {
    ROLLUP_IDLE, /* all there is has been rolled up */
    ROLLUP_WAIT, /* results are there that some transaction may still come before */
    ROLLUP_STEP, /* rollup_ask_step() has something to do */
};

/* What this role lacks for it: SELECT on the results, writing what they add up to. */
struct rollup_rights {
    bool cannot_read, cannot_write;
};

/* ---- in halves, for who cannot wait; `ret_statements` point into `rollup` ---- */

enum { ROLLUP_LOOK_STATEMENTS = 2 };
void rollup_ask_look(struct pg_statement ret_statements[ROLLUP_LOOK_STATEMENTS]);
enum rollup_next rollup_take_look(struct rollup *rollup, struct pg_rows *const *rows);
/* How many results are not rolled up as far as is known, by their ids. */
int64_t rollup_missing(const struct rollup *rollup);
/* A writing request: at most 200 000 results. When another rolls meanwhile it does nothing: false. */
enum { ROLLUP_STEP_STATEMENTS = 2 };
void rollup_ask_step(struct rollup *rollup,
                     struct pg_statement ret_statements[ROLLUP_STEP_STATEMENTS]);
bool rollup_take_step(struct rollup *rollup, struct pg_rows *const *rows);
/* Reads no table of the users': safe for any role. */
void rollup_ask_rights(struct pg_statement *ret_statement);
struct rollup_rights rollup_take_rights(const struct pg_rows *rows);
/* rollup_notice(), a writing request too. Who does it is in the caller's `actor`. */
enum { ROLLUP_NOTICE_STATEMENTS = 4 };
void rollup_ask_notice(const struct registry *registry, struct pg_arg *actor,
                       struct pg_statement ret_statements[ROLLUP_NOTICE_STATEMENTS]);

/* ---- waiting ---- */

/* One look, and a step where there is one. */
MUST_CHECK bool rollup_tick(const struct registry *registry, struct rollup *rollup,
                            enum rollup_next *ret_next, struct pare_error *err);
/*
 * Until what is there now is in, or for so long as `patience_ms`. Fewer than all is no failure, nor
 * is a role that lacks a right: it then does nothing, and what has been read says so (abtest_data).
 */
MUST_CHECK bool rollup_catch_up(const struct registry *registry, struct rollup *rollup,
                                int64_t patience_ms, struct pare_error *err);
/* Whether this registry has the roll-up's tables, and this role may write, as far as opening it told. */
bool rollup_can(const struct registry *registry);
/*
 * See tests and splits that somebody's SQL made: a plan and a segment each. And that there is nothing
 * new, where that is so. Before the first step.
 */
MUST_CHECK bool rollup_notice(const struct registry *registry, struct pare_error *err);
/*
 * Notice, count blocks anew, drop what is past its time. Called every ROLLUP_RECOUNT_MS. Nothing, and
 * no failure, where this role lacks a right.
 */
MUST_CHECK bool rollup_upkeep(const struct registry *registry, struct pare_error *err);

#endif
