/* SPDX-License-Identifier: MIT */
/*
 * The latencies of one arm as counts: each distinct value once, ascending, with how many requests
 * took that long and how many took at most that long. A million requests are some two thousand
 * cells, so that quantiles, intervals and tests need no request by request pass, and ranks are one
 * bisection.
 *
 * A histogram holds milliseconds exactly, or, where those were too many to keep, the log buckets of
 * bucket.h: then a value stands for its bucket within 1 %, and intervals take the buckets' outer
 * edges. Counts are added in any order with the same outcome.
 */
#ifndef PARE_STATS_HISTOGRAM_H
#define PARE_STATS_HISTOGRAM_H

#include "stats/mean.h"

/* The most requests of an arm, so that a rank of one more is still a number. */
#define HISTOGRAM_TOTAL_MAX (INT64_MAX - 1)

enum histogram_kind {
    HISTOGRAM_MS,      /* keys are latencies in whole milliseconds, 0 or more */
    HISTOGRAM_BUCKETS, /* keys are those of bucket_key_of_ms() */
};

struct histogram_cell {
    int64_t key;
    int64_t n;    /* of this key, more than 0 */
    int64_t upto; /* of this key and the ones before it */
};

struct histogram {
    enum histogram_kind kind;
    struct histogram_cell *cells; /* ascending by key; the caller's memory */
    size_t count, room;
};

/* What is to be added; several may have one key. */
struct histogram_count {
    int64_t key, n;
};

enum histogram_added {
    HISTOGRAM_ADDED,
    HISTOGRAM_FULL,    /* more distinct keys than there is room for: take buckets or more room */
    HISTOGRAM_REFUSED, /* a key or n below 0, a key that is no bucket, or a total past the most */
};

/* An empty histogram in memory that the caller owns and keeps for as long. */
void histogram_init(struct histogram *histogram, enum histogram_kind kind,
                    struct histogram_cell *cells, size_t room);

/*
 * Add `n` of one key, or a batch, which it sorts and sums in place: O(cells + size log size).
 * Anything but HISTOGRAM_ADDED leaves the histogram as it was.
 */
enum histogram_added histogram_add(struct histogram *histogram, int64_t key, int64_t n);
enum histogram_added histogram_add_all(struct histogram *histogram, struct histogram_count *counts,
                                       size_t size);

/*
 * The buckets of an exact histogram, in addition to what is there. BUCKET_MS_LAST + 1 cells
 * suffice.
 */
enum histogram_added histogram_add_buckets(struct histogram *buckets,
                                           const struct histogram *exact);

int64_t histogram_total(const struct histogram *histogram);

/*
 * What cell `i` stands for, and the edges between which its latencies were: equal to it when exact.
 */
double histogram_value(const struct histogram *histogram, size_t i);
double histogram_low(const struct histogram *histogram, size_t i);
double histogram_high(const struct histogram *histogram, size_t i); /* HUGE_VAL: nobody knows */

/* The cell that holds the value of that rank, 1 <= rank <= total. */
size_t histogram_cell_of_rank(const struct histogram *histogram, int64_t rank);

/*
 * How many were surely below x and how many may have been at most x: #(< x) and #(<= x) when exact,
 * and with a bucket that x cuts counted as not surely, but maybe.
 */
int64_t histogram_surely_below(const struct histogram *histogram, double x);
int64_t histogram_maybe_upto(const struct histogram *histogram, double x);

/* The share of requests that took at most x, by the cells' values; 0 when there are none. */
double histogram_share(const struct histogram *histogram, double x);

/*
 * Count, mean and sum of squared differences from it. The mean of milliseconds is exact but for its
 * rounding, and the squares are of a second pass, so that no offset costs digits.
 */
struct moments histogram_moments(const struct histogram *histogram);

#endif
