/* SPDX-License-Identifier: MIT */
#include "registry/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/artifact.h"
#include "registry/piece.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { COMMIT_BYTES = 64 << 20, METRICS_MAX = 1 << 20 };

struct upload {
    const struct registry *registry;
    struct pg *pg;
    int64_t artifact_id;
    bool inline_bytes, feeding, published;

    int64_t position, committed; /* in the artifact, counted from 0 */
    struct piece_batch batch;    /* of what goes into chunks */
    unsigned char *chunk;        /* PIECE_BYTES_MAX */
    size_t chunk_used;

    struct arena arena; /* paths */
    const char *path;   /* of the file under way, NULL before the first */
    int file_number;
    int64_t file_start;
    struct digest file_digest, set_digest;
    unsigned char sum[DIGEST_BYTES]; /* of the newest ended file */
};

static bool inline_limit(const struct registry *registry, int64_t *ret_limit,
                         struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_registry_inline_limit, PG_NO_ARGS, &rows, err))
        return false;
    *ret_limit = pg_row_count(rows) ? pg_int(rows, 0, 0) : 0;
    return true;
}

static bool start_artifact(struct upload *u, bool folder, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_write(u->pg, query_artifact_start,
                  PG_ARGS(PG_BOOL(u->inline_bytes), PG_BOOL(folder), PG_TEXT(u->registry->actor)),
                  &rows, err))
        return false;
    u->artifact_id = pg_int(rows, 0, 0);
    return true;
}

bool upload_begin(const struct registry *registry, int64_t total_bytes, enum upload_shape shape,
                  struct upload **ret_upload, struct pare_error *err)
{
    int64_t limit, swept;
    if (!registry_allows(registry, REGISTRY_WRITE, err) || !upload_sweep(registry, &swept, err) ||
        !inline_limit(registry, &limit, err))
        return false;
    struct upload *u = calloc(1, sizeof(*u));
    if (!u)
        return error_no_memory(err, sizeof(*u));
    u->registry = registry;
    u->pg = registry->pg;
    u->inline_bytes = shape == UPLOAD_FILE && total_bytes <= limit;
    u->chunk = malloc(PIECE_BYTES_MAX);
    bool ok = u->chunk || error_no_memory(err, PIECE_BYTES_MAX);
    ok = ok && digest_init(&u->file_digest, err) && digest_init(&u->set_digest, err) &&
         start_artifact(u, shape == UPLOAD_FOLDER, err) &&
         (u->inline_bytes || piece_batch_init(&u->batch, u->pg, u->artifact_id, err));
    if (!ok) {
        upload_free(u);
        return false;
    }
    *ret_upload = u;
    return true;
}

static bool end_feed(struct upload *u, struct pare_error *err)
{
    if (!u->inline_bytes)
        return piece_flush(&u->batch, err);
    if (!u->feeding)
        return true;
    u->feeding = false;
    u->committed = u->position;
    return pg_feed(u->pg, query_artifact_touch, PG_ARGS(PG_INT(u->artifact_id)), err) &&
           pg_feed_end(u->pg, err);
}

static bool begin_feed(struct upload *u, struct pare_error *err)
{
    if (u->feeding)
        return true;
    u->feeding = pg_feed_begin(u->pg, err) && pg_feed(u->pg, query_artifact_later, PG_NO_ARGS, err);
    return u->feeding;
}

static bool stage_chunk(struct upload *u, struct pare_error *err)
{
    if (!begin_feed(u, err))
        return false;
    u->feeding = pg_feed(
        u->pg, query_artifact_stage,
        PG_ARGS(PG_INT(u->artifact_id), PG_INT(u->position), PG_BYTES(u->chunk, u->chunk_used)),
        err);
    return u->feeding;
}

static bool send_chunk(struct upload *u, struct pare_error *err)
{
    if (u->chunk_used == 0)
        return true;
    if (!(u->inline_bytes ? stage_chunk(u, err)
                          : piece_add(&u->batch, u->position, u->chunk, u->chunk_used, err)))
        return false;
    u->position += (int64_t)u->chunk_used;
    u->chunk_used = 0;
    return !u->inline_bytes || u->position - u->committed < COMMIT_BYTES || end_feed(u, err);
}

bool upload_cut(struct upload *upload, struct pare_error *err)
{
    /* Assembled bytes have no use for boundaries. */
    return upload->inline_bytes || send_chunk(upload, err);
}

