/* SPDX-License-Identifier: MIT */
/* Datasets by name, and measurements: each a row with the conditions it holds under. */
#ifndef PARE_REGISTRY_DATASET_H
#define PARE_REGISTRY_DATASET_H

#include "base/base.h"

struct arena;
struct pare_error;
struct pg;
struct pg_rows;
struct registry;

struct dataset_row {
    int64_t id, rows, size_bytes, artifact_id;
    const char *name, *digest, *actor, *created_at; /* digest in hex */
};

/* All datasets, or the one called `name`. Strings in `arena`. */
MUST_CHECK bool dataset_list(const struct registry *registry, const char *name, struct arena *arena,
                             struct dataset_row **ret_rows, size_t *ret_count,
                             struct pare_error *err);

/* The second half of dataset_list(), for who cannot wait. */
MUST_CHECK bool dataset_list_take(const struct pg_rows *rows, struct arena *arena,
                                  struct dataset_row **ret_rows, size_t *ret_count,
                                  struct pare_error *err);

/* By name; `name` NULL: the only one there is, else an error that lists them. */
MUST_CHECK bool dataset_get(const struct registry *registry, const char *name, struct arena *arena,
                            struct dataset_row *ret_row, struct pare_error *err);

/* One measurement to be stored, JSON as text. */
struct measurement {
    int64_t model_id, against_id; /* against 0: nothing */
    const char *dataset_digest;   /* hex, or NULL */
    const char *result, *conditions;
    const char *metrics; /* the part merged into ml_models.metrics */
};

/* Store it within the transaction open on `pg`. `replace`: also values that a person wrote. */
MUST_CHECK bool measurement_store(struct pg *pg, const struct measurement *measurement,
                                  const char *actor, bool replace, struct pare_error *err);

#endif
