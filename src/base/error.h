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

/* Describe a failure. Always false, so that `return error_set(...)` reads as what it does. */
bool error_set(struct pare_error *err, enum pare_error_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Put words and ": " before the text that is already there. Always false. */
bool error_prefix(struct pare_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The failure of a system call, from errno: "cannot open x: No such file". Always false. */
bool error_errno(struct pare_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Always false. */
bool error_no_memory(struct pare_error *err, size_t size);

#endif
