/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void buf_init(struct buf *buf, size_t ceiling)
{
    *buf = (struct buf){ .ceiling = ceiling };
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->ceiling);
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->over_ceiling = buf->no_memory = false;
    if (buf->data)
        buf->data[0] = '\0';
}

char *buf_grow(struct buf *buf, size_t length)
{
    if (buf->over_ceiling || buf->no_memory)
        return NULL;
    if (length > buf->ceiling - buf->length) {
        buf->over_ceiling = true;
        return NULL;
    }
    size_t wanted = buf->length + length;
    if (wanted + 1 > buf->capacity) {
        size_t capacity = MAX(wanted + 1, buf->capacity + buf->capacity / 2);
        char *data = realloc(buf->data, capacity);
        if (!data) {
            buf->no_memory = true;
            return NULL;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    char *room = buf->data + buf->length;
    buf->length = wanted;
    buf->data[wanted] = '\0';
    return room;
}

void buf_add(struct buf *buf, const void *bytes, size_t length)
{
    char *room = buf_grow(buf, length);
    if (room && length)
        memcpy(room, bytes, length);
}

void buf_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    char *room = length < 0 ? NULL : buf_grow(buf, (size_t)length);
    if (room)
        vsnprintf(room, (size_t)length + 1, fmt, again);
    va_end(again);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vprintf(buf, fmt, args);
    va_end(args);
}

const char *buf_string(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

bool buf_ok(const struct buf *buf, struct pare_error *err)
{
    if (buf->no_memory)
        return error_no_memory(err, buf->capacity);
    if (buf->over_ceiling)
        return error_set(err, PARE_ERR_FORMAT, "more than the limit of %zu bytes", buf->ceiling);
    return true;
}
