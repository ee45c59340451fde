/* SPDX-License-Identifier: MIT */
/*
 * Sample ratio mismatch: do the arms get the shares of traffic they were meant to get? If not, some
 * requests are lost or led astray, most likely not at random, and no comparison of the arms is sound.
 *
 * Two answers: the chi-square of one look (amber; it cries wolf when watched), and a martingale that
 * may be watched for ever (red: the alarm). The split is A's share, stored as NUMERIC(3,2), which
 * cannot hold 1/3; the counts are tested against the split nearest to them that rounds to what is
 * stored. It may change while a test runs, so the counts come in segments of one split each.
 */
#ifndef PARE_STATS_SRM_H
#define PARE_STATS_SRM_H

#include "base/base.h"

/* How far the split meant may be from the split stored in NUMERIC(3,2). 0 where it is known exactly. */
#define SRM_HALF_UNIT 0.005

/* Requests while the split was one: `a` of `count` went to A. Taken as 0 <= a <= count. */
struct srm_segment {
    int64_t a, count;
    double split; /* taken as 0..1 */
};

struct srm {
    bool known;   /* false, and all else 0: no requests */
    int segments; /* with any requests; the degrees of freedom */
    double chi2;
    double ln_p;     /* of this look; -INFINITY when a share of 0 or 1 has been contradicted */
    double ln_e;     /* the martingale: alarm from ln 1000; INFINITY as above */
    bool alarm;      /* the red one */
    double expected; /* A's requests as the nearest splits would have them */
    double off;      /* A's share less its expected share, -1..1 */
    bool inverted;   /* the counts fit 1 - split and not the split: it was read as B's share */
};

/*
 * All segments together. The sequential factors multiply, each segment being a martingale of its own
 * that starts with it. The chi-squares add, with a degree of freedom for each segment; one of fewer
 * than 100 requests enters with the chi-square whose p is its exact binomial p. Under the null the
 * segments are independent, the nearest split only makes each smaller and the exact p is conservative,
 * so the sum errs on the quiet side; it answers "is any segment off" with no correction to choose,
 * where a least p would want one and would miss a small fault in all of them.
 */
struct srm srm_test(const struct srm_segment *segments, size_t count, double half_unit);

/* The split in [split - half_unit, split + half_unit], 0..1, that is nearest to a / count. */
double srm_nearest(const struct srm_segment *segment, double half_unit);

/* ln of the exact two-sided binomial p: all outcomes that are no likelier than this. 0 < p < 1. */
double srm_ln_exact(int64_t k, int64_t n, double p);

/* ln of the upper tail of chi-square with df >= 1 degrees of freedom. */
double srm_ln_chi2(double x, int df);

/* One minute's requests and the split (nearest, if it is a rounded one) that was meant then. */
struct srm_minute {
    int64_t a, b;
    double split;
};

/*
 * Since when is the split off? The minute from which one other share explains the rest best. False
 * when no minute does better than the split itself. Meant for after an alarm: it always finds a best.
 */
struct srm_change {
    size_t minute; /* index of the first bad one */
    double ln_lr;  /* by how much it explains better */
    double share;  /* A's share from there on */
};
MUST_CHECK bool srm_changepoint(const struct srm_minute *minutes, size_t count,
                                struct srm_change *ret_change);

#endif
