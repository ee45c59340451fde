/* SPDX-License-Identifier: MIT */
/*
 * Bytes into a registry, as a stream; the version appears at the end, whole or not at all.
 *
 * Chunks are committed as they come under an artifact that no version owns yet, so an
 * upload that dies leaves nothing visible; started again within the hour it finds what it
 * had sent (registry/piece.h), later the sweep has taken it. One file up to the registry's
 * inline limit is assembled into model_data on the server; more stays in chunks.
 */
#ifndef PARE_REGISTRY_UPLOAD_H
#define PARE_REGISTRY_UPLOAD_H

#include "base/base.h"

struct pare_error;
struct pg;
struct registry;
struct upload;

enum upload_shape {
    UPLOAD_FILE,    /* one file: inline where it fits */
    UPLOAD_FOLDER,  /* a set of files */
    UPLOAD_DATASET, /* one file, never inline */
};

/* The version to be made. NULL where not given; JSON as text, judged beforehand. */
struct upload_version {
    const char *name, *version, *model_type, *optimization, *config, *metrics;
    /* Lineage, all absent for an import without a parent. */
    int64_t parent_id;
    const char *parent_name, *parent_version, *recipe, *engine_version, *report;
    const unsigned char *parent_digest; /* DIGEST_BYTES, or NULL */
    /* More to do in the transaction that makes it, such as ending a job; false undoes all. */
    bool (*within)(void *data, struct pg *pg, int64_t id, struct pare_error *err);
    void *data;
};

/* Start. `total_bytes` and the shape decide where the bytes will live. */
MUST_CHECK bool upload_begin(const struct registry *registry, int64_t total_bytes,
                             enum upload_shape shape, struct upload **ret_upload,
                             struct pare_error *err);

/* The next file of the set: its path inside the artifact. */
MUST_CHECK bool upload_file(struct upload *upload, const char *path, struct pare_error *err);
MUST_CHECK bool upload_add(struct upload *upload, const void *bytes, size_t length,
                           struct pare_error *err);
/* A tensor begins here: the next byte starts a chunk. */
MUST_CHECK bool upload_cut(struct upload *upload, struct pare_error *err);

/* Of what was added, the bytes that the registry had already: they were not sent. */
int64_t upload_known_bytes(const struct upload *upload);

/* Make the version. Taken already is PARE_ERR_REFUSED, and nothing has changed. */
MUST_CHECK bool upload_publish(struct upload *upload, const struct upload_version *version,
                               int64_t *ret_id, struct pare_error *err);

/* Make a dataset of it instead, for upload_begin(UPLOAD_DATASET). Its name taken: PARE_ERR_REFUSED. */
MUST_CHECK bool upload_publish_dataset(struct upload *upload, const char *name, int64_t rows,
                                       struct pare_error *err);

/* After a publish nothing is left to do; before it, what was uploaded is removed. NULL is fine. */
void upload_free(struct upload *upload);

/* Remove uploads that nobody has touched for an hour. */
MUST_CHECK bool upload_sweep(const struct registry *registry, int64_t *ret_count,
                             struct pare_error *err);

#endif
