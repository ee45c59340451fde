/* SPDX-License-Identifier: MIT */
#include "registry/piece.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "pg/pg.h"
#include "registry/gain.h"
#include "registry/query.auto.h"

enum { TRIES = 5, SWEEP_STEP = 10000 };

bool piece_batch_init(struct piece_batch *batch, struct pg *pg, int64_t artifact_id,
                      struct pare_error *err)
{
    memset(batch, 0, sizeof(*batch));
    batch->pg = pg;
    batch->artifact_id = artifact_id;
    batch->bytes = malloc(PIECE_BATCH_BYTES);
    return batch->bytes || error_no_memory(err, PIECE_BATCH_BYTES);
}

void piece_batch_done(struct piece_batch *batch)
{
    free(batch->bytes);
    batch->bytes = NULL;
}

static int by_sum(const void *a, const void *b)
{
    const struct piece *left = a, *right = b;
    return memcmp(left->sum, right->sum, DIGEST_BYTES);
}

/* Which the registry has; of equal ones in the batch the first is sent at most. */
static bool ask(struct piece_batch *batch, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    unsigned char sums[PIECE_BATCH_MAX * DIGEST_BYTES];
    qsort(batch->pieces, batch->count, sizeof(batch->pieces[0]), by_sum);
    for (size_t i = 0; i < batch->count; i++) {
        struct piece *piece = &batch->pieces[i];
        memcpy(sums + i * DIGEST_BYTES, piece->sum, DIGEST_BYTES);
        piece->known = i > 0 && by_sum(piece - 1, piece) == 0;
    }
    if (!pg_read(batch->pg, query_piece_known, PG_ARGS(PG_BYTES(sums, batch->count * DIGEST_BYTES)),
                 &rows, err))
        return false;
    for (int i = 0; i < pg_row_count(rows); i++) {
        int64_t index = pg_int(rows, i, 0);
        if (index >= 0 && index < (int64_t)batch->count)
            batch->pieces[index].known = true;
    }
    return true;
}

static bool feed_bytes(const struct piece_batch *batch, struct pare_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct piece *piece = &batch->pieces[i];
        if (piece->known)
            continue;
        const char *add = gain_is_worth_it(piece->bytes, piece->length) ? query_piece_add_packed
                                                                        : query_piece_add;
        if (!pg_feed(batch->pg, add,
                     PG_ARGS(PG_BYTES(piece->sum, DIGEST_BYTES), PG_INT((int64_t)piece->length),
                             PG_BYTES(piece->bytes, piece->length)),
                     err))
            return false;
    }
    return true;
}

static bool feed_chunks(const struct piece_batch *batch, struct pare_error *err)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!pg_feed(batch->pg, query_artifact_chunk,
                     PG_ARGS(PG_INT(batch->artifact_id), PG_INT(batch->pieces[i].start_at),
                             PG_BYTES(batch->pieces[i].sum, DIGEST_BYTES)),
                     err))
            return false;
    return true;
}

static bool feed(const struct piece_batch *batch, struct pare_error *err)
{
    return pg_feed_begin(batch->pg, err) &&
           pg_feed(batch->pg, query_artifact_later, PG_NO_ARGS, err) && feed_bytes(batch, err) &&
           feed_chunks(batch, err) &&
           pg_feed(batch->pg, query_artifact_touch, PG_ARGS(PG_INT(batch->artifact_id)), err) &&
           pg_feed_end(batch->pg, err);
}

/* A sweep took a piece after it was asked for (23503), or a lock went round in a circle (40P01). */
static bool worth_another_try(const struct pg *pg)
{
    const char *state = pg_sqlstate(pg);
    return pg_is_open(pg) && (!strcmp(state, "23503") || !strcmp(state, "40P01"));
}

bool piece_flush(struct piece_batch *batch, struct pare_error *err)
{
    bool ok = batch->count == 0;
    for (int try = 0; !ok; try++) {
        ok = ask(batch, err) && feed(batch, err);
        if (!ok && (try + 1 == TRIES || !worth_another_try(batch->pg)))
            return false;
    }
    for (size_t i = 0; i < batch->count; i++)
        if (batch->pieces[i].known)
            batch->known_bytes += (int64_t)batch->pieces[i].length;
    batch->count = batch->used_bytes = 0;
    return true;
}

bool piece_add(struct piece_batch *batch, int64_t start_at, const void *bytes, size_t length,
               struct pare_error *err)
{
    if ((batch->count == PIECE_BATCH_MAX || batch->used_bytes + length > PIECE_BATCH_BYTES) &&
        !piece_flush(batch, err))
        return false;
    struct piece *piece = &batch->pieces[batch->count++];
    *piece = (struct piece){ .start_at = start_at,
                             .bytes = batch->bytes + batch->used_bytes,
                             .length = length };
    memcpy(batch->bytes + batch->used_bytes, bytes, length);
    batch->used_bytes += length;
    digest_of(piece->bytes, length, piece->sum);
    return true;
}

bool piece_sweep(struct pg *pg, int64_t *ret_freed_bytes, struct pare_error *err)
{
    int64_t freed = 0;
    for (bool more = true; more;) {
        CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
        if (!pg_write(pg, query_piece_sweep, PG_ARGS(PG_INT(SWEEP_STEP)), &rows, err))
            return false;
        more = pg_int(rows, 0, 0) > 0;
        freed += pg_int(rows, 0, 1);
    }
    *ret_freed_bytes = freed;
    return true;
}
