/* SPDX-License-Identifier: MIT */
/*
 * A model is a file, or a main file and the files it names beside it. Opening
 * reads its structure and no weights; tensors stay on disk until asked for.
 *
 * Names come from the file as they are: UTF-8 is not promised, control bytes
 * are possible. Clean them before they reach a terminal.
 */
#ifndef PARE_MODEL_H
#define PARE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pare/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, bits of an element; 0 where elements have no fixed width) */
#define PARE_DTYPES(X)                                                                             \
    X(UNKNOWN, 0)                                                                                  \
    X(BOOL, 8)                                                                                     \
    X(I4, 4)                                                                                       \
    X(U4, 4)                                                                                       \
    X(I8, 8)                                                                                       \
    X(U8, 8)                                                                                       \
    X(I16, 16)                                                                                     \
    X(U16, 16)                                                                                     \
    X(I32, 32)                                                                                     \
    X(U32, 32)                                                                                     \
    X(I64, 64)                                                                                     \
    X(U64, 64)                                                                                     \
    X(F4, 4)                                                                                       \
    X(F6, 6)                                                                                       \
    X(F8, 8)                                                                                       \
    X(F16, 16)                                                                                     \
    X(BF16, 16)                                                                                    \
    X(F32, 32)                                                                                     \
    X(F64, 64)                                                                                     \
    X(C64, 64)                                                                                     \
    X(C128, 128)                                                                                   \
    X(STRING, 0)

enum pare_dtype {
#define PARE_DTYPE_ENUM(name, bits) PARE_##name,
    PARE_DTYPES(PARE_DTYPE_ENUM)
#undef PARE_DTYPE_ENUM
};

/* "F32"; never NULL. */
PARE_API const char *pare_dtype_name(enum pare_dtype dtype);

enum { PARE_RANK_MAX = 16 };

/* One tensor of a model. It and its strings belong to the model and live as long. */
struct pare_tensor {
    const char *name;
    enum pare_dtype dtype;
    int rank;
    int64_t dims[PARE_RANK_MAX]; /* outermost first */
    int64_t element_count;
    int64_t size_bytes; /* of its values in the file */
    const char *op;     /* the operator that it feeds, "MatMul"; "" when none is known */
    const char *node;   /* that operator's name in the model; may be "" */
    /* How the model holds it: "initializer", "constant", "subgraph", "attribute", "sparse". */
    const char *place;
};

/* Something the model says of itself: "producer", "pytorch 2.1". Belongs to the model. */
struct pare_fact {
    const char *key, *value;
};

/* What a tensor's values are like. */
struct pare_stats {
    double low, high;         /* of the finite values; 0 when there are none */
    int64_t zero_count;       /* +0 and -0 */
    int64_t not_finite_count; /* infinities and NaNs */
};

struct pare_model;

/* Open `path`. The caller closes *ret_model. */
PARE_API bool pare_model_open(const char *path, struct pare_model **ret_model,
                              struct pare_error *err);
PARE_API void pare_model_close(struct pare_model *model); /* NULL is fine */

/* "onnx" */
PARE_API const char *pare_model_format(const struct pare_model *model);

/* All its files together. */
PARE_API int64_t pare_model_size_bytes(const struct pare_model *model);

PARE_API size_t pare_model_tensor_count(const struct pare_model *model);
PARE_API const struct pare_tensor *pare_model_tensor(const struct pare_model *model, size_t index);

/* The first tensor of that name: its index, or -1. */
PARE_API int64_t pare_model_find(const struct pare_model *model, const char *name);

PARE_API size_t pare_model_fact_count(const struct pare_model *model);
PARE_API const struct pare_fact *pare_model_fact(const struct pare_model *model, size_t index);

/*
 * Copy `length` bytes of a tensor's values, from byte `start` on, to `to`, which is the
 * caller's. Little-endian, row-major, as the dtype says.
 */
PARE_API bool pare_model_read(const struct pare_model *model, size_t index, int64_t start,
                              size_t length, void *to, struct pare_error *err);

/* Read a F32 tensor through and describe its values. */
PARE_API bool pare_model_stats(const struct pare_model *model, size_t index,
                               struct pare_stats *ret_stats, struct pare_error *err);

#ifdef __cplusplus
}
#endif

#endif
