/* SPDX-License-Identifier: MIT */
#include "tui/outline_json.h"

#include <string.h>

/* What ends within so many bytes is the faster for being looked at one by one. */
enum { SHORT_BYTES = 8 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Each byte's highest bit where the byte is zero; above such a one perhaps of others too. */
static uint64_t zeros(uint64_t bytes)
{
    return (bytes - 0x0101010101010101) & ~bytes & 0x8080808080808080;
}

/*
 * To a byte that may matter, or near the end, eight at a time: a child may be megabytes long. In a
 * string that is " or a backslash; elsewhere " or one of [ ] { }, which with the bits of 0x26 are 0x7f.
 */
static const char *skip_plain(const char *at, const char *end, bool in_string)
{
    const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    for (uint64_t bytes; end - at >= (ptrdiff_t)sizeof(bytes); at += sizeof(bytes)) {
        memcpy(&bytes, at, sizeof(bytes));
        uint64_t found = zeros(bytes ^ 0x2222222222222222) |
                         (in_string ? zeros(bytes ^ 0x5c5c5c5c5c5c5c5c)
                                    : zeros((bytes | 0x2626262626262626) ^ 0x7f7f7f7f7f7f7f7f));
        if (found)
            return at + (little ? __builtin_ctzll(found) : __builtin_clzll(found)) / 8;
    }
    return at;
}

/* Behind the string that begins at `at`, or the end. */
static const char *skip_string(const char *at, const char *end)
{
    at++;
    for (int run = 0; at < end; run++) {
        if (run == SHORT_BYTES) {
            at = skip_plain(at, end, true);
            run = 0;
            continue;
        }
        char c = *at++;
        if (c == '"')
            return at;
        at += c == '\\' && at < end;
    }
    return end;
}

/* Behind the object or array that begins at `at`, or the end. */
static const char *skip_nested(const char *at, const char *end)
{
    size_t depth = 0;
    for (int run = 0; at < end; run++) {
        if (run == SHORT_BYTES) {
            at = skip_plain(at, end, false);
            run = 0;
            continue;
        }
        char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
            run = -1;
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            break;
    }
    return at;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at < end && *at == '"')
        return skip_string(at, end);
    if (at < end && (*at == '{' || *at == '['))
        return skip_nested(at, end);
    while (at < end && *at != ',' && *at != ']' && *at != '}' && !is_blank(*at))
        at++;
    return at;
}

void json_trim(const char **io_text, size_t *io_length)
{
    const char *end = *io_text + *io_length;
    *io_text = skip_blanks(*io_text, end);
    while (end > *io_text && is_blank(end[-1]))
        end--;
    *io_length = (size_t)(end - *io_text);
}

void json_step_into(struct json_step *step, const char *text, size_t length)
{
    *step = (struct json_step){ .at = text + (length > 0), .end = text + length };
    step->is_array = length > 0 && *text == '[';
    step->at = skip_blanks(step->at, step->end);
}

bool json_step_more(const struct json_step *step)
{
    return step->at < step->end && *step->at != '}' && *step->at != ']';
}

bool json_step_next(struct json_step *step)
{
    const char *end = step->end;
    if (!json_step_more(step))
        return false;
    step->key = NULL;
    if (!step->is_array) {
        if (*step->at != '"')
            return false;
        const char *behind = skip_string(step->at, end);
        step->key = step->at + 1;
        step->key_length = (size_t)(behind - step->key);
        if (step->key_length > 0 && behind[-1] == '"')
            step->key_length--;
        step->at = skip_blanks(behind, end);
        if (step->at == end || *step->at != ':')
            return false;
        step->at = skip_blanks(step->at + 1, end);
    }
    const char *behind = skip_value(step->at, end);
    step->value = step->at;
    step->value_length = (size_t)(behind - step->at);
    step->at = skip_blanks(behind, end);
    if (step->at < end && *step->at == ',')
        step->at = skip_blanks(step->at + 1, end);
    else if (step->value_length == 0)
        return false;
    return true;
}

bool json_has_children(const char *text, size_t length)
{
    struct json_step step;
    if (length == 0 || (*text != '{' && *text != '['))
        return false;
    json_step_into(&step, text, length);
    return json_step_more(&step);
}
