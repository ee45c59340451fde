/* SPDX-License-Identifier: MIT */
/*
 * A scheme of quantizing, as the plan and the run see it: whether it fits a tensor, what it
 * makes of it, and the writing. A new one is a file with its `struct scheme`, a line in scheme.c
 * and its word and keys in recipe.c; what it does to a graph is the format's.
 */
#ifndef PARE_ENGINE_SCHEME_H
#define PARE_ENGINE_SCHEME_H

#include "base/base.h"
#include "engine/int8.h"
#include "engine/recipe.h"
#include "format/format.h"
#include "kernel/kernel.h"
#include "pare/error.h"

struct arena;
struct meter;
struct pool;
struct sink;

/* Below this saving, a form's own nodes and names cost more than it gains. */
enum { SCHEME_SAVING_MIN = 512 };

/* What all parts under way may take, and how many they may be. */
enum { WRITING_ROOM_BYTES = 24 << 20, WRITING_PARTS_MAX = 64 };

/* Elements that are read at a time: they stay in the cache until they are written as less. */
enum { WRITING_STEP = 16 * 1024 };

/* A tensor on its way into the output. */
struct writing {
    const struct kernel *kernel;
    const struct step *step;
    const struct change *change;
    const struct pare_tensor *shown;
    struct meter *meter;
    const struct model *model; /* whose tensor it is */
    const struct tensor *tensor;
    /* The whole tensor, and the writer's to spend: room for its size_bytes. NULL: writing_read(). */
    float *x;
    const uint32_t *magnitudes; /* of the scheme's channels the largest, as bits; NULL: not known */
    const void *own;            /* of the grid */
    struct pool *pool;
    void *stretch; /* for writing_rooms() parts of the scheme's stretch_bytes */
    void **kept;   /* what values() keeps for scales() and zero_points(); the last frees it */
    struct kernel_error error;
    uint64_t clipped;
};

struct scheme {
    /* What whoever asks for it should know first, said of it: "slow on CPUs"; or NULL. */
    const char *warning;

    /* The room for what is written at a time. */
    size_t stretch_bytes;

    /*
     * Why the tensor cannot or should not be quantized so, or NULL and the change. `absmax` is
     * its largest magnitude's bits.
     */
    const char *(*weigh)(const struct tensor *t, const struct step *step, uint32_t absmax,
                         struct change *ret_change);

    /* Whether values() takes elements by writing_read() alone: the tensor need not be in memory. */
    bool by_element;

    /* Whether scales() takes them so too, and so may come before values(). */
    bool scales_by_element;

    /* Channels whose largest magnitudes values() or complete() wants to know. NULL: neither. */
    struct int8_layout (*channels)(const struct tensor *t, const struct step *step);

    /*
     * After a weigh() that gave a change, of what the magnitudes of all channels, as bits, tell
     * beyond the largest: the change then has it, in `arena`. NULL: nothing.
     */
    bool (*complete)(const struct tensor *t, const struct step *step, const uint32_t *magnitudes,
                     struct arena *arena, struct change *io_change, struct pare_error *err);

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
    scheme_fp4, scheme_table4, scheme_bf16, scheme_linear4, scheme_linear8;

/* Of a step for a tensor; NULL: for the weight of a product. */
const struct scheme *scheme_of(const struct step *step, const struct tensor *t);

/* A part of a tensor's values, which is made by one thread. */
struct writing_part {
    int64_t place[4]; /* which part it is, in the scheme's own terms */
    void *room;       /* stretch_bytes of the scheme */
    size_t bytes;     /* of it that are to be written */
    size_t read_bytes;
    struct kernel_error error;
    uint64_t clipped;
    struct pare_error err; /* of a part that could not be made */
};

/* Elements on their way in; one thread's. */
struct writing_room {
    float x[WRITING_STEP];
    uint16_t half[WRITING_STEP];
};

/* Elements [start, start + count), at most WRITING_STEP, as float32; NULL: io_part->err says why. */
const float *writing_read(const struct writing *w, struct writing_part *io_part, size_t start,
                          size_t count, struct writing_room *room);

struct writing_grid {
    /* From one part's place to the next; zeros come before the first. False: there is none.
       NULL: parts of so many elements, whose place is the first of them and how many. */
    bool (*next)(const struct writing *w, int64_t io_place[4]);
    int64_t elements;
    /* Room, error and clipped are empty. Touches only its own elements of x. */
    void (*make)(const struct writing *w, struct writing_part *io_part);
};

/* Parts that are under way at a time: those being made, and those being written. */
size_t writing_rooms(const struct scheme *scheme, const struct pool *pool);

/*
 * Make all parts, several at a time, and write them one after the other on the calling thread,
 * while the others make the next. Errors add up part by
 * part: the sums are the same for any number of threads.
 */
MUST_CHECK bool writing_parts(struct writing *w, const struct writing_grid *grid, struct sink *sink,
                              struct pare_error *err);

/* Write what was kept, of so many bytes, and let go of it. */
MUST_CHECK bool writing_put_kept(struct writing *w, struct sink *sink, size_t length,
                                 struct pare_error *err);

/* Write a stretch and tell the meter, which may stop. */
MUST_CHECK bool writing_put(const struct writing *w, struct sink *sink, const void *bytes,
                            size_t length, struct pare_error *err);

#endif
