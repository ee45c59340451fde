/* SPDX-License-Identifier: MIT */
#include "registry/gain.h"

#include <string.h>

/*
 * LZ4's format: a match of 4 bytes or more anywhere in the 64 KiB before costs a token and two bytes
 * of distance, and a byte for each 255 beyond 19; what lies between is copied, with one byte for each
 * 255 beyond 15.
 */
enum {
    SAMPLE_BYTES = 16 * 1024,
    SAMPLES = 4,
    MATCH_MIN = 4,
    MATCH_COST = 3,
    TABLE_BITS = 12,
};

static uint32_t four(const unsigned char *bytes)
{
    uint32_t four;
    memcpy(&four, bytes, sizeof(four));
    return four;
}

static size_t matching(const unsigned char *one, const unsigned char *other, size_t most)
{
    size_t length = 0;
    while (length < most && one[length] == other[length])
        length++;
    return length;
}

/* Bytes that a greedy search saves in these, at most SAMPLE_BYTES; it can be less than nothing. */
static long saved_in(const unsigned char *bytes, size_t length)
{
    uint16_t places[1 << TABLE_BITS] = { 0 };
    long saved = 0;
    size_t copied = 0, at = 1;
    while (at + MATCH_MIN <= length) {
        uint16_t *place = &places[four(bytes + at) * 2654435761U >> (32 - TABLE_BITS)];
        size_t match = matching(bytes + at, bytes + *place, length - at);
        *place = (uint16_t)at;
        if (match < MATCH_MIN) {
            at++;
            copied++;
            continue;
        }
        saved += (long)match - MATCH_COST - (long)(match / 255) - (long)(copied / 255);
        copied = 0;
        at += match;
    }
    return saved;
}

double gain_of(const void *bytes, size_t length)
{
    const unsigned char *from = bytes;
    long saved = 0;
    size_t looked_at = 0, step = length / SAMPLES;
    if (length <= (size_t)SAMPLES * SAMPLE_BYTES)
        step = SAMPLE_BYTES;
    for (size_t at = 0; at < length; at += step) {
        size_t part = MIN(length - at, SAMPLE_BYTES);
        saved += saved_in(from + at, part);
        looked_at += part;
    }
    return saved > 0 ? (double)saved / (double)looked_at : 0;
}

bool gain_is_worth_it(const void *bytes, size_t length)
{
    return gain_of(bytes, length) >= 0.1;
}
