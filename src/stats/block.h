/* SPDX-License-Identifier: MIT */
/*
 * A test over its time, in blocks (a minute each, or an hour).
 *
 * Requests of a minute share the machine's load, so they are not independent, and the variance of
 * independent ones misstates the interval. Blocks are nearly independent: what the delta varies by
 * between them is the honest variance. The same blocks draw the effect over time and tell whether it
 * has changed. Beside it CUPED, which takes out what the length of the query explains.
 */
#ifndef PARE_STATS_BLOCK_H
#define PARE_STATS_BLOCK_H

#include "base/base.h"
#include "stats/mean.h"
#include "stats/sequence.h"

/* Fewer blocks with requests than this say too little about their variance. */
enum { BLOCK_MIN = 30 };

struct block {
    struct mean_sums a, b;
};

/* The difference of the means over `count` blocks, and its variance both ways. */
struct block_variance {
    enum stats_state state; /* TOO_FEW: below two requests an arm */
    double delta;
    int64_t blocks;       /* with any requests */
    double independent;   /* the variance if requests were independent */
    double between;       /* the variance by blocks; 0 below BLOCK_MIN */
    double variance;      /* the one to use: the larger */
    double design_effect; /* between / independent; 0 below BLOCK_MIN or without variance */
};
struct block_variance block_variance(const struct block *blocks, size_t count);

/* One point of the effect over time: all requests up to the end of a block. */
struct block_point {
    bool known; /* false while the arms are below the burn-in */
    double delta;
    double low, high; /* the running intersection; low > high: it is empty */
    double ln_p;      /* the running least */
};

/*
 * `count` points into the caller's `ret_points`. The variance is that of independent requests times
 * `design_effect` (1 or more), the one of the whole test, so that the last point says what the table
 * says when that looked at each block's end.
 */
void block_effect(const struct block *blocks, size_t count, const struct sequence_plan *plan,
                  double design_effect, struct block_point *ret_points);

/* Whether the effect has moved: the half of the blocks with the later requests against the earlier. */
struct block_drift {
    enum stats_state state;
    size_t second; /* index of the second half's first block */
    double first_delta, second_delta;
    double z, ln_p; /* second - first; fixed n */
};
struct block_drift block_drift(const struct block *blocks, size_t count);

/*
 * Moments of a pair of values: the covariate x, known before the model ran (the query's bytes; never
 * the response's), and y, the latency. The s.. are centred sums, as regr_sxx and regr_sxy give them.
 */
struct block_pairs {
    int64_t count;
    double mean_x, mean_y;
    double sxx, sxy, syy;
};

/* Take one pair (Welford 1962). */
void block_pairs_add(struct block_pairs *pairs, double x, double y);

/* The difference with x's share taken out by one slope for both arms (Deng et al. 2013). */
struct block_cuped {
    enum stats_state state; /* NO_VARIANCE: of y; without any of x theta is 0 and nothing changes */
    double theta;
    double delta_raw, variance_raw;
    double delta, variance;
    double reduction; /* 1 - variance / variance_raw */
};
struct block_cuped block_cuped(const struct block_pairs *a, const struct block_pairs *b);

#endif
