/* SPDX-License-Identifier: MIT */
/*
 * Where a cluster's files are, who owns them, and becoming that account.
 *
 * Everything in the folder belongs to the account that runs the server, which
 * for root is another user: root never follows a link in there.
 */
#ifndef PARE_CLUSTER_PLACE_H
#define PARE_CLUSTER_PLACE_H

#include "base/base.h"
#include "cluster/cluster.h"

struct buf;
struct pare_error;

/* folder/name */
void place_path(const struct cluster *cluster, const char *name, char ret_path[CLUSTER_PATH_MAX]);

/* See cluster_find(). */
MUST_CHECK bool place_find(struct cluster *ret_cluster, struct pare_error *err);

/* Make the folder and the socket's folder with the right owner and mode. Missing parents are made. */
MUST_CHECK bool place_make(const struct cluster *cluster, struct pare_error *err);

/* Root becomes the account, for good; for anyone else there is nothing to do. */
MUST_CHECK bool place_become_account(const struct cluster *cluster, struct pare_error *err);

/* PG_VERSION of the data, "15"; "" when there are none. */
void place_data_major(const struct cluster *cluster, char ret_major[16]);

/* libpq's keywords for one database of the cluster; a port and an owner, so no PGPORT steers it. */
void place_conninfo(const struct cluster *cluster, const char *database, struct buf *buf);

/* At most room - 1 bytes of a small file, zero-terminated; false when it cannot be read. */
MUST_CHECK bool place_read(const char *path, char *to, size_t room);

/* Whether a socket in `folder` has a path short and plain enough for libpq and the server. */
bool place_fits_socket(const char *folder);

#endif
