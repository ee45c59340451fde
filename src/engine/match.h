/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of onnxruntime's quantize_dynamic, and its part of a plan and a run.
 *
 * Of a stretch of values, low = min(smallest, 0) and high = max(largest, 0). Asymmetric, the
 * scale is (high - low) / (qmax - qmin) and the zero point round_half_even(qmin - low / scale);
 * symmetric, with a = max(-low, high), the scale is 2 a / (qmax - qmin) and the zero point 0. All
 * of it in double; the scale is then rounded to the weight's own type. A scale below FLT_MIN (of
 * F16: one that rounds to 0) is 1 instead, with the zero point 0. Then
 * q = clip(round_half_even(x / scale) + zero, least, most), x and the division in float32.
 */
#ifndef PARE_ENGINE_MATCH_H
#define PARE_ENGINE_MATCH_H

#include "base/base.h"
#include "format/match.h"

struct meter;
struct pare_error;
struct pare_plan;
struct pare_recipe;
struct pool;
struct sink;
struct writing;

/* Whether the recipe asks for a peer's output. */
bool match_asked(const struct pare_recipe *recipe);

/* Scale and zero point of values from `low` to `high`; *ret_half is the scale as float16. */
void match_scale(const struct match_weight *weight, bool half, float low, float high,
                 float *ret_scale, uint16_t *ret_half, uint8_t *ret_zero);

/* Fill in the plan: the match and all entries. Reads each weight once. */
MUST_CHECK bool match_plan(struct pare_plan *plan, struct pool *pool, struct meter *meter,
                           struct pare_error *err);

/* Room for the values of the largest weight that is written transposed, at least 1. */
size_t match_turned_bytes(const struct model *model, const struct match *match);

/* Quantize a weight into the sink and measure it; `turned` is that room. */
MUST_CHECK bool match_write(struct writing *w, const struct match_weight *weight, uint8_t *turned,
                            struct sink *sink, struct pare_error *err);

#endif
