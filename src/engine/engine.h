/* SPDX-License-Identifier: MIT */
/*
 * The engine as the rest of pare uses it: the public interface over any source
 * and sink of bytes, so that a job can stream from and into a registry.
 */
#ifndef PARE_ENGINE_ENGINE_H
#define PARE_ENGINE_ENGINE_H

#include "base/base.h"
#include "pare.h"

struct model;
struct sink;
struct source;

struct pare_model {
    struct model *model; /* owned */
};

/* pare_model_open() on any source, which is taken over, also on failure. */
MUST_CHECK bool engine_open(struct source *source, struct pare_model **ret_model,
                            struct pare_error *err);

/* Whether writing the file at `path` would harm a file of the model. */
bool engine_is_source(const struct pare_model *model, const char *path);

/*
 * Whether pare_run() could write to `path`, as far as can be told before a plan: where it goes is
 * there, and free, and no file of the source.
 */
MUST_CHECK bool engine_check_target(const struct pare_model *model, const char *path,
                                    struct pare_error *err);

/*
 * Whether the plan changes anything; what it leaves alone is refused, with the reason of the tensor
 * that most could be done with. engine_run() asks this first.
 */
MUST_CHECK bool engine_check_worth(const struct pare_plan *plan, struct pare_error *err);

/*
 * pare_run() into any sink; `name` is the main file's. The files are written and not yet
 * committed: that is the caller's next step.
 */
MUST_CHECK bool engine_run(const struct pare_plan *plan, const char *name, struct sink *sink,
                           const struct pare_run_options *options, struct pare_report **ret_report,
                           struct pare_error *err);

/*
 * The digest by which provenance names a model. Of one file: its SHA-256. Of several: the
 * SHA-256 of lines "<hex>  <name>\n", as sha256sum prints them, in the byte order of the names.
 */
MUST_CHECK bool engine_digest(const struct pare_model *model, pare_progress_fn *progress,
                              void *data, char ret_hex[65], struct pare_error *err);

#endif
