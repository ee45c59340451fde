/* SPDX-License-Identifier: MIT */
/*
 * All versions of the registry, loaded once and kept fresh.
 *
 * The first page comes before the rest, the rest as a stream that is shown while it
 * comes. In another order than the stream has, the first page is what the server says comes
 * first in it, and stays until all rows are there. Whether anything has changed is asked every other second: a question that costs
 * nothing while nobody writes on that server. The few rows that have are worked in; where
 * that does not do, the whole list is read beside the one that is shown and takes its place.
 */
#ifndef PARE_TUI_ROWS_H
#define PARE_TUI_ROWS_H

#include "registry/browse.h"
#include "registry/field.h"
#include "tui/link.h"

struct rows {
    struct link *link;
    struct browse_words words;
    struct browse_list shown, coming;
    struct browse_changes changes;
    const struct browse_list *list;    /* the one to look at: one of the two */
    unsigned generation;               /* another one, each time it is another list */
    bool whole;                        /* the list to look at has all versions */
    struct browse_ahead ahead;         /* the order to ask for first; count 0: as listed */
    bool is_ahead;                     /* the list to look at is what comes first in that order */
    bool loading, fresh;               /* fresh: equal to the registry at the last look */
    bool soon;                         /* look for changes when the request under way is over */
    bool owed;                         /* a whole list failed to come: again at the next look */
    bool again;                        /* read again when the request under way is over */
    bool no_state;                     /* this role may not ask for browse_state */
    bool refused;                      /* this role may not look, as of the last probe */
    char *snapshot, *state;            /* of when the list was right */
    size_t state_at;                   /* its place among the answers to come */
    struct field_paths wanted, loaded; /* JSON paths: of the next list, of the last one asked for */
    struct arena wanted_arena, loaded_arena;
    unsigned shown_paths,
        coming_paths; /* which paths the lists have: another number, other paths */
    int64_t probe_ms; /* when to look next */
    int64_t load_start_ms, load_took_ms;
    int64_t fresh_ms;        /* when it last was known to be fresh; 0: never */
    int64_t now_ms;          /* of the step under way */
    struct pare_error error; /* why there is nothing to look at; code 0: nothing wrong */
    bool changed;            /* what is drawn of it is old. The loop's to clear */
};

void rows_init(struct rows *rows, struct link *link);
void rows_done(struct rows *rows);

/* Ask what is due. */
void rows_step(struct rows *rows, int64_t now_ms);
int64_t rows_deadline(const struct rows *rows);

/* Look for changes now, as after a write of one's own. */
void rows_look_again(struct rows *rows);

/* Read all again. */
void rows_read_again(struct rows *rows);

/* Have these JSON values beside the rows. True when they are there already. */
bool rows_want_paths(struct rows *rows, const struct field_paths *paths);

/* Before anything is asked: the first page is to be the first of this order. Once there is one, or
 * another order is wished for: no more. */
void rows_begin_with(struct rows *rows, const struct browse_ahead *ahead);
void rows_end_ahead(struct rows *rows);

/* The list that comes in or is there, for its counts. */
const struct browse_list *rows_counted(const struct rows *rows);

/* The version of this id in the list to look at; NULL: none. */
const struct browse_row *rows_find(const struct rows *rows, int64_t id);

/* The id of a model's default as the list has it; 0: none. */
int64_t rows_default_id(const struct rows *rows, const char *name);

/* How long ago the list was known to be right, in milliseconds; -1: never. */
int64_t rows_age_ms(const struct rows *rows, int64_t now_ms);

#endif
