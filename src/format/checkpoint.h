/* SPDX-License-Identifier: MIT */
/*
 * A checkpoint: tensors by name, without a graph. What a tensor is for is in its name and in
 * config.json, the same in safetensors and in PyTorch's files.
 *
 * A two-dimensional NAME.weight is the weight of a Linear layer, (outputs, inputs), unless a part
 * of its name says that rows are looked up in it, or that it makes the output.
 */
#ifndef PARE_FORMAT_CHECKPOINT_H
#define PARE_FORMAT_CHECKPOINT_H

#include "format/format.h"

struct buf;

enum { CHECKPOINT_TENSORS_MAX = 1 << 20, CHECKPOINT_INDEX_MAX = 1 << 30 };

/* What is kept of any checkpoint: the head of a format's own. */
struct checkpoint {
    size_t tensor_room, fact_room;
    size_t *others; /* files of the source that are no weights: config.json, a tokenizer */
    size_t other_count;
    size_t config; /* of config.json, the source's number */
    bool has_config;
};

/* Say of a tensor that has its name, dtype and shape what it is for and what it can become. */
MUST_CHECK bool checkpoint_judge(struct model *model, struct tensor *io_tensor,
                                 struct pare_error *err);

MUST_CHECK bool checkpoint_add(struct model *model, const struct tensor *tensor,
                               struct pare_error *err);
/* Strings live in the model's arena or longer. */
MUST_CHECK bool checkpoint_fact(struct model *model, const char *key, const char *value,
                                struct pare_error *err);

/* No two of a name. */
MUST_CHECK bool checkpoint_check_names(const struct model *model, struct pare_error *err);

/* Whether it is quantized already, as far as names tell: model->quantized. */
MUST_CHECK bool checkpoint_find_quantized(struct model *model, struct pare_error *err);

/* Take in the files beside the weights; other weights of the same model are left, as a fact. */
MUST_CHECK bool checkpoint_take_others(struct model *model, struct pare_error *err);

/* What config.json beside the main file says, as facts; a checkpoint without one is no error. */
MUST_CHECK bool checkpoint_read_config(struct model *model, struct pare_error *err);

/*
 * config.json as the changed copy wants it - its quantization_config, its dtype - and all else of it
 * as it is. Nothing is appended when it stays, or when there is none.
 */
MUST_CHECK bool checkpoint_put_config(const struct model *model, const struct change *changes,
                                      struct buf *buf, struct pare_error *err);

#endif
