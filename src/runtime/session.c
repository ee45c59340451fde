/* SPDX-License-Identifier: MIT */
#include "runtime/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "runtime/ort.h"

enum { SESSION_PORTS_MAX = 1024 };

/* Inputs or outputs: the descriptions, and beside them what Run() takes. */
struct ports {
    size_t count;
    struct session_tensor *tensors; /* (count) */
    const char **names;             /* (count) */
    struct OrtValue **values;       /* (count), of the run under way or the last one */
};

struct session {
    struct runtime *runtime; /* the caller's */
    struct OrtSession *handle;
    struct arena arena; /* descriptions and names */
    struct ports in, out;
    struct session_tensor *results; /* (out.count), of the last run */
    int64_t run_ns;
    int threads;
};

/* ---- types and shapes ---- */

const char *session_type_name(enum session_type type)
{
    switch (type) {
#define SESSION_TYPE_NAME(name, number, text, bytes)                                               \
    case SESSION_TYPE_##name:                                                                      \
        return text;
        SESSION_TYPES(SESSION_TYPE_NAME)
#undef SESSION_TYPE_NAME
    case SESSION_TYPE_OTHER:
        break;
    }
    return "other";
}

size_t session_type_bytes(enum session_type type)
{
    switch (type) {
#define SESSION_TYPE_BYTES(name, number, text, bytes)                                              \
    case SESSION_TYPE_##name:                                                                      \
        return bytes;
        SESSION_TYPES(SESSION_TYPE_BYTES)
#undef SESSION_TYPE_BYTES
    case SESSION_TYPE_OTHER:
        break;
    }
    return 0;
}

bool session_elements(const struct session_tensor *tensor, size_t *ret_count)
{
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dims[i] < 0 || __builtin_mul_overflow(count, (size_t)tensor->dims[i], &count))
            return false;
    *ret_count = count;
    return true;
}

void session_shape_text(const struct session_tensor *tensor, char *to, size_t room)
{
    size_t at = (size_t)snprintf(to, room, "%s [", session_type_name(tensor->type));
    for (int i = 0; i < tensor->rank && at < room; i++) {
        const char *comma = i ? ", " : "";
        int n = tensor->dims[i] < 0
                    ? snprintf(to + at, room - at, "%s?", comma)
                    : snprintf(to + at, room - at, "%s%lld", comma, (long long)tensor->dims[i]);
        at += (size_t)n;
    }
    if (at < room)
        snprintf(to + at, room - at, "]");
}

/* ---- what a model takes and gives ---- */

static bool describe(const struct runtime *runtime, const struct OrtTensorTypeAndShapeInfo *info,
                     struct session_tensor *tensor, struct pare_error *err)
{
    const struct ort_api *api = &runtime->api;
    unsigned type = 0;
    size_t rank = 0;
    if (!runtime_ok(runtime, api->GetTensorElementType(info, &type), err) ||
        !runtime_ok(runtime, api->GetDimensionsCount(info, &rank), err))
        return false;
    tensor->type = (enum session_type)type;
    if (!session_type_bytes(tensor->type) || rank > SESSION_RANK_MAX) {
        tensor->type = SESSION_TYPE_OTHER;
        return true;
    }
    tensor->rank = (int)rank;
    return runtime_ok(runtime, api->GetDimensions(info, tensor->dims, rank), err);
}

static bool describe_port(struct session *session, bool is_input, size_t index,
                          struct session_tensor *tensor, struct pare_error *err)
{
    struct runtime *runtime = session->runtime;
    const struct ort_api *api = &runtime->api;
    struct OrtTypeInfo *info = NULL;
    const struct OrtTensorTypeAndShapeInfo *shape = NULL; /* part of info */
    struct OrtStatus *status = is_input
                                   ? api->SessionGetInputTypeInfo(session->handle, index, &info)
                                   : api->SessionGetOutputTypeInfo(session->handle, index, &info);
    if (!runtime_ok(runtime, status, err))
        return false;
    bool ok = runtime_ok(runtime, api->CastTypeInfoToTensorInfo(info, &shape), err) &&
              (!shape || describe(runtime, shape, tensor, err));
    api->ReleaseTypeInfo(info);
    return ok;
}

