/* SPDX-License-Identifier: MIT */
/*
 * The traffic of a test, for a router of pare's own: where requests go now, and results written
 * many at once. Writing and looking are one round trip, so that a new split or the end of the
 * test is known as soon as the newest results are.
 */
#ifndef PARE_REGISTRY_ABTEST_TRAFFIC_H
#define PARE_REGISTRY_ABTEST_TRAFFIC_H

#include "base/base.h"
#include "base/buf.h"

struct job;
struct pare_error;
struct registry;

enum { TRAFFIC_RESULTS_MAX = 500, TRAFFIC_SALT = 256 };

/* Where requests go. */
struct traffic_route {
    bool running;
    int64_t model_ids[2];    /* A's and B's; 0: none */
    int cut;                 /* buckets below it go to A, stats/bucket.h */
    char salt[TRAFFIC_SALT]; /* pare.ab_plan's */
};

struct traffic_result {
    int arm; /* 0: A, 1: B */
    int64_t model_id;
    const char *query, *response; /* response NULL: it failed */
    int64_t latency_ms;
    int rating; /* 1 to 5; 0: none */
};

/* Results that wait to be written. */
struct traffic {
    int64_t test_id;
    const struct job *job; /* that brings them, the caller's */
    bool counted;          /* what was sent is told too, as pare.ab_sent does */
    struct buf json;       /* an array, without its end */
    int waiting;
    int64_t sent[2]; /* of those, by arm */
};

/*
 * Begin. Sent requests are counted where nobody has brought uncounted ones: the two of one test
 * must agree.
 */
MUST_CHECK bool traffic_init(const struct registry *registry, int64_t test_id,
                             const struct job *job, struct traffic *ret_traffic,
                             struct pare_error *err);
void traffic_done(struct traffic *traffic); /* the zeroed struct is fine */

/* How many results whose query begins so are there already, of the newest million. */
MUST_CHECK bool traffic_recorded(const struct registry *registry, const struct traffic *traffic,
                                 const char *query_begin, int64_t *ret_count,
                                 struct pare_error *err);

/* At most TRAFFIC_RESULTS_MAX between two writes. */
void traffic_add(struct traffic *traffic, const struct traffic_result *result);

/*
 * Write what waits, in one transaction, and look where requests go. PARE_ERR_REFUSED when the
 * job's lease was lost: nothing is written then. A test that is gone does not run.
 */
MUST_CHECK bool traffic_write(const struct registry *registry, struct traffic *traffic,
                              struct traffic_route *ret_route, struct pare_error *err);

#endif
