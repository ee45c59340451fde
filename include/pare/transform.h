/* SPDX-License-Identifier: MIT */
/*
 * From a model and a recipe to a plan, from a plan to a smaller model and a
 * report of what it cost, tensor by tensor.
 *
 * The plan reads the weights once (a tensor that holds a NaN or an infinity is
 * refused, and its form then takes other bytes), so its sizes are exact. The
 * source is never modified; the output appears whole or not at all; memory is
 * bounded by the largest tensor; the same input gives the same bytes.
 */
#ifndef PARE_TRANSFORM_H
#define PARE_TRANSFORM_H

#include <pare/model.h>
#include <pare/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How far a call is. Valid during the callback only. */
struct pare_progress {
    const char *phase;    /* "planning", "digest", "writing", "comparing" */
    const char *tensor;   /* the tensor at hand, or "" */
    double done_fraction; /* of this phase, 0 to 1 */
    int64_t done_bytes, total_bytes;
};

/* Return false to stop: the call then fails with PARE_ERR_INTERRUPTED and leaves nothing behind. */
typedef bool pare_progress_fn(void *data, const struct pare_progress *progress);

/* ---- the plan ---- */

/* What becomes of one tensor. Belongs to the plan. */
struct pare_plan_entry {
    size_t tensor;      /* index in the model; SIZE_MAX: the step optimize made it */
    const char *name;   /* the tensor's */
    const char *action; /* "prune l1 0.5, int8 per channel, dynamic"; "" when it stays as it is */
    const char *reason; /* why it, or a part of the recipe for it, is left out; "" otherwise */
    int64_t before_bytes, after_bytes; /* of its values, scales included */
};

struct pare_plan;

enum { PARE_THREADS_MAX = 256 };

struct pare_plan_options {
    const char *name;           /* the output's; NULL: the model's own, and its format */
    const char *source_sha256;  /* the model's digest in hex where it is known; NULL: a run reads */
    bool no_digest;             /* leave the digest out of the output's provenance */
    int threads;                /* 1 to 256; 0: one a processor, 8 at most. The plan is the same */
    pare_progress_fn *progress; /* may be NULL */
    void *data;                 /* for progress */
    /* Values of so many bytes and more go to a file beside the main one, NAME.data. 0: those that
       come from such a file, and the others only where the main file could not hold them. */
    int64_t external_bytes;
};

/*
 * Decide for every tensor of two or more dimensions. A file beside the output takes its name
 * from options->name. The model and the recipe must outlive the plan; the caller frees
 * *ret_plan. A plan that changes nothing is no error; running it is.
 */
PARE_API bool pare_plan_make(const struct pare_model *model, const struct pare_recipe *recipe,
                             const struct pare_plan_options *options, struct pare_plan **ret_plan,
                             struct pare_error *err);
PARE_API void pare_plan_free(struct pare_plan *plan); /* NULL is fine */

PARE_API size_t pare_plan_entry_count(const struct pare_plan *plan);
PARE_API const struct pare_plan_entry *pare_plan_entry(const struct pare_plan *plan, size_t index);
PARE_API size_t pare_plan_changed_count(const struct pare_plan *plan);

/* Of all files: the model as it is, and exactly what a run will write. */
PARE_API int64_t pare_plan_before_bytes(const struct pare_plan *plan);
PARE_API int64_t pare_plan_after_bytes(const struct pare_plan *plan);

/* What the step optimize does, in words: "3 nodes folded, 120 bytes fewer"; "" without it. */
PARE_API const char *pare_plan_optimized(const struct pare_plan *plan);

/* What to know beforehand of the recipe's schemes for this model; "" when there is nothing. */
PARE_API const char *pare_plan_warning(const struct pare_plan *plan);

/* The plan as JSON; lives with the plan. */
PARE_API const char *pare_plan_json(const struct pare_plan *plan);

/* ---- the run ---- */

struct pare_run_options {
    pare_progress_fn *progress; /* may be NULL */
    void *data;                 /* for progress */
    bool no_sync;               /* do not wait for the disk before the output appears */
    int threads;                /* as the plan's. The output's bytes and the report are the same */
};

/* What the change of one tensor cost. Belongs to the report. */
struct pare_report_entry {
    const char *name, *op;
    const char *action, *reason; /* as in the plan; in a difference: "compared" or why not */
    int64_t element_count;
    int64_t before_bytes, after_bytes;
    bool measured;    /* whether the following say something */
    double sqnr_db;   /* 10 log10(sum x^2 / sum (x - y)^2); infinite when nothing changed */
    double max_error; /* largest |x - y| */
    int64_t clipped_count;
    double zero_share;        /* of the elements of y, 0 to 1 */
    double clipped_share;     /* as that */
    double zero_share_before; /* as that, of x; a NaN where it was not counted: nothing pruned */
};

struct pare_report;

/* Carry out the plan into `path` and files beside it. The caller frees *ret_report. */
PARE_API bool pare_run(const struct pare_plan *plan, const char *path,
                       const struct pare_run_options *options, struct pare_report **ret_report,
                       struct pare_error *err);

/*
 * Compare the tensors of two models by name: values against values, F16, BF16 and int8 with its scales
 * against float. What only one of them has is listed with the reason. The caller frees
 * *ret_report.
 */
PARE_API bool pare_diff(const struct pare_model *a, const struct pare_model *b,
                        pare_progress_fn *progress, void *data, struct pare_report **ret_report,
                        struct pare_error *err);

PARE_API void pare_report_free(struct pare_report *report); /* NULL is fine */
PARE_API size_t pare_report_entry_count(const struct pare_report *report);
PARE_API const struct pare_report_entry *pare_report_entry(const struct pare_report *report,
                                                           size_t index);
PARE_API int64_t pare_report_before_bytes(const struct pare_report *report);
PARE_API int64_t pare_report_after_bytes(const struct pare_report *report);

/* What prune steps did, in words: "3 tensors of 96 weights: 50.0 % zeros, 0.0 % before"; or "". */
PARE_API const char *pare_report_pruned(const struct pare_report *report);

/* What the step optimize did, as in the plan. */
PARE_API const char *pare_report_optimized(const struct pare_report *report);

/* The report as JSON; lives with the report. Its schema is in libpare(3). */
PARE_API const char *pare_report_json(const struct pare_report *report);

#ifdef __cplusplus
}
#endif

#endif
