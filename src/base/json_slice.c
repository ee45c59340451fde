/* SPDX-License-Identifier: MIT */
#include "base/json_slice.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* ---- where a value ends, in text that is known to be well formed ---- */

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

static const char *skip_nested(const char *at, const char *end)
{
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

static const char *skip_word(const char *at, const char *end)
{
    while (at < end && !strchr(",]} \t\r\n", *at))
        at++;
    return at;
}

static enum json_kind kind_of(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

static struct json_slice slice_at(const char *at, const char *end)
{
    enum json_kind kind = kind_of(*at);
    const char *after = kind == JSON_STRING                         ? skip_string(at, end)
                        : kind == JSON_OBJECT || kind == JSON_ARRAY ? skip_nested(at, end)
                                                                    : skip_word(at, end);
    return (struct json_slice){ at, (size_t)(after - at), kind };
}

bool json_slice(const char *text, size_t length, struct json_slice *ret_slice,
                struct pare_error *err)
{
    enum json_kind kind;
    if (!json_check(text, length, &kind, err))
        return false;
    *ret_slice = slice_at(skip_blanks(text, text + length), text + length);
    return true;
}

/* ---- members ---- */

struct json_members json_members(const struct json_slice *slice)
{
    if (slice->kind != JSON_OBJECT && slice->kind != JSON_ARRAY)
        return (struct json_members){ slice->text, slice->text };
    return (struct json_members){ slice->text + 1, slice->text + slice->length - 1 };
}

bool json_member(struct json_members *io_members, struct json_slice *ret_key,
                 struct json_slice *ret_value)
{
    const char *end = io_members->end, *at = skip_blanks(io_members->at, end);
    struct json_slice key = { at, 0, JSON_STRING };
    if (at >= end)
        return false;
    struct json_slice value = slice_at(at, end);
    at = skip_blanks(at + value.length, end);
    if (at < end && *at == ':') {
        key = value;
        at = skip_blanks(at + 1, end);
        value = slice_at(at, end);
        at = skip_blanks(at + value.length, end);
    }
    io_members->at = at < end ? at + 1 : end; /* past the comma */
    *ret_key = key;
    *ret_value = value;
    return true;
}

/* ---- scalars ---- */

static uint32_t hex4(const char *at)
{
    char digits[5] = { at[0], at[1], at[2], at[3], '\0' };
    return (uint32_t)strtoul(digits, NULL, 16);
}

static char *put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* The character of an escape at `*io_at`, behind the backslash; half a pair is U+FFFD. */
static uint32_t take_escape(const char **io_at, const char *end)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = *io_at, *known = strchr(from, *at);
    *io_at = at + 1;
    if (known)
        return (uint32_t)to[known - from];
    if (*at != 'u')
        return (uint32_t)*at;
    uint32_t code = hex4(at + 1);
    *io_at = at + 5;
    if (code < 0xD800 || code > 0xDFFF)
        return code;
    if (code > 0xDBFF || end - *io_at < 6 || (*io_at)[0] != '\\' || (*io_at)[1] != 'u')
        return 0xFFFD;
    uint32_t low = hex4(*io_at + 2);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0xFFFD;
    *io_at += 6;
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

/* Without quotes and escapes, which never makes it longer. */
static char *decode(const struct json_slice *string, char *to)
{
    const char *at = string->text + 1, *end = string->text + string->length - 1;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        to = put_utf8(to, take_escape(&at, end));
    }
    *to = '\0';
    return to;
}

char *json_slice_text(const struct json_slice *string, struct arena *arena)
{
    if (string->kind != JSON_STRING || string->length < 2)
        return arena_strdup(arena, "");
    char *text = arena_alloc(arena, string->length);
    if (text)
        decode(string, text);
    return text;
}

bool json_slice_is(const struct json_slice *string, const char *text)
{
    size_t length = strlen(text);
    if (string->kind != JSON_STRING || string->length < length + 2)
        return false;
    if (string->length == length + 2)
        return !memcmp(string->text + 1, text, length) && !memchr(text, '\\', length);
    if (string->length > 6 * length + 2) /* an escape is six bytes at most */
        return false;
    char *decoded = malloc(string->length);
    if (!decoded)
        return false;
    bool same = (size_t)(decode(string, decoded) - decoded) == length && !strcmp(decoded, text);
    free(decoded);
    return same;
}

bool json_slice_get(const struct json_slice *object, const char *key, struct json_slice *ret_value)
{
    struct json_members members = json_members(object);
    struct json_slice name, value;
    while (object->kind == JSON_OBJECT && json_member(&members, &name, &value))
        if (json_slice_is(&name, key)) {
            *ret_value = value;
            return true;
        }
    return false;
}

bool json_slice_int(const struct json_slice *number, int64_t *ret_value)
{
    const char *at = number->text, *end = at + number->length;
    bool negative = at < end && *at == '-';
    int64_t value = 0;
    if (number->kind != JSON_NUMBER)
        return false;
    for (at += negative; at < end; at++)
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *at - '0', &value))
            return false;
    if (!negative && value == INT64_MIN)
        return false;
    *ret_value = negative ? value : -value;
    return true;
}
