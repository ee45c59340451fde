/* SPDX-License-Identifier: MIT */
#include "registry/artifact.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/query.auto.h"
#include "registry/registry.h"
#include "registry/version.h"

enum { SLICE_BYTES = 4 << 20, SLICE_RUN = 16, CHUNK_RUN = 256, FILES_MAX = 100000 };

/* A path from the database becomes a file here: it must stay inside its folder. */
bool artifact_path_ok(const char *path)
{
    if (!*path || *path == '/' || !text_is_clean(path, strlen(path)))
        return false;
    for (const char *step = path; step;) {
        size_t length = strcspn(step, "/");
        if (length == 0 || (length == 1 && step[0] == '.') ||
            (length == 2 && step[0] == '.' && step[1] == '.'))
            return false;
        step = step[length] ? step + length + 1 : NULL;
    }
    return true;
}

static bool get_files(const struct registry *registry, struct artifact *artifact,
                      struct arena *arena, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    int64_t expected_start = 0;
    if (!pg_read(registry->pg, query_artifact_files, PG_ARGS(PG_INT(artifact->id)), &rows, err))
        return false;
    int count = pg_row_count(rows);
    if (count > FILES_MAX)
        return error_set(err, PARE_ERR_FORMAT, "an artifact of %d files, more than the limit of %d",
                         count, FILES_MAX);
    artifact->files = arena_array(arena, (size_t)count, sizeof(*artifact->files));
    if (!artifact->files)
        return error_no_memory(err, (size_t)count * sizeof(*artifact->files));
    for (int i = 0; i < count; i++) {
        struct artifact_file *file = &artifact->files[i];
        *file = (struct artifact_file){
            .path = arena_strdup(arena, pg_text(rows, i, 0)),
            .start_at = pg_int(rows, i, 1),
            .size_bytes = pg_int(rows, i, 2),
            .sha256 = arena_strdup(arena, pg_text(rows, i, 3)),
        };
        if (!file->path || !artifact_path_ok(file->path))
            return error_set(err, PARE_ERR_FORMAT,
                             "the registry names a file \"%s\", which is no "
                             "safe path",
                             file->path ? file->path : "");
        if (file->start_at != expected_start || file->size_bytes < 0)
            return error_set(err, PARE_ERR_FORMAT,
                             "the files of artifact %lld do not follow each "
                             "other",
                             (long long)artifact->id);
        expected_start += file->size_bytes;
    }
    artifact->file_count = (size_t)count;
    return true;
}

/* Bytes that stand in model_data alone are one file without a name of its own. */
static bool one_file(struct artifact *artifact, struct arena *arena, struct pare_error *err)
{
    artifact->files = arena_array(arena, 1, sizeof(*artifact->files));
    if (!artifact->files)
        return error_no_memory(err, sizeof(*artifact->files));
    artifact->files[0] =
        (struct artifact_file){ .path = "model", .size_bytes = artifact->size_bytes };
    artifact->file_count = 1;
    return true;
}

/* Where a schema of pare's is there that cannot be read, the bytes may be in it. */
static bool no_bytes(const struct registry *registry, const struct version *version, bool on_record,
                     struct pare_error *err)
{
    if (registry_is_guest(registry) && registry->has_schema && !registry->is_foreign &&
        !registry_allows(registry, REGISTRY_SEE, err)) {
        error_prefix(err, "%s:%s has no bytes in model_data, and the schema pare cannot be asked",
                     version->name, version->version);
        return false;
    }
    return error_set(err, PARE_ERR_NOT_FOUND, "%s:%s has no bytes: model_data is NULL%s",
                     version->name, version->version,
                     on_record ? " (pare stored it; somebody emptied the column)" : "");
}

