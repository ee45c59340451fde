/* SPDX-License-Identifier: MIT */
/*
 * Which rows are shown, and in which order: a filter that may be half typed, and a sort key.
 *
 * The last expression that made sense stays in force until another one does. Nothing is
 * asked of the server, but for JSON values that no earlier expression wanted.
 */
#ifndef PARE_TUI_SIFT_H
#define PARE_TUI_SIFT_H

#include "base/arena.h"
#include "pare/error.h"
#include "registry/filter.h"
#include "tui/rows.h"

/* X(name, word of `pare list --sort`, title, begins descending) */
#define SIFT_KEYS(X)                                                                               \
    X(NAME, "name,version", "name", false)                                                         \
    X(SIZE, "size", "size", false)                                                                 \
    X(LATENCY, "latency", "latency", false)                                                        \
    X(ACCURACY, "accuracy", "accuracy", true)                                                      \
    X(CREATED, "created", "newest", true)

enum sift_key {
#define SIFT_ENUM(name, word, title, descending) SIFT_##name,
    SIFT_KEYS(SIFT_ENUM)
#undef SIFT_ENUM
        SIFT_COUNT,
};

struct sift_parsed {
    struct arena arena;
    struct filter filter;
    struct field_paths paths;
    char text[512];
};

struct sift {
    struct sift_parsed good; /* in force */
    struct sift_parsed next; /* parsed, waiting for its JSON values */
    bool waiting;
    struct pare_error error; /* of what is typed now; code 0: none */
    size_t error_column;     /* from 1 */

    enum sift_key key;
    bool turned; /* against the key's own direction */

    uint32_t *index; /* places in the list */
    size_t count, room;
    size_t seen; /* rows of the list judged so far */
    unsigned generation;
};

void sift_done(struct sift *sift);

/* What is typed has changed. True when another list is in force now. */
bool sift_type(struct sift *sift, struct rows *rows, const char *text);

/* Judge what is new. True when rows known before have other places now. */
bool sift_update(struct sift *sift, struct rows *rows);

/* Sort anew, all of it. */
void sift_sort(struct sift *sift, struct rows *rows, enum sift_key key, bool turned);
bool sift_is_descending(const struct sift *sift);
const char *sift_word(enum sift_key key);
const char *sift_title(enum sift_key key);

#endif
