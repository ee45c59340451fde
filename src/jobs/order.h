/* SPDX-License-Identifier: MIT */
/*
 * What somebody asks of a version, by a command or by a form: settings become a recipe,
 * a recipe becomes the new version's name and the job's description.
 */
#ifndef PARE_JOBS_ORDER_H
#define PARE_JOBS_ORDER_H

#include "base/base.h"

struct arena;
struct buf;
struct pare_error;
struct pare_recipe;

/* A scheme for what a pattern matches; NULL: it stays as it is. */
struct order_tensor {
    const char *glob, *scheme;
};

/* Prune, quantize, or first the one and then the other; then what is said tensor by tensor. */
struct order_settings {
    const char *method;            /* NULL: no pruning */
    double amount;                 /* the share of elements that go, 0 to 1 */
    int64_t count;                 /* above 0: so many go, whatever the amount */
    const char *seed;              /* of random, a whole number; NULL: the recipe's default */
    const char *dim, *norm;        /* of ln, so */
    const char *scheme;            /* NULL: no quantizing */
    bool per_tensor, reduce_range; /* of int8 */
    const char *match;             /* of int8: whose output exactly, as the following; or NULL */
    bool per_channel;              /* with match, where one scale a tensor is the default */
    const char *weight_type;       /* or NULL */
    bool io16;                     /* of fp16: inputs and outputs too */
    int64_t block;                 /* of int4, nf4 and fp4; 0: the recipe's default */
    int64_t accuracy_level;        /* of int4, as the following; 0: as well */
    bool asymmetric;
    bool single_quant; /* of nf4 and fp4 in checkpoints: scales stay float32 */
    bool gather;       /* tables of Gather too */
    const char *form;  /* NULL: as well */
    const char *const *include, *const *exclude; /* globs, NULL at the end; NULL: none */
    const char *const *ops;                      /* operators, as those */
    const struct order_tensor *tensors; /* whatever the globs above say; the last match wins */
    size_t tensor_count;
};

/*
 * Append them as a recipe's JSON, pare-recipe(5). A setting of a scheme goes to the steps of that
 * scheme; where there is none, to `scheme`'s own, and the recipe is refused.
 */
void order_put_recipe(const struct order_settings *settings, struct buf *recipe);

/*
 * The name of the version that a recipe makes: "v1_fp32" and int8 -> "v1_int8", after a pruning by
 * half "v1_int8_l1p50"; by pruning alone "v1_fp32_l1p50". In `arena`; NULL when memory ends.
 */
char *order_version(const struct pare_recipe *recipe, const char *parent_version,
                    struct arena *arena);

/* What the new version's column `optimization` says: the rule's scheme, not its exceptions'. */
const char *order_optimization(const struct pare_recipe *recipe);

/* Append the description of a transform job; equal for equal recipes. */
void order_put_transform(const struct pare_recipe *recipe, const char *name, const char *version,
                         struct buf *spec);

struct order_measure {
    const char *dataset;
    int64_t against_id;        /* interleaved with this version; 0: alone */
    const int64_t *beside_ids; /* (beside_count): and with these; all are compared with that one */
    size_t beside_count;
    int64_t threads, seconds;
    bool replace; /* also metrics that a person wrote */
};
enum { ORDER_MEASURE_THREADS = 2, ORDER_MEASURE_SECONDS = 60, ORDER_BESIDE_MAX = 6 };

/* Append the description of a measure job. */
void order_put_measure(const struct order_measure *measure, struct buf *spec);

/* Traffic for a running test, out of a dataset. Without requests and seconds: until both defaults are reached. */
struct order_replay {
    int64_t test_id;
    const char *dataset;
    double rate;      /* requests a second */
    int64_t requests; /* 0: not by count */
    int64_t seconds;  /* 0: not by time */
};
enum { ORDER_REPLAY_REQUESTS = 1000, ORDER_REPLAY_SECONDS = 60 };
/* The slowest and the fastest that is taken: an hour between two, and what one thread can send. */
#define ORDER_REPLAY_RATE_MIN (1.0 / 3600)
#define ORDER_REPLAY_RATE_MAX 100000.0

/* Append the description of a replay job. */
void order_put_replay(const struct order_replay *replay, struct buf *spec);

/* What a job's description asks for, in a few words. In `arena`; a strange one gives its kind. */
struct order_words {
    const char *what;   /* "l1 50 %, int8"; "measure on D", "replay on D" */
    const char *result; /* the new version's name, or NULL */
};
struct order_words order_words(const char *kind, const char *spec, struct arena *arena);

#endif
