/* SPDX-License-Identifier: MIT */
/*
 * A folder for the files of one job, outside the registry.
 *
 * It is locked while its job lives. A worker that is killed leaves it behind
 * unlocked, and the next one to make a spool removes it.
 */
#ifndef PARE_JOBS_SPOOL_H
#define PARE_JOBS_SPOOL_H

#include "base/base.h"
#include "base/digest.h"

struct arena;
struct job_run;
struct pare_error;
struct version;

struct spool {
    char path[512];
    int lock; /* of the folder; -1 when there is none */
};

/* A fresh folder below ${TMPDIR:-/tmp}/pare-<uid>, where what others left is removed. */
MUST_CHECK bool spool_open(struct spool *spool, struct pare_error *err);
void spool_close(struct spool *spool); /* removes it */

/* A version's files in the spool. */
struct spooled {
    const char *path; /* of the model's file, or of a checkpoint's folder; in the arena */
    char sha256[DIGEST_HEX];
    bool folder; /* they are a set */
};

/* Write a version's files into the folder `name` of the run's spool. */
MUST_CHECK bool spool_version(struct job_run *run, const struct version *version, const char *name,
                              struct arena *arena, struct spooled *ret_spooled,
                              struct pare_error *err);

/* Write an artifact that no version owns (a dataset) into `folder`/`name`. */
MUST_CHECK bool spool_artifact(struct job_run *run, int64_t artifact_id, const char *name,
                               struct arena *arena, struct spooled *ret_spooled,
                               struct pare_error *err);

#endif
