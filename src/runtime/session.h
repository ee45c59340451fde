/* SPDX-License-Identifier: MIT */
/*
 * A model loaded by ONNX Runtime, ready to run.
 *
 * Sessions are opened for comparing: a fixed number of threads, no spinning
 * between operators (a spinning pool would steal the time of the session beside
 * it), every graph optimization. Opened by path, so that weights kept in files
 * beside the model are found.
 */
#ifndef PARE_RUNTIME_SESSION_H
#define PARE_RUNTIME_SESSION_H

#include "base/base.h"

struct pare_error;
struct runtime;
struct session;

/* X(name, number in TensorProto.DataType of onnx.proto, text, bytes): what tensors here may hold */
#define SESSION_TYPES(X)                                                                           \
    X(F32, 1, "float32", 4)                                                                        \
    X(U8, 2, "uint8", 1)                                                                           \
    X(I8, 3, "int8", 1)                                                                            \
    X(U16, 4, "uint16", 2)                                                                         \
    X(I16, 5, "int16", 2)                                                                          \
    X(I32, 6, "int32", 4)                                                                          \
    X(I64, 7, "int64", 8)                                                                          \
    X(BOOL, 9, "bool", 1)                                                                          \
    X(F16, 10, "float16", 2)                                                                       \
    X(F64, 11, "float64", 8)                                                                       \
    X(U32, 12, "uint32", 4)                                                                        \
    X(U64, 13, "uint64", 8)

enum session_type {
    SESSION_TYPE_OTHER = 0, /* strings, sequences, maps: not read here */
#define SESSION_TYPE_ENUM(name, number, text, bytes) SESSION_TYPE_##name = (number),
    SESSION_TYPES(SESSION_TYPE_ENUM)
#undef SESSION_TYPE_ENUM
};

enum { SESSION_RANK_MAX = 8, SESSION_SHAPE_TEXT = 160 };

struct session_tensor {
    const char *name; /* as in the model, uncleaned */
    enum session_type type;
    int rank;
    int64_t dims[SESSION_RANK_MAX]; /* -1 in a session's own description: any length */
    void *data;                     /* row-major; NULL in a description */
};

/*
 * Load the model file at `path`. The runtime must outlive the session. Inputs that are no
 * tensors of a type above are refused by name; such outputs are left out of the outputs.
 */
MUST_CHECK bool session_open(struct runtime *runtime, const char *path, int threads,
                             struct session **ret_session, struct pare_error *err);
void session_close(struct session *session); /* NULL is fine */

/* What the model takes and gives, in its own order. They live with the session. */
const struct session_tensor *session_inputs(const struct session *session, size_t *ret_count);
const struct session_tensor *session_outputs(const struct session *session, size_t *ret_count);

/*
 * Run once. `inputs` are in the order of session_inputs(), their data the caller's and only
 * read. *ret_outputs, in the order of session_outputs(), and their data are the session's and
 * last until its next run or its end.
 */
MUST_CHECK bool session_run(struct session *session, const struct session_tensor *inputs,
                            const struct session_tensor **ret_outputs, struct pare_error *err);

/* How long the last run took inside the runtime, by the monotonic clock; our own copying excluded. */
int64_t session_run_ns(const struct session *session);

const char *session_runtime_version(const struct session *session);
int session_threads(const struct session *session);

/* "float32", and its size; "other" and 0 for what is not read here. */
const char *session_type_name(enum session_type type);
size_t session_type_bytes(enum session_type type);

/* Elements of a tensor with every length known; false when they overflow. */
MUST_CHECK bool session_elements(const struct session_tensor *tensor, size_t *ret_count);

/* "float32 [?, 3, 224, 224]" */
void session_shape_text(const struct session_tensor *tensor, char *to, size_t room);

#endif
