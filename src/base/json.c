/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

/* ---- judging ---- */

struct reader {
    const char *text;
    size_t length, at;
    struct pare_error *err;
    json_visit_fn *visit; /* NULL: only judging */
    void *data;
    struct buf path; /* of the value under way, while visiting */
    bool stopped;
};

enum { PATH_BYTES_MAX = 64 * 1024 };

/* One step down; returns what path_leave() wants to come back. */
static size_t path_enter(struct reader *r, const char *step, size_t length)
{
    size_t before = r->path.length;
    if (r->visit) {
        if (before)
            buf_char(&r->path, '.');
        buf_add(&r->path, step, length);
    }
    return before;
}

static void path_leave(struct reader *r, size_t before)
{
    if (r->visit && r->path.data) {
        r->path.length = before;
        r->path.data[before] = '\0';
    }
}

static void visit(struct reader *r, size_t start)
{
    if (r->visit && !r->stopped)
        r->stopped = !r->visit(r->data, buf_string(&r->path), r->text + start, r->at - start);
}

static bool bad(struct reader *r, const char *expected)
{
    if (r->at >= r->length)
        return error_set(r->err, PARE_ERR_FORMAT, "not JSON: it ends where %s was expected",
                         expected);
    return error_set(r->err, PARE_ERR_FORMAT, "not JSON: at byte %zu %s was expected", r->at + 1,
                     expected);
}

static int peek(const struct reader *r)
{
    return r->at < r->length ? (unsigned char)r->text[r->at] : -1;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->length && strchr(" \t\r\n", r->text[r->at]) && r->text[r->at])
        r->at++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool check_escape(struct reader *r)
{
    int c = peek(r);
    if (c > 0 && strchr("\"\\/bfnrt", c)) {
        r->at++;
        return true;
    }
    if (c != 'u')
        return bad(r, "an escape");
    r->at++;
    for (int i = 0; i < 4; i++, r->at++)
        if (!is_hex(peek(r)))
            return bad(r, "four hex digits");
    if (!strncmp(r->text + r->at - 4, "0000", 4))
        return error_set(r->err, PARE_ERR_FORMAT,
                         "not usable JSON: \\u0000 at byte %zu, which PostgreSQL cannot store",
                         r->at - 5);
    return true;
}

static bool check_string(struct reader *r)
{
    if (peek(r) != '"')
        return bad(r, "a string");
    size_t start = ++r->at;
    for (;; r->at++) {
        int c = peek(r);
        if (c == '"')
            break;
        if (c < 0x20)
            return bad(r, "the rest of a string");
        if (c == '\\') {
            r->at++;
            if (!check_escape(r))
                return false;
            r->at--;
        }
    }
    if (!text_is_utf8(r->text + start, r->at - start))
        return error_set(r->err, PARE_ERR_FORMAT, "not JSON: the string at byte %zu is not UTF-8",
                         start);
    r->at++;
    return true;
}

static bool check_digits(struct reader *r)
{
    if (!is_digit(peek(r)))
        return bad(r, "a digit");
    while (is_digit(peek(r)))
        r->at++;
    return true;
}

static bool check_number(struct reader *r)
{
    if (peek(r) == '-')
        r->at++;
    if (peek(r) == '0')
        r->at++;
    else if (!check_digits(r))
        return false;
    if (peek(r) == '.') {
        r->at++;
        if (!check_digits(r))
            return false;
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!check_digits(r))
            return false;
    }
    return true;
}

static bool check_word(struct reader *r, const char *word)
{
    size_t length = strlen(word);
    if (r->length - r->at < length || memcmp(r->text + r->at, word, length) != 0)
        return bad(r, "a value");
    r->at += length;
    return true;
}

static bool check_value(struct reader *r, int depth, enum json_kind *ret_kind);

/* The keys of one object, to find one that comes twice; sorted at the end. */
struct keys {
    struct key {
        const char *text;
        size_t length;
    } * list;
    size_t count, room;
};

