/* SPDX-License-Identifier: MIT */
/*
 * Watching a server until it ends or has been idle for long enough.
 *
 * One connection to the database `postgres` counts the others every few
 * seconds. It also tells at once when the server ends, for then it breaks.
 */
#ifndef PARE_CLUSTER_WATCH_H
#define PARE_CLUSTER_WATCH_H

#include <time.h>

#include "base/base.h"
#include "cluster/cluster.h"

struct pare_error;
struct pg;

struct watch {
    const struct cluster *cluster;
    pid_t server_pid;
    int ready_fd;            /* of the file `ready`; the caller's */
    struct pg *pg;           /* owned; NULL while the connection is lost */
    int64_t sessions;        /* ever begun, as last seen: clients that came and went */
    struct timespec used_at; /* the time of `ready`, as last seen */
};

/* Connect, and make the database `pare` if it is missing. ready_fd is set by the caller later. */
MUST_CHECK bool watch_open(struct watch *watch, const struct cluster *cluster, pid_t server_pid,
                           struct pare_error *err);

/* Returns when the server has ended, by itself or stopped by us. */
void watch_run(struct watch *watch);

void watch_close(struct watch *watch);

/* Whether the server has ended; a child is reaped. */
bool watch_has_ended(const struct cluster *cluster, pid_t server_pid);

#endif
