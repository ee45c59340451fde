/* SPDX-License-Identifier: MIT */
#include "registry/filter_parse.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum { TERMS_MAX = 32, VALUES_MAX = 64 };

struct parser {
    const char *text, *at;
    struct field_paths *paths;
    struct arena *arena;
    struct pare_error *err;
};

static bool expected(struct parser *p, const char *what)
{
    return error_set(p->err, PARE_ERR_USAGE, "in \"%s\", at column %zu: %s was expected", p->text,
                     (size_t)(p->at - p->text) + 1, what);
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || (c && strchr("_.@-%/:", c));
}

static bool is_bytes(const struct field *field)
{
    return field->kind == FIELD_SIZE || field->kind == FIELD_STORED;
}

/* A unit behind a number, in the field's own: bytes, milliseconds, a share. */
static bool take_unit(struct parser *p, const struct field *field, double *value)
{
    static const struct {
        const char *name;
        enum field_kind kind;
        double factor;
    } units[] = {
        { "kB", FIELD_SIZE, 1e3 },  { "KB", FIELD_SIZE, 1e3 },     { "MB", FIELD_SIZE, 1e6 },
        { "GB", FIELD_SIZE, 1e9 },  { "TB", FIELD_SIZE, 1e12 },    { "B", FIELD_SIZE, 1 },
        { "ms", FIELD_LATENCY, 1 }, { "us", FIELD_LATENCY, 1e-3 }, { "s", FIELD_LATENCY, 1000 },
        { "pp", FIELD_JSON, 0.01 }, { "%", FIELD_JSON, 0.01 },
    };
    size_t length = 0;
    while (isalpha((unsigned char)p->at[length]) || p->at[length] == '%')
        length++;
    if (length == 0) {
        if (is_bytes(field) && !strstr(field->word, "_bytes"))
            *value *= 1e6;
        if (field->kind == FIELD_ACCURACY && *value > 1)
            *value /= 100;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        bool fits = units[i].kind == (is_bytes(field) ? FIELD_SIZE : field->kind) ||
                    units[i].kind == FIELD_JSON;
        if (fits && strlen(units[i].name) == length && !strncmp(units[i].name, p->at, length)) {
            *value *= units[i].factor;
            p->at += length;
            return true;
        }
    }
    return expected(p, is_bytes(field)                ? "a unit such as kB, MB or GB"
                       : field->kind == FIELD_LATENCY ? "a unit such as ms or s"
                                                      : "% or pp, or nothing,");
}

static bool take_number(struct parser *p, double *ret_number)
{
    char *end;
    if (!isdigit((unsigned char)*p->at) && !strchr(".-+", *p->at ? *p->at : 'x'))
        return expected(p, "a number");
    double number = strtod(p->at, &end);
    if (end == p->at || !isfinite(number) || strcspn(p->at, "xX") < (size_t)(end - p->at))
        return expected(p, "a number");
    p->at = end;
    *ret_number = number;
    return true;
}

/* default [* 0.5] [- 1pp] */
static bool take_default(struct parser *p, const struct field *field, struct filter_value *value)
{
    p->at += strlen("default");
    *value = (struct filter_value){ .of_default = true, .factor = 1, .number = NAN };
    for (;;) {
        const char *before = p->at;
        skip_blanks(p);
        char sign = *p->at;
        if (sign == '\0' || !strchr("*/+-", sign)) {
            p->at = before;
            return true;
        }
        p->at++;
        skip_blanks(p);
        double number;
        if (!take_number(p, &number))
            return false;
        if (sign == '*' || sign == '/') {
            if (sign == '/' && number == 0)
                return expected(p, "a number other than 0");
            value->factor = sign == '*' ? value->factor * number : value->factor / number;
            continue;
        }
        double signed_number = sign == '-' ? -number : number;
        if (*p->at == '%') {
            p->at++;
            value->factor *= 1 + signed_number / 100;
        } else {
            if (!take_unit(p, field, &signed_number))
                return false;
            value->offset += signed_number;
        }
    }
}

static bool take_quoted(struct parser *p, const char **ret_text)
{
    const char *start = ++p->at;
    while (*p->at && *p->at != '"')
        p->at++;
    if (!*p->at)
        return expected(p, "a closing quote");
    *ret_text = arena_strndup(p->arena, start, (size_t)(p->at - start));
    p->at++;
    return *ret_text || error_no_memory(p->err, 1);
}

static bool begins_default(const char *text)
{
    size_t length = strlen("default");
    return !strncmp(text, "default", length) && !isalnum((unsigned char)text[length]) &&
           text[length] != '_' && text[length] != '.';
}

static bool take_text(struct parser *p, const char **ret_text)
{
    const char *start = p->at;
    while (*p->at && !strchr(" \t,", *p->at))
        p->at++;
    if (p->at == start)
        return expected(p, "a value");
    *ret_text = arena_strndup(p->arena, start, (size_t)(p->at - start));
    return *ret_text || error_no_memory(p->err, 1);
}

static bool take_goal(struct parser *p, const char **ret_text)
{
    const char *start = p->at, *typed;
    if (!take_text(p, &typed))
        return false;
    *ret_text = field_goal_meant(typed);
    if (*ret_text)
        return true;
    p->at = start;
    return expected(p, "yes, no, ? or --");
}

static bool looks_numeric(const char *text)
{
    text += *text == '-' || *text == '+';
    text += *text == '.';
    return isdigit((unsigned char)*text);
}