bool upload_add(struct upload *upload, const void *bytes, size_t length, struct pare_error *err)
{
    const unsigned char *from = bytes;
    digest_add(&upload->file_digest, bytes, length);
    while (length > 0) {
        size_t step = MIN(length, PIECE_BYTES_MAX - upload->chunk_used);
        memcpy(upload->chunk + upload->chunk_used, from, step);
        upload->chunk_used += step;
        from += step;
        length -= step;
        if (upload->chunk_used == PIECE_BYTES_MAX && !send_chunk(upload, err))
            return false;
    }
    return true;
}

static bool end_file(struct upload *u, struct pare_error *err)
{
    if (!u->path)
        return true;
    if (!send_chunk(u, err) || !end_feed(u, err))
        return false;
    digest_take(&u->file_digest, u->sum);
    digest_add(&u->set_digest, u->sum, sizeof(u->sum));
    bool ok = pg_write(u->pg, query_artifact_file,
                       PG_ARGS(PG_INT(u->artifact_id), PG_INT(u->file_number++), PG_TEXT(u->path),
                               PG_INT(u->file_start), PG_INT(u->position - u->file_start),
                               PG_BYTES(u->sum, sizeof(u->sum))),
                       NULL, err);
    u->path = NULL;
    return ok;
}

bool upload_file(struct upload *upload, const char *path, struct pare_error *err)
{
    if (!artifact_path_ok(path))
        return error_set(err, PARE_ERR_FORMAT,
                         "the file's name \"%s\" is not UTF-8 or holds control characters; rename "
                         "it first",
                         path);
    if (!end_file(upload, err))
        return false;
    upload->path = arena_strdup(&upload->arena, path);
    upload->file_start = upload->position;
    return upload->path || error_no_memory(err, strlen(path));
}

/* The size in MB joins the metrics, unless a person gave one. */
static bool with_size(const char *metrics, int64_t size_bytes, struct buf *buf,
                      struct pare_error *err)
{
    const char *given = metrics ? metrics : "{}";
    char number[32];
    text_number((double)size_bytes / 1e6, number, sizeof(number));
    while (*given == ' ' || *given == '\n' || *given == '\t' || *given == '\r')
        given++;
    if (*given != '{' || strstr(given, "\"size_mb\"") || strstr(given, "\"size\"")) {
        buf_text(buf, given);
    } else {
        const char *rest = given + 1;
        while (*rest == ' ' || *rest == '\n' || *rest == '\t' || *rest == '\r')
            rest++;
        buf_printf(buf, "{\"size_mb\": %s%s%s", number, *rest == '}' ? "" : ", ", rest);
    }
    return buf_ok(buf, err);
}

/* The digest on record: of the one file, or of many files' digests in order. */
static void set_sum(struct upload *u, unsigned char ret_sum[DIGEST_BYTES])
{
    if (u->file_number == 1)
        memcpy(ret_sum, u->sum, DIGEST_BYTES);
    else
        digest_take(&u->set_digest, ret_sum);
}

static bool same_sum(const unsigned char sum[DIGEST_BYTES], const char *hex)
{
    char ours[DIGEST_HEX];
    digest_hex(sum, ours);
    return hex && strcmp(ours, hex) == 0;
}

static bool own_artifact(struct upload *u, const struct upload_version *v, int64_t id,
                         const unsigned char sum[DIGEST_BYTES], struct pare_error *err)
{
    if (!pg_query(u->pg, query_artifact_own,
                  PG_ARGS(PG_INT(u->artifact_id), PG_INT(id), PG_INT(u->position),
                          PG_BYTES(sum, DIGEST_BYTES)),
                  NULL, err) ||
        !pg_query(u->pg, query_artifact_unstage, PG_ARGS(PG_INT(u->artifact_id)), NULL, err))
        return false;
    if (v->parent_id == 0)
        return true;
    return pg_query(u->pg, query_artifact_lineage,
                    PG_ARGS(PG_INT(id), PG_INT(v->parent_id), PG_TEXT(v->parent_name),
                            PG_TEXT(v->parent_version), PG_TEXT(v->recipe),
                            PG_TEXT(v->engine_version),
                            v->parent_digest ? PG_BYTES(v->parent_digest, DIGEST_BYTES) : PG_NULL,
                            PG_TEXT(v->report), PG_TEXT(u->registry->actor)),
                    NULL, err);
}

