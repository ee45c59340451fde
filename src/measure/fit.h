/* SPDX-License-Identifier: MIT */
/*
 * Whether a model fits a device's memory: an estimate from sizes, nothing is run.
 *
 *   weights   the bytes of its weights as they are stored, which is how they are loaded
 *   cache     of a model that generates, a key and a value vector for each token, head and layer:
 *             2 x layers x key-value heads x head size x bytes of a value x tokens x batch.
 *             The formula is that of Kwon et al., "Efficient Memory Management for Large Language
 *             Model Serving with PagedAttention" (arXiv:2309.06180), section 3, with key-value
 *             heads for heads (Ainslie et al., "GQA", arXiv:2305.13245). LLaMA-2-7B with 2048
 *             tokens in float16: 2 x 32 x 32 x 128 x 2 x 2048 = 1 GiB.
 *   overhead  a fifth of the weights, for what a forward pass needs besides: the upper end of what
 *             EleutherAI found ("Transformer Math 101", section Inference: at most 20 %), and what
 *             Hugging Face's accelerate advises to add. So there is a band in which a model may fit.
 *
 * Activations of graphs without a config are counted only as far as the overhead covers them.
 */
#ifndef PARE_MEASURE_FIT_H
#define PARE_MEASURE_FIT_H

#include "base/base.h"

struct pare_error;

/* What config.json says of the cache. */
struct fit_config {
    const char *no_cache; /* why there is none to be counted, static; NULL: there is one */
    int64_t layers, kv_heads, head_size;
    int64_t windowed_layers, window; /* so many of the layers keep at most `window` tokens */
    int value_bytes;
    bool assumed_dtype; /* the config does not tell it: float16 is taken */
};

/*
 * Read a config.json: names as LLaMA's (num_hidden_layers, num_key_value_heads, head_dim, ...) or
 * GPT-2's (n_layer, n_head, n_embd), or below text_config. What is missing is `no_cache`; only what
 * is no JSON object is an error.
 */
MUST_CHECK bool fit_config_read(const char *json, size_t length, struct fit_config *ret_config,
                                struct pare_error *err);

struct fit_request {
    int64_t weights_bytes, device_bytes;
    const struct fit_config *config; /* NULL: there is none */
    int64_t tokens, batch;           /* for the cache */
};

enum fit_verdict {
    FIT_YES,   /* with all of the overhead */
    FIT_MAYBE, /* weights and cache do, the overhead may not */
    FIT_NO,    /* weights and cache alone do not */
};

struct fit {
    int64_t weights_bytes, cache_bytes, overhead_bytes, needs_bytes;
    enum fit_verdict verdict;
};

/* Fails where the figures are beyond all memory (64 bits). */
MUST_CHECK bool fit_judge(const struct fit_request *request, struct fit *ret_fit,
                          struct pare_error *err);

/* "yes", "maybe", "no"; never NULL. */
const char *fit_verdict_text(enum fit_verdict verdict);

/* "3.7GiB", "4 GB", "512MiB": a number and its unit, KiB to TiB (2^10) or KB to TB (10^3). */
MUST_CHECK bool fit_parse_size(const char *text, int64_t *ret_bytes, struct pare_error *err);

/* 3865470566 -> "3.60 GiB", as devices are sold: 2^10 steps. */
void fit_size_text(int64_t bytes, char *to, size_t room);

#endif
