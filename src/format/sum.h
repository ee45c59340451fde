/* SPDX-License-Identifier: MIT */
/*
 * A CRC-32 of bytes on their way into a sink. A zip file says it behind its members and once
 * more at its end, and what is written is known only when it has been written.
 */
#ifndef PARE_FORMAT_SUM_H
#define PARE_FORMAT_SUM_H

#include "format/sink.h"

struct sum_sink {
    struct sink sink;
    struct sink *inner; /* the caller's */
    uint32_t crc;
};

/* A sink for the next `length` bytes of `inner`; sink_end() says whether all came. Nothing to free. */
void sum_begin(struct sum_sink *sum, struct sink *inner, int64_t length, uint32_t crc);

MUST_CHECK bool sum_write(uint32_t crc, struct sink *sink, struct pare_error *err);

#endif
