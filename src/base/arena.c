/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){ 0 };
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->newest;
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    arena_init(arena);
}

/* A block of its own for what is large, so that the tail of the newest one stays in use. */
static struct arena_block *add_block(struct arena *arena, size_t size)
{
    bool large = size > BLOCK_BYTES / 4;
    size_t block_size = large ? size : (size_t)BLOCK_BYTES;
    struct arena_block *block = malloc(sizeof(*block) + block_size);
    if (!block)
        return NULL;
    block->used = 0;
    block->size = block_size;
    if (large && arena->newest) {
        block->older = arena->newest->older;
        arena->newest->older = block;
    } else {
        block->older = arena->newest;
        arena->newest = block;
    }
    return block;
}

static void *take(struct arena *arena, size_t size, size_t align)
{
    struct arena_block *block = arena->newest;
    size_t start = block ? (block->used + align - 1) & ~(align - 1) : 0;
    if (!block || start > block->size || size > block->size - start) {
        if (size > SIZE_MAX / 2)
            return NULL;
        block = add_block(arena, size);
        if (!block)
            return NULL;
        start = 0;
    }
    block->used = start + size;
    arena->used_bytes += size;
    return block->bytes + start;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *memory = take(arena, size, _Alignof(max_align_t));
    return memory ? memset(memory, 0, size) : NULL;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : arena_alloc(arena, total);
}

/* A large block has `size` bytes for one allocation alone, and none of 16 KiB is ever so large. */
void arena_drop(struct arena *arena, void *memory)
{
    struct arena_block **at = &arena->newest;
    while (memory && *at && (*at)->bytes != memory)
        at = &(*at)->older;
    struct arena_block *block = memory ? *at : NULL;
    if (!block || block->used != block->size || block->size == BLOCK_BYTES)
        return;
    *at = block->older;
    arena->used_bytes -= block->size;
    free(block);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = take(arena, length + 1, 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    char *text = length < 0 ? NULL : take(arena, (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    va_end(args);
    return text;
}
