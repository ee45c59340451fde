/* SPDX-License-Identifier: MIT */
/*
 * A lifetime: what is allocated together goes together, with one arena_done().
 *
 * Used for rows of a view, options of a command, the tensors of a model's
 * index. An arena is not shared between threads.
 */
#ifndef PARE_BASE_ARENA_H
#define PARE_BASE_ARENA_H

#include "base/base.h"

struct arena_block;

struct arena {
    struct arena_block *newest;
    size_t used_bytes; /* by callers; what malloc adds is not counted */
};

/* The zeroed struct is an empty arena too. */
void arena_init(struct arena *arena);
void arena_done(struct arena *arena);

/* Zeroed, aligned for any type, lives until arena_done(). NULL when memory ends. */
void *arena_alloc(struct arena *arena, size_t size);

/* count * size with the overflow checked: NULL as if memory had ended. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/*
 * Give an allocation back before the others, as an array that has moved on. Of what is large; small
 * ones share their memory and stay. NULL is fine.
 */
void arena_drop(struct arena *arena, void *memory);

/* Copies with a final zero. `text` NULL gives NULL. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
