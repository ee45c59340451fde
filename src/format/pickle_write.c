/* SPDX-License-Identifier: MIT */
/* Values back into a pickle of protocol 2. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/pickle.h"

enum { BATCH = 2000 }; /* items on the stack at a time: of a dict 1000 pairs, as Python has it */

void pickle_put_op(struct pickle_writer *w, char op)
{
    buf_char(w->buf, op);
}

static void put_bytes(struct pickle_writer *w, uint64_t number, int count)
{
    for (int i = 0; i < count; i++)
        buf_char(w->buf, (char)(number >> 8 * i));
}

void pickle_put_int(struct pickle_writer *w, int64_t number)
{
    if (number >= 0 && number <= UINT8_MAX) {
        buf_char(w->buf, 'K');
        put_bytes(w, (uint64_t)number, 1);
    } else if (number >= 0 && number <= UINT16_MAX) {
        buf_char(w->buf, 'M');
        put_bytes(w, (uint64_t)number, 2);
    } else if (number >= INT32_MIN && number <= INT32_MAX) {
        buf_char(w->buf, 'J');
        put_bytes(w, (uint64_t)number, 4);
    } else {
        buf_add(w->buf, "\x8a\x08", 2);
        put_bytes(w, (uint64_t)number, 8);
    }
}

static void put_text(struct pickle_writer *w, const char *text, size_t length)
{
    buf_char(w->buf, 'X');
    put_bytes(w, length, 4);
    buf_add(w->buf, text, length);
}

void pickle_put_text(struct pickle_writer *w, const char *text)
{
    put_text(w, text, strlen(text));
}

void pickle_put_global(struct pickle_writer *w, const char *global)
{
    size_t module = strcspn(global, " ");
    buf_printf(w->buf, "c%.*s\n%s\n", (int)module, global, global + module + 1);
}

void pickle_put_tuple(struct pickle_writer *w, const int64_t *numbers, int count)
{
    buf_char(w->buf, '(');
    for (int i = 0; i < count; i++)
        pickle_put_int(w, numbers[i]);
    buf_char(w->buf, 't');
}

/* Give what is on top a number, by which it is recalled. */
static void remember(struct pickle_writer *w, const struct pickle_value *value)
{
    bool small = w->memo_count <= UINT8_MAX;
    buf_char(w->buf, small ? 'q' : 'r');
    put_bytes(w, w->memo_count, small ? 1 : 4);
    w->memos[value->id] = ++w->memo_count;
}

static void recall(struct pickle_writer *w, const struct pickle_value *value)
{
    size_t number = w->memos[value->id] - 1;
    bool small = number <= UINT8_MAX;
    buf_char(w->buf, small ? 'h' : 'j');
    put_bytes(w, number, small ? 1 : 4);
}

static void put_scalar(struct pickle_writer *w, const struct pickle_value *value)
{
    switch (value->kind) {
    case PICKLE_BOOL:
        buf_char(w->buf, value->number ? '\x88' : '\x89');
        break;
    case PICKLE_INT:
        if (!value->text) {
            pickle_put_int(w, value->number);
            break;
        }
        buf_char(w->buf, '\x8a');
        put_bytes(w, value->length, 1);
        buf_add(w->buf, value->text, value->length);
        break;
    case PICKLE_FLOAT:
        buf_char(w->buf, 'G');
        buf_add(w->buf, value->text, 8);
        break;
    case PICKLE_TEXT:
        put_text(w, value->text, value->length);
        break;
    case PICKLE_BYTES:
        buf_char(w->buf, 'U');
        put_bytes(w, value->length, 1);
        buf_add(w->buf, value->text, value->length);
        break;
    case PICKLE_GLOBAL:
        pickle_put_global(w, value->text);
        break;
    default:
        buf_char(w->buf, 'N');
    }
}

static bool put_items(struct pickle_writer *w, const struct pickle_value *value, size_t start,
                      size_t end, struct pare_error *err)
{
    for (size_t i = start; i < end; i++)
        if (!pickle_put(w, value->items[i], err) ||
            (w->more && value->kind == PICKLE_DICT && i % 2 &&
             !w->more(w, value->items[i - 1], value->items[i], err)))
            return false;
    return true;
}

/* Lists and dicts are remembered before they are filled, for they may hold themselves. */
static bool put_filled(struct pickle_writer *w, const struct pickle_value *value,
                       struct pare_error *err)
{
    bool list = value->kind == PICKLE_LIST;
    if (value->ordered) {
        pickle_put_global(w, "collections OrderedDict");
        buf_text(w->buf, ")R");
    } else {
        buf_char(w->buf, list ? ']' : value->kind == PICKLE_SET ? '\x8f' : '}');
    }
    remember(w, value);
    for (size_t i = 0; i < value->count; i += BATCH) {
        buf_char(w->buf, '(');
        if (!put_items(w, value, i, MIN(i + BATCH, value->count), err))
            return false;
        buf_char(w->buf, list ? 'e' : 'u');
    }
    return true;
}

static bool put_compound(struct pickle_writer *w, const struct pickle_value *value,
                         struct pare_error *err)
{
    bool done = false;
    if (w->replace && !w->replace(w, value, &done, err))
        return false;
    if (!done && value->kind != PICKLE_TUPLE && value->kind < PICKLE_CALL)
        return put_filled(w, value, err);
    if (!done) {
        if (value->kind == PICKLE_TUPLE)
            buf_char(w->buf, '(');
        if (!put_items(w, value, 0, value->count, err))
            return false;
        buf_char(w->buf, value->kind == PICKLE_TUPLE  ? 't'
                         : value->kind == PICKLE_CALL ? (value->fresh ? '\x81' : 'R')
                                                      : 'Q');
    }
    remember(w, value);
    return true;
}

bool pickle_put(struct pickle_writer *w, const struct pickle_value *value, struct pare_error *err)
{
    if (w->memos[value->id]) {
        recall(w, value);
        return true;
    }
    if (w->depth == PICKLE_DEPTH_MAX)
        return error_set(err, PARE_ERR_REFUSED, "values more than %d deep", PICKLE_DEPTH_MAX);
    w->depth++;
    bool ok = true;
    if (value->kind < PICKLE_TUPLE || value->kind == PICKLE_GLOBAL)
        put_scalar(w, value);
    else
        ok = put_compound(w, value, err);
    if (ok && value->state) {
        ok = pickle_put(w, value->state, err);
        buf_char(w->buf, 'b');
    }
    w->depth--;
    return ok;
}

bool pickle_write(struct pickle_writer *w, const struct pickle *pickle, struct pare_error *err)
{
    w->memos = calloc(pickle->value_count + 1, sizeof(*w->memos));
    if (!w->memos)
        return error_no_memory(err, pickle->value_count * sizeof(*w->memos));
    buf_add(w->buf, "\x80\x02", 2);
    bool ok = pickle_put(w, pickle->root, err);
    free(w->memos);
    buf_char(w->buf, '.');
    return ok && buf_ok(w->buf, err);
}
