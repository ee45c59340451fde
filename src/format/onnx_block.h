/* SPDX-License-Identifier: MIT */
/*
 * A block of a graph whose hidden channels can go: products with constant weights make them,
 * operators that work on each channel alone follow, products with constant weights take them.
 *
 *     x W1 [+ b1] -> Relu, Gelu, x * Sigmoid(x), * (x W3), ... -> W2
 *
 * It is found from one of the products that make it. Everything that touches a value between must
 * be of the block and understood; what is not keeps the block whole, and `whole` says what it was.
 */
#ifndef PARE_FORMAT_ONNX_BLOCK_H
#define PARE_FORMAT_ONNX_BLOCK_H

#include "format/channels.h"
#include "format/onnx.h"

enum { BLOCK_MAX = 64 }; /* values, operators and parts, of each */

/* A value between. Sources are numbered; sets of them are bits. */
struct block_value {
    const char *name;
    uint64_t made_of; /* the sources that it is computed from; 0: not known yet */
    uint64_t zero_by; /* those of which zeros, of one alone, are zeros here */
};

/* A tensor of the block: the first of a source, what is added to it, or what takes channels. */
struct block_part {
    size_t tensor;
    int axis;
    int source; /* -1: it takes channels */
    bool first;
};

struct onnx_block {
    const struct model *model;
    const struct onnx *onnx;
    struct wire_reader *reader;
    struct arena *arena; /* of sentences */
    int64_t count;       /* channels; 0: not known yet */
    struct block_value values[BLOCK_MAX];
    size_t value_count;
    int nodes[BLOCK_MAX]; /* between the products, ascending in the end */
    size_t node_count;
    int makers[BLOCK_MAX]; /* products that make channels */
    size_t maker_count;
    struct block_part parts[BLOCK_MAX];
    size_t part_count;
    int source_count;
    uint64_t zero_by;  /* of all values that are taken */
    const char *whole; /* why it must stay so; NULL: its channels can go */
    bool failed;       /* the file could not be read, and the error is told */
};

bool block_is_product(const struct onnx_node *node);

/* The constant of that name, where it is listed as a tensor; else -1. */
int64_t block_tensor(const struct onnx *onnx, const char *name);

/* Fill in the rest of a block of which the first five members are given, from a product on. */
MUST_CHECK bool block_find(struct onnx_block *block, int node, struct pare_error *err);

/* ---- between its files ---- */

/* Keep the block whole; NULL says that memory ended. Always false: the search ends. */
bool block_refuse(struct onnx_block *block, const char *why);

enum block_kind {
    BLOCK_UNKNOWN,
    BLOCK_KEEPS, /* of one value; 0 stays 0 */
    BLOCK_MOVES, /* of one value; 0 does not */
    BLOCK_SUM,
    BLOCK_BIASED, /* a sum, and then as BLOCK_KEEPS */
    BLOCK_TIMES,
    BLOCK_QUOTIENT,
    BLOCK_POWER,
};

/* How the node works on each channel alone. */
enum block_kind block_kind(const struct onnx_node *node);

/* The constant is a tensor of the block. */
MUST_CHECK bool block_add_part(struct onnx_block *block, const char *name, int axis, int source,
                               bool first);

/* What zeros in each source do; adds the constants of the operators. */
MUST_CHECK bool block_evaluate(struct onnx_block *block, struct pare_error *err);

#endif
