/* SPDX-License-Identifier: MIT */
/*
 * Making the data folder: initdb beside it, our settings, a rename. A killed
 * initdb leaves data.new.PID, which the next one removes; data is whole or absent.
 */
#ifndef PARE_CLUSTER_DATA_H
#define PARE_CLUSTER_DATA_H

#include "base/base.h"
#include "cluster/binaries.h"
#include "cluster/cluster.h"

struct pare_error;

/* Only for the holder of the lock, as the account, when there are no data. */
MUST_CHECK bool data_make(const struct cluster *cluster, const struct binaries *binaries,
                          struct pare_error *err);

#endif
