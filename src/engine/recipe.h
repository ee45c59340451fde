/* SPDX-License-Identifier: MIT */
/* A parsed recipe: pare-recipe(5) as structs. */
#ifndef PARE_ENGINE_RECIPE_H
#define PARE_ENGINE_RECIPE_H

#include "base/arena.h"
#include "base/base.h"
#include "base/json.h"
#include "pare/recipe.h"

enum { RECIPE_STEPS_MAX = 64, RECIPE_GLOBS_MAX = 1024 };

/* In the order of pare_method(). */
enum prune_method {
    METHOD_L1,
    METHOD_GLOBAL_L1,
    METHOD_RANDOM,
    METHOD_LN,
    METHOD_2_4,
    METHOD_FFN,
    METHOD_HEADS
};

enum step_kind { STEP_PRUNE, STEP_QUANTIZE, STEP_KEEP, STEP_OPTIMIZE };

enum step_scheme { SCHEME_INT8, SCHEME_FP16, SCHEME_BF16, SCHEME_INT4, SCHEME_NF4, SCHEME_FP4 };

enum step_form { FORM_AUTO, FORM_DYNAMIC, FORM_WEIGHT_ONLY, FORM_MATMULNBITS, FORM_QDQ };

/* In the order of bytes, each once. */
struct globs {
    const char **patterns;
    size_t count;
};

struct step {
    enum step_kind kind;
    const struct pare_choice *choice; /* its scheme or its method */
    struct globs include, exclude;    /* include of none: everything */
    struct globs ops;                 /* of none: whatever the tensor feeds */
    enum prune_method method;         /* of prune, as the following */
    double amount;                    /* the share of elements that go, 0 to 1 */
    uint64_t count;                   /* above 0: so many go, whatever the amount */
    uint64_t seed;                    /* of random */
    int dim, norm;                    /* of ln: along which it takes channels; 1 or 2 */
    enum step_scheme scheme;          /* of quantize */
    bool per_channel;                 /* of int8, as the following */
    bool reduce_range;                /* -64..64 instead of -127..127 */
    enum step_form form;              /* of int8, and of int4 the last two */
    bool match;                       /* of int8: a peer's output exactly */
    bool is_unsigned;                 /* of that, QUInt8 */
    bool keep_io;                     /* of fp16: the model's inputs and outputs stay F32 */
    int block;                        /* of int4, nf4 and fp4: elements that share a scale */
    bool double_quant;                /* of nf4 and fp4 in checkpoints: their scales in 8 bits */
    bool symmetric;                   /* of int4, as the following: without zero points */
    int accuracy_level;               /* 1 to 4; of FORM_QDQ 0 */
    bool gather;                      /* tables of Gather too; not of FORM_QDQ */
};

struct pare_recipe {
    struct arena arena; /* everything below */
    struct step *steps;
    size_t step_count;
    const char *text;    /* one line of JSON */
    const char *warning; /* of its schemes; "" when there is none */
};

/*
 * The keys of a prune step: at first the method, which the others depend on, then each key.
 * `number` is the step's, from 1. *ret_known false: the method has no such key.
 */
MUST_CHECK bool recipe_read_method(struct step *step, size_t number, const cJSON *item,
                                   struct pare_error *err);
MUST_CHECK bool recipe_read_prune_key(struct step *step, size_t number, const cJSON *item,
                                      bool *ret_known, struct pare_error *err);

/* The word of a form. */
const char *recipe_form(enum step_form form);

/* Write recipe->text: each key of each step, so equal recipes have equal texts. */
MUST_CHECK bool recipe_write_text(struct pare_recipe *recipe, struct pare_error *err);

#endif
