/* SPDX-License-Identifier: MIT */
#include "tui/outline.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "tui/outline_json.h"
#include "tui/theme.h"

/* What unfolds at first: nodes of so many bytes, in a document until so many lines are there. */
enum {
    SMALL_BYTES = 300,
    SMALL_ROWS = 200,
    SMALL_CHILDREN = 60,
    FACT_MAX = 1000,
    LABEL_MAX = 40,
    PIECE_BYTES = 2000
};

void outline_done(struct outline *o)
{
    arena_done(&o->arena);
    free(o->rows);
    *o = (struct outline){ 0 };
}

/* ---- rows ---- */

static uint64_t hash(uint64_t path, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    path ^= 0xff;
    for (size_t i = 0; i < length; i++)
        path = (path ^ at[i]) * 0x100000001b3ULL;
    return path * 0x100000001b3ULL;
}

/* `count` rows of nothing at `at`; NULL when there is no room. */
static struct outline_row *insert(struct outline *o, size_t at, size_t count)
{
    if (o->count + count > OUTLINE_ROWS_MAX) {
        o->no_room = true;
        return NULL;
    }
    if (o->count + count > o->room) {
        size_t room = MAX(2 * o->room, MAX(o->count + count, (size_t)64));
        struct outline_row *rows = realloc(o->rows, room * sizeof(*rows));
        if (!rows) {
            o->no_room = true;
            return NULL;
        }
        o->rows = rows;
        o->room = room;
    }
    memmove(o->rows + at + count, o->rows + at, (o->count - at) * sizeof(*o->rows));
    o->count += count;
    memset(o->rows + at, 0, count * sizeof(*o->rows));
    return o->rows + at;
}

static void take_away(struct outline *o, size_t at, size_t count)
{
    memmove(o->rows + at, o->rows + at + count, (o->count - at - count) * sizeof(*o->rows));
    o->count -= count;
}

static size_t end_of(const struct outline *o, size_t row)
{
    size_t end = row + 1;
    while (end < o->count && o->rows[end].depth > o->rows[row].depth)
        end++;
    return end;
}

/* The row that this one is a part of; itself when it is of none. */
static size_t parent_of(const struct outline *o, size_t row)
{
    size_t at = row;
    while (at > 0 && o->rows[at].depth >= o->rows[row].depth)
        at--;
    return o->rows[at].depth < o->rows[row].depth ? at : row;
}

static void measure(struct outline *o, const struct outline_row *row)
{
    int width = row->label ? (int)MIN(row->label_length, (size_t)LABEL_MAX) : 6;
    if (row->kind == OUTLINE_FACT || row->kind == OUTLINE_VALUE || row->kind == OUTLINE_NODE)
        o->widest = MAX(o->widest, 2 * MIN(row->depth, LABEL_MAX / 2) + width);
}

/* ---- making it ---- */

void outline_begin(struct outline *o)
{
    if (o->scroll.cursor < o->count)
        o->cursor_path = o->rows[o->scroll.cursor].path;
    arena_done(&o->arena);
    o->count = 0;
    o->widest = 0;
    o->no_room = false;
}

void outline_end(struct outline *o)
{
    size_t at = MIN(o->scroll.cursor, o->count ? o->count - 1 : 0);
    if (o->count == 0 || !o->cursor_path || o->rows[at].path == o->cursor_path)
        return;
    for (size_t i = 0; i < o->count; i++) {
        if (o->rows[i].path == o->cursor_path) {
            o->scroll.cursor = i;
            return;
        }
    }
}

static struct outline_row *add(struct outline *o, enum outline_kind kind, const char *label)
{
    const char *own = text_clean_dup(&o->arena, label);
    struct outline_row *row = own ? insert(o, o->count, 1) : NULL;
    if (!row)
        return NULL;
    row->kind = (uint8_t)kind;
    row->label = own;
    row->label_length = strlen(own);
    row->path = hash(0, own, row->label_length);
    return row;
}

void outline_heading(struct outline *o, const char *text)
{
    if (o->count > 0)
        add(o, OUTLINE_BLANK, "");
    add(o, OUTLINE_HEADING, text);
}

void outline_fact(struct outline *o, int role, const char *label, const char *value)
{
    struct outline_row *row = value && *value ? add(o, OUTLINE_FACT, label) : NULL;
    if (!row)
        return;
    row->role = (uint8_t)role;
    row->text = arena_strdup(&o->arena, value);
    row->text_length = row->text ? strlen(row->text) : 0;
    measure(o, row);
}

