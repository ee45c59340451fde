/* SPDX-License-Identifier: MIT */
#include "cli/sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/markdown.h"
#include "base/text.h"

struct sheet_row {
    struct sheet_row *next;
    struct sheet_cell cells[];
};

void sheet_init(struct sheet *sheet, struct arena *arena, const struct sheet_column *columns,
                size_t column_count)
{
    *sheet = (struct sheet){ .arena = arena, .columns = columns, .column_count = column_count };
}

struct sheet_cell *sheet_row(struct sheet *sheet)
{
    static struct sheet_cell spare[SHEET_COLUMNS_MAX];
    struct sheet_row *row =
        arena_alloc(sheet->arena, sizeof(*row) + sheet->column_count * sizeof(row->cells[0]));
    if (!row) {
        sheet->no_memory = true;
        return spare;
    }
    if (sheet->last)
        sheet->last->next = row;
    else
        sheet->first = row;
    sheet->last = row;
    sheet->row_count++;
    return row->cells;
}

struct sheet_cell sheet_text(const char *text)
{
    return (struct sheet_cell){ .value = text };
}

struct sheet_cell sheet_integer(struct sheet *sheet, int64_t value)
{
    return sheet_text(arena_printf(sheet->arena, "%lld", (long long)value));
}

struct sheet_cell sheet_bool(bool value, const char *shown_true)
{
    return (struct sheet_cell){ .value = value ? "true" : "false",
                                .shown = value ? shown_true : "" };
}

struct sheet_cell sheet_number(struct sheet *sheet, double value, const char *shown)
{
    char digits[32];
    if (isnan(value))
        return (struct sheet_cell){ 0 };
    text_number(value, digits, sizeof(digits));
    return (struct sheet_cell){ .value = arena_strdup(sheet->arena, digits), .shown = shown };
}

struct sheet_cell sheet_json(struct sheet *sheet, const char *json)
{
    if (!json || text_is_clean(json, strlen(json)))
        return sheet_text(json);
    struct buf buf;
    buf_init(&buf, SIZE_MAX / 2);
    json_put_document(&buf, json);
    struct sheet_cell cell = sheet_text(arena_strdup(sheet->arena, buf_string(&buf)));
    buf_done(&buf);
    return cell;
}

const char *sheet_size(struct sheet *sheet, double bytes)
{
    char size[32];
    if (isnan(bytes))
        return NULL;
    text_size((int64_t)bytes, size, sizeof(size));
    return arena_strdup(sheet->arena, size);
}

const char *sheet_latency(struct sheet *sheet, double ms)
{
    int decimals = fabs(ms) < 9.995 ? 2 : fabs(ms) < 99.95 ? 1 : 0;
    if (isnan(ms))
        return NULL;
    return fabs(ms) < 1e9 ? arena_printf(sheet->arena, "%.*f ms", decimals, ms)
                          : arena_printf(sheet->arena, "%.3g ms", ms);
}

const char *sheet_accuracy(struct sheet *sheet, double share)
{
    if (isnan(share))
        return NULL;
    return fabs(share) < 1e6 ? arena_printf(sheet->arena, "%.4f", share)
                             : arena_printf(sheet->arena, "%.4g", share);
}

const char *sheet_when(struct sheet *sheet, const char *iso)
{
    return iso && strlen(iso) >= 16 ? arena_printf(sheet->arena, "%.10s %.5s", iso, iso + 11) : iso;
}

struct sheet_cell sheet_time(struct sheet *sheet, const char *iso)
{
    return (struct sheet_cell){ .value = iso, .shown = sheet_when(sheet, iso) };
}

/* ---- printing ---- */

static const char *shown(const struct sheet_cell *cell, const char *absent)
{
    return cell->shown ? cell->shown : cell->value ? cell->value : absent;
}

static void put_padded(struct buf *out, const char *text, int width, bool right, bool last)
{
    int blanks = width - text_width(text);
    if (right)
        buf_printf(out, "%*s", MAX(blanks, 0), "");
    buf_text(out, text);
    if (!right && !last)
        buf_printf(out, "%*s", MAX(blanks, 0), "");
    if (!last)
        buf_text(out, "  ");
}

static size_t last_shown(const struct sheet *sheet)
{
    size_t last = 0;
    for (size_t i = 0; i < sheet->column_count; i++)
        if (sheet->columns[i].title)
            last = i;
    return last;
}

static bool is_right(const struct sheet_column *column)
{
    return column->kind == SHEET_NUMBER;
}

