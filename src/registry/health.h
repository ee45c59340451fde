/* SPDX-License-Identifier: MIT */
/* What is missing, different or left over in a registry, and how to mend it. Only looks. */
#ifndef PARE_REGISTRY_HEALTH_H
#define PARE_REGISTRY_HEALTH_H

#include "base/base.h"

struct arena;
struct pare_error;
struct registry;

enum health_state { HEALTH_OK, HEALTH_NOTE, HEALTH_PROBLEM };

struct health_finding {
    const char *check;
    enum health_state state;
    const char *words;
    const char *remedy; /* NULL: nothing to do */
};

enum { HEALTH_FINDINGS_MAX = 32 };

/* All findings, in `arena`; at most HEALTH_FINDINGS_MAX. */
MUST_CHECK bool health_look(const struct registry *registry, struct arena *arena,
                            struct health_finding *findings, size_t *ret_count,
                            struct pare_error *err);

/* Free the bytes of versions that have vanished and of abandoned uploads. */
MUST_CHECK bool health_sweep(const struct registry *registry, int64_t *ret_artifacts,
                             int64_t *ret_bytes, struct pare_error *err);

#endif
