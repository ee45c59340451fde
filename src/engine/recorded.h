/* SPDX-License-Identifier: MIT */
/*
 * What a stored report says of a model's tensors: the errors that making it brought. The report is
 * about the tensors of the source; the model has them under names of its own.
 */
#ifndef PARE_ENGINE_RECORDED_H
#define PARE_ENGINE_RECORDED_H

#include "base/base.h"

struct arena;
struct pare_error;
struct pare_model;

struct recorded_entry {
    const char *name;
    bool measured;
    double sqnr_db; /* infinite when nothing changed */
    double max_error, zero_share;
};

struct recorded {
    struct recorded_entry *entries; /* by name, in the arena */
    size_t count;
};

/* Read a report's JSON, NULL for none: it may be anybody's, and large. */
MUST_CHECK bool recorded_read(const char *json, struct arena *arena, struct recorded *ret_recorded,
                              struct pare_error *err);

/* What was measured when this tensor was made; NULL when nothing was. */
const struct recorded_entry *recorded_find(const struct recorded *recorded,
                                           const struct pare_model *model, size_t index);

#endif
