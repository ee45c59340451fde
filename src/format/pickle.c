/* SPDX-License-Identifier: MIT */
#include "format/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

/* Values by place: a stack that marks stand in, or what was remembered. */
struct shelf {
    struct pickle_value **values; /* NULL: a mark, or never put */
    size_t count, room;
};

struct machine {
    const unsigned char *bytes;
    size_t length, at;
    const char *const *allowed;
    struct arena *arena;
    struct shelf stack, memo;
    size_t value_count;
};

static bool bad(const struct machine *m, const char *what, struct pare_error *err)
{
    return error_set(err, PARE_ERR_FORMAT, "the pickle is damaged: at byte %zu %s", m->at, what);
}

static bool shelf_reach(struct shelf *shelf, size_t count, struct pare_error *err)
{
    if (count <= shelf->room)
        return true;
    size_t room = MAX(2 * shelf->room, MAX(count, (size_t)64));
    struct pickle_value **values = realloc(shelf->values, room * sizeof(struct pickle_value *));
    if (!values)
        return error_no_memory(err, room * sizeof(struct pickle_value *));
    memset(values + shelf->room, 0, (room - shelf->room) * sizeof(struct pickle_value *));
    shelf->values = values;
    shelf->room = room;
    return true;
}

/* ---- the stack ---- */

static bool push(struct machine *m, struct pickle_value *value, struct pare_error *err)
{
    if (m->stack.count == PICKLE_STACK_MAX)
        return error_set(err, PARE_ERR_REFUSED, "the pickle stacks more than %d values",
                         PICKLE_STACK_MAX);
    if (!shelf_reach(&m->stack, m->stack.count + 1, err))
        return false;
    m->stack.values[m->stack.count++] = value;
    return true;
}

/* The topmost value, which is no mark. */
static bool top(const struct machine *m, struct pickle_value **ret_value, struct pare_error *err)
{
    if (!m->stack.count || !m->stack.values[m->stack.count - 1])
        return bad(m, "a value is missing", err);
    *ret_value = m->stack.values[m->stack.count - 1];
    return true;
}

static bool pop(struct machine *m, struct pickle_value **ret_value, struct pare_error *err)
{
    if (!top(m, ret_value, err))
        return false;
    m->stack.count--;
    return true;
}

/* Take all above the last mark, and the mark; they stay readable until the next push. */
static bool pop_mark(struct machine *m, struct pickle_value ***ret_items, size_t *ret_count,
                     struct pare_error *err)
{
    size_t at = m->stack.count;
    while (at > 0 && m->stack.values[at - 1])
        at--;
    if (at == 0)
        return bad(m, "a mark is missing", err);
    *ret_items = m->stack.values + at;
    *ret_count = m->stack.count - at;
    m->stack.count = at - 1;
    return true;
}

static bool make(struct machine *m, enum pickle_kind kind, struct pickle_value **ret_value,
                 struct pare_error *err)
{
    if (m->arena->used_bytes > PICKLE_MEMORY_MAX)
        return error_set(err, PARE_ERR_REFUSED, "the pickle takes more than 1 GiB of memory");
    struct pickle_value *value = arena_alloc(m->arena, sizeof(*value));
    if (!value)
        return error_no_memory(err, sizeof(*value));
    value->kind = kind;
    value->id = ++m->value_count;
    *ret_value = value;
    return true;
}

static bool push_new(struct machine *m, enum pickle_kind kind, int64_t number,
                     struct pare_error *err)
{
    struct pickle_value *value;
    if (!make(m, kind, &value, err))
        return false;
    value->number = number;
    return push(m, value, err);
}

static bool add_items(struct machine *m, struct pickle_value *to, struct pickle_value **items,
                      size_t count, struct pare_error *err)
{
    size_t wanted = to->count + count;
    if (m->arena->used_bytes > PICKLE_MEMORY_MAX)
        return error_set(err, PARE_ERR_REFUSED, "the pickle takes more than 1 GiB of memory");
    if (wanted > to->room) {
        size_t room = MAX(wanted, 2 * to->room);
        struct pickle_value **more = arena_array(m->arena, room, sizeof(*items));
        if (!more)
            return error_no_memory(err, room * sizeof(*items));
        if (to->count)
            memcpy(more, to->items, to->count * sizeof(*items));
        arena_drop(m->arena, to->items);
        to->items = more;
        to->room = room;
    }
    if (count)
        memcpy(to->items + to->count, items, count * sizeof(*items));
    to->count = wanted;
    return true;
}

