/* SPDX-License-Identifier: MIT */
/*
 * Errors travel up as values: set where the fact is known, prefixed once on
 * the way ("model.onnx: "), shown once. Texts are cleaned of control bytes
 * here, so that no name from a file or a row reaches a terminal raw.
 */
#ifndef PARE_BASE_ERROR_H
#define PARE_BASE_ERROR_H

#include "base/base.h"
#include "pare/error.h"

/*
 * All of these are false, so that `return error_set(...)` reads as what it does; macros, so that the
 * compiler knows it and sees which outputs a success leaves unset.
 */
static inline bool error_is_failure(void)
{
    return false;
}

/* Describe a failure: (err, code, "sentence", ...). */
#define error_set(err, ...) (error_write((err), __VA_ARGS__), error_is_failure())

/* Put words and ": " before the text that is already there: (err, "words", ...). */
#define error_prefix(err, ...) (error_write_prefix((err), __VA_ARGS__), error_is_failure())

/* The failure of a system call, from errno: (err, "cannot open %s", path). */
#define error_errno(err, ...) (error_write_errno((err), __VA_ARGS__), error_is_failure())

#define error_no_memory(err, size) (error_write_no_memory((err), (size)), error_is_failure())

void error_write(struct pare_error *err, enum pare_error_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void error_write_prefix(struct pare_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
void error_write_errno(struct pare_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
void error_write_no_memory(struct pare_error *err, size_t size);

#endif