static bool take_value(struct parser *p, const struct filter_term *term, struct filter_value *value)
{
    const struct field *field = &term->field;
    bool text_only = field_is_text(field) || field->kind == FIELD_GOAL || term->op >= FILTER_LIKE;
    bool ordered = term->op >= FILTER_LESS && term->op <= FILTER_AT_LEAST;
    *value = (struct filter_value){ .number = NAN };
    if (*p->at == '"')
        return take_quoted(p, &value->text);
    if (begins_default(p->at) && !text_only)
        return take_default(p, field, value);
    if (field->kind == FIELD_GOAL)
        return take_goal(p, &value->text);
    if (text_only || (field->kind == FIELD_JSON && !ordered && !looks_numeric(p->at)))
        return take_text(p, &value->text);
    const char *start = p->at;
    if (!take_number(p, &value->number) || !take_unit(p, field, &value->number))
        return false;
    if (*p->at && !strchr(" \t,", *p->at))
        return expected(p, "a blank or the end");
    value->text = arena_strndup(p->arena, start, (size_t)(p->at - start));
    return value->text || error_no_memory(p->err, 1);
}

static bool take_operator(struct parser *p, enum filter_operator *ret_op)
{
    static const struct {
        const char *sign;
        enum filter_operator op;
    } signs[] = {
        { "!=", FILTER_NOT_EQUAL }, { "!~", FILTER_NOT_LIKE }, { "<=", FILTER_AT_MOST },
        { ">=", FILTER_AT_LEAST },  { "==", FILTER_EQUAL },    { "=", FILTER_EQUAL },
        { "<", FILTER_LESS },       { ">", FILTER_MORE },      { "~", FILTER_LIKE },
    };
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
        size_t length = strlen(signs[i].sign);
        if (!strncmp(p->at, signs[i].sign, length)) {
            p->at += length;
            *ret_op = signs[i].op;
            return true;
        }
    }
    return false;
}

static bool take_values(struct parser *p, struct filter_term *term)
{
    struct filter_value values[VALUES_MAX];
    size_t count = 0;
    do {
        skip_blanks(p);
        if (count == VALUES_MAX)
            return expected(p, "fewer values");
        if (!take_value(p, term, &values[count++]))
            return false;
    } while (*p->at == ',' && *++p->at);
    term->values = arena_array(p->arena, count, sizeof(*values));
    if (!term->values)
        return error_no_memory(p->err, sizeof(values));
    memcpy(term->values, values, count * sizeof(*values));
    term->value_count = count;
    return true;
}

/* A word alone: `default`, or what name or version should contain. */
static bool bare_word(struct parser *p, const char *word, size_t length, struct filter_term *term)
{
    term->op = FILTER_IS;
    if (length == 7 && !strncmp(word, "default", 7))
        return field_find(word, length, p->paths, p->arena, &term->field, p->err);
    term->field = (struct field){ .kind = FIELD_NAME, .word = "name" };
    term->values = arena_array(p->arena, 1, sizeof(*term->values));
    if (!term->values)
        return error_no_memory(p->err, sizeof(*term->values));
    term->value_count = 1;
    term->values[0].text = arena_strndup(p->arena, word, length);
    return term->values[0].text || error_no_memory(p->err, length);
}

static bool take_term(struct parser *p, struct filter_term *term)
{
    *term = (struct filter_term){ 0 };
    const char *start = p->at;
    if (*p->at == '!') {
        term->negated = true;
        p->at++;
    }
    const char *word = p->at;
    while (is_word(*p->at))
        p->at++;
    size_t length = (size_t)(p->at - word);
    if (length == 0)
        return expected(p, "a field such as name, opt, size, lat or accuracy");
    const char *end = p->at;
    skip_blanks(p);
    if (take_operator(p, &term->op)) {
        if (!field_find(word, length, p->paths, p->arena, &term->field, p->err) ||
            !take_values(p, term))
            return false;
    } else {
        p->at = end;
        if (!bare_word(p, word, length, term))
            return false;
    }
    term->text = arena_strndup(p->arena, start, (size_t)(p->at - start));
    return term->text || error_no_memory(p->err, 1);
}

/* Terms stand apart: size<5default is a slip and not two conditions. */
static bool ends(struct parser *p)
{
    return !*p->at || *p->at == ' ' || *p->at == '\t' || expected(p, "a blank or the end");
}

bool filter_parse(const char *text, struct field_paths *paths, struct arena *arena,
                  struct filter *ret_filter, size_t *ret_column, struct pare_error *err)
{
    struct parser p = { .text = text, .at = text, .paths = paths, .arena = arena, .err = err };
    struct filter filter = { .terms = arena_array(arena, TERMS_MAX, sizeof(*filter.terms)) };
    if (!filter.terms)
        return error_no_memory(err, TERMS_MAX * sizeof(*filter.terms));
    bool ok = true;
    for (skip_blanks(&p); ok && *p.at; skip_blanks(&p)) {
        ok = filter.count < TERMS_MAX ? take_term(&p, &filter.terms[filter.count]) && ends(&p)
                                      : expected(&p, "fewer terms");
        for (size_t i = 0; ok && i < filter.terms[filter.count].value_count; i++)
            filter.uses_default |= filter.terms[filter.count].values[i].of_default;
        filter.count += ok;
    }
    if (!ok && ret_column)
        *ret_column = (size_t)(p.at - text) + 1;
    if (ok)
        *ret_filter = filter;
    return ok;
}
