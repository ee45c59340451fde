/* SPDX-License-Identifier: MIT */
/*
 * How much memory a version takes at its peak: loading it and running some rows.
 *
 * Measured in a child process made for it, so that nothing which was allocated and
 * freed before hides what the model needs. The child loads ONNX Runtime, gives free
 * heap back, notes its resident set, resets its high-water mark
 * (/proc/self/clear_refs, proc(5)), opens the session, runs, and tells how far the
 * mark (VmHWM) rose above the note. That is the model's own part: not the runtime's
 * code, not the dataset.
 */
#ifndef PARE_MEASURE_MEMORY_H
#define PARE_MEASURE_MEMORY_H

#include "base/base.h"

struct dataset;
struct pare_error;
struct watch;

enum { MEMORY_RUNS = 3 };

struct memory_options {
    const char *runtime_path; /* for runtime_open(); NULL: found as usual */
    int threads;
    int batch;
};

/*
 * The peak of the model file at `path` on the first rows of `dataset`. Call it before the
 * process opens a runtime of its own: a fork carries no threads along. A child that crashes is an
 * error that says so. `watch` may be NULL; a stop ends the child.
 */
MUST_CHECK bool memory_measure(const char *path, struct dataset *dataset,
                               const struct memory_options *options, struct watch *watch,
                               int64_t *ret_peak_bytes, struct pare_error *err);

#endif
