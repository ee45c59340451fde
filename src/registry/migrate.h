/* SPDX-License-Identifier: MIT */
/*
 * The schema's versions: sql/migrate/NNN-name.sql, in order, each in a transaction.
 *
 * What runs is one idempotent script a migration: it takes a lock that lives as
 * long as its transaction, looks whether the step is on record, and only then
 * does it. So it is safe twice and at once, and the script that a DBA prints
 * with `pare init --sql` is the very text that pare runs.
 */
#ifndef PARE_REGISTRY_MIGRATE_H
#define PARE_REGISTRY_MIGRATE_H

#include "base/base.h"
#include "registry/migrate_steps.h"

struct buf;
struct pare_error;
struct registry;

/* The script of every step, for psql. */
void migrate_script(struct buf *buf);

/* Bring the registry up to date. Fails with the missing GRANTs named, or when it is newer than this. */
MUST_CHECK bool migrate_run(const struct registry *registry, struct pare_error *err);

/*
 * Remove the schema pare and all in it; the users' tables stay. Refused, naming them,
 * while versions have their bytes only there.
 */
MUST_CHECK bool migrate_remove(const struct registry *registry, struct pare_error *err);

#endif