static bool publish_in_transaction(struct upload *u, const struct upload_version *v,
                                   const char *metrics, int64_t *ret_id, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    unsigned char sum[DIGEST_BYTES];
    set_sum(u, sum);
    if (!pg_query(u->pg, query_artifact_publish,
                  PG_ARGS(PG_TEXT(v->name), PG_TEXT(v->version), PG_TEXT(v->model_type),
                          PG_TEXT(v->optimization), PG_TEXT(v->config), PG_TEXT(metrics),
                          PG_BOOL(true), PG_INT(u->artifact_id)),
                  &rows, err)) {
        if (!strcmp(pg_sqlstate(u->pg), "23505"))
            return error_set(err, PARE_ERR_REFUSED,
                             "refused: %s:%s is there already; versions are never overwritten, "
                             "give another --version",
                             v->name, v->version);
        if (!strncmp(pg_sqlstate(u->pg), "22", 2)) {
            error_prefix(err, "the metrics, config or names cannot be stored");
            err->code = PARE_ERR_USAGE;
        }
        return false;
    }
    if (pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_FAILED,
                         "the upload was swept away, untouched for an hour; start it again");
    int64_t id = pg_int(rows, 0, 0);
    if (u->inline_bytes && !same_sum(sum, pg_text(rows, 0, 1)))
        return error_set(err, PARE_ERR_FAILED,
                         "the server's digest of the assembled bytes differs from ours; nothing "
                         "was kept");
    if (!own_artifact(u, v, id, sum, err) || (v->within && !v->within(v->data, u->pg, id, err)) ||
        !pg_commit(u->pg, err))
        return false;
    *ret_id = id;
    return true;
}

bool upload_publish(struct upload *upload, const struct upload_version *version, int64_t *ret_id,
                    struct pare_error *err)
{
    struct buf metrics;
    if (!end_file(upload, err))
        return false;
    buf_init(&metrics, METRICS_MAX);
    bool ok = with_size(version->metrics, upload->position, &metrics, err) &&
              pg_begin(upload->pg, true, err);
    if (ok) {
        ok = publish_in_transaction(upload, version, buf_string(&metrics), ret_id, err);
        if (!ok)
            pg_rollback(upload->pg);
    }
    buf_done(&metrics);
    upload->published = ok;
    return ok;
}

static bool dataset_in_transaction(struct upload *u, const char *name, int64_t rows,
                                   struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *kept = NULL;
    if (!pg_query(
            u->pg, query_artifact_keep,
            PG_ARGS(PG_INT(u->artifact_id), PG_INT(u->position), PG_BYTES(u->sum, DIGEST_BYTES)),
            &kept, err))
        return false;
    if (pg_row_count(kept) == 0)
        return error_set(err, PARE_ERR_FAILED, "the upload was swept away; start it again");
    if (!pg_query(u->pg, query_dataset_add,
                  PG_ARGS(PG_TEXT(name), PG_BYTES(u->sum, DIGEST_BYTES), PG_INT(rows),
                          PG_INT(u->artifact_id), PG_TEXT(u->registry->actor)),
                  NULL, err)) {
        if (!strcmp(pg_sqlstate(u->pg), "23505"))
            return error_set(
                err, PARE_ERR_REFUSED,
                "refused: a dataset %s is there already, with other bytes or the same; "
                "datasets are never overwritten",
                name);
        return false;
    }
    return pg_commit(u->pg, err);
}

bool upload_publish_dataset(struct upload *upload, const char *name, int64_t rows,
                            struct pare_error *err)
{
    if (!end_file(upload, err) || !pg_begin(upload->pg, true, err))
        return false;
    bool ok = dataset_in_transaction(upload, name, rows, err);
    if (!ok)
        pg_rollback(upload->pg);
    upload->published = ok;
    return ok;
}

static void abandon(struct upload *u)
{
    struct pare_error ignored;
    int64_t freed;
    pg_rollback(u->pg);
    pg_set_interrupt(u->pg, NULL); /* an interrupted upload cleans up too, then the command ends */
    if (u->artifact_id && pg_is_open(u->pg))
        (void)!(pg_write(u->pg, query_artifact_abandon, PG_ARGS(PG_INT(u->artifact_id)), NULL,
                         &ignored) &&
                piece_sweep(u->pg, &freed, &ignored));
}

void upload_free(struct upload *upload)
{
    if (!upload)
        return;
    if (!upload->published)
        abandon(upload);
    digest_done(&upload->file_digest);
    digest_done(&upload->set_digest);
    arena_done(&upload->arena);
    piece_batch_done(&upload->batch);
    free(upload->chunk);
    free(upload);
}

int64_t upload_known_bytes(const struct upload *upload)
{
    return upload->batch.known_bytes;
}

bool upload_sweep(const struct registry *registry, int64_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    int64_t freed;
    if (!pg_write(registry->pg, query_artifact_sweep, PG_NO_ARGS, &rows, err) ||
        !piece_sweep(registry->pg, &freed, err))
        return false;
    *ret_count = pg_int(rows, 0, 0);
    return true;
}
