/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include "base/buf.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_length(size_t length)
{
    return (length / 3 + (length % 3 != 0)) * 4;
}

void base64_put(struct buf *to, const void *bytes, size_t length)
{
    const unsigned char *from = bytes;
    for (size_t i = 0; i < length; i += 3) {
        size_t count = MIN(length - i, (size_t)3);
        unsigned group = (unsigned)from[i] << 16 | (count > 1 ? (unsigned)from[i + 1] << 8 : 0) |
                         (count > 2 ? from[i + 2] : 0);
        const char four[4] = { letters[group >> 18], letters[group >> 12 & 63],
                               count > 1 ? letters[group >> 6 & 63] : '=',
                               count > 2 ? letters[group & 63] : '=' };
        buf_add(to, four, sizeof(four));
    }
}