/* ---- what the instructions carry with them ---- */

static bool take(struct machine *m, size_t count, const unsigned char **ret_bytes,
                 struct pare_error *err)
{
    if (count > m->length - m->at)
        return bad(m, "it ends in the middle", err);
    *ret_bytes = m->bytes + m->at;
    m->at += count;
    return true;
}

static bool take_number(struct machine *m, size_t count, uint64_t *ret_number,
                        struct pare_error *err)
{
    const unsigned char *p;
    uint64_t number = 0;
    if (!take(m, count, &p, err))
        return false;
    for (size_t i = count; i-- > 0;)
        number = number << 8 | p[i];
    *ret_number = number;
    return true;
}

static bool push_bytes(struct machine *m, enum pickle_kind kind, size_t length,
                       struct pare_error *err)
{
    const unsigned char *p;
    struct pickle_value *value;
    if (!take(m, length, &p, err) || !make(m, kind, &value, err))
        return false;
    value->text = arena_strndup(m->arena, (const char *)p, length);
    value->length = length;
    if (!value->text)
        return error_no_memory(err, length);
    return push(m, value, err);
}

static bool push_text(struct machine *m, enum pickle_kind kind, size_t length_bytes,
                      struct pare_error *err)
{
    uint64_t length;
    return take_number(m, length_bytes, &length, err) && push_bytes(m, kind, length, err);
}

/* LONG1: so many bytes, lowest first, the highest bit the sign. */
static bool push_long(struct machine *m, struct pare_error *err)
{
    uint64_t length, bits = 0;
    const unsigned char *p;
    if (!take_number(m, 1, &length, err))
        return false;
    if (length > 8)
        return push_bytes(m, PICKLE_INT, length, err);
    if (!take(m, length, &p, err))
        return false;
    if (length && p[length - 1] & 0x80)
        bits = UINT64_MAX;
    for (size_t i = length; i-- > 0;)
        bits = bits << 8 | p[i];
    return push_new(m, PICKLE_INT, (int64_t)bits, err);
}

static bool is_allowed(const struct machine *m, const char *global)
{
    for (size_t i = 0; m->allowed[i]; i++)
        if (!strcmp(m->allowed[i], global))
            return true;
    return false;
}

/* Two lines, module and name: the words that would run code. */
static bool push_global(struct machine *m, struct pare_error *err)
{
    const unsigned char *start = m->bytes + m->at, *end = m->bytes + m->length;
    const unsigned char *first = memchr(start, '\n', (size_t)(end - start));
    const unsigned char *second = first ? memchr(first + 1, '\n', (size_t)(end - first - 1)) : NULL;
    char name[PICKLE_GLOBAL_MAX + 2];
    struct pickle_value *value;
    if (!second || second - start > PICKLE_GLOBAL_MAX)
        return bad(m, "a global has no name, or one of more than 200 bytes", err);
    snprintf(name, sizeof(name), "%.*s %.*s", (int)(first - start), (const char *)start,
             (int)(second - first - 1), (const char *)first + 1);
    if (!is_allowed(m, name)) {
        *strchr(name, ' ') = '.';
        return error_set(err, PARE_ERR_REFUSED,
                         "its pickle calls for %s, which no state dict needs; nothing of it was "
                         "run. With torch, save the state_dict() alone",
                         name);
    }
    if (!make(m, PICKLE_GLOBAL, &value, err))
        return false;
    value->length = strlen(name);
    value->text = arena_strndup(m->arena, name, value->length);
    if (!value->text)
        return error_no_memory(err, value->length);
    m->at += (size_t)(second - start) + 1;
    return push(m, value, err);
}

/* ---- putting together ---- */

static bool push_tuple(struct machine *m, size_t count, struct pare_error *err)
{
    struct pickle_value *items[3], *tuple;
    for (size_t i = count; i-- > 0;)
        if (!pop(m, &items[i], err))
            return false;
    return make(m, PICKLE_TUPLE, &tuple, err) && add_items(m, tuple, items, count, err) &&
           push(m, tuple, err);
}

