/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/arena.h"

static const char substitute_control[] = "\xC2\xB7";     /* U+00B7 */
static const char substitute_invalid[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* What would steer a terminal or reorder a line. */
static bool steers(utf8proc_int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C ||
           c == 0x2028 || c == 0x2029;
}

/* One code point, or -1 and one byte for what is no UTF-8. */
static size_t decode(const char *text, size_t length, utf8proc_int32_t *ret_code)
{
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, ret_code);
    if (n <= 0) {
        *ret_code = -1;
        return 1;
    }
    return (size_t)n;
}

/* The bytes that stand for the next character in clean text. */
static size_t clean_step(const char *from, size_t length, const char **ret_bytes, size_t *ret_count)
{
    utf8proc_int32_t code;
    size_t n = decode(from, length, &code);
    if (code < 0) {
        *ret_bytes = substitute_invalid;
        *ret_count = sizeof(substitute_invalid) - 1;
    } else if (steers(code)) {
        *ret_bytes = substitute_control;
        *ret_count = sizeof(substitute_control) - 1;
    } else {
        *ret_bytes = from;
        *ret_count = n;
    }
    return n;
}

size_t text_clean(const char *from, size_t length, char *to, size_t room)
{
    size_t used = 0;
    while (length > 0) {
        const char *bytes;
        size_t count;
        size_t step = clean_step(from, length, &bytes, &count);
        if (used + count + 1 > room)
            break;
        memcpy(to + used, bytes, count);
        used += count;
        from += step;
        length -= step;
    }
    if (room > 0)
        to[used] = '\0';
    return used;
}

char *text_clean_dup(struct arena *arena, const char *from)
{
    if (!from)
        return NULL;
    size_t length = strlen(from);
    if (text_is_clean(from, length))
        return arena_strndup(arena, from, length);
    char *to = arena_alloc(arena, 3 * length + 1);
    if (to)
        text_clean(from, length, to, 3 * length + 1);
    return to;
}

size_t text_decode(const char *text, size_t length, uint32_t *ret_code)
{
    utf8proc_int32_t code;
    size_t n = decode(text, length, &code);
    if (code < 0)
        return 0;
    *ret_code = (uint32_t)code;
    return n;
}

bool text_is_utf8(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        utf8proc_int32_t code;
        i += decode(text + i, length - i, &code);
        if (code <= 0)
            return false;
    }
    return true;
}

bool text_is_clean(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c < 0x7F) {
            i++;
            continue;
        }
        utf8proc_int32_t code;
        i += decode(text + i, length - i, &code);
        if (code < 0 || steers(code))
            return false;
    }
    return true;
}

size_t text_cluster(const char *text, size_t length, int *ret_columns)
{
    *ret_columns = 0;
    if (length == 0)
        return 0;
    utf8proc_int32_t code, next, state = 0;
    size_t used = decode(text, length, &code);
    int columns = code < 0 ? 1 : utf8proc_charwidth(code);
    while (used < length) {
        size_t n = decode(text + used, length - used, &next);
        if (code < 0 || next < 0 || utf8proc_grapheme_break_stateful(code, next, &state))
            break;
        /* VS16 asks for the emoji form, which terminals draw two columns wide. */
        int wide = next == 0xFE0F ? 2 : utf8proc_charwidth(next);
        columns = MAX(columns, wide);
        code = next;
        used += n;
    }
    *ret_columns = MIN(columns, 2);
    return used;
}

size_t text_fit(const char *text, int columns, int *ret_columns)
{
    size_t length = strlen(text), used = 0;
    int width = 0, step_width;
    for (size_t step; (step = text_cluster(text + used, length - used, &step_width)) > 0;) {
        if (width + step_width > columns)
            break;
        width += step_width;
        used += step;
    }
    if (ret_columns)
        *ret_columns = width;
    return used;
}

size_t text_line(const char *text, int columns)
{
    size_t length = text_fit(text, columns, NULL), cut = length;
    if (!text[length])
        return length;
    while (cut > 0 && text[cut] != ' ')
        cut--;
    return cut > 0 ? cut : length;
}

int text_lines(const char *text, int columns)
{
    int count = 0;
    do {
        size_t length = text_line(text, columns);
        if (length == 0 && *text)
            length = strlen(text); /* not one character fits */
        text += length + (text[length] == ' ');
        count++;
    } while (*text);
    return count;
}

int text_width(const char *text)
{
    int width;
    text_fit(text, INT32_MAX / 2, &width);
    return width;
}

bool text_glob(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

void text_size(int64_t bytes, char *to, size_t room)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    double value = (double)bytes;
    size_t unit = 0;
    while (fabs(value) >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
        value /= 1000;
        unit++;
    }
    int decimals = unit == 0 ? 0 : fabs(value) < 9.995 ? 2 : fabs(value) < 99.95 ? 1 : 0;
    snprintf(to, room, "%.*f %s", decimals, value, units[unit]);
}

void text_number(double value, char *to, size_t room)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(to, room, "%.*g", digits, value);
        if (strtod(to, NULL) == value)
            return;
    }
}

bool text_to_double(const char *text, double *ret_value)
{
    char *end;
    if (!*text || strchr(" \t\n\v\f\r", *text))
        return false;
    double value = strtod(text, &end);
    if (*end || !isfinite(value) || strpbrk(text, "xXnN"))
        return false;
    *ret_value = value;
    return true;
}

bool text_to_int64(const char *text, int64_t *ret_value)
{
    char *end;
    if (!*text || strchr(" \t\n\v\f\r+", *text))
        return false;
    errno = 0;
    intmax_t value = strtoimax(text, &end, 10);
    if (*end || errno == ERANGE || value < INT64_MIN || value > INT64_MAX)
        return false;
    *ret_value = value;
    return true;
}