bool artifact_get(const struct registry *registry, const struct version *version,
                  struct arena *arena, struct artifact *ret_artifact, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    const char *sql = registry_is_guest(registry) ? query_artifact_get_guest : query_artifact_get;
    if (!pg_read(registry->pg, sql, PG_ARGS(PG_INT(version->id)), &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "%s:%s has been deleted meanwhile", version->name,
                         version->version);
    struct artifact artifact = {
        .model_id = version->id,
        .id = pg_int(rows, 0, 2),
        .inline_bytes = !pg_null(rows, 0, 0),
        .row_mark = arena_strdup(arena, pg_text(rows, 0, 1)),
        .folder = pg_bool(rows, 0, 4),
        .sha256 = arena_strdup(arena, pg_text(rows, 0, 6)),
    };
    bool in_chunks = !artifact.inline_bytes && artifact.id && !pg_bool(rows, 0, 3);
    if (!artifact.inline_bytes && !in_chunks)
        return no_bytes(registry, version, artifact.id != 0, err);
    artifact.size_bytes = artifact.inline_bytes ? pg_int(rows, 0, 0) : pg_int(rows, 0, 5);
    if (artifact.id ? !get_files(registry, &artifact, arena, err)
                    : !one_file(&artifact, arena, err))
        return false;
    if (artifact.inline_bytes && artifact.file_count != 1 && !one_file(&artifact, arena, err))
        return false;
    if (artifact.inline_bytes) /* which somebody may have replaced: all of them are read */
        artifact.files[0].size_bytes = artifact.size_bytes;
    *ret_artifact = artifact;
    return true;
}

bool artifact_get_kept(const struct registry *registry, int64_t artifact_id, struct arena *arena,
                       struct artifact *ret_artifact, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_artifact_get_kept, PG_ARGS(PG_INT(artifact_id)), &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "the dataset's bytes are gone");
    struct artifact artifact = { .id = artifact_id,
                                 .size_bytes = pg_int(rows, 0, 0),
                                 .sha256 = arena_strdup(arena, pg_text(rows, 0, 1)) };
    if (!get_files(registry, &artifact, arena, err))
        return false;
    if (artifact.file_count == 0)
        return error_set(err, PARE_ERR_FORMAT, "the dataset has no file");
    *ret_artifact = artifact;
    return true;
}

/* ---- reading ---- */

struct reading {
    const struct registry *registry;
    const struct artifact *artifact;
    const struct artifact_sink *sink;
    struct digest digest; /* of the file under way */
    int64_t position;     /* in the artifact */
    int64_t file_end;
};

static bool give(struct reading *r, const void *bytes, size_t length, struct pare_error *err)
{
    digest_add(&r->digest, bytes, length);
    r->position += (int64_t)length;
    return !r->sink->bytes || r->sink->bytes(r->sink->data, bytes, length, err);
}

static bool changed_meanwhile(struct pare_error *err)
{
    return error_set(err, PARE_ERR_FAILED,
                     "the row was changed or deleted while it was read; try again");
}

static bool missing(int64_t at, struct pare_error *err)
{
    return error_set(err, PARE_ERR_FAILED, "the chunk at byte %lld is missing", (long long)at);
}

static bool take_piece(void *data, const struct pg_rows *rows, struct pare_error *err)
{
    struct reading *r = data;
    size_t length;
    const void *bytes = pg_bytes(rows, 0, 0, &length);
    if (pg_int(rows, 0, 1) != r->position)
        return r->artifact->inline_bytes ? changed_meanwhile(err) : missing(r->position, err);
    if (length == 0 || (int64_t)length > r->file_end - r->position)
        return error_set(err, PARE_ERR_FORMAT, "the bytes at %lld do not fit their file",
                         (long long)r->position);
    return give(r, bytes, length, err);
}

/* A run of slices leaves as one request, so that the server cuts the next while this one is used. */
static bool read_slices(struct reading *r, struct pare_error *err)
{
    while (r->position < r->file_end) {
        struct pg_arg args[SLICE_RUN][4];
        struct pg_statement statements[SLICE_RUN];
        int64_t before = r->position, at = before;
        size_t count = 0;
        for (; count < SLICE_RUN && at < r->file_end; count++, at += SLICE_BYTES) {
            args[count][0] = PG_INT(r->artifact->model_id);
            args[count][1] = PG_INT(at);
            args[count][2] = PG_INT(SLICE_BYTES);
            args[count][3] = PG_TEXT(r->artifact->sha256 ? NULL : r->artifact->row_mark);
            statements[count] = (struct pg_statement){ .sql = query_artifact_slice,
                                                       .args = args[count],
                                                       .arg_count = 4,
                                                       .binary = true,
                                                       .on_row = take_piece,
                                                       .data = r };
        }
        if (!pg_run(r->registry->pg, false, statements, count, NULL, err))
            return false;
        if (r->position == before)
            return changed_meanwhile(err);
    }
    return true;
}

