/* SPDX-License-Identifier: MIT */
/*
 * Nodes, initializers and inputs as bytes: fields of a GraphProto, appended to
 * a buffer. A failure sticks to the buffer, as its own do.
 */
#ifndef PARE_FORMAT_ONNX_BUILD_H
#define PARE_FORMAT_ONNX_BUILD_H

#include "base/base.h"

struct buf;

enum { BUILD_OPERANDS_MAX = 4, BUILD_INTS_MAX = 8, BUILD_DIMS_MAX = 16 };

/* A setting of a node that is a whole number. */
struct build_int {
    const char *name;
    int64_t value;
};

/* A node to be. Names are borrowed; the lists end at the first NULL. */
struct build_node {
    const char *op, *name;
    const char *domain; /* NULL: ONNX's own */
    const char *inputs[BUILD_OPERANDS_MAX];
    const char *outputs[BUILD_OPERANDS_MAX];
    int64_t to;       /* of a Cast; 0: no such attribute */
    bool swap_matrix; /* perm [1, 0] of a Transpose */
    struct build_int ints[BUILD_INTS_MAX];
};

/* One more setting, as a field of a NodeProto. */
void build_setting(struct buf *node, const struct build_int *setting);

void build_node(struct buf *graph, const struct build_node *node);

/* A tensor to be. */
struct build_tensor {
    const char *name;
    int64_t data_type;
    int rank;
    const int64_t *dims;
};

/* Its initializer but for the values: `length` bytes of raw_data must follow. */
void build_initializer(struct buf *graph, const struct build_tensor *tensor, int64_t length);

/* Its initializer with values elsewhere; `entries` are the external_data fields. */
void build_external(struct buf *graph, const struct build_tensor *tensor,
                    const struct buf *entries);

/* Its place among the graph's inputs, where IR versions before 4 want all initializers. */
void build_input(struct buf *graph, const struct build_tensor *tensor);

#endif
