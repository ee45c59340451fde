/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL on this machine: the folder with initdb and postgres that fits
 * the data, without ever touching the data.
 *
 * PARE_PG_BINDIR decides alone when it is set. Else, in this order: what
 * pg_config says, the places where packages put it (newest first), the PATH.
 * Data of a major version are for servers of that version only.
 */
#ifndef PARE_CLUSTER_BINARIES_H
#define PARE_CLUSTER_BINARIES_H

#include "base/base.h"
#include "cluster/cluster.h"

struct pare_error;

struct binaries {
    char folder[CLUSTER_PATH_MAX];
    char version[64]; /* "15.18 (Debian 15.18-0+deb12u1)" */
    char major[16];   /* "15"; "9.6" before 10 */
};

/* Where to look. */
struct binaries_sources {
    const char *forced;          /* PARE_PG_BINDIR, or NULL */
    const char *path;            /* PATH, or NULL */
    const char *const *patterns; /* for glob(3), NULL-terminated */
};

/* This machine's, from the environment. */
struct binaries_sources binaries_sources(void);

/*
 * The first that serves data of `data_major`, or, for "", that is 14 or newer. PARE_ERR_NO_DATABASE
 * when there is none at all, PARE_ERR_REFUSED when only other versions are there.
 */
MUST_CHECK bool binaries_find(const struct binaries_sources *sources, const struct cluster *cluster,
                              const char *data_major, struct binaries *ret_binaries,
                              struct pare_error *err);

#endif