static bool read_chunks(struct reading *r, struct pare_error *err)
{
    while (r->position < r->file_end) {
        int64_t before = r->position;
        const struct pg_arg args[] = { PG_INT(r->artifact->id), PG_INT(r->position),
                                       PG_INT(r->file_end), PG_INT(CHUNK_RUN) };
        struct pg_statement statement = { .sql = query_artifact_chunks,
                                          .args = args,
                                          .arg_count = ARRAY_SIZE(args),
                                          .binary = true,
                                          .on_row = take_piece,
                                          .data = r };
        if (!pg_run(r->registry->pg, false, &statement, 1, NULL, err))
            return false;
        if (r->position == before)
            return missing(r->position, err);
    }
    return true;
}

/* The server compares the file's chunks with their digests; false names the first that differs. */
static bool judge_chunks(struct reading *r, const struct artifact_file *file,
                         struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(r->registry->pg, query_artifact_damaged,
                 PG_ARGS(PG_INT(r->artifact->id), PG_INT(file->start_at), PG_INT(r->file_end)),
                 &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return true;
    return error_set(err, PARE_ERR_FAILED,
                     "the chunk at byte %lld is damaged: its SHA-256 is not the recorded one",
                     (long long)pg_int(rows, 0, 0));
}

static bool read_file(struct reading *r, const struct artifact_file *file,
                      unsigned char ret_sum[DIGEST_BYTES], struct pare_error *err)
{
    char hex[DIGEST_HEX];
    bool in_chunks = !r->artifact->inline_bytes;
    r->file_end = file->start_at + file->size_bytes;
    if (in_chunks && !file->sha256 && !judge_chunks(r, file, err))
        return false;
    if (r->sink->begin && !r->sink->begin(r->sink->data, file, err))
        return false;
    if (!(in_chunks ? read_chunks(r, err) : read_slices(r, err)))
        return false;
    digest_take(&r->digest, ret_sum);
    digest_hex(ret_sum, hex);
    if (file->sha256 && strcmp(file->sha256, hex) != 0) {
        if (in_chunks && !judge_chunks(r, file, err))
            return false;
        return error_set(err, PARE_ERR_FAILED,
                         "%s: the bytes are not those that were stored (SHA-256 %.16s..., recorded "
                         "%.16s...)",
                         file->path, hex, file->sha256);
    }
    return !r->sink->end || r->sink->end(r->sink->data, file, err);
}

bool artifact_read(const struct registry *registry, const struct artifact *artifact,
                   const struct artifact_sink *sink, char ret_sha256[DIGEST_HEX],
                   struct pare_error *err)
{
    struct reading r = { .registry = registry, .artifact = artifact, .sink = sink };
    struct digest set;
    unsigned char sum[DIGEST_BYTES] = { 0 };
    if (!digest_init(&r.digest, err))
        return false;
    bool ok = digest_init(&set, err);
    for (size_t i = 0; ok && i < artifact->file_count; i++) {
        ok = read_file(&r, &artifact->files[i], sum, err);
        if (ok)
            digest_add(&set, sum, sizeof(sum));
    }
    if (ok && artifact->file_count != 1)
        digest_take(&set, sum);
    if (ok) {
        digest_hex(sum, ret_sha256);
        if (artifact->sha256 && strcmp(artifact->sha256, ret_sha256) != 0)
            ok = error_set(err, PARE_ERR_FAILED, "the bytes are not those that were stored");
    }
    digest_done(&set);
    digest_done(&r.digest);
    return ok;
}

bool artifact_state(const struct registry *registry, int64_t model_id,
                    enum artifact_state *ret_state, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(registry->pg, query_artifact_intact, PG_ARGS(PG_INT(model_id)), &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return error_set(err, PARE_ERR_NOT_FOUND, "the version is gone");
    *ret_state = pg_null(rows, 0, 0)   ? ARTIFACT_UNRECORDED
                 : pg_bool(rows, 0, 0) ? ARTIFACT_INTACT
                                       : ARTIFACT_CHANGED;
    return true;
}
