/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/markdown.h"
#include "base/shell.h"
#include "base/text.h"
#include "registry/comparison.h"
#include "registry/leaves.h"

enum { SENTENCE_MAX = 4000, CELL_MAX = 4096, REF_MAX = 8192 };

/* ---- a cell ---- */

static void put_plain(double number, char to[COMPARISON_TEXT_ROOM])
{
    bool digits = fabs(number) >= 1e4 && fabs(number) < 1e7;
    snprintf(to, COMPARISON_TEXT_ROOM, digits ? "%.0f" : "%.4g", number);
}

void comparison_value(const struct comparison_row *row, const struct comparison_cell *cell,
                      char to[COMPARISON_TEXT_ROOM])
{
    snprintf(to, COMPARISON_TEXT_ROOM, "-");
    if (row->kind == COMPARISON_INTERVAL) {
        if (!isnan(cell->low))
            snprintf(to, COMPARISON_TEXT_ROOM, "[%+.2f,%+.2f]", 100 * cell->low, 100 * cell->high);
    } else if (row->kind == COMPARISON_FLIPS) {
        if (!isnan(cell->broken))
            snprintf(to, COMPARISON_TEXT_ROOM, "%.0f/%.0f", cell->broken, cell->fixed);
    } else if (isnan(cell->number)) {
        return;
    } else if (row->unit == COMPARISON_BYTES && cell->number >= 0 && cell->number < 9e18) {
        text_size((int64_t)cell->number, to, COMPARISON_TEXT_ROOM);
    } else if (row->unit == COMPARISON_SHARE && fabs(cell->number) < 10) {
        snprintf(to, COMPARISON_TEXT_ROOM, "%.4f", cell->number);
    } else {
        put_plain(cell->number, to);
    }
}

static void put_points(double points, bool narrow, char to[COMPARISON_TEXT_ROOM])
{
    const char *unit = narrow ? "" : " pp";
    int decimals = fabs(points) < 9.995 ? 2 : fabs(points) < 99.95 ? 1 : 0;
    snprintf(to, COMPARISON_TEXT_ROOM, fabs(points) < 1e6 ? "%+.*f%s" : "%+.*g%s", decimals, points,
             unit);
}

static void put_per_cent(double from, double change, bool narrow, char to[COMPARISON_TEXT_ROOM])
{
    const char *unit = narrow ? "%" : " %";
    double per_cent = 100 * change / fabs(from);
    if (per_cent > 999.5 && from > 0)
        snprintf(to, COMPARISON_TEXT_ROOM, per_cent < 1e6 ? "x%.0f" : "x%.1g", 1 + change / from);
    else if (fabs(per_cent) <= 1e6)
        snprintf(to, COMPARISON_TEXT_ROOM,
                 fabs(per_cent) < (narrow ? 0.95 : 9.95) ? "%+.1f%s" : "%+.0f%s", per_cent, unit);
}

void comparison_change(const struct comparison_row *row, const struct comparison_cell *cell,
                       bool narrow, char to[COMPARISON_TEXT_ROOM])
{
    to[0] = '\0';
    if (cell->verdict == COMPARISON_UNLIKE)
        snprintf(to, COMPARISON_TEXT_ROOM, "~");
    else if (cell->verdict == COMPARISON_SAME)
        snprintf(to, COMPARISON_TEXT_ROOM, "=");
    else if (cell->verdict == COMPARISON_NONE)
        return;
    else if (row->unit == COMPARISON_SHARE)
        put_points(100 * (cell->to - cell->from), narrow, to);
    else if (cell->from != 0) /* of nothing there is no per cent: then the word stands alone */
        put_per_cent(cell->from, cell->to - cell->from, narrow, to);
}

void comparison_from(const struct comparison *c, const struct comparison_row *row,
                     const struct comparison_cell *cell, char to[COMPARISON_TEXT_ROOM])
{
    struct comparison_cell base = { .number = cell->from };
    char value[COMPARISON_TEXT_ROOM];
    to[0] = '\0';
    if (row->kind != COMPARISON_NUMBER || isnan(cell->from) ||
        cell->from == row->cells[c->baseline].number)
        return;
    comparison_value(row, &base, value);
    snprintf(to, COMPARISON_TEXT_ROOM, "from %.50s", value);
}

const char *comparison_verdict_word(const struct comparison_cell *cell)
{
    if (cell->best)
        return "best";
    switch (cell->verdict) {
    case COMPARISON_BETTER:
        return "better";
    case COMPARISON_WORSE:
        return "worse";
    case COMPARISON_OPEN:
        return "open";
    default:
        return "";
    }
}

/* ---- the test ---- */