static bool push_marked_tuple(struct machine *m, struct pare_error *err)
{
    struct pickle_value **items, *tuple;
    size_t count;
    return pop_mark(m, &items, &count, err) && make(m, PICKLE_TUPLE, &tuple, err) &&
           add_items(m, tuple, items, count, err) && push(m, tuple, err);
}

/* To the list or dict on top: what is above the mark, or the one or two values above it. */
static bool append(struct machine *m, enum pickle_kind kind, bool marked, struct pare_error *err)
{
    struct pickle_value **items, *few[2], *to;
    size_t count = kind == PICKLE_DICT ? 2 : 1;
    if (marked) {
        if (!pop_mark(m, &items, &count, err))
            return false;
    } else {
        items = few;
        for (size_t i = count; i-- > 0;)
            if (!pop(m, &few[i], err))
                return false;
    }
    if (!top(m, &to, err))
        return false;
    if (to->kind != kind || (kind == PICKLE_DICT && count % 2))
        return bad(m, kind == PICKLE_DICT ? "no dict takes these" : "no list takes these", err);
    return add_items(m, to, items, count, err);
}

/* Nothing is called: an OrderedDict is a dict, all else a note of what would be. */
static bool call(struct machine *m, bool fresh, struct pare_error *err)
{
    struct pickle_value *items[2], *value;
    if (!pop(m, &items[1], err) || !pop(m, &items[0], err))
        return false;
    if (items[0]->kind != PICKLE_GLOBAL || items[1]->kind != PICKLE_TUPLE)
        return bad(m, "something is called that is no global", err);
    bool dict = pickle_is_global(items[0], "collections OrderedDict") && !items[1]->count;
    if (!make(m, dict ? PICKLE_DICT : PICKLE_CALL, &value, err))
        return false;
    value->ordered = dict;
    value->fresh = fresh && !dict;
    return (dict || add_items(m, value, items, 2, err)) && push(m, value, err);
}

static bool build(struct machine *m, struct pare_error *err)
{
    struct pickle_value *state, *to;
    if (!pop(m, &state, err) || !top(m, &to, err))
        return false;
    if (to->kind != PICKLE_DICT && to->kind != PICKLE_CALL)
        return bad(m, "a state is given to what has none", err);
    to->state = state;
    return true;
}

static bool push_persistent(struct machine *m, struct pare_error *err)
{
    struct pickle_value *id, *value;
    return pop(m, &id, err) && make(m, PICKLE_PERSISTENT, &value, err) &&
           add_items(m, value, &id, 1, err) && push(m, value, err);
}

/* ---- what is remembered ---- */

static bool put(struct machine *m, size_t length_bytes, struct pare_error *err)
{
    uint64_t index;
    struct pickle_value *value;
    if (!take_number(m, length_bytes, &index, err) || !top(m, &value, err))
        return false;
    if (index >= PICKLE_MEMO_MAX)
        return error_set(err, PARE_ERR_REFUSED, "the pickle remembers more than %d values",
                         PICKLE_MEMO_MAX);
    if (!shelf_reach(&m->memo, index + 1, err))
        return false;
    m->memo.values[index] = value;
    return true;
}

static bool get(struct machine *m, size_t length_bytes, struct pare_error *err)
{
    uint64_t index;
    if (!take_number(m, length_bytes, &index, err))
        return false;
    if (index >= m->memo.room || !m->memo.values[index])
        return bad(m, "something is recalled that was never put away", err);
    return push(m, m->memo.values[index], err);
}

/* ---- the instructions ---- */

static bool push_int(struct machine *m, size_t bytes, struct pare_error *err)
{
    uint64_t number;
    if (!take_number(m, bytes, &number, err))
        return false;
    return push_new(m, PICKLE_INT, bytes == 4 ? (int32_t)number : (int64_t)number, err);
}

static bool protocol(struct machine *m, struct pare_error *err)
{
    uint64_t number;
    if (!take_number(m, 1, &number, err))
        return false;
    if (number != 2)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "its pickle is of protocol %d, and 2 is what torch writes; load it with "
                         "torch and save it again",
                         (int)number);
    return true;
}

