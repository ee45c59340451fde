/* SPDX-License-Identifier: MIT */
/* Bytes as base64 (RFC 4648), padded, in one line: how a terminal is handed what it may not interpret. */
#ifndef PARE_BASE_BASE64_H
#define PARE_BASE_BASE64_H

#include "base/base.h"

struct buf;

/* So long is what `length` bytes become. */
size_t base64_length(size_t length);

/* Appended to `to`. */
void base64_put(struct buf *to, const void *bytes, size_t length);

#endif
