/* SPDX-License-Identifier: MIT */
/*
 * A version's bytes out of a registry, as a stream of its files in order.
 *
 * Inline bytes are read in slices of 4 MiB (a smaller slice of a value that somebody
 * stored compressed costs the server the whole value each time), chunks one by one; a
 * request asks for 64 MiB. Every file and the whole are checked against the digests on
 * record; where a file differs, the chunks' own digests say at which byte. Bytes that
 * nobody recorded are read and their digest is given.
 */
#ifndef PARE_REGISTRY_ARTIFACT_H
#define PARE_REGISTRY_ARTIFACT_H

#include "base/base.h"
#include "base/digest.h"

struct arena;
struct pare_error;
struct registry;
struct version;

/* May `path` be a file of an artifact: relative, no "..", nothing that steers a terminal. */
bool artifact_path_ok(const char *path);

struct artifact_file {
    const char *path; /* relative, '/' between folders; safe: no "..", not absolute */
    int64_t start_at, size_bytes;
    const char *sha256; /* hex on record, or NULL */
};

struct artifact {
    int64_t model_id;
    int64_t id; /* of pare.artifact; 0: nothing on record */
    int64_t size_bytes;
    bool inline_bytes;    /* in model_data */
    bool folder;          /* a set of files, even of one */
    const char *row_mark; /* xmin of the row, to notice a change while reading */
    const char *sha256;   /* hex on record, or NULL */
    struct artifact_file *files;
    size_t file_count;
};

/* What is on record of a version's bytes, in `arena`. No bytes at all is PARE_ERR_NOT_FOUND. */
MUST_CHECK bool artifact_get(const struct registry *registry, const struct version *version,
                             struct arena *arena, struct artifact *ret_artifact,
                             struct pare_error *err);

/* The same of bytes that a dataset owns. */
MUST_CHECK bool artifact_get_kept(const struct registry *registry, int64_t artifact_id,
                                  struct arena *arena, struct artifact *ret_artifact,
                                  struct pare_error *err);

/* Where the bytes go, in order; NULL members are skipped. */
struct artifact_sink {
    bool (*begin)(void *data, const struct artifact_file *file, struct pare_error *err);
    bool (*bytes)(void *data, const void *bytes, size_t length, struct pare_error *err);
    bool (*end)(void *data, const struct artifact_file *file, struct pare_error *err);
    void *data;
};

/* Read all of it. *ret_sha256 is the digest found; differing from the record is a failure. */
MUST_CHECK bool artifact_read(const struct registry *registry, const struct artifact *artifact,
                              const struct artifact_sink *sink, char ret_sha256[DIGEST_HEX],
                              struct pare_error *err);

/* Judged on the server, without moving a byte: intact, not, or nothing on record. */
enum artifact_state { ARTIFACT_INTACT, ARTIFACT_CHANGED, ARTIFACT_UNRECORDED };
MUST_CHECK bool artifact_state(const struct registry *registry, int64_t model_id,
                               enum artifact_state *ret_state, struct pare_error *err);

#endif