/* The port's name, copied into the session's arena. */
static bool name_port(struct session *session, bool is_input, size_t index, const char **ret_name,
                      struct pare_error *err)
{
    struct runtime *runtime = session->runtime;
    const struct ort_api *api = &runtime->api;
    struct OrtAllocator *allocator = NULL; /* the runtime's own, not released */
    char *name = NULL;
    if (!runtime_ok(runtime, api->GetAllocatorWithDefaultOptions(&allocator), err))
        return false;
    struct OrtStatus *status =
        is_input ? api->SessionGetInputName(session->handle, index, allocator, &name)
                 : api->SessionGetOutputName(session->handle, index, allocator, &name);
    if (!runtime_ok(runtime, status, err))
        return false;
    *ret_name = arena_strdup(&session->arena, name);
    return runtime_ok(runtime, api->AllocatorFree(allocator, name), err) &&
           (*ret_name || error_no_memory(err, 0));
}

static bool ports_make(struct session *session, bool is_input, size_t count, struct ports *ports,
                       struct pare_error *err)
{
    const char *what = is_input ? "input" : "output";
    if (count > SESSION_PORTS_MAX)
        return error_set(err, PARE_ERR_UNSUPPORTED, "the model has %zu %ss, more than %d", count,
                         what, SESSION_PORTS_MAX);
    ports->tensors = arena_array(&session->arena, count, sizeof(*ports->tensors));
    ports->names = arena_array(&session->arena, count, sizeof(*ports->names));
    ports->values = arena_array(&session->arena, count, sizeof(struct OrtValue *));
    if (!ports->tensors || !ports->names || !ports->values)
        return error_no_memory(err, count * sizeof(*ports->tensors));
    for (size_t i = 0; i < count; i++) {
        struct session_tensor tensor = { 0 };
        if (!name_port(session, is_input, i, &tensor.name, err) ||
            !describe_port(session, is_input, i, &tensor, err))
            return false;
        if (is_input && tensor.type == SESSION_TYPE_OTHER)
            return error_set(err, PARE_ERR_UNSUPPORTED,
                             "the model's input %s is no tensor of numbers with at most %d axes: "
                             "such models are not measured",
                             tensor.name, SESSION_RANK_MAX);
        if (tensor.type == SESSION_TYPE_OTHER)
            continue;
        ports->tensors[ports->count] = tensor;
        ports->names[ports->count++] = tensor.name;
    }
    return true;
}

static bool describe_ports(struct session *session, struct pare_error *err)
{
    struct runtime *runtime = session->runtime;
    size_t ins = 0, outs = 0;
    if (!runtime_ok(runtime, runtime->api.SessionGetInputCount(session->handle, &ins), err) ||
        !runtime_ok(runtime, runtime->api.SessionGetOutputCount(session->handle, &outs), err) ||
        !ports_make(session, true, ins, &session->in, err) ||
        !ports_make(session, false, outs, &session->out, err))
        return false;
    if (!session->out.count)
        return error_set(err, PARE_ERR_UNSUPPORTED, "the model has no output of numbers");
    session->results = arena_array(&session->arena, session->out.count, sizeof(*session->results));
    return session->results || error_no_memory(err, 0);
}

/* ---- opening and closing ---- */

static bool set_options(const struct runtime *runtime, struct OrtSessionOptions *options,
                        int threads, struct pare_error *err)
{
    const struct ort_api *api = &runtime->api;
    return runtime_ok(runtime, api->SetIntraOpNumThreads(options, threads), err) &&
           runtime_ok(runtime, api->SetInterOpNumThreads(options, 1), err) &&
           runtime_ok(runtime, api->SetSessionGraphOptimizationLevel(options, ORT_OPTIMIZE_ALL),
                      err) &&
           runtime_ok(runtime,
                      api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"),
                      err);
}

static bool load(struct session *session, const char *path, struct pare_error *err)
{
    struct runtime *runtime = session->runtime;
    struct OrtSessionOptions *options = NULL;
    if (!runtime_ok(runtime, runtime->api.CreateSessionOptions(&options), err))
        return false;
    bool ok =
        set_options(runtime, options, session->threads, err) &&
        runtime_ok(runtime,
                   runtime->api.CreateSession(runtime->env, path, options, &session->handle), err);
    runtime->api.ReleaseSessionOptions(options);
    return ok;
}

