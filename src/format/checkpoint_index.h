/* SPDX-License-Identifier: MIT */
/*
 * The index of a checkpoint in shards, which says what file a tensor is in; the same JSON for
 * safetensors and for PyTorch's files:
 *
 *   {"metadata": {"total_size": BYTES}, "weight_map": {TENSOR: FILE, ...}}
 *
 * Its words are hostile like those of the shards: a shard that is missing, or a tensor that is not
 * where the index has it, is an error that names both.
 */
#ifndef PARE_FORMAT_CHECKPOINT_INDEX_H
#define PARE_FORMAT_CHECKPOINT_INDEX_H

#include "base/buf.h"
#include "format/checkpoint.h"

struct output;

/* ---- reading ---- */

/* What a format does with the files that an index names. */
struct index_reader {
    bool (*begin)(struct model *model, size_t count, struct pare_error *err);   /* so many */
    bool (*add)(struct model *model, const char *name, struct pare_error *err); /* its tensors */
};

/* Whether a file that begins so is an index, by the end of its name. */
bool checkpoint_is_index(const char *name, const char *suffix, const unsigned char *start,
                         size_t length);

/* All shards that the main file names, each once, in the order of their names. */
MUST_CHECK bool checkpoint_open_index(struct model *model, const struct index_reader *reader,
                                      struct pare_error *err);

/* ---- writing ---- */

struct checkpoint_index {
    struct buf map; /* members of weight_map */
    int64_t total_bytes;
};

void checkpoint_index_init(struct checkpoint_index *index);
void checkpoint_index_done(struct checkpoint_index *index);

/* A failure is kept until the index is put. */
void checkpoint_index_add(struct checkpoint_index *index, const char *tensor, const char *file,
                          int64_t size_bytes);

/* As transformers writes it, under the name of the model's main file. */
MUST_CHECK bool checkpoint_index_put(const struct checkpoint_index *index,
                                     const struct model *model, struct output *output,
                                     struct pare_error *err);

/* A JSON string as the reference's library writes it: only what must be escaped is. */
void checkpoint_put_string(struct buf *buf, const char *text);

#endif
