/* SPDX-License-Identifier: MIT */
/*
 * The functions of ONNX Runtime's C interface that are used here, and nothing else of it.
 *
 * The library exports one symbol, OrtGetApiBase. It leads to a table of function
 * pointers to which releases only append: a slot's number and signature never
 * change (onnxruntime_c_api.h says so of struct OrtApi). So no header of theirs is
 * needed to build: a slot is read by its number. tests/runtime/slots.c holds
 * numbers and signatures against the real header wherever one is installed.
 *
 * The struct tags are theirs, so that the compiler can compare the signatures.
 */
#ifndef PARE_RUNTIME_SLOTS_H
#define PARE_RUNTIME_SLOTS_H

#include "base/base.h"

struct OrtAllocator;
struct OrtEnv;
struct OrtMemoryInfo;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtTypeInfo;
struct OrtValue;

/* What a log line is handed to: data, severity, category, id, place in the code, message. */
typedef void ort_log_fn(void *data, unsigned severity, const char *category, const char *id,
                        const char *place, const char *message);

/*
 * X(number, name, what it returns, (what it takes)). A status is NULL for success, else the
 * caller's to release.
 */
#define ORT_SLOTS(X)                                                                               \
    X(2, GetErrorMessage, const char *, (const struct OrtStatus *))                                \
    X(4, CreateEnvWithCustomLogger, struct OrtStatus *,                                            \
      (ort_log_fn *, void *data, unsigned severity, const char *id, struct OrtEnv **))             \
    X(6, DisableTelemetryEvents, struct OrtStatus *, (const struct OrtEnv *))                      \
    X(7, CreateSession, struct OrtStatus *,                                                        \
      (const struct OrtEnv *, const char *path, const struct OrtSessionOptions *,                  \
       struct OrtSession **))                                                                      \
    X(9, Run, struct OrtStatus *,                                                                  \
      (struct OrtSession *, const struct OrtRunOptions *, const char *const *input_names,          \
       const struct OrtValue *const *inputs, size_t input_count, const char *const *output_names,  \
       size_t output_count, struct OrtValue **outputs))                                            \
    X(10, CreateSessionOptions, struct OrtStatus *, (struct OrtSessionOptions **))                 \
    X(23, SetSessionGraphOptimizationLevel, struct OrtStatus *,                                    \
      (struct OrtSessionOptions *, unsigned level))                                                \
    X(24, SetIntraOpNumThreads, struct OrtStatus *, (struct OrtSessionOptions *, int))             \
    X(25, SetInterOpNumThreads, struct OrtStatus *, (struct OrtSessionOptions *, int))             \
    X(30, SessionGetInputCount, struct OrtStatus *, (const struct OrtSession *, size_t *))         \
    X(31, SessionGetOutputCount, struct OrtStatus *, (const struct OrtSession *, size_t *))        \
    X(33, SessionGetInputTypeInfo, struct OrtStatus *,                                             \
      (const struct OrtSession *, size_t index, struct OrtTypeInfo **))                            \
    X(34, SessionGetOutputTypeInfo, struct OrtStatus *,                                            \
      (const struct OrtSession *, size_t index, struct OrtTypeInfo **))                            \
    X(36, SessionGetInputName, struct OrtStatus *,                                                 \
      (const struct OrtSession *, size_t index, struct OrtAllocator *, char **))                   \
    X(37, SessionGetOutputName, struct OrtStatus *,                                                \
      (const struct OrtSession *, size_t index, struct OrtAllocator *, char **))                   \
    X(49, CreateTensorWithDataAsOrtValue, struct OrtStatus *,                                      \
      (const struct OrtMemoryInfo *, void *data, size_t size_bytes, const int64_t *dims,           \
       size_t rank, unsigned type, struct OrtValue **))                                            \
    X(51, GetTensorMutableData, struct OrtStatus *, (struct OrtValue *, void **))                  \
    X(55, CastTypeInfoToTensorInfo, struct OrtStatus *,                                            \
      (const struct OrtTypeInfo *, const struct OrtTensorTypeAndShapeInfo **))                     \
    X(60, GetTensorElementType, struct OrtStatus *,                                                \
      (const struct OrtTensorTypeAndShapeInfo *, unsigned *))                                      \
    X(61, GetDimensionsCount, struct OrtStatus *,                                                  \
      (const struct OrtTensorTypeAndShapeInfo *, size_t *))                                        \
    X(62, GetDimensions, struct OrtStatus *,                                                       \
      (const struct OrtTensorTypeAndShapeInfo *, int64_t *, size_t))                               \
    X(65, GetTensorTypeAndShape, struct OrtStatus *,                                               \
      (const struct OrtValue *, struct OrtTensorTypeAndShapeInfo **))                              \
    X(69, CreateCpuMemoryInfo, struct OrtStatus *,                                                 \
      (int allocator_type, int memory_type, struct OrtMemoryInfo **))                              \
    X(76, AllocatorFree, struct OrtStatus *, (struct OrtAllocator *, void *))                      \
    X(78, GetAllocatorWithDefaultOptions, struct OrtStatus *, (struct OrtAllocator **))            \
    X(92, ReleaseEnv, void, (struct OrtEnv *))                                                     \
    X(93, ReleaseStatus, void, (struct OrtStatus *))                                               \
    X(94, ReleaseMemoryInfo, void, (struct OrtMemoryInfo *))                                       \
    X(95, ReleaseSession, void, (struct OrtSession *))                                             \
    X(96, ReleaseValue, void, (struct OrtValue *))                                                 \
    X(98, ReleaseTypeInfo, void, (struct OrtTypeInfo *))                                           \
    X(99, ReleaseTensorTypeAndShapeInfo, void, (struct OrtTensorTypeAndShapeInfo *))               \
    X(100, ReleaseSessionOptions, void, (struct OrtSessionOptions *))                              \
    X(130, AddSessionConfigEntry, struct OrtStatus *,                                              \
      (struct OrtSessionOptions *, const char *key, const char *))

/* The used slots by name, filled from the table at runtime_open(). */
struct ort_api {
#define ORT_SLOT_MEMBER(number, name, result, args) result(*name) args;
    ORT_SLOTS(ORT_SLOT_MEMBER)
#undef ORT_SLOT_MEMBER
};

/* The version to ask for: the oldest release that is accepted (1.17), all of whose slots stay. */
enum { ORT_API_WANTED = 17 };

/* Values of their enumerations. */
enum {
    ORT_SEVERITY_FATAL = 4,
    ORT_OPTIMIZE_ALL = 99,
    ORT_ALLOCATOR_ARENA = 1,
    ORT_MEMORY_DEFAULT = 0,
};

#endif
