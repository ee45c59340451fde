/* SPDX-License-Identifier: MIT */
/*
 * The main graph as values and nodes of which some go: what the onnx_optimize_*.c
 * files share.
 *
 * First nodes that only pass a value on are taken out and nodes on constants are
 * computed, unless that makes the file larger; then batch normalizations go into the convolutions before them; then
 * equal constants become one. At last what no output needs is dropped and the rest
 * is written as changes to the file.
 *
 * A value is touched only if its name is defined exactly once, in the main graph;
 * graph inputs, outputs and names that a subgraph uses keep theirs.
 */
#ifndef PARE_FORMAT_ONNX_OPTIMIZE_H
#define PARE_FORMAT_ONNX_OPTIMIZE_H

#include "format/onnx_constant.h"
#include "format/overlay.h"

enum {
    FOLD_FREE_BYTES = 1 << 10,    /* a result that is always worth its bytes */
    FOLD_GROWTH_BYTES = 64 << 10, /* by which all others may make the file larger */
    FOLD_LARGE_BYTES = 4 << 20,   /* of a result or an operand that is computed with at all */
    FOLD_TOTAL_BYTES = 16 << 20,  /* of all that is held while a model is optimized */
};

struct opt_value {
    const char *name;
    size_t first, end; /* its mentions */
    int maker;         /* the node of the main graph that makes it, or -1 */
    int64_t tensor;    /* the listed tensor that holds it, or -1 */
    bool plain;        /* defined once, in the main graph, and no input of it */
    bool output;       /* of the main graph */
    bool fixed;        /* its name stays: an output, or in use in a subgraph */
    bool live;
    bool asked;    /* whether `constant` has been looked for */
    bool loaded;   /* and its values */
    bool computed; /* by folding: it needs an initializer */
    size_t uses;   /* by live nodes */
    size_t search; /* and the next: while results are weighed */
    int64_t budget_bytes;
    const struct onnx_constant *constant; /* its values, or at least its shape; or NULL */
    struct opt_value *same;               /* the value in whose place this one's users go */
    const struct overlay_scaling *scaling;
};

struct opt_node {
    bool gone, live, branches; /* branches: it has subgraphs */
    const char *bias;          /* of a Conv: its new third input, or NULL */
    float *bias_values;
    int64_t bias_count;
};

struct optimizer {
    const struct model *model;
    const struct onnx *onnx;
    struct output *output; /* of the changes; its arena holds everything */
    struct arena *arena;
    size_t base_bytes; /* of the arena, before any constant is held */
    struct wire_reader *reader;
    struct opt_value *values;
    size_t value_count;
    struct opt_value **by_mention; /* where a name's mentions begin */
    struct opt_node *nodes;
    struct overlay_scaling *scalings;
    size_t scaling_count;
    struct optimized *found;
};

/* The value of a name that the model mentions, or what took its place. */
struct opt_value *opt_find(const struct optimizer *o, const char *name);
struct opt_value *opt_root(struct opt_value *value);

/* Whether a node is an operator of ONNX's own in the main graph. */
bool opt_is(const struct optimizer *o, int node, const char *op);
bool opt_standard(const struct onnx_node *node);

/* The value under a name itself, whatever took its place. */
struct opt_value *opt_own(const struct optimizer *o, const char *name);

/* What is known of a value's shape and type before the model runs; NULL: nothing. */
MUST_CHECK bool opt_constant(struct optimizer *o, struct opt_value *value,
                             const struct onnx_constant **ret_constant, struct pare_error *err);

/* The same with `bytes`; NULL also where they are too many to be held. */
MUST_CHECK bool opt_load(struct optimizer *o, struct opt_value *value,
                         const struct onnx_constant **ret_constant, struct pare_error *err);

/* Whether nothing more should be held. */
bool opt_is_full(const struct optimizer *o);

/* Take out nodes that pass a value on and compute those on constants. */
MUST_CHECK bool opt_simplify(struct optimizer *o, struct pare_error *err);

/* Take back what is not worth its bytes. */
MUST_CHECK bool opt_weigh(struct optimizer *o, struct pare_error *err);

/* Take out nodes that pass on a value which was computed for a while. */
MUST_CHECK bool opt_pass(struct optimizer *o, struct pare_error *err);

/* Mark what the outputs need and count the uses. */
MUST_CHECK bool opt_mark(struct optimizer *o, struct pare_error *err);

/* Normalizations into convolutions. Wants marks. */
MUST_CHECK bool opt_fuse(struct optimizer *o, struct pare_error *err);

/* Equal constants. Wants marks. */
MUST_CHECK bool opt_merge(struct optimizer *o, struct pare_error *err);

/* Say what became of each tensor, and lay the changed file out. Wants marks. */
MUST_CHECK bool opt_write(struct optimizer *o, struct pare_error *err);

/* format_onnx's optimize. */
MUST_CHECK bool onnx_optimize(const struct model *model, struct arena *arena,
                              struct optimized *ret_found, struct source **ret_source,
                              struct pare_error *err);

#endif
