/* SPDX-License-Identifier: MIT */
#include "format/sum.h"

#include "format/zip.h"

static bool summed_write(struct sink *sink, const void *bytes, size_t length,
                         struct pare_error *err)
{
    struct sum_sink *sum = (struct sum_sink *)sink;
    sum->crc = zip_crc(sum->crc, bytes, length);
    return sink_write(sum->inner, bytes, length, err);
}

static bool summed_end(struct sink *sink, struct pare_error *err)
{
    (void)sink;
    (void)err;
    return true;
}

static bool summed_cut(struct sink *sink, struct pare_error *err)
{
    return sink_cut(((struct sum_sink *)sink)->inner, err);
}

void sum_begin(struct sum_sink *sum, struct sink *inner, int64_t length, uint32_t crc)
{
    static const struct sink_ops ops = { NULL, summed_write, summed_end, NULL, NULL, summed_cut };
    *sum = (struct sum_sink){ .sink = { &ops, length }, .inner = inner, .crc = crc };
}

bool sum_write(uint32_t crc, struct sink *sink, struct pare_error *err)
{
    unsigned char bytes[4];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(crc >> 8 * i);
    return sink_write(sink, bytes, sizeof(bytes), err);
}
