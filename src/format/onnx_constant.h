/* SPDX-License-Identifier: MIT */
/*
 * Values that are known before a model runs: small tensors in memory, and the
 * settings of a node, read from the file when somebody asks.
 */
#ifndef PARE_FORMAT_ONNX_CONSTANT_H
#define PARE_FORMAT_ONNX_CONSTANT_H

#include "format/onnx.h"

/* A tensor, row-major. */
struct onnx_constant {
    enum pare_dtype dtype;
    int rank;
    int64_t dims[PARE_RANK_MAX];
    int64_t count, size_bytes;
    const void *bytes; /* NULL: larger than the caller wanted to hold, or not to be had */
};

/* Bytes of an element; 0 for types that are not handled: strings, halves of bytes, F8. */
size_t onnx_constant_width(enum pare_dtype dtype);

/* TensorProto.DataType of a type that is handled. */
int64_t onnx_constant_type(enum pare_dtype dtype);

/*
 * Set dtype, rank, dims, count and size. False where a dimension is negative, the type is not
 * handled or the size is above `limit_bytes`.
 */
bool onnx_constant_shape(struct onnx_constant *constant, enum pare_dtype dtype, int rank,
                         const int64_t *dims, int64_t limit_bytes);

/* A TensorProto at [at, end) of the main file, however its values are stored there. */
MUST_CHECK bool onnx_constant_read(struct wire_reader *reader, int64_t at, int64_t end,
                                   int64_t limit_bytes, struct arena *arena,
                                   struct onnx_constant *ret_constant, bool *ret_known,
                                   struct pare_error *err);

enum { ONNX_ATTRIBUTES_MAX = 16, ONNX_LIST_MAX = 64 };

struct onnx_attribute {
    const char *name;
    bool has_int, has_float, has_tensor;
    int64_t i;
    float f;
    int64_t ints[ONNX_LIST_MAX];
    size_t int_count;
    int64_t tensor_at, tensor_end; /* of a TensorProto */
};

struct onnx_attributes {
    struct onnx_attribute list[ONNX_ATTRIBUTES_MAX];
    size_t count;
    bool whole; /* false: there is more than this struct holds */
};

MUST_CHECK bool onnx_attributes_read(struct wire_reader *reader, const struct onnx_node *node,
                                     struct arena *arena, struct onnx_attributes *ret_attributes,
                                     struct pare_error *err);

/* NULL when it is not there. */
const struct onnx_attribute *onnx_attribute_find(const struct onnx_attributes *attributes,
                                                 const char *name);
int64_t onnx_attribute_int(const struct onnx_attributes *attributes, const char *name,
                           int64_t otherwise);

#endif