/* "host gpu-box-1, threads 4" */
static void put_conditions(const struct leaves *leaves, struct buf *buf)
{
    for (size_t i = 0; i < leaves->count; i++) {
        buf_text(buf, i ? ", " : "");
        for (const char *p = leaves->list[i].path; *p; p++)
            buf_char(buf, *p == '_' ? ' ' : *p);
        buf_printf(buf, " %.80s", leaves->list[i].text);
    }
}

/* The keys in which two of them differ; false when there are none. */
static bool put_unequal(const struct leaves *a, const struct leaves *b, struct buf *buf)
{
    bool any = false;
    for (int pass = 0; pass < 2; pass++) {
        const struct leaves *of = pass ? b : a, *other = pass ? a : b;
        for (size_t i = 0; i < of->count; i++) {
            const struct leaf *leaf = leaves_find(other, of->list[i].path);
            if (leaf && (pass || !strcmp(leaf->text, of->list[i].text)))
                continue;
            buf_printf(buf, "%s%s", any ? ", " : "", of->list[i].path);
            any = true;
        }
    }
    return any;
}

static bool read_two(const struct comparison *c, const char *first, const char *second,
                     struct leaves ret[2])
{
    return leaves_read(first, c->arena, &ret[0]) && leaves_read(second, c->arena, &ret[1]);
}

/* Why the numbers of a side do not stand beside the baseline's: both are measured. */
static bool put_unlike(const struct comparison *c, size_t i, struct buf *buf)
{
    struct leaves both[2];
    buf_printf(buf, "%c ", (char)('A' + i));
    if (!read_two(c, c->sides[c->baseline].conditions, c->sides[i].conditions, both))
        return false;
    if (!put_unequal(&both[0], &both[1], buf))
        buf_text(buf, "on other data");
    else
        buf_text(buf, " differ");
    return true;
}

/* "C, D not measured; B host differ" */
static bool put_all_unlike(const struct comparison *c, struct buf *buf)
{
    size_t put = 0;
    bool ok = true;
    for (size_t i = 0; i < c->count; i++)
        if (!c->sides[i].conditions)
            buf_printf(buf, "%s%c", put++ ? ", " : "", (char)('A' + i));
    if (put)
        buf_text(buf, " not measured");
    for (size_t i = 0; ok && i < c->count; i++) {
        if (comparison_is_alike(c, i) || !c->sides[i].conditions)
            continue;
        buf_text(buf, put++ ? "; " : "");
        ok = put_unlike(c, i, buf);
    }
    return ok;
}

static bool put_same(const struct comparison *c, struct buf *buf)
{
    size_t any = c->baseline ? 0 : 1, apart = 0;
    struct leaves conditions;
    if (!leaves_read(c->sides[any].alike.conditions, c->arena, &conditions))
        return false;
    if (c->count == 2)
        buf_text(buf, "same test for both");
    else
        buf_printf(buf, "same test for all %zu", c->count);
    if (conditions.count > 0)
        buf_text(buf, ": ");
    put_conditions(&conditions, buf);
    if (c->sides[any].alike.digest)
        buf_printf(buf, ", data %.8s", c->sides[any].alike.digest);
    for (size_t i = 0; i < c->count; i++)
        if (!comparison_is_together(c, i))
            buf_printf(buf, "%s%c",
                       apart++ ? ", " : "; times apart from the baseline's: ", (char)('A' + i));
    return true;
}

/* Each pair under conditions of its own. */
static bool put_pairs(const struct comparison *c, struct buf *buf)
{
    size_t first = c->baseline ? 0 : 1;
    struct leaves both[2];
    buf_printf(buf, "each measured as %c was, but not all alike", (char)('A' + c->baseline));
    for (size_t i = first + 1; i < c->count; i++) {
        if (i == c->baseline)
            continue;
        buf_printf(buf, "; %c to %c: ", (char)('A' + first), (char)('A' + i));
        if (!read_two(c, c->sides[first].alike.conditions, c->sides[i].alike.conditions, both))
            return false;
        if (!put_unequal(&both[0], &both[1], buf))
            buf_text(buf, "no condition differs");
    }
    return true;
}

/* Beside sides that are not: those that are measured as the baseline was, and how. */
static bool put_like(const struct comparison *c, struct buf *buf)
{
    const struct alike *any = NULL;
    struct leaves conditions;
    for (size_t i = 0; i < c->count; i++) {
        if (i == c->baseline || !comparison_is_alike(c, i))
            continue;
        buf_printf(buf, "%s%c", any ? ", " : "; ", (char)('A' + i));
        any = any ? any : &c->sides[i].alike;
    }
    if (!any)
        return true;
    if (!leaves_read(any->conditions, c->arena, &conditions))
        return false;
    buf_printf(buf, " as %c%s", (char)('A' + c->baseline), conditions.count > 0 ? ": " : "");
    put_conditions(&conditions, buf);
    return true;
}