bool session_open(struct runtime *runtime, const char *path, int threads,
                  struct session **ret_session, struct pare_error *err)
{
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return error_no_memory(err, sizeof(*session));
    session->runtime = runtime;
    session->threads = MAX(threads, 1);
    arena_init(&session->arena);
    if (!load(session, path, err) || !describe_ports(session, err)) {
        session_close(session);
        return error_prefix(err, "%s", path);
    }
    *ret_session = session;
    return true;
}

static void drop_values(const struct session *session, struct ports *ports)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (ports->values[i])
            session->runtime->api.ReleaseValue(ports->values[i]);
        ports->values[i] = NULL;
    }
}

void session_close(struct session *session)
{
    if (!session)
        return;
    drop_values(session, &session->in);
    drop_values(session, &session->out);
    if (session->handle)
        session->runtime->api.ReleaseSession(session->handle);
    arena_done(&session->arena);
    free(session);
}

/* ---- running ---- */

/* Wrap the caller's arrays; nothing is copied. */
static bool wrap_inputs(struct session *session, const struct session_tensor *inputs,
                        struct pare_error *err)
{
    struct runtime *runtime = session->runtime;
    for (size_t i = 0; i < session->in.count; i++) {
        const struct session_tensor *in = &inputs[i];
        size_t bytes;
        if (!session_elements(in, &bytes) ||
            __builtin_mul_overflow(bytes, session_type_bytes(in->type), &bytes))
            return error_set(err, PARE_ERR_USAGE, "the tensor for the input %s has no size",
                             session->in.names[i]);
        struct OrtStatus *status = runtime->api.CreateTensorWithDataAsOrtValue(
            runtime->memory, in->data, bytes, in->dims, (size_t)in->rank, in->type,
            &session->in.values[i]);
        if (!runtime_ok(runtime, status, err))
            return false;
    }
    return true;
}

static bool read_output(struct session *session, size_t index, struct pare_error *err)
{
    struct runtime *runtime = session->runtime;
    const struct ort_api *api = &runtime->api;
    struct OrtTensorTypeAndShapeInfo *info = NULL;
    struct session_tensor result = { .name = session->out.names[index] };
    struct OrtValue *value = session->out.values[index];
    if (!runtime_ok(runtime, api->GetTensorTypeAndShape(value, &info), err))
        return false;
    bool ok = describe(runtime, info, &result, err);
    api->ReleaseTensorTypeAndShapeInfo(info);
    if (!ok)
        return false;
    if (result.type == SESSION_TYPE_OTHER)
        return error_set(err, PARE_ERR_UNSUPPORTED, "the output %s has more than %d axes",
                         result.name, SESSION_RANK_MAX);
    if (!runtime_ok(runtime, api->GetTensorMutableData(value, &result.data), err))
        return false;
    session->results[index] = result;
    return true;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool session_run(struct session *session, const struct session_tensor *inputs,
                 const struct session_tensor **ret_outputs, struct pare_error *err)
{
    struct runtime *runtime = session->runtime;
    struct ports *in = &session->in, *out = &session->out;
    drop_values(session, out);
    bool ok = wrap_inputs(session, inputs, err);
    if (ok) {
        int64_t start_ns = now_ns();
        struct OrtStatus *status = runtime->api.Run(session->handle, NULL, in->names,
                                                    (const struct OrtValue *const *)in->values,
                                                    in->count, out->names, out->count, out->values);
        session->run_ns = now_ns() - start_ns;
        ok = runtime_ok(runtime, status, err);
    }
    drop_values(session, in);
    for (size_t i = 0; ok && i < out->count; i++)
        ok = read_output(session, i, err);
    if (ok)
        *ret_outputs = session->results;
    return ok;
}

/* ---- facts ---- */

const struct session_tensor *session_inputs(const struct session *session, size_t *ret_count)
{
    *ret_count = session->in.count;
    return session->in.tensors;
}

const struct session_tensor *session_outputs(const struct session *session, size_t *ret_count)
{
    *ret_count = session->out.count;
    return session->out.tensors;
}

int64_t session_run_ns(const struct session *session)
{
    return session->run_ns;
}

const char *session_runtime_version(const struct session *session)
{
    return runtime_version(session->runtime);
}

int session_threads(const struct session *session)
{
    return session->threads;
}
