/* SPDX-License-Identifier: MIT */
#include "tui/outline_json.h"

#include <string.h>

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

/* Behind the string that begins at `at`, or the end. */
static const char *skip_string(const char *at, const char *end)
{
    const char *start = ++at;
    while (at < end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        size_t slashes = 0;
        if (!quote)
            return end;
        while (quote - slashes > start && quote[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        at = quote + 1;
        if (slashes % 2 == 0)
            return at;
    }
    return end;
}

/* Behind the object or array that begins at `at`, or the end. */
static const char *skip_nested(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
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
