/* SPDX-License-Identifier: MIT */
/*
 * One opened registry: a connection, and what this role may do there.
 *
 * Everything is asked in one round trip, by a statement that a role without a
 * single right may run. A guest (SELECT on ml_models alone, or no schema `pare`)
 * looks, filters, compares and exports; nothing is created anywhere by opening.
 */
#ifndef PARE_REGISTRY_REGISTRY_H
#define PARE_REGISTRY_REGISTRY_H

#include "base/arena.h"
#include "base/base.h"

struct pare_error;
struct pg;
struct pg_rows;

struct registry {
    struct pg *pg;      /* the caller's; outlives this */
    struct arena arena; /* the strings below */
    const char *database, *role, *host, *server_version;
    const char *actor; /* PARE_USER, else OS user@host: who did it */
    const char *current_schema;
    /* As SQL writes them, for the GRANTs in sentences; the last is the schema of ml_models. */
    const char *role_sql, *database_sql, *schema_sql;
    bool read_only;                        /* asked for with --read-only */
    bool standby;                          /* a hot standby: reads only */
    bool has_models, can_read, can_insert; /* ml_models: there, and what this role may do with it */
    bool has_schema;                       /* a schema called pare */
    bool is_foreign; /* which is somebody else's: it does not say its version */
    int schema;      /* its version; 0 when there is none */
    bool can_see;    /* SELECT on pare's tables: no guest */
    bool can_keep;   /* INSERT there */
    bool can_create_schema, can_create_table;
};

enum registry_need {
    REGISTRY_LOOK,  /* read ml_models */
    REGISTRY_SEE,   /* read what pare keeps: defaults, gates, lineage */
    REGISTRY_WRITE, /* write both */
};

/* Ask what is there. `pg` stays the caller's. */
MUST_CHECK bool registry_init(struct registry *registry, struct pg *pg, bool read_only,
                              struct pare_error *err);
void registry_done(struct registry *registry);

/* The second half of registry_init(), for who cannot wait: from the rows of query_registry_probe. */
MUST_CHECK bool registry_take(struct registry *registry, const struct pg_rows *rows, struct pg *pg,
                              bool read_only, struct pare_error *err);

/* Whether `need` can be met; else what stands against it and the remedy. */
MUST_CHECK bool registry_allows(const struct registry *registry, enum registry_need need,
                                struct pare_error *err);

/* No schema `pare` that this role may read: history, gates and lineage are unknown here. */
bool registry_is_guest(const struct registry *registry);

#endif
