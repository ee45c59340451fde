/* SPDX-License-Identifier: MIT */
/* What a recipe means for each tensor of a model. */
#ifndef PARE_ENGINE_PLAN_H
#define PARE_ENGINE_PLAN_H

#include "base/arena.h"
#include "base/base.h"
#include "format/format.h"
#include "pare/transform.h"

struct decision;
struct output;
struct structure;
struct pruning;

/* The reason of a tensor that no step can do anything with. */
#define PLAN_NOT_FINITE "it holds infinities or NaNs"

enum { DIGEST_HEX_ROOM = 65, PLAN_LABELS_MAX = 4, PLAN_MAGNITUDES_MAX = 1 << 20 };

struct pare_plan {
    struct arena arena; /* everything below */
    const struct pare_model *model;
    const struct pare_recipe *recipe;
    /* What the steps work on: the model, or what the step optimize made of it. */
    const struct model *work;
    struct model *optimized; /* owned; NULL: the model as it is */
    struct optimized found;
    struct structure *structure; /* owned: what steps that take channels laid over that */
    int64_t saved_bytes;         /* by optimizing alone */
    size_t *origins;             /* by tensor of `work`: its index in the model, or SIZE_MAX */
    const char *name;            /* of the main file */
    int64_t external_bytes;      /* as in the options */
    bool digest;
    char source_sha256[DIGEST_HEX_ROOM]; /* "" when not known yet */
    struct decision *decisions;          /* by tensor of `work` */
    struct pruning *prunings;            /* so: of those with a prune step */
    struct change *changes;              /* so */
    struct match *match;                 /* what a peer would give; NULL: nothing of the kind */
    uint32_t **magnitudes; /* so: of the scheme's channels the largest, as bits; NULL: not kept */
    size_t magnitude_count;
    const char **reasons; /* so: why it, or a part for it, is left; or NULL */
    struct pare_plan_entry *entries;
    size_t *workpieces; /* by entry: the tensor of `work`, or SIZE_MAX */
    size_t entry_count;
    size_t changed_count;
    int64_t before_bytes, after_bytes;
    const struct format *format; /* of the output */
    const char *converts;        /* "as safetensors", of a copy in another format; or NULL */
    const char *warning;         /* of the recipe's schemes for this model; "" when there is none */
    const char *words, *counts;  /* what optimizing did; as a member of a JSON object */
    const char *json;
};

/* Lay out the output under another name than the plan's. The caller frees it with output_free(). */
MUST_CHECK bool plan_layout(const struct pare_plan *plan, const char *name,
                            struct output **ret_output, struct pare_error *err);

/* What an entry is about. */
const struct pare_tensor *plan_tensor(const struct pare_plan *plan, size_t entry);

/* As pare_plan_json(), from what is in the plan. */
MUST_CHECK bool plan_write_json(struct pare_plan *plan, struct pare_error *err);

#endif
