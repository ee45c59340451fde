/* SPDX-License-Identifier: MIT */
/*
 * A registry as an event loop reads it: nothing here waits.
 *
 * The modules beside this one ask and wait. A screen may not, so each question comes
 * in two halves: browse_ask_...() puts its statements into a batch for pg_start(), and
 * browse_take_...() reads the rows when they have come.
 *
 * All versions of a registry are held at once, 60 bytes a row, their words in a pool
 * that successive lists share. Words stay as they are stored: what shows them cleans.
 */
#ifndef PARE_REGISTRY_BROWSE_H
#define PARE_REGISTRY_BROWSE_H

#include "base/arena.h"
#include "pg/pg.h"
#include "registry/default.h"
#include "registry/version.h"

struct lineage;
struct registry;

/* ---- a question ---- */

struct browse_batch {
    struct arena *arena; /* the arguments live there until the request has started */
    struct pg_statement statements[PG_STATEMENTS_MAX];
    size_t count;
    bool write;
};

/* Add one statement; its arguments are copied, with their texts: it may be sent long after this. */
struct pg_statement *browse_ask(struct browse_batch *batch, const char *sql,
                                const struct pg_arg *args, size_t count);

/* What this connection is and may do; then registry_take(). */
void browse_ask_registry(struct browse_batch *batch);

/* From here on the server answers with one process, from the first row on. */
void browse_ask_quiet(struct browse_batch *batch);

/* A text that stays the same while nobody writes anything; then one that tells whether it was here. */
void browse_ask_snapshot(struct browse_batch *batch);
void browse_ask_state(struct browse_batch *batch, bool guest);

/* ---- all versions ---- */

/* Words once each, zero-terminated, addressed by offset; 0 is the absent word. */
struct browse_words {
    char *text;
    uint32_t *slots; /* open addressing; 0: free */
    size_t used, room, slot_count, count;
};
void browse_words_done(struct browse_words *words);
/* A word that is there; 0: it is not. */
uint32_t browse_find_word(const struct browse_words *words, const char *text);

enum { BROWSE_NONE = (1 << 29) - 1 };

struct __attribute__((packed, aligned(4))) browse_row {
    int64_t id, parent_id;
    double size_bytes, latency_ms, accuracy; /* NAN when absent */
    uint32_t version, type, optimization;    /* words */
    uint32_t created_at;                     /* seconds since 1970, 0 when absent */
    uint32_t model : 29;                     /* its place in the list's models */
    uint32_t is_default : 1, has_inline_bytes : 1, has_bytes : 1;
};

struct browse_model {
    uint32_t name; /* a word */
    uint32_t base; /* what its versions' changes are against: a row's place, or BROWSE_NONE */
};

/* Both NAN: there is none. */
struct browse_interval {
    double low, high;
};

/*
 * A pair measured alike: this version and its model's default. What the intervals of one job that
 * judged both tell, as Compare reads them (registry/comparison.h): a change is open where they leave
 * out neither way, and a change of accuracy without one is two numbers and no more.
 */
struct __attribute__((packed, aligned(4))) browse_alike {
    int64_t id;
    double latency_ms, base_latency_ms, accuracy, base_accuracy; /* NAN when absent */
    struct browse_interval change, ratio; /* of accuracy, a difference; of latency, to the base's */
    bool latency_open, accuracy_open;
};

struct browse_value {
    double number;
    uint32_t text;
    char kind;
};

struct browse_list {
    struct browse_words *words; /* the caller's, outlives the list */
    struct browse_row *rows;    /* ordered by (name, version) as the server does */
    struct browse_value *values[VERSION_PATHS_MAX]; /* beside rows, of the paths asked for */
    double *held; /* beside rows: bytes stored, where fewer than the size; NULL: nowhere fewer */
    struct browse_model *models; /* in the order of their rows */
    struct browse_alike *alike;  /* ordered by id */
    size_t count, room, model_count, model_room, alike_count, alike_room;
    size_t group_start; /* the first row of the newest model */
    int path_count;
    int widest_name, widest_version, widest_type, widest_optimization; /* terminal columns */
    int widest_value[VERSION_PATHS_MAX];
    bool worded[VERSION_PATHS_MAX]; /* not all values of that path are numbers */
    bool no_memory;                 /* rows are missing */
    struct arena scratch;
};

void browse_list_init(struct browse_list *list, struct browse_words *words, int path_count);
void browse_list_done(struct browse_list *list);

/* The first `limit` versions (0: all), each given to `list` as it comes. `paths` as in field.h. */
void browse_ask_list(struct browse_batch *batch, bool guest, int64_t limit,
                     const char *const paths[VERSION_PATHS_MAX], struct browse_list *list);
/*
 * The versions that come first in another order, each model of theirs as a whole: sorted by the same
 * keys they come first too, and what is behind them says nothing of the rest.
 */
enum { BROWSE_AHEAD_KEYS_MAX = 3, BROWSE_AHEAD_ROWS = 80, BROWSE_AHEAD_LIST_MAX = 4096 };
struct browse_ahead {
    const char *words[BROWSE_AHEAD_KEYS_MAX]; /* of numbers; NULL beyond `count` */
    bool descending[BROWSE_AHEAD_KEYS_MAX];
    int count; /* 0: no such order */
};
struct order;
/* Count 0 where the server cannot sort by these keys as order.h does: words are for the client. */
struct browse_ahead browse_ahead_by(const struct order *order);
/* More than BROWSE_AHEAD_LIST_MAX rows: they are not all. */
void browse_ask_ahead(struct browse_batch *batch, bool guest, const struct browse_ahead *ahead,
                      const char *const paths[VERSION_PATHS_MAX], struct browse_list *list);
