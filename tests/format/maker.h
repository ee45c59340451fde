/* SPDX-License-Identifier: MIT */
/*
 * Small ONNX models made in memory for tests: weights and nodes are added, then
 * maker_finish() gives the file. The float values are a fixed wave.
 */
#ifndef PARE_TESTS_FORMAT_MAKER_H
#define PARE_TESTS_FORMAT_MAKER_H

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "format/onnx_build.h"
#include "format/wire.h"

enum { MAKER_MAX = 64 << 20 };

struct maker {
    struct buf graph;
    int64_t ir_version, opset;
};

static inline void maker_init(struct maker *m)
{
    buf_init(&m->graph, MAKER_MAX);
    m->ir_version = 8;
    m->opset = 17;
}

/* Value i of a weight with this seed. */
static inline float maker_value(int seed, size_t i)
{
    return sinf((float)i * 0.7f + (float)seed) * (1.0f + 0.01f * (float)(i % 37));
}

static inline size_t maker_count(int rank, const int64_t *dims)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    return n;
}

static inline void maker_floats(struct maker *m, const char *name, int rank, const int64_t *dims,
                                const float *values)
{
    struct build_tensor tensor = { name, 1, rank, dims };
    size_t bytes = maker_count(rank, dims) * sizeof(float);
    build_initializer(&m->graph, &tensor, (int64_t)bytes);
    buf_add(&m->graph, values, bytes);
}

static inline void maker_weight(struct maker *m, const char *name, int rank, const int64_t *dims,
                                int seed)
{
    size_t n = maker_count(rank, dims);
    float *values = malloc(n * sizeof(*values) + 1);
    for (size_t i = 0; i < n; i++)
        values[i] = maker_value(seed, i);
    maker_floats(m, name, rank, dims, values);
    free(values);
}

static inline void maker_node(struct maker *m, const char *op, const char *name, const char *a,
                              const char *b, const char *result)
{
    build_node(&m->graph, &(struct build_node){
                              .op = op, .name = name, .inputs = { a, b }, .outputs = { result } });
}

/* ModelProto: ir_version 1, graph 7, opset_import 8. The maker starts anew. */
static inline void maker_finish(struct maker *m, struct buf *ret_file)
{
    struct buf opset;
    buf_init(&opset, 64);
    wire_put_int(&opset, 2, m->opset);
    buf_init(ret_file, MAKER_MAX);
    wire_put_int(ret_file, 1, m->ir_version);
    wire_put_bytes(ret_file, 7, buf_string(&m->graph), m->graph.length);
    wire_put_bytes(ret_file, 8, buf_string(&opset), opset.length);
    buf_done(&opset);
    buf_done(&m->graph);
}

#endif
