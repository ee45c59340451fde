/* SPDX-License-Identifier: MIT */
/*
 * The keeper: a detached process that makes, starts, watches and stops the
 * server. See cluster.h for who holds what.
 *
 * The file `ready` is how a user of the server and the keeper agree. A user
 * takes it shared, sets its time and looks whether the server is alive; the
 * keeper takes it exclusively before it stops an idle server, and looks at the
 * time then. So nobody is told "ready" about a server that is being stopped.
 *
 * A connection counts while it exists. A client that is killed is no connection
 * any more, so nobody has to be remembered.
 */
#ifndef PARE_CLUSTER_KEEPER_H
#define PARE_CLUSTER_KEEPER_H

#include "base/base.h"
#include "cluster/cluster.h"

struct pare_error;

/* The server is alive, open for use and has a keeper; the use is noted. */
bool keeper_note_use(const struct cluster *cluster);

/* Whether some keeper holds the lock. */
bool keeper_is_there(const struct cluster *cluster);

enum keeper_word { KEEPER_NEWS, KEEPER_READY, KEEPER_FAILED };

/*
 * Start a keeper. It sends packets to *ret_fd, which the caller closes: a byte of enum keeper_word,
 * for KEEPER_FAILED a byte of enum pare_error_code, then text. The last is READY or FAILED.
 */
MUST_CHECK bool keeper_start(const struct cluster *cluster, int *ret_fd, struct pare_error *err);

#endif