/* Those that take values from the stack, and those that remember. */
static bool step_on(struct machine *m, unsigned char op, struct pare_error *err)
{
    switch (op) {
    case 't':
        return push_marked_tuple(m, err);
    case 0x85:
        return push_tuple(m, 1, err);
    case 0x86:
        return push_tuple(m, 2, err);
    case 0x87:
        return push_tuple(m, 3, err);
    case 'a':
        return append(m, PICKLE_LIST, false, err);
    case 'e':
        return append(m, PICKLE_LIST, true, err);
    case 's':
        return append(m, PICKLE_DICT, false, err);
    case 'u':
        return append(m, PICKLE_DICT, true, err);
    case 'c':
        return push_global(m, err);
    case 'R':
        return call(m, false, err);
    case 0x81:
        return call(m, true, err);
    case 'b':
        return build(m, err);
    case 'Q':
        return push_persistent(m, err);
    case 'q':
        return put(m, 1, err);
    case 'r':
        return put(m, 4, err);
    case 'h':
        return get(m, 1, err);
    case 'j':
        return get(m, 4, err);
    }
    return error_set(err, PARE_ERR_REFUSED,
                     "its pickle has the instruction 0x%02x at byte %zu, which no state dict needs",
                     op, m->at - 1);
}

static bool step(struct machine *m, unsigned char op, struct pare_error *err)
{
    switch (op) {
    case 0x80:
        return protocol(m, err);
    case '(':
        return push(m, NULL, err);
    case 'N':
        return push_new(m, PICKLE_NONE, 0, err);
    case 0x88:
        return push_new(m, PICKLE_BOOL, 1, err);
    case 0x89:
        return push_new(m, PICKLE_BOOL, 0, err);
    case 'K':
        return push_int(m, 1, err);
    case 'M':
        return push_int(m, 2, err);
    case 'J':
        return push_int(m, 4, err);
    case 0x8a:
        return push_long(m, err);
    case 'G':
        return push_bytes(m, PICKLE_FLOAT, 8, err);
    case 'X':
        return push_text(m, PICKLE_TEXT, 4, err);
    case 'U':
        return push_text(m, PICKLE_BYTES, 1, err);
    case ')':
        return push_new(m, PICKLE_TUPLE, 0, err);
    case ']':
        return push_new(m, PICKLE_LIST, 0, err);
    case '}':
        return push_new(m, PICKLE_DICT, 0, err);
    case 0x8f:
        return push_new(m, PICKLE_SET, 0, err);
    default:
        return step_on(m, op, err);
    }
}

static bool run(struct machine *m, struct pickle_value **ret_value, struct pare_error *err)
{
    while (m->at < m->length) {
        unsigned char op = m->bytes[m->at++];
        if (op != '.') {
            if (!step(m, op, err))
                return false;
            continue;
        }
        if (m->stack.count != 1)
            return bad(m, "it stops with other than one value", err);
        return top(m, ret_value, err);
    }
    return bad(m, "it ends in the middle", err);
}

bool pickle_read(const unsigned char *bytes, size_t length, const char *const *allowed,
                 struct arena *arena, struct pickle *ret_pickle, struct pare_error *err)
{
    struct pickle pickle;
    struct machine m = { .bytes = bytes, .length = length, .allowed = allowed, .arena = arena };
    if (length > PICKLE_BYTES_MAX)
        return error_set(err, PARE_ERR_REFUSED, "a pickle of %zu bytes, %d are the most", length,
                         PICKLE_BYTES_MAX);
    bool ok = run(&m, &pickle.root, err);
    free(m.stack.values);
    free(m.memo.values);
    if (!ok)
        return false;
    pickle.value_count = m.value_count;
    *ret_pickle = pickle;
    return true;
}

bool pickle_is_global(const struct pickle_value *value, const char *global)
{
    return value->kind == PICKLE_GLOBAL && !strcmp(value->text, global);
}

const struct pickle_value *pickle_call(const struct pickle_value *value, const char *global)
{
    return value->kind == PICKLE_CALL && pickle_is_global(value->items[0], global) ? value->items[1]
                                                                                   : NULL;
}
