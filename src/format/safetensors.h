/* SPDX-License-Identifier: MIT */
/*
 * safetensors: eight bytes of length, a JSON header, then the values without a gap. One
 * file, or shards that an index names.
 *
 * Layout and rules are those of the reference reader: a length of at most 100 000 000, offsets
 * that cover the values from the first byte to the last without hole or overlap.
 */
#ifndef PARE_FORMAT_SAFETENSORS_H
#define PARE_FORMAT_SAFETENSORS_H

#include "base/json_slice.h"
#include "format/checkpoint.h"

enum {
    SAFETENSORS_HEADER_MAX = 100 * 1000 * 1000,
    SAFETENSORS_HEADERS_MAX = 256 << 20, /* of all shards */
};

#define SAFETENSORS_METADATA "__metadata__"
#define SAFETENSORS_MAIN "model.safetensors" /* in a folder */

/* One of the files. Its tensors stand together, in the order of their bytes. */
struct shard {
    size_t file; /* the source's number */
    int64_t values_at;
    size_t first, count;        /* tensors */
    struct json_slice metadata; /* of strings; its text NULL when there is none */
};

/* What the format keeps of a model: model->own. */
struct safetensors {
    struct checkpoint checkpoint;
    struct shard *shards;
    size_t shard_count;
    int64_t header_bytes; /* of all shards so far */
    bool sharded;         /* an index names them */
};

/* Whether a file that begins so may be safetensors. */
bool safetensors_sniff(const unsigned char *start, size_t length);

/* Read the header of one file and append its tensors. */
MUST_CHECK bool safetensors_read(struct model *model, const char *name, struct shard *ret_shard,
                                 struct pare_error *err);

/* dtypes by number, in the order of the reference: the writer puts later ones first. */
int safetensors_type(enum pare_dtype dtype); /* of one that has only one name */
const char *safetensors_type_name(int type);
int safetensors_type_named(const char *name); /* -1: there is none */

/* Of a checkpoint in whatever format. */
MUST_CHECK bool safetensors_plan(const struct model *model, const struct change *changes,
                                 const struct output_settings *settings, struct output *output,
                                 struct pare_error *err);

extern const struct format format_safetensors;

#endif
