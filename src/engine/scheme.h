/* SPDX-License-Identifier: MIT */
/*
 * A scheme of quantizing, as the plan and the run see it: whether it fits a tensor, what it
 * makes of it, and the writing. A new one is a file with its `struct scheme`, a line in scheme.c
 * and its word and keys in recipe.c; what it does to a graph is the format's.
 */
#ifndef PARE_ENGINE_SCHEME_H
#define PARE_ENGINE_SCHEME_H

#include "base/base.h"
#include "engine/recipe.h"
#include "format/format.h"
#include "kernel/kernel.h"

struct arena;
struct meter;
struct pare_error;
struct sink;

/* Below this saving, a form's own nodes and names cost more than it gains. */
enum { SCHEME_SAVING_MIN = 512 };

/* A tensor on its way into the output. */
struct writing {
    const struct kernel *kernel;
    const struct step *step;
    const struct change *change;
    const struct pare_tensor *shown;
    struct meter *meter;
    float *x;      /* the whole tensor, and the writer's to spend: room for its size_bytes */
    void *stretch; /* stretch_bytes of the scheme */
    void **kept;   /* what values() keeps for scales() and zero_points(); the last frees it */
    struct kernel_error error;
    uint64_t clipped;
};

struct scheme {
    /* What whoever asks for it should know first, in a sentence; or NULL. */
    const char *warning;

    /* The room for what is written at a time. */
    size_t stretch_bytes;

    /*
     * Why the tensor cannot or should not be quantized so, or NULL and the change. `absmax` is
     * its largest magnitude's bits.
     */
    const char *(*weigh)(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change);

    /* All bytes of the values, scales and zero points. */
    int64_t (*bytes)(const struct tensor *t, const struct change *change);

    /* The change in words for the plan, static or in `arena`; NULL when memory ends. */
    const char *(*words)(struct arena *arena, const struct step *step, const struct change *change);

    /*
     * As the filler's: values() first, then scales() and zero_points(), NULL where there are
     * none. In between, x stays as it was only where the filler lets no other tensor come.
     */
    bool (*values)(struct writing *w, struct sink *sink, struct pare_error *err);
    bool (*scales)(struct writing *w, struct sink *sink, struct pare_error *err);
    bool (*zero_points)(struct writing *w, struct sink *sink, struct pare_error *err);
};

extern const struct scheme scheme_int8, scheme_fp16, scheme_int4, scheme_qdq4, scheme_nf4,
    scheme_fp4;

const struct scheme *scheme_of(const struct step *step);

/* Write a stretch and tell the meter, which may stop. */
MUST_CHECK bool writing_put(const struct writing *w, struct sink *sink, const void *bytes,
                            size_t length, struct pare_error *err);

#endif
