/* SPDX-License-Identifier: MIT */
/*
 * Bytes that grow, up to a ceiling given at birth, so that a lying length in
 * a file meets a named limit and not the allocator.
 *
 * Appending never fails at the call: the first failure sticks, later appends
 * do nothing, and buf_ok() tells it once at the end.
 */
#ifndef PARE_BASE_BUF_H
#define PARE_BASE_BUF_H

#include <stdarg.h>

#include "base/base.h"

struct pare_error;

struct buf {
    char *data; /* NULL while empty; zero-terminated after any append */
    size_t length;
    size_t capacity, ceiling;
    bool over_ceiling, no_memory;
};

void buf_init(struct buf *buf, size_t ceiling);
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory and the ceiling, forgets a failure */

void buf_add(struct buf *buf, const void *bytes, size_t length);
void buf_text(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list args);

/* The text so far, never NULL. Valid until the next append. */
const char *buf_string(const struct buf *buf);

/* Room for `length` bytes at the end for the caller to fill, already counted; NULL on failure. */
char *buf_grow(struct buf *buf, size_t length);

/* False, and `err` says why, when an append did not fit or memory ended. */
MUST_CHECK bool buf_ok(const struct buf *buf, struct pare_error *err);

#endif
