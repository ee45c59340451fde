/* SPDX-License-Identifier: MIT */
/*
 * Finding, listing and deleting versions. Reads never touch model_data beyond its length.
 */
#ifndef PARE_REGISTRY_CATALOG_H
#define PARE_REGISTRY_CATALOG_H

#include "registry/version.h"

struct registry;

struct catalog_query {
    const char *name; /* one model's versions; NULL: all */
    bool with_json;   /* config and metrics too */
    int64_t limit;    /* by (name, version); 0: all */
    /* JSON paths as PostgreSQL arrays ("{metrics,f1}"), whose values come with each version. */
    const char *paths[VERSION_PATHS_MAX];
};

struct catalog_list {
    struct version *versions; /* in the arena, ordered by (name, version) */
    size_t count;
};

/* All versions asked for, in `arena`, one round trip, received row by row. */
MUST_CHECK bool catalog_list(const struct registry *registry, const struct catalog_query *query,
                             struct arena *arena, struct catalog_list *ret_list,
                             struct pare_error *err);

/*
 * A version by name and version, or by name alone its default (`version` NULL). Not found is
 * PARE_ERR_NOT_FOUND, and the sentence lists what there is.
 */
MUST_CHECK bool catalog_find(const struct registry *registry, const char *name, const char *version,
                             struct arena *arena, struct version *ret_version,
                             struct pare_error *err);

/* By id: succeeds with id 0 when there is none. Needs REGISTRY_SEE. */
MUST_CHECK bool catalog_by_id(const struct registry *registry, int64_t id, struct arena *arena,
                              struct version *ret_version, struct pare_error *err);

/* Where a version came from; all NULL and 0 when nothing is on record. */
struct lineage {
    int64_t parent_id;
    const char *parent_name, *parent_version, *recipe, *engine_version, *parent_digest, *actor, *at;
    bool parent_is_there;
};
MUST_CHECK bool catalog_lineage(const struct registry *registry, int64_t id, struct arena *arena,
                                struct lineage *ret_lineage, struct pare_error *err);

/* The engine's report of how a version was made, JSON; NULL when none is on record. */
MUST_CHECK bool catalog_report(const struct registry *registry, int64_t id, struct arena *arena,
                               const char **ret_report, struct pare_error *err);

/* "name:version" of each child, NULL-terminated, at most 20. */
MUST_CHECK bool catalog_children(const struct registry *registry, int64_t id, struct arena *arena,
                                 const char *const **ret_refs, struct pare_error *err);

/*
 * The newest measurements of two versions under equal conditions on equal data, JSON in the arena.
 * `together`: one job ran them in turns; times got apart from each other are not comparable.
 */
struct alike {
    const char *first, *second; /* results; NULL when never measured alike */
    const char *conditions;
    const char *digest; /* of the data, hex, or NULL */
    bool together;
    /* The first was judged beside the second on each example, or the other way round. */
    bool first_beside, second_beside;
};
/* Row 0 of query_catalog_alike; `second` as in the question. In `arena`. */
struct pg_rows;
void catalog_take_alike(const struct pg_rows *rows, int64_t first, int64_t second,
                        struct arena *arena, struct alike *ret_alike);
MUST_CHECK bool catalog_alike(const struct registry *registry, int64_t first, int64_t second,
                              struct arena *arena, struct alike *ret_alike, struct pare_error *err);

/* The conditions of a version's newest measurement, JSON; NULL when there is none. */
MUST_CHECK bool catalog_conditions(const struct registry *registry, int64_t id, struct arena *arena,
                                   const char **ret_conditions, struct pare_error *err);

/*
 * Whether a version may be deleted: not the default, not an arm of a running test. The reason
 * in `err` (PARE_ERR_REFUSED).
 */
MUST_CHECK bool catalog_may_delete(const struct registry *registry, const struct version *version,
                                   struct pare_error *err);

/* Delete one version and the bytes pare keeps of it, if it still may be. History stays. */
MUST_CHECK bool catalog_delete(const struct registry *registry, const struct version *version,
                               struct pare_error *err);

#endif