void outline_printf(struct outline *o, int role, const char *label, const char *fmt, ...)
{
    char text[FACT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    outline_fact(o, role, label, text);
}

void outline_leads_to(struct outline *o, int64_t id, int depth)
{
    struct outline_row *row = o->count ? &o->rows[o->count - 1] : NULL;
    if (!row)
        return;
    row->id = id;
    row->depth = depth;
    row->path = hash(row->path, &id, sizeof(id));
    measure(o, row);
}

/* ---- documents ---- */

static bool is_turned(const struct outline *o, uint64_t path)
{
    for (size_t i = 0; i < o->turned_count; i++)
        if (o->turned[i] == path)
            return true;
    return false;
}

static void note_turned(struct outline *o, uint64_t path)
{
    for (size_t i = 0; i < o->turned_count; i++) {
        if (o->turned[i] == path) {
            o->turned[i] = o->turned[--o->turned_count];
            return;
        }
    }
    if (o->turned_count < OUTLINE_TURNED_MAX)
        o->turned[o->turned_count++] = path;
}

static void put_child(struct outline *o, struct outline_row *row, uint64_t path, int depth,
                      const struct json_step *step, size_t number)
{
    bool node = json_has_children(step->value, step->value_length);
    *row = (struct outline_row){ .kind = node ? OUTLINE_NODE : OUTLINE_VALUE,
                                 .role = ROLE_PLAIN,
                                 .label = step->key,
                                 .label_length = step->key_length,
                                 .number = number,
                                 .text = step->value,
                                 .text_length = step->value_length,
                                 .depth = depth };
    row->path =
        step->key ? hash(path, step->key, step->key_length) : hash(path, &number, sizeof(number));
    measure(o, row);
}

/*
 * A page of children, from `step` on, at `at`; behind them a line for the next one if there is more.
 * Returns how many lines that were.
 */
static size_t put_page(struct outline *o, size_t at, uint64_t path, int depth,
                       struct json_step *step, size_t number)
{
    size_t count = 0;
    struct outline_row *rows = insert(o, at, OUTLINE_PAGE + 1);
    if (!rows)
        return 0;
    for (; count < OUTLINE_PAGE && json_step_next(step); count++)
        put_child(o, &rows[count], path, depth, step, number + count);
    if (count == OUTLINE_PAGE && json_step_more(step))
        rows[count++] = (struct outline_row){ .kind = OUTLINE_MORE,
                                              .role = ROLE_KEY,
                                              .path = hash(path, "more", 4),
                                              .text = step->at,
                                              .text_length = (size_t)(step->end - step->at),
                                              .number = number + OUTLINE_PAGE,
                                              .is_array = step->is_array,
                                              .depth = depth };
    take_away(o, at + count, OUTLINE_PAGE + 1 - count);
    return count;
}

static size_t put_children(struct outline *o, size_t at)
{
    struct outline_row row = o->rows[at];
    struct json_step step;
    json_step_into(&step, row.text, row.text_length);
    size_t count = put_page(o, at + 1, row.path, row.depth + 1, &step, 0);
    o->rows[at].open = count > 0;
    return count;
}

static bool has_few_children(const char *text, size_t length)
{
    struct json_step step;
    int count = 0;
    json_step_into(&step, text, length);
    while (count <= SMALL_CHILDREN && json_step_next(&step))
        count++;
    return count <= SMALL_CHILDREN;
}

/* From `at` to the last row: small nodes unfold, and what was turned is so again. */
static void unfold_small(struct outline *o, size_t at, bool open)
{
    size_t first = at;
    for (; at < o->count; at++) {
        const struct outline_row *row = &o->rows[at];
        bool small = at == first
                         ? open
                         : open && row->text_length <= SMALL_BYTES && o->count - first < SMALL_ROWS;
        if (row->kind == OUTLINE_NODE && small != is_turned(o, row->path))
            put_children(o, at);
    }
}

void outline_json(struct outline *o, const struct outline_document *d)
{
    const char *text = d->text;
    size_t length = d->length, at = o->count;
    if (!text)
        return;
    json_trim(&text, &length);
    if (d->title && add(o, OUTLINE_BLANK, ""))
        at++;
    struct outline_row *row = add(o, OUTLINE_VALUE, d->label);
    if (!row)
        return;
    row->kind = json_has_children(text, length) ? OUTLINE_NODE : OUTLINE_VALUE;
    row->role = d->title ? ROLE_TITLE : ROLE_PLAIN;
    row->text = text;
    row->text_length = length;
    row->summary = d->summary ? arena_strdup(&o->arena, d->summary) : NULL;
    measure(o, row);
    unfold_small(o, at, d->open && has_few_children(text, length));
    if (d->whole_bytes > (int64_t)d->length && (row = add(o, OUTLINE_CUT, d->label)))
        row->number = (size_t)d->whole_bytes;
}

/* ---- folding ---- */

const struct outline_row *outline_cursor(const struct outline *o)
{
    return o->scroll.cursor < o->count ? &o->rows[o->scroll.cursor] : NULL;
}

/* Bytes of the next piece of a value: what `columns` hold. */
static size_t piece_length(const char *text, size_t length, int columns)
{
    size_t at = 0;
    int used = 0;
    while (at < length && at < PIECE_BYTES) {
        char one[8];
        int width = 1;
        uint32_t code;
        size_t n = text_decode(text + at, length - at, &code);
        if (n > 0 && text_clean(text + at, n, one, sizeof(one)) > 0)
            text_cluster(one, strlen(one), &width);
        if (used + width > columns && at > 0)
            break;
        used += width;
        at += n ? n : 1;
    }
    return at;
}

/* A page of pieces at `at`. */
static size_t put_pieces(struct outline *o, size_t at, const struct outline_row *of,
                         const char *text, size_t length)
{
    size_t count = 0;
    struct outline_row *rows = insert(o, at, OUTLINE_PAGE + 1);
    if (!rows)
        return 0;
    while (count < OUTLINE_PAGE && length > 0) {
        size_t n = piece_length(text, length, MAX(o->columns - 6, 8));
        rows[count++] = (struct outline_row){ .kind = OUTLINE_PIECE,
                                              .role = of->role,
                                              .path = hash(of->path, &count, sizeof(count)),
                                              .text = text,
                                              .text_length = n,
                                              .depth = of->depth + 1 };
        text += n;
        length -= n;
    }
    if (length > 0)
        rows[count++] = (struct outline_row){ .kind = OUTLINE_MORE,
                                              .role = ROLE_KEY,
                                              .text = text,
                                              .text_length = length,
                                              .depth = of->depth + 1 };
    take_away(o, at + count, OUTLINE_PAGE + 1 - count);
    return count;
}

/* The next page takes the place of its line. */
static bool put_more(struct outline *o, size_t at)
{
    struct outline_row more = o->rows[at];
    const struct outline_row parent = o->rows[parent_of(o, at)];
    struct json_step step = { .at = more.text,
                              .end = more.text + more.text_length,
                              .is_array = more.is_array };
    size_t count = parent.kind == OUTLINE_NODE
                       ? put_page(o, at + 1, parent.path, more.depth, &step, more.number)
                       : put_pieces(o, at + 1, &parent, more.text, more.text_length);
    if (count > 0)
        take_away(o, at, 1);
    return count > 0;
}

bool outline_unfold(struct outline *o)
{
    size_t at = o->scroll.cursor;
    o->no_room = false;
    if (at >= o->count || o->rows[at].open)
        return false;
    struct outline_row row = o->rows[at];
    switch (row.kind) {
    case OUTLINE_NODE:
        note_turned(o, row.path);
        return put_children(o, at) > 0;
    case OUTLINE_MORE:
        return put_more(o, at);
    case OUTLINE_FACT:
    case OUTLINE_VALUE:
        if (piece_length(row.text, row.text_length, MAX(o->columns - o->values - 1, 1)) ==
            row.text_length)
            return false; /* it is whole where it is */
        o->rows[at].open = put_pieces(o, at + 1, &row, row.text, row.text_length) > 0;
        return o->rows[at].open;
    default:
        return false;
    }
}

bool outline_fold(struct outline *o)
{
    size_t at = o->scroll.cursor;
    if (at >= o->count)
        return false;
    if (!o->rows[at].open) {
        size_t parent = parent_of(o, at);
        o->scroll.cursor = parent;
        return parent != at;
    }
    if (o->rows[at].kind == OUTLINE_NODE)
        note_turned(o, o->rows[at].path);
    o->rows[at].open = false;
    take_away(o, at + 1, end_of(o, at) - at - 1);
    return true;
}

bool outline_turn(struct outline *o)
{
    const struct outline_row *row = outline_cursor(o);
    return row && (row->open ? outline_fold(o) : outline_unfold(o));
}

/* ---- finding ---- */

bool outline_to_heading(struct outline *o, const char *text)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->rows[i].kind == OUTLINE_HEADING && !strcmp(o->rows[i].label, text)) {
            o->scroll.cursor = i;
            return true;
        }
    }
    return false;
}

bool outline_to_id(struct outline *o, int64_t id)
{
    for (size_t i = 0; id && i < o->count; i++) {
        if (o->rows[i].id == id) {
            o->scroll.cursor = i;
            return true;
        }
    }
    return false;
}

void outline_put_path(const struct outline *o, struct buf *buf)
{
    size_t steps[16], count = 0, at = o->scroll.cursor;
    if (at >= o->count || o->rows[at].kind == OUTLINE_FACT)
        return;
    for (;;) {
        steps[count++] = at;
        size_t parent = parent_of(o, at);
        if (parent == at || count == ARRAY_SIZE(steps))
            break;
        at = parent;
    }
    if (count == ARRAY_SIZE(steps))
        buf_text(buf, "...");
    for (size_t i = count; i-- > 0;) {
        const struct outline_row *row = &o->rows[steps[i]];
        if (row->kind != OUTLINE_VALUE && row->kind != OUTLINE_NODE)
            continue;
        if (row->label)
            buf_printf(buf, "%s%.*s", buf->length ? "." : "",
                       (int)MIN(row->label_length, (size_t)LABEL_MAX), row->label);
        else
            buf_printf(buf, ".%zu", row->number);
    }
}