static int by_key(const void *a, const void *b)
{
    const struct key *left = a, *right = b;
    int order = memcmp(left->text, right->text, MIN(left->length, right->length));
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

static bool keys_add(struct keys *keys, const char *text, size_t length, struct pare_error *err)
{
    if (keys->count == keys->room) {
        size_t room = keys->room ? 2 * keys->room : 8;
        struct key *list = realloc(keys->list, room * sizeof(*list));
        if (!list)
            return error_no_memory(err, room * sizeof(*list));
        keys->list = list;
        keys->room = room;
    }
    keys->list[keys->count++] = (struct key){ text, length };
    return true;
}

static bool keys_differ(struct keys *keys, struct pare_error *err)
{
    if (keys->count > 1)
        qsort(keys->list, keys->count, sizeof(*keys->list), by_key);
    for (size_t i = 1; i < keys->count; i++)
        if (by_key(&keys->list[i - 1], &keys->list[i]) == 0)
            return error_set(err, PARE_ERR_FORMAT, "not usable JSON: the key \"%.*s\" comes twice",
                             (int)MIN(keys->list[i].length, 60), keys->list[i].text);
    return true;
}

static bool check_members(struct reader *r, int depth, struct keys *keys)
{
    enum json_kind kind;
    do {
        skip_blanks(r);
        size_t start = r->at + 1;
        if (!check_string(r) || !keys_add(keys, r->text + start, r->at - 1 - start, r->err))
            return false;
        skip_blanks(r);
        if (peek(r) != ':')
            return bad(r, "a colon");
        r->at++;
        size_t before = path_enter(r, r->text + start, keys->list[keys->count - 1].length);
        if (!check_value(r, depth + 1, &kind))
            return false;
        path_leave(r, before);
        skip_blanks(r);
    } while (peek(r) == ',' && r->at++ < r->length);
    if (peek(r) != '}')
        return bad(r, "a comma or }");
    r->at++;
    return keys_differ(keys, r->err);
}

static bool check_object(struct reader *r, int depth)
{
    size_t start = r->at++;
    skip_blanks(r);
    if (peek(r) == '}') {
        r->at++;
        visit(r, start);
        return true;
    }
    struct keys keys = { 0 };
    bool ok = check_members(r, depth, &keys);
    free(keys.list);
    return ok;
}

static bool check_array(struct reader *r, int depth)
{
    enum json_kind kind;
    char step[24];
    size_t start = r->at++;
    skip_blanks(r);
    if (peek(r) == ']') {
        r->at++;
        visit(r, start);
        return true;
    }
    for (size_t i = 0;; i++) {
        size_t before = path_enter(r, step, (size_t)snprintf(step, sizeof(step), "%zu", i));
        if (!check_value(r, depth + 1, &kind))
            return false;
        path_leave(r, before);
        skip_blanks(r);
        if (peek(r) != ',')
            break;
        r->at++;
    }
    if (peek(r) != ']')
        return bad(r, "a comma or ]");
    r->at++;
    return true;
}

static bool check_scalar(struct reader *r, enum json_kind *ret_kind)
{
    switch (peek(r)) {
    case '"':
        *ret_kind = JSON_STRING;
        return check_string(r);
    case 't':
        *ret_kind = JSON_BOOL;
        return check_word(r, "true");
    case 'f':
        *ret_kind = JSON_BOOL;
        return check_word(r, "false");
    case 'n':
        *ret_kind = JSON_NULL;
        return check_word(r, "null");
    default:
        *ret_kind = JSON_NUMBER;
        if (peek(r) != '-' && !is_digit(peek(r)))
            return bad(r, "a value");
        return check_number(r);
    }
}

static bool check_value(struct reader *r, int depth, enum json_kind *ret_kind)
{
    if (depth > JSON_DEPTH_MAX)
        return error_set(r->err, PARE_ERR_FORMAT, "JSON nested deeper than %d", JSON_DEPTH_MAX);
    skip_blanks(r);
    if (peek(r) == '{') {
        *ret_kind = JSON_OBJECT;
        return check_object(r, depth);
    }
    if (peek(r) == '[') {
        *ret_kind = JSON_ARRAY;
        return check_array(r, depth);
    }
    size_t start = r->at;
    if (!check_scalar(r, ret_kind))
        return false;
    visit(r, start);
    return true;
}

static bool check_document(struct reader *r, enum json_kind *ret_kind)
{
    if (!check_value(r, 0, ret_kind))
        return false;
    skip_blanks(r);
    return r->at == r->length || bad(r, "the end");
}

bool json_check(const char *text, size_t length, enum json_kind *ret_kind, struct pare_error *err)
{
    struct reader r = { .text = text, .length = length, .err = err };
    enum json_kind kind;
    if (!check_document(&r, &kind))
        return false;
    *ret_kind = kind;
    return true;
}

bool json_walk(const char *text, size_t length, json_visit_fn *visit_fn, void *data,
               struct pare_error *err)
{
    struct reader r = {
        .text = text, .length = length, .err = err, .visit = visit_fn, .data = data
    };
    enum json_kind kind;
    buf_init(&r.path, PATH_BYTES_MAX);
    bool ok = check_document(&r, &kind) && buf_ok(&r.path, err);
    buf_done(&r.path);
    return ok;
}

/* ---- writing ---- */

void json_put_string(struct buf *buf, const char *text)
{
    if (!text) {
        buf_text(buf, "null");
        return;
    }
    buf_char(buf, '"');
    for (const char *p = text; *p;) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            buf_char(buf, '\\');
            buf_char(buf, *p++);
        } else if (c == '\n' || c == '\t') {
            buf_text(buf, c == '\n' ? "\\n" : "\\t");
            p++;
        } else if (c < 0x20 || c == 0x7F) {
            buf_printf(buf, "\\u%04x", c);
            p++;
        } else if (c < 0x80) {
            buf_char(buf, *p++);
        } else {
            size_t n = 1;
            while (n < 4 && ((unsigned char)p[n] & 0xC0) == 0x80)
                n++;
            bool valid = text_is_utf8(p, n);
            if (valid)
                buf_add(buf, p, n);
            else
                buf_text(buf, "\xEF\xBF\xBD");
            p += valid ? n : 1;
        }
    }
    buf_char(buf, '"');
}

void json_put_document(struct buf *buf, const char *text)
{
    size_t length = strlen(text);
    if (text_is_clean(text, length)) {
        buf_add(buf, text, length);
        return;
    }
    for (size_t i = 0; i < length;) {
        uint32_t code;
        size_t n = text_decode(text + i, length - i, &code);
        if (n == 0)
            buf_text(buf, "\xEF\xBF\xBD");
        else if (text_is_clean(text + i, n) || strchr("\n\t\r", text[i]))
            buf_add(buf, text + i, n);
        else
            buf_printf(buf, "\\u%04x", (unsigned)code);
        i += n ? n : 1;
    }
}

void json_put_number(struct buf *buf, double value)
{
    char digits[32];
    if (!isfinite(value)) {
        buf_text(buf, "null");
        return;
    }
    text_number(value, digits, sizeof(digits));
    buf_text(buf, digits);
}