static void put_table(const struct sheet *sheet, struct buf *out)
{
    int widths[SHEET_COLUMNS_MAX];
    size_t last = last_shown(sheet);
    for (size_t i = 0; i < sheet->column_count; i++)
        widths[i] = sheet->columns[i].title ? text_width(sheet->columns[i].title) : 0;
    for (const struct sheet_row *row = sheet->first; row; row = row->next)
        for (size_t i = 0; i < sheet->column_count; i++)
            if (sheet->columns[i].title)
                widths[i] = MAX(widths[i], text_width(shown(&row->cells[i], "-")));
    for (size_t i = 0; i < sheet->column_count; i++)
        if (sheet->columns[i].title)
            put_padded(out, sheet->columns[i].title, widths[i], is_right(&sheet->columns[i]),
                       i == last);
    buf_char(out, '\n');
    for (const struct sheet_row *row = sheet->first; row; row = row->next) {
        for (size_t i = 0; i < sheet->column_count; i++)
            if (sheet->columns[i].title)
                put_padded(out, shown(&row->cells[i], "-"), widths[i], is_right(&sheet->columns[i]),
                           i == last);
        buf_char(out, '\n');
    }
}

static void put_md(const struct sheet *sheet, struct buf *out)
{
    buf_char(out, '|');
    for (size_t i = 0; i < sheet->column_count; i++)
        if (sheet->columns[i].title)
            markdown_cell(out, sheet->columns[i].title);
    buf_text(out, "\n|");
    for (size_t i = 0; i < sheet->column_count; i++)
        if (sheet->columns[i].title)
            buf_text(out, is_right(&sheet->columns[i]) ? " ---: |" : " --- |");
    buf_char(out, '\n');
    for (const struct sheet_row *row = sheet->first; row; row = row->next) {
        buf_char(out, '|');
        for (size_t i = 0; i < sheet->column_count; i++)
            if (sheet->columns[i].title)
                markdown_cell(out, shown(&row->cells[i], "-"));
        buf_char(out, '\n');
    }
}

static void put_json_cell(const struct sheet_column *column, const struct sheet_cell *cell,
                          struct buf *out)
{
    json_put_string(out, column->key);
    buf_text(out, ": ");
    if (!cell->value)
        buf_text(out, "null");
    else if (column->kind == SHEET_TEXT || cell->is_word)
        json_put_string(out, cell->value);
    else
        buf_text(out, cell->value);
}

static void put_json(const struct sheet *sheet, struct buf *out)
{
    buf_char(out, '[');
    for (const struct sheet_row *row = sheet->first; row; row = row->next) {
        buf_text(out, row == sheet->first ? "\n  {" : ",\n  {");
        for (size_t i = 0; i < sheet->column_count; i++) {
            if (i)
                buf_text(out, ", ");
            put_json_cell(&sheet->columns[i], &row->cells[i], out);
        }
        buf_char(out, '}');
    }
    buf_text(out, sheet->first ? "\n]\n" : "]\n");
}

/* RFC 4180; and for tsv, where quotes mean nothing, backslash escapes. */
static void put_separated(const char *text, bool tsv, struct buf *out)
{
    bool quote = !tsv && strpbrk(text, ",\"\r\n");
    if (quote)
        buf_char(out, '"');
    const char *special = tsv ? "\t\n\\\r" : "\"";
    for (const char *p = text;; p++) {
        size_t plain = strcspn(p, special);
        buf_add(out, p, plain);
        p += plain;
        if (!*p)
            break;
        if (tsv)
            buf_printf(out, "\\%c", *p == '\t' ? 't' : *p == '\n' ? 'n' : *p == '\r' ? 'r' : '\\');
        else
            buf_text(out, "\"\"");
    }
    if (quote)
        buf_char(out, '"');
}

static void put_rows(const struct sheet *sheet, bool tsv, struct buf *out)
{
    char separator = tsv ? '\t' : ',';
    for (size_t i = 0; i < sheet->column_count; i++) {
        if (i)
            buf_char(out, separator);
        put_separated(sheet->columns[i].key, tsv, out);
    }
    buf_char(out, '\n');
    for (const struct sheet_row *row = sheet->first; row; row = row->next) {
        for (size_t i = 0; i < sheet->column_count; i++) {
            if (i)
                buf_char(out, separator);
            if (row->cells[i].value)
                put_separated(row->cells[i].value, tsv, out);
        }
        buf_char(out, '\n');
    }
}

bool sheet_print(const struct sheet *sheet, enum cli_format format, struct pare_error *err)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    if (sheet->no_memory)
        return error_no_memory(err, sheet->arena->used_bytes);
    if (format == CLI_TABLE)
        put_table(sheet, &out);
    else if (format == CLI_MD)
        put_md(sheet, &out);
    else if (format == CLI_JSON)
        put_json(sheet, &out);
    else
        put_rows(sheet, format == CLI_TSV, &out);
    bool ok = buf_ok(&out, err);
    if (ok && fwrite(out.data, 1, out.length, stdout) != out.length)
        ok = error_errno(err, "cannot write the output");
    buf_done(&out);
    return ok;
}
