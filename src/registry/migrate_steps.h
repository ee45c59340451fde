/* SPDX-License-Identifier: MIT */
/*
 * The steps of the schema that this program knows, out of sql/migrate. Apart from migrate.h,
 * which takes them: whoever opens a registry only wants to know how many there are.
 */
#ifndef PARE_REGISTRY_MIGRATE_STEPS_H
#define PARE_REGISTRY_MIGRATE_STEPS_H

#include "base/base.h"

struct migration {
    int number; /* rises by 1 */
    const char *name;
    const char *sql;
};

/* All of them, in order. */
const struct migration *migrate_steps(size_t *ret_count);

/* The number of the last. */
int migrate_newest(void);

#endif
