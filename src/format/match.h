/* SPDX-License-Identifier: MIT */
/*
 * The output that another tool would give: onnxruntime's quantize_dynamic.
 *
 * The graph decides what is quantized and how, so the format says it, by the
 * peer's rules: weights, and the new graph as the format keeps it for itself.
 * The engine computes scales and zero points of these weights, which are small
 * and go into the output as they are, and gives the values when they are written.
 * What the rules cannot follow exactly is refused, never approximated.
 */
#ifndef PARE_FORMAT_MATCH_H
#define PARE_FORMAT_MATCH_H

#include "base/base.h"

struct arena;
struct model;
struct pare_error;

/* What quantize_dynamic would be told. */
struct match_options {
    bool per_channel;
    bool reduce_range;
    bool is_unsigned; /* weight_type QUInt8 */
    /* Asked now and then whether to go on; false stops, with the error set. NULL: never. */
    bool (*poll)(void *data, struct pare_error *err);
    void *data;
};

/* One quantized form of a tensor; a tensor can have two. */
struct match_weight {
    size_t tensor;
    bool is_unsigned;  /* 0 to 255 with zero points; else -128 to 127 around 0 */
    bool reduce_range; /* scaled for 0 to 127, or -64 to 64 */
    bool transposed;   /* values are written with the last two axes swapped */
    bool is_plain;     /* and that is all: no scales */
    int axis;          /* of the tensor's own axes the one with a scale each; -1: one scale */
    bool axis_pairs;   /* not one axis but the first two together */
    int64_t scale_count;
    float *scales;    /* the engine's, as the following */
    uint16_t *halves; /* the scales of a F16 tensor as float16; NULL of others */
    uint8_t *zeros;   /* all 0 unless unsigned */
};

struct match {
    struct match_weight *weights;
    size_t weight_count;
    bool *dropped; /* by tensor: it is not in the output in its own form */
    void *own;     /* the format's */
};

/* Settle everything but the numbers; all in `arena`. */
MUST_CHECK bool model_match(const struct model *model, const struct match_options *options,
                            struct arena *arena, struct match **ret_match, struct pare_error *err);

#endif
