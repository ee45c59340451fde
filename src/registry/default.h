/* SPDX-License-Identifier: MIT */
/*
 * Which version a model's name resolves to, and how it came about.
 *
 * The history is append-only and is the truth: the default is its newest event.
 * Changing it compares and sets on the number of that event (its rev), so that of
 * several who saw the same state one wins and the others learn who did.
 */
#ifndef PARE_REGISTRY_DEFAULT_H
#define PARE_REGISTRY_DEFAULT_H

#include "registry/gate.h"
#include "registry/version.h"

struct pg_arg;
struct pg_rows;
struct pg_statement;
struct registry;

struct default_event {
    int64_t rev;      /* 0: there never was a default */
    const char *kind; /* promote, rollback, adopt */
    int64_t from_id, to_id;
    const char *from_version, *to_version; /* cleaned; from NULL on the first */
    int64_t undoes;                        /* of a rollback: the rev it takes back */
    const char *actor, *role, *at, *reason, *gates;
    const char *name;
    bool forced, is_there; /* the version it points to still exists under that name */
    int64_t age_seconds;
};

/* All events of a model, newest first; `at` (a time as people write it) leaves out later ones. */
MUST_CHECK bool default_history(const struct registry *registry, const char *name, const char *at,
                                struct arena *arena, struct default_event **ret_events,
                                size_t *ret_count, struct pare_error *err);

/* What a promote would change, as of one moment: read in one round trip. */
struct promotion {
    struct version to;
    struct version dflt;         /* id 0 when there is none, or it has vanished */
    struct default_event newest; /* rev 0 when there is none */
    struct gate_result *gates;
    size_t gate_count;
};
MUST_CHECK bool default_look(const struct registry *registry, const char *name, const char *version,
                             struct arena *arena, struct promotion *ret_promotion,
                             struct pare_error *err);

/* What people may expect of the default: a version, none, or a rev. NULL and 0: nothing. */
struct expectation {
    const char *version; /* of the same model */
    bool none;           /* the name resolves to nothing: there never was one, or it has vanished */
    bool never;          /* there never was one: "@0" */
    int64_t rev;
};
/* "name:version", "version", "none" or "@17". */
MUST_CHECK bool default_expect(const char *text, const char *name, struct arena *arena,
                               struct expectation *ret_expectation, struct pare_error *err);
/* Whether the default meets it; else PARE_ERR_REFUSED and who was faster. */
MUST_CHECK bool default_meets(const struct promotion *promotion,
                              const struct expectation *expectation, struct pare_error *err);

struct default_change {
    const char *kind, *reason; /* reason may be NULL */
    bool forced;
    int64_t undoes; /* 0 unless a rollback */
};

/*
 * Make promotion->to the default if the newest event is still promotion->newest. Else
 * PARE_ERR_REFUSED, naming who was faster, and nothing has changed. One round trip.
 */
MUST_CHECK bool default_set(const struct registry *registry, const struct promotion *promotion,
                            const struct default_change *change, int64_t *ret_rev,
                            struct pare_error *err);

/* The same inside a transaction that is already open, for several at once. */
MUST_CHECK bool default_set_within(const struct registry *registry,
                                   const struct promotion *promotion,
                                   const struct default_change *change, int64_t *ret_rev,
                                   struct pare_error *err);

/* The newest promote that no rollback has undone: rev 0 when there is none. */
struct undoable {
    int64_t rev;
    const char *from_version; /* raw, the version to go back to; NULL: it was the first */
    bool from_is_there;
};
MUST_CHECK bool default_undoable(const struct registry *registry, const char *name,
                                 struct arena *arena, struct undoable *ret_undoable,
                                 struct pare_error *err);

/* Names of models that never had a default, NULL-terminated. */
MUST_CHECK bool default_missing(const struct registry *registry, struct arena *arena,
                                const char ***ret_names, size_t *ret_count, struct pare_error *err);

/* ---- the halves of the above, for who cannot wait ---- */

enum {
    DEFAULT_LOOK_STATEMENTS = 5,
    DEFAULT_LOOK_ARGS = 16,
    DEFAULT_SET_STATEMENTS = 3,
    DEFAULT_SET_ARGS = 10,
};

/* default_look()'s statements, whose arguments stay in `args` (DEFAULT_LOOK_ARGS of them). */
void default_look_statements(const char *name, const char *version, struct pg_arg *args,
                             struct pg_statement *ret_statements);
/* What they found; to.id 0 when the version is gone. */
MUST_CHECK bool default_look_take(struct pg_rows *const *rows, struct arena *arena,
                                  struct promotion *ret_promotion, struct pare_error *err);

/* default_set()'s, with DEFAULT_SET_ARGS arguments; the evidence lives in `arena`. */
MUST_CHECK bool default_set_statements(const struct registry *registry,
                                       const struct promotion *promotion,
                                       const struct default_change *change, struct arena *arena,
                                       struct pg_arg *args, struct pg_statement *ret_statements,
                                       struct pare_error *err);
MUST_CHECK bool default_set_take(struct pg_rows *const *rows, const struct promotion *promotion,
                                 int64_t *ret_rev, struct pare_error *err);

/* Why not: who was faster, by a row of query_default_newest, or that the version is gone. Always false. */
MUST_CHECK bool default_not_set(const struct pg_rows *newest, const struct promotion *promotion,
                                struct pare_error *err);

/* A row of query_default_newest or query_default_history. */
struct default_event default_read_event(const struct pg_rows *rows, int row, struct arena *arena);

#endif
