/* SPDX-License-Identifier: MIT */
/*
 * Two kinds of buckets, both fixed for ever because rows, routers and roll-ups remember them.
 *
 * Assignment: a unit (a session, a user, a request) falls into one of 10 000 buckets by a hash of
 * test, salt and unit, and so into an arm, the same one each time and on every machine. A takes the
 * low end: a changed split moves only the units near the cut. PostgreSQL computes the same with
 * sha256(), and a router in any language can.
 *
 * Latency: bucket k holds the milliseconds in (g^(k-1), g^k], g = 101/99, so that its value stands
 * for each of them within 1 % (Masson, Rim, Lee, "DDSketch", VLDB 2019). Counts of buckets add up
 * in any order. Bucket 0 holds 1 ms and, beside it, 0 ms; the last one holds what took over an
 * hour.
 */
#ifndef PARE_STATS_BUCKET_H
#define PARE_STATS_BUCKET_H

#include "base/base.h"

struct pare_error;

enum { BUCKET_COUNT = 10000, BUCKET_CUT_EVEN = BUCKET_COUNT / 2 };

enum bucket_arm { BUCKET_ARM_A, BUCKET_ARM_B };

/*
 * SHA-256 of "test:salt:unit" (the unit as UTF-8 bytes), its first seven bytes read as one
 * big-endian number, modulo 10 000. Fails only when libcrypto does.
 */
MUST_CHECK bool bucket_of(int64_t test_id, const char *salt, const char *unit, int *ret_bucket,
                          struct pare_error *err);

/* What a stored split turned out to be; all but the first deserve a badge. */
enum bucket_split {
    BUCKET_SPLIT_GIVEN,
    BUCKET_SPLIT_ABSENT,  /* NULL: one half */
    BUCKET_SPLIT_CLAMPED, /* below 0 or above 1: the nearer end; NaN, as PostgreSQL sorts it: 1 */
    BUCKET_SPLIT_UNREADABLE, /* no plain decimal: one half */
};

/*
 * Where B begins: A when the bucket is below the cut, round(10000 * split) with halves away from
 * zero as numeric rounds. `split` is A's share as PostgreSQL prints a numeric ("0.33"), or NULL.
 */
int bucket_cut(const char *split, enum bucket_split *ret_state);

/* The same from A's share in hundredths, 33 for NUMERIC(3,2) 0.33. */
int bucket_cut_of_hundredths(int64_t hundredths, enum bucket_split *ret_state);

enum bucket_arm bucket_arm(int bucket, int cut);

/* Latency buckets: 0 to BUCKET_MS_LAST, the last for all above BUCKET_MS_MAX. */
enum { BUCKET_MS_MAX = 3600 * 1000, BUCKET_MS_LAST = 756 };

/* The key of a latency of 0 ms or more; a negative one is for the caller to count apart, here 0. */
int bucket_key_of_ms(int64_t latency_ms);

/* The bare formula, ceil(ln v * 49.99833328888678) for v > 0, without the two special buckets. */
int bucket_key_of_value(double value);

/* What stands for bucket `key` within 1 %: 2 g^key / (1 + g). And its two edges, by the formula. */
double bucket_value(int key);
double bucket_lower_edge(int key);
double bucket_upper_edge(int key);

/*
 * The edges an interval must use, with the special buckets: 0 below bucket 0, and HUGE_VAL above
 * the last, which means that no upper bound is known.
 */
double bucket_outer_low(int key);
double bucket_outer_high(int key);

#endif