/* How many of the first `count` places of the sorted list are known to be first. */
size_t browse_ahead_known(const struct browse_list *list, const struct order *order,
                          const uint32_t *places, size_t count);

/* One row of such an answer, a pg_row_fn. Never fails: a failure would ask libpq to cancel, which waits. */
bool browse_list_take(void *data, const struct pg_rows *rows, struct pare_error *err);
/* After the last row: the last model's changes find their base. */
void browse_list_end(struct browse_list *list);
MUST_CHECK bool browse_list_reserve(struct browse_list *list, size_t count);
/* `held` beside the rows, absent of those there are. */
MUST_CHECK bool browse_list_hold(struct browse_list *list);
/* Room for models of a list whose rows are being put in between, then their models found anew. */
MUST_CHECK bool browse_list_reserve_models(struct browse_list *list, size_t count);
void browse_list_regroup(struct browse_list *list, struct browse_model *fresh, size_t fresh_room);

/*
 * What has changed since a list was read: rows that differ or are new, to be worked into it. What is
 * not a matter of few rows in their places - a version deleted or renamed, hundreds at once - wants
 * the whole list again.
 */
struct browse_changes {
    struct browse_list rows;
    int64_t *after; /* for each row the id of the one before it; INT64_MIN: none */
    size_t after_room;
};
void browse_changes_init(struct browse_changes *changes, struct browse_words *words,
                         int path_count);
void browse_changes_done(struct browse_changes *changes);
/* `snapshot`: an answer to browse_ask_snapshot() from before the list was read. */
void browse_ask_changes(struct browse_batch *batch, bool guest, const char *snapshot,
                        const char *const paths[VERSION_PATHS_MAX], struct browse_changes *changes);
/* False, with the list as it was: it must be read as a whole. `before` is the list's state, `state`
 * the answer to a browse_ask_state() of the same request. */
bool browse_apply(struct browse_list *list, struct browse_changes *changes, const char *before,
                  const char *state);
/* Whether the pairs measured alike may differ between two states. */
bool browse_pairs_differ(const char *state, const char *other);

/* A row of the answer to that. */
struct browse_alike browse_read_alike(const struct pg_rows *rows, int row);
/* Whether one job judged both on the same examples. */
bool browse_is_paired(const struct browse_alike *alike);
void browse_ask_alike(struct browse_batch *batch, struct browse_list *list);
/* The pairs of `from`, which has none afterwards, in place of those of `list`. */
void browse_take_pairs(struct browse_list *list, struct browse_list *from);
const struct browse_alike *browse_alike(const struct browse_list *list, int64_t id);

/* The row as filters and sort keys know it; strings in the pool. `created` has room for its text. */
enum { BROWSE_TIME_ROOM = 32 };
void browse_version(const struct browse_list *list, size_t row, char *created,
                    struct version *ret_version);
const char *browse_word(const struct browse_list *list, uint32_t word); /* "" when absent */
double browse_stored(const struct browse_list *list, const struct browse_row *row); /* NAN: none */
const char *browse_name(const struct browse_list *list, const struct browse_row *row);
/* What the row's changes are against, which may be itself; NULL while its model is coming in. */
const struct browse_row *browse_base(const struct browse_list *list, const struct browse_row *row);

/* ---- one version ---- */

enum { BROWSE_FACTS = 4, BROWSE_FACTS_GUEST = 2 }; /* statements of browse_ask_facts() */
struct browse_facts {
    struct version version; /* id 0: it is gone; without its JSON: browse_family.h */
    int64_t stored_bytes;   /* -1: none in model_data */
    const char *sha256;     /* hex, or NULL when there is nothing on record */
    bool recorded, inline_bytes, folder;
    int64_t recorded_bytes;
    const char *parent_name, *parent_version, *recipe, *maker, *made_at;
    bool parent_is_there;
    struct default_event *events; /* of its model, newest first */
    size_t event_count;
};
void browse_ask_facts(struct browse_batch *batch, bool guest, int64_t id, const char *name);
MUST_CHECK bool browse_take_facts(struct pg_rows *const *rows, bool guest, struct arena *arena,
                                  struct browse_facts *ret_facts, struct pare_error *err);

/* ---- the default ---- */

/* default_look() in two halves; `check_bytes` also judges on the server whether they are intact. */
struct browse_look {
    struct promotion promotion; /* to.id 0: the version is gone */
    bool bytes_changed;
    bool alike; /* both measured under the same conditions on the same data: */
    double latency_ms, base_latency_ms, accuracy, base_accuracy;
    bool latency_open, accuracy_open, accuracy_paired; /* as struct browse_alike has them */
};
void browse_ask_look(struct browse_batch *batch, const char *name, const char *version,
                     int64_t default_id, int64_t check_bytes_id);
MUST_CHECK bool browse_take_look(struct pg_rows *const *rows, size_t count, struct arena *arena,
                                 struct browse_look *ret_look, struct pare_error *err);

/* What a rollback would go back to; rev 0 when there is nothing. */
void browse_ask_undoable(struct browse_batch *batch, const char *name);
void browse_take_undoable(struct pg_rows *const *rows, struct arena *arena,
                          struct undoable *ret_undoable, int64_t *ret_from_id);

/* default_set() in two halves; then default_set_take(). */
MUST_CHECK bool browse_ask_set(struct browse_batch *batch, const struct registry *registry,
                               const struct promotion *promotion,
                               const struct default_change *change, struct pare_error *err);

#endif
