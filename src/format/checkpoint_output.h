/* SPDX-License-Identifier: MIT */
/*
 * What a changed copy of a checkpoint holds, whatever files it is in: the tensors that each
 * tensor becomes, and the files beside the weights.
 */
#ifndef PARE_FORMAT_CHECKPOINT_OUTPUT_H
#define PARE_FORMAT_CHECKPOINT_OUTPUT_H

#include "format/checkpoint.h"

/* Tensors that one can become. */
enum { CHECKPOINT_PARTS_MAX = 6 };

/* One of them; the first has the tensor's own name. */
struct checkpoint_part {
    const char *suffix; /* what follows the tensor's name, or takes the place of "weight" there */
    bool beside;        /* the latter */
    bool same_type;     /* that of the source; otherwise `dtype` */
    enum pare_dtype dtype;
    int rank;
    const int64_t *dims;
    struct segment from; /* where its bytes come from */
};

/* What a tensor becomes, in `ret_parts`, room for CHECKPOINT_PARTS_MAX; in the output's arena. */
MUST_CHECK bool checkpoint_parts(const struct model *model, const struct change *changes,
                                 size_t index, struct output *output,
                                 struct checkpoint_part *ret_parts, size_t *ret_count,
                                 struct pare_error *err);

/* The part's name where the tensor's is `name`; NULL when memory ends. */
const char *checkpoint_part_name(struct arena *arena, const struct checkpoint_part *part,
                                 const char *name);

MUST_CHECK bool checkpoint_begin_file(struct output *output, const char *name,
                                      struct output_file **ret_file, struct pare_error *err);

/* One file of bytes that are known. */
MUST_CHECK bool checkpoint_put_text(struct output *output, const char *name, const struct buf *text,
                                    struct pare_error *err);

/* The files that are no weights; config.json tells how the weights are kept and changes with them. */
MUST_CHECK bool checkpoint_put_others(const struct model *model, const struct change *changes,
                                      struct output *output, struct pare_error *err);

#endif
