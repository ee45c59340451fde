/* SPDX-License-Identifier: MIT */
/*
 * Chunks on their way into a registry, those it has already only by name.
 *
 * They go in batches, a transaction each: the digests are asked for first, then what is
 * missing is sent and all are named, so that equal bytes are stored once and an upload
 * that died in the middle continues where it was when it is started again. A batch goes
 * in the order of its digests, so that two uploads of the same bytes wait for each other
 * in one direction only; one that a sweep got ahead of is sent once more, from memory.
 */
#ifndef PARE_REGISTRY_PIECE_H
#define PARE_REGISTRY_PIECE_H

#include "base/base.h"
#include "base/digest.h"

struct pare_error;
struct pg;

enum { PIECE_BYTES_MAX = 256 * 1024, PIECE_BATCH_BYTES = 16 << 20, PIECE_BATCH_MAX = 256 };

struct piece {
    unsigned char sum[DIGEST_BYTES];
    int64_t start_at; /* in the artifact */
    const unsigned char *bytes;
    size_t length;
    bool known; /* the registry has it, or it came before in this batch */
};

struct piece_batch {
    struct pg *pg;
    int64_t artifact_id;
    struct piece pieces[PIECE_BATCH_MAX];
    size_t count, used_bytes;
    int64_t known_bytes;  /* of all batches: what did not have to be sent */
    unsigned char *bytes; /* PIECE_BATCH_BYTES */
};

/* `pg` is the caller's and outlives the batch. */
MUST_CHECK bool piece_batch_init(struct piece_batch *batch, struct pg *pg, int64_t artifact_id,
                                 struct pare_error *err);
void piece_batch_done(struct piece_batch *batch);

/* The artifact's next chunk, 1 to PIECE_BYTES_MAX bytes; they are copied. */
MUST_CHECK bool piece_add(struct piece_batch *batch, int64_t start_at, const void *bytes,
                          size_t length, struct pare_error *err);

/* Send and commit what has been added. */
MUST_CHECK bool piece_flush(struct piece_batch *batch, struct pare_error *err);

/* Free what no artifact names any more. */
MUST_CHECK bool piece_sweep(struct pg *pg, int64_t *ret_freed_bytes, struct pare_error *err);

#endif
