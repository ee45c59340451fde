/* SPDX-License-Identifier: MIT */
/*
 * The door to ONNX Runtime: found and loaded when it is first wanted, so that
 * everything that does not measure works without it.
 *
 * Nothing it does may leave the machine: its telemetry is switched off in the
 * environment before the library is loaded, and again by its own call. Nothing
 * it says reaches stderr: failures come back as errors.
 */
#ifndef PARE_RUNTIME_ORT_H
#define PARE_RUNTIME_ORT_H

#include "base/base.h"
#include "runtime/slots.h"

struct pare_error;

struct runtime {
    struct ort_api api;
    struct OrtEnv *env;           /* owned here */
    struct OrtMemoryInfo *memory; /* owned here: describes plain memory of this process */
    char *path;                   /* of the library as it was found, owned here */
    char version[32];             /* "1.21.0" */
};

/*
 * Find and load. With `path` (a library, or a folder that holds one) only that is tried, else
 * with PARE_ONNXRUNTIME in the environment only that; else the names the system's loader knows,
 * else ${XDG_DATA_HOME:-~/.local/share}/pare/onnxruntime. In a folder the newest
 * libonnxruntime.so* is taken. Where there is none the error says what to install.
 *
 * Sets ORT_DISABLE_TELEMETRY, so no other thread may use the environment meanwhile. The caller
 * closes; the library itself stays mapped until the process ends, for unloading it is not safe.
 */
MUST_CHECK bool runtime_open(const char *path, struct runtime **ret_runtime,
                             struct pare_error *err);
void runtime_close(struct runtime *runtime); /* after its sessions; NULL is fine */

const char *runtime_version(const struct runtime *runtime); /* "1.21.0" */
const char *runtime_path(const struct runtime *runtime);

/* False with the runtime's own words in `err` when `status` is a failure; takes the status. */
MUST_CHECK bool runtime_ok(const struct runtime *runtime, struct OrtStatus *status,
                           struct pare_error *err);

#endif
