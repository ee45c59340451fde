/* SPDX-License-Identifier: MIT */
/* What is asked of a version, as fields: from them the recipe, the name, the job and its command. */
#ifndef PARE_TUI_VIEW_JOB_FIELDS_H
#define PARE_TUI_VIEW_JOB_FIELDS_H

#include "base/arena.h"
#include "jobs/order.h"
#include "tui/form.h"

struct buf;
struct dataset_row;
struct pare_error;

enum job_field {
    ASK_WHAT, /* quantize, prune, measure */
    ASK_METHOD,
    ASK_AMOUNT,
    ASK_SEED, /* of random */
    ASK_DIM,  /* of ln, as the following */
    ASK_NORM,
    ASK_THEN,
    ASK_SCHEME,
    ASK_MATCH,   /* of int8: whose output exactly */
    ASK_WEIGHTS, /* with ASK_MATCH */
    ASK_INT8_FORM,
    ASK_SCALES,
    ASK_RANGE,
    ASK_BORDERS,
    ASK_FORM,
    ASK_BLOCK,
    ASK_ZEROS,
    ASK_TABLES,
    ASK_LEVEL,       /* with operators of ONNX Runtime's own */
    ASK_FLOAT_BLOCK, /* as ASK_BLOCK, of nf4 and fp4 */
    ASK_INCLUDE,
    ASK_EXCLUDE,
    ASK_OPS,
    ASK_TENSORS, /* GLOB=SCHEME, whatever else is said */
    ASK_NAME,
    ASK_DATASET,
    ASK_AGAINST,
    ASK_THREADS,
    ASK_COUNT,
};

enum job_what { WHAT_QUANTIZE, WHAT_PRUNE, WHAT_MEASURE, WHAT_COUNT };

/* A version to compare a measurement with. */
struct job_against {
    int64_t id;
    const char *name, *version; /* as they are stored */
    const char *why;            /* static: what makes it the one to compare with */
};

struct job_fields {
    struct form form;
    struct form_field fields[ASK_COUNT];
    const struct job_against *against; /* beside the choices of that field */
    struct arena arena;                /* of the choices */
    const char *name, *version;        /* it starts from, as they are stored */
    bool named;                        /* the new version's name was typed */
};

/*
 * The fields of a job on name:version, which outlive them; `list` is what a measurement can be
 * compared with, copied. False when memory ends.
 */
bool job_fields_init(struct job_fields *fields, const char *name, const char *version,
                     const struct job_against *list, size_t count);
void job_fields_done(struct job_fields *fields);
/* Which data there are to measure on. */
void job_fields_set_datasets(struct job_fields *fields, const struct dataset_row *rows,
                             size_t count);

enum job_what job_fields_what(const struct job_fields *fields);

/* After a change of any field: what is hidden, and the name that follows from the rest. */
void job_fields_follow(struct job_fields *fields);

/* Append the recipe; false when a field says something that cannot be. */
MUST_CHECK bool job_fields_put_recipe(const struct job_fields *fields, struct buf *recipe,
                                      struct pare_error *err);

/* Append the job's description for the queue; *ret_kind names the kind of job. */
MUST_CHECK bool job_fields_put_spec(const struct job_fields *fields, struct buf *spec,
                                    const char **ret_kind, struct pare_error *err);

/* Append the command that does the same. */
void job_fields_put_command(const struct job_fields *fields, struct buf *command);

#endif