static bool put_test(const struct comparison *c, struct buf *buf)
{
    size_t unlike = 0;
    for (size_t i = 0; i < c->count; i++)
        unlike += !comparison_is_alike(c, i);
    if (unlike == 0)
        return c->same_test ? put_same(c, buf) : put_pairs(c, buf);
    if (!c->sides[c->baseline].conditions) {
        buf_printf(buf, "~ %c is not measured: nothing to compare numbers with",
                   (char)('A' + c->baseline));
        return true;
    }
    buf_printf(buf, "~ not measured as %c: ", (char)('A' + c->baseline));
    return put_all_unlike(c, buf) && put_like(c, buf);
}

const char *comparison_test_words(const struct comparison *c)
{
    struct buf buf;
    buf_init(&buf, SENTENCE_MAX);
    bool ok = put_test(c, &buf);
    const char *words = ok ? text_clean_dup(c->arena, buf_string(&buf)) : NULL;
    buf_done(&buf);
    return words;
}

/* ---- the command, and Markdown ---- */

static void put_ref(const struct version *version, struct buf *buf)
{
    struct buf ref;
    buf_init(&ref, REF_MAX);
    buf_printf(&ref, "%s:%s", version->name, version->version);
    buf_char(buf, ' ');
    shell_quote(buf, buf_string(&ref));
    buf_done(&ref);
}

void comparison_put_command(const struct comparison *c, struct buf *buf)
{
    buf_text(buf, "pare compare");
    put_ref(&c->sides[c->baseline].version, buf);
    for (size_t i = 0; i < c->count; i++)
        if (i != c->baseline)
            put_ref(&c->sides[i].version, buf);
}

static void put_cell(const struct comparison *c, const struct comparison_row *row,
                     const struct comparison_cell *cell, struct buf *buf)
{
    char value[COMPARISON_TEXT_ROOM], change[COMPARISON_TEXT_ROOM], from[COMPARISON_TEXT_ROOM];
    const char *word = comparison_verdict_word(cell);
    struct buf text;
    buf_init(&text, CELL_MAX);
    comparison_value(row, cell, value);
    comparison_change(row, cell, false, change);
    buf_text(&text, row->kind != COMPARISON_WORD ? value : cell->word ? cell->word : "-");
    comparison_from(c, row, cell, from);
    if (*change || *word)
        buf_printf(&text, " (%s%s%s%s%s)", change, *from ? " " : "", from,
                   *change && *word ? " " : "", word);
    markdown_cell(buf, buf_string(&text));
    buf_done(&text);
}

static void put_heading(const struct comparison *c, struct buf *buf)
{
    struct buf text;
    buf_text(buf, "|  |");
    for (size_t i = 0; i < c->count; i++) {
        const struct version *version = &c->sides[i].version;
        buf_init(&text, REF_MAX);
        buf_printf(&text, "%c%s %s:%s", (char)('A' + i), version->is_default ? " *" : "",
                   version->name, version->version);
        markdown_cell(buf, buf_string(&text));
        buf_done(&text);
    }
    buf_text(buf, "\n| --- |");
    for (size_t i = 0; i < c->count; i++)
        buf_text(buf, " ---: |");
    buf_char(buf, '\n');
}

void comparison_put_markdown(const struct comparison *c, bool all, struct buf *buf)
{
    struct buf command;
    put_heading(c, buf);
    for (size_t i = 0; i < c->row_count; i++) {
        const struct comparison_row *row = &c->rows[i];
        bool plain = row->kind == COMPARISON_NUMBER || row->kind == COMPARISON_WORD;
        if (!all && !row->differs)
            continue;
        buf_char(buf, '|');
        markdown_cell(buf, plain ? row->label : row->key);
        for (size_t side = 0; side < c->count; side++)
            put_cell(c, row, &row->cells[side], buf);
        buf_char(buf, '\n');
    }
    buf_printf(buf, "\nChanges are against %c", (char)('A' + c->baseline));
    buf_text(buf,
             "; * is the default, ~ not measured alike, open: the interval holds no change.  \n");
    markdown_text(buf, c->test);
    buf_text(buf, "  \n");
    buf_init(&command, SENTENCE_MAX);
    comparison_put_command(c, &command);
    buf_printf(&command, "%s --format md", all ? "" : " --differences");
    markdown_code(buf, buf_string(&command));
    buf_char(buf, '\n');
    buf_done(&command);
}
