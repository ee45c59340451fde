/* SPDX-License-Identifier: MIT */
/*
 * The scalars of a JSON document as a flat list of paths, for what is compared key by key.
 *
 * Documents are anybody's: what is beyond the limits is left out and said to be.
 */
#ifndef PARE_REGISTRY_LEAVES_H
#define PARE_REGISTRY_LEAVES_H

#include "base/base.h"

struct arena;

enum { LEAVES_MAX = 256 };

struct leaf {
    const char *path; /* "head.dim", cleaned */
    const char *text; /* as it stands there, cleaned; a string without its quotes */
    double number;    /* NAN unless it counts as a metric */
};

struct leaves {
    struct leaf *list;
    size_t count;
    bool cut; /* there are more */
};

/* `json` NULL, or no document: none. False: memory ended. */
MUST_CHECK bool leaves_read(const char *json, struct arena *arena, struct leaves *ret_leaves);

const struct leaf *leaves_find(const struct leaves *leaves, const char *path);
/* NAN when absent. */
double leaves_number(const struct leaves *leaves, const char *path);

/* Is a metric of this name better when it is less (-1) or more (1)? 0: nobody knows. */
int leaves_direction(const char *path);

#endif
